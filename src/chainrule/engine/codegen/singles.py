"""Dense layers for a single example: a vector times a matrix, whose rows are read once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from llvmlite import ir
from numba.core import cgutils

from chainrule.engine.codegen.emitter import INT, Emitter, vector_function
from chainrule.engine.codegen.native import constant, kernel, size_of
from chainrule.engine.codegen.processor import VECTOR_BYTES


def make_sum(vectors: int) -> Callable[..., Any]:
    """The function that works out y = s + x W for so many vectors of y, in registers. Inputs that
    are zero, as most pixels are, cost nothing.

    It takes the addresses of x and of W and the bytes of a row of W; the addresses of y and of s,
    0 for zeros; how many inputs there are, and how many numbers of y.
    """

    def body(
        emit: Emitter, x: Any, w: Any, w_row: Any, y: Any, s: Any, inputs: Any, columns: Any
    ) -> None:
        builder = emit.builder
        masks = emit.masks(columns, vectors)
        start, start_masks = emit.given_or_zero(s, y, masks)
        sums = []
        for v, start_mask in enumerate(start_masks):
            first = emit.load(builder.add(start, INT(v * VECTOR_BYTES)), start_mask)
            sums.append(cgutils.alloca_once_value(builder, first))
        for i in each_nonzero(emit, x, inputs):
            value = emit.broadcast(builder.add(x, builder.mul(i, INT(emit.bytes))))
            row = builder.add(w, builder.mul(i, w_row))
            for v, (mask, place) in enumerate(zip(masks, sums, strict=True)):
                part = emit.load(builder.add(row, INT(v * VECTOR_BYTES)), mask)
                builder.store(emit.multiply_add(value, part, builder.load(place)), place)
        for v, (mask, place) in enumerate(zip(masks, sums, strict=True)):
            emit.store(builder.load(place), builder.add(y, INT(v * VECTOR_BYTES)), mask)

    return vector_function(f"sum_of_rows_{vectors}", body)


def each_nonzero(emit: Emitter, x: Any, count: Any) -> Iterator[Any]:
    """Code that is run for every i with x[i] != 0: comparisons are made a vector at a time, and
    what they find is gone through bit by bit."""
    builder, bits = emit.builder, ir.IntType(emit.lanes)
    left_over = cgutils.alloca_once(builder, bits)
    vectors = builder.udiv(builder.add(count, INT(emit.lanes - 1)), INT(emit.lanes))
    with emit.loop(vectors) as vector:
        first = builder.mul(vector.index, INT(emit.lanes))
        mask = emit.masks(builder.sub(count, first), 1)[0]
        values = emit.load(builder.add(x, builder.mul(first, INT(emit.bytes))), mask)
        found = builder.fcmp_unordered("!=", values, emit.zero)
        builder.store(builder.bitcast(found, bits), left_over)
        look, use, after = (builder.append_basic_block() for _ in range(3))
        builder.branch(look)
        builder.position_at_end(look)
        some = builder.icmp_unsigned("!=", builder.load(left_over), bits(0))
        builder.cbranch(some, use, after)
        builder.position_at_end(use)
        now = builder.load(left_over)
        lane = builder.cttz(now, ir.IntType(1)(1))
        builder.store(builder.and_(now, builder.sub(now, bits(1))), left_over)
        yield builder.add(first, builder.zext(lane, INT))
        builder.branch(look)
        builder.position_at_end(after)


sum_8, sum_4, sum_2, sum_1 = make_sum(8), make_sum(4), make_sum(2), make_sum(1)


@kernel
def vector_times_matrix(
    x: int, w: int, y: int, bias: int, inputs: int, outputs: int, like: Any
) -> None:
    """y = b + x W."""
    item = size_of(like)
    lanes = VECTOR_BYTES // item
    o = 0
    while o < outputs:
        left, offset = outputs - o, o * item
        start = bias + offset if bias else 0
        operands = (x, w + offset, outputs * item, y + offset, start, inputs, left)
        if left > 4 * lanes:
            sum_8(operands, like)
            o += 8 * lanes
        elif left > 2 * lanes:
            sum_4(operands, like)
            o += 4 * lanes
        elif left > lanes:
            sum_2(operands, like)
            o += 2 * lanes
        else:
            sum_1(operands, like)
            o += lanes


@kernel
def matrix_times_vector(w: Any, dy: Any, dx: Any, inputs: int, outputs: int, like: Any) -> None:
    """dx = W dy."""
    for i in range(inputs):
        total = constant(0.0, like)
        for o in range(outputs):
            total += w[i * outputs + o] * dy[o]
        dx[i] = total
