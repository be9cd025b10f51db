"""Compiling: all functions of the engine at once, by several Pythons, and kept for later ones.

Numba compiles a function, LLVM writes it down as an object file, and `code_cache` keeps it. Several
processes may come to compile at once: one of them holds a lock, and the others wait as long as it
gets on. Where nothing can be kept, each process compiles for itself what it needs.
"""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack, suppress
from functools import cache

from chainrule.engine.codegen.kernel import FAST
from chainrule.engine.codegen.library import LIBRARY, library_source, symbol
from chainrule.engine.codegen.llvm import LLVM_LOCK, llvm, target_machine
from chainrule.engine.codegen.operands import record_type
from chainrule.engine.codegen.processor import VECTORS
from chainrule.engine.operations import HANDLERS
from chainrule.engine.program.records import Task
from chainrule.engine.program.registry import function_name
from chainrule.engine.running import machine, warping
from chainrule.engine.running.code_cache import code_folder, read, write
from chainrule.engine.running.threads import available_threads, interrupts_afterwards
from chainrule.errors import OutputError
from chainrule.files import cannot_write, half_written
from chainrule.presentation.display import notice, waiting

# What Python calls, ``run(address of a record, thread, like)``.
ENTRIES = {function_name(entry): entry for entry in (machine.run, warping.warp)}
FUNCTIONS = (LIBRARY, *ENTRIES, *HANDLERS)
HOW_LONG = "15 seconds to 2 minutes"  # on two fast cores, and on two slow ones
ELSEWHERE = "CHAINRULE_CACHE can name another folder"
PATIENCE = 60.0  # seconds in which whoever holds the lock should have compiled one function more


def machine_code(name: str, dtype: str) -> bytes:
    """A function's machine code, given as module and name, for one type of number.

    If it is yet to be compiled, everything is, with a word to the user: no other network will have
    to wait. What cannot be kept is compiled for this process alone.
    """
    return read(name, dtype) or compile_missing(name, dtype)


def compile_missing(name: str, dtype: str) -> bytes:
    """Compile everything that is yet to be compiled; the machine code of one function."""
    with waiting(f"compiling the engine for {dtype}: up to 2 minutes, once on this machine"):
        fill_cache(dtype)
        return read(name, dtype) or compile_function(name, dtype)


@cache
def fill_cache(dtype: str) -> None:
    """Compile everything, unless this process has tried before; say why where it cannot be kept."""
    try:
        compile_all(dtype)
    except OutputError as problem:
        notice(f"compiling the engine for this process alone: {problem}; {ELSEWHERE}")


def missing(dtype: str) -> list[str]:
    """The functions that are yet to be compiled, or whose files cannot be trusted."""
    return [name for name in FUNCTIONS if read(name, dtype) is None]


def compile_all(dtype: str) -> None:
    """Compile and keep what is yet to be compiled, on all cores, by Pythons of their own.

    Raises:
        OutputError: it cannot be kept.
    """
    if not missing(dtype):
        return
    with compile_lock(dtype):
        remove_leftovers(dtype)
        names = missing(dtype)
        count = min(available_threads(), len(names))
        run_all([COMPILE, dtype, *names[part::count]] for part in range(count))
        keep_all(dtype, *missing(dtype))  # where the others could not start, or came to grief


def compile_lock(dtype: str) -> AbstractContextManager[object]:
    """The lock that one process holds at a time, for each type of number. It ends with the process.

    Raises:
        OutputError: it cannot be had: the file cannot be written, or who has it is stuck.
    """
    from filelock import FileLock, Timeout

    path = code_folder() / f"{dtype}.lock"
    lock, before = FileLock(path, mode=0o600), [""]
    while before != (left := missing(dtype)):
        try:
            return lock.acquire(timeout=PATIENCE)
        except Timeout:
            before = left
        except OSError as error:
            raise cannot_write(path, error) from None
        except NotImplementedError as error:  # of older versions, where files have no locks
            raise OutputError(f"cannot lock {path}: {error}") from None
    raise OutputError(
        f"another process holds {path}, and has compiled nothing for {PATIENCE:g} s; end it"
    )


def remove_leftovers(dtype: str) -> None:
    """Remove what processes left that were killed while they wrote."""
    for path in half_written(code_folder(), f"*.{dtype}.*"):
        with suppress(OSError):
            path.unlink()


COMPILE = """
import sys
from chainrule.engine.running.compiling import compile_some
compile_some(*sys.argv[1:])
"""


def run_all(programs: Iterable[Sequence[str]]) -> None:
    """Run pieces of Python, each with its arguments, at the same time. Those that the system has no
    room for are left out. They import what this process would, are out of reach of the terminal's
    Ctrl-C, which is this process's to answer, and are killed if it answers by an exception."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, sys.path))}
    with ExitStack() as running:
        processes = []
        for program in programs:
            with suppress(OSError):
                process = subprocess.Popen(  # noqa: S603
                    [sys.executable or "", "-P", "-c", *program],
                    stdin=subprocess.PIPE,  # closed by the system when this process ends
                    stdout=subprocess.DEVNULL,
                    stderr=subprocess.DEVNULL,
                    start_new_session=True,
                    env=environment,
                )
                running.enter_context(process)
                running.callback(process.kill)
                processes.append(process)
        for process in processes:
            process.wait()


def compile_some(dtype: str, *names: str) -> None:
    """What a Python of `run_all` does: compile and keep functions, unless its parent ends."""
    threading.Thread(target=end_with_parent, daemon=True).start()
    keep_all(dtype, *names)


def end_with_parent() -> None:
    """Wait until the process that started this one ends, and end too."""
    os.read(sys.stdin.fileno(), 1)
    os._exit(1)


def keep_all(dtype: str, *names: str) -> None:
    """Compile functions and write them down.

    Raises:
        OutputError: one of them cannot be written.
    """
    for name in names:
        write(name, dtype, compile_function(name, dtype))


@interrupts_afterwards()  # the compiler calls Python where exceptions are swallowed
def compile_function(name: str, dtype: str, to_be_linked: bool = False) -> bytes:
    """An object file with one function and all that it calls, and no other name that another one
    might have too; to be loaded by LLVM, or to be linked into a shared library."""
    with LLVM_LOCK:
        source = library_source(dtype) if name == LIBRARY else kernel_source(name, dtype)
        return object_file(source, symbol(name, dtype), to_be_linked)


def object_file(source: str, symbol: str, to_be_linked: bool) -> bytes:
    """What LLVM makes of a module, of whose names only one can be seen. The module ends with this
    function: LLVM gives its memory back, which takes the lock too."""
    module = llvm.parse_assembly(source)
    for part in [*module.functions, *module.global_variables]:
        if not part.is_declaration and part.name != symbol:
            part.linkage = "internal"
    return bytes(target_machine(to_be_linked).emit_object(module))


def kernel_source(name: str, dtype: str) -> str:
    """What Numba makes of a handler or of an entry: a module of LLVM's."""
    import numba

    let_numba_link(symbol(LIBRARY, dtype))
    numba.config.CPU_NAME, numba.config.CPU_FEATURES = VECTORS.cpu, VECTORS.features
    like = getattr(numba, dtype)
    if name in ENTRIES:
        function, signature = ENTRIES[name], numba.void(numba.int64, numba.int64, like)
    else:
        function, signature = HANDLERS[name], numba.void(record_type(Task), like)
    compiled = numba.cfunc(signature, fastmath=FAST, error_model="numpy")(function)
    return str(compiled.inspect_llvm().replace(compiled.native_name, symbol(name, dtype)))


def let_numba_link(symbol: str) -> None:
    """Have a function of this name in this process, unless there is one: Numba links what it
    compiles at once, though nobody calls it here, and ends the process where something is
    missing. LLVM knows the names of this process once there is a code generator."""
    from numba.core.registry import cpu_target

    cpu_target.target_context.codegen()
    if llvm.address_of_symbol(symbol) is None:
        llvm.add_symbol(symbol, llvm.address_of_symbol("abort"))
