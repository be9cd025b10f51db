"""How a command ends when it is told to: by a signal, or because no one reads its output."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import NoReturn

from chainrule.cli.terminal import complain
from chainrule.system.interruption import ENDINGS


class Ended(BaseException):
    """SIGTERM or SIGHUP came. Like KeyboardInterrupt, no handler of errors stops it."""

    def __init__(self, number: int) -> None:
        super().__init__(f"ended by {signal.Signals(number).name}")
        self.number = number


@contextmanager
def goes_on_in(place: Path) -> Iterator[None]:
    """Say, where a command is ended early, how to go on with the folder that it works on."""
    try:
        yield
    except (KeyboardInterrupt, Ended):
        complain(f"{place}/ is unfinished: the same command, with --out {place}, continues it")
        raise


def raise_endings() -> None:
    """From now on the signals that end this process raise an exception, so that locks and
    temporary files are cleared away. One that is ignored, as under nohup, stays ignored."""
    for number in ENDINGS:
        if number != signal.SIGINT and signal.getsignal(number) is signal.SIG_DFL:
            signal.signal(number, raise_ended)


def raise_ended(number: int, frame: FrameType | None) -> NoReturn:
    """The handler of these signals."""
    raise Ended(number)


def exit_code(number: int) -> int:
    """What shells answer with after a signal."""
    return 128 + number


def leave(message: str, number: int) -> NoReturn:
    """End after a signal, with one line."""
    complain(message)
    sys.exit(exit_code(number))


def close_output() -> NoReturn:
    """End without a word: the output is no longer read."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # nothing is left to be flushed
    sys.exit(exit_code(signal.SIGPIPE) if hasattr(signal, "SIGPIPE") else 1)
