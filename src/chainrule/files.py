"""Files that appear whole or not at all, and where those are kept that can be made again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from chainrule.errors import ChainruleError, OutputError

LOCK = ".lock"  # what a process holds that works on a folder


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing under a temporary name, and give it its own name at the end.

    When writing fails or is interrupted, nothing is left behind and a file that was there
    before is untouched.

    Raises:
        OutputError: the file cannot be written: no such folder, no permission, disk full.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with temporary.open("wb") as file:
            yield file
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        with suppress(OSError):
            temporary.unlink()


@contextmanager
def claimed(folder: Path, error: type[ChainruleError]) -> Iterator[None]:
    """`folder`, made where it is missing, for this process alone. The claim ends with the process,
    however that ends.

    Raises:
        error: another process has it.
        OutputError: it cannot be made.
    """
    from filelock import FileLock, Timeout

    lock = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = FileLock(lock, timeout=0).acquire()
    except Timeout:
        raise error(f"another process is working on {folder}: wait until it has ended") from None
    except OSError as problem:
        raise cannot_write(folder, problem) from None
    with held:
        yield


def cache_folder() -> Path:
    """Where downloads and compiled code are kept: CHAINRULE_CACHE, or the system's folder for
    caches."""
    from pooch import os_cache

    return Path(os.environ.get("CHAINRULE_CACHE") or os_cache("chainrule"))


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error for a file or folder that cannot be written."""
    return OutputError(f"cannot write {path}: {error.strerror or error}")
