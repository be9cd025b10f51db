"""Candidate corrections of factors, signs, transpositions and axes."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import Any

from chainrule.check.edits import (
    Edit,
    Place,
    expression,
    factors,
    fresh,
    name_called,
    places,
    text,
    values,
)
from chainrule.check.source import FunctionSource

AXES = ("0", "1", "None", "(0, 2, 3)", "(0, 1, 2)", "(0, 1)", "-1", "2", "(1, 2)", "(2, 3)")
PRODUCTS = {"dot", "matmul", "outer", "inner"}
REDUCTIONS = {"sum", "mean", "average", "nansum"}


def _edit(
    kind: str, source: FunctionSource, place: Place, node: Any, advice: str, **more: Any
) -> Edit:
    line = int(getattr(place.node, "lineno", 0) or getattr(place.statement, "lineno", 0))
    return Edit(kind, source, ((place, node),), line, advice, **more)


def scales(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Take a divisor or factor away, sum where the mean is taken and the reverse; then divide by
    the ratio that was observed."""
    for place in places(source):
        node = place.node
        if isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Div, ast.Mult)):
            divides = isinstance(node.op, ast.Div)
            word = "divided by" if divides else "multiplied by"
            yield _edit(
                "scale",
                source,
                place,
                fresh(node.left),
                f"leave out `{text(node.right)}`, which it is {word}",
                removed=None if divides else node.right,
            )
            if not divides:
                yield _edit(
                    "scale",
                    source,
                    place,
                    fresh(node.right),
                    f"leave out the factor `{text(node.left)}`",
                    removed=node.left,
                )
            for size in _sizes(source, text(node.right)) if divides else []:
                other = ast.BinOp(fresh(node.left), fresh(node.op), expression(size))
                yield _edit("scale", source, place, other, f"divide by `{size}`")
        if isinstance(node, ast.Call) and name_called(node) in ("sum", "mean"):
            other = fresh(node)
            wanted = "mean" if name_called(node) == "sum" else "sum"
            if isinstance(other.func, ast.Attribute):
                other.func.attr = wanted
                yield _edit(
                    "scale", source, place, other, f"take the {wanted}, not the {name_called(node)}"
                )
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Pow):
            for power in (1, 2, 3):
                other = ast.BinOp(fresh(node.left), ast.Pow(), ast.Constant(power))
                yield _edit("scale", source, place, other, f"the power is {power}")
    for place, ratio in itertools.product(values(source), ratios):
        if ratio > 0:
            other = ast.BinOp(fresh(place.node), ast.Div(), ast.Constant(ratio))
            yield _edit("scale", source, place, other, _scale_advice(ratio))


def _scale_advice(ratio: float) -> str:
    by = ratio if ratio >= 1 else 1 / ratio
    shown = f"{by:.6g}"
    return f"divide it by {shown}" if ratio > 1 else f"multiply it by {shown}"


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
            yield _edit("sign", source, place, fresh(node.operand), "leave out the minus")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Sub):
            other = ast.BinOp(fresh(node.right), ast.Sub(), fresh(node.left))
            advice = f"write `{text(other)}`, not `{text(node)}`"
            yield _edit("sign", source, place, other, advice)
            other = ast.BinOp(fresh(node.left), ast.Add(), fresh(node.right))
            yield _edit("sign", source, place, other, "a plus in place of the minus")
        if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            other = ast.BinOp(fresh(node.left), ast.Sub(), fresh(node.right))
            yield _edit("sign", source, place, other, "a minus in place of the plus")
        if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
            other = fresh(node)
            other.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
            shown = "-=" if isinstance(node.op, ast.Add) else "+="
            yield _edit("sign", source, place, other, f"write `{shown}`")
    for place in values(source):
        negative = ast.UnaryOp(ast.USub(), fresh(place.node))
        yield _edit("sign", source, place, negative, "put a minus before it")


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
            yield _edit("transposed", source, place, other, advice)
    for place in values(source):
        yield _edit("transposed", source, place, _turned(place.node, True), "transpose it")
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
        if not arrow:
            continue
        letters = sorted(set(before) - {","})
        lengths = range(max(0, len(after) - 1), min(len(letters), len(after) + 2) + 1)
        for length in lengths:
            for chosen in itertools.permutations(letters, length):
                wanted = "".join(chosen)
                if wanted != after:
                    other = fresh(node)
                    other.args[0] = ast.Constant(f"{before}->{wanted}")
                    kind = "transposed" if sorted(wanted) == sorted(after) else "axis"
                    yield _edit(kind, source, place, other, f'the subscripts "{before}->{wanted}"')
        inputs = before.split(",")
        for number, subscripts in enumerate(inputs):
            for chosen in itertools.permutations(subscripts):
                turned = [*inputs[:number], "".join(chosen), *inputs[number + 1 :]]
                if turned != inputs:
                    other = fresh(node)
                    subscript = f"{','.join(turned)}->{after}"
                    other.args[0] = ast.Constant(subscript)
                    advice = f'the subscripts "{subscript}"'
                    yield _edit("transposed", source, place, other, advice)


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
                    yield _edit("axis", source, place, other, advice)
        if isinstance(node.func, ast.Attribute):
            inner = node.args[0] if _is_numpy(node.func.value) else node.func.value
            yield _edit("axis", source, place, fresh(inner), "do not sum here")
    for place in values(source):
        for axis in ("0", "1", "(0, 2, 3)", "(0, 1, 2)"):
            for kept in ("", ", keepdims=True"):
                summed = expression(f"({text(place.node)}).sum(axis={axis}{kept})")
                advice = f"sum it over the examples, `axis={axis}{kept}`"
                yield _edit("axis", source, place, summed, advice)


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
        parts = factors(node)
        if len(parts) < 2:
            continue
        for count in (1, 2):
            for gone in itertools.combinations(range(len(parts)), count):
                kept = [part for i, part in enumerate(parts) if i not in gone]
                if not kept:
                    continue
                other = fresh(kept[0])
                for part in kept[1:]:
                    other = ast.BinOp(other, ast.Mult(), fresh(part))
                removed = fresh(parts[gone[0]])
                for i in gone[1:]:
                    removed = ast.BinOp(removed, ast.Mult(), fresh(parts[i]))
                divisor = _divisor(node)
                if divisor is not None:
                    other = ast.BinOp(other, ast.Div(), fresh(divisor))
                advice = f"leave out the factor `{text(removed)}`"
                yield _edit("extra", source, place, other, advice, removed=removed)


def _divisor(node: ast.expr) -> ast.expr | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return node.right
    return None
