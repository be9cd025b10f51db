"""A limit of lines for a run of tests: unlike one of time, it is the same on every machine."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any


class LineLimit:
    """Counts the lines of some files as they run.

    Args:
        most: the number after which `ended` is called, which ends the process; None for no limit.
        ended: what that is.
    """

    def __init__(self, most: int | None, ended: Callable[[], None]) -> None:
        self.most, self.ended = most, ended
        self.files: set[str] = set()
        self.lines = 0

    def start(self) -> None:
        """Count what is called from here on."""
        sys.settrace(self._begin)

    def stop(self) -> None:
        """Count no longer: the tests' own work is over, and counting slows down all else."""
        sys.settrace(None)

    @contextmanager
    def counting(self) -> Iterator[None]:
        """Count within."""
        outside = sys.gettrace()
        self.start()
        try:
            yield
        finally:
            sys.settrace(outside)

    def _begin(self, frame: FrameType, event: str, _: Any) -> Any:
        return self._within if frame.f_code.co_filename in self.files else None

    def _within(self, frame: FrameType, event: str, _: Any) -> Any:
        self.lines += event == "line"
        if self.most is not None and self.lines > self.most:
            self.ended()
        return self._within
