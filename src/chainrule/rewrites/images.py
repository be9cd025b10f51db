"""Images: a kernel not turned round, windows in other places, padding that is not cut off."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from chainrule.foreign.reading.backward_code import FunctionInFile
from chainrule.foreign.reading.expressions import expression, fresh, name_called, text
from chainrule.rewrites.edits import Edit, Place, places
from chainrule.rewrites.functions import FunctionSource
from chainrule.rewrites.scope import Scope
from chainrule.rewrites.text_edits import TextEdit

FLIPS = ("[::-1, ::-1]", "[:, :, ::-1, ::-1]", "[:, ::-1, ::-1, :]", "[::-1, ::-1, :, :]")
FLIPS_AND_TURNS = (*FLIPS, "[::-1]", "[:, ::-1]")
FUNCTIONS = ("flip", "rot90", "fliplr", "flipud")
KERNEL = re.compile(r"w|k|.*(kernel|weight|filter).*", re.I)
STRIDE = re.compile(r"stride|step|(^|\.)s$")
PADDING = re.compile(r"pad|(^|\.)p$")
BORDER = re.compile(r"^(self\.)?(p|pad|padding|ph|pw|border)$")
CROPS = ("[:, :, {0}:-{0}, {0}:-{0}]", "[:, {0}:-{0}, {0}:-{0}]", "[{0}:-{0}, {0}:-{0}]")


# --- kernels --------------------------------------------------------------------------------------


def _is_read(node: Any) -> bool:
    return isinstance(node, ast.expr) and isinstance(getattr(node, "ctx", ast.Load()), ast.Load)


def _has_images(scope: Scope) -> bool:
    return any(value.ndim > 2 for value in scope.arrays.values())


def unturned(place: Place, scope: Scope) -> Iterator[Edit]:
    """A kernel as it is, where it is turned round."""
    node = place.node
    if not _is_read(node) or not _has_images(scope):
        return
    if isinstance(node, ast.Subscript) and "::-1" in text(node.slice):
        yield scope.edit(place, fresh(node.value), "do not turn the kernel round")
    if name_called(node) in FUNCTIONS:
        inner = node.args[0]
        yield scope.edit(place, fresh(inner), "do not turn the kernel round")
        both = expression(f"({text(inner)})[::-1, ::-1]")
        yield scope.edit(place, both, "turn the kernel round in both directions")


def turned(place: Place, scope: Scope) -> Iterator[Edit]:
    """A kernel turned round by 180 degrees, where it is not."""
    node = place.node
    if _is_read(node) and _has_images(scope) and _may_be_kernel(node):
        for flip in FLIPS_AND_TURNS:
            other = expression(f"({text(node)}){flip}")
            yield scope.edit(place, other, f"turn the kernel round, `{text(node)}{flip}`")


def _may_be_kernel(node: ast.expr) -> bool:
    words = re.findall(r"[A-Za-z]+", text(node))
    return isinstance(node, ast.Subscript) or (
        isinstance(node, (ast.Name, ast.Attribute)) and any(map(KERNEL.fullmatch, words))
    )


def lost_turn(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """``kernel`` for ``np.flip(kernel)``."""
    if name_called(node) in FUNCTIONS:
        yield TextEdit(node, ast.unparse(node.args[0]))


def unreversed_slice(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """``kernel[:]`` for ``kernel[::-1]``."""
    for part in slices(node):
        if part.step is not None and ast.unparse(part.step) == "-1":
            yield TextEdit(part, ":")


def slices(node: Any) -> list[ast.Slice]:
    """The slices in the brackets of ``x[a:b, c:d]``."""
    if not isinstance(node, ast.Subscript):
        return []
    parts = node.slice.elts if isinstance(node.slice, ast.Tuple) else [node.slice]
    return [part for part in parts if isinstance(part, ast.Slice)]


# --- strides --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Windows:
    """A statement, and places in it that say where windows lie."""

    statement: ast.stmt
    places: list[Place]


def counters(source: FunctionSource) -> list[Windows]:
    """The counters of loops, where statements read them and do not multiply them."""
    names = {
        name.id
        for node in ast.walk(source.node)
        if isinstance(node, (ast.For, ast.comprehension))
        for name in ast.walk(node.target)
        if isinstance(name, ast.Name)
    }
    return [
        Windows(
            windows.statement,
            [
                place
                for place in windows.places
                if isinstance(place.node, ast.Name)
                and place.node.id in names
                and isinstance(place.node.ctx, ast.Load)
                and not _is_binary(place.parent, ast.Mult)
            ],
        )
        for windows in _windows(source)
    ]


def ranges(source: FunctionSource) -> list[Windows]:
    """Slices from somewhere to somewhere plus a size: ``a : a + rows``."""
    return [
        Windows(
            windows.statement,
            [
                place
                for place in windows.places
                if isinstance(place.node, ast.Slice)
                and isinstance(place.node.upper, ast.BinOp)
                and place.node.lower
                and not place.node.step
            ],
        )
        for windows in _windows(source)
    ]


def _windows(source: FunctionSource) -> list[Windows]:
    """Every statement that computes something, with all places in it."""
    found = places(source)
    in_brackets = [
        Place(p.node, "slice", None, p.node.slice, p.statement)
        for p in found
        if isinstance(p.node, ast.Subscript)
    ]
    known = {id(place.node) for place in found}
    found += [place for place in in_brackets if id(place.node) not in known]
    kinds = (ast.Assign, ast.AugAssign, ast.Return, ast.Expr)
    whole = [node for node in ast.walk(source.node) if isinstance(node, kinds)]
    inner = [{id(node) for node in ast.walk(statement)} for statement in whole]
    return [
        Windows(statement, [place for place in found if id(place.node) in within])
        for statement, within in zip(whole, inner, strict=True)
    ]


def _is_binary(node: ast.AST, op: type[ast.operator]) -> bool:
    return isinstance(node, ast.BinOp) and isinstance(node.op, op)


def _stride(scope: Scope) -> str | None:
    """A whole number that is a stride by its name."""
    return next(
        (name for name, value in scope.numbers.items() if value and STRIDE.search(name)), None
    )


def times_stride(windows: Windows, scope: Scope) -> Iterator[Edit]:
    """A loop's counters times the stride, in a slice and where an offset is computed."""
    stride, inside = _stride(scope), windows.places
    if stride is None:
        return
    in_slices = [p for p in inside if _in_slice(p, windows.statement)]
    in_sums = [
        p for p in inside if isinstance(p.parent, ast.Slice) or _is_binary(p.parent, ast.Add)
    ]
    for chosen in (in_sums, inside, in_slices):
        if chosen:
            changes = tuple(
                (p, ast.BinOp(fresh(p.node), ast.Mult(), expression(stride))) for p in chosen
            )
            advice = f"multiply the positions by the stride, `{stride}`"
            yield Edit(scope.source, changes, windows.statement.lineno, advice)


def _in_slice(place: Place, statement: ast.stmt) -> bool:
    return any(
        isinstance(node, ast.Subscript)
        and any(inner is place.node for inner in ast.walk(node.slice))
        for node in ast.walk(statement)
    )


def strided(windows: Windows, scope: Scope) -> Iterator[Edit]:
    """``a : a + stride * rows : stride`` for ``a : a + rows``."""
    stride, changes = _stride(scope), []
    for place in windows.places if stride else []:
        node = place.node
        end = f"{text(node.upper.left)} + {stride} * ({text(node.upper.right)})"
        new = expression(f"x[{text(node.lower)} : {end} : {stride}]")
        if isinstance(new, ast.Subscript):
            changes.append((place, new.slice))
    if changes:
        advice = f"step through the windows with the stride, `{stride}`"
        yield Edit(scope.source, tuple(changes), windows.statement.lineno, advice)


# --- padding --------------------------------------------------------------------------------------


def cropped(place: Place, scope: Scope) -> Iterator[Edit]:
    """What is returned without the padding."""
    if not isinstance(place.parent, ast.Return) or place.field != "value":
        return
    node = place.node
    base = node.value if isinstance(node, ast.Subscript) else node
    for name in filter(PADDING.search, scope.numbers):
        for form in CROPS:
            crop = form.format(name)
            other = expression(f"({text(base)}){crop}")
            yield scope.edit(place, other, f"cut the padding off on both sides, `{crop}`")


def wrong_crop(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """The padding cut off on one side alone: ``x[: end - p]`` for ``x[p:end]``."""
    for part in slices(node):
        is_reversed = part.step is not None and ast.unparse(part.step) == "-1"
        if part.lower is not None and part.upper is not None and not is_reversed:
            start, end = ast.unparse(part.lower), ast.unparse(part.upper)
            if BORDER.search(start):
                yield TextEdit(part, f":{end} - {start}")
