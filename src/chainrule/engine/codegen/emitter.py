"""LLVM's vector instructions, for loops in which no Python says what stays in a register."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from chainrule.engine.codegen.kernel import Intrinsic, cgutils, integer_type, ir, types
from chainrule.engine.codegen.processor import VECTOR_BYTES

INT, SHORT = integer_type(64), integer_type(32)


class Emitter:
    """Emits instructions for vectors of numbers of so many bytes. Addresses are whole numbers."""

    def __init__(self, builder: Any, item: int) -> None:
        self.builder = builder
        self.bytes = item
        self.lanes = VECTOR_BYTES // item
        self.number = ir.FloatType() if item == 4 else ir.DoubleType()
        self.vector = ir.VectorType(self.number, self.lanes)
        self.mask = ir.VectorType(ir.IntType(1), self.lanes)
        self.zero = ir.Constant(self.vector, [0.0] * self.lanes)

    def _call(self, name: str, result: Any, *arguments: Any, flags: tuple[str, ...] = ()) -> Any:
        kind = ir.FunctionType(result, [argument.type for argument in arguments])
        name = f"llvm.{name}".replace("*", f"v{self.lanes}f{8 * self.bytes}")
        function = declared(self.builder.module, name, kind)
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
        pointer = self._pointer(address, value.type)
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
        integer = ir.IntType(8 * self.bytes)
        integers = ir.VectorType(integer, self.lanes)
        limit = self.splat(
            self.builder.trunc(count, integer) if integer != INT else count, integers
        )
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

    def beyond(self, address: Any, offset: int) -> Any:
        """The address so many bytes further on."""
        return self.builder.add(address, INT(offset)) if offset else address

    def lanes_of(self, value: Any, lanes: Sequence[int]) -> Any:
        """A vector of some lanes of another."""
        order = ir.Constant(ir.VectorType(SHORT, len(lanes)), list(lanes))
        return self.builder.shuffle_vector(value, value, order)

    def prefetch(self, address: Any) -> None:
        """Have the cache line at an address fetched to be written, without waiting for it."""
        byte = self._pointer(address, ir.IntType(8))
        self._call("prefetch.p0", ir.VoidType(), byte, SHORT(1), SHORT(3), SHORT(1))

    def carry(
        self, count: Any, values: Sequence[Any], body: Callable[..., Sequence[Any]], step: int = 1
    ) -> list[Any]:
        """What values have become once `count` has been gone through, `step` at a time; `body`
        makes of them those of the next round. They are in registers from the first, as variables
        are only once LLVM has looked at them."""
        builder, before = self.builder, self.builder.block
        head, end = builder.append_basic_block("loop"), builder.append_basic_block("after")
        builder.cbranch(builder.icmp_signed(">", count, INT(0)), head, end)
        builder.position_at_end(head)
        left, *carried = (self._phi((value, before)) for value in (count, *values))
        after = list(body(*carried))
        next_left, latch = builder.sub(left, INT(step)), builder.block
        for phi, value in zip((left, *carried), (next_left, *after), strict=True):
            phi.add_incoming(value, latch)
        builder.cbranch(builder.icmp_signed(">", next_left, INT(0)), head, end)
        builder.position_at_end(end)
        return [
            self._phi((value, before), (new, latch))
            for value, new in zip(values, after, strict=True)
        ]

    def choose(
        self, condition: Any, then: Callable[[], Sequence[Any]], other: Callable[[], Sequence[Any]]
    ) -> list[Any]:
        """The values that one of two functions makes, where the condition is true or where not."""
        builder = self.builder
        yes, no, end = (builder.append_basic_block(name) for name in ("then", "else", "after"))
        builder.cbranch(condition, yes, no)
        made = []
        for block, values in ((yes, then), (no, other)):
            builder.position_at_end(block)
            results = list(values())
            made.append([(value, builder.block) for value in results])
            builder.branch(end)
        builder.position_at_end(end)
        return [self._phi(*pair) for pair in zip(*made, strict=True)]

    def _phi(self, *incoming: tuple[Any, Any]) -> Any:
        """The value of the block that control came from."""
        phi = self.builder.phi(incoming[0][0].type)
        for value, block in incoming:
            phi.add_incoming(value, block)
        return phi


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
    function = declared(module, f"chainrule_{name}", signature)
    if function.is_declaration:
        function.linkage = "linkonce_odr"
        define(function, number.bitwidth // 8, body)
    return function


def define(function: Any, item: int, body: Callable[..., None]) -> None:
    """Give a function its instructions, for numbers of so many bytes."""
    function.attributes.add("noinline")
    builder = ir.IRBuilder(function.append_basic_block())
    body(Emitter(builder, item), *function.args)
    builder.ret_void()


def declared(module: Any, name: str, kind: Any) -> Any:
    """The function of a name in a module, there already or declared now."""
    return module.globals.get(name) or ir.Function(module, kind, name)
