"""A vector times a matrix, whose rows are read once: dense layers for a single example."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from chainrule.engine.codegen.emitter import INT, Emitter, vector_function
from chainrule.engine.codegen.kernel import Intrinsic, ir, kernel
from chainrule.engine.codegen.native import constant, size_of
from chainrule.engine.codegen.processor import VECTOR_BYTES


class SumOfRows(NamedTuple):
    """What y = bias + x W needs, for some of the numbers of y: addresses, the bytes of a row of W,
    and counts. Without an address, the bias is zero."""

    x: int
    weights: int
    row: int
    y: int
    bias: int
    inputs: int
    columns: int


def make_sum(vectors: int) -> Intrinsic:
    """The function that works out a `SumOfRows` for so many vectors of y, in registers. Inputs that
    are zero, as most pixels are, cost nothing."""

    def body(emit: Emitter, *numbers: Any) -> None:
        builder, given = emit.builder, SumOfRows(*numbers)
        masks = emit.masks(given.columns, vectors)
        start, start_masks = emit.given_or_zero(given.bias, given.y, masks)
        sums = []
        for v, start_mask in enumerate(start_masks):
            first = emit.load(builder.add(start, INT(v * VECTOR_BYTES)), start_mask)
            sums.append(emit.variable(first))
        for i in each_nonzero(emit, given.x, given.inputs):
            value = emit.broadcast(builder.add(given.x, builder.mul(i, INT(emit.bytes))))
            row = builder.add(given.weights, builder.mul(i, given.row))
            for v, (mask, total) in enumerate(zip(masks, sums, strict=True)):
                part = emit.load(builder.add(row, INT(v * VECTOR_BYTES)), mask)
                builder.store(emit.multiply_add(value, part, builder.load(total)), total)
        for v, (mask, total) in enumerate(zip(masks, sums, strict=True)):
            emit.store(builder.load(total), builder.add(given.y, INT(v * VECTOR_BYTES)), mask)

    return vector_function(f"sum_of_rows_{vectors}", body)


def each_nonzero(emit: Emitter, x: Any, count: Any) -> Iterator[Any]:
    """Code that is run for every i with x[i] != 0: comparisons are made a vector at a time, and
    what they find is gone through bit by bit."""
    builder, bits = emit.builder, ir.IntType(emit.lanes)
    left_over = emit.variable(bits(0))
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
        operands = SumOfRows(x, w + offset, outputs * item, y + offset, start, inputs, left)
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
