"""Candidate corrections of factors, signs, transpositions and axes."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import Any

from chainrule.foreign.expressions import (
    divisor_of,
    expression,
    factors,
    fresh,
    name_called,
    product,
    text,
)
from chainrule.rewrites.edits import Edit, Place, edit_at, places, right_hand_sides
from chainrule.rewrites.functions import FunctionSource

AXES = ("0", "1", "None", "(0, 2, 3)", "(0, 1, 2)", "(0, 1)", "-1", "2", "(1, 2)", "(2, 3)")
PRODUCTS = {"dot", "matmul", "outer", "inner"}
REDUCTIONS = {"sum", "mean", "average", "nansum"}


def scales(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Take a divisor or factor away, sum where the mean is taken and the reverse; then divide by
    the ratio that was observed."""
    for place in places(source):
        yield from _without_a_factor(source, place)
        yield from _mean_for_sum(source, place)
        yield from _other_powers(source, place)
    for place, ratio in itertools.product(right_hand_sides(source), ratios):
        if ratio > 0:
            other = ast.BinOp(fresh(place.node), ast.Div(), ast.Constant(ratio))
            yield edit_at("scale", source, place, other, scale_advice(ratio), in_front=True)


def _without_a_factor(source: FunctionSource, place: Place) -> Iterator[Edit]:
    """A product or quotient without one of its sides; a quotient by another size, too."""
    node = place.node
    if not isinstance(node, ast.BinOp):
        return
    if isinstance(node.op, ast.Div):
        advice = f"leave out `{text(node.right)}`, which it is divided by"
        yield edit_at("scale", source, place, fresh(node.left), advice)
        for size in _sizes(source, text(node.right)):
            other = ast.BinOp(fresh(node.left), ast.Div(), expression(size))
            yield edit_at("scale", source, place, other, f"divide by `{size}`")
    if isinstance(node.op, ast.Mult):
        advice = f"leave out `{text(node.right)}`, which it is multiplied by"
        yield edit_at("scale", source, place, fresh(node.left), advice, removed=node.right)
        advice = f"leave out the factor `{text(node.left)}`"
        yield edit_at("scale", source, place, fresh(node.right), advice, removed=node.left)


def _mean_for_sum(source: FunctionSource, place: Place) -> Iterator[Edit]:
    """The mean where the sum is taken, and the reverse."""
    name = name_called(place.node)
    if name in ("sum", "mean") and isinstance(place.node.func, ast.Attribute):
        other = fresh(place.node)
        other.func.attr = "mean" if name == "sum" else "sum"
        advice = f"take the {other.func.attr}, not the {name}"
        yield edit_at("scale", source, place, other, advice)


def _other_powers(source: FunctionSource, place: Place) -> Iterator[Edit]:
    node = place.node
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
        for power in (1, 2, 3):
            other = ast.BinOp(fresh(node.left), ast.Pow(), ast.Constant(power))
            yield edit_at("scale", source, place, other, f"the power is {power}")


def _sizes(source: FunctionSource, present: str) -> list[str]:
    """Whole numbers that the function has at hand: `N`, `m`, `len(x)`."""
    return [
        name
        for name, value in source.names.items()
        if isinstance(value, int) and not isinstance(value, bool) and value > 1 and name != present
    ][:6]


def signs(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Turn a sign round: a minus taken away, a difference the other way, += for -=."""
    for place in places(source):
        node = place.node
        if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
            yield edit_at("sign", source, place, fresh(node.operand), "leave out the minus")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            other = ast.BinOp(fresh(node.right), ast.Sub(), fresh(node.left))
            advice = f"write `{text(other)}`, not `{text(node)}`"
            yield edit_at("sign", source, place, other, advice)
            other = ast.BinOp(fresh(node.left), ast.Add(), fresh(node.right))
            yield edit_at("sign", source, place, other, "a plus in place of the minus")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            other = ast.BinOp(fresh(node.left), ast.Sub(), fresh(node.right))
            yield edit_at("sign", source, place, other, "a minus in place of the plus")
        if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
            other = fresh(node)
            other.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            shown = "-=" if isinstance(node.op, ast.Add) else "+="
            yield edit_at("sign", source, place, other, f"write `{shown}`")
    for place in right_hand_sides(source):
        negative = ast.UnaryOp(ast.USub(), fresh(place.node))
        yield edit_at("sign", source, place, negative, "put a minus before it", in_front=True)


def transpositions(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Exchange the factors of a matrix product, and transpose them."""
    for place in places(source):
        pair = _matrix_factors(place.node)
        if pair is None:
            continue
        for swapped, left, right in itertools.product((False, True), repeat=3):
            if not (swapped or left or right):
                continue
            first, second = (pair[1], pair[0]) if swapped else pair
            one, two = _turned(first, left), _turned(second, right)
            other = _matrix_product(place.node, one, two)
            advice = f"write `{text(other)}`"
            yield edit_at("transposed", source, place, other, advice)
    for place in right_hand_sides(source):
        yield edit_at("transposed", source, place, _turned(place.node, True), "transpose it")
    yield from _einsums(source)


def _matrix_factors(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if not isinstance(node, ast.Call) or name_called(node) not in PRODUCTS:
        return None
    if len(node.args) == 2:
        return node.args[0], node.args[1]
    if len(node.args) == 1 and isinstance(node.func, ast.Attribute):
        return node.func.value, node.args[0]
    return None


def _matrix_product(like: Any, left: ast.expr, right: ast.expr) -> ast.expr:
    if isinstance(like, ast.BinOp):
        return ast.BinOp(left, ast.MatMult(), right)
    if len(like.args) == 2:
        return ast.Call(fresh(like.func), [left, right], [])
    return ast.Call(ast.Attribute(left, like.func.attr, ast.Load()), [right], [])


def _turned(node: ast.expr, turn: bool) -> ast.expr:
    """The transpose, or without the `.T` that is there."""
    if not turn:
        return fresh(node)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return fresh(node.value)
    return ast.Attribute(fresh(node), "T", ast.Load())


def _einsums(source: FunctionSource) -> Iterator[Edit]:
    """Other subscripts for `einsum`."""
    for place in places(source):
        node = place.node
        if name_called(node) != "einsum" or not isinstance(node.args[0], ast.Constant):
            continue
        before, arrow, after = str(node.args[0].value).replace(" ", "").partition("->")
        for kind, subscripts in _other_subscripts(before, after) if arrow else ():
            other = fresh(node)
            other.args[0] = ast.Constant(subscripts)
            yield edit_at(kind, source, place, other, f'the subscripts "{subscripts}"')


def _other_subscripts(before: str, after: str) -> Iterator[tuple[str, str]]:
    """(kind, subscripts): another output, then one of the inputs transposed."""
    letters = sorted(set(before) - {","})
    for length in range(max(0, len(after) - 1), min(len(letters), len(after) + 2) + 1):
        for chosen in itertools.permutations(letters, length):
            wanted = "".join(chosen)
            if wanted != after:
                kind = "transposed" if sorted(wanted) == sorted(after) else "axis"
                yield kind, f"{before}->{wanted}"
    inputs = before.split(",")
    for number, subscripts in enumerate(inputs):
        for chosen in itertools.permutations(subscripts):
            turned = [*inputs[:number], "".join(chosen), *inputs[number + 1 :]]
            if turned != inputs:
                yield "transposed", f"{','.join(turned)}->{after}"


def axes(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Sum over other axes, over none, or where there is no sum."""
    for place in places(source):
        node = place.node
        if not isinstance(node, ast.Call) or name_called(node) not in {*REDUCTIONS, "max"}:
            continue
        for axis in AXES:
            for keep in (None, True, False):
                other = _with_axis(node, axis, keep)
                if other is not None and text(other) != text(node):
                    kept = f", keepdims={keep}" if keep is not None else ""
                    advice = f"sum with `axis={axis}{kept}`"
                    yield edit_at("axis", source, place, other, advice)
        if isinstance(node.func, ast.Attribute):
            inner = node.args[0] if _is_numpy(node.func.value) else node.func.value
            yield edit_at("axis", source, place, fresh(inner), "do not sum here")
    for place in right_hand_sides(source):
        for axis in ("0", "1", "(0, 2, 3)", "(0, 1, 2)"):
            for kept in ("", ", keepdims=True"):
                summed = expression(f"({text(place.node)}).sum(axis={axis}{kept})")
                advice = f"sum it over the examples, `axis={axis}{kept}`"
                yield edit_at("axis", source, place, summed, advice)


def _is_numpy(node: ast.expr) -> bool:
    return isinstance(node, ast.Name) and node.id in ("np", "numpy", "jnp")


def _with_axis(node: ast.Call, axis: str, keep: bool | None) -> ast.Call | None:
    other = fresh(node)
    of_numpy = (
        isinstance(node.func, ast.Attribute)
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in ("np", "numpy")
    )
    positional = 1 if of_numpy or isinstance(node.func, ast.Name) else 0
    other.args = other.args[:positional]
    other.keywords = [k for k in other.keywords if k.arg != "axis"]
    other.keywords.append(ast.keyword("axis", expression(axis)))
    if keep is not None:
        other.keywords = [k for k in other.keywords if k.arg != "keepdims"]
        other.keywords.append(ast.keyword("keepdims", ast.Constant(keep)))
    return other


def fewer_factors(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Take one or two factors out of a product."""
    for place in places(source):
        node = place.node
        if not isinstance(node, ast.BinOp) or not isinstance(node.op, (ast.Mult, ast.Div)):
            continue
        parts, divisor = factors(node), divisor_of(node)
        for count in (1, 2):
            for gone in itertools.combinations(range(len(parts)), count):
                kept = [part for i, part in enumerate(parts) if i not in gone]
                if not kept:
                    continue
                removed, other = product([parts[i] for i in gone]), product(kept)
                if divisor is not None:
                    other = ast.BinOp(other, ast.Div(), fresh(divisor))
                advice = f"leave out the factor `{text(removed)}`"
                yield edit_at("extra", source, place, other, advice, removed=removed)


def scale_advice(ratio: float) -> str:
    """What to do about a positive factor that is too much."""
    return f"divide it by {ratio:.6g}" if ratio > 1 else f"multiply it by {1 / ratio:.6g}"
