"""Expressions of a layer's code, followed on the trial batches."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from chainrule.explain.errors import CannotExplainError
from chainrule.explain.unrolling import arithmetic
from chainrule.explain.unrolling.following import Arguments, Following
from chainrule.explain.unrolling.source import loads_of, names_around, tree_of
from chainrule.explain.unrolling.spelling import code_of
from chainrule.explain.unrolling.symbols import (
    Stand,
    Symbol,
    computed,
    has_symbols,
    in_trial,
    of_shapes,
)
from chainrule.layers.base import Layer

OF_SHAPES = ("ndim", "size", "nbytes", "itemsize")


class Expressions(ast.NodeVisitor):
    """One call of a function: its names, and what its expressions are worth."""

    def __init__(
        self, session: Following, function: Callable[..., Any], arguments: Mapping[str, Any]
    ) -> None:
        self.session = session
        self.function = function
        self.tree = tree_of(function)
        self.names: dict[str, Any] = {}
        self.around = names_around(function)
        for name, value in arguments.items():
            self.names[name] = self._bind(name, value)

    def _bind(self, name: str, value: Any) -> Any:
        """An argument; one that is read twice must not be computed twice."""
        is_written_out = isinstance(value, Symbol) and not value.is_atomic
        if is_written_out and loads_of(self.tree, name) > 1:
            return self.session.assign(name, value)
        return value

    def cannot(self, node: ast.AST, why: str) -> CannotExplainError:
        """The error for a piece of code that does not become a line."""
        line = getattr(node, "lineno", None)
        place = f"line {line} of {self.tree.name}" if line else self.tree.name
        return CannotExplainError(f"{place}, `{_short(node)}`, {why}", self.session.place)

    def generic_visit(self, node: ast.AST) -> Any:
        raise self.cannot(node, f"is a {type(node).__name__}, which has no straight-line form")

    # --- names and constants ----------------------------------------------------------------

    def visit_Constant(self, node: ast.Constant) -> Any:
        return node.value

    def visit_Name(self, node: ast.Name) -> Any:
        if node.id in self.names:
            return self.names[node.id]
        if node.id in self.around:
            return self.around[node.id]
        raise self.cannot(node, "names something that is not there yet")

    def visit_Attribute(self, node: ast.Attribute) -> Any:
        return self.attribute(self.visit(node.value), node.attr)

    def attribute(self, owner: Any, name: str) -> Any:
        """``owner.name``."""
        if isinstance(owner, Stand):
            return owner.attribute(name)
        if isinstance(owner, Layer):
            return self.session.attribute(owner, name)
        if not isinstance(owner, Symbol):
            return getattr(owner, name)
        values = [getattr(trial, name) for trial in owner.trials]
        code = ast.Attribute(owner.code, name, ast.Load())
        if name == "shape":
            return arithmetic.sizes(owner)
        if name in OF_SHAPES:
            return of_shapes(code, tuple(values))
        if name == "dtype":
            return Symbol(code, tuple(values), from_shapes=True)
        return computed(code, lambda value: getattr(value, name), owner)

    # --- arithmetic -------------------------------------------------------------------------

    def visit_BinOp(self, node: ast.BinOp) -> Any:
        return arithmetic.binary(node.op, self.visit(node.left), self.visit(node.right))

    def visit_UnaryOp(self, node: ast.UnaryOp) -> Any:
        return arithmetic.unary(node.op, self.visit(node.operand))

    def visit_Compare(self, node: ast.Compare) -> Any:
        values = [self.visit(value) for value in (node.left, *node.comparators)]
        pairs = zip(values, node.ops, values[1:], strict=False)
        results = [arithmetic.compare(op, left, right) for left, op, right in pairs]
        return results[0] if len(results) == 1 else self._all(node, ast.And(), results)

    def visit_BoolOp(self, node: ast.BoolOp) -> Any:
        is_and = isinstance(node.op, ast.And)
        values = []
        for operand in node.values:
            value = self.visit(operand)
            values.append(value)
            if not has_symbols(value) and bool(value) is not is_and:
                break  # what comes after is not looked at
        open_ones = [value for value in values if has_symbols(value)]
        return self._all(node, node.op, open_ones) if open_ones else values[-1]

    def _all(self, node: ast.AST, op: ast.boolop, values: list[Any]) -> Any:
        if len(values) == 1:
            return values[0]
        code = ast.BoolOp(op, [code_of(value) for value in values])
        return computed(code, lambda *given: all(map(np.all, given)), *values)

    def visit_IfExp(self, node: ast.IfExp) -> Any:
        return self.visit(node.body if self.decide(node.test) else node.orelse)

    def decide(self, test: ast.expr) -> bool:
        """True if a condition holds, which must not depend on the numbers."""
        value = self.visit(test)
        if has_symbols(value):
            on = "the size of the batch" if _is_of_shapes(value) else "the numbers it is given"
            raise self.cannot(test, f"decides by {on}: a program of straight lines goes one way")
        return bool(value)

    # --- parts ------------------------------------------------------------------------------

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        return arithmetic.item(self.visit(node.value), self.visit(node.slice))

    def visit_Slice(self, node: ast.Slice) -> slice:
        ends = (node.lower, node.upper, node.step)
        return slice(*(None if end is None else self.visit(end) for end in ends))

    def visit_Tuple(self, node: ast.Tuple) -> tuple[Any, ...]:
        return tuple(self.items(node.elts))

    def visit_List(self, node: ast.List) -> list[Any]:
        return self.items(node.elts)

    def visit_Dict(self, node: ast.Dict) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key, value in zip(node.keys, node.values, strict=True):
            made |= self.visit(value) if key is None else {self.visit(key): self.visit(value)}
        return made

    def visit_JoinedStr(self, node: ast.JoinedStr) -> str:
        parts = [p.value if isinstance(p, ast.FormattedValue) else p for p in node.values]
        return "".join(str(in_trial(self.visit(part), 0)) for part in parts)

    def items(self, nodes: Iterable[ast.expr]) -> list[Any]:
        """The values of some expressions, those after a star taken apart."""
        values = []
        for node in nodes:
            if isinstance(node, ast.Starred):
                values += self.iterate(self.visit(node.value), node)
            else:
                values.append(self.visit(node))
        return values

    def iterate(self, value: Any, node: ast.AST) -> list[Any]:
        """The items that a loop goes through, which must be known one by one."""
        if not isinstance(value, Symbol):
            return list(value)
        if not isinstance(value.trials[0], (tuple, list)):
            raise self.cannot(node, "goes through an array number by number, or row by row")
        count = len(value.trials[0])
        return [arithmetic.item(value, position) for position in range(count)]

    def visit_ListComp(self, node: ast.ListComp) -> list[Any]:
        return self._comprehend(node, node.generators)

    def visit_GeneratorExp(self, node: ast.GeneratorExp) -> list[Any]:
        return self._comprehend(node, node.generators)

    def _comprehend(
        self, node: ast.ListComp | ast.GeneratorExp, generators: list[ast.comprehension]
    ) -> list[Any]:
        if not generators:
            return [self.visit(node.elt)]
        first, *others = generators
        values = []
        kept = dict(self.names)
        for item in self.iterate(self.visit(first.iter), first.iter):
            self.unpack(first.target, item)
            if all(self.decide(test) for test in first.ifs):
                values += self._comprehend(node, others)
        self.names = kept
        return values

    def unpack(self, target: ast.expr, value: Any) -> None:
        """Give names to a value, or to its parts."""
        if isinstance(target, ast.Name):
            self.names[target.id] = value
        elif isinstance(target, (ast.Tuple, ast.List)):
            for part, item in self.parts(target, value):
                self.unpack(part, item)
        else:
            raise self.cannot(target, "is no name to give")

    def parts(self, target: ast.Tuple | ast.List, value: Any) -> list[tuple[ast.expr, Any]]:
        """Each target with its part of the value, a starred one with the list of the rest."""
        items = self.iterate(value, target)
        stars = [i for i, part in enumerate(target.elts) if isinstance(part, ast.Starred)]
        if stars:
            before, after = stars[0], len(items) - (len(target.elts) - stars[0] - 1)
            items = [*items[:before], items[before:after], *items[after:]]
        names = [part.value if isinstance(part, ast.Starred) else part for part in target.elts]
        return list(zip(names, items, strict=True))

    # --- calls ------------------------------------------------------------------------------

    def visit_Call(self, node: ast.Call) -> Any:
        if isinstance(node.func, ast.Name) and node.func.id == "super" and not node.args:
            return super(self.around["__class__"], next(iter(self.names.values())))
        owner = self.visit(node.func.value) if isinstance(node.func, ast.Attribute) else None
        given = self._arguments(node)
        try:
            if not isinstance(node.func, ast.Attribute):
                return self.session.call(self.visit(node.func), given)
            if isinstance(owner, Symbol):
                return self.session.call_method(owner, node.func.attr, given)
            return self.session.call(self.attribute(owner, node.func.attr), given)
        except CannotExplainError as error:
            if error.place:
                raise
            raise self.cannot(node, f"cannot be written out: {error}") from None

    def _arguments(self, node: ast.Call) -> Arguments:
        named: dict[str, Any] = {}
        for keyword in node.keywords:
            value = self.visit(keyword.value)
            named |= value if keyword.arg is None else {keyword.arg: value}
        return Arguments(self.items(node.args), named)


def _short(node: ast.AST) -> str:
    text = ast.unparse(node).split("\n")[0]
    return text if len(text) <= 70 else f"{text[:67]}…"


def _is_of_shapes(value: Any) -> bool:
    return isinstance(value, Symbol) and value.from_shapes
