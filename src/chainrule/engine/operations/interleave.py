"""Interleaved examples: as many side by side as a vector has lanes.

Six channels fill six of a vector's sixteen lanes. Where images are as narrow as that, examples are
interleaved:

    x[group, pixel, channel, example of the group].

A group is then one image whose channels are vectors. To pooling and to activations it is an example
like any other, only with more channels; convolution takes tiles of its own. What lies in the lanes
that the last examples leave over is zero where it enters, so that it adds nothing to a gradient.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule.engine.codegen.native import size_of
from chainrule.engine.codegen.operands import count_rows, is_operation, read
from chainrule.engine.codegen.processor import VECTOR_BYTES
from chainrule.engine.codegen.transposition import Transposition, transpose
from chainrule.engine.program.instructions import Tensor
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles


class Interleave(NamedTuple):
    """Interleave examples."""

    x: Tensor
    y: Tensor


class Deinterleave(NamedTuple):
    """Take interleaved examples apart."""

    x: Tensor
    y: Tensor


@handles(Interleave, Deinterleave)
def interleave(task: Task, like: Any) -> None:
    """Interleave examples, or take them apart again: transpose each group of them."""
    operands: Any = read(task, Interleave)
    rows, item, size = count_rows(task), size_of(like), operands.x.size
    lanes = VECTOR_BYTES // item
    for first in range(0, rows, lanes):
        count, offset = min(rows - first, lanes), first * size * item
        x, y = operands.x.address + offset, operands.y.address + offset
        if is_operation(task, Interleave):
            transpose(Transposition(x, size * item, y, VECTOR_BYTES, count, size, lanes), like)
            continue
        for i in range(0, size, lanes):
            width = min(size - i, lanes)
            at, to = x + i * VECTOR_BYTES, y + i * item
            transpose(Transposition(at, VECTOR_BYTES, to, size * item, width, count, width), like)
