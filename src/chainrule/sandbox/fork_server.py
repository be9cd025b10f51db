"""How workers start soon: the judge's end of `forking`."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from threading import Lock
from typing import IO

from chainrule.sandbox.processes import (
    HOMES,
    Process,
    apart,
    environment,
    kill_group,
    new_process,
    remove,
)

MODULE = "chainrule.sandbox.forking"
LONGEST = 1 << 10  # bytes of a message about a fork

Start = Callable[[Path, Path], Process]  # with an empty home, in the folder where it is to work


@contextmanager
def starter(module: str) -> Iterator[Start]:
    """What starts processes that run a module: on Linux forks, of which all but the first come at
    once; elsewhere new ones."""
    if sys.platform != "linux":
        yield partial(new_process, module)
        return
    server = ForkServer(module)
    try:
        yield server.start
    finally:
        server.end()


class Fork:
    """A process that the server forks, for those who know `subprocess.Popen`."""

    def __init__(self) -> None:
        self.control, control = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        (stdin, write), (read, stdout), (read_errors, stderr) = (os.pipe() for _ in range(3))
        self.stdin: IO[bytes] | None = os.fdopen(write, "wb", 0)
        self.stdout: IO[bytes] | None = os.fdopen(read, "rb", 0)
        self.stderr: IO[bytes] | None = os.fdopen(read_errors, "rb", 0)
        self.its_own = [stdin, stdout, stderr, control.detach()]
        self.pid = 0
        self.returncode: int | None = None
        self.waiting = Lock()

    def begin(self, requests: socket.socket, request: bytes) -> None:
        """Ask for it, and wait until it is there.

        Raises:
            OSError: it will never be.
        """
        try:
            socket.send_fds(requests, [request], self.its_own)
        finally:
            for each in self.its_own:
                os.close(each)
        told = self._told()
        if "pid" not in told:
            raise ConnectionError("the server has not forked")
        self.pid = told["pid"]

    def wait(self, timeout: float | None = None) -> int:
        """As that of `Popen`."""
        with self.waiting:
            if self.returncode is None:
                self.control.settimeout(timeout)
                try:
                    told = self._told()
                except TimeoutError:
                    raise subprocess.TimeoutExpired("a fork", timeout or 0.0) from None
                self.returncode = told.get("code", -signal.SIGKILL)  # it ends with the server
                self.control.close()
        return self.returncode

    def _told(self) -> dict[str, int]:
        """What the server tells next; nothing, if it is gone."""
        told: dict[str, int] = json.loads(self.control.recv(LONGEST) or "{}")
        return told

    def send_signal(self, sig: int) -> None:
        """As that of `Popen`."""
        if self.returncode is None:
            os.kill(self.pid, sig)

    def kill(self) -> None:
        """As that of `Popen`."""
        self.send_signal(signal.SIGKILL)

    def close(self) -> None:
        """Close what leads to a process that never was."""
        for each in (self.control, self.stdin, self.stdout, self.stderr):
            if each is not None:
                each.close()


class ForkServer:
    """The process that forks.

    Args:
        module: what a worker runs, by its `main`.
    """

    def __init__(self, module: str) -> None:
        self.module = module
        self.home = Path(tempfile.mkdtemp(prefix="chainrule-"))
        self.requests, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        with theirs:
            self.process = subprocess.Popen(  # noqa: S603  the modules are chainrule's own
                [*apart(), sys.executable, "-P", "-m", MODULE, module],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd=self.home,
                env=environment(self.home),
                start_new_session=True,
            )

    def start(self, home: Path, folder: Path) -> Process:
        """A fork; a new process where there can be none."""
        try:
            return self._fork(home, folder)
        except OSError:
            return new_process(self.module, home, folder)

    def _fork(self, home: Path, folder: Path) -> Fork:
        request = {"folder": str(folder), "homes": dict.fromkeys(HOMES, str(home))}
        fork = Fork()
        try:
            fork.begin(self.requests, json.dumps(request).encode())
        except OSError:
            fork.close()
            raise
        return fork

    def end(self) -> None:
        """End it, and with it what is left of its forks."""
        self.requests.close()
        kill_group(self.process)
        self.process.wait()
        remove(self.home)
