"""Machine code: found or compiled once in a process, then called by its address.

Where kernels came with the wheel, they are there. Else `compiling` gives an object file for each
function, from disk if it was compiled before, and LLVM alone loads it: Numba, which takes longer to
import than to train a small network, is not needed.
"""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import cache, partial
from typing import Any

from chainrule.engine.codegen.library import LIBRARY, symbol
from chainrule.engine.codegen.llvm import LLVM_LOCK, has_compiler, llvm, target_machine
from chainrule.engine.program.instructions import Instruction
from chainrule.engine.program.obstacles import NoKernels
from chainrule.engine.program.registry import function_name, operation_of
from chainrule.engine.running import machine
from chainrule.engine.running.built import built_address
from chainrule.engine.running.compiling import machine_code

LOADED: dict[tuple[str, str], int] = {}  # addresses of what this process has, by name and type
# What Numba calls to raise Python's errors. Compiled code has none to raise: indices are not
# checked, nothing is allocated, and division by zero gives infinity.
NEVER_CALLED = (
    "NRT_Free",
    "numba_do_raise",
    "numba_gil_ensure",
    "numba_gil_release",
    "numba_runtime_build_excinfo_struct",
    "numba_unpickle",
)
C_TYPES = {"float32": ctypes.c_float, "float64": ctypes.c_double}


def handler_address(instruction: Instruction, dtype: str) -> int:
    """Where the machine code of an instruction begins; 0 where all threads wait for each other,
    which the machine does itself."""
    handler = operation_of(instruction).handler
    return 0 if handler is None else address(function_name(handler), dtype)


@cache
def entry_function(entry: Callable[..., None], dtype: str) -> Callable[[int, int, float], None]:
    """What Python calls: ``entry(address of a record, thread, 0.0)``. Other Python threads go
    on."""
    kind = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, C_TYPES[dtype])
    return kind(address(function_name(entry), dtype))


def run_function(dtype: str) -> Callable[[int, int, float], None]:
    """The machine, which is given the address of a context."""
    return entry_function(machine.run, dtype)


def run_alone(context: int, dtype: str) -> Callable[[], None]:
    """The machine with a single thread, its arguments made ahead."""
    arguments: Any = ctypes.c_int64(context), ctypes.c_int64(0), C_TYPES[dtype](0.0)
    return partial(run_function(dtype), *arguments)


def address(name: str, dtype: str) -> int:
    """The address of a function, given as module and name, for one type of number.

    Raises:
        NoKernels: it is neither built nor can it be compiled.
    """
    return built_address(name, dtype) or compiled_address(name, dtype)


def compiled_address(name: str, dtype: str) -> int:
    """The same for a function that is compiled here. The library that it may call is loaded before
    it."""
    if not has_compiler():
        raise NoKernels
    if (name, dtype) not in LOADED:
        if name != LIBRARY:
            compiled_address(LIBRARY, dtype)
        code = machine_code(name, dtype)
        with LLVM_LOCK:
            if (name, dtype) not in LOADED:
                LOADED[name, dtype] = load(code, symbol(name, dtype))
    return LOADED[name, dtype]


def load(code: bytes, symbol: str) -> int:
    """Load an object file; the address of its function."""
    engine().add_object_file(llvm.ObjectFileRef.from_data(code))
    engine().finalize_object()
    found = int(engine().get_function_address(symbol))
    llvm.add_symbol(symbol, found)
    return found


@cache
def engine() -> Any:
    """LLVM's loader of object files."""
    loader = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
    for name in NEVER_CALLED:
        llvm.add_symbol(name, llvm.address_of_symbol("abort"))
    return loader
