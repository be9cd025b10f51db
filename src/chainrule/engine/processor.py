"""What this processor's vectors are: how wide, and how many sums stay in its registers."""

from __future__ import annotations

import llvmlite.binding as llvm

IS_WIDE = llvm.get_host_cpu_features().get("avx512f", False)
VECTOR_BYTES = 64 if IS_WIDE else 32  # with ARM's registers of 16 bytes, LLVM takes two for one
SUMS = 24 if IS_WIDE else 12  # vectors that a tile holds; AVX-512 has 32 registers, AVX2 16
PANEL_BYTES = 2 * VECTOR_BYTES  # the columns of a matrix that a tile of `products` takes
