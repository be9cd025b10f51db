"""How many threads there are to work with."""

from __future__ import annotations

import os
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
