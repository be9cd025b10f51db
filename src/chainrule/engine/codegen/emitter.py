"""LLVM's vector instructions, for loops in which no Python says what stays in a register."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from llvmlite import ir

from chainrule.engine.codegen.kernel import Intrinsic, cgutils, types
from chainrule.engine.codegen.processor import VECTOR_BYTES

INT, SHORT = ir.IntType(64), ir.IntType(32)


class Emitter:
    """Emits instructions for vectors of one type of number. Addresses are whole numbers."""

    def __init__(self, builder: Any, number: Any) -> None:
        self.builder = builder
        self.bytes = 4 if number == types.float32 else 8
        self.lanes = VECTOR_BYTES // self.bytes
        self.number = ir.FloatType() if number == types.float32 else ir.DoubleType()
        self.vector = ir.VectorType(self.number, self.lanes)
        self.mask = ir.VectorType(ir.IntType(1), self.lanes)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)

    def _call(self, name: str, result: Any, *arguments: Any, flags: tuple[str, ...] = ()) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        name = f"llvm.{name}".replace("*", f"v{self.lanes}f{8 * self.bytes}")
        function = cgutils.get_or_insert_function(self.builder.module, kind, name)
        return self.builder.call(function, list(arguments), fastmath=flags)

    def multiply_add(self, a: Any, b: Any, c: Any) -> Any:
        return self._call("fma.*", self.vector, a, b, c)

    def sum_of_lanes(self, a: Any) -> Any:
        """By halves: in an order of its own, but always the same."""
        zero = ir.Constant(self.number, 0.0)
        return self._call("vector.reduce.fadd.*", self.number, zero, a, flags=("reassoc",))

    def load(self, address: Any, mask: Any = None) -> Any:
        """A vector; of its lanes those that the mask names, if there is one, zero in the others."""
        pointer = self._pointer(address, self.vector)
        if mask is None:
            return self.builder.load(pointer, align=self.bytes)
        return self._call(
            "masked.load.*.p0", self.vector, pointer, SHORT(self.bytes), mask, self.zero
        )

    def store(self, value: Any, address: Any, mask: Any = None) -> None:
        """A vector, or those of its lanes that the mask names."""
        pointer = self._pointer(address, self.vector)
        if mask is None:
            self.builder.store(value, pointer, align=self.bytes)
        else:
            self._call("masked.store.*.p0", ir.VoidType(), value, pointer, SHORT(self.bytes), mask)

    def add_to(self, value: Any, address: Any) -> None:
        """Add one number to the one at an address."""
        pointer = self._pointer(address, self.number)
        self.builder.store(self.builder.fadd(self.builder.load(pointer), value), pointer)

    def _pointer(self, address: Any, kind: Any) -> Any:
        return self.builder.inttoptr(address, kind.as_pointer())

    def broadcast(self, address: Any) -> Any:
        """One number in every lane."""
        return self.splat(self.builder.load(self._pointer(address, self.number)), self.vector)

    def broadcast_double(self, address: Any) -> Any:
        """A float64, rounded to the type of the others, in every lane."""
        value = self.builder.load(self._pointer(address, ir.DoubleType()))
        if self.number != value.type:
            value = self.builder.fptrunc(value, self.number)
        return self.splat(value, self.vector)

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

    def given_or_zero(self, address: Any, other: Any, masks: list[Any]) -> tuple[Any, list[Any]]:
        """Where to load vectors from, and under which masks, so that without an address there are
        zeros. A load of nothing takes hundreds of cycles where its address is none: then it is made
        from another one, which exists."""
        given = self.builder.icmp_unsigned("!=", address, INT(0))
        in_all = self.splat(given, self.mask)
        return (
            self.builder.select(given, address, other),
            [self.builder.and_(mask, in_all) for mask in masks],
        )

    def number_of(self, integer: Any) -> Any:
        """A whole number as one of the vectors' numbers, in every lane."""
        return self.splat(self.builder.sitofp(integer, self.number), self.vector)

    def variable(self, value: Any) -> Any:
        """Memory on the stack, for LLVM to make a register of, with this value at first."""
        return cgutils.alloca_once_value(self.builder, value)

    def loop(self, count: Any) -> Any:
        """``with emit.loop(count) as i``: code that is run for i = 0, …, count - 1."""
        return cgutils.for_range(self.builder, count)

    def integer_at(self, address: Any) -> Any:
        return self.builder.load(self._pointer(address, INT))


def vector_function(name: str, body: Callable[..., None]) -> Intrinsic:
    """A function for compiled code, ``f((whole numbers), like)``, whose instructions `body` emits,
    given an `Emitter` and the numbers. `like` only tells the type of the vectors' numbers."""

    def function(typing_context: Any, arguments: Any, like: Any) -> Any:
        count = len(arguments)

        def generate(context: Any, builder: Any, signature: Any, given: Any) -> Any:
            values = [builder.extract_value(given[0], i) for i in range(count)]
            emitted = emitted_function(builder.module, f"{name}_{like}", body, count, like)
            builder.call(emitted, values)
            return context.get_dummy_value()

        return types.void(arguments, like), generate

    return Intrinsic(function)


def emitted_function(
    module: Any, name: str, body: Callable[..., None], count: int, number: Any
) -> Any:
    """The function in a module, emitted once and never inlined: all that call it share its code."""
    signature = ir.FunctionType(ir.VoidType(), [INT] * count)
    function = cgutils.get_or_insert_function(module, signature, f"chainrule_{name}")
    if function.is_declaration:
        function.linkage = "linkonce_odr"
        function.attributes.add("noinline")
        builder = ir.IRBuilder(function.append_basic_block())
        body(Emitter(builder, number), *function.args)
        builder.ret_void()
    return function
