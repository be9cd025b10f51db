"""A process that forks for each worker: ``python -m chainrule.sandbox.forking MODULE``.

It imports what workers run, once, and then only waits: for requests, and for the end of its forks.
Code from elsewhere never runs in it, and nothing that such code says is read by it. A fork gives up
all that it has from here before it runs any: the files and sockets, the session, the environment,
the state of random numbers.
"""

from __future__ import annotations

import json
import os
import selectors
import socket
import sys
import traceback
from collections.abc import Callable, Iterable
from contextlib import suppress
from functools import partial
from importlib import import_module
from typing import Any, NoReturn

import numpy as np

from chainrule.sandbox.confinement import import_libraries

Main = Callable[[], NoReturn]

LONGEST = 1 << 16  # bytes of a request
FILES = 4  # that come with it: standard input, output and error, and what tells of the fork


class Forking:
    """Waits, and forks.

    Args:
        main: what a fork runs.
    """

    def __init__(self, main: Main) -> None:
        self.main = main
        self.requests = socket.socket(fileno=os.dup(0))
        self.selector = selectors.DefaultSelector()
        self.selector.register(self.requests, selectors.EVENT_READ, self.fork)

    def run(self) -> NoReturn:
        """Do what there is to do, until nobody can ask for more."""
        while True:
            for key, _ in self.selector.select():
                key.data()

    def fork(self) -> None:
        """Begin a worker."""
        text, files, *_ = socket.recv_fds(self.requests, LONGEST, FILES)
        if not text:
            os._exit(0)  # the judge is gone; the kernel ends what is left of its workers
        *streams, control = files
        try:
            child = os.fork()
        except OSError:  # no memory, or too many processes
            close(files)
            return
        if child == 0:
            become_worker(json.loads(text), streams, control, self.main)
        close(streams)
        running = os.pidfd_open(child)
        ended = partial(self.tell_the_end, child, running, control)
        self.selector.register(running, selectors.EVENT_READ, ended)

    def tell_the_end(self, child: int, running: int, control: int) -> None:
        """Say how a worker has ended. Its number stays taken until the judge has done with it, so
        that no signal still meant for it reaches another process."""
        self.selector.unregister(running)
        how = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        if how is not None:
            code = how.si_status if how.si_code == os.CLD_EXITED else -how.si_status
            with suppress(OSError):
                os.write(control, pack(code=code))
        done = partial(self.forget, child, control)
        self.selector.register(control, selectors.EVENT_READ, done)
        os.close(running)

    def forget(self, child: int, control: int) -> None:
        """The judge has closed its end."""
        self.selector.unregister(control)
        os.close(control)
        os.waitpid(child, 0)


def become_worker(
    request: dict[str, Any], streams: list[int], control: int, main: Main
) -> NoReturn:
    """What a new process would be, with nothing of this one but what it has imported."""
    try:
        os.setsid()
        for number, each in enumerate(streams):
            os.dup2(each, number)
        os.write(control, pack(pid=os.getpid()))
        os.closerange(len(streams), os.sysconf("SC_OPEN_MAX"))
        os.chdir(request["folder"])
        os.environ.update(request["homes"])
        sys.argv[1:] = []
        np.random.seed()  # noqa: NPY002  what code from elsewhere draws from
        main()
    except BaseException:  # said as Python itself would
        traceback.print_exc()
    finally:
        os._exit(1)


def close(files: Iterable[int]) -> None:
    """Close files by their numbers."""
    for each in files:
        os.close(each)


def pack(**told: int) -> bytes:
    """A message about a worker: its ``pid`` once it runs, its exit ``code`` once it has ended."""
    return json.dumps(told).encode()


if __name__ == "__main__":
    worker = import_module(sys.argv[1])
    import_libraries()
    os.close(os.pidfd_open(os.getpid()))  # fails at once where the system has no such thing
    Forking(worker.main).run()
