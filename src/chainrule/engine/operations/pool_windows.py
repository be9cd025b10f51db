"""The windows of a pool in code that is being emitted, a vector of channels at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from chainrule.engine.codegen.emitter import INT, Emitter, vector_function
from chainrule.engine.codegen.processor import VECTOR_BYTES


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

    def entry(self, number: Any) -> tuple[Any, Any]:
        """The address of an entry, and its number in all lanes."""
        builder = self.emit.builder
        at = builder.add(self.entries, builder.mul(number, INT(16)))
        further = builder.mul(self.emit.integer_at(at), self.pixel_bytes)
        rank = self.emit.integer_at(builder.add(at, INT(8)))
        return builder.add(self.pixel, further), self.emit.number_of(rank)

    def hand_back(self, gradient: Any, at: Any, adds: bool) -> None:
        """Write a gradient to an address, or add it to what is there."""
        if adds:
            gradient = self.emit.builder.fadd(self.emit.load(at, self.mask), gradient)
        self.emit.store(gradient, at, self.mask)


class Pool(NamedTuple):
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
    best, number = emit.variable(emit.zero), emit.variable(emit.zero)
    for window in each_window(emit, pool):
        at, first = window.entry(INT(0))
        builder.store(emit.load(at, window.mask), best)
        builder.store(first, number)
        with emit.loop(window.count) as each:
            at, its_number = window.entry(each.index)
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
        with emit.loop(window.count) as each:
            at, its_number = window.entry(each.index)
            won = builder.fcmp_ordered("==", number, its_number)
            part = builder.select(won, gradient, emit.zero)
            window.hand_back(part, at, adds)


def weighted_sum(emit: Emitter, *given: Any) -> None:
    """y = the sum over each window, times the window's weight."""
    builder, pool = emit.builder, Pool(*given)
    total = emit.variable(emit.zero)
    for window in each_window(emit, pool):
        builder.store(emit.zero, total)
        with emit.loop(window.count) as each:
            at, _ = window.entry(each.index)
            builder.store(builder.fadd(builder.load(total), emit.load(at, window.mask)), total)
        mean = builder.fmul(builder.load(total), weight_of(emit, pool.chosen, window))
        emit.store(mean, builder.add(pool.output, window.offset), window.mask)


def to_all(emit: Emitter, *given: Any, adds: bool) -> None:
    """dx = or += dy times the window's weight, at every entry of it."""
    builder, pool = emit.builder, Pool(*given)
    for window in each_window(emit, pool):
        gradient = emit.load(builder.add(pool.output, window.offset), window.mask)
        part = builder.fmul(gradient, weight_of(emit, pool.chosen, window))
        with emit.loop(window.count) as each:
            window.hand_back(part, window.entry(each.index)[0], adds)


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
