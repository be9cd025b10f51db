"""How many threads there are to work with, and Ctrl-C while they work."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

LIMIT: ContextVar[int | None] = ContextVar("threads", default=None)


def available_threads() -> int:
    """The processor cores that this process may use, or fewer within `one_thread`."""
    if (limit := LIMIT.get()) is not None:
        return limit
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@contextmanager
def one_thread() -> Iterator[None]:
    """Within this block the engine and BLAS work with one thread each, for runs that go side by
    side.

    >>> with one_thread():
    ...     available_threads()
    1
    """
    from threadpoolctl import threadpool_limits

    before = LIMIT.set(1)
    try:
        with threadpool_limits(1):
            yield
    finally:
        LIMIT.reset(before)


@contextmanager
def interrupts_afterwards() -> Iterator[None]:
    """Hold Ctrl-C back until the end of this block, then let it act as it would have."""
    before = signal.getsignal(signal.SIGINT)
    if before is None or threading.current_thread() is not threading.main_thread():
        yield  # signals are none of this thread's business, or of Python's
        return
    received: list[int] = []
    signal.signal(signal.SIGINT, lambda number, frame: received.append(number))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if received:
        signal.raise_signal(signal.SIGINT)
