"""Which function carries out each operation, and which one lowers each type of layer.

A module of `operations` says so with two decorators; names, numbers and lists follow from them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from chainrule.engine.program.instructions import Instruction, Wait
from chainrule.layers.base import Layer

Function = TypeVar("Function", bound=Callable[..., Any])


@dataclass(frozen=True)
class Operation:
    """What the engine knows about an operation.

    Args:
        number: tells operations apart that have the same handler.
        handler: the function that carries it out, ``handler(task, like)``; None for `Wait`.
        blocked: True if it may go over the examples a few at a time, with its neighbours.
        takes_all: True if each share of it is of something else, over all examples of a chunk.
    """

    number: int
    handler: Callable[..., None] | None
    blocked: bool
    takes_all: bool = False


OPERATIONS: dict[type, Operation] = {Wait: Operation(0, None, blocked=False)}
LOWERINGS: dict[type[Layer], Callable[..., Any]] = {}
ELEMENTWISE: set[type[Layer]] = set()  # layers that act value by value, in whatever order
INTERLEAVABLE: set[type[Layer]] = set()  # layers that take interleaved examples


def handles(
    *operations: type, blocked: bool = True, takes_all: bool = False
) -> Callable[[Function], Function]:
    """Have a function carry out operations, given by the classes of their operands."""

    def register(handler: Function) -> Function:
        for operation in operations:
            OPERATIONS[operation] = Operation(len(OPERATIONS), handler, blocked, takes_all)
        return handler

    return register


def register(operation: type, handler: Callable[..., None]) -> None:
    """Have an operation carried out by a function that was made for it, and takes its name."""
    handler.__name__ = operation.__name__
    handles(operation)(handler)


def operation(name: str, operands: type, handler: Callable[..., None]) -> type:
    """An operation of its own with the operands of another class, and a function made for it."""
    kind = type(name, (operands,), {})
    register(kind, handler)
    return kind


def lowers(
    *kinds: type[Layer], elementwise: bool = False, interleavable: bool = False
) -> Callable[[Function], Function]:
    """Have a function lower layers: ``lower(to, layer, x, shape)`` gives y, and the function from
    dy to dx that writes down the backward pass."""

    def register(lower: Function) -> Function:
        for kind in kinds:
            LOWERINGS[kind] = lower
            if elementwise:
                ELEMENTWISE.add(kind)
            if elementwise or interleavable:
                INTERLEAVABLE.add(kind)
        return lower

    return register


def operation_of(instruction: Instruction) -> Operation:
    """What is known about an instruction's operation."""
    return OPERATIONS[type(instruction.operands)]


def function_name(function: Callable[..., Any]) -> str:
    """Module and name of a function, as in ``dense.multiply``."""
    return f"{function.__module__.rpartition('.')[2]}.{function.__name__}"


def handlers() -> dict[str, Callable[..., None]]:
    """The functions that carry out operations, by name."""
    found = (operation.handler for operation in OPERATIONS.values())
    return {function_name(handler): handler for handler in found if handler is not None}
