"""Plain matrix products: blocks for the caches, tiles for the registers.

All sizes are counts, all strides bytes, all matrices addresses. Every product is added to a
matrix S: to C itself, the gradient so far; to a bias, whose rows are all the same; or, without an
address, to zeros.

Large products are cut into blocks (Goto and van de Geijn, Anatomy of High-Performance Matrix
Multiplication, 2008): so many columns and steps that their part of B stays in a core's own cache
while all rows of A go past it. Where many rows do, the part is packed first. However a product is
cut, each number of C is one sum, added up from the first step to the last: its bits depend neither
on the blocks nor on which thread has which rows.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.library import run
from chainrule.engine.codegen.native import pointer, size_of
from chainrule.engine.codegen.operands import record_at
from chainrule.engine.codegen.packing import PackTask, pack_number
from chainrule.engine.codegen.processor import IS_WIDE, TILE_ROWS, TILE_VECTORS, VECTOR_BYTES
from chainrule.engine.codegen.tiles import ADJACENT, APART, DEPTHWISE, TileTask, tile_number
from chainrule.engine.program.instructions import Private

BLOCK_BYTES = 800 << 10  # of B that stay in a core's own cache
SHALLOW_BYTES = 128 << 10  # the same where rows of B are not packed
SINGLE_DEPTH, DOUBLE_DEPTH = 384, 256  # the most steps in a block
ROWS_TO_PACK_FOR = 96 if IS_WIDE else 48  # with fewer, packing B does not pay
BYTES_TO_PACK_FOR = (256 if IS_WIDE else 8) << 10  # of C; with fewer, neither
COLUMNS_TO_PACK_FOR = 96  # the same for A
STEP_TO_PACK = 2048  # bytes between the steps of a transposed A that is worth packing
BLOCK_WIDTH = 96  # columns: blocks are as wide as several of them
LEFT_ROWS = 192  # of A, packed at a time
STEPS_PACKED = 16  # of all panels at a time: their rows lie on one page

# What lies where in the memory that a product needs.
ROW_OFFSETS = 8  # behind an offset of 0, the only segment of a plain matrix
TILE_TASK = 128
PACK_TASK = 256
LEFT_PANELS = 384

tile_task_at, pack_task_at = record_at(TileTask), record_at(PackTask)


class Left(NamedTuple):
    """A, of one of the kinds of `tiles`. Its steps lie in segments; in a single one if there is
    no table of them. Rows that lie apart do so evenly if they have no table. `reach` is explained
    in `reached`."""

    address: int
    kind: int
    row: int
    row_table: int
    segments: int
    segment_count: int
    length: int  # steps in a segment
    step: int
    reach: int


class Right(NamedTuple):
    """B, as it lies or in panels, see `panel_of`."""

    address: int
    row: int
    in_panels: int


class Result(NamedTuple):
    """Where C lies, and S, which the product is added to; without an address, S is zero."""

    address: int
    row: int
    start: int
    start_row: int
    rows: int
    columns: int


class Blocks(NamedTuple):
    """How a product is cut: the most columns and steps of a block, and what is packed."""

    columns: int
    depth: int
    packs_left: bool
    packs_right: bool


class Block(NamedTuple):
    """Columns [column, column + columns) and steps [step, step + depth) of a product, and where
    panels with them are, if there are any: of A, and of B, which have more steps if B came so."""

    column: int
    columns: int
    step: int
    depth: int
    left_panels: int
    right_panels: int
    panel_depth: int
    panel_step: int  # the block's first


class Rows(NamedTuple):
    """Rows of C, for which A is where a task says: the first, and how many. Steps of the block at
    which they have nothing but zeros are left out."""

    first: int
    height: int
    kind: int
    left_out: int


@kernel
def plain(address: int, row: int, depth: int, item: int) -> Left:
    """A matrix of so many columns."""
    return Left(address, APART, row, 0, 0, 1, depth, item, 0)


@kernel
def transposed(address: int, step: int, depth: int) -> Left:
    """A matrix of so many columns that lies transposed: these `step` bytes apart."""
    return Left(address, ADJACENT, 0, 0, 0, 1, depth, step, 0)


@kernel
def most_steps(item: int) -> int:
    """Of a block."""
    return SINGLE_DEPTH if item == 4 else DOUBLE_DEPTH


@kernel
def block_columns(depth: int, item: int) -> int:
    """The columns of a packed block of so many steps."""
    fitting = BLOCK_BYTES // (depth * item) // BLOCK_WIDTH * BLOCK_WIDTH
    return max(BLOCK_WIDTH, fitting)


@kernel
def blocks_of(left: Left, right: Right, result: Result, item: int) -> Blocks:
    """How a product is cut."""
    depth, columns = left.segment_count * left.length, result.columns
    b_bytes = min(depth, SINGLE_DEPTH) * columns * item
    packs_left = (
        left.kind == ADJACENT
        and left.step >= STEP_TO_PACK
        and columns >= COLUMNS_TO_PACK_FOR
        and left.step * min(depth, SINGLE_DEPTH) >= SHALLOW_BYTES
    )
    packs_right = (
        not right.in_panels
        and result.rows >= ROWS_TO_PACK_FOR
        and result.rows * columns * item >= BYTES_TO_PACK_FOR
    )
    if packs_right or right.in_panels:
        most = most_steps(item)
        width = block_columns(block_depth(left, most), item)
    else:
        most, width = SINGLE_DEPTH, columns
        if b_bytes > SHALLOW_BYTES:
            most = min(SINGLE_DEPTH, max(32, SHALLOW_BYTES // (columns * item)))
    return Blocks(width, block_depth(left, most), packs_left, packs_right)


@kernel
def block_depth(left: Left, most: int) -> int:
    """Steps of a block: whole segments, or even parts of a single one."""
    depth = left.length * left.segment_count
    if depth <= most:
        return max(depth, 1)
    if left.segment_count > 1:
        return max(1, most // left.length) * left.length
    count = (depth + most - 1) // most
    return (depth + count - 1) // count


def scratch_for(
    depth: int, columns: int, item: int, *, segment: int = 1, packs_left: bool = False
) -> Private:
    """The memory that a product needs, for any number of rows of numbers of `item` bytes, and for
    segments of so many steps."""
    steps = min(depth, max(segment, most_steps(item)))
    largest_block = max(BLOCK_BYTES, steps * BLOCK_WIDTH * item)
    size = LEFT_PANELS + min(largest_block, steps * (columns * item + VECTOR_BYTES))
    if packs_left and columns >= COLUMNS_TO_PACK_FOR:
        size += left_bytes(steps, item)
    return Private(-(-size // item), lasts=False)


@kernel
def left_bytes(depth: int, item: int) -> int:
    """The memory for panels of A of so many steps."""
    panels = LEFT_ROWS // TILE_ROWS + 1
    return panels * (depth * TILE_ROWS * item + VECTOR_BYTES) // 64 * 64 + 64


@kernel
def multiply(left: Left, right: Right, result: Result, scratch: int, like: Any) -> None:
    """C = S + A B, block by block."""
    item = size_of(like)
    blocks = blocks_of(left, right, result, item)
    depth = left.length * left.segment_count
    write_tables(left, result, scratch)
    left_panels = scratch + LEFT_PANELS if blocks.packs_left else 0
    room = scratch + LEFT_PANELS
    if blocks.packs_left:
        room += left_bytes(blocks.depth, item)
    j = 0
    while j < result.columns:
        columns = next_columns(result.columns - j, blocks.columns, right, item)
        for k in range(0, max(depth, 1), blocks.depth):  # where A is empty, C = S
            steps = min(blocks.depth, depth - k)
            panels, panel_depth, panel_step = 0, steps, 0
            if right.in_panels:
                panels, panel_depth, panel_step = right.address + j * item * depth, depth, k
            elif blocks.packs_right:
                panels = room
            block = Block(j, columns, k, steps, left_panels, panels, panel_depth, panel_step)
            if blocks.packs_right:
                pack_right(right, block, scratch, like)
            multiply_block(left, right, result, block, scratch, like)
        j += columns


@kernel
def next_columns(left: int, most: int, right: Right, item: int) -> int:
    """The columns of the next block, of those that are left. A last vector by itself goes with the
    block before it, where B came in panels: the last of these have two vectors each."""
    alone = VECTOR_BYTES // item if right.in_panels else 0
    return left if left <= most + alone else most


@kernel
def write_tables(left: Left, result: Result, scratch: int) -> None:
    """The tables of a matrix that has none: one segment at 0, the offsets of a tile's rows."""
    pointer(scratch, 0)[0] = 0
    offsets = pointer(scratch + ROW_OFFSETS, 0)
    for row in range(min(result.rows, TILE_ROWS)):
        offsets[row] = row * left.row


@kernel
def multiply_block(
    left: Left, right: Right, result: Result, block: Block, scratch: int, like: Any
) -> None:
    """One block: row of tiles by row of tiles; where A is packed, some of its rows at a time."""
    item = size_of(like)
    at_a_time = LEFT_ROWS if block.left_panels else max(result.rows, 1)  # a share may be empty
    kind = ADJACENT if block.left_panels else left.kind
    for first in range(0, result.rows, at_a_time):
        row, stop, panel = first, min(first + at_a_time, result.rows), block.left_panels
        if block.left_panels:
            pack_left(left, block, first, stop - first, scratch, like)
        while row < stop:
            height, left_out = tile_height(stop - row), 0
            if block.left_panels:
                set_panel(block, height, panel, scratch, item)
                panel += height * block.depth * item + VECTOR_BYTES
            else:
                left_out = set_left(left, block, row, height, scratch, item)
            rows = Rows(row, height, kind, left_out)
            multiply_rows(right, result, block, rows, scratch, like)
            row += height


@kernel
def tile_height(left: int) -> int:
    """The rows of the next tile, of those that are left; the last two come out alike."""
    if left >= 2 * TILE_ROWS:
        return TILE_ROWS
    return left if left <= TILE_ROWS else (left + 1) // 2


@kernel
def tile_width(left: int) -> int:
    """The vectors of the next tile, of those that are left."""
    if TILE_VECTORS == 3 and left == 4:
        return 2
    return min(left, TILE_VECTORS)


@kernel
def set_panel(block: Block, height: int, panel: int, scratch: int, item: int) -> None:
    """Tell tiles that they find A in a panel."""
    task: Any = tile_task_at(scratch + TILE_TASK)
    task.a, task.step = panel, height * item
    task.segments, task.segment_count, task.length = scratch, 1, block.depth


@kernel
def set_left(left: Left, block: Block, row: int, height: int, scratch: int, item: int) -> int:
    """Tell tiles where they find A as it lies, and return how many steps they leave out."""
    task: Any = tile_task_at(scratch + TILE_TASK)
    address, left_out = left.address, 0
    row_offsets = scratch + ROW_OFFSETS
    if left.kind == ADJACENT:
        address += row * item
    elif left.row_table:
        row_offsets = left.row_table + row * 8
    else:
        address += row * left.row
    if left.segment_count > 1:
        begin = block.step // left.length
        first, stop = reached(left, begin, begin + block.depth // left.length, row, height)
        task.segments, task.segment_count = left.segments + first * 8, stop - first
        task.length = left.length
        left_out = first * left.length - block.step
    else:
        address += block.step * left.step
        task.segments = left.segments if left.segments else scratch
        task.segment_count, task.length = 1, block.depth
    task.a, task.row_offsets, task.step = address, row_offsets, left.step
    return left_out


@kernel
def reached(left: Left, first: int, stop: int, row: int, height: int) -> Any:
    """Those of the segments [first, stop) in which rows of A have anything but zeros: all of them,
    or where there is a table, from its first entry for the last of the rows to its second for the
    first, as windows reach beyond the upper border of an image first and beyond the lower one
    last."""
    if left.reach:
        reach = pointer(left.reach, 0)
        first = max(first, reach[2 * (row + height - 1)])
        stop = min(stop, reach[2 * row + 1])
    return first, max(first, stop)


@kernel
def multiply_rows(
    right: Right, result: Result, block: Block, rows: Rows, scratch: int, like: Any
) -> None:
    """A row of tiles, from left to right."""
    item = size_of(like)
    lanes, offset = VECTOR_BYTES // item, block.column * item
    vectors = (block.columns + lanes - 1) // lanes
    last_lanes = block.columns - (vectors - 1) * lanes
    c, start, start_row = result.address + rows.first * result.row + offset, result.start, 0
    if block.step:
        start, start_row = c, result.row
    elif start:
        start_row = result.start_row
        start += rows.first * start_row + offset
    address = scratch + TILE_TASK
    task: Any = tile_task_at(address)
    task.c_row, task.start_row, task.last_lanes = result.row, start_row, last_lanes
    a, v = task.a, 0
    while v < vectors:
        width, v_offset = tile_width(vectors - v), v * VECTOR_BYTES
        is_part = v + width == vectors and last_lanes < lanes
        if block.right_panels:
            row = width * VECTOR_BYTES
            b = block.right_panels + v_offset * block.panel_depth
            b += (block.panel_step + rows.left_out) * row
        else:
            row = right.row
            b = right.address + (block.step + rows.left_out) * row + offset + v_offset
        task.b, task.b_row, task.c = b, row, c + v_offset
        if rows.kind == DEPTHWISE:
            task.a = a + offset + v_offset
        task.start = start + v_offset if start else 0
        task.number = tile_number(rows.kind, rows.height, width, is_part)
        run(address, like)
        v += width


@kernel
def pack_right(right: Right, block: Block, scratch: int, like: Any) -> None:
    """Pack a block of B: some of its rows at a time, all panels of the same width at once."""
    item = size_of(like)
    lanes = VECTOR_BYTES // item
    vectors = (block.columns + lanes - 1) // lanes
    last_lanes = block.columns - (vectors - 1) * lanes
    address = scratch + PACK_TASK
    task: Any = pack_task_at(address)
    task.step, task.last_lanes = right.row, last_lanes
    for k in range(0, block.depth, STEPS_PACKED):
        task.length = min(STEPS_PACKED, block.depth - k)
        source = right.address + (block.step + k) * right.row + block.column * item
        v = 0
        while v < vectors:
            width = tile_width(vectors - v)
            panels = max(whole_panels(vectors - v, last_lanes < lanes), 1)
            is_part = panels == 1 and v + width == vectors and last_lanes < lanes
            row = width * VECTOR_BYTES
            task.source, task.panels, task.width = source + v * VECTOR_BYTES, panels, row
            task.target = block.right_panels + v * VECTOR_BYTES * block.depth + k * row
            task.target_row, task.target_panel = row, row * block.depth
            task.number = pack_number(width, is_part)
            run(address, like)
            v += panels * width


@kernel
def whole_panels(vectors: int, is_part: bool) -> int:
    """How many panels of full width, all of whose vectors are whole, come next."""
    panels = vectors // TILE_VECTORS
    if TILE_VECTORS == 3 and vectors % 3 == 1 and panels:
        panels -= 1  # the last four vectors are two and two
    if is_part and panels * TILE_VECTORS == vectors:
        panels -= 1
    return panels


@kernel
def pack_left(left: Left, block: Block, first: int, rows: int, scratch: int, like: Any) -> None:
    """Pack rows of a transposed A: tile by tile, with room for a vector behind each panel."""
    item = size_of(like)
    lanes = VECTOR_BYTES // item
    address = scratch + PACK_TASK
    task: Any = pack_task_at(address)
    task.step = left.step
    source = left.address + first * item + block.step * left.step
    row, target = 0, block.left_panels
    while row < rows:
        height = tile_height(rows - row)
        panels = max((rows - row) // TILE_ROWS - 1, 1)
        panel = height * block.depth * item + VECTOR_BYTES
        vectors = (height + lanes - 1) // lanes
        task.last_lanes = height - (vectors - 1) * lanes
        task.number = pack_number(vectors, task.last_lanes < lanes)
        task.panels, task.width, task.target_panel = panels, height * item, panel
        task.target_row = height * item
        for k in range(0, block.depth, STEPS_PACKED):
            task.length = min(STEPS_PACKED, block.depth - k)
            task.source = source + row * item + k * left.step
            task.target = target + k * height * item
            run(address, like)
        target += panels * panel
        row += panels * height


@kernel
def panel_of(column: int, columns: int, item: int) -> Any:
    """The first column of the panel that has this one, of all of B, and how many it has. Panels
    with all steps lie one behind the other, each as wide as the tile that reads it."""
    lanes = VECTOR_BYTES // item
    vectors, v = (columns + lanes - 1) // lanes, column // lanes
    first = v // TILE_VECTORS * TILE_VECTORS
    if TILE_VECTORS == 3 and vectors % 3 == 1 and v >= vectors - 4 and vectors > 1:
        first = vectors - 4 + (v - vectors + 4) // 2 * 2
    return first * lanes, tile_width(vectors - first) * lanes
