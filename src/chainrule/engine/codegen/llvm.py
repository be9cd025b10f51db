"""LLVM, which compiles for the chosen vectors, where it is installed."""

from __future__ import annotations

import os
import threading
from functools import cache
from importlib.util import find_spec
from logging import getLogger
from typing import Any

from chainrule.engine.codegen.kernel import Later
from chainrule.engine.codegen.processor import VECTORS

llvm = Later("llvmlite.binding")

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
def has_compiler() -> bool:
    """True if kernels can be compiled here."""
    return all(find_spec(name) for name in ("numba", "llvmlite"))


@cache
def target_machine(to_be_linked: bool = False) -> Any:
    """LLVM's description of a processor with the chosen vectors: for code that is loaded where it
    is compiled, or that is linked into a shared library."""
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    model = {"reloc": "pic", "codemodel": "default"} if to_be_linked else {"jit": True}
    return llvm.Target.from_triple(llvm.get_process_triple()).create_target_machine(
        cpu=VECTORS.cpu, features=VECTORS.features, opt=3, **model
    )
