"""Building: all kernels for each kind of vectors, as shared libraries for the wheel.

Numba and LLVM compile them as they would on first use, for plain processors with these vectors, and
the system's C compiler links them. The processor that builds need not have the vectors.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory

from chainrule.engine.codegen.library import ITEMS
from chainrule.engine.codegen.llvm import llvm, target_machine
from chainrule.engine.codegen.processor import kinds
from chainrule.engine.running.built import SOURCE, library_name
from chainrule.engine.running.code_cache import source_hash
from chainrule.engine.running.compiling import FUNCTIONS, compile_function
from chainrule.engine.running.threads import available_threads

# What Numba has every function refer to, to raise errors in Python. Kernels have none to raise:
# indices are not checked, nothing is allocated, and division by zero gives infinity. So a library
# has functions of these names that end the process, and does not depend on a version of Python.
NEVER_CALLED = (
    *["NRT_Free", "numba_do_raise", "numba_gil_ensure", "numba_gil_release", "numba_unpickle"],
    *["numba_runtime_build_excinfo_struct", "PyBytes_FromStringAndSize", "PyErr_Clear"],
    *["PyErr_SetNone", "PyErr_SetString", "PyErr_WriteUnraisable", "PyUnicode_FromString"],
    *["Py_DecRef"],
)
NEVER_READ = ("PyExc_RuntimeError", "PyExc_StopIteration", "PyExc_SystemError")
HERE = str(Path(__file__).parents[3])  # the folder that has this package
COMPILE = """
import os, sys
sys.path.insert(0, sys.argv[1])
os.environ["CHAINRULE_TARGET"] = sys.argv[2]
from chainrule.engine.running.building import write_objects
write_objects(*sys.argv[3:])
"""
LINK = ("-shared", "-nostartfiles", "-s", "-Wl,-Bsymbolic", "-Wl,--no-undefined", "-Wl,--as-needed")


def build(folder: Path, compiler: str) -> list[Path]:
    """Build the libraries into a folder with a C compiler, given by its command. The libraries.

    Raises:
        CalledProcessError: something could not be compiled or linked; standard error says what.
    """
    keys = [vectors.key for vectors in kinds()]
    with TemporaryDirectory() as temporary:
        objects = {key: Path(temporary, key) for key in keys}
        for made in objects.values():
            made.mkdir()
        with ThreadPoolExecutor(available_threads()) as workers:
            list(workers.map(compile_objects, *zip(*product(objects.items(), ITEMS), strict=True)))
        return [link(objects[key], folder / library_name(key), compiler) for key in keys]


def compile_objects(of_vectors: tuple[str, Path], dtype: str) -> None:
    """Have a Python of its own compile all functions for a kind of vectors and a type of number:
    within a process, the engine is for one kind."""
    key, folder = of_vectors
    command = [sys.executable, "-P", "-c", COMPILE, HERE, key, str(folder), dtype]
    subprocess.run(command, check=True)  # noqa: S603


def write_objects(folder: str, dtype: str) -> None:
    """What that Python does."""
    for name in FUNCTIONS:
        code = compile_function(name, dtype, to_be_linked=True)
        Path(folder, f"{name}.{dtype}.o").write_bytes(code)


def surroundings_source() -> Iterator[str]:
    """What a library has beside the kernels, in LLVM's language."""
    yield f'@{SOURCE} = constant [64 x i8] c"{source_hash()}"'
    for name in NEVER_READ:
        yield f"@{name} = hidden global ptr null"
    yield "declare void @abort()"
    for name in NEVER_CALLED:
        yield f"define hidden void @{name}() {{ call void @abort() unreachable }}"


def link(objects: Path, library: Path, compiler: str) -> Path:
    """Link object files into a shared library, which needs the C library alone."""
    surroundings = llvm.parse_assembly("\n".join(surroundings_source()))
    code = target_machine(to_be_linked=True).emit_object(surroundings)
    (objects / "surroundings.o").write_bytes(code)
    files = sorted(map(str, objects.glob("*.o")))
    command = [*compiler.split(), *LINK, "-o", str(library), *files, "-lm"]
    subprocess.run(command, check=True)  # noqa: S603
    return library
