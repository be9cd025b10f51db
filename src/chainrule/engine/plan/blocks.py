"""Which instructions go over the examples together, a few at a time, and which tensors need memory
for these few alone."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from chainrule.engine.program.instructions import Code, Instruction, Tensor
from chainrule.engine.program.registry import operation_of


def stretches(part: Sequence[Instruction]) -> Iterator[tuple[int, int]]:
    """[first, stop) of neighbours that go over the examples together."""
    first = 0
    while first < len(part):
        stop = first + 1
        while is_blocked(part[first]) and stop < len(part) and is_blocked(part[stop]):
            stop += 1
        yield first, stop
        first = stop


def is_blocked(instruction: Instruction) -> bool:
    """True if an instruction may go over the examples a few at a time."""
    return operation_of(instruction).blocked


def local_tensors(parts: Sequence[Sequence[Instruction]], kept: set[Tensor]) -> set[Tensor]:
    """The tensors that are needed within one stretch alone."""
    stretches_of: dict[Tensor, set[tuple[int, int]]] = {}
    blocked: set[tuple[int, int]] = set()
    for number, part in enumerate(parts):
        for first, stop in stretches(part):
            if is_blocked(part[first]):
                blocked.add((number, first))
            for instruction in part[first:stop]:
                for tensor in instruction.tensors:
                    stretches_of.setdefault(tensor, set()).add((number, first))
    return {
        tensor
        for tensor, found in stretches_of.items()
        if len(found) == 1 and found <= blocked and tensor not in kept
    }


def all_tensors(code: Code, first: Tensor) -> list[Tensor]:
    """Every tensor of a program, the input first."""
    used = [tensor for instruction in code for tensor in instruction.tensors]
    return list(dict.fromkeys([first, *used]))
