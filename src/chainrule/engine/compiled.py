"""Machine code: compiled once for each machine and version, then read from disk.

Numba compiles a function, LLVM writes it down as an object file, and from then on LLVM alone loads
it: Numba, which takes longer to import than to train a small network, is needed no more. Files
stand in a folder whose name has a hash of the engine's source and of the processor, so that no
version ever meets another's code; each appears whole or not at all, so that several processes may
compile at once. Where nothing can be written, compiling costs its time again.
"""

from __future__ import annotations

import ctypes
import hashlib
import subprocess
import sys
import threading
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from functools import cache, partial
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

import llvmlite.binding as llvm
from filelock import FileLock

from chainrule.engine.instructions import HANDLERS, Op
from chainrule.engine.threads import available_threads, interrupts_afterwards
from chainrule.errors import OutputError
from chainrule.files import cache_folder, whole_file

MACHINE = "machine.run"
LOCK = threading.RLock()
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


def handler_address(op: Op, dtype: str) -> int:
    """Where the machine code of an operation begins; 0 for WAIT, which the machine does itself."""
    return 0 if op == Op.WAIT else address(HANDLERS[op], dtype)


@cache
def run_function(dtype: str) -> Callable[[int, int, float], None]:
    """The machine: ``run(address of the context, thread, 0.0)``. Other Python threads go on."""
    kind = ctypes.CFUNCTYPE(None, ctypes.c_int64, ctypes.c_int64, C_TYPES[dtype])
    return kind(address(MACHINE, dtype))


def run_alone(context: int, dtype: str) -> Callable[[], None]:
    """The machine with a single thread, its arguments made ahead."""
    arguments: Any = ctypes.c_int64(context), ctypes.c_int64(0), C_TYPES[dtype](0.0)
    return partial(run_function(dtype), *arguments)


def address(name: str, dtype: str) -> int:
    """The address of a function, given as module and name, for one type of number."""
    with LOCK:
        if (name, dtype) not in LOADED:
            LOADED[name, dtype] = load(name, dtype)
        return LOADED[name, dtype]


def load(name: str, dtype: str) -> int:
    """Read a function from disk, or compile it; its address."""
    path = file_of(name, dtype)
    try:
        code = path.read_bytes()
    except OSError:
        with interrupts_afterwards():  # the compiler calls Python where exceptions are swallowed
            code = compile_function(name, dtype)
        keep(path, code)
    engine().add_object_file(llvm.ObjectFileRef.from_data(code))
    engine().finalize_object()
    return int(engine().get_function_address(symbol(name, dtype)))


def missing(dtype: str) -> list[str]:
    """The functions that are yet to be compiled."""
    return [
        name
        for name in dict.fromkeys([MACHINE, *HANDLERS.values()])
        if (name, dtype) not in LOADED and not file_of(name, dtype).is_file()
    ]


def compile_all(dtype: str) -> None:
    """Compile what is yet to be compiled, on all cores, by Pythons of their own. If another process
    is at it, wait for that; where nothing can be kept, functions are compiled when they are
    needed."""
    with suppress(OSError):
        code_folder().mkdir(parents=True, exist_ok=True)
        with FileLock(code_folder() / "lock"):
            names = missing(dtype)
            count = min(available_threads(), len(names))
            run_all([COMPILE, dtype, *names[part::count]] for part in range(count))


COMPILE = "import sys; from chainrule.engine.compiled import keep_all; keep_all(*sys.argv[1:])"


def run_all(programs: Iterable[Sequence[str]]) -> None:
    """Run pieces of Python, each with its arguments, at the same time."""
    with ExitStack() as running:
        processes = []
        for program in programs:
            command = [sys.executable, "-c", *program]
            process = subprocess.Popen(command, stderr=subprocess.DEVNULL)  # noqa: S603
            running.enter_context(process)
            running.callback(process.kill)  # all of them, if this one is interrupted
            processes.append(process)
        for process in processes:
            process.wait()


def keep_all(dtype: str, *names: str) -> None:
    """Compile functions and write them down."""
    for name in names:
        keep(file_of(name, dtype), compile_function(name, dtype))


def compile_function(name: str, dtype: str) -> bytes:
    """An object file with one function and all that it calls."""
    import numba

    from chainrule.engine.native import FAST

    module, function = name.split(".")
    python = getattr(import_module(f"chainrule.engine.{module}"), function)
    integers = [numba.int64] * (2 if name == MACHINE else 1)
    signature = numba.void(*integers, getattr(numba, dtype))
    compiled = numba.cfunc(signature, fastmath=FAST, error_model="numpy")(
        getattr(python, "py_func", python)
    )
    source = compiled.inspect_llvm().replace(compiled.native_name, symbol(name, dtype))
    return bytes(target_machine().emit_object(llvm.parse_assembly(source)))


def symbol(name: str, dtype: str) -> str:
    """What a function is called in its object file."""
    return f"chainrule_{name.replace('.', '_')}_{dtype}"


def keep(path: Path, code: bytes) -> None:
    """Write an object file, if that is possible."""
    with suppress(OSError, OutputError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with whole_file(path) as file:
            file.write(code)


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


@cache
def engine() -> Any:
    """LLVM's loader of object files."""
    loader = llvm.create_mcjit_compiler(llvm.parse_assembly(""), target_machine())
    for name in NEVER_CALLED:
        llvm.add_symbol(name, llvm.address_of_symbol("abort"))
    return loader


def file_of(name: str, dtype: str) -> Path:
    """Where a function's machine code is kept."""
    return code_folder() / f"{name}.{dtype}.o"


@cache
def code_folder() -> Path:
    """Where this version's code for this processor is kept."""
    return cache_folder() / "engine" / f"{version('chainrule')}-{source_hash()}"


@cache
def source_hash() -> str:
    """A short hash of all that compiled code depends on."""
    processor = f"{llvm.get_host_cpu_name()} {llvm.get_host_cpu_features().flatten()}"
    digest = hashlib.sha256(f"{processor} {llvm.llvm_version_info}".encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:12]
