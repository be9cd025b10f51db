"""A program: a network's instructions as tables, over one block of memory planned in advance."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.engine.program import column, place
from chainrule.engine.program.instructions import ARRANGING, Code, Instruction, Private, Tensor
from chainrule.parameters import CACHE_LINE, aligned_zeros
from chainrule.types import Array

BLOCK_BYTES = 1 << 19  # what a block of rows may take of a core's own cache
CHUNK_BYTES = 1 << 23  # what a chunk's tensors may take of the shared cache
LEAST_CHUNK = 256

Integers = npt.NDArray[np.int64]


@dataclass
class Program:
    """What the machine runs.

    Args:
        code: the instructions.
        x, output: the tensors of the network's inputs and outputs.
        dtype: of all numbers.
        rows: the most examples of a step.
        threads: how many work on it.
        whole_batch: whether a step must not be cut into chunks.
    """

    code: Code
    x: Tensor
    output: Tensor
    dtype: np.dtype[Any]
    rows: int
    threads: int
    whole_batch: bool = False

    def __post_init__(self) -> None:
        self.tensors = all_tensors(self.code, self.x)
        self.unit = max((instruction.together for instruction in self.instructions()), default=1)
        self.chunk = self.rows if self.whole_batch else min(self.rows, self._fitting_rows())
        parts = [self.code.forward, self.code.backward]
        self.local = local_tensors(parts, {self.x, self.output, *self._shared_tensors()})
        self.context: Integers = np.zeros(place.COUNT, np.int64)
        self.context_at = self.context.ctypes.data
        self._arrays: list[Array] = []  # whose addresses are in the tables
        self._private: dict[Private, int] = {}  # where each lies in a thread's own memory
        self._plan()

    @property
    def bytes(self) -> int:
        """What the plan needs besides parameters, gradients and the optimizer's memory."""
        arranged = {
            id(i.arrays[1]): i.arrays[1].nbytes
            for i in self.code.move
            if i.op in ARRANGING and i.arrays[1] is not None
        }
        return self.memory.nbytes + self.private.nbytes + sum(arranged.values())

    def _shared_tensors(self) -> Iterator[Tensor]:
        for instruction in (*self.code.shared, *self.code.move):
            yield from (tensor for tensor in instruction.tensors if tensor is not None)

    def _fitting_rows(self) -> int:
        row_bytes = sum(tensor.size for tensor in self.tensors) * self.dtype.itemsize
        return self._in_units(max(CHUNK_BYTES // max(row_bytes, 1), LEAST_CHUNK))

    def _in_units(self, rows: int) -> int:
        """So many rows and what is missing to whole groups of those that lie side by side."""
        return -(-rows // self.unit) * self.unit

    def instructions(self) -> list[Instruction]:
        code = self.code
        return [*code.forward, *code.backward, *code.shared, *code.finish, *code.move]

    def _plan(self) -> None:
        """Give every tensor and every thread its memory, and write the tables."""
        instructions = self.instructions()
        blocks = [*self._blocks(self.code.forward), *self._blocks(self.code.backward)]
        self._place_private(instructions)
        self._place_tensors(blocks)
        table = np.full((len(instructions) + 1, column.WIDTH), -1, np.int64)
        numbers = np.zeros((len(instructions) + 1, column.NUMBERS))
        places = {tensor: number for number, tensor in enumerate(self.tensors)}
        for i, instruction in enumerate(instructions):
            self._write(table[i], numbers[i], instruction, places)
        for first, stop, rows in blocks:
            table[first:stop, column.BLOCK], table[first:stop, column.STOP] = rows, stop
        self.table, self.numbers = table, numbers
        self._write_context(len(instructions), places[self.output])

    def _blocks(self, part: Sequence[Instruction]) -> Iterator[tuple[int, int, int]]:
        """(first, stop, rows at a time) of the stretches that go over rows together."""
        offset = 0 if part is self.code.forward else len(self.code.forward)
        for first, stop in stretches(part):
            rows = 0
            if part[first].blocked:
                used = {t for i in part[first:stop] for t in i.tensors if t is not None}
                row_bytes = sum(tensor.size for tensor in used) * self.dtype.itemsize
                rows = self._in_units(min(max(BLOCK_BYTES // max(row_bytes, 1), 1), self.chunk))
            yield offset + first, offset + stop, rows

    def _place_private(self, instructions: Sequence[Instruction]) -> None:
        """Each thread's own memory: the sums first, then what products need, then the rest."""
        owned = {p for instruction in instructions for p in instruction.private}
        sums = [p for p in owned if p.sums]
        others = [p for p in owned if not p.sums]
        size = 0
        for private in sums:
            self._private[private] = size
            size += aligned(private.size * self.dtype.itemsize)
        self.sums_bytes = size
        size += aligned(column.SCRATCH * 8)
        for private in others:
            self._private[private] = size
            size += aligned(private.size * self.dtype.itemsize)
        self.private = aligned_zeros(self.threads * aligned(size), np.uint8)
        self.private_bytes = aligned(size)

    def _place_tensors(self, blocks: Sequence[tuple[int, int, int]]) -> None:
        """Tensors that live within one block have a few rows for each thread, others a chunk's."""
        instructions = self.instructions()
        rows_of = {
            tensor: rows
            for first, stop, rows in blocks
            for instruction in instructions[first:stop]
            for tensor in instruction.tensors
            if tensor in self.local
        }
        layout = np.zeros((len(self.tensors), column.TENSOR_WIDTH), np.int64)
        size = 0
        for number, tensor in enumerate(self.tensors):
            row = tensor.size * self.dtype.itemsize
            local = tensor in rows_of
            each = aligned(row * (rows_of[tensor] if local else self._in_units(self.chunk)))
            layout[number] = (size, row, each if local else 0, local, tensor.size)
            size += each * (self.threads if local else 1)
        self.memory = aligned_zeros(size, np.uint8)
        layout[:, 0] += self.memory.ctypes.data
        self.layout = layout

    def _write(
        self,
        row: Integers,
        numbers: Array,
        instruction: Instruction,
        places: dict[Tensor, int],
    ) -> None:
        row[column.OP], row[column.TOGETHER] = instruction.op, instruction.together
        for offset, tensor in enumerate(instruction.tensors):
            row[column.TENSORS + offset] = -1 if tensor is None else places[tensor]
        row[column.ARRAYS : column.PRIVATE] = 0
        for offset, array in enumerate(instruction.arrays):
            if array is not None:
                self._arrays.append(array)
                row[column.ARRAYS + offset] = array.ctypes.data
        for offset, private in enumerate(instruction.private):
            row[column.PRIVATE + offset] = self._private[private]
        row[column.SIZES : column.SIZES + len(instruction.sizes)] = instruction.sizes
        numbers[: len(instruction.numbers)] = instruction.numbers

    def _write_context(self, count: int, output: int) -> None:
        code, context = self.code, self.context
        parts = (code.forward, code.backward, code.shared, code.finish, code.move)
        starts = np.cumsum([0, *(len(part) for part in parts)])
        context[place.FORWARD : place.END + 1] = starts
        moved = sum(instruction.op not in ARRANGING for instruction in code.move)
        context[place.ARRANGE] = starts[-2] + moved
        self.tasks = np.zeros((self.threads, column.TASK_WIDTH), np.int64)
        context[place.TASKS] = self.tasks.ctypes.data
        # Of the loss, of penalties in two steps by turns, and of the gradient's squares.
        self.sums = np.zeros((4, self.threads, column.LINE))
        self.barrier = aligned_zeros(CACHE_LINE, np.uint8)
        context[place.CODE] = self.table.ctypes.data
        context[place.NUMBERS] = self.numbers.ctypes.data
        context[place.TENSORS] = self.layout.ctypes.data
        context[place.THREADS], context[place.UNIT] = self.threads, self.unit
        context[place.BARRIER] = self.barrier.ctypes.data
        context[place.PRIVATE] = self.private.ctypes.data
        context[place.PRIVATE_BYTES] = self.private_bytes
        context[place.SUMS_BYTES] = self.sums_bytes
        context[place.CHUNK] = self.chunk
        context[place.X_SIZE] = self.tensors[0].size
        context[place.INPUT] = self.layout[0, 0]
        context[place.PARTIAL_LOSS] = self.sums[0].ctypes.data
        context[place.PENALTY] = self.sums[1].ctypes.data
        context[place.SQUARES] = self.sums[3].ctypes.data
        context[place.OUTPUT] = output
        context[place.OUTPUT_SIZE] = self.output.size

    def listing(self) -> str:
        """The program, an instruction a line."""
        names = {tensor: f"t{number}" for number, tensor in enumerate(self.tensors)}
        lines = []
        parts = vars(self.code).items()
        for part, instructions in parts:
            lines.append(f"{part}:")
            for instruction in instructions:
                tensors = " ".join(
                    f"{names[t]}[{t.size}]{'*' if t in self.local else ''}"
                    for t in instruction.tensors
                    if t is not None
                )
                lines.append(f"  {instruction.op.name.lower():<16} {tensors}".rstrip())
        lines.append(
            f"{self.rows} rows in chunks of {self.chunk}, {self.threads} threads, "
            f"{self.bytes:,} bytes (* in blocks)"
        )
        return "\n".join(lines)


def stretches(part: Sequence[Instruction]) -> Iterator[tuple[int, int]]:
    """[first, stop) of neighbours that go over the examples together."""
    first = 0
    while first < len(part):
        stop = first + 1
        while part[first].blocked and stop < len(part) and part[stop].blocked:
            stop += 1
        yield first, stop
        first = stop


def local_tensors(parts: Sequence[Sequence[Instruction]], kept: set[Tensor]) -> set[Tensor]:
    """The tensors that are needed within one stretch alone."""
    stretches_of: dict[Tensor, set[tuple[int, int]]] = {}
    blocked: set[tuple[int, int]] = set()
    for number, part in enumerate(parts):
        for first, stop in stretches(part):
            if part[first].blocked:
                blocked.add((number, first))
            for instruction in part[first:stop]:
                for tensor in instruction.tensors:
                    if tensor is not None:
                        stretches_of.setdefault(tensor, set()).add((number, first))
    return {
        tensor
        for tensor, found in stretches_of.items()
        if len(found) == 1 and found <= blocked and tensor not in kept
    }


def all_tensors(code: Code, first: Tensor) -> list[Tensor]:
    """Every tensor of a program, the input first."""
    used = [
        tensor
        for part in vars(code).values()
        for instruction in part
        for tensor in instruction.tensors
        if tensor is not None
    ]
    return list(dict.fromkeys([first, *used]))


def aligned(size: int) -> int:
    """`size` bytes and what is missing to whole cache lines."""
    return -(-size // CACHE_LINE) * CACHE_LINE
