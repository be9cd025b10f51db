"""The operands of an operation, by name.

An operation declares its operands once, as the fields of a NamedTuple:

    class Dense(NamedTuple):
        x: Tensor
        y: Tensor
        weights: Array
        bias: Array | None

Whoever lowers a layer fills it with tensors and arrays. Written down in a table, every field takes
a slot of eight bytes; compiled code reads the slots back into a `Dense` whose fields are addresses
and numbers, see `codegen.operands`. Which is which follows from the field's type. What several
operations have in common may be a NamedTuple of its own, as a field.
"""

from __future__ import annotations

import enum
import struct
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any, get_args, get_type_hints

from chainrule.engine.program.instructions import Private, Tensor
from chainrule.types import Array


class Kind(enum.Enum):
    """What an operand is, and what compiled code sees of it."""

    TENSOR = "rows: the address of the first that it is to work on, and the numbers in each"
    ARRAY = "the address of an array that lives elsewhere; 0 for None"
    PRIVATE = "the address of this thread's own memory; 0 for None"
    INTEGER = "the whole number"
    REAL = "the real number, as a float64"


KINDS: dict[Any, Kind] = {
    Tensor: Kind.TENSOR,
    Array: Kind.ARRAY,
    Private: Kind.PRIVATE,
    int: Kind.INTEGER,
    bool: Kind.INTEGER,
    float: Kind.REAL,
}
NOTHING = -1  # in the slot of a tensor or of private memory that is None


@cache
def kinds(operation: Callable[..., Any]) -> tuple[Kind | type, ...]:
    """The kind of each of an operation's operands, in their order; or its class, where it is a
    NamedTuple of several."""
    return tuple(kind_of(hint) for hint in get_type_hints(operation).values())


def kind_of(hint: Any) -> Kind | type:
    """The kind of an operand of this type, or of this type and None."""
    if isinstance(hint, type) and issubclass(hint, tuple):
        return hint
    some = [part for part in get_args(hint) if part is not type(None)]
    optional = type(None) in get_args(hint)
    return KINDS[some[0] if optional else hint]


def slots(
    operands: Any, tensors: Mapping[Tensor, int], private: Mapping[Private, int]
) -> list[int]:
    """What stands in the slots of an instruction's row.

    Args:
        tensors: the number of each tensor.
        private: where each thread's memory has its place, in bytes from the beginning.
    """
    written = []
    for operand, kind in zip(operands, kinds(operands.__class__), strict=True):
        match kind:
            case Kind.TENSOR:
                written.append(NOTHING if operand is None else tensors[operand])
            case Kind.PRIVATE:
                written.append(NOTHING if operand is None else private[operand])
            case Kind.ARRAY:
                written.append(0 if operand is None else operand.ctypes.data)
            case Kind.INTEGER:
                written.append(int(operand))
            case Kind.REAL:
                written.append(struct.unpack("q", struct.pack("d", operand))[0])
            case _:
                written += slots(operand, tensors, private)
    return written
