"""The innermost loops of plain matrix products, in registers.

A tile of C = S + A B is summed over k while it stays in the processor's registers: for each k some
numbers of a column of A times some of a row of B, whose rows lie evenly apart. A is one of three
kinds, of numbers of `item` bytes:

    adjacent:   A[i, (s, t)] at  a + i · item + segments[s] + t · step
    apart:      A[i, (s, t)] at  a + row_offsets[i] + segments[s] + t · step
    depthwise:  A[i, (s, t), j] at  a + row_offsets[i] + segments[s] + t · step + j · item

`adjacent` are the rows of a transposed matrix and of a panel, see `packing`; `apart` those of a
plain matrix and the windows of an image, so that a convolution needs no copy of its patches. In a
`depthwise` one every column j of B meets numbers of its own, those of its channel. A tile
has a function of its own for every height and width, with whole vectors or with a last one that is
a part: none has rows or vectors that do not exist. LLVM alone compiles them, see `library`.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import product
from typing import Any, NamedTuple

from chainrule.engine.codegen.emitter import INT, SHORT, Emitter
from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.processor import IS_WIDE, TILE_ROWS, TILE_VECTORS, VECTOR_BYTES
from chainrule.engine.program.records import offset_of, record
from chainrule.parameters import CACHE_LINE

ADJACENT, APART, DEPTHWISE = range(3)
KINDS = ("adjacent", "apart", "depthwise")
UNROLLED = 4  # steps in a round of the innermost loop


@record
class TileTask(ctypes.Structure):
    """What a tile is to do: addresses, strides in bytes, and counts."""

    number: int  # of the function in `library`
    a: int
    row_offsets: int
    step: int
    segments: int
    segment_count: int
    length: int  # steps in a segment
    b: int
    b_row: int
    c: int
    c_row: int
    start: int  # where S lies; 0 if it is zero
    start_row: int
    last_lanes: int  # columns in the last vector, where it is a part


class Tile(NamedTuple):
    """Which tile: its kind and size, and if its last vector is a part."""

    kind: int
    rows: int
    vectors: int
    is_part: bool

    @property
    def name(self) -> str:
        part = "_part" if self.is_part else ""
        return f"{KINDS[self.kind]}_tile_{self.rows}_{self.vectors}{part}"


def all_tiles() -> Iterator[Tile]:
    """Every tile, in the order of their numbers."""
    rows, vectors = range(1, TILE_ROWS + 1), range(1, TILE_VECTORS + 1)
    return (Tile(*some) for some in product(range(len(KINDS)), rows, vectors, (False, True)))


@kernel
def tile_number(kind: int, rows: int, vectors: int, is_part: int) -> int:
    """Which one of `all_tiles` it is."""
    return ((kind * TILE_ROWS + rows - 1) * TILE_VECTORS + vectors - 1) * 2 + is_part


class Given(NamedTuple):
    """The fields of a `TileTask` in registers, and for each vector the mask of its lanes; None
    where it is whole."""

    task: Any
    masks: list[Any]


def emit_tile(tile: Tile, emit: Emitter, address: Any) -> None:
    """C = S + A B, given the address of a `TileTask`."""
    task = fields_at(emit, address, TileTask)
    given = Given(task, masks_of(emit, tile.vectors, tile.is_part, task))
    is_given = emit.builder.icmp_unsigned("!=", task["start"], INT(0))
    zeros = [emit.zero] * (tile.rows * tile.vectors)
    sums = emit.choose(is_given, partial(load_start, tile, emit, given), lambda: zeros)
    store_sums(tile, emit, given, sum_products(tile, emit, given, sums))


def fields_at(emit: Emitter, address: Any, kind: Any) -> dict[str, Any]:
    """The fields of a record, by name."""
    names = kind.__annotations__
    return {name: emit.integer_at(emit.beyond(address, offset_of(name, kind))) for name in names}


def masks_of(emit: Emitter, vectors: int, is_part: bool, task: dict[str, Any]) -> list[Any]:
    """For each vector of a row, the mask of its lanes; None where it is whole."""
    last = emit.masks(task["last_lanes"], 1)[0] if is_part else None
    return [None] * (vectors - 1) + [last]


def load_start(tile: Tile, emit: Emitter, given: Given) -> list[Any]:
    """S, row by row. The rows of C below, which the next tile begins with, are fetched ahead."""
    builder, task = emit.builder, given.task
    sums, at = [], task["start"]
    for _ in range(tile.rows):
        sums += load_row(emit, at, given.masks)
        at = builder.add(at, task["start_row"])
    at = builder.add(task["c"], builder.mul(task["c_row"], INT(tile.rows)))
    for _ in range(tile.rows):
        for offset in range(0, tile.vectors * VECTOR_BYTES, CACHE_LINE):
            emit.prefetch(emit.beyond(at, offset))
        at = builder.add(at, task["c_row"])
    return sums


def load_row(emit: Emitter, address: Any, masks: Sequence[Any]) -> list[Any]:
    """Vectors side by side."""
    return [emit.load(emit.beyond(address, v * VECTOR_BYTES), m) for v, m in enumerate(masks)]


def sum_products(tile: Tile, emit: Emitter, given: Given, sums: list[Any]) -> list[Any]:
    """S + A B: the loops over segments and over the steps of each."""
    builder, task = emit.builder, given.task
    steps = partial(add_products, tile, emit, given, left_of(tile, emit, given))
    rest = builder.and_(task["length"], INT(UNROLLED - 1))

    def segment(at: Any, b: Any, *sums: Any) -> list[Any]:
        values = [emit.integer_at(at), b, *sums]
        whole = builder.sub(task["length"], rest)
        values = emit.carry(whole, values, partial(steps, UNROLLED), UNROLLED)
        values = emit.carry(rest, values, partial(steps, 1))
        return [emit.beyond(at, 8), *values[1:]]

    values = [task["segments"], task["b"], *sums]
    return emit.carry(task["segment_count"], values, segment)[2:]


def left_of(tile: Tile, emit: Emitter, given: Given) -> Callable[[Any, int], list[Any]]:
    """The function ``left(offset, row)``: numbers of A, so many bytes on, for each vector of B."""
    builder, task = emit.builder, given.task
    if tile.kind == ADJACENT:
        return lambda offset, row: (
            [emit.broadcast(emit.beyond(builder.add(task["a"], offset), row * emit.bytes))]
            * tile.vectors
        )
    offsets = [emit.integer_at(emit.beyond(task["row_offsets"], 8 * r)) for r in range(tile.rows)]
    starts = [builder.add(task["a"], offset) for offset in offsets]
    if tile.kind == APART:
        return lambda offset, row: [emit.broadcast(builder.add(starts[row], offset))] * tile.vectors
    return lambda offset, row: load_row(emit, builder.add(starts[row], offset), given.masks)


def add_products(
    tile: Tile, emit: Emitter, given: Given, left: Any, count: int, a: Any, b: Any, *sums: Any
) -> list[Any]:
    """Some steps: sums[i][j] += A[i, k] B[k, j]. `a` is where the offset in A has come to, `b` the
    address in B."""
    builder, task, totals = emit.builder, given.task, list(sums)
    for _ in range(count):
        right = load_row(emit, b, given.masks)
        for row in range(tile.rows):
            for v, (value, other) in enumerate(zip(left(a, row), right, strict=True)):
                i = row * tile.vectors + v
                totals[i] = emit.multiply_add(value, other, totals[i])
        a, b = builder.add(a, task["step"]), builder.add(b, task["b_row"])
    return [a, b, *totals]


def store_sums(tile: Tile, emit: Emitter, given: Given, sums: Sequence[Any]) -> None:
    """C = the sums, row by row. AVX2 is slow to store under masks: a part goes in halves there."""
    in_halves = tile.is_part and not IS_WIDE
    at, parts = given.task["c"], []
    for row in range(tile.rows):
        totals = sums[row * tile.vectors : (row + 1) * tile.vectors]
        for v, (total, mask) in enumerate(zip(totals, given.masks, strict=True)):
            to = emit.beyond(at, v * VECTOR_BYTES)
            if mask is not None and in_halves:
                parts.append((total, to))
            else:
                emit.store(total, to, mask)
        at = emit.builder.add(at, given.task["c_row"])
    if parts:
        values, addresses = zip(*parts, strict=True)
        store_parts(emit, given.task["last_lanes"], list(values), list(addresses))


def store_parts(emit: Emitter, count: Any, values: list[Any], addresses: list[Any]) -> None:
    """The first `count` lanes of vectors, without masks: as the bits of `count` say, a half, a
    quarter, and so on."""
    builder, half = emit.builder, emit.lanes // 2

    def store_half() -> list[Any]:
        for value, address in zip(values, addresses, strict=True):
            first = emit.lanes_of(value, range(half))
            emit.store(first if half > 1 else builder.extract_element(first, SHORT(0)), address)
        rest = [emit.lanes_of(value, range(half, 2 * half)) for value in values]
        return [*rest, *(emit.beyond(address, half * emit.bytes) for address in addresses)]

    def keep() -> list[Any]:
        return [*(emit.lanes_of(value, range(half)) for value in values), *addresses]

    while half:
        has_half = builder.icmp_signed("!=", builder.and_(count, INT(half)), INT(0))
        left = emit.choose(has_half, store_half, keep)
        values, addresses = left[: len(values)], left[len(values) :]
        half //= 2
