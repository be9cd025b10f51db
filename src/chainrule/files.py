"""Files that appear whole or not at all, and where those are kept that can be made again."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from chainrule.errors import ChainruleError, OutputError
from chainrule.extras import packages_for

LOCK = ".lock"  # what a process holds that works on a folder
PART = ".part"  # how the name of a file ends that is not whole yet; it begins with a point

OTHERS_MAY_WRITE = stat.S_IWGRP | stat.S_IWOTH
KEPT_OF_NAME = 50  # characters of a file's name in its temporary one: names end at 255 bytes


@contextmanager
def whole_file(path: Path) -> Iterator[BinaryIO]:
    """Open a file for writing under a temporary name, and give it its own name at the end.

    When writing fails or is interrupted, nothing is left behind and a file that was there
    before is untouched. When it succeeds, the file is on the disk, and a power failure leaves it
    there. Any number of processes and threads may write one file at once: the last one wins.

    Raises:
        OutputError: the file cannot be written: no such folder, no permission, disk full.
    """
    temporary = path.with_name(f".{path.name[:KEPT_OF_NAME]}.{os.urandom(8).hex()}{PART}")
    try:
        with temporary.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        with suppress(OSError):
            temporary.unlink()
    write_down_names(path.parent)


def write_down_names(folder: Path) -> None:
    """Have the names in a folder written to the disk, on systems that can be asked for it."""
    with suppress(OSError):
        opened = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(opened)
        finally:
            os.close(opened)


@contextmanager
def claimed(folder: Path, error: type[ChainruleError], patience: float = 0.0) -> Iterator[None]:
    """`folder`, made where it is missing, for this process alone. The claim ends with the process,
    however that ends; the half-written files that a killed one left are removed.

    Args:
        patience: seconds to wait for another process that has it; -1 for as long as it takes.
    Raises:
        error: another process has it.
        OutputError: it cannot be made.
    """
    with packages_for("a folder that one process works on at a time"):
        from filelock import FileLock, Timeout

    lock = folder / LOCK
    try:
        folder.mkdir(parents=True, exist_ok=True)
        held = FileLock(lock, timeout=patience).acquire()
    except Timeout:
        raise error(f"another process is working on {folder}: wait until it has ended") from None
    except OSError as problem:
        raise cannot_write(folder, problem) from None
    with held:
        for path in half_written(folder):
            path.unlink(missing_ok=True)
        yield


def is_unused(folder: Path) -> bool:
    """True if a folder holds nothing, or only what a process left that was killed before it had
    written its first file."""
    return set(folder.iterdir()) <= {folder / LOCK, *half_written(folder)}


def half_written(folder: Path, names: str = "*") -> list[Path]:
    """What `whole_file` has not finished of the files with such names."""
    return list(folder.glob(f".{names}{PART}"))


def cache_folder() -> Path:
    """Where downloads and compiled code are kept: CHAINRULE_CACHE, or the system's folder for
    caches.

    Raises:
        OutputError: this user has no home folder, and no other is named.
    """
    if named := os.environ.get("CHAINRULE_CACHE"):
        return Path(named)
    with packages_for("the folder for downloads and compiled code"):
        from pooch import os_cache

    with suppress(RuntimeError):  # of newer versions; older ones answer with "~"
        folder = Path(os_cache("chainrule"))
        if folder.is_absolute():
            return folder
    raise OutputError("this user has no home folder to keep files in")


def private_folder(base: Path, *names: str) -> Path:
    """The folder base/name/…, which is made if need be, and which nobody else may change.

    `base` itself may be a link that the user made; below it, there is none.

    Raises:
        OutputError: it cannot be made; or it, or one between, belongs to another user, or others
            may write to it.
    """
    folder = Path(os.path.realpath(base))
    for name in ("", *names):
        folder = folder / name
        make_folder(folder)
        refuse_shared(folder)
    return folder


def make_folder(folder: Path) -> None:
    """Make a folder, and those above it, for this user alone, unless it is there.

    Raises:
        OutputError: it cannot be made.
    """
    try:
        for missing in [one for one in (folder, *folder.parents) if not one.is_dir()][::-1]:
            missing.mkdir(mode=0o700, exist_ok=True)
    except OSError as error:
        raise cannot_write(folder, error) from None


def refuse_shared(folder: Path) -> None:
    """Raise an OutputError if a folder is not this user's own, or open to others."""
    found = folder.lstat()
    if not stat.S_ISDIR(found.st_mode):
        raise OutputError(f"{folder} is not a folder but a link: remove it")
    if not is_ours(found):
        raise OutputError(f"{folder} belongs to another user")
    if not is_private(found):
        raise OutputError(f"others may write to {folder}: forbid it with chmod go-w")


def is_ours(found: os.stat_result) -> bool:
    """True if a file or folder belongs to this user."""
    # Windows answers 0 for every owner; there, a user's folders are closed to others by access
    # lists, which they inherit, and which Python does not read.
    return os.name == "nt" or found.st_uid == os.geteuid()


def is_private(found: os.stat_result) -> bool:
    """True if a file or folder belongs to this user and nobody else may write to it."""
    return os.name == "nt" or (is_ours(found) and not found.st_mode & OTHERS_MAY_WRITE)


def cannot_write(path: Path, error: OSError) -> OutputError:
    """The error for a file or folder that cannot be written."""
    return OutputError(f"cannot write {path}: {error.strerror or error}")
