"""Factors and terms: one too many, one left out, another power, a mean for a sum."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np

from chainrule.foreign.naming.gradient_names import looks_like_a_gradient
from chainrule.foreign.naming.parameter_names import is_bias
from chainrule.foreign.reading.backward_code import FunctionInFile, is_batch_size, named
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
from chainrule.rewrites.forward_factors import Factor
from chainrule.rewrites.functions import FunctionSource
from chainrule.rewrites.left_out import cause_of_factor, cause_of_term, is_stride, may_be_left_out
from chainrule.rewrites.scope import Scope
from chainrule.rewrites.signs import is_sum
from chainrule.rewrites.text_edits import TextEdit, parenthesized
from chainrule.rewrites.updates import Update, Value, first_target

OTHER_REDUCTION = {"sum": "mean", "mean": "sum"}


def is_product(node: Any) -> bool:
    """True if a node is ``a * b`` or ``a / b``."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Mult, ast.Div))


# --- one factor -----------------------------------------------------------------------------------


def halves(node: Any) -> Iterator[tuple[ast.expr, ast.expr]]:
    """(kept, left out) for both sides of a product, and for the divisor of a quotient."""
    if is_product(node):
        yield node.left, node.right
        if isinstance(node.op, ast.Mult):
            yield node.right, node.left


def without_factor(place: Place, scope: Scope) -> Iterator[Edit]:
    """A product or quotient without one of its sides."""
    for kept, gone in halves(place.node):
        if isinstance(place.node.op, ast.Div):
            advice = f"leave out `{text(gone)}`, which it is divided by"
            yield scope.edit(place, fresh(kept), advice)
        elif kept is place.node.left:
            advice = f"leave out `{text(gone)}`, which it is multiplied by"
            yield scope.edit(place, fresh(kept), advice, removed=gone)
        else:
            advice = f"leave out the factor `{text(gone)}`"
            yield scope.edit(place, fresh(kept), advice, removed=gone)


def lost_factor(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """A product or quotient without one of its sides."""
    for kept, gone in halves(node):
        if may_be_left_out(gone, kept, function):
            yield TextEdit(node, ast.unparse(kept), cause=cause_of_factor(gone, function))


def lost_stride(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """``i`` for ``i * stride``."""
    for stride, rest in halves(node):
        if isinstance(node.op, ast.Mult) and is_stride(stride):
            yield TextEdit(node, ast.unparse(rest))


def with_factor(group: list[Place], scope: Scope) -> Iterator[Edit]:
    """What is there, times or divided by what the forward pass multiplies or divides by."""
    for factor in scope.forward_factors:
        changes = tuple((place, factor.applied_to(place.node)) for place in group)
        yield Edit.of(scope.source, changes, _factor_advice(factor, group[0]), in_front=True)


def _factor_advice(factor: Factor, place: Place) -> str:
    """What to multiply or divide by; and what, where it is not all that stands there."""
    verb = "divide" if factor.divides else "multiply"
    is_whole = place.field == "value" and place.parent is place.statement
    what = "" if is_whole else f" `{text(place.node)}`"
    advice = f"{verb}{what} by `{factor.code}`, as the forward pass does"
    return advice.replace("'", '"')


def multiplicands(source: FunctionSource) -> list[list[Place]]:
    """Where a factor may be missing: what is assigned or returned, terms of sums, cases of an
    activation, and what comes back from later layers, wherever a statement reads it."""
    single = [place for place in places(source) if _is_term(place) or _is_case(place)]
    return [[place] for place in (*right_hand_sides(source), *single)] + _reads(source)


def _is_term(place: Place) -> bool:
    return is_sum(place.parent) and not isinstance(place.node, ast.Constant)


def _is_case(place: Place) -> bool:
    """True for ``a`` and ``b`` of ``np.where(x > 0, a, b)`` and of ``a if x > 0 else b``."""
    in_where = name_called(place.parent) == "where" and place.index in (1, 2)
    in_choice = isinstance(place.parent, ast.IfExp) and place.field != "test"
    return (in_where or in_choice) and not isinstance(place.node, ast.Constant)


def _reads(source: FunctionSource) -> list[list[Place]]:
    """What comes back from later layers, by the statements and names that read it."""
    found: dict[tuple[int, str], list[Place]] = {}
    for place in places(source):
        node = place.node
        is_read = isinstance(node, (ast.Name, ast.Attribute)) and isinstance(node.ctx, ast.Load)
        if is_read and (looks_like_a_gradient(named(node)) or source.is_argument(node)):
            found.setdefault((id(place.statement), text(node)), []).append(place)
    return list(found.values())


def other_divisor(place: Place, scope: Scope) -> Iterator[Edit]:
    """A quotient by another whole number that the function has: `N`, `m`."""
    divisor = divisor_of(place.node)
    for size in [] if divisor is None else _sizes(scope, text(divisor)):
        other = ast.BinOp(fresh(place.node.left), ast.Div(), expression(size))
        yield scope.edit(place, other, f"divide by `{size}`")


def _sizes(scope: Scope, present: str) -> list[str]:
    return [
        name
        for name, value in scope.source.names.items()
        if isinstance(value, int) and not isinstance(value, bool) and value > 1 and name != present
    ][:6]


def fewer_factors(place: Place, scope: Scope) -> Iterator[Edit]:
    """A product without one or two of its factors."""
    if not is_product(place.node):
        return
    parts, divisor = factors(place.node), divisor_of(place.node)
    for count in (1, 2):
        for gone in itertools.combinations(range(len(parts)), count):
            kept = [part for i, part in enumerate(parts) if i not in gone]
            if not kept:
                continue
            removed, other = product([parts[i] for i in gone]), product(kept)
            if divisor is not None:
                other = ast.BinOp(other, ast.Div(), fresh(divisor))
            advice = f"leave out the factor `{text(removed)}`"
            yield scope.edit(place, other, advice, removed=removed)


# --- a number too many ----------------------------------------------------------------------------


def divided(place: Place, scope: Scope) -> Iterator[Edit]:
    """What is there, divided by a ratio that was observed."""
    for ratio in scope.ratios:
        if ratio > 0:
            other = ast.BinOp(fresh(place.node), ast.Div(), ast.Constant(ratio))
            yield scope.edit(place, other, scale_advice(ratio), in_front=True)


def scale_advice(ratio: float) -> str:
    """What to do about a positive factor that is too much."""
    return f"divide it by {ratio:.6g}" if ratio > 1 else f"multiply it by {1 / ratio:.6g}"


def count_advice(ratio: float, count: int, source: FunctionSource) -> str | None:
    """What to do about a factor that is the number of examples, or one over it; None if it is
    another one."""
    if count < 2 or not np.isclose(max(ratio, 1 / ratio), count):
        return None
    verb = "divide" if ratio > 1 else "multiply"
    code = _count_of_examples(count, source)
    return f"{verb} it by the number of examples{f', `{code}`' if code else ''}"


def _count_of_examples(count: int, source: FunctionSource) -> str:
    """The number of examples as a function would write it: ``N``, ``len(dy)``; "" if it cannot."""
    for name, value in source.names.items():
        if type(value) is int and value == count and is_batch_size(ast.Name(name)):
            return name
    for argument in source.node.args.args:
        value = source.names.get(argument.arg)
        if isinstance(value, np.ndarray) and count in value.shape:
            axis = value.shape.index(count)
            return f"{argument.arg}.shape[{axis}]" if axis else f"len({argument.arg})"
    return ""


def twice(part: Value | Update, function: FunctionInFile) -> Iterator[TextEdit]:
    """A gradient, or an update, of twice the size."""
    if part.may_be_scaled(function):
        yield part.scaled("2 * {}")


def averaged(part: Value | Update, function: FunctionInFile) -> Iterator[TextEdit]:
    """A gradient, or an update, divided by the batch size once more."""
    size = function.batch_size()
    if size is not None and part.may_be_scaled(function):
        yield part.scaled("{} / " + size)


# --- a mean for a sum, and another power ----------------------------------------------------------


def other_reduction(place: Place, scope: Scope) -> Iterator[Edit]:
    """The mean where the sum is taken, and the reverse."""
    name = name_called(place.node)
    if name in OTHER_REDUCTION and isinstance(place.node.func, ast.Attribute):
        other = fresh(place.node)
        other.func.attr = OTHER_REDUCTION[name]
        yield scope.edit(place, other, f"take the {other.func.attr}, not the {name}")


def exchanged_reduction(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """The mean where the sum is taken, and the reverse."""
    if name_called(node) in OTHER_REDUCTION and isinstance(node.func, ast.Attribute):
        other = ast.Attribute(node.func.value, OTHER_REDUCTION[node.func.attr], ast.Load())
        yield TextEdit(node.func, ast.unparse(other))


def other_power(place: Place, scope: Scope) -> Iterator[Edit]:
    """Another power of what is there."""
    node = place.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        for power in (1, 2, 3):
            other = ast.BinOp(fresh(node.left), ast.Pow(), ast.Constant(power))
            yield scope.edit(place, other, f"the power is {power}")


def lost_power(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """``x`` for ``x**2``."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        cause = "norm-path" if function.is_about("norm") else ""
        yield TextEdit(node, ast.unparse(node.left), cause=cause)


# --- a term ---------------------------------------------------------------------------------------


def lost_term(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """A sum or difference without one of its terms."""
    if is_sum(node):
        yield TextEdit(node, ast.unparse(node.left), cause=cause_of_term(node.right, function))
        if not isinstance(node.left, ast.Constant):
            sign = "-" if isinstance(node.op, ast.Sub) else ""
            kept = sign + parenthesized(node.right)
            yield TextEdit(node, kept, cause=cause_of_term(node.left, function))


def lost(part: Value | Update, function: FunctionInFile) -> Iterator[TextEdit]:
    """A gradient that is not computed, an update that is not made."""
    name = first_target(part)
    cause = "missing-bias-gradient" if name and is_bias(name) else ""
    yield replace(part.lost(), cause=cause)
