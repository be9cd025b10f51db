"""The pipes to and from a process, of which each goes on while the others wait."""

from __future__ import annotations

import os
import selectors
import sys
import threading
from contextlib import suppress
from queue import Empty, Full, Queue
from typing import IO, Any

from chainrule.sandbox.processes import Process

SIZE = 1 << 16  # bytes read or written at a time
WAITING = 64  # parts that a thread has read and nobody has taken yet
LOOK = 0.25  # seconds after which a thread looks if anybody will
OUTPUT = ("stdout", "stderr")

Part = tuple[str, bytes]  # the pipe's name, and what came; no bytes where it has ended


def open_pipes(process: Process) -> SelectedPipes | ThreadedPipes:
    """The pipes of a process, in the way that this system offers."""
    return ThreadedPipes(process) if sys.platform == "win32" else SelectedPipes(process)


class SelectedPipes:
    """Where the system says which pipes are ready: on every Unix."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.outgoing = memoryview(b"")
        self.selector = selectors.DefaultSelector()
        for name in ("stdin", *OUTPUT):
            os.set_blocking(pipe(process, name).fileno(), False)
        for name in OUTPUT:
            self.selector.register(pipe(process, name), selectors.EVENT_READ, name)

    def send(self, data: bytes) -> None:
        """Begin to write, in the place of what was not written yet."""
        self.stop_sending()
        self.outgoing = memoryview(data)
        self.selector.register(pipe(self.process, "stdin"), selectors.EVENT_WRITE, "stdin")

    def stop_sending(self) -> None:
        """Write no more of it."""
        with suppress(KeyError):
            self.selector.unregister(pipe(self.process, "stdin"))

    def received(self, seconds: float) -> list[Part]:
        """What has come by now; if nothing has, what comes next, within so many seconds."""
        parts: list[Part] = []
        if not self.selector.get_map():  # all have ended
            return parts
        for key, _ in self.selector.select(seconds):
            if key.data == "stdin":
                self._write()
                continue
            part = os.read(key.fd, SIZE)
            if not part:
                self.selector.unregister(key.fileobj)
            parts.append((key.data, part))
        return parts

    def _write(self) -> None:
        try:
            sent = os.write(pipe(self.process, "stdin").fileno(), self.outgoing[:SIZE])
        except BlockingIOError:
            return
        except BrokenPipeError:
            sent = len(self.outgoing)
        self.outgoing = self.outgoing[sent:]
        if not self.outgoing:
            self.stop_sending()

    def close(self) -> None:
        """Close them all."""
        self.selector.close()
        for name in ("stdin", *OUTPUT):
            pipe(self.process, name).close()


class ThreadedPipes:
    """With a thread for each pipe, where the system cannot say which are ready: on Windows."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.parts: Queue[Part] = Queue(WAITING)
        self.requests: Queue[bytes | None] = Queue()
        self.is_closed = False
        work: list[tuple[Any, ...]] = [(self._read, "stdout"), (self._read, "stderr")]
        for function, *arguments in [*work, (self._write,)]:
            threading.Thread(target=function, args=arguments, daemon=True).start()

    def send(self, data: bytes) -> None:
        """Begin to write."""
        self.requests.put(data)

    def stop_sending(self) -> None:
        """Let what is being written be written: a thread that writes cannot be told to stop."""

    def received(self, seconds: float) -> list[Part]:
        """What has come by now; if nothing has, what comes next, within so many seconds."""
        parts: list[Part] = []
        with suppress(Empty):
            parts.append(self.parts.get(timeout=max(seconds, 0)))
            while len(parts) < WAITING:
                parts.append(self.parts.get_nowait())
        return parts

    def _read(self, name: str) -> None:
        stream = pipe(self.process, name)
        part = b"to be read"
        while part and not self.is_closed:
            try:
                part = stream.read(SIZE) or b""
            except (OSError, ValueError):  # it was closed
                part = b""
            self._hand_over((name, part))
        stream.close()

    def _hand_over(self, part: Part) -> None:
        while not self.is_closed:
            with suppress(Full):
                self.parts.put(part, timeout=LOOK)
                return

    def _write(self) -> None:
        stream = pipe(self.process, "stdin")
        with suppress(OSError, ValueError):  # the process has ended
            while (data := self.requests.get()) is not None:
                rest = memoryview(data)
                while rest:
                    rest = rest[stream.write(rest) :]
        with suppress(OSError):
            stream.close()

    def close(self) -> None:
        """Have each thread close its pipe: the process has ended, so that none waits for it."""
        self.is_closed = True
        self.requests.put(None)


def pipe(process: Process, name: str) -> IO[bytes]:
    """One of the pipes of a process."""
    stream: IO[bytes] = getattr(process, name)
    return stream
