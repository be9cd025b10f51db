"""This processor: how wide its vectors are, how many sums its registers hold, and LLVM, which
compiles for it."""

from __future__ import annotations

import os
import threading
from functools import cache
from logging import getLogger
from typing import Any

import llvmlite.binding as llvm

from chainrule.environment import CAP
from chainrule.errors import ArgumentError


def usable_features() -> dict[str, bool]:
    """What this processor can do, or may.

    Raises:
        ArgumentError: the cap is none that there is.
    """
    found = dict(llvm.get_host_cpu_features())
    cap = os.environ.get(CAP)
    if not cap:
        return found
    if cap != "avx2":
        raise ArgumentError(f"{CAP} is 'avx2', or not set; received {cap!r}")
    beyond = ("avx512", "avx10", "evex", "amx")
    return {name: has and not name.startswith(beyond) for name, has in found.items()}


CPU, USABLE = llvm.get_host_cpu_name(), usable_features()
IS_WIDE = USABLE.get("avx512f", False)
FEATURES = ",".join(f"{'+' if has else '-'}{name}" for name, has in USABLE.items())
VECTOR_BYTES = 64 if IS_WIDE else 32  # with ARM's registers of 16 bytes, LLVM takes two for one
SUMS = 24 if IS_WIDE else 12  # vectors that a tile holds; AVX-512 has 32 registers, AVX2 16
TILE_ROWS, TILE_VECTORS = (8, 3) if IS_WIDE else (6, 2)  # the largest tile of `products`
DESCRIPTION = f"{llvm.get_process_triple()} {CPU} {FEATURES}"

# Held by whoever uses LLVM or Numba. They have locks of their own, which a forked process must not
# find held by a thread that it does not have: so a fork waits for this one. It also waits for what
# other modules ask it to, the last one imported first. So nothing may be waited for under this lock
# that a fork holds before it: no lock of a file; and `logging`, which Numba uses, comes first.
LLVM_LOCK = threading.RLock()
getLogger("chainrule")
if hasattr(os, "register_at_fork"):
    os.register_at_fork(
        before=LLVM_LOCK.acquire,
        after_in_parent=LLVM_LOCK.release,
        after_in_child=LLVM_LOCK.release,
    )


@cache
def target_machine() -> Any:
    """LLVM's description of this processor."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=CPU,
        features=FEATURES,
        opt=3,
        jit=True,
    )
