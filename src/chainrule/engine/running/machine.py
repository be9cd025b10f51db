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

from chainrule.engine.codegen.native import (
    call,
    clear,
    copy,
    fetch_line,
    kernel,
    pointer,
    share,
    size_of,
    wait_for_all,
)
from chainrule.engine.codegen.scene import penalties, tensor_address, total_of_threads
from chainrule.engine.program import column, place
from chainrule.engine.program.instructions import Op
from chainrule.parameters import CACHE_LINE

FETCH_AHEAD = 3  # examples: they lie scattered, and the processor cannot foresee where


@kernel
def run(context_at: int, thread: int, like: Any) -> None:
    """Run a program as the context at this address says, as one of its threads."""
    context = pointer(context_at, 0)
    task = pointer(context[place.TASKS] + thread * column.TASK_WIDTH * 8, 0)
    task[column.CONTEXT], task[column.THREAD] = context_at, thread
    if context[place.TRAINS]:
        train(context, task, thread, like)
    else:
        predict(context, task, thread, like)


@kernel
def predict(context: Any, task: Any, thread: int, like: Any) -> None:
    """Outputs of all rows, chunk by chunk."""
    rows, chunk = context[place.ROWS], context[place.CHUNK]
    if context[place.ARRANGE] < context[place.END]:
        go_over_shares(context, task, context[place.ARRANGE], context[place.END], 0, like)
        wait_for_all(context[place.BARRIER], context[place.THREADS])
    for start in range(0, rows, chunk):
        if start:  # the last chunk may be shared out otherwise
            wait_for_all(context[place.BARRIER], context[place.THREADS])
        begin, end = share_rows(context, min(chunk, rows - start), thread)
        task[column.X] = gather(context, start, begin, end, like)
        go_over_rows(
            context, task, context[place.FORWARD], context[place.BACKWARD], begin, end, like
        )
        hand_out(context, thread, task[column.X], start, begin, end, like)


@kernel
def train(context: Any, task: Any, thread: int, like: Any) -> None:
    """All steps of the run, or those until the loss is no longer finite."""
    rows, batch = context[place.ROWS], context[place.BATCH]
    go_over_shares(context, task, context[place.ARRANGE], context[place.END], 0, like)
    wait_for_all(context[place.BARRIER], context[place.THREADS])
    step = 0
    for _ in range(context[place.EPOCHS]):
        for first in range(0, rows, batch):
            task[column.STEP], task[column.COUNT] = step, min(batch, rows - first)
            task[column.WHOLE] = first + context[place.FIRST_ROW]
            if not take_step(context, task, thread, step, first, like):
                pointer(context[place.DONE], 0)[thread] = step + 1
                return
            step += 1
    pointer(context[place.DONE], 0)[thread] = step


@kernel
def take_step(context: Any, task: Any, thread: int, step: int, first: int, like: Any) -> bool:
    """One step, on the examples from place `first` of the run on. False, with nothing moved, where
    the loss is not a finite number."""
    barrier, threads = context[place.BARRIER], context[place.THREADS]
    chunk, count = context[place.CHUNK], task[column.COUNT]
    forward, backward = context[place.FORWARD], context[place.BACKWARD]
    shared, finish = context[place.SHARED], context[place.FINISH]
    losses = pointer(context[place.LOSSES], 0.0)
    clear_sums(context, thread, step)
    for start in range(first, first + count, chunk):
        in_chunk = min(chunk, first + count - start)
        begin, end = share_rows(context, in_chunk, thread)
        task[column.START], task[column.NEW] = start, start == first
        task[column.X] = gather(context, start, begin, end, like)
        go_over_rows(context, task, forward, backward, begin, end, like)
        hand_out(context, thread, task[column.X], start, begin, end, like)
        go_over_rows(context, task, backward, shared, begin, end, like)
        wait_for_all(barrier, threads)
        go_over_shares(context, task, shared, finish, in_chunk, like)
        if start + chunk < first + count:
            wait_for_all(barrier, threads)
    loss = total_of_threads(context[place.PARTIAL_LOSS], threads)
    if thread == 0:
        losses[step] = loss
    if not math.isfinite(loss):
        return False
    go_over_shares(context, task, finish, context[place.MOVE], 0, like)
    if context[place.CLIP_NORM]:
        wait_for_all(barrier, threads)
    go_over_shares(context, task, context[place.MOVE], context[place.END], 0, like)
    wait_for_all(barrier, threads)
    if thread == 0:
        losses[step] += total_of_threads(penalties(context, step), threads)
    return True


@kernel
def share_rows(context: Any, count: int, thread: int) -> Any:
    """The part [begin, end) of `count` rows that falls to one thread."""
    unit = context[place.UNIT]
    begin, end = share((count + unit - 1) // unit, thread, context[place.THREADS])
    return min(begin * unit, count), min(end * unit, count)


@kernel
def go_over_rows(
    context: Any, task: Any, i: int, end_of_part: int, begin: int, end: int, like: Any
) -> None:
    """Run instructions on rows [begin, end) of the chunk: stretch by stretch, each a few rows at
    a time."""
    while i < end_of_part:
        code = pointer(context[place.CODE] + i * column.WIDTH * 8, 0)
        rows, stop = code[column.BLOCK], code[column.STOP]
        if code[column.OP] == Op.WAIT:
            wait_for_all(context[place.BARRIER], context[place.THREADS])
        elif rows == 0:
            execute(context, task, i, stop, begin, end, like)
        else:
            for first in range(begin, end, rows):
                execute(context, task, i, stop, first, min(first + rows, end), like)
        i = stop


@kernel
def go_over_shares(context: Any, task: Any, i: int, end_of_part: int, rows: int, like: Any) -> None:
    """Run instructions on this thread's share of each parameter, summed over all rows."""
    execute(context, task, i, end_of_part, 0, rows, like)


@kernel
def execute(context: Any, task: Any, i: int, stop: int, begin: int, end: int, like: Any) -> None:
    """Instructions i, …, stop - 1 on the same rows."""
    task[column.BEGIN], task[column.END] = begin, end
    for j in range(i, stop):
        task[column.INSTRUCTION] = j
        handler = pointer(context[place.CODE] + j * column.WIDTH * 8, 0)[column.HANDLER]
        call(handler, context[place.TASKS] + task[column.THREAD] * column.TASK_WIDTH * 8, like)


@kernel
def gather(context: Any, start: int, begin: int, end: int, like: Any) -> int:
    """The address of the chunk's inputs; where they lie scattered, this thread's are copied."""
    row = context[place.X_SIZE] * size_of(like)
    if not context[place.ORDER]:
        return context[place.X] + start * row
    order = pointer(context[place.ORDER] + 8 * start, 0)
    for n in range(begin, end):
        ahead = context[place.X] + order[min(n + FETCH_AHEAD, end - 1)] * row
        for line in range(ahead, ahead + row, CACHE_LINE):
            fetch_line(line)
        source = pointer(context[place.X] + order[n] * row, like)
        copy(source, pointer(context[place.INPUT] + n * row, like), context[place.X_SIZE])
    return context[place.INPUT]


@kernel
def hand_out(
    context: Any, thread: int, x: int, start: int, begin: int, end: int, like: Any
) -> None:
    """Copy the outputs to where the caller wants them, if anywhere."""
    if context[place.OUTPUTS]:
        size = context[place.OUTPUT_SIZE]
        outputs = tensor_address(context, context[place.OUTPUT], thread, begin, 0, x)
        target = context[place.OUTPUTS] + (start + begin) * size * size_of(like)
        copy(pointer(outputs, like), pointer(target, like), (end - begin) * size)


@kernel
def clear_sums(context: Any, thread: int, step: int) -> None:
    """Set to zero what this thread adds up in a step."""
    private = context[place.PRIVATE] + thread * context[place.PRIVATE_BYTES]
    clear(pointer(private, 0), context[place.SUMS_BYTES] // 8)
    pointer(context[place.PARTIAL_LOSS], 0.0)[thread * column.LINE] = 0
    pointer(penalties(context, step), 0.0)[thread * column.LINE] = 0
    pointer(context[place.SQUARES], 0.0)[thread * column.LINE] = 0
