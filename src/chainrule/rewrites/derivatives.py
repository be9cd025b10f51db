"""Derivatives of activations: left out, at another point, of another activation; other arrays."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.foreign.naming.gradient_names import (
    looks_like_a_gradient,
    names_derivative,
    without_ending,
)
from chainrule.foreign.reading.backward_code import FunctionInFile, named, statements
from chainrule.foreign.reading.derivative_forms import family_of
from chainrule.foreign.reading.expressions import (
    divisor_of,
    expression,
    factors,
    fresh,
    name_called,
    product,
    text,
)
from chainrule.rewrites.edits import Edit, Place, places, right_hand_sides
from chainrule.rewrites.functions import FunctionSource
from chainrule.rewrites.scope import Scope, is_mask
from chainrule.rewrites.text_edits import TextEdit
from chainrule.types import Array

OPPOSITE: dict[type[ast.cmpop], tuple[str, type[ast.cmpop]]] = {
    ast.Gt: ("<=", ast.LtE),
    ast.Lt: (">=", ast.GtE),
    ast.GtE: ("<", ast.Lt),
    ast.LtE: (">", ast.Gt),
    ast.Eq: ("!=", ast.NotEq),
}


# --- a derivative, or a mask, left out ------------------------------------------------------------


def with_derivative(place: Place, scope: Scope) -> Iterator[Edit]:
    """What is there times the derivative of an activation."""
    target = scope.arrays.get(_target_of(place))
    for code, point in scope.derivatives:
        if _may_fit(scope.arrays.get(point), target):
            yield _times(place, code, scope)


def with_mask(place: Place, scope: Scope) -> Iterator[Edit]:
    """What is there times a mask."""
    target = scope.arrays.get(_target_of(place))
    for name, value in scope.arrays.items():
        if is_mask(name, value) and _may_fit(value, target):
            yield _times(place, name, scope)


def _times(place: Place, code: str, scope: Scope) -> Edit:
    other = ast.BinOp(fresh(place.node), ast.Mult(), expression(code))
    advice = f"multiply by `{code}`".replace("'", '"')
    return scope.edit(place, other, advice, added=expression(code))


def _may_fit(one: Array | None, other: Array | None) -> bool:
    """True if two arrays have the same shape, or if one of them is not known."""
    return one is None or other is None or one.shape == other.shape


def _target_of(place: Place) -> str:
    """The name to which the value at a place is assigned, which may still hold it at the end."""
    parent = place.parent
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        return text(parent.targets[0])
    return ""


def computed(source: FunctionSource) -> list[Place]:
    """What is assigned or returned, then what is computed as a factor of a matrix product."""
    return [*right_hand_sides(source), *_computed_factors(source)]


def _computed_factors(source: FunctionSource) -> Iterator[Place]:
    """Factors of matrix products that are themselves computed there."""
    for place in places(source):
        parent, node = place.parent, place.node
        within = (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.MatMult)) or (
            name_called(parent) in ("dot", "matmul") and place.field == "args"
        )
        if within and isinstance(node, (ast.BinOp, ast.Call)):
            yield place


# --- another derivative ---------------------------------------------------------------------------


def other_derivative(place: Place, scope: Scope) -> Iterator[Edit]:
    """Another derivative, or the same at another point, in the place of one that is there."""
    source = scope.source
    parts = factors(place.node)
    kept = [part for part in parts if _carries_gradient(part, source)]
    rest = [part for part in parts if not _carries_gradient(part, source)]
    if not rest:
        return
    present, divisor = product(rest), divisor_of(place.node)
    if isinstance(present, ast.Constant):
        return
    for code in [*(code for code, _ in scope.derivatives), *_by_application(present, scope)]:
        new = expression(code)
        other = product([*kept, new])
        if divisor is not None and kept:
            other = ast.BinOp(other, ast.Div(), fresh(divisor))
        shown = text(new).replace("'", '"')
        advice = f"write `{shown}`, not `{text(present)}`"
        yield scope.edit(place, other, advice, removed=present, added=new)


def _by_application(present: ast.expr, scope: Scope) -> list[str]:
    """The expression that is there, with a function applied to one of its names, or taken off."""
    found = []
    names = {node.id for node in ast.walk(present) if isinstance(node, ast.Name)}
    known = scope.source.names
    arrays = sorted(name for name in names if isinstance(known.get(name), np.ndarray))
    plain = [name for name in scope.functions if not names_derivative(name)]
    functions = [*(["np.tanh"] if scope.has_numpy else []), *plain]
    for name in arrays:
        for function in functions:
            found.append(text(_Applied(name, function).visit(fresh(present))))
    stripped = text(_Stripped(functions).visit(fresh(present)))
    return found if stripped == text(present) else [*found, stripped]


class _Applied(ast.NodeTransformer):
    """Applies a function wherever a name is read."""

    def __init__(self, name: str, function: str) -> None:
        self.name, self.function = name, function

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == self.name and isinstance(node.ctx, ast.Load):
            return expression(f"{self.function}({node.id})")
        return node


class _Stripped(ast.NodeTransformer):
    """Takes calls of functions off their only argument."""

    def __init__(self, functions: list[str]) -> None:
        self.functions = functions

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if text(node.func) in self.functions and len(node.args) == 1:
            return node.args[0]
        return self.generic_visit(node)


def products(source: FunctionSource) -> list[Place]:
    """What is assigned or returned, and products within it; each node once."""
    found: dict[int, Place] = {}
    for place in _with_inner_products(source):
        found.setdefault(id(place.node), place)
    return list(found.values())


def _with_inner_products(source: FunctionSource) -> Iterator[Place]:
    """What is assigned or returned, and products within it."""
    for place in right_hand_sides(source):
        yield place
        if isinstance(place.node, ast.BinOp):
            for field in ("left", "right"):
                inner = getattr(place.node, field)
                if len(factors(inner)) > 1 and not isinstance(place.node.op, (ast.Mult, ast.Div)):
                    yield Place(place.node, field, None, inner, place.statement)
        if isinstance(place.node, ast.Call):
            for number, argument in enumerate(place.node.args):
                if len(factors(argument)) > 1:
                    yield Place(place.node, "args", number, argument, place.statement)


def _carries_gradient(node: ast.expr, source: FunctionSource) -> bool:
    """True if a factor is what comes back from later layers, and no derivative."""
    if family_of(node) is not None:
        return False
    for inner in ast.walk(node):
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.MatMult):
            return True
        if name_called(inner) in ("dot", "matmul", "einsum", "tensordot"):
            return True
        if isinstance(inner, (ast.Name, ast.Attribute)) and isinstance(inner.ctx, ast.Load):
            word = inner.id if isinstance(inner, ast.Name) else inner.attr
            if looks_like_a_gradient(word) and not _is_called(inner, node):
                return True
    return source.is_argument(node)


def _is_called(name: ast.AST, within: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) and n.func is name for n in ast.walk(within))


def other_word(place: Place, scope: Scope) -> Iterator[Edit]:
    """Another word where a word says which activation it is: "relu" for "sigmoid"."""
    node = place.node
    if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
        return
    if isinstance(place.parent, (ast.Call, ast.keyword, ast.Compare)):
        for word in sorted(_words(scope.source) - {node.value}):
            yield scope.edit(place, ast.Constant(word), f'"{word}", not "{node.value}"')


def _words(source: FunctionSource) -> set[str]:
    """The words that the functions of the file know."""
    return {
        value
        for function in source.neighbours().values()
        for value in function.__code__.co_consts
        if isinstance(value, str) and value.isidentifier() and len(value) < 16
    }


def turned_comparison(place: Place, scope: Scope) -> Iterator[Edit]:
    """``x <= 0`` for ``x > 0``."""
    node = place.node
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OPPOSITE:
        other = fresh(node)
        other.ops = [OPPOSITE[type(node.ops[0])][1]()]
        yield scope.edit(place, other, f"write `{text(other)}`, not `{text(node)}`")


def reversed_comparison(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """``x <= 0`` for ``x > 0``."""
    if isinstance(node, ast.Compare) and type(node.ops[0]) in OPPOSITE:
        sides = ast.unparse(node.left), ast.unparse(node.comparators[0])
        yield TextEdit(node, f"{sides[0]} {OPPOSITE[type(node.ops[0])][0]} {sides[1]}")


def exchanged_branches(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """``np.where(x > 0, b, a)`` for ``np.where(x > 0, a, b)``."""
    if name_called(node) == "where" and len(node.args) == 3:
        condition, first, second = map(ast.unparse, node.args)
        yield TextEdit(node, f"{ast.unparse(node.func)}({condition}, {second}, {first})")


def function_itself(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """``sigmoid(z)`` for ``sigmoid_prime(z)``."""
    if isinstance(node, ast.Call):
        name = named(node.func)
        plain = without_ending(name)
        known = {n.name for n in function.tree.body if isinstance(n, ast.FunctionDef)}
        is_own = isinstance(node.func, ast.Attribute)
        if plain not in ("", name) and (plain in known or is_own):
            yield TextEdit(node.func, ast.unparse(node.func).removesuffix(name) + plain)


# --- another array --------------------------------------------------------------------------------


def other_array(place: Place, scope: Scope) -> Iterator[Edit]:
    """Another array of the same shape in the place of one that is read."""
    node = place.node
    if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)):
        return
    own = scope.arrays.get(text(node)) if isinstance(node.ctx, ast.Load) else None
    for name, value in scope.arrays.items():
        if own is not None and name != text(node) and value.shape == own.shape:
            advice = f"`{name}` in the place of `{text(node)}`".replace("'", '"')
            other, added = expression(name), expression(name)
            yield scope.edit(place, other, advice, removed=node, added=added)


def other_memory(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """Another array that forward has kept: the output for the input, S1 for A1."""
    if not isinstance(node, (ast.Attribute, ast.Subscript)):
        return
    kept, own = _kept_by_forward(function, type(node)), ast.unparse(node)
    if own in kept:
        layer = re.sub(r"\D", "", own)
        others = [other for other in kept if other != own and re.sub(r"\D", "", other) == layer]
        for other in others[:1]:
            yield TextEdit(node, other)


def _kept_by_forward(function: FunctionInFile, kind: type[ast.expr]) -> list[str]:
    return [
        ast.unparse(target)
        for forward in function.forward_functions()
        for statement in statements(forward)
        if isinstance(statement, ast.Assign)
        for target in statement.targets
        if isinstance(target, kind)
    ]
