"""Kernels that came built with the wheel: a shared library for each kind of vectors.

It is part of the installed package as the source is, and trusted as much. It is used only with the
very source that it was built from; so an installation whose source was changed compiles anew.
"""

from __future__ import annotations

import ctypes
from functools import cache
from pathlib import Path

from chainrule.engine.codegen.library import symbol
from chainrule.engine.codegen.llvm import LLVM_LOCK
from chainrule.engine.codegen.processor import VECTORS
from chainrule.engine.running.code_cache import source_hash
from chainrule.presentation.display import notice

FOLDER = Path(__file__).parents[1] / "kernels"
SOURCE = "chainrule_source"  # the name in a library of the hash of what it was built from


def library_name(key: str) -> str:
    """The file of the kernels for a kind of vectors."""
    return f"{key}.so"


@cache
def built_kernels() -> ctypes.CDLL | None:
    """The library with the kernels for this processor's vectors; None where there is none that can
    be used."""
    path = FOLDER / library_name(VECTORS.key)
    if not path.exists():
        return None
    try:
        with LLVM_LOCK:  # a fork must not find the system's loader at work either
            library = ctypes.CDLL(str(path))
        source = (ctypes.c_char * 64).in_dll(library, SOURCE).value.decode()
    except (OSError, ValueError) as problem:
        notice(f"the built kernels cannot be loaded: {problem}")
        return None
    if source != source_hash():
        notice(f"{path} was built from other source than what is installed; reinstall chainrule")
        return None
    return library


def built_address(name: str, dtype: str) -> int | None:
    """The address of a built function, given as module and name, for one type of number; None where
    it has to be compiled."""
    library = built_kernels()
    if library is None:
        return None
    return ctypes.cast(getattr(library, symbol(name, dtype)), ctypes.c_void_p).value
