"""The innermost loop of every matrix product, in registers.

A tile of C = A B, `rows` high and `vectors` vectors wide, is summed over k while it stays in the
processor's registers: for each k one number of every row of A, broadcast, times a stretch of a row
of B. B needs rows that lie together; A may lie anywhere,

    A[i, (s, t)] at  a + row_offsets[i] + segments[s] + t · step,

which makes a plain matrix, a transposed one, and the windows of an image the same thing: a
convolution needs no copy of its patches.

Written with LLVM's vector types, since no loop in Python says "keep these 24 sums in registers".
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

INT, SHORT = ir.IntType(64), ir.IntType(32)
VECTOR_BYTES = 64  # one AVX-512 register; LLVM makes two of it where there is only AVX2


class Emitter:
    """Emits the tile's instructions for one type of number."""

    def __init__(self, builder: Any, number: Any) -> None:
        self.builder = builder
        self.bytes = 4 if number == types.float32 else 8
        self.lanes = VECTOR_BYTES // self.bytes
        self.number = ir.FloatType() if number == types.float32 else ir.DoubleType()
        self.vector = ir.VectorType(self.number, self.lanes)
        self.mask = ir.VectorType(ir.IntType(1), self.lanes)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)

    def _call(self, name: str, result: Any, *arguments: Any) -> Any:
        suffix = f"v{self.lanes}f{8 * self.bytes}"
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        name = f"llvm.{name}.{suffix}" + ("" if name == "fma" else ".p0")
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, list(arguments))

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        return self._call("fma", self.vector, a, b, c)

    def load(self, address: Any, mask: Any) -> Any:
        place = self.builder.inttoptr(address, self.vector.as_pointer())
        return self._call("masked.load", self.vector, place, SHORT(self.bytes), mask, self.zero)

    def store(self, value: Any, address: Any, mask: Any) -> None:
        place = self.builder.inttoptr(address, self.vector.as_pointer())
        self._call("masked.store", ir.VoidType(), value, place, SHORT(self.bytes), mask)

    def broadcast(self, address: Any) -> Any:
        place = self.builder.inttoptr(address, self.number.as_pointer())
        return self.splat(self.builder.load(place), self.vector)

    def splat(self, value: Any, vector: Any) -> Any:
        undefined = ir.Constant(vector, ir.Undefined)
        first = self.builder.insert_element(undefined, value, SHORT(0))
        lanes = ir.Constant(ir.VectorType(SHORT, self.lanes), [0] * self.lanes)
        return self.builder.shuffle_vector(first, undefined, lanes)

    def masks(self, count: Any, vectors: int) -> list[Any]:
        """For each vector, which of its lanes are among the first `count` of all."""
        integers = ir.VectorType(INT, self.lanes)
        limit = self.splat(count, integers)
        lanes = [list(range(v * self.lanes, (v + 1) * self.lanes)) for v in range(vectors)]
        return [
            self.builder.icmp_signed("<", ir.Constant(integers, numbers), limit)
            for numbers in lanes
        ]

    def integer_at(self, address: Any) -> Any:
        return self.builder.load(self.builder.inttoptr(address, INT.as_pointer()))


def make_tile(rows: int, vectors: int) -> Callable[..., Any]:
    """The function that adds A B to one tile of C.

    Its arguments are addresses, strides in bytes, and counts: a, the addresses of `rows`
    row_offsets and of the segments, the number of segments and the steps in each, the bytes from
    step to step; b and the bytes of its row; c and the bytes of its row; how many rows and columns
    of the tile exist. The last argument only tells the type of the numbers.
    """

    @intrinsic
    def tile(
        typing_context: Any,
        a: Any,
        row_offsets: Any,
        segments: Any,
        segment_count: Any,
        length: Any,
        step: Any,
        b: Any,
        b_row: Any,
        c: Any,
        c_row: Any,
        existing_rows: Any,
        existing_columns: Any,
        like: Any,
    ) -> Any:
        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            builder.call(tile_function(builder.module, rows, vectors, like), arguments[:-1])
            return context.get_dummy_value()

        return types.void(*[types.int64] * 12, like), generate

    return tile


def tile_function(module: Any, rows: int, vectors: int, number: Any) -> Any:
    """The tile as a function of its own, never inlined: every product calls the same code."""
    name = f"chainrule_tile_{rows}_{vectors}_{number}"
    kind = ir.FunctionType(ir.VoidType(), [INT] * 12)
    function = cgutils.get_or_insert_function(module, kind, name)
    if function.is_declaration:
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        builder = ir.IRBuilder(function.append_basic_block())
        emit_tile(Emitter(builder, number), rows, vectors, *function.args)
        builder.ret_void()
    return function


def emit_tile(
    emit: Emitter,
    rows: int,
    vectors: int,
    a: Any,
    row_offsets: Any,
    segments: Any,
    segment_count: Any,
    length: Any,
    step: Any,
    b: Any,
    b_row: Any,
    c: Any,
    c_row: Any,
    existing_rows: Any,
    existing_columns: Any,
) -> None:
    """The loops: over segments, over the steps of each; then the sums are added to C."""
    builder = emit.builder
    masks = emit.masks(existing_columns, vectors)
    row_starts = [
        builder.add(a, emit.integer_at(builder.add(row_offsets, INT(8 * row))))
        for row in range(rows)
    ]
    sums = [
        [cgutils.alloca_once_value(builder, emit.zero) for _ in range(vectors)] for _ in range(rows)
    ]
    for sums_of_row in sums:
        for place in sums_of_row:
            builder.store(emit.zero, place)  # also when the tile stands inside a loop
    b_place = cgutils.alloca_once(builder, INT)
    a_place = cgutils.alloca_once(builder, INT)
    builder.store(b, b_place)
    with cgutils.for_range(builder, segment_count) as segment:
        offset = builder.mul(segment.index, INT(8))
        builder.store(emit.integer_at(builder.add(segments, offset)), a_place)
        with cgutils.for_range(builder, length):
            a_now, b_now = builder.load(a_place), builder.load(b_place)
            b_row_parts = [
                emit.load(builder.add(b_now, INT(v * VECTOR_BYTES)), masks[v])
                for v in range(vectors)
            ]
            for row in range(rows):
                number = emit.broadcast(builder.add(row_starts[row], a_now))
                for place, part in zip(sums[row], b_row_parts, strict=True):
                    total = emit.multiply_add(number, part, builder.load(place))
                    builder.store(total, place)
            builder.store(builder.add(a_now, step), a_place)
            builder.store(builder.add(b_now, b_row), b_place)
    for row in range(rows):
        with builder.if_then(builder.icmp_signed("<", INT(row), existing_rows)):
            start = builder.add(c, builder.mul(c_row, INT(row)))
            for v in range(vectors):
                address = builder.add(start, INT(v * VECTOR_BYTES))
                so_far = emit.load(address, masks[v])
                builder.store(builder.fadd(so_far, builder.load(sums[row][v])), sums[row][v])
                emit.store(builder.load(sums[row][v]), address, masks[v])
