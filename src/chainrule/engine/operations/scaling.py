"""Numbers times others of fewer: those of a mask, or of a gate.

The factors of an example are laid over its numbers again and again: once if each number has its
own, for every pixel if each channel has one.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule.engine.codegen.native import clear, pointer
from chainrule.engine.codegen.operands import count_rows, read
from chainrule.engine.program.instructions import Tensor
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import handles


class Scale(NamedTuple):
    """y = f x."""

    x: Tensor
    y: Tensor
    factors: Tensor


class ScaleDfactors(NamedTuple):
    """df = Σ dy x, over the places where the same factor was."""

    dy: Tensor
    x: Tensor
    dfactors: Tensor


@handles(Scale)
def scale(task: Task, like: Any) -> None:
    """y = f x; one factor alone is read once for all numbers of its example."""
    operands: Any = read(task, Scale)
    x, y = pointer(operands.x.address, like), pointer(operands.y.address, like)
    factors, size = pointer(operands.factors.address, like), operands.factors.size
    for n in range(count_rows(task)):
        begin, end = n * operands.x.size, (n + 1) * operands.x.size
        if size == 1:
            factor = factors[n]
            for k in range(begin, end):
                y[k] = x[k] * factor
        else:
            for at in range(begin, end, size):
                for k in range(size):
                    y[at + k] = x[at + k] * factors[n * size + k]


@handles(ScaleDfactors)
def scale_dfactors(task: Task, like: Any) -> None:
    """df = Σ dy x."""
    operands: Any = read(task, ScaleDfactors)
    dy, x = pointer(operands.dy.address, like), pointer(operands.x.address, like)
    dfactors, size = pointer(operands.dfactors.address, like), operands.dfactors.size
    clear(dfactors, count_rows(task) * size)
    for n in range(count_rows(task)):
        for at in range(n * operands.x.size, (n + 1) * operands.x.size, size):
            for k in range(size):
                dfactors[n * size + k] += dy[at + k] * x[at + k]
