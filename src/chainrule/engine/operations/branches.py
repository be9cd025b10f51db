"""Layers that only lead elsewhere: branches that are added, multiplied or put side by side, and
shapes.

They need no arithmetic of their own but copies of columns, sums of them, and factors.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from chainrule import layers
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import pointer
from chainrule.engine.codegen.operands import count_rows, read
from chainrule.engine.operations.scaling import Scale, ScaleDfactors
from chainrule.engine.program.instructions import Tensor
from chainrule.engine.program.lowering import Lowered, Lowering
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles, lowers
from chainrule.layers.base import Layer
from chainrule.types import Shape


class Copy(NamedTuple):
    """Copy a stretch of `width` numbers of every row or pixel of x into y, or add it."""

    x: Tensor
    y: Tensor
    x_at: int
    y_at: int
    width: int
    adds: bool
    pixels: int  # in a row of a tensor
    x_pixel: int  # numbers in each
    y_pixel: int


# --- how layers are lowered -----------------------------------------------------------------------


@lowers(layers.Flatten, layers.Reshape)
@lowers(layers.Identity, elementwise=True)
def lower_nothing(to: Lowering, layer: Layer, x: Tensor, shape: Shape) -> Lowered:
    """Layers that leave every number where it is."""
    return x, lambda dy: dy


@lowers(layers.Residual)
def lower_residual(to: Lowering, layer: layers.Residual, x: Tensor, shape: Shape) -> Lowered:
    x.owned = False
    branch, pull_branch = to.lower(layer.branch, x, shape)
    past, pull_past = x, None
    if layer.shortcut is not None:
        past, pull_past = to.lower(layer.shortcut, x, shape)
    y = to.output(x, branch.size, learns=branch.wants_gradient)
    copy_columns(to.forward, branch, y)
    copy_columns(to.forward, past, y, adds=True)

    def pull(dy: Tensor) -> Tensor | None:
        dy.owned = False
        from_branch = pull_branch(dy)
        from_past = dy if pull_past is None else pull_past(dy)
        return add(to, x, [from_branch, from_past])

    return y, pull


@lowers(layers.Gated)
def lower_gated(to: Lowering, layer: layers.Gated, x: Tensor, shape: Shape) -> Lowered:
    x.owned = False
    gate, pull_gate = to.lower(layer.gate, x, shape)
    gate.owned = False
    y = to.output(x, x.size, learns=gate.wants_gradient)
    to.forward(Scale(x, y, gate))

    def pull(dy: Tensor) -> Tensor | None:
        dy.owned = False
        dgate = to.output(gate, gate.size)
        to.backward(ScaleDfactors(dy, x, dgate))
        through_gate = pull_gate(dgate)
        if not x.wants_gradient:
            return None
        past = to.output(x, x.size)
        to.backward(Scale(dy, past, gate))
        return add(to, x, [through_gate, past])

    return y, pull


@lowers(layers.Concatenate)
def lower_concatenate(to: Lowering, layer: layers.Concatenate, x: Tensor, shape: Shape) -> Lowered:
    x.owned = False
    parts, pulls, widths = [], [], []
    for branch in layer.branches:
        y_part, pull_part = to.lower(branch, x, shape)
        y_part.owned = False
        parts.append(y_part)
        pulls.append(pull_part)
        widths.append((branch.output_shapes or [shape])[-1][-1])
    y = to.output(x, sum(part.size for part in parts), learns=any(p.wants_gradient for p in parts))
    starts = [sum(widths[:i]) for i in range(len(widths))]
    for part, width, at in zip(parts, widths, starts, strict=True):
        copy_columns(to.forward, part, y, 0, at, width)

    def pull(dy: Tensor) -> Tensor | None:
        gradients = []
        for part, pull_part, width, at in zip(parts, pulls, widths, starts, strict=True):
            dy_part = to.output(x, part.size)
            copy_columns(to.backward, dy, dy_part, at, 0, width)
            gradients.append(pull_part(dy_part))
        return add(to, x, gradients)

    return y, pull


def add(to: Lowering, x: Tensor, gradients: Sequence[Tensor | None]) -> Tensor | None:
    """dx as the sum of what comes back from all that used x."""
    if not x.wants_gradient:
        return None
    dx = to.output(x, x.size)
    present = [gradient for gradient in gradients if gradient is not None]
    for number, gradient in enumerate(present):
        copy_columns(to.backward, gradient, dx, adds=number > 0)
    return dx


def copy_columns(
    emit: Callable[..., None],
    source: Tensor,
    target: Tensor,
    source_at: int = 0,
    target_at: int = 0,
    width: int = 0,
    adds: bool = False,
) -> None:
    """Copy or add a stretch of `width` numbers of every row, or of every pixel of it; or all."""
    pixels = min(source.size, target.size) // width if width else 1
    source_pixel, target_pixel = source.size // pixels, target.size // pixels
    width = width or source.size
    emit(
        Copy(source, target, source_at, target_at, width, adds, pixels, source_pixel, target_pixel)
    )


# --- kernel ---------------------------------------------------------------------------------------


@handles(Copy)
def copy(task: Task, like: Any) -> None:
    """Copy columns of x into y, or add them."""
    operands: Any = read(task, Copy)
    x, y = pointer(operands.x.address, like), pointer(operands.y.address, like)
    copy_columns_of(x, y, count_rows(task) * operands.pixels, operands)


@kernel
def copy_columns_of(x: Any, y: Any, pixels: int, operands: Any) -> None:
    """y[:, y_at : y_at + width] = x[:, x_at : x_at + width], or += ."""
    for n in range(pixels):
        a, b = n * operands.x_pixel + operands.x_at, n * operands.y_pixel + operands.y_at
        if operands.adds:
            for k in range(operands.width):
                y[b + k] += x[a + k]
        else:
            for k in range(operands.width):
                y[b + k] = x[a + k]
