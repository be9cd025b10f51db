"""Statements of a layer's code: conditions are decided, loops over layers and groups unrolled,
and what is left is written as lines of the program."""

from __future__ import annotations

import ast
import operator
from typing import Any

import numpy as np

from chainrule.explain.errors import CannotExplainError
from chainrule.explain.unrolling import arithmetic
from chainrule.explain.unrolling.expressions import Expressions
from chainrule.explain.unrolling.held import Held
from chainrule.explain.unrolling.spelling import code_of
from chainrule.explain.unrolling.symbols import (
    TRIALS,
    Stand,
    Symbol,
    has_symbols,
    in_trial,
    shape_text,
    symbols_in,
)
from chainrule.explain.unrolling.writer import as_target
from chainrule.layers.base import Layer

LONGEST_UNROLLED = 64  # turns of a loop whose lines are written out one by one


class Returned(Exception):  # noqa: N818
    """Ends the function that is being followed."""

    def __init__(self, value: Any) -> None:
        self.value = value


class Statements(Expressions):
    """Follows the body of a function and writes its lines."""

    def result(self) -> Any:
        """What the function returns."""
        try:
            self.run(self.tree.body)
        except Returned as returned:
            return returned.value
        return None

    def run(self, statements: list[ast.stmt]) -> None:
        for statement in statements:
            self.visit(statement)

    def visit_Return(self, node: ast.Return) -> None:
        raise Returned(None if node.value is None else self.visit(node.value))

    def visit_Pass(self, node: ast.Pass) -> None:
        """Nothing to write."""

    def visit_Delete(self, node: ast.Delete) -> None:
        """A name that is given up, which changes nothing."""

    def visit_Assert(self, node: ast.Assert) -> None:
        """A check of the input, left out."""

    def visit_Import(self, node: ast.Import) -> None:
        for alias in node.names:
            module = __import__(alias.name)
            self.names[alias.asname or alias.name.split(".")[0]] = module

    def visit_ImportFrom(self, node: ast.ImportFrom) -> None:
        module = __import__(str(node.module), fromlist=[alias.name for alias in node.names])
        for alias in node.names:
            self.names[alias.asname or alias.name] = getattr(module, alias.name)

    def visit_Raise(self, node: ast.Raise) -> None:
        given = None if node.exc is None else self.visit(node.exc)
        raise CannotExplainError(str(given), self.session.place)

    def visit_Expr(self, node: ast.Expr) -> None:
        if isinstance(node.value, ast.Constant) or _prints(node.value):
            return
        value = self.visit(node.value)
        if isinstance(value, Symbol) and isinstance(value.code, ast.Call):
            changed = [symbol for symbol in self._arguments_of(node.value) if symbol.is_array]
            self.session.writer.run(value, shape_text(changed[0].trials) if changed else "")

    def _arguments_of(self, call: ast.expr) -> list[Symbol]:
        if not isinstance(call, ast.Call):
            return []
        out = [word.value for word in call.keywords if word.arg == "out"]
        names = [node for node in (*out, *call.args) if isinstance(node, ast.Name)]
        return list(symbols_in([self.visit(name) for name in names]))

    # --- assignments ------------------------------------------------------------------------

    def visit_Assign(self, node: ast.Assign) -> None:
        value = self.visit(node.value)
        for target in node.targets:
            self.assign(target, value)

    def visit_AnnAssign(self, node: ast.AnnAssign) -> None:
        if node.value is not None:
            self.assign(node.target, self.visit(node.value))

    def visit_NamedExpr(self, node: ast.NamedExpr) -> Any:
        self.assign(node.target, self.visit(node.value))
        return self.names[node.target.id]

    def assign(self, target: ast.expr, value: Any) -> None:
        """``target = value``."""
        if isinstance(target, (ast.Tuple, ast.List)):
            for part, item in self.parts(target, value):
                self.assign(part, item)
        elif isinstance(target, ast.Name):
            self.names[target.id] = self.named(target.id, value)
        elif isinstance(target, ast.Subscript):
            self._store(target, value)
        elif isinstance(target, ast.Attribute):
            self._keep(target, self.visit(target.value), value)
        else:
            raise self.cannot(target, "is no name to give")

    def named(self, name: str, value: Any) -> Any:
        """The value under a name of its own, where it is more than a name already."""
        if isinstance(value, Symbol) and not value.is_atomic:
            return self.session.assign(name, value)
        if isinstance(value, (tuple, list)):
            named = [self.named(name, item) for item in value]
            return named if isinstance(value, list) else tuple(named)
        return value

    def _keep(self, node: ast.Attribute, owner: Any, value: Any) -> None:
        if isinstance(owner, Held):
            owner.attributes[node.attr] = self.named(node.attr, value)
            return
        raise self.cannot(
            node,
            f"keeps something on the {'layer' if isinstance(owner, Layer) else 'object'}: "
            "return it in the cache, or declare a buffer and fill it in place",
        )

    def _store(self, target: ast.Subscript, value: Any) -> None:
        owner, index = self.visit(target.value), self.visit(target.slice)
        if not isinstance(owner, Symbol):
            if has_symbols(index) or isinstance(owner, np.ndarray):
                raise self.cannot(target, "changes something outside the program")
            owner[index] = value
            return
        takes_all = arithmetic.takes_all(owner, index)
        for trial in TRIALS:
            operator.setitem(owner.trials[trial], in_trial(index, trial), in_trial(value, trial))
        filled = tuple(owner.trials[trial][in_trial(index, trial)] for trial in TRIALS)
        self.session.writer.store(owner, index, value, shape_text(filled), takes_all)

    def visit_AugAssign(self, node: ast.AugAssign) -> None:
        gradient = self._gradient(node.target)
        value = self.visit(node.value)
        if gradient is not None and isinstance(node.op, ast.Add):
            layer, name, index = gradient
            if self.session.begin_gradient(layer, name, index, value):
                return
        if isinstance(node.target, ast.Name):
            self._update_name(node.target, node.op, value)
        elif isinstance(node.target, ast.Attribute):
            self._update_attribute(node.target, node.op, value)
        else:
            owner, index = self.visit(node.target.value), self.visit(node.target.slice)
            self._update(node, arithmetic.item(owner, index), node.op, value)

    def _gradient(self, target: ast.expr) -> tuple[Layer, str, Any] | None:
        """The layer and the name of a gradient, and which part of it is added to."""
        index: Any = ...
        if isinstance(target, ast.Subscript):
            index = self.visit(target.slice)
            target = target.value
        if not isinstance(target, ast.Attribute):
            return None
        owner = self.visit(target.value)
        is_one = isinstance(owner, Layer) and self.session.is_gradient(owner, target.attr)
        return (owner, target.attr, index) if is_one else None

    def _update_name(self, target: ast.Name, op: ast.operator, value: Any) -> None:
        old = self.visit(ast.Name(target.id, ast.Load()))
        if isinstance(old, Symbol) and old.is_array:
            self._update(target, old, op, value)
        else:  # numbers are not changed in place
            self.names[target.id] = self.named(target.id, arithmetic.binary(op, old, value))

    def _update_attribute(self, target: ast.Attribute, op: ast.operator, value: Any) -> None:
        owner = self.visit(target.value)
        old = self.attribute(owner, target.attr)
        if isinstance(owner, Stand) and not isinstance(owner, Held):
            new = arithmetic.binary(op, old, value)
            self.session.writer.update(old.code, op, value, "")
            owner.attributes[target.attr] = Symbol(old.code, new.trials)
        elif isinstance(old, Symbol):
            self._update(target, old, op, value)
        else:
            self._keep(target, owner, arithmetic.binary(op, old, value))

    def _update(self, node: ast.AST, old: Any, op: ast.operator, value: Any) -> None:
        if not isinstance(old, Symbol):
            raise self.cannot(node, "changes something outside the program")
        keeps_type = arithmetic.update(op, old, value)
        self.session.writer.update(old.code, op, value, shape_text(old.trials), keeps_type)

    # --- conditions and loops -----------------------------------------------------------------

    def visit_If(self, node: ast.If) -> None:
        test = self.visit(node.test)
        if not has_symbols(test):
            self.run(node.body if test else node.orelse)
        elif isinstance(node.body[-1], ast.Raise):
            self.run(node.orelse)  # a check of the input, left out
        elif self._only_fills(node.body) and not node.orelse:
            with self.session.writer.block(ast.If(code_of(test), [], [])):
                self.run(node.body)
        else:
            self.decide(node.test)

    def visit_For(self, node: ast.For) -> None:
        steps = self.visit(node.iter)
        if isinstance(node.target, ast.Name) and _is_range(steps) and self._only_fills(node.body):
            self._write_loop(node, node.target.id, steps)
            return
        items = self.iterate(steps, node.iter)
        if len(items) > LONGEST_UNROLLED:
            raise self.cannot(
                node, f"goes round {len(items)} times, too often to be written out line by line"
            )
        for item in items:
            self.unpack(node.target, item)
            self.run(node.body)

    def _only_fills(self, statements: list[ast.stmt]) -> bool:
        """True if statements only fill or change arrays that were there before."""
        return all(self._fills(statement) for statement in statements)

    def _fills(self, statement: ast.stmt) -> bool:
        if isinstance(statement, ast.For):
            return self._only_fills(statement.body) and not statement.orelse
        if isinstance(statement, ast.Assign):
            return all(self._is_place(target) for target in statement.targets)
        if isinstance(statement, ast.AugAssign):
            changed = statement.target
            kept = self.names.get(changed.id) if isinstance(changed, ast.Name) else None
            return kept is None or (isinstance(kept, Symbol) and kept.is_array)
        return False

    def _is_place(self, target: ast.expr) -> bool:
        """True if an assignment leaves all names of before as they were."""
        if isinstance(target, ast.Name):
            return target.id not in self.names
        return isinstance(target, ast.Subscript)

    def _write_loop(self, node: ast.For, name: str, steps: Any) -> None:
        """A loop that fills arrays place by place stays a loop."""
        for inner in ast.walk(node):
            if isinstance(inner, ast.AugAssign):
                self._begin_gradient_before(inner.target)
        if not all(in_trial(steps, trial) for trial in TRIALS):
            return
        before = set(self.names)
        counter = self.session.writer.counter(name, tuple(in_trial(steps, t)[0] for t in TRIALS))
        header = ast.For(as_target(counter.code), _range_code(steps), [], [], lineno=0)
        self.names[name] = counter
        with self.session.writer.block(header):
            self.run(node.body)
        for inner_name in set(self.names) - before:
            del self.names[inner_name]

    def _begin_gradient_before(self, target: ast.expr) -> None:
        array = target.value if isinstance(target, ast.Subscript) else target
        if isinstance(array, ast.Attribute) and isinstance(array.value, ast.Name):
            owner = self.names.get(array.value.id)
            if isinstance(owner, Layer) and self.session.is_gradient(owner, array.attr):
                self.session.attribute(owner, array.attr)


def _prints(node: ast.expr) -> bool:
    """True for a message that code prints, which is left out."""
    return (
        isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "print"
    )


def _is_range(steps: Any) -> bool:
    return isinstance(steps, range) or (
        isinstance(steps, Symbol) and isinstance(steps.trials[0], range)
    )


def _range_code(steps: Any) -> ast.expr:
    if isinstance(steps, Symbol):
        return steps.code
    ends = [steps.start, steps.stop, steps.step]
    if steps.step == 1:
        ends = ends[:2] if steps.start else ends[1:2]
    return ast.Call(ast.Name("range", ast.Load()), [code_of(end) for end in ends], [])
