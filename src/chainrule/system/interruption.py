"""Signals that ask a process to end, noted while something must not be torn apart."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

INTERRUPT = (signal.SIGINT,)  # Ctrl-C
ENDINGS = tuple(  # those that the platform has
    getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)
)


class Noted:
    """The signal that has come, if one has: `name` is what to call it."""

    def __init__(self) -> None:
        self.number: int | None = None

    @property
    def name(self) -> str:
        """What happened to the process, in a word."""
        return "interrupted" if self.number in (None, signal.SIGINT) else "terminated"


@contextmanager
def noted_signals(signals: Sequence[signal.Signals]) -> Iterator[Noted]:
    """Note the first of these signals in place of acting on it; a second one acts at once, as it
    would have without this block.

    Within another thread than the main one, which alone receives signals, nothing is noted.
    """
    noted = Noted()
    if threading.current_thread() is not threading.main_thread():
        yield noted
        return
    handlers = {number: signal.getsignal(number) for number in signals}
    # Those that are ignored stay so, as under nohup; None is not Python's to put back.
    before = {
        n: handler for n, handler in handlers.items() if handler not in (None, signal.SIG_IGN)
    }

    def restore() -> None:
        for number, handler in before.items():
            signal.signal(number, handler)

    def note(number: int, frame: FrameType | None) -> None:
        noted.number = number
        restore()

    for number in before:
        signal.signal(number, note)
    try:
        yield noted
    finally:
        restore()
