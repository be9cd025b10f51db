"""Random numbers from any place in their sequence: NumPy's, and those of augmented examples.

A layer draws from `numpy.random.Generator`, whose bit generator PCG64 is a linear congruential
sequence of 128-bit numbers: s <- a s + c. Here each thread jumps to the place of its own examples
and draws the very numbers that the layer would have drawn.

Source: O'Neill, PCG: A Family of Simple Fast Space-Efficient Statistically Good Algorithms for
Random Number Generation (2014), 4.3.1 (jumps) and 6.3.3 (the output function XSL RR).
"""

from __future__ import annotations

from typing import Any

from chainrule.augment.numbers import FACTORS, GOLDEN, SHIFTS
from chainrule.engine.codegen.kernel import cgutils, integer_type, intrinsic, ir, types

STATE_BYTES = 32  # of a generator: its state and its increment
MULTIPLIER = 47026247687942121848144207491837523525
WIDE, INT = integer_type(128), integer_type(64)


def _load(builder: Any, address: Any, offset: int) -> Any:
    pointer = builder.inttoptr(builder.add(address, INT(offset)), INT.as_pointer())
    low = builder.zext(builder.load(pointer), WIDE)
    pointer = builder.inttoptr(builder.add(address, INT(offset + 8)), INT.as_pointer())
    high = builder.zext(builder.load(pointer), WIDE)
    return builder.or_(low, builder.shl(high, WIDE(64)))


def _store(builder: Any, address: Any, value: Any) -> None:
    pointer = builder.inttoptr(address, INT.as_pointer())
    builder.store(builder.trunc(value, INT), pointer)
    pointer = builder.inttoptr(builder.add(address, INT(8)), INT.as_pointer())
    builder.store(builder.trunc(builder.lshr(value, WIDE(64)), INT), pointer)


@intrinsic
def draw(typing_context: Any, address: Any) -> Any:
    """The next number in [0, 1), as `Generator.random()` makes it, of the state at `address`."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        (address,) = arguments
        state, increment = _load(builder, address, 0), _load(builder, address, 16)
        state = builder.add(builder.mul(state, WIDE(MULTIPLIER)), increment)
        _store(builder, address, state)
        high = builder.trunc(builder.lshr(state, WIDE(64)), INT)
        mixed = builder.xor(high, builder.trunc(state, INT))
        rotation = builder.trunc(builder.lshr(state, WIDE(122)), INT)
        back = builder.and_(builder.sub(INT(64), rotation), INT(63))
        rotated = builder.or_(builder.lshr(mixed, rotation), builder.shl(mixed, back))
        bits = builder.uitofp(builder.lshr(rotated, INT(11)), ir.DoubleType())
        return builder.fmul(bits, ir.Constant(ir.DoubleType(), 2.0**-53))

    return types.float64(types.int64), generate


@intrinsic
def jump(typing_context: Any, address: Any, steps: Any) -> Any:
    """Move the state at `address` as if `steps` numbers had been drawn."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        address, steps = arguments
        names = ("factor", "term", "total_factor", "total_term")
        first = (WIDE(MULTIPLIER), _load(builder, address, 16), WIDE(1), WIDE(0))
        variables = {name: cgutils.alloca_once(builder, WIDE) for name in names}
        for name, value in zip(names, first, strict=True):
            builder.store(value, variables[name])
        left = cgutils.alloca_once(builder, INT)
        builder.store(steps, left)
        with cgutils.for_range(builder, INT(63)):
            value = {name: builder.load(variable) for name, variable in variables.items()}
            odd = builder.trunc(builder.load(left), ir.IntType(1))
            with builder.if_then(odd):
                factor = builder.mul(value["total_factor"], value["factor"])
                term = builder.add(builder.mul(value["total_term"], value["factor"]), value["term"])
                builder.store(factor, variables["total_factor"])
                builder.store(term, variables["total_term"])
            one_more = builder.add(value["factor"], WIDE(1))
            builder.store(builder.mul(one_more, value["term"]), variables["term"])
            builder.store(builder.mul(value["factor"], value["factor"]), variables["factor"])
            builder.store(builder.lshr(builder.load(left), INT(1)), left)
        state = builder.mul(_load(builder, address, 0), builder.load(variables["total_factor"]))
        _store(builder, address, builder.add(state, builder.load(variables["total_term"])))
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@intrinsic
def uniform_at(typing_context: Any, key: Any, place: Any, half: Any) -> Any:
    """The number in (0, 1) of the upper half (0) or the lower half (1) of the 64 random bits at a
    place of the sequence that begins with a key, as `augment.numbers` has it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        key, place, half = arguments
        bits = builder.add(key, builder.mul(builder.add(place, INT(1)), INT(GOLDEN)))
        for shift, factor in zip(SHIFTS, FACTORS, strict=False):
            bits = builder.mul(builder.xor(bits, builder.lshr(bits, INT(shift))), INT(factor))
        bits = builder.xor(bits, builder.lshr(bits, INT(SHIFTS[-1])))
        upper, lower = builder.lshr(bits, INT(32)), builder.and_(bits, INT(0xFFFFFFFF))
        chosen = builder.select(builder.icmp_signed("==", half, INT(0)), upper, lower)
        double = ir.DoubleType()
        middle = builder.fadd(builder.uitofp(chosen, double), ir.Constant(double, 0.5))
        return builder.fmul(middle, ir.Constant(double, 2.0**-32))

    return types.float64(types.int64, types.int64, types.int64), generate
