"""Candidate corrections of statements, loops, slices and names."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Iterator
from typing import Any

import numpy as np

from chainrule.foreign.expressions import expression, fresh, name_called, text
from chainrule.rewrites.edits import Edit, Place, edit_at, places
from chainrule.rewrites.functions import FunctionSource
from chainrule.rewrites.in_scope import variables, whole_numbers

FLIPS = ("[::-1, ::-1]", "[:, :, ::-1, ::-1]", "[:, ::-1, ::-1, :]", "[::-1, ::-1, :, :]")
FLIPS_AND_TURNS = (*FLIPS, "[::-1]", "[:, ::-1]")
STRIDE = re.compile(r"stride|step|(^|\.)s$")
PADDING = re.compile(r"pad|(^|\.)p$")
CROPS = ("[:, :, {0}:-{0}, {0}:-{0}]", "[:, {0}:-{0}, {0}:-{0}]", "[{0}:-{0}, {0}:-{0}]")


def loops(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """`+=` for `=` and the reverse, a return out of a loop, all elements in the place of some."""
    for place in places(source):
        node = place.node
        if isinstance(node, ast.Assign) and _is_single_target(node):
            adding = ast.AugAssign(fresh(node.targets[0]), ast.Add(), fresh(node.value))
            ast.copy_location(adding, node)
            yield edit_at("loop", source, place, adding, "add with `+=`, do not assign")
        if isinstance(node, ast.AugAssign) and isinstance(node.op, ast.Add):
            assigning = ast.Assign([fresh(node.target)], fresh(node.value))
            ast.copy_location(assigning, node)
            yield edit_at("assign", source, place, assigning, "assign with `=`, do not add")
        if isinstance(node, ast.Subscript) and isinstance(node.ctx, ast.Load):
            yield from _whole(source, place)
        if isinstance(node, ast.Call) and name_called(node) == "range":
            yield from _ranges(source, place)
    yield from _returns_in_loops(source)


def _is_single_target(node: ast.Assign) -> bool:
    kinds = (ast.Subscript, ast.Attribute, ast.Name)
    return len(node.targets) == 1 and isinstance(node.targets[0], kinds)


def _whole(source: FunctionSource, place: Place) -> Iterator[Edit]:
    """All elements in the place of some of them, as they are or summed."""
    node = place.node
    if not _is_partial(node.slice) or "::-1" in text(node.slice):
        return
    advice = f"take all of `{text(node.value)}`, not `{text(node)}`"
    yield edit_at("partial", source, place, fresh(node.value), advice)
    for axis in (0, 1):
        summed = expression(f"({text(node.value)}).sum(axis={axis})")
        advice = f"sum over all examples, `{text(summed)}`"
        yield edit_at("partial", source, place, summed, advice)


def _is_partial(slice_: ast.expr) -> bool:
    if isinstance(slice_, ast.Tuple):
        return any(_is_partial(each) for each in slice_.elts)
    if isinstance(slice_, ast.UnaryOp):
        return isinstance(slice_.operand, ast.Constant)
    if isinstance(slice_, ast.Slice):
        return slice_.lower is not None or slice_.upper is not None or slice_.step is not None
    return isinstance(slice_, ast.Constant) and isinstance(slice_.value, int)


def _ranges(source: FunctionSource, place: Place) -> Iterator[Edit]:
    """A loop from the start, and to another end."""
    node = place.node
    last = node.args[0] if len(node.args) == 1 else node.args[1]
    ends = [last]
    if isinstance(last, ast.BinOp) and isinstance(last.op, (ast.Sub, ast.Add)):
        ends.append(last.left)
    ends.append(ast.BinOp(fresh(last), ast.Add(), ast.Constant(1)))
    for end in ends:
        other = ast.Call(fresh(node.func), [fresh(end)], [])
        if text(other) != text(node):
            yield edit_at("partial", source, place, other, f"go over all, `{text(other)}`")


def _returns_in_loops(source: FunctionSource) -> Iterator[Edit]:
    for place in places(source):
        node = place.node
        if not isinstance(node, (ast.For, ast.While)) or place.index is None:
            continue
        last = node.body[-1]
        if isinstance(last, ast.Return):
            loop = copy.copy(node)
            loop.body = node.body[:-1] or [ast.Pass()]
            body = list(getattr(place.parent, place.field))
            whole = Place(place.parent, place.field, None, body, place.statement)
            mended = [*body[: place.index], loop, last, *body[place.index + 1 :]]
            advice = "return after the loop, not within it"
            yield Edit("partial", source, ((whole, mended),), last.lineno, advice)


def order(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Take what is returned before the weights are updated."""
    node = source.node
    if not isinstance(node, ast.FunctionDef):
        return
    body = list(node.body)
    whole = Place(node, "body", None, body, body[0])
    for number, statement in enumerate(body):
        if isinstance(statement, ast.Return) and statement.value is not None:
            name = "input_gradient_before_the_update"
            taken = ast.copy_location(
                ast.Assign([ast.Name(name, ast.Store())], fresh(statement.value)), statement
            )
            back = ast.copy_location(ast.Return(ast.Name(name, ast.Load())), statement)
            for earlier in range(number):
                mended = [*body[:earlier], taken, *body[earlier:number], back]
                yield _order(source, whole, mended, statement)
        else:
            for earlier in range(number):
                moved = [*body[:earlier], statement, *body[earlier:number], *body[number + 1 :]]
                yield _order(source, whole, moved, statement)


def _order(source: FunctionSource, whole: Place, body: list[Any], statement: ast.stmt) -> Edit:
    advice = "compute it before the weights are updated"
    return Edit("order", source, ((whole, body),), statement.lineno, advice)


def kernels(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Turn the kernel round by 180 degrees, or do not."""
    if not any(value.ndim > 2 for value in variables(source).values()):
        return  # no images
    for place in places(source):
        node = place.node
        if not isinstance(node, ast.expr) or not isinstance(
            getattr(node, "ctx", ast.Load()), ast.Load
        ):
            continue
        if isinstance(node, ast.Subscript) and "::-1" in text(node.slice):
            yield edit_at("flip", source, place, fresh(node.value), "do not turn the kernel round")
        if name_called(node) in ("flip", "rot90", "flipud", "fliplr"):
            inner = node.args[0]
            yield edit_at("flip", source, place, fresh(inner), "do not turn the kernel round")
            both = expression(f"({text(inner)})[::-1, ::-1]")
            yield edit_at("flip", source, place, both, "turn the kernel round in both directions")
        if isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) and _may_be_kernel(node):
            for flip in FLIPS_AND_TURNS:
                turned = expression(f"({text(node)}){flip}")
                advice = f"turn the kernel round, `{text(node)}{flip}`"
                yield edit_at("flip", source, place, turned, advice)


def _may_be_kernel(node: ast.expr) -> bool:
    if not isinstance(getattr(node, "ctx", None), ast.Load):
        return False
    words = re.findall(r"[A-Za-z]+", text(node))
    return any(re.fullmatch(r"w|k|.*(kernel|weight|filter).*", word, re.I) for word in words) or (
        isinstance(node, ast.Subscript)
    )


def strides(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Multiply a loop's counters by the stride, in a slice and where an offset is computed."""
    numbers = whole_numbers(source).items()
    names = [name for name, value in numbers if value and STRIDE.search(name)]
    if not names:
        return
    counters = _counters(source)
    stride = names[0]
    for statement in _statements(source):
        inside = [
            place
            for place in _places_in(statement, source)
            if isinstance(place.node, ast.Name)
            and place.node.id in counters
            and isinstance(place.node.ctx, ast.Load)
            and not (isinstance(place.parent, ast.BinOp) and isinstance(place.parent.op, ast.Mult))
        ]
        in_slices = [p for p in inside if _in_slice(p, statement)]
        in_sums = [
            p
            for p in inside
            if isinstance(p.parent, ast.Slice)
            or (isinstance(p.parent, ast.BinOp) and isinstance(p.parent.op, ast.Add))
        ]
        for chosen in (in_sums, inside, in_slices):
            if chosen:
                changes = tuple(
                    (p, ast.BinOp(fresh(p.node), ast.Mult(), expression(stride))) for p in chosen
                )
                advice = f"multiply the positions by the stride, `{stride}`"
                yield Edit("stride", source, changes, statement.lineno, advice)
    yield from _strided_slices(source, stride)


def _strided_slices(source: FunctionSource, stride: str) -> Iterator[Edit]:
    """`a : a + rows` becomes ``a : a + stride * rows : stride``."""
    for statement in _statements(source):
        changes = []
        for place in _places_in(statement, source):
            node = place.node
            if (
                isinstance(node, ast.Slice)
                and isinstance(node.upper, ast.BinOp)
                and node.lower
                and not node.step
            ):
                end = f"{text(node.upper.left)} + {stride} * ({text(node.upper.right)})"
                new = expression(f"x[{text(node.lower)} : {end} : {stride}]")
                if isinstance(new, ast.Subscript):
                    changes.append((place, new.slice))
        if changes:
            advice = f"step through the windows with the stride, `{stride}`"
            yield Edit("stride", source, tuple(changes), statement.lineno, advice)


def _statements(source: FunctionSource) -> list[ast.stmt]:
    return [
        node
        for node in ast.walk(source.node)
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.Return, ast.Expr))
    ]


def _places_in(statement: ast.stmt, source: FunctionSource) -> list[Place]:
    inner = {id(node) for node in ast.walk(statement)}
    return [place for place in _all_places(source) if id(place.node) in inner]


def _all_places(source: FunctionSource) -> list[Place]:
    found = places(source)
    slices = [
        Place(p.node, "slice", None, p.node.slice, p.statement)
        for p in found
        if isinstance(p.node, ast.Subscript)
    ]
    return [*found, *(s for s in slices if not any(s.node is p.node for p in found))]


def _in_slice(place: Place, statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Subscript)
        and any(inner is place.node for inner in ast.walk(node.slice))
        for node in ast.walk(statement)
    )


def _counters(source: FunctionSource) -> set[str]:
    return {
        name.id
        for node in ast.walk(source.node)
        if isinstance(node, (ast.For, ast.comprehension))
        for name in ast.walk(node.target)
        if isinstance(name, ast.Name)
    }


def crops(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Cut the padding off what is returned."""
    names = [name for name in whole_numbers(source) if PADDING.search(name)]
    for place in places(source):
        if not isinstance(place.parent, ast.Return) or place.field != "value":
            continue
        node = place.node
        base = node.value if isinstance(node, ast.Subscript) else node
        for name in names:
            for form in CROPS:
                crop = form.format(name)
                other = expression(f"({text(base)}){crop}")
                advice = f"cut the padding off on both sides, `{crop}`"
                yield edit_at("crop", source, place, other, advice)


def renamed(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Another array of the same shape in the place of one that is read."""
    known = variables(source)
    for place in places(source):
        node = place.node
        if not isinstance(node, (ast.Name, ast.Attribute, ast.Subscript)) or not isinstance(
            node.ctx, ast.Load
        ):
            continue
        own = known.get(text(node))
        if own is None:
            continue
        for name, value in known.items():
            if name != text(node) and np.shape(value) == np.shape(own):
                advice = f"`{name}` in the place of `{text(node)}`".replace("'", '"')
                other, added = expression(name), expression(name)
                yield edit_at("renamed", source, place, other, advice, removed=node, added=added)
