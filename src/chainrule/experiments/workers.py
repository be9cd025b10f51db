"""Processes that train side by side, and end with the process that started them."""

from __future__ import annotations

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing.connection import Connection

SECONDS_TO_END = 5.0  # for a last checkpoint; then a worker ends as it is


@contextmanager
def worker_processes(count: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of new processes; not forks, which would copy the threads' locks.

    Ctrl-C reaches all processes of a terminal: workers leave it to this one. When this block ends
    early, or this process does, in whatever way, workers save what they have learnt and end.
    """
    context = multiprocessing.get_context("spawn")
    told_to_end, held_open = context.Pipe(duplex=False)  # closed by the system when we die
    pool = ProcessPoolExecutor(count, context, begin_worker, (told_to_end,))
    try:
        yield pool
    except BaseException:
        held_open.close()
        pool.shutdown(wait=True, cancel_futures=True)
        raise
    else:
        pool.shutdown()
    finally:
        held_open.close()
        told_to_end.close()


def begin_worker(told_to_end: Connection) -> None:
    """Leave Ctrl-C to the parent, and watch for its end."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=end_when_told, args=(told_to_end,), daemon=True).start()


def end_when_told(told_to_end: Connection) -> None:
    """Wait until the other end of a pipe is closed; then end this process, softly at first."""
    try:
        told_to_end.recv_bytes()
    except (EOFError, OSError):
        end_softly = threading.Timer(SECONDS_TO_END, os._exit, (1,))
        end_softly.daemon = True
        end_softly.start()
        signal.raise_signal(signal.SIGTERM)
