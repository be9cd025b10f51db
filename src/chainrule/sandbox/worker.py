"""The judge's end: starts a worker, asks it, ends it, and believes nothing it says.

Whatever the worker does (nothing, too much, anything at all), a call comes back with a message
within its bounds, or with an error that says how the worker ended.
"""

from __future__ import annotations

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import Any

from chainrule.errors import ChainruleError
from chainrule.sandbox.confinement import Confinement
from chainrule.sandbox.fork_server import Start
from chainrule.sandbox.limits import MEGABYTE, Limits
from chainrule.sandbox.messages import Message, MessageError, read_message
from chainrule.sandbox.pipes import open_pipes
from chainrule.sandbox.processes import apart, kill_group, remove
from chainrule.types import Array

GRACE = 5.0  # seconds that a worker has, once its time is over, to say where it was
LAST_WORDS = 1 << 14  # bytes kept of what is written to standard error
LAST_LOOK = 0.25  # seconds in which a worker's last words have come, once it has ended
LOOK_AROUND = 0.25  # seconds from one look at what was written on disk to the next
MOST_FILES = 2_000

_ALIVE: set[Worker] = set()


def kill_workers() -> None:
    """End every worker of this process, whatever thread waits for it: for an interrupt."""
    for worker in list(_ALIVE):
        worker.kill()


class WorkerError(ChainruleError):
    """How a worker ended that has not answered.

    Args:
        said: the end of what it wrote to standard error.
    """

    def __init__(self, message: str, said: str = "") -> None:
        super().__init__(message)
        self.said = said


class WorkerLateError(WorkerError):
    """Its time was over."""


class WorkerEndedError(WorkerError):
    """It has ended by itself.

    Args:
        code: its exit code, or the number of the signal that ended it, below zero.
    """

    def __init__(self, code: int, said: str) -> None:
        how = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        super().__init__(f"the worker ended with {how}", said)
        self.code = code


class WorkerWroteError(WorkerError):
    """It wrote more than it may."""


class Worker:
    """A process that runs code from elsewhere, within limits.

    Args:
        start: starts a process that calls `serve`.
        limits: what it may use.
        readable: folders that it may read, besides Python's.
        folder: where it works.
    """

    def __init__(
        self, start: Start, limits: Limits, readable: Sequence[Path], folder: Path | None = None
    ) -> None:
        self.limits = limits
        self.scratch = Path(tempfile.mkdtemp(prefix="chainrule-"))
        self.until = time.monotonic() + limits.waiting
        self.received, self.said = bytearray(), bytearray()
        self.looked, self.is_over = 0.0, False
        self.process = start(self.scratch, folder or self.scratch)
        self.pipes = open_pipes(self.process)
        folders = [str(each.resolve()) for each in readable]
        _ALIVE.add(self)
        self.setup = {"limits": asdict(limits), "readable": folders, "scratch": str(self.scratch)}

    @cached_property
    def confinement(self) -> Confinement:
        """What is enforced: the first thing it says, before it runs any code from elsewhere."""
        found = Confinement(**self._ask(Message(self.setup)).body)
        if apart() and "network" not in found.enforced:
            found.enforced.append("network")
            found.missing = [each for each in found.missing if not each.startswith("network")]
        return found

    def call(
        self, name: str, given: Mapping[str, Any], arrays: Mapping[str, Array] | None = None
    ) -> Message:
        """What the worker answers.

        Raises:
            WorkerError: it does not.
        """
        _ = self.confinement  # comes first
        return self._ask(Message({**given, "call": name}, arrays or {}))

    def _ask(self, message: Message) -> Message:
        """The answer to a message."""
        self.pipes.send(message.packed())
        try:
            answer = read_message(self._read)
        except MessageError as error:
            raise WorkerError(f"the worker's answer cannot be read: {error}") from None
        finally:
            self.pipes.stop_sending()
        self._look_at_files()  # it may have written more than it may since the last look
        return answer

    def _read(self, count: int) -> bytes:
        while len(self.received) < count:
            self._wait()
        part = bytes(memoryview(self.received)[:count])
        del self.received[:count]
        return part

    def _wait(self) -> None:
        """Take what comes next: a part of the answer, last words, the end of the time."""
        self._look_around()
        if self.is_over:
            self._ended()
        for name, part in self.pipes.received(LOOK_AROUND):
            if name == "stderr":
                self._listen(part)
            elif part:
                self.received += part
            else:
                self.is_over = True

    def _look_around(self) -> None:
        now = time.monotonic()
        if now >= self.until:
            self._tell_to_end()
            raise WorkerLateError("the worker's time is over", self._last_words())
        if now < self.looked + LOOK_AROUND:
            return
        self.looked = now
        self._look_at_files()

    def _look_at_files(self) -> None:
        if _writes_too_much(self.scratch, self.limits.written * MEGABYTE):
            self.kill()
            raise WorkerWroteError(
                f"the code writes more than {self.limits.written} MB, or {MOST_FILES} files"
            )

    def _listen(self, part: bytes) -> None:
        """Keep the end of what is written to standard error."""
        self.said += part
        del self.said[:-LAST_WORDS]

    def _ended(self) -> None:
        """Say how the worker ended."""
        try:
            code = self.process.wait(GRACE)
        except subprocess.TimeoutExpired:  # it has only closed its output
            self.kill()
            raise WorkerError("the worker closed its output", self._last_words()) from None
        raise WorkerEndedError(code, self._last_words())

    def _tell_to_end(self) -> None:
        """End the worker; it may first say where it was."""
        if hasattr(signal, "SIGPROF"):  # elsewhere it does so by itself
            self.process.send_signal(signal.SIGPROF)
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(GRACE)
        self.kill()

    def _last_words(self) -> str:
        self.pipes.stop_sending()
        for _ in range(LAST_WORDS):  # a process that it has left behind may go on writing
            parts = self.pipes.received(LAST_LOOK)
            for name, part in parts:
                if name == "stderr":
                    self._listen(part)
            if not parts:
                break
        return self.said.decode(errors="replace")

    def kill(self) -> None:
        """End the process, and those that it has started."""
        kill_group(self.process)
        self.process.wait()

    def end(self) -> None:
        """End it, and leave nothing behind."""
        self.kill()
        _ALIVE.discard(self)
        self.pipes.close()
        remove(self.scratch)

    def __enter__(self) -> Worker:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.end()


def _writes_too_much(folder: Path, most: int) -> bool:
    """True if a folder holds more bytes than that, or too many files, however deep they lie."""
    size, count, folders = 0, 0, [str(folder)]
    while folders:
        try:
            with os.scandir(folders.pop()) as entries:
                for entry in entries:
                    count += 1
                    size += entry.stat(follow_symlinks=False).st_size
                    if entry.is_dir(follow_symlinks=False):
                        folders.append(entry.path)
                    if size > most or count > MOST_FILES:
                        return True
        except FileNotFoundError:  # gone by now
            continue
        except OSError:  # so deep that no path reaches it
            return True
    return False
