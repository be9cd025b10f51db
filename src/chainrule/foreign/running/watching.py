"""What runs, seen from outside: functions with what their names held, calls, lines."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import CodeType, FrameType
from typing import Any

import numpy as np

from chainrule.foreign.running import effort

LocalNames = dict[str, Any]
"""What the names of a function hold when it ends."""


@contextmanager
def watching(files: set[str]) -> Iterator[dict[CodeType, LocalNames]]:
    """Note every function of `files` that runs within, in the order of their ends."""
    seen: dict[CodeType, LocalNames] = {}

    def watch(frame: FrameType, event: str, _: Any) -> None:
        if event == "return" and frame.f_code.co_filename in files:
            seen[frame.f_code] = {**_arrays_of_file(frame), **frame.f_locals}

    with _profiling(watch):
        yield seen


def _arrays_of_file(frame: FrameType) -> LocalNames:
    """The arrays that a function uses among the names of its file."""
    held = frame.f_globals
    used = [name for name in frame.f_code.co_names if isinstance(held.get(name), np.ndarray)]
    return {name: held[name] for name in used}


@contextmanager
def counting_calls(files: set[str]) -> Iterator[list[int]]:
    """Count the calls of functions of `files` made within, in a list of one number."""
    counted = [0]

    def count(frame: FrameType, event: str, _: Any) -> None:
        counted[0] += event == "call" and frame.f_code.co_filename in files

    with _profiling(count):
        yield counted


@contextmanager
def _profiling(note: Callable[[FrameType, str, Any], None]) -> Iterator[None]:
    """Within, `note` is called at the beginning and the end of every function."""
    outside = sys.getprofile()
    sys.setprofile(note)
    try:
        yield
    finally:
        sys.setprofile(outside)


def order_of_lines(run: Callable[[], Any], files: set[str]) -> dict[tuple[str, int], int]:
    """The lines of `files`, by file and number, with the order in which they first run."""
    order: dict[tuple[str, int], int] = {}

    def note(frame: FrameType) -> None:
        if frame.f_code.co_filename in files:
            order.setdefault((frame.f_code.co_filename, frame.f_lineno), len(order))

    # code under examination: the lines before an exception count
    with effort.noting(note), suppress(Exception):
        run()
    return order
