"""This processor: how wide its vectors are, how many sums its registers hold, and what LLVM
compiles for it."""

from __future__ import annotations

from functools import cache
from typing import Any

import llvmlite.binding as llvm

IS_WIDE = llvm.get_host_cpu_features().get("avx512f", False)
VECTOR_BYTES = 64 if IS_WIDE else 32  # with ARM's registers of 16 bytes, LLVM takes two for one
SUMS = 24 if IS_WIDE else 12  # vectors that a tile holds; AVX-512 has 32 registers, AVX2 16
PANEL_BYTES = 2 * VECTOR_BYTES  # the columns of a matrix that a tile of `products` takes


@cache
def target_machine() -> Any:
    """LLVM's description of this processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=llvm.get_host_cpu_name(),
        features=llvm.get_host_cpu_features().flatten(),
        opt=3,
        jit=True,
    )
