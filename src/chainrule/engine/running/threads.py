"""How many threads there are to work with, how they begin, and Ctrl-C while they work."""

from __future__ import annotations

import _thread
import os
import signal
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from types import FrameType
from typing import Any

from chainrule.errors import ThreadError
from chainrule.system.blas import one_blas_thread
from chainrule.system.interruption import ENDINGS

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
    before = LIMIT.set(1)
    try:
        with one_blas_thread():
            yield
    finally:
        LIMIT.reset(before)


def run_together(work: Callable[[int], object], threads: int) -> None:
    """Call work(0), work(1), … at the same time, each in a thread of its own, the first in this
    one; none of them, if the system does not start so many threads.

    Raises:
        ThreadError: it does not.
    """
    gate = threading.Lock()
    others = [threading.Lock() for _ in range(1, threads)]  # each held until its thread ends
    everyone_is_here = False

    def wait_and_work(thread: int, at_work: threading.Lock) -> None:
        try:
            with gate:  # closed until all have started: without the others, work would never end
                pass
            if everyone_is_here:
                work(thread)
        finally:
            at_work.release()

    with gate:
        for thread, at_work in enumerate(others, 1):
            at_work.acquire()
            start_thread(wait_and_work, (thread, at_work), threads)
        everyone_is_here = True
    work(0)
    for at_work in others:
        at_work.acquire()


def start_thread(function: Callable[..., object], arguments: tuple[Any, ...], threads: int) -> None:
    """Start one of so many threads, or say what to do. `Thread.start` would wait until it runs,
    which takes longer than many a step."""
    try:
        _thread.start_new_thread(function, arguments)
    except RuntimeError as error:
        raise ThreadError(
            f"asked for {threads} threads, but the system does not start so many ({error}): "
            "use fewer, down to threads=1"
        ) from None


@contextmanager
def interrupts_afterwards() -> Iterator[None]:
    """Hold interrupting signals back until the end of this block, then let them act as they would
    have. Those that end the process without asking Python still do."""
    if threading.current_thread() is not threading.main_thread():
        yield  # signals are none of this thread's business
        return
    handlers = {n: handler for n in ENDINGS if callable(handler := signal.getsignal(n))}
    received: list[int] = []
    holding = True

    def hold(number: int, frame: FrameType | None) -> None:
        if holding:
            received.append(number)
        else:  # another signal's exception came before this one's handler was back in its place
            handlers[number](number, frame)

    try:
        for number in handlers:
            signal.signal(number, hold)
        yield
    finally:
        holding = False
        for number, handler in handlers.items():
            signal.signal(number, handler)
        let_act(received)


def let_act(received: Sequence[int]) -> None:
    """Let signals act in turn, each of them even if the one before it raises an exception."""
    if received:
        try:
            signal.raise_signal(received[0])
        finally:
            let_act(received[1:])
