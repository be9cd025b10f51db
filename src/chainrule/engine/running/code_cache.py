"""Where machine code is kept on disk, and what is checked before any of it runs.

Machine code does what it likes with the rights of whoever loads it. So the folder must belong to
this user and be closed to everybody else's writing, and so must each file. A file begins with a
label: what it holds, what it was compiled from, by what and for which vectors; and with a
checksum of all that follows. What does not match is as good as missing, and is compiled anew.

The folder's name has a hash of the same label, so that no version ever meets another's code.
"""

from __future__ import annotations

import hashlib
import os
import platform
import stat
from functools import cache
from importlib.metadata import version
from pathlib import Path

from chainrule import __version__
from chainrule.engine.codegen.llvm import LLVM_LOCK, llvm
from chainrule.engine.codegen.processor import VECTORS
from chainrule.files import cache_folder, is_private, private_folder, whole_file

CHECKSUM_BYTES = hashlib.sha256().digest_size
LARGEST = 1 << 24  # bytes of a file; those that are larger are not ours
# Neither follow a link nor wait for a pipe to be written to.
PLAIN_FILE = getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_NONBLOCK", 0)


@cache
def code_folder() -> Path:
    """Where this version's code for these vectors is kept.

    Raises:
        OutputError: there is no such folder that this user alone may write to.
    """
    mark = hashlib.sha256(origin().encode()).hexdigest()[:12]
    return private_folder(cache_folder(), "engine", f"{__version__}-{mark}")


def file_of(name: str, dtype: str) -> Path:
    """Where a function's machine code is kept."""
    return code_folder() / f"{name}.{dtype}.o"


def read(name: str, dtype: str) -> bytes | None:
    """A function's machine code; None where there is none that can be trusted."""
    try:
        with open(file_of(name, dtype), "rb", opener=open_plain) as file:
            found = os.fstat(file.fileno())
            if not (stat.S_ISREG(found.st_mode) and is_private(found)) or found.st_size > LARGEST:
                return None
            return unseal(label(name, dtype), file.read())
    except OSError:
        return None


def open_plain(path: str, flags: int) -> int:
    """How a file is opened that should be nothing but a file."""
    return os.open(path, flags | PLAIN_FILE)


def write(name: str, dtype: str, code: bytes) -> None:
    """Keep a function's machine code.

    Raises:
        OutputError: it cannot be written.
    """
    with whole_file(file_of(name, dtype)) as file:
        if hasattr(os, "fchmod"):
            os.fchmod(file.fileno(), 0o600)
        file.write(seal(label(name, dtype), code))


def seal(label: bytes, code: bytes) -> bytes:
    """The content of a file: the label, a checksum, the code."""
    return label + hashlib.sha256(label + code).digest() + code


def unseal(label: bytes, content: bytes) -> bytes | None:
    """The code in a file, or None where it has another label or was changed."""
    code = content[len(label) + CHECKSUM_BYTES :]
    return code if content == seal(label, code) else None


def label(name: str, dtype: str) -> bytes:
    """What the file of a function begins with."""
    return f"{name} {dtype}, {origin()}\n".encode()


@cache
def origin() -> str:
    """All that compiled code depends on: the source, the compiler and the vectors."""
    with LLVM_LOCK:
        version_of_llvm, triple = llvm.llvm_version_info, llvm.get_process_triple()
    return (
        f"chainrule {__version__} {source_hash()}, Python {platform.python_version()}, "
        f"Numba {version('numba')}, LLVM {'.'.join(map(str, version_of_llvm))}, "
        f"{triple} {VECTORS.cpu} {VECTORS.features}"
    )


@cache
def source_hash() -> str:
    """A hash of the engine's source."""
    digest = hashlib.sha256()
    for source in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()
