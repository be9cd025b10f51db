"""What a compiled network is made of: instructions over tensors.

A `Tensor` is a buffer with a row for each example; an `Instruction` is an operation with its
operands. The parts of a `Code` are lists of instructions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(eq=False)
class Tensor:
    """A buffer of `size` numbers for each example.

    Args:
        size: numbers in a row.
        wants_gradient: True if anything before it learns.
        owned: True if no one else reads it, so that the next operation may write over it.
    """

    size: int
    wants_gradient: bool = True
    owned: bool = False


@dataclass(eq=False)
class Private:
    """Memory that each thread has for itself, zero at first.

    Args:
        size: numbers of the network's type.
        is_sum: True if it is set to zero again before every step.
        lasts: False if its content is needed no longer than one operation takes: then it shares
            its place with all such memory.
    """

    size: int
    is_sum: bool = False
    lasts: bool = True


class Wait(NamedTuple):
    """All threads wait for each other: the machine's own operation."""


@dataclass(eq=False)
class Instruction:
    """One operation.

    Args:
        operands: a NamedTuple, whose class says which operation it is.
        interleaved: how many examples lie side by side in the tensors, see `interleave`.
    """

    operands: Any
    interleaved: int = 1

    @property
    def name(self) -> str:
        """The operation's name, as in ``dense_dx``."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", "_", type(self.operands).__name__).lower()

    @property
    def tensors(self) -> list[Tensor]:
        """The tensors that it reads and writes."""
        return [operand for operand in leaves(self.operands) if isinstance(operand, Tensor)]

    @property
    def private(self) -> list[Private]:
        """The threads' own memory that it works with."""
        return [operand for operand in leaves(self.operands) if isinstance(operand, Private)]


def leaves(operands: Any) -> Iterator[Any]:
    """The operands, those within others too."""
    for operand in operands:
        if isinstance(operand, tuple):
            yield from leaves(operand)
        else:
            yield operand


@dataclass
class Code:
    """The parts of a program, in the order in which they are run.

    Args:
        forward, backward: go over examples, each thread over its own.
        shared: sums gradients over all examples of a chunk, each thread for its share of the
            parameters; so do the parts that follow.
        gather: sums what threads have added up of other gradients in a step.
        exchange: adds up the gradients of several processes, where there are any.
        finish: completes the gradients of a step.
        move: moves the parameters.
        arrange: copies weights into other orders, once they have moved, and before the first step.
    """

    forward: list[Instruction] = field(default_factory=list)
    backward: list[Instruction] = field(default_factory=list)
    shared: list[Instruction] = field(default_factory=list)
    gather: list[Instruction] = field(default_factory=list)
    exchange: list[Instruction] = field(default_factory=list)
    finish: list[Instruction] = field(default_factory=list)
    move: list[Instruction] = field(default_factory=list)
    arrange: list[Instruction] = field(default_factory=list)

    @property
    def parts(self) -> dict[str, list[Instruction]]:
        """The parts by their names."""
        return dict(vars(self))

    def __iter__(self) -> Iterator[Instruction]:
        """All instructions."""
        for part in self.parts.values():
            yield from part
