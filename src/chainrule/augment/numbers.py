"""Random numbers of an example: number k of example i is the same whoever asks for it, in whatever
order, which a generator that goes from one number to the next cannot give.

Source: Steele, Lea & Flood, Fast Splittable Pseudorandom Number Generators (2014), SplitMix64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from chainrule.seeding import generator
from chainrule.types import Array

GOLDEN = 0x9E3779B97F4A7C15  # 2^64 divided by the golden ratio: the step of the sequence
FACTORS = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
SHIFTS = (30, 27, 31)

Bits = npt.NDArray[np.uint64]


def key_of(seed: int, purpose: str, epoch: int) -> int:
    """Where the sequence of a purpose begins in an epoch."""
    return int(generator(seed, purpose, epoch).integers(2**64, dtype=np.uint64))


def random_bits(key: int, examples: npt.NDArray[np.intp], count: int) -> Bits:
    """Numbers 0 to `count` - 1 of each example, as 64 bits ``(N, count)``: the key plus so many
    golden steps, mixed."""
    steps = np.arange(1, count + 1, dtype=np.uint64)
    places: Bits = examples.astype(np.uint64)[:, None] * np.uint64(count) + steps
    bits: Bits = np.add(np.uint64(key), places * np.uint64(GOLDEN), dtype=np.uint64)  # modulo 2^64
    for shift, factor in zip(SHIFTS, FACTORS, strict=False):
        bits = (bits ^ (bits >> np.uint64(shift))) * np.uint64(factor)
    return bits ^ (bits >> np.uint64(SHIFTS[-1]))


def two_uniforms(bits: Bits) -> tuple[Array, Array]:
    """Two numbers in (0, 1) from the upper and the lower half of 64 bits."""
    halves = bits >> np.uint64(32), bits & np.uint64(0xFFFFFFFF)
    upper, lower = ((half.astype(np.float64) + 0.5) * 2.0**-32 for half in halves)
    return upper, lower
