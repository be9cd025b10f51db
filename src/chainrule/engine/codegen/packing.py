"""Copies of parts of a matrix as panels: in the order in which tiles read them.

A panel has the columns of one tile and nothing else, its rows one behind the other. So a tile reads
it from beginning to end, where it would leap from row to row of the matrix.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from itertools import product
from typing import Any, NamedTuple

from chainrule.engine.codegen.emitter import INT, Emitter
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.processor import TILE_VECTORS, VECTOR_BYTES
from chainrule.engine.codegen.tiles import (
    KINDS,
    UNROLLED,
    fields_at,
    load_row,
    masks_of,
    tile_number,
)
from chainrule.engine.program.records import record


@record
class PackTask(ctypes.Structure):
    """What is to be packed: panels side by side, `width` bytes apart in the matrix, whose rows lie
    at ``source + t · step``."""

    number: int  # of the function in `library`
    source: int
    step: int
    length: int  # steps
    panels: int
    width: int
    target: int
    target_row: int
    target_panel: int
    last_lanes: int  # columns in the last vector, where it is a part


class Pack(NamedTuple):
    """Which function: the vectors in a row of a panel, and if the last of them is a part."""

    vectors: int
    is_part: bool

    @property
    def name(self) -> str:
        return f"pack_{self.vectors}{'_part' if self.is_part else ''}"


def all_packs() -> Iterator[Pack]:
    """Every function, in the order of their numbers, which follow those of the tiles."""
    return (Pack(*some) for some in product(range(1, TILE_VECTORS + 1), (False, True)))


@kernel
def pack_number(vectors: int, is_part: int) -> int:
    """Which one of `all_packs` it is, counted on from `all_tiles`."""
    return tile_number(len(KINDS), 1, 1, 0) + (vectors - 1) * 2 + is_part


def emit_pack(pack: Pack, emit: Emitter, address: Any) -> None:
    """Pack panels, given the address of a `PackTask`. Whole vectors are written: what lies behind
    the last number of a panel must be written later."""
    builder = emit.builder
    task = fields_at(emit, address, PackTask)
    masks = masks_of(emit, pack.vectors, pack.is_part, task)
    rest = builder.and_(task["length"], INT(UNROLLED - 1))

    def copy_rows(count: int, source: Any, target: Any) -> list[Any]:
        for _ in range(count):
            for v, vector in enumerate(load_row(emit, source, masks)):
                emit.store(vector, emit.beyond(target, v * VECTOR_BYTES))
            source = builder.add(source, task["step"])
            target = builder.add(target, task["target_row"])
        return [source, target]

    def panel(source: Any, target: Any) -> list[Any]:
        values, whole = [source, target], builder.sub(task["length"], rest)
        values = emit.carry(whole, values, lambda *now: copy_rows(UNROLLED, *now), UNROLLED)
        emit.carry(rest, values, lambda *now: copy_rows(1, *now))
        return [builder.add(source, task["width"]), builder.add(target, task["target_panel"])]

    emit.carry(task["panels"], [task["source"], task["target"]], panel)
