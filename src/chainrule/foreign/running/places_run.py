"""Which places of a file run: its lines, and the parts of those that hold several branches."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import suppress
from functools import cache
from types import CodeType, FrameType
from typing import Any

from chainrule.foreign.reading.branches import WHOLE_LINE, Place, branches_in
from chainrule.foreign.reading.source import source_of
from chainrule.foreign.running import effort
from chainrule.foreign.running.effort import LIBRARIES

MOST_EVENTS = 2_000_000  # of one run: as many lines and steps of expressions


class _SeenEnoughError(Exception):
    """Ends a run that takes too long."""


def places_run(run: Callable[[], Any]) -> set[Place]:
    """The places of the author's own files that run within: lines, and of lines that hold several
    branches the columns."""
    ran: set[Place] = set()
    columns: dict[CodeType, list[tuple[int, int] | None]] = {}
    left = MOST_EVENTS

    def begin(frame: FrameType, event: str, _: Any) -> Any:
        return None if frame.f_code.co_filename.startswith(LIBRARIES) else within

    def within(frame: FrameType, event: str, _: Any) -> Any:
        nonlocal left
        left -= 1
        if left < 0:
            raise _SeenEnoughError
        code = frame.f_code
        file = code.co_filename
        if event == "line":
            ran.add((file, frame.f_lineno, WHOLE_LINE))
            frame.f_trace_opcodes = frame.f_lineno in _lines_in_parts(file)
        elif event == "opcode":
            if code not in columns:
                columns[code] = [_start(place) for place in code.co_positions()]
            place = columns[code][frame.f_lasti // 2]
            if place is not None:
                ran.add((file, *place))
        return within

    outside = sys.gettrace()
    # the code may raise anything: what has run until then, has run
    with effort.uncounted(), suppress(Exception):
        sys.settrace(begin)
        try:
            run()
        finally:
            sys.settrace(outside)
    return ran


def _start(place: tuple[int | None, int | None, int | None, int | None]) -> tuple[int, int] | None:
    line, _, column, _ = place
    return None if line is None or column is None else (line, column)


def _lines_in_parts(file: str) -> frozenset[int]:
    """The lines of a file that hold several branches."""
    return _lines_with_inline(file, source_of(file))


@cache
def _lines_with_inline(file: str, source: str) -> frozenset[int]:
    inline = (each for each in branches_in(file, source) if each.is_inline)
    return frozenset(n for each in inline for n in range(each.start[0], each.end[0] + 1))
