"""Marks for functions that Numba compiles.

Numba takes longer to import than to train a small network, and is not needed, nor always there,
where kernels are compiled already. So whatever these decorators mark stays plain Python until Numba
compiles something that calls it, and looks up what it is by its attribute `_numba_type_`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from importlib import import_module
from importlib.util import find_spec
from typing import Any

FAST = {"contract", "reassoc", "nsz", "arcp"}  # free to regroup sums; NaN and infinity stay


class Kernel:
    """A function for compiled code, written in the part of Python that Numba compiles."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    @cached_property
    def compiled(self) -> Any:
        """Numba's own object."""
        from numba import njit

        return njit(nogil=True, fastmath=FAST, error_model="numpy")(self.function)

    @property
    def _numba_type_(self) -> Any:
        return self.compiled._numba_type_

    def __call__(self, *arguments: Any) -> Any:
        """Run it as Python."""
        return self.function(*arguments)


class Intrinsic:
    """A function for compiled code that is given types, and emits LLVM's intermediate language."""

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function

    @cached_property
    def _numba_type_(self) -> Any:
        from numba.core.registry import cpu_target
        from numba.extending import intrinsic

        compiled, typing = intrinsic(self.function), cpu_target.typing_context
        typing.refresh()
        return typing.resolve_value_type(compiled)

    def __call__(self, *arguments: Any) -> Any:
        raise TypeError(f"{self.function.__name__} is for compiled code alone")


class Later:
    """A module that is imported when something in it is first used."""

    def __init__(self, name: str) -> None:
        self.name = name

    def __getattr__(self, attribute: str) -> Any:
        return getattr(import_module(self.name), attribute)


def integer_type(bits: int) -> Any:
    """LLVM's type of whole numbers; None where there is no compiler to use it."""
    return ir.IntType(bits) if find_spec("llvmlite") else None


kernel, intrinsic = Kernel, Intrinsic
types, cgutils, ir = Later("numba.types"), Later("numba.core.cgutils"), Later("llvmlite.ir")
