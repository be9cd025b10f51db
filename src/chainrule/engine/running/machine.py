"""The machine: one compiled function that runs any program.

Each share of a step has its own examples and its own part of the parameters; `shares` says which
thread does it. A step of training is

    for each chunk of the batch:  forward and backward, over examples;   all wait
                                  sum dense gradients, over parameters
    sum the other gradients, over parameters;
    where there are other processes:                                     all wait
        add up the gradients of all processes, one for all;              all wait
    complete the gradients;  move the parameters;                        all wait

so that no two threads ever write to one place, and every sum has one order.
"""

from __future__ import annotations

import math
from typing import Any

from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import (
    FLUSHES,
    call,
    clear,
    copy,
    fetch_line,
    float_mode,
    pointer,
    set_float_mode,
    share,
    size_of,
)
from chainrule.engine.codegen.operands import (
    context_at,
    penalties,
    row_at,
    task_at,
    tensor_address,
    total_of_threads,
)
from chainrule.engine.program.records import ALL, LINE, TASK_BYTES, Context, Task
from chainrule.engine.running.shares import NONE, next_share
from chainrule.parameters import CACHE_LINE

FETCH_AHEAD = 3  # examples: they lie scattered, and the processor cannot foresee where


def run(context_address: int, thread: int, like: Any) -> None:
    """Run a program as the context at this address says, as one of its threads.

    Denormal numbers count as zero meanwhile: a product with one of them takes a hundred times as
    long, and a gradient that vanishes, or Adam's means of one that is zero, would be made of them.
    """
    context, mode = context_at(context_address), float_mode()
    set_float_mode(mode | FLUSHES)
    if context.trains:
        train(context, thread, like)
    else:
        predict(context, thread, like)
    set_float_mode(mode)


@kernel
def task_of(context: Context, share: int) -> Task:
    """The task that belongs to a share."""
    return task_at(context.tasks + share * TASK_BYTES)


@kernel
def predict(context: Context, thread: int, like: Any) -> None:
    """Outputs of all rows, chunk by chunk."""
    phase = arrange(context, thread, like)
    for start in range(0, context.rows, context.chunk):
        count = min(context.chunk, context.rows - start)
        phase = go_over_chunk(context, thread, phase, context.backward, 0, start, count, like)


@kernel
def train(context: Context, thread: int, like: Any) -> None:
    """All steps of the run, or those until the loss is no longer finite."""
    phase, step = arrange(context, thread, like), 0
    for _ in range(context.epochs):
        for first in range(0, context.rows, context.batch_size):
            phase = take_step(context, thread, phase, step, first, like)
            if context.is_stopped:
                return
            step += 1
    share = next_share(context, thread, phase, NONE)
    while share != NONE:
        if share == 0:
            add_penalties(context, step)
        share = next_share(context, thread, phase, share)


@kernel
def arrange(context: Context, thread: int, like: Any) -> int:
    """Copy weights into the order in which products read them; the next phase."""
    if context.arrange == context.end:
        return 0
    return go_over_parameters(context, thread, 0, context.arrange, context.end, like)


@kernel
def go_over_parameters(
    context: Context, thread: int, phase: int, at: int, stop: int, like: Any
) -> int:
    """Run the instructions in [at, stop), each share on its part of the parameters; the next
    phase."""
    share = next_share(context, thread, phase, NONE)
    while share != NONE:
        execute(context, task_of(context, share), at, stop, 0, 0, like)
        share = next_share(context, thread, phase, share)
    return phase + 1


@kernel
def take_step(context: Context, thread: int, phase: int, step: int, first: int, like: Any) -> int:
    """One step, on the examples from number `first` of the run on; the next phase. Where the loss
    is not a finite number, nothing is moved and the run stops."""
    chunk, end = context.chunk, min(first + context.batch_size, context.rows)
    is_alone = context.exchange == context.finish
    for start in range(first, end, chunk):
        count = min(chunk, end - start)
        phase = go_over_chunk(context, thread, phase, context.shared, step, start, count, like)
        share = next_share(context, thread, phase, NONE)
        while share != NONE:
            task = task_of(context, share)
            execute(context, task, context.shared, context.gather, 0, count, like)
            if start + chunk >= end:
                execute(context, task, context.gather, context.exchange, 0, 0, like)
                if is_alone:
                    finish_step(context, task, step, like)
            share = next_share(context, thread, phase, share)
        phase += 1
    if not is_alone:
        phase = exchange(context, thread, phase, step, like)
    if context.clip_norm and not context.is_stopped:
        phase = go_over_parameters(context, thread, phase, context.move, context.end, like)
    return phase


@kernel
def exchange(context: Context, thread: int, phase: int, step: int, like: Any) -> int:
    """Add up the gradients of all processes, then finish the step; the next phase."""
    phase = go_over_parameters(context, thread, phase, context.exchange, context.finish, like)
    share = next_share(context, thread, phase, NONE)
    while share != NONE:
        finish_step(context, task_of(context, share), step, like)
        share = next_share(context, thread, phase, share)
    return phase + 1


@kernel
def finish_step(context: Context, task: Task, step: int, like: Any) -> None:
    """Complete a share of the gradients, and move its parameters; unless the loss is not a finite
    number, or moving has to wait for the norm of all gradients."""
    loss = total_of_threads(context.partial_losses, context.threads)
    if task.share == 0:
        pointer(context.losses, 0.0)[step] = loss
        context.made = step + 1
    if not math.isfinite(loss):
        context.is_stopped = 1
        return
    execute(context, task, context.finish, context.move, 0, 0, like)
    if not context.clip_norm:
        execute(context, task, context.move, context.end, 0, 0, like)


@kernel
def go_over_chunk(
    context: Context,
    thread: int,
    phase: int,
    end: int,
    step: int,
    start: int,
    count: int,
    like: Any,
) -> int:
    """Run the instructions before `end` on `count` examples from `start` on; the next phase. They
    take a phase, and one more for each time that threads wait for each other between them."""
    at = context.forward
    while at <= end:  # outputs are handed out even where there are no instructions
        stop = next_wait(context, at, end)
        share = next_share(context, thread, phase, NONE)
        while share != NONE:
            task = task_of(context, share)
            first, last = share_rows(context, count, share)
            if at == context.forward:
                begin_chunk(context, task, step, start)
                task.x = gather(context, start, first, last, like)
            go_over_rows(context, task, at, stop, start, count, first, last, like)
            share = next_share(context, thread, phase, share)
        phase += 1
        at = stop + context.row_bytes
    return phase


@kernel
def next_wait(context: Context, at: int, end: int) -> int:
    """Where threads wait for each other next; or the end."""
    while at < end and row_at(at).handler:
        at += context.row_bytes
    return at


@kernel
def begin_chunk(context: Context, task: Task, step: int, start: int) -> None:
    """Tell a share where in its training it is. At the beginning of a step, set to zero what it
    adds up in one."""
    if not context.trains:
        return
    task.step, task.chunk_start = step, start
    number = start // context.batch_size  # of the step, in the run
    row = start - number * context.batch_size
    task.begins = row == 0
    begin_in_all = number * context.all_batch_size
    drawn = min(context.all_batch_size, context.all_rows - begin_in_all)
    own = min(context.batch_size, context.rows - (start - row))
    is_alone = context.exchange == context.finish
    task.step_start, task.drawn = context.first_row + begin_in_all, drawn
    task.chunk_row = row + examples_before(context, drawn)
    task.examples = own if is_alone else drawn
    if task.begins:
        if task.share == 0:
            add_penalties(context, step)
        clear_sums(context, task, step)


@kernel
def examples_before(context: Context, examples: int) -> int:
    """How many of a step's examples belong to the processes before this one, see `Epoch.places`."""
    rank, each = context.rank, examples // context.processes
    before = rank * each + min(rank, examples - each * context.processes)
    return min(before, examples - 1)


@kernel
def add_penalties(context: Context, step: int) -> None:
    """Add to the loss of the step before what all shares have found of penalties."""
    if step:
        total = total_of_threads(penalties(context, step - 1), context.threads)
        pointer(context.losses, 0.0)[step - 1] += total


@kernel
def share_rows(context: Context, count: int, number: int) -> Any:
    """The part [begin, end) of `count` rows that belongs to a share."""
    unit = context.unit
    begin, end = share((count + unit - 1) // unit, number, context.threads)
    return min(begin * unit, count), min(end * unit, count)


@kernel
def go_over_rows(
    context: Context,
    task: Task,
    at: int,
    stop: int,
    start: int,
    count: int,
    begin: int,
    end: int,
    like: Any,
) -> None:
    """Run the instructions in [at, stop) on rows [begin, end) of the chunk, which has `count`, and
    hand out the outputs once the forward pass is over."""
    backward = context.backward
    if at <= backward:
        go_over_blocks(context, task, at, min(stop, backward), count, begin, end, like)
        if stop >= backward:
            hand_out(context, task, start, begin, end, like)
    go_over_blocks(context, task, max(at, backward), stop, count, begin, end, like)


@kernel
def go_over_blocks(
    context: Context, task: Task, at: int, stop: int, count: int, begin: int, end: int, like: Any
) -> None:
    """Run instructions stretch by stretch, each a few rows at a time, or on all of the chunk."""
    while at < stop:
        row = row_at(at)
        rows, after = row.block, row.stop
        if rows == 0:
            execute(context, task, at, after, begin, end, like)
        elif rows == ALL:
            execute(context, task, at, after, 0, count, like)
        else:
            for first in range(begin, end, rows):
                execute(context, task, at, after, first, min(first + rows, end), like)
        at = after


@kernel
def execute(
    context: Context, task: Task, at: int, stop: int, begin: int, end: int, like: Any
) -> None:
    """The instructions in [at, stop), all on rows [begin, end), or on this thread's share of their
    parameters."""
    task.begin, task.end = begin, end
    address, row_bytes = context.tasks + task.share * TASK_BYTES, context.row_bytes
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
        outputs = tensor_address(context, context.output, task.share, begin, 0, task.x)
        target = context.outputs + (start + begin) * size * size_of(like)
        copy(pointer(outputs, like), pointer(target, like), (end - begin) * size)


@kernel
def clear_sums(context: Context, task: Task, step: int) -> None:
    """Set to zero what this thread adds up in a step."""
    clear(pointer(task.own, 0), context.sum_bytes // 8)
    pointer(context.partial_losses, 0.0)[task.share * LINE] = 0
    pointer(penalties(context, step), 0.0)[task.share * LINE] = 0
    pointer(context.squares, 0.0)[task.share * LINE] = 0
