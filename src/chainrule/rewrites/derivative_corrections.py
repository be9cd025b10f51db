"""Candidate corrections of the activation's derivative: put in, at another point, of another
activation."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import numpy as np

from chainrule.foreign.derivative_forms import family_of
from chainrule.foreign.expressions import (
    divisor_of,
    expression,
    factors,
    fresh,
    name_called,
    product,
    text,
)
from chainrule.foreign.gradient_names import looks_like_a_gradient, names_derivative
from chainrule.rewrites.edits import Edit, Place, edit_at, places, right_hand_sides
from chainrule.rewrites.functions import FunctionSource
from chainrule.rewrites.in_scope import derivatives, has_numpy, own_functions, variables
from chainrule.types import Array


def missing(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Multiply what is assigned or returned, or a factor of a matrix product, by a derivative, or
    by an array such as a mask."""
    known, every = variables(source), derivatives(source)
    masks = [name for name, value in known.items() if value.dtype.kind == "b" or "mask" in name]
    for place in (*right_hand_sides(source), *_computed_factors(source)):
        target = known.get(_target_of(place))
        for code, point in every:
            if _may_fit(known.get(point), target):
                yield _times("derivative", source, place, code)
        for name in masks:
            if _may_fit(known[name], target):
                yield _times("mask", source, place, name)


def _may_fit(one: Array | None, other: Array | None) -> bool:
    """Whether two arrays have the same shape, as far as they are known."""
    return one is None or other is None or one.shape == other.shape


def _target_of(place: Place) -> str:
    """The name to which the value at a place is assigned, which may still hold it at the end."""
    parent = place.parent
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        return text(parent.targets[0])
    return ""


def _times(kind: str, source: FunctionSource, place: Place, code: str) -> Edit:
    other = ast.BinOp(fresh(place.node), ast.Mult(), expression(code))
    advice = f"multiply by `{code}`".replace("'", '"')
    return edit_at(kind, source, place, other, advice, added=expression(code))


def _computed_factors(source: FunctionSource) -> Iterator[Place]:
    """Factors of matrix products that are themselves computed there."""
    for place in places(source):
        parent, node = place.parent, place.node
        within = (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.MatMult)) or (
            name_called(parent) in ("dot", "matmul") and place.field == "args"
        )
        if within and isinstance(node, (ast.BinOp, ast.Call)):
            yield place


def words(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Another word where a word says which activation it is: "relu" for "sigmoid"."""
    known = {
        value
        for function in source.neighbours().values()
        for value in function.__code__.co_consts
        if isinstance(value, str) and value.isidentifier() and len(value) < 16
    }
    for place in places(source):
        node = place.node
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if not isinstance(place.parent, (ast.Call, ast.keyword, ast.Compare)):
            continue
        for word in sorted(known - {node.value}):
            advice = f'"{word}", not "{node.value}"'
            yield edit_at("word", source, place, ast.Constant(word), advice)


def exchanged(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Put another derivative, or the same at another point, in the place of one that is there."""
    every = [code for code, _ in derivatives(source)]
    seen: set[int] = set()
    for place in _with_inner_products(source):
        parts = factors(place.node)
        kept = [part for part in parts if _carries_gradient(part, source)]
        rest = [part for part in parts if not _carries_gradient(part, source)]
        if not rest or id(place.node) in seen:
            continue
        seen.add(id(place.node))
        present, divisor = product(rest), divisor_of(place.node)
        if isinstance(present, ast.Constant):
            continue
        for code in [*every, *_by_application(present, source)]:
            new = expression(code)
            other = product([*kept, new])
            if divisor is not None and kept:
                other = ast.BinOp(other, ast.Div(), fresh(divisor))
            shown = text(new).replace("'", '"')
            advice = f"write `{shown}`, not `{text(present)}`"
            yield edit_at("exchanged", source, place, other, advice, removed=present, added=new)


def _by_application(present: ast.expr, source: FunctionSource) -> list[str]:
    """The expression that is there, with a function applied to one of its names, or taken off."""
    found = []
    names = {node.id for node in ast.walk(present) if isinstance(node, ast.Name)}
    arrays = sorted(name for name in names if isinstance(source.names.get(name), np.ndarray))
    plain = [name for name in own_functions(source) if not names_derivative(name)]
    functions = [*(["np.tanh"] if has_numpy(source) else []), *plain]
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
    """Whether a factor is what comes back from later layers, and no derivative."""
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
    return _is_argument(node, source)


def _is_argument(node: ast.expr, source: FunctionSource) -> bool:
    """Whether a factor is an argument of a backward pass whose name says nothing."""
    arguments = [argument.arg for argument in source.node.args.args if argument.arg != "self"]
    return (
        isinstance(node, ast.Name)
        and node.id in arguments
        and (len(arguments) > 1 or "self" in source.names)
    )


def _is_called(name: ast.AST, within: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) and n.func is name for n in ast.walk(within))
