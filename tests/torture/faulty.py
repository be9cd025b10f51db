"""Readers with a known fault each, to see that it is found."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from pathlib import Path

import numpy as np

from chainrule.errors import DataError
from tests.torture.cases import Reader, Seed

VALID = b"a valid file of which mutations leave something else, as good as always"
TOO_MUCH = 600 * 2**20  # bytes


def escape(path: Path) -> None:
    raise KeyError(path.name)


def take_memory(path: Path) -> None:
    np.ones(TOO_MUCH, np.uint8)


def hide_lack_of_memory(path: Path) -> None:
    try:
        take_memory(path)
    except MemoryError:
        raise DataError(f"{path} is damaged") from None


def loop(path: Path) -> None:
    while True:
        pass


def hang(path: Path) -> None:
    sum(range(10**12))  # heeds no signal until it is done


def die(path: Path) -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def hide_the_file(path: Path) -> None:
    raise DataError("a file is damaged")


def say_too_much(path: Path) -> None:
    raise DataError(f"{path} is damaged: {'x' * 10_000}")


def _reader(fault: Callable[[Path], None]) -> Reader:
    """Reads valid files as it should."""

    def read(path: Path) -> None:
        if path.read_bytes() != VALID:
            fault(path)

    return Reader(read, "file", lambda: [Seed(VALID)])


FAULTS: dict[Callable[[Path], None], str] = {  # and the kind of outcome that tells of each
    escape: "escaped",
    take_memory: "memory",
    hide_lack_of_memory: "memory",
    loop: "time",
    hang: "died",
    die: "died",
    hide_the_file: "message",
    say_too_much: "message",
}
KINDS = {fault.__name__: kind for fault, kind in FAULTS.items()}
FAULTY = {fault.__name__: _reader(fault) for fault in FAULTS}
