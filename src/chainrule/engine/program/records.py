"""What the machine reads and writes, as records of whole numbers: counts, and addresses of all
else. Python and compiled code see the same fields by the same names."""

from __future__ import annotations

import ctypes
from typing import TypeVar

from chainrule.parameters import CACHE_LINE

Kind = TypeVar("Kind", bound=type[ctypes.Structure])
LINE = CACHE_LINE // 8  # numbers in a cache line, which keeps the threads' sums apart


def record(kind: Kind) -> Kind:
    """Make the annotated fields of a structure whole numbers of eight bytes."""
    kind._fields_ = [(name, ctypes.c_int64) for name in kind.__annotations__]
    return kind


def offset_of(field: str, kind: type[ctypes.Structure]) -> int:
    """Where a field of a record begins."""
    offset: int = getattr(kind, field).offset
    return offset


@record
class Context(ctypes.Structure):
    """A program, and the run that it is on."""

    # the program
    forward: int  # the address of each part's first instruction
    backward: int
    shared: int
    gather: int
    exchange: int
    finish: int
    move: int
    arrange: int
    end: int
    row_bytes: int  # of an instruction
    tensors: int
    threads: int
    claims: int
    tasks: int
    private: int  # the first thread's own memory
    private_bytes: int  # from one thread's to the next one's
    sum_bytes: int  # at its beginning, set to zero before every step
    chunk: int  # the most examples at a time
    unit: int  # examples that one thread must take together
    x_size: int
    gathered: int  # where chosen examples are copied to
    output: int  # a tensor's number
    output_size: int
    partial_losses: int  # one number for each thread, here and in the next two
    penalties: int
    squares: int
    # the run
    trains: int
    epochs: int
    steps: int
    rows: int  # examples in an epoch
    batch_size: int
    first_row: int  # of the run, in the epoch of all processes; so the next two
    all_rows: int
    all_batch_size: int
    rank: int  # of this process,
    processes: int  # among so many
    is_exchanging: int  # 1 while other processes are waited for
    x: int
    order: int  # 0 where examples are taken as they lie
    labels: int
    targets: int
    weights: int  # of the examples
    divisors: int
    takes_mean: int
    values: int  # numbers that the mean is over, for each example
    coefficients: int  # four for each step
    settings: int  # of the optimizer
    clip_norm: int
    losses: int
    outputs: int
    made: int  # steps so far
    is_stopped: int  # 1 once a loss is not a finite number


@record
class Task(ctypes.Structure):
    """What is to be done in a share."""

    context: int
    instruction: int
    share: int
    own: int  # this share's own memory
    x: int  # the chunk's inputs
    chunk_start: int  # the chunk's first example, in the run
    chunk_row: int  # the same, in the step of all processes
    step_start: int  # that step's first example, in the epoch
    drawn: int  # examples of that step in all processes, which random layers draw for
    examples: int  # of those that make the step together, which batch norm's means are over
    begin: int  # rows of the chunk: those of a block, or all
    end: int
    step: int
    begins: int  # 1 if gradients begin anew


@record
class Claim(ctypes.Structure):
    """Who does a share; and what the thread of the same number is at."""

    taken: int  # in how many phases
    done: int
    taker: int  # the thread that took it last
    began: int  # when the thread took its last share
    rests_until: int  # when the thread may take shares again


@record
class Warping(ctypes.Structure):
    """Examples to be warped, and how; 0 for the address of what does not happen to them."""

    threads: int
    count: int
    height: int
    width: int
    channels: int
    images: int
    warped: int
    examples: int  # their numbers
    matrices: int  # six numbers for each
    down: int  # the matrices that smooth along columns and rows, times the square root of α
    right: int
    elastic_key: int
    scratch: int  # memory of each thread
    scratch_bytes: int  # from one thread's to the next one's
    std: int  # of the noise
    noise_key: int


ALL = -1


@record
class Row(ctypes.Structure):
    """An instruction. Its operands' slots follow."""

    handler: int  # the address of the compiled function; 0 where all wait for each other
    block: int  # examples at a time; 0 for all of a share, `ALL` for all of a chunk
    stop: int  # the address behind those that go over the examples together
    operation: int  # its number
    interleaved: int  # examples that lie side by side and count as one


@record
class TensorRow(ctypes.Structure):
    """A tensor."""

    address: int
    row_bytes: int
    thread_bytes: int  # from one thread's rows to the next one's
    is_local: int  # 1 if there is memory for a block of rows alone
    size: int


TENSOR_BYTES = ctypes.sizeof(TensorRow)
TASK_BYTES = -(-ctypes.sizeof(Task) // CACHE_LINE) * CACHE_LINE
CLAIM_BYTES = CACHE_LINE  # so that no thread waits for what another writes beside it
SLOTS = ctypes.sizeof(Row)  # where they begin
