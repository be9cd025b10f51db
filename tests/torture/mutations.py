"""Damage done to a file. Every mutation takes what it needs of `Material` and answers with other
bytes; all that is random comes from the generator it is given."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

MOST_BYTES = 200_000  # of a mutated file
EDGES = (0, 1, -1, 2, 7, 8, 64, 127, 128, 255, 256, 2**15, 2**16, 2**24, 2**31, 2**32, 2**63)
NUMBERS = (
    *(str(edge).encode() for edge in EDGES),
    *(b"-1", b"nan", b"-inf", b"1e999", b"1e-999", b"0x1F", b"1_000", b"1.5", b"9" * 5000),
    b"0x" + b"f" * 5000,
)
NUMBER = re.compile(rb"-?\d+(?:\.\d+)?")


@dataclass(frozen=True)
class Material:
    """What mutations are made of besides chance.

    Args:
        others: valid files to take parts of.
        tokens: what means something in the format.
    """

    others: Sequence[bytes]
    tokens: Sequence[bytes]


Mutation = Callable[[bytes, np.random.Generator, Material], bytes]


def mutate(content: bytes, rng: np.random.Generator, material: Material) -> bytes:
    """`content` with one mutation or a few; always something else."""
    changed = content
    while changed == content:
        for _ in range(rng.geometric(0.4)):
            mutation = MUTATIONS[rng.integers(len(MUTATIONS))]
            changed = mutation(changed, rng, material)[:MOST_BYTES]
    return changed


def flip_bits(content: bytes, rng: np.random.Generator, material: Material) -> bytes:
    """One bit or a few turned round."""
    changed = bytearray(content)
    for _ in range(rng.integers(1, 9) if content else 0):
        changed[rng.integers(len(changed))] ^= 1 << int(rng.integers(8))
    return bytes(changed)


def truncate(content: bytes, rng: np.random.Generator, material: Material) -> bytes:
    """The end cut off."""
    return content[: rng.integers(len(content) + 1)]


def insert(content: bytes, rng: np.random.Generator, material: Material) -> bytes:
    """Random bytes put in."""
    place, added = _place(content, rng), rng.bytes(int(rng.integers(1, 65)))
    return content[:place] + added + content[place:]


def delete(content: bytes, rng: np.random.Generator, material: Material) -> bytes:
    """A block taken out."""
    start, stop = _block(content, rng)
    return content[:start] + content[stop:]


def repeat(content: bytes, rng: np.random.Generator, material: Material) -> bytes:
    """A block that comes again and again."""
    start, stop = _block(content, rng)
    times = int(rng.choice([1, 2, 10, 1000, 50_000]))
    times = min(times, MOST_BYTES // max(stop - start, 1))
    return content[:stop] + content[start:stop] * times + content[stop:]


def swap(content: bytes, rng: np.random.Generator, material: Material) -> bytes:
    """Two neighbouring blocks that change places."""
    start, stop = _block(content, rng)
    middle = int(rng.integers(start, stop + 1))
    return content[:start] + content[middle:stop] + content[start:middle] + content[stop:]


def splice(content: bytes, rng: np.random.Generator, material: Material) -> bytes:
    """The beginning of one file and the end of another."""
    other = material.others[rng.integers(len(material.others))]
    return content[: _place(content, rng)] + other[_place(other, rng) :]


def replace_binary_number(content: bytes, rng: np.random.Generator, material: Material) -> bytes:
    """A number of 1 to 8 bytes set to an edge, near the beginning or anywhere."""
    size = int(rng.choice([1, 2, 4, 8]))
    place = _place(content[:32] if rng.random() < 0.5 else content, rng)
    number = int(rng.choice(EDGES)) % 2 ** (8 * size)
    order = "big" if rng.random() < 0.5 else "little"
    return content[:place] + number.to_bytes(size, order) + content[place + size :]


def replace_written_number(content: bytes, rng: np.random.Generator, material: Material) -> bytes:
    """A number in digits replaced by one that is huge, negative, or no number at all."""
    found = list(NUMBER.finditer(content))
    if not found:
        return content
    start, stop = found[rng.integers(len(found))].span()
    return content[:start] + NUMBERS[rng.integers(len(NUMBERS))] + content[stop:]


def put_token(content: bytes, rng: np.random.Generator, material: Material) -> bytes:
    """Something that means something in the format, put in or written over a block."""
    if not material.tokens:
        return content
    token = material.tokens[rng.integers(len(material.tokens))]
    start, stop = _block(content, rng)
    return content[:start] + token + content[start if rng.random() < 0.5 else stop :]


MUTATIONS: tuple[Mutation, ...] = (
    flip_bits,
    truncate,
    insert,
    delete,
    repeat,
    swap,
    splice,
    replace_binary_number,
    replace_written_number,
    put_token,
)


def _place(content: bytes, rng: np.random.Generator) -> int:
    return int(rng.integers(len(content) + 1))


def _block(content: bytes, rng: np.random.Generator) -> tuple[int, int]:
    """Where a block begins and ends; mostly a short one."""
    start = _place(content, rng)
    longest = len(content) - start
    length = int(rng.integers(longest + 1)) if rng.random() < 0.25 else int(rng.integers(1, 33))
    return start, start + min(length, longest)
