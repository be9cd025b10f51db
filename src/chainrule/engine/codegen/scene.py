"""What a handler sees of its instruction: operands, sizes, and the rows or the share it is given.

Every operation is a compiled function of its own, `handler(task, like)`, whose address stands in
the program's table. `task` is the address of a few whole numbers, see `column`; `like` only tells
the type of all real numbers.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from chainrule.engine.codegen.native import kernel, pointer, share
from chainrule.engine.program import column, place


class Scene(NamedTuple):
    """An instruction on some rows. Addresses are whole numbers, tables pointers."""

    op: int
    together: int  # examples that lie side by side and count as one row
    rows: int
    x: int  # the first rows of the tensors
    y: int
    z: int
    more: int
    x_size: int  # numbers in a row
    y_size: int
    size: Any
    array: Any
    private: Any
    number: Any
    own: int  # this thread's memory
    scratch: int
    thread: int
    context: Any
    task: Any


class Share(NamedTuple):
    """A thread's share of a parameter: rows [begin, end) of `width` numbers each."""

    begin: int
    end: int
    width: int
    values: int


@kernel
def read(task: int) -> Scene:
    """The scene that a task sets."""
    t = pointer(task, 0)
    context = pointer(t[column.CONTEXT], 0)
    i, thread = t[column.INSTRUCTION], t[column.THREAD]
    at = context[place.CODE] + i * column.WIDTH * 8
    code = pointer(at, 0)
    own = context[place.PRIVATE] + thread * context[place.PRIVATE_BYTES]
    together = code[column.TOGETHER]
    return Scene(
        code[column.OP],
        together,
        (t[column.END] - t[column.BEGIN] + together - 1) // together,
        operand(context, code, 0, t),
        operand(context, code, 1, t),
        operand(context, code, 2, t),
        operand(context, code, 3, t),
        operand_size(context, code, 0) * together,
        operand_size(context, code, 1) * together,
        pointer(at + column.SIZES * 8, 0),
        pointer(at + column.ARRAYS * 8, 0),
        pointer(at + column.PRIVATE * 8, 0),
        pointer(context[place.NUMBERS] + i * column.NUMBERS * 8, 0.0),
        own,
        own + context[place.SUMS_BYTES],
        thread,
        context,
        t,
    )


@kernel
def read_share(scene: Scene) -> Share:
    """This thread's share of a parameter of size[0] rows of size[1] numbers."""
    begin, end = share(scene.size[0], scene.thread, scene.context[place.THREADS])
    width = scene.size[1]
    return Share(begin, end, width, (end - begin) * width)


@kernel
def tensor_address(context: Any, tensor: int, thread: int, row: int, block: int, x: int) -> int:
    """Where a row of a tensor begins. Tensor 0 is the input; one that is local to a block of rows
    has memory for these alone."""
    t = pointer(context[place.TENSORS] + tensor * column.TENSOR_WIDTH * 8, 0)
    base = x if tensor == 0 else t[column.ADDRESS] + thread * t[column.THREAD_BYTES]
    return base + (row - t[column.LOCAL] * block) * t[column.ROW_BYTES]


@kernel
def operand(context: Any, code: Any, number: int, t: Any) -> int:
    """The address of an instruction's tensor at the task's first row; 0 where it has none."""
    tensor = code[column.TENSORS + number]
    begin = t[column.BEGIN]
    if tensor < 0:
        return 0
    return tensor_address(context, tensor, t[column.THREAD], begin, begin, t[column.X])


@kernel
def operand_size(context: Any, code: Any, number: int) -> int:
    """The numbers in a row of an instruction's tensor."""
    tensor = code[column.TENSORS + number]
    at = context[place.TENSORS] + tensor * column.TENSOR_WIDTH * 8
    return pointer(at, 0)[column.SIZE] if tensor >= 0 else 0


@kernel
def penalties(context: Any, step: int) -> int:
    """Where threads add up a step's penalties: one thread begins the next step while another
    still reads them."""
    return context[place.PENALTY] + (step % 2) * context[place.THREADS] * column.LINE * 8


@kernel
def total_of_threads(partial: int, threads: int) -> float:
    """The sum of one number of each thread, always in the same order."""
    parts = pointer(partial, 0.0)
    total = 0.0
    for thread in range(threads):
        total += parts[thread * column.LINE]
    return total
