"""The machine: one compiled function that runs any program.

Each thread runs the same program over its own examples and its own share of the parameters. A step
of training is

    for each chunk of the batch:  forward and backward, over examples;   wait
                                  sum dense gradients, over parameters;  wait
    complete the gradients;  move the parameters;                        wait

so that no two threads ever write to one place, and every sum has one order.
"""

from __future__ import annotations

import math
from typing import Any

from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import (
    call,
    clear,
    copy,
    fetch_line,
    pointer,
    share,
    size_of,
    wait_for_all,
)
from chainrule.engine.codegen.operands import (
    context_at,
    penalties,
    row_at,
    task_at,
    tensor_address,
    total_of_threads,
)
from chainrule.engine.program.records import LINE, TASK_BYTES, Context, Task
from chainrule.parameters import CACHE_LINE

FETCH_AHEAD = 3  # examples: they lie scattered, and the processor cannot foresee where


def run(context_address: int, thread: int, like: Any) -> None:
    """Run a program as the context at this address says, as one of its threads."""
    context = context_at(context_address)
    task = task_at(context.tasks + thread * TASK_BYTES)
    task.context, task.thread = context_address, thread
    task.own = context.private + thread * context.private_bytes
    task.scratch = task.own + context.sum_bytes
    if context.trains:
        train(context, task, like)
    else:
        predict(context, task, like)


@kernel
def predict(context: Context, task: Task, like: Any) -> None:
    """Outputs of all rows, chunk by chunk."""
    if context.arrange < context.end:
        execute(context, task, context.arrange, context.end, 0, 0, like)
        wait_for_all(context.barrier, context.threads)
    for start in range(0, context.rows, context.chunk):
        if start:  # the last chunk may be shared out otherwise
            wait_for_all(context.barrier, context.threads)
        begin, end = share_rows(context, min(context.chunk, context.rows - start), task.thread)
        task.x = gather(context, start, begin, end, like)
        go_over_rows(context, task, context.forward, context.backward, begin, end, like)
        hand_out(context, task, start, begin, end, like)


@kernel
def train(context: Context, task: Task, like: Any) -> None:
    """All steps of the run, or those until the loss is no longer finite."""
    thread, rows, batch_size = task.thread, context.rows, context.batch_size
    execute(context, task, context.arrange, context.end, 0, 0, like)
    wait_for_all(context.barrier, context.threads)
    step = 0
    for _ in range(context.epochs):
        for first in range(0, rows, batch_size):
            task.step, task.examples = step, min(batch_size, rows - first)
            task.step_start = first + context.first_row
            if not take_step(context, task, step, first, like):
                pointer(context.done, 0)[thread] = step + 1
                return
            step += 1
    pointer(context.done, 0)[thread] = step


@kernel
def take_step(context: Context, task: Task, step: int, first: int, like: Any) -> bool:
    """One step, on the examples from number `first` of the run on. False, with nothing moved, where
    the loss is not a finite number."""
    barrier, threads, thread = context.barrier, context.threads, task.thread
    chunk, count = context.chunk, task.examples
    losses = pointer(context.losses, 0.0)
    clear_sums(context, task, step)
    for start in range(first, first + count, chunk):
        in_chunk = min(chunk, first + count - start)
        begin, end = share_rows(context, in_chunk, thread)
        task.chunk_start, task.begins = start, start == first
        task.x = gather(context, start, begin, end, like)
        go_over_rows(context, task, context.forward, context.backward, begin, end, like)
        hand_out(context, task, start, begin, end, like)
        go_over_rows(context, task, context.backward, context.shared, begin, end, like)
        wait_for_all(barrier, threads)
        execute(context, task, context.shared, context.finish, 0, in_chunk, like)
        if start + chunk < first + count:
            wait_for_all(barrier, threads)
    loss = total_of_threads(context.partial_losses, threads)
    if thread == 0:
        losses[step] = loss
    if not math.isfinite(loss):
        return False
    execute(context, task, context.finish, context.move, 0, 0, like)
    if context.clip_norm:
        wait_for_all(barrier, threads)
    execute(context, task, context.move, context.end, 0, 0, like)
    wait_for_all(barrier, threads)
    if thread == 0:
        losses[step] += total_of_threads(penalties(context, step), threads)
    return True


@kernel
def share_rows(context: Context, count: int, thread: int) -> Any:
    """The part [begin, end) of `count` rows that falls to one thread."""
    unit = context.unit
    begin, end = share((count + unit - 1) // unit, thread, context.threads)
    return min(begin * unit, count), min(end * unit, count)


@kernel
def go_over_rows(
    context: Context, task: Task, at: int, end_of_part: int, begin: int, end: int, like: Any
) -> None:
    """Run the instructions of a part, given by its addresses, on rows [begin, end) of the chunk:
    stretch by stretch, each a few rows at a time."""
    while at < end_of_part:
        row = row_at(at)
        rows, stop = row.block, row.stop
        if row.handler == 0:
            wait_for_all(context.barrier, context.threads)
        elif rows == 0:
            execute(context, task, at, stop, begin, end, like)
        else:
            for first in range(begin, end, rows):
                execute(context, task, at, stop, first, min(first + rows, end), like)
        at = stop


@kernel
def execute(
    context: Context, task: Task, at: int, stop: int, begin: int, end: int, like: Any
) -> None:
    """The instructions in [at, stop), all on rows [begin, end), or on this thread's share of their
    parameters."""
    task.begin, task.end = begin, end
    address, row_bytes = context.tasks + task.thread * TASK_BYTES, context.row_bytes
    while at < stop:
        task.instruction = at
        call(row_at(at).handler, address, like)
        at += row_bytes


@kernel
def gather(context: Context, start: int, begin: int, end: int, like: Any) -> int:
    """The address of the chunk's inputs; where they lie scattered, this thread's are copied."""
    row = context.x_size * size_of(like)
    if not context.order:
        return context.x + start * row
    order = pointer(context.order + 8 * start, 0)
    for n in range(begin, end):
        ahead = context.x + order[min(n + FETCH_AHEAD, end - 1)] * row
        for line in range(ahead, ahead + row, CACHE_LINE):
            fetch_line(line)
        source = pointer(context.x + order[n] * row, like)
        copy(source, pointer(context.gathered + n * row, like), context.x_size)
    return context.gathered


@kernel
def hand_out(context: Context, task: Task, start: int, begin: int, end: int, like: Any) -> None:
    """Copy the outputs to where the caller wants them, if anywhere."""
    if context.outputs:
        size = context.output_size
        outputs = tensor_address(context, context.output, task.thread, begin, 0, task.x)
        target = context.outputs + (start + begin) * size * size_of(like)
        copy(pointer(outputs, like), pointer(target, like), (end - begin) * size)


@kernel
def clear_sums(context: Context, task: Task, step: int) -> None:
    """Set to zero what this thread adds up in a step."""
    clear(pointer(task.own, 0), context.sum_bytes // 8)
    pointer(context.partial_losses, 0.0)[task.thread * LINE] = 0
    pointer(penalties(context, step), 0.0)[task.thread * LINE] = 0
    pointer(context.squares, 0.0)[task.thread * LINE] = 0
