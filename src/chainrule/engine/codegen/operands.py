"""What a handler sees of its instruction: operands by name, the rows or the share it is given.

Every operation is a compiled function, `handler(task, like)`, whose address stands in the program's
table. `task` is a record, see `program.records`; `like` only tells the type of all real numbers.
"""

from __future__ import annotations

from itertools import count
from typing import Any, NamedTuple

import numpy as np

from chainrule.engine.codegen.kernel import Intrinsic, Kernel, intrinsic, kernel, types
from chainrule.engine.codegen.native import INT, pointer, share
from chainrule.engine.program.operands import Kind, kinds
from chainrule.engine.program.records import (
    LINE,
    SLOTS,
    TENSOR_BYTES,
    Context,
    Row,
    Task,
    TensorRow,
)
from chainrule.engine.program.registry import OPERATIONS


class Rows(NamedTuple):
    """A tensor's rows from the first that a handler is to work on: the address, and how many
    numbers each has. Interleaved examples count as one row."""

    address: int
    size: int


class Share(NamedTuple):
    """A thread's share of a parameter: rows [begin, end) of `width` numbers each."""

    begin: int
    end: int
    width: int
    values: int


def record_type(record: type) -> Any:
    """What a record is to Numba."""
    from numba import from_dtype

    return from_dtype(np.dtype(record))


def record_at(record: type) -> Intrinsic:
    """The function that takes an address as that of a record."""

    def at(typing_context: Any, address: Any) -> Any:
        kind = record_type(record)

        def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
            return builder.inttoptr(arguments[0], context.get_value_type(kind))

        return kind(types.int64), generate

    return Intrinsic(at)


context_at, row_at, tensor_at = record_at(Context), record_at(Row), record_at(TensorRow)
task_at = record_at(Task)


@intrinsic
def read(typing_context: Any, task: Any, operation: Any) -> Any:
    """The operands of a task's instruction: a NamedTuple of this operation's class, of addresses
    and numbers where the instruction had tensors and arrays."""
    result = compiled_type(operation.instance_class)

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        slot = count()

        def read_all(kind: Any) -> Any:
            values = []
            for part, part_type in zip(kinds(kind), compiled_type(kind).types, strict=True):
                if part not in READERS:
                    values.append(read_all(part))
                    continue
                reader, at = READERS[part].function, (arguments[0], INT(next(slot)))
                signature = part_type(task, types.int64)
                values.append(context.compile_internal(builder, reader, signature, at))
            return context.make_tuple(builder, compiled_type(kind), values)

        return read_all(operation.instance_class)

    return result(task, operation), generate


def compiled_type(kind: Any) -> Any:
    """What operands of this kind, or of this class, are in compiled code."""
    if kind is Kind.TENSOR:
        return types.BaseTuple.from_types([types.int64] * 2, Rows)
    if isinstance(kind, Kind):
        return types.float64 if kind is Kind.REAL else types.int64
    return types.BaseTuple.from_types([compiled_type(part) for part in kinds(kind)], kind)


@intrinsic
def is_operation(typing_context: Any, task: Any, operation: Any) -> Any:
    """True if a task's instruction is of this operation, for handlers of several."""
    number = OPERATIONS[operation.instance_class].number

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        found = context.compile_internal(
            builder, operation_number.function, types.int64(task), arguments[:1]
        )
        return builder.icmp_signed("==", found, INT(number))

    return types.boolean(task, operation), generate


@kernel
def operation_number(task: Task) -> int:
    """The number of a task's operation."""
    return row_at(task.instruction).operation


@kernel
def slot_of(task: Task, number: int) -> int:
    """What stands in one of the slots of a task's instruction."""
    return pointer(task.instruction + SLOTS, 0)[number]


@kernel
def read_real(task: Task, number: int) -> float:
    """A real number."""
    return pointer(task.instruction + SLOTS, 0.0)[number]


@kernel
def read_private(task: Task, number: int) -> int:
    """The address of this thread's own memory for an operand; 0 where there is none."""
    offset = slot_of(task, number)
    return task.own + offset if offset >= 0 else 0


@kernel
def read_rows(task: Task, number: int) -> Rows:
    """A tensor's rows from the task's first on; those at address 0 where there is no tensor."""
    tensor = slot_of(task, number)
    if tensor < 0:
        return Rows(0, 0)
    context = context_at(task.context)
    address = tensor_address(context, tensor, task.share, task.begin, task.begin, task.x)
    size = tensor_at(tensor_row(context, tensor)).size
    return Rows(address, size * row_at(task.instruction).interleaved)


READERS: dict[Any, Kernel] = {
    Kind.TENSOR: read_rows,
    Kind.ARRAY: slot_of,
    Kind.PRIVATE: read_private,
    Kind.INTEGER: slot_of,
    Kind.REAL: read_real,
}


@kernel
def tensor_row(context: Context, tensor: int) -> int:
    """The address of a tensor's record."""
    return context.tensors + tensor * TENSOR_BYTES


@kernel
def tensor_address(context: Context, tensor: int, thread: int, row: int, block: int, x: int) -> int:
    """Where a row of a tensor begins. Tensor 0 is the input; one that is local to a block of rows
    has memory for these alone."""
    t = tensor_at(tensor_row(context, tensor))
    base = x if tensor == 0 else t.address + thread * t.thread_bytes
    return base + (row - t.is_local * block) * t.row_bytes


@kernel
def count_rows(task: Task) -> int:
    """How many rows a task has, where interleaved examples count as one."""
    interleaved = row_at(task.instruction).interleaved
    return (task.end - task.begin + interleaved - 1) // interleaved


@kernel
def interleaved_examples(task: Task) -> int:
    """How many examples are interleaved in a task's rows."""
    return row_at(task.instruction).interleaved


@kernel
def share_of(task: Task, rows: int, width: int) -> Share:
    """This thread's share of a parameter of so many rows of `width` numbers."""
    begin, end = share(rows, task.share, context_at(task.context).threads)
    return Share(begin, end, width, (end - begin) * width)


@kernel
def of_thread(task: Task, private: int, thread: int) -> int:
    """Where another thread has what this one has at `private`."""
    return private + (thread - task.share) * context_at(task.context).private_bytes


@kernel
def penalties(context: Context, step: int) -> int:
    """Where threads add up a step's penalties: one thread begins the next step while another
    still reads them."""
    return context.penalties + (step % 2) * context.threads * LINE * 8


@kernel
def add_to_total(totals: int, thread: int, amount: float) -> None:
    """Add to one thread's number of those at an address, which lie a cache line apart."""
    pointer(totals, 0.0)[thread * LINE] += amount


@kernel
def total_of_threads(totals: int, threads: int) -> float:
    """The sum of one number of each thread, always in the same order."""
    parts = pointer(totals, 0.0)
    total = 0.0
    for thread in range(threads):
        total += parts[thread * LINE]
    return total
