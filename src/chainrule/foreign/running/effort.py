"""What running the code under examination has cost so far: a clock that counts lines of Python, not
seconds, and so shows the same on every machine.

Whatever must end at some time, a search or a loop, ends by this clock. What takes time but runs no
lines of the code (a copy of its arrays, a compiled correction) counts as the lines that take about
as long.
"""

from __future__ import annotations

import os
import sys
import sysconfig
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import local
from types import FrameType
from typing import Any

import numpy as np

from chainrule.foreign.errors import EndlessError
from chainrule.foreign.objects.state import Values

MOST_LINES = 10_000_000  # of one pass: an example worth checking takes far fewer
CALL = 250  # lines' worth of what is done around a call
NUMBERS = 128  # copied in the time of a line
COMPILED = 30  # lines' worth of compiling one

FROZEN = "<frozen "  # what runs imports
LIBRARIES = (
    FROZEN,
    *(
        os.path.join(folder, "")
        for folder in {
            *(sysconfig.get_path(name) for name in ("stdlib", "platstdlib", "purelib", "platlib")),
            str(Path(__file__).parents[2]),
        }
    ),
)
"""How the names of files begin whose lines do not count, chainrule's own among them: with a folder,
and the separator behind it."""

NoteLine = Callable[[FrameType], None]


class _Clock(local):
    """One for each thread."""

    spent = 0
    stands = False
    most = MOST_LINES
    note: NoteLine | None = None

    def add(self, lines: int) -> None:
        if not self.stands:
            self.spent += lines


_CLOCK = _Clock()


def spent() -> int:
    """The lines that count up to now."""
    return _CLOCK.spent


def add_compiled(lines: int) -> None:
    """Let the compiling of so many lines count."""
    _CLOCK.add(COMPILED * lines)


def add_copies(values: Values) -> None:
    """Let copies of arrays count."""
    _CLOCK.add(sum(int(np.size(value)) for value in values.values()) // NUMBERS)


def add_call() -> None:
    """Let a call that runs in another process count."""
    _CLOCK.add(CALL)


def counted(function: Callable[..., Any], *arguments: Any, **keywords: Any) -> Any:
    """Call a function of the code, and count the lines that run.

    Raises:
        EndlessError: they are more than `at_most` allows.
    """
    if _CLOCK.stands:
        return function(*arguments, **keywords)
    lines, most, note = 0, _CLOCK.most, _CLOCK.note

    def begin(frame: FrameType, event: str, _: Any) -> Any:
        return None if frame.f_code.co_filename.startswith(LIBRARIES) else within

    def within(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal lines
        if event == "line":
            lines += 1
            if lines > most:
                raise EndlessError(f"more than {most:,} lines are run without an end")
            if note is not None:
                note(frame)
        return within

    outside = sys.gettrace()
    sys.settrace(begin)
    try:
        return function(*arguments, **keywords)
    finally:
        sys.settrace(outside)
        _CLOCK.add(CALL + lines)


@contextmanager
def at_most(lines: int) -> Iterator[None]:
    """Within, a single call may run so many lines, and no more."""
    before, _CLOCK.most = _CLOCK.most, min(lines, _CLOCK.most)
    try:
        yield
    finally:
        _CLOCK.most = before


@contextmanager
def uncounted() -> Iterator[None]:
    """Within, nothing is counted, which is faster: for runs whose number is limited otherwise."""
    before, _CLOCK.stands = _CLOCK.stands, True
    try:
        yield
    finally:
        _CLOCK.stands = before


@contextmanager
def noting(note: NoteLine) -> Iterator[None]:
    """Within, `note` is called for every line that counts."""
    before, _CLOCK.note = _CLOCK.note, note
    try:
        yield
    finally:
        _CLOCK.note = before
