"""What the compiled code needs from the machine and Python does not offer: memory by its address,
steps that no thread can divide, and numbers of one type throughout.

Each is a few lines of LLVM's intermediate language, inlined where it is used. Compiled code works
on addresses and not on NumPy arrays: nothing is counted, boxed or allocated while a network runs.
"""

from __future__ import annotations

import os
import platform
import time
from typing import Any

from chainrule.engine.codegen.kernel import cgutils, integer_type, intrinsic, ir, kernel, types

INT, SHORT = integer_type(64), integer_type(32)
BYTES = integer_type(8).as_pointer() if INT else None
HAS_MXCSR = platform.machine().lower() in ("x86_64", "amd64")
FLUSHES = 0x8040  # a result that is denormal becomes zero, and so does a number that is read


@intrinsic
def pointer(typing_context: Any, address: Any, like: Any) -> Any:
    """`address` as a pointer to numbers of the type of `like`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(signature.return_type)
        return builder.inttoptr(arguments[0], kind)

    return types.CPointer(like)(types.int64, like), generate


@intrinsic
def constant(typing_context: Any, value: Any, like: Any) -> Any:
    """`value` in the type of `like`: a bare 0.5 would turn float32 arithmetic into float64."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[0], types.float64, like)

    return like(types.float64, like), generate


@intrinsic
def by_type(typing_context: Any, single: Any, double: Any, like: Any) -> Any:
    """The first value where `like` is a float32, the second where it is a float64."""
    chosen = 0 if like == types.float32 else 1

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return context.cast(builder, arguments[chosen], types.float64, like)

    return like(types.float64, types.float64, like), generate


@intrinsic
def size_of(typing_context: Any, like: Any) -> Any:
    """The bytes of one number of the type of `like`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        return INT(like.bitwidth // 8)

    return types.int64(like), generate


@intrinsic
def power_of_two(typing_context: Any, exponent: Any) -> Any:
    """2^exponent for a whole number held as a float, within the range of normal numbers."""
    bits, mantissa, bias = (32, 23, 127) if exponent == types.float32 else (64, 52, 1023)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        integer = ir.IntType(bits)
        shifted = builder.add(builder.fptosi(arguments[0], integer), integer(bias))
        return builder.bitcast(
            builder.shl(shifted, integer(mantissa)), context.get_value_type(exponent)
        )

    return exponent(exponent), generate


@intrinsic
def nearest(typing_context: Any, x: Any) -> Any:
    """The whole number nearest to x, in the type of x."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(x)
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind]), f"llvm.nearbyint.f{x.bitwidth}"
        )
        return builder.call(function, arguments)

    return x(x), generate


@intrinsic
def multiply_add(typing_context: Any, a: Any, b: Any, c: Any) -> Any:
    """a b + c, rounded once; and never regrouped, as sums are elsewhere."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = context.get_value_type(c)
        name = f"llvm.fma.f{c.bitwidth}"
        function = cgutils.get_or_insert_function(
            builder.module, ir.FunctionType(kind, [kind] * 3), name
        )
        return builder.call(function, arguments)

    return c(a, b, c), generate


@intrinsic
def polynomial(typing_context: Any, x: Any, single: Any, double: Any) -> Any:
    """c_0 + c_1 x + c_2 x² + …, by Horner's rule, with the coefficients for the type of x."""
    chosen = 0 if x == types.float32 else 1

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        value, coefficients = arguments[0], arguments[1 + chosen]
        terms = [
            context.cast(builder, builder.extract_value(coefficients, i), types.float64, x)
            for i in range((single, double)[chosen].count)
        ]
        total = terms[-1]
        for term in reversed(terms[:-1]):
            total = builder.fadd(builder.fmul(total, value, ("contract",)), term, ("contract",))
        return total

    return x(x, single, double), generate


@intrinsic
def read_atomically(typing_context: Any, address: Any) -> Any:
    """The integer at `address`, with all that was written before it was."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = builder.inttoptr(arguments[0], INT.as_pointer())
        return builder.load_atomic(target, "seq_cst", 8)

    return types.int64(types.int64), generate


@intrinsic
def write_atomically(typing_context: Any, address: Any, value: Any) -> Any:
    """Write an integer; who reads it sees all that was written before it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = builder.inttoptr(arguments[0], INT.as_pointer())
        builder.store_atomic(arguments[1], target, "seq_cst", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def exchange(typing_context: Any, address: Any, expected: Any, value: Any) -> Any:
    """Write an integer if the `expected` one stands there, as one indivisible step; True if so."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        target = builder.inttoptr(arguments[0], INT.as_pointer())
        result = builder.cmpxchg(target, *arguments[1:], "seq_cst", "seq_cst")
        return builder.extract_value(result, 1)

    return types.boolean(types.int64, types.int64, types.int64), generate


@intrinsic
def nanoseconds(typing_context: Any) -> Any:
    """What a clock shows that goes forward; always 0 where the system has none."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if os.name != "posix":
            return INT(0)
        short = ir.IntType(32)
        kind = ir.FunctionType(short, [short, INT.as_pointer()])
        read_clock = cgutils.get_or_insert_function(builder.module, kind, "clock_gettime")
        shown = cgutils.alloca_once(builder, INT, size=2)
        builder.call(read_clock, [short(time.CLOCK_MONOTONIC), shown])
        seconds, rest = (builder.load(builder.gep(shown, [INT(part)])) for part in range(2))
        return builder.add(builder.mul(seconds, INT(1_000_000_000)), rest)

    return types.int64(), generate


@intrinsic
def float_mode(typing_context: Any) -> Any:
    """How this thread rounds and what it does with denormal numbers: the processor's register for
    it; always 0 where this is not known."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if not HAS_MXCSR:
            return INT(0)
        register = cgutils.alloca_once(builder, SHORT)
        builder.call(mxcsr(builder, "st"), [builder.bitcast(register, BYTES)])
        return builder.zext(builder.load(register), INT)

    return types.int64(), generate


@intrinsic
def set_float_mode(typing_context: Any, mode: Any) -> Any:
    """Have this thread do so; `FLUSHES` takes denormal numbers for zero."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if HAS_MXCSR:
            register = cgutils.alloca_once_value(builder, builder.trunc(arguments[0], SHORT))
            builder.call(mxcsr(builder, "ld"), [builder.bitcast(register, BYTES)])
        return context.get_dummy_value()

    return types.void(types.int64), generate


def mxcsr(builder: Any, way: str) -> Any:
    """LLVM's function that loads or stores the register."""
    kind = ir.FunctionType(ir.VoidType(), [BYTES])
    return cgutils.get_or_insert_function(builder.module, kind, f"llvm.x86.sse.{way}mxcsr")


@intrinsic
def fetch_line(typing_context: Any, address: Any) -> Any:
    """Have the cache line at an address fetched, without waiting for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        byte, short = ir.IntType(8).as_pointer(), ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [byte, short, short, short])
        function = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0")
        target = builder.inttoptr(arguments[0], byte)
        builder.call(function, [target, short(0), short(3), short(1)])  # to read, to keep, data
        return context.get_dummy_value()

    return types.void(types.int64), generate


@intrinsic
def let_others_run(typing_context: Any) -> Any:
    """Give the processor to another thread, where the system can."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        if os.name == "posix":
            give_way = cgutils.get_or_insert_function(
                builder.module, ir.FunctionType(ir.IntType(32), []), "sched_yield"
            )
            builder.call(give_way, [])
        return context.get_dummy_value()

    return types.void(), generate


@intrinsic
def call(typing_context: Any, function: Any, task: Any, like: Any) -> Any:
    """Call the compiled handler at an address."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        kind = ir.FunctionType(ir.VoidType(), [INT, context.get_value_type(like)])
        target = builder.inttoptr(arguments[0], kind.as_pointer())
        builder.call(target, arguments[1:])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, like), generate


@kernel
def copy(source: Any, target: Any, count: int) -> None:
    """target = source."""
    for i in range(count):
        target[i] = source[i]


@kernel
def clear(target: Any, count: int) -> None:
    """target = 0."""
    for i in range(count):
        target[i] = 0


@kernel
def share(count: int, thread: int, threads: int) -> Any:
    """The part [begin, end) of `count` things that falls to one thread."""
    return count * thread // threads, count * (thread + 1) // threads
