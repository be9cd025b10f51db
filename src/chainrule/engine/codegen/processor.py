"""This processor: which kind of vectors it has, and how many sums its registers hold.

Code is compiled for a kind of vectors, not for one processor. So it can be built on one machine and
run on another, and gives the same bits on all that have these vectors.
"""

from __future__ import annotations

import os
import platform
from collections.abc import Mapping
from typing import NamedTuple

from chainrule.errors import ArgumentError
from chainrule.system.environment import CAP, TARGET


class Vectors(NamedTuple):
    """A kind of vectors.

    Args:
        name: what they are called.
        key: the name of their file.
        cpu: LLVM's name for the plainest processor that has them.
        needs: what NumPy calls all that code for them uses.
        features: LLVM settings in addition to those that the processor implies.
    """

    name: str
    key: str
    cpu: str
    needs: tuple[str, ...] = ()
    features: str = ""


V3 = ("AVX2", "FMA3", "F16C", "BMI", "BMI2", "LZCNT", "MOVBE")
V4 = (*V3, "AVX512F", "AVX512CD", "AVX512BW", "AVX512DQ", "AVX512VL")
AVX512 = Vectors("AVX-512", "avx512", "x86-64-v4", V4, "-prefer-256-bit")
AVX2 = Vectors("AVX2", "avx2", "x86-64-v3", V3)
NEON = Vectors("NEON", "neon", "generic")
PLAIN = Vectors("plain vectors", "plain", "")  # whatever LLVM takes for granted
# Each processor's kinds, the widest first.
KINDS = {
    **dict.fromkeys(["x86_64", "amd64"], (AVX512, AVX2)),
    **dict.fromkeys(["aarch64", "arm64"], (NEON,)),
}


def kinds() -> tuple[Vectors, ...]:
    """The kinds of vectors that processors like this one may have."""
    return KINDS.get(platform.machine().lower(), ())


def chosen_vectors() -> Vectors:
    """The widest vectors that this processor has and may use, or those that are built for.

    Raises:
        ArgumentError: the cap is none that there is.
    """
    if target := os.environ.get(TARGET):
        return next(vectors for vectors in kinds() if vectors.key == target)
    cap = os.environ.get(CAP)
    if cap and cap != "avx2":
        raise ArgumentError(f"{CAP} is 'avx2', or not set; received {cap!r}")
    features = processor_features()
    usable = (
        vectors
        for vectors in kinds()
        if not (cap and vectors is AVX512) and all(features.get(n, True) for n in vectors.needs)
    )
    return next(usable, PLAIN)


def processor_features() -> Mapping[str, bool]:
    """What this processor can do, by NumPy's names; the older NumPy is, the fewer it knows."""
    from numpy._core._multiarray_umath import __cpu_features__

    return __cpu_features__


VECTORS = chosen_vectors()
IS_WIDE = VECTORS is AVX512
VECTOR_BYTES = 64 if IS_WIDE else 32  # with ARM's registers of 16 bytes, LLVM takes two for one
SUMS = 24 if IS_WIDE else 12  # vectors that a tile holds; AVX-512 has 32 registers, AVX2 16
TILE_ROWS, TILE_VECTORS = (8, 3) if IS_WIDE else (6, 2)  # the largest tile of `products`
