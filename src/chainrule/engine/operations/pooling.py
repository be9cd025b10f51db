"""Pooling in both directions, a vector of channels at a time.

The windows of a pool are a table: for each where on the image it begins, and which of the entries,
another table, are its own: how many pixels further each stands, and its number within a whole
window. Windows at the border have fewer entries than others. `geometry` makes both.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from numba.core import cgutils

from chainrule.engine.codegen.emitter import INT, Emitter, vector_function
from chainrule.engine.codegen.native import clear, kernel, pointer, size_of
from chainrule.engine.codegen.processor import VECTOR_BYTES
from chainrule.engine.codegen.scene import read
from chainrule.engine.program.instructions import Op


@dataclass(frozen=True)
class Window:
    """A vector's worth of channels of one window, in code that is being emitted.

    Args:
        index: of the window.
        entries, count: the address of its entries, and how many there are.
        pixel: the address of the first channels at the window's beginning.
        pixel_bytes: from one pixel to the next.
        offset: of the same channels in the window's output, from the first window's on.
        mask: which of the vector's lanes are channels.
    """

    emit: Emitter
    index: Any
    entries: Any
    count: Any
    pixel: Any
    pixel_bytes: Any
    offset: Any
    mask: Any

    def entry(self, place: Any) -> tuple[Any, Any]:
        """The address of an entry, and its number in all lanes."""
        builder = self.emit.builder
        at = builder.add(self.entries, builder.mul(place, INT(16)))
        further = builder.mul(self.emit.integer_at(at), self.pixel_bytes)
        number = self.emit.integer_at(builder.add(at, INT(8)))
        return builder.add(self.pixel, further), self.emit.number_of(number)

    def hand_back(self, gradient: Any, at: Any, adds: bool) -> None:
        """Write a gradient to an address, or add it to what is there."""
        if adds:
            gradient = self.emit.builder.fadd(self.emit.load(at, self.mask), gradient)
        self.emit.store(gradient, at, self.mask)


@dataclass(frozen=True)
class Pool:
    """What a pool's code is given: the addresses of the image and of the tables, of the windows'
    output, and of the winners or the weights."""

    image: Any
    windows: Any
    count: Any
    entries: Any
    output: Any
    chosen: Any
    channels: Any


def each_window(emit: Emitter, pool: Pool) -> Iterator[Window]:
    """Code that is run for every window, and every vector of its channels; once without masks,
    which cost time, for channels that fill whole vectors, and once for others."""
    builder, channels = emit.builder, pool.channels
    lanes = INT(emit.lanes)
    vectors = builder.udiv(builder.add(channels, INT(emit.lanes - 1)), lanes)
    pixel_bytes = builder.mul(channels, INT(emit.bytes))
    fills = builder.icmp_unsigned("==", builder.urem(channels, lanes), INT(0))
    with builder.if_else(fills) as branches:
        for branch, is_masked in zip(branches, (False, True), strict=True):
            with branch, emit.loop(pool.count) as window:
                row = builder.add(pool.windows, builder.mul(window.index, INT(24)))
                begin, first, count = (
                    emit.integer_at(builder.add(row, INT(8 * k))) for k in range(3)
                )
                own_entries = builder.add(pool.entries, builder.mul(first, INT(16)))
                corner = builder.add(pool.image, builder.mul(begin, pixel_bytes))
                output = builder.mul(window.index, pixel_bytes)
                with emit.loop(vectors) as vector:
                    within = builder.mul(vector.index, INT(VECTOR_BYTES))
                    left = builder.sub(channels, builder.mul(vector.index, lanes))
                    yield Window(
                        emit,
                        window.index,
                        own_entries,
                        count,
                        builder.add(corner, within),
                        pixel_bytes,
                        builder.add(output, within),
                        emit.masks(left, 1)[0] if is_masked else None,
                    )


def largest(emit: Emitter, *given: Any) -> None:
    """y = the largest of each window, and the number of the entry that is; NaN counts as largest
    of all, as in NumPy."""
    builder, pool = emit.builder, Pool(*given)
    best, number = (cgutils.alloca_once(builder, emit.vector) for _ in range(2))
    for window in each_window(emit, pool):
        at, first = window.entry(INT(0))
        builder.store(emit.load(at, window.mask), best)
        builder.store(first, number)
        with emit.loop(window.count) as place:
            at, its_number = window.entry(place.index)
            value, so_far = emit.load(at, window.mask), builder.load(best)
            is_number = builder.fcmp_ordered("ord", so_far, so_far)  # the first NaN stays
            larger = builder.and_(is_number, builder.fcmp_unordered(">", value, so_far))
            builder.store(builder.select(larger, value, so_far), best)
            builder.store(builder.select(larger, its_number, builder.load(number)), number)
        emit.store(builder.load(best), builder.add(pool.output, window.offset), window.mask)
        emit.store(builder.load(number), builder.add(pool.chosen, window.offset), window.mask)


def to_largest(emit: Emitter, *given: Any, adds: bool) -> None:
    """dx = or += dy at the entry of each window that was the largest, and 0 at the others."""
    builder, pool = emit.builder, Pool(*given)
    for window in each_window(emit, pool):
        gradient = emit.load(builder.add(pool.output, window.offset), window.mask)
        number = emit.load(builder.add(pool.chosen, window.offset), window.mask)
        with emit.loop(window.count) as place:
            at, its_number = window.entry(place.index)
            won = builder.fcmp_ordered("==", number, its_number)
            part = builder.select(won, gradient, emit.zero)
            window.hand_back(part, at, adds)


def weighted_sum(emit: Emitter, *given: Any) -> None:
    """y = the sum over each window, times the window's weight."""
    builder, pool = emit.builder, Pool(*given)
    total = cgutils.alloca_once(builder, emit.vector)
    for window in each_window(emit, pool):
        builder.store(emit.zero, total)
        with emit.loop(window.count) as place:
            at, _ = window.entry(place.index)
            builder.store(builder.fadd(builder.load(total), emit.load(at, window.mask)), total)
        mean = builder.fmul(builder.load(total), weight_of(emit, pool.chosen, window))
        emit.store(mean, builder.add(pool.output, window.offset), window.mask)


def to_all(emit: Emitter, *given: Any, adds: bool) -> None:
    """dx = or += dy times the window's weight, at every entry of it."""
    builder, pool = emit.builder, Pool(*given)
    for window in each_window(emit, pool):
        gradient = emit.load(builder.add(pool.output, window.offset), window.mask)
        part = builder.fmul(gradient, weight_of(emit, pool.chosen, window))
        with emit.loop(window.count) as place:
            window.hand_back(part, window.entry(place.index)[0], adds)


def weight_of(emit: Emitter, weights: Any, window: Window) -> Any:
    """A window's weight, one of float64 numbers, in every lane."""
    return emit.broadcast_double(emit.builder.add(weights, emit.builder.mul(window.index, INT(8))))


find_largest = vector_function("pool_largest", largest)
add_up = vector_function("pool_sum", weighted_sum)
# Where windows share pixels their gradients add up; elsewhere each pixel is written once.
add_to_largest = vector_function("pool_add_to_largest", partial(to_largest, adds=True))
give_to_largest = vector_function("pool_give_to_largest", partial(to_largest, adds=False))
add_to_all = vector_function("pool_add_to_all", partial(to_all, adds=True))
give_to_all = vector_function("pool_give_to_all", partial(to_all, adds=False))


@kernel
def clear_rest(dx: Any, windows_overlap: int, size: int, gaps: Any, count: int, pixel: int) -> None:
    """Set to zero what no window writes to; or everything, where windows add to it."""
    if windows_overlap:
        clear(dx, size)
        return
    for g in range(count):
        for k in range(gaps[g] * pixel, (gaps[g] + 1) * pixel):
            dx[k] = 0


def handle_pool(task: int, like: Any) -> None:
    """Pooling by the largest number or by the mean, in both directions."""
    scene = read(task)
    item, size, array = size_of(like), scene.size, scene.array
    channels, count, windows_overlap = size[0] * scene.together, size[1], size[2]
    forward = scene.op == Op.MAX_POOL or scene.op == Op.SUM_POOL
    takes_largest = scene.op == Op.MAX_POOL or scene.op == Op.MAX_POOL_DX
    output_size = scene.y_size if forward else scene.x_size
    for row in range(scene.rows):
        x, y = scene.x + row * scene.x_size * item, scene.y + row * scene.y_size * item
        image, output = (x, y) if forward else (y, x)
        chosen = scene.z + row * output_size * item if takes_largest else array[3]
        pool = (image, array[0], count, array[1], output, chosen, channels)
        if not forward:
            gaps = pointer(array[2], 0)
            clear_rest(pointer(y, like), windows_overlap, scene.y_size, gaps, size[3], channels)
        if forward and takes_largest:
            find_largest(pool, like)
        elif forward:
            add_up(pool, like)
        elif takes_largest and windows_overlap:
            add_to_largest(pool, like)
        elif takes_largest:
            give_to_largest(pool, like)
        elif windows_overlap:
            add_to_all(pool, like)
        else:
            give_to_all(pool, like)
