"""A plan: a program in one block of memory, and as the tables that the machine reads."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from chainrule.engine.plan.blocks import all_tensors, is_blocked, local_tensors, stretches
from chainrule.engine.program.instructions import Code, Instruction, Private, Tensor
from chainrule.engine.program.operands import slots
from chainrule.engine.program.records import (
    ALL,
    CLAIM_BYTES,
    LINE,
    SLOTS,
    TASK_BYTES,
    Context,
    Row,
    Task,
    TensorRow,
)
from chainrule.engine.program.registry import operation_of
from chainrule.parameters import CACHE_LINE, aligned_zeros
from chainrule.presentation.display import counted

BLOCK_BYTES = 1 << 19  # what a block of rows may take of a core's own cache
CHUNK_BYTES = 1 << 23  # what a chunk's tensors may take of the shared cache
LEAST_CHUNK = 256

Integers = npt.NDArray[np.int64]


class Block(NamedTuple):
    """Instructions [first, stop) of all, and how many rows they take at a time, see `Row`."""

    first: int
    stop: int
    rows: int


@dataclass
class Plan:
    """What the machine runs.

    Args:
        code: the instructions.
        x, output: the tensors of the network's inputs and outputs.
        dtype: of all numbers.
        rows: the most examples of a step.
        threads: how many work on it.
        whole_batch: True if a step must not be cut into chunks.
    """

    code: Code
    x: Tensor
    output: Tensor
    dtype: np.dtype[Any]
    rows: int
    threads: int
    whole_batch: bool = False

    def __post_init__(self) -> None:
        code = self.code
        self.instructions = list(code)
        self.tensors = all_tensors(code, self.x)
        self.unit = max((instruction.interleaved for instruction in code), default=1)
        self.chunk = self.rows if self.whole_batch else min(self.rows, self._fitting_rows())
        shared = {t for i in (*code.shared, *code.move) for t in i.tensors}
        kept = {self.x, self.output, *shared}
        self.local = local_tensors([code.forward, code.backward], kept)
        blocks = [
            *self._blocks(code.forward, 0),
            *self._blocks(code.backward, len(code.forward)),
        ]
        self._place_private()
        self._place_tensors(blocks)
        self._write_table(blocks)
        self._write_context()

    @property
    def bytes(self) -> int:
        """What the plan needs besides parameters, gradients and the optimizer's memory."""
        arranged = sum(i.operands.arranged.nbytes for i in self.code.arrange)
        return self.memory.nbytes + self.private.nbytes + int(arranged)

    def _fitting_rows(self) -> int:
        row_bytes = sum(tensor.size for tensor in self.tensors) * self.dtype.itemsize
        return self._in_units(max(CHUNK_BYTES // max(row_bytes, 1), LEAST_CHUNK))

    def _in_units(self, rows: int) -> int:
        """So many rows and what is missing to whole groups of those that are interleaved."""
        return -(-rows // self.unit) * self.unit

    def _blocks(self, part: Sequence[Instruction], offset: int) -> list[Block]:
        """The stretches of a part that go over rows together."""
        blocks = []
        for first, stop in stretches(part):
            rows = ALL if operation_of(part[first]).takes_all else 0
            if is_blocked(part[first]):
                used = {tensor for i in part[first:stop] for tensor in i.tensors}
                row_bytes = sum(tensor.size for tensor in used) * self.dtype.itemsize
                rows = self._in_units(min(max(BLOCK_BYTES // max(row_bytes, 1), 1), self.chunk))
            blocks.append(Block(offset + first, offset + stop, rows))
        return blocks

    def _place_private(self) -> None:
        """Each thread's own memory: the sums first, then what does not last, at one place, then the
        rest."""
        owned = dict.fromkeys(p for i in self.instructions for p in i.private)
        self.place_of: dict[Private, int] = {}
        size = self._place([p for p in owned if p.is_sum], 0)
        self.sum_bytes = size
        ends = [self._place([p], size) for p in owned if not p.lasts]
        size = self._place([p for p in owned if p.lasts and not p.is_sum], max([size, *ends]))
        self.private_bytes = aligned(size)
        self.private = aligned_zeros(self.threads * self.private_bytes, np.uint8)

    def _place(self, owned: Sequence[Private], size: int) -> int:
        """Give memory its place behind so many bytes; where it ends."""
        for private in owned:
            self.place_of[private] = size
            size += aligned(private.size * self.dtype.itemsize)
        return size

    def _place_tensors(self, blocks: Sequence[Block]) -> None:
        """Tensors that live within one block have a few rows for each thread, others a chunk's."""
        rows_of = {
            tensor: block.rows
            for block in blocks
            for instruction in self.instructions[block.first : block.stop]
            for tensor in instruction.tensors
            if tensor in self.local
        }
        layout, size = [], 0
        for tensor in self.tensors:
            row = tensor.size * self.dtype.itemsize
            local = tensor in rows_of
            each = aligned(row * (rows_of[tensor] if local else self._in_units(self.chunk)))
            layout.append(TensorRow(size, row, each if local else 0, local, tensor.size))
            size += each * (self.threads if local else 1)
        self.memory = aligned_zeros(size, np.uint8)
        for row_of_tensor in layout:
            row_of_tensor.address += self.memory.ctypes.data
        self.layout = (TensorRow * len(layout))(*layout)

    def _write_table(self, blocks: Sequence[Block]) -> None:
        """A row for each instruction: the record, and the slots of its operands."""
        number_of = {tensor: number for number, tensor in enumerate(self.tensors)}
        written = [slots(i.operands, number_of, self.place_of) for i in self.instructions]
        self.row_bytes = SLOTS + 8 * max(map(len, written), default=0)
        self.table = aligned_zeros((len(self.instructions) + 1) * self.row_bytes, np.uint8)
        numbers = self.table.view(np.int64).reshape(-1, self.row_bytes // 8)
        for i, instruction in enumerate(self.instructions):
            numbers[i, SLOTS // 8 : SLOTS // 8 + len(written[i])] = written[i]
            record = self.row(i)
            record.operation = operation_of(instruction).number
            record.interleaved = instruction.interleaved
        for block in blocks:
            for i in range(block.first, block.stop):
                record = self.row(i)
                record.block, record.stop = block.rows, self._row_address(block.stop)

    def begin_run(self) -> None:
        """Forget how far the run before came."""
        self.context.is_stopped = 0
        self.claims[:] = 0

    def row(self, number: int) -> Row:
        """An instruction's record."""
        return Row.from_address(self._row_address(number))

    def _row_address(self, number: int) -> int:
        return self.table.ctypes.data + number * self.row_bytes

    def _write_context(self) -> None:
        context = self.context = Context()
        self.context_address = ctypes.addressof(context)
        at = 0
        for name, part in self.code.parts.items():
            setattr(context, name, self._row_address(at))
            at += len(part)
        context.end = self._row_address(at)
        context.row_bytes = self.row_bytes
        context.tensors = ctypes.addressof(self.layout)
        context.threads, context.unit, context.chunk = self.threads, self.unit, self.chunk
        self.claims = aligned_zeros(self.threads * CLAIM_BYTES, np.uint8)
        self.tasks = aligned_zeros(self.threads * TASK_BYTES, np.uint8)
        context.claims, context.tasks = self.claims.ctypes.data, self.tasks.ctypes.data
        context.private, context.private_bytes = self.private.ctypes.data, self.private_bytes
        context.sum_bytes = self.sum_bytes
        context.x_size, context.gathered = self.x.size, self.layout[0].address
        context.output = self.tensors.index(self.output)
        context.output_size = self.output.size
        for share in range(self.threads):
            task = Task.from_address(context.tasks + share * TASK_BYTES)
            task.context, task.share = self.context_address, share
            task.own = context.private + share * context.private_bytes
        # Of the loss, of penalties in two steps by turns, and of the gradient's squares.
        self.sums = np.zeros((4, self.threads, LINE))
        self.losses = self.sums[0]
        context.partial_losses = self.losses.ctypes.data
        context.penalties = self.sums[1].ctypes.data
        context.squares = self.sums[3].ctypes.data

    def listing(self) -> str:
        """The program, an instruction a line."""
        names = {tensor: f"t{number}" for number, tensor in enumerate(self.tensors)}
        lines = []
        for part, instructions in self.code.parts.items():
            lines.append(f"{part}:")
            for instruction in instructions:
                tensors = " ".join(
                    f"{names[t]}[{t.size}]{'*' if t in self.local else ''}"
                    for t in instruction.tensors
                )
                lines.append(f"  {instruction.name:<24} {tensors}".rstrip())
        lines.append(
            f"{counted(self.rows, 'row')} in chunks of {self.chunk}, "
            f"{counted(self.threads, 'thread')}, {self.bytes:,} bytes (* in blocks)"
        )
        return "\n".join(lines)


def aligned(size: int) -> int:
    """`size` bytes and what is missing to whole cache lines."""
    return -(-size // CACHE_LINE) * CACHE_LINE
