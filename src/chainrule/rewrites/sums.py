"""Sums: over another axis, over none, or where there is no sum."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from chainrule.foreign.reading.backward_code import FunctionInFile
from chainrule.foreign.reading.expressions import expression, fresh, name_called, text
from chainrule.rewrites.edits import Edit, Place
from chainrule.rewrites.factors import OTHER_REDUCTION
from chainrule.rewrites.scope import Scope
from chainrule.rewrites.text_edits import TextEdit

AXES = ("0", "1", "None", "(0, 2, 3)", "(0, 1, 2)", "(0, 1)", "-1", "2", "(1, 2)", "(2, 3)")
REDUCTIONS = {"sum", "mean", "average", "nansum", "max"}
NUMPY = ("np", "numpy", "jnp")


def other_axis(place: Place, scope: Scope) -> Iterator[Edit]:
    """A sum over other axes, or none."""
    node = place.node
    if not isinstance(node, ast.Call) or name_called(node) not in REDUCTIONS:
        return
    for axis in AXES:
        for keep in (None, True, False):
            other = _with_axis(node, axis, keep)
            if text(other) != text(node):
                kept = f", keepdims={keep}" if keep is not None else ""
                yield scope.edit(place, other, f"sum with `axis={axis}{kept}`")
    if isinstance(node.func, ast.Attribute):
        inner = node.args[0] if _is_module(node.func.value, NUMPY) else node.func.value
        yield scope.edit(place, fresh(inner), "do not sum here")


def _is_module(node: ast.expr, names: tuple[str, ...]) -> bool:
    return isinstance(node, ast.Name) and node.id in names


def _with_axis(node: ast.Call, axis: str, keep: bool | None) -> ast.Call:
    other: ast.Call = fresh(node)
    function = node.func
    is_method = isinstance(function, ast.Attribute) and not _is_module(function.value, NUMPY[:2])
    other.args = other.args[: 0 if is_method else 1]
    replaced = ("axis",) if keep is None else ("axis", "keepdims")
    other.keywords = [k for k in other.keywords if k.arg not in replaced]
    other.keywords.append(ast.keyword("axis", expression(axis)))
    if keep is not None:
        other.keywords.append(ast.keyword("keepdims", ast.Constant(keep)))
    return other


def summed(place: Place, scope: Scope) -> Iterator[Edit]:
    """A sum of what is assigned or returned."""
    for axis in ("0", "1", "(0, 2, 3)", "(0, 1, 2)"):
        for kept in ("", ", keepdims=True"):
            whole = expression(f"({text(place.node)}).sum(axis={axis}{kept})")
            advice = f"sum it over the examples, `axis={axis}{kept}`"
            yield scope.edit(place, whole, advice)


def wrong_axis(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """A sum or mean over another axis."""
    axis = _axis_of(node) if name_called(node) in OTHER_REDUCTION else None
    if axis is not None:
        yield from (TextEdit(axis, value) for value in _other_axes(axis))


def lost_axis(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """A sum or mean that does not keep its axis."""
    if name_called(node) in OTHER_REDUCTION:
        for keyword in node.keywords:
            if keyword.arg == "keepdims":
                yield TextEdit(keyword.value, "False")


def _axis_of(call: ast.Call) -> ast.expr | None:
    """The axis argument of a sum, by name or by place."""
    for keyword in call.keywords:
        if keyword.arg == "axis":
            return keyword.value
    is_function = isinstance(call.func, ast.Attribute) and _is_module(call.func.value, ("np",))
    places = call.args[1:] if is_function else call.args
    return places[0] if places else None


def _other_axes(axis: ast.expr) -> Iterator[str]:
    yield "None"
    if isinstance(axis, ast.Tuple):
        for left_out in axis.elts:
            kept = [element for element in axis.elts if element is not left_out]
            yield ast.unparse(ast.Tuple(kept, ast.Load()))
    elif isinstance(axis, ast.Constant) and isinstance(axis.value, int):
        yield str(1 - axis.value)
    else:
        yield "0"
