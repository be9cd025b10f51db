"""Chromium, steered through its pipe: opens pages, resizes them, and tells what it complains of."""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

import pytest

FLAGS = [
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"),
    *("--disable-background-networking", "--disable-component-update", "--disable-sync"),
    *("--hide-scrollbars", "--remote-debugging-pipe"),
]
ABOVE_STANDARD = 10  # descriptors from here on do not collide with 3 and 4
ON_DESCRIPTORS_3_AND_4 = """
import os, sys
read, write, *command = sys.argv[1:]
os.dup2(int(read), 3)
os.dup2(int(write), 4)
os.execv(command[0], command)
"""  # which is where Chromium's pipe is


@dataclass
class Page:
    """What a page was like when it had loaded."""

    shown: dict[str, Any]
    complaints: list[str]


@dataclass
class Browser:
    """One tab of a running Chromium."""

    requests: BinaryIO
    answers: BinaryIO
    session: str = ""
    count: int = 0
    events: list[dict[str, Any]] = field(default_factory=list)

    def call(self, method: str, **parameters: Any) -> Any:
        """The result of a method of the DevTools protocol."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        self.requests.write(json.dumps(message).encode() + b"\0")
        self.requests.flush()
        while True:
            answer = self.next_message()
            if answer.get("id") == self.count:
                if "error" in answer:
                    raise RuntimeError(f"{method}: {answer['error']}")
                return answer["result"]

    def next_message(self) -> dict[str, Any]:
        letters = iter(lambda: self.answers.read(1), b"\0")
        text = b"".join(self._until_closed(letters))
        message: dict[str, Any] = json.loads(text)
        if "method" in message:
            self.events.append(message)
        return message

    @staticmethod
    def _until_closed(letters: Iterator[bytes]) -> Iterator[bytes]:
        for letter in letters:
            if not letter:
                raise RuntimeError("chromium has ended")
            yield letter

    def open_tab(self) -> None:
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        attached = self.call("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def visit(self, url: str, *, width: int, scheme: str, script: str) -> Page:
        """Open a page in a width and a colour scheme, and evaluate a script when it has loaded."""
        size = {"width": width, "height": 900, "deviceScaleFactor": 1, "mobile": False}
        self.call("Emulation.setDeviceMetricsOverride", **size)
        feature = {"name": "prefers-color-scheme", "value": scheme}
        self.call("Emulation.setEmulatedMedia", features=[feature])
        self.events.clear()
        self.call("Page.navigate", url=url)
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            self.next_message()
        answer = self.call(
            "Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True
        )
        if "exceptionDetails" in answer:
            raise RuntimeError(str(answer["exceptionDetails"]))
        return Page(answer["result"]["value"], list(self.complaints()))

    def complaints(self) -> Iterator[str]:
        for event in self.events:
            method, parameters = event["method"], event["params"]
            if method == "Runtime.exceptionThrown":
                yield str(parameters["exceptionDetails"])
            elif method == "Runtime.consoleAPICalled" and parameters["type"] in (
                "error",
                "warning",
            ):
                yield str(parameters["args"])
            elif method == "Log.entryAdded" and parameters["entry"]["level"] in (
                "error",
                "warning",
            ):
                yield str(parameters["entry"])


@contextmanager
def chromium(profile: Path) -> Iterator[Browser]:
    """A browser of its own, which ends with the block."""
    program = shutil.which("chromium")
    if program is None:
        pytest.fail("chromium is not installed: `make browser`")
    inner_read, outer_write = os.pipe()
    outer_read, inner_write = os.pipe()
    read, write = (
        fcntl.fcntl(end, fcntl.F_DUPFD, ABOVE_STANDARD) for end in (inner_read, inner_write)
    )
    process = subprocess.Popen(
        [
            *(sys.executable, "-c", ON_DESCRIPTORS_3_AND_4, str(read), str(write)),
            *(program, *FLAGS, f"--user-data-dir={profile}"),
        ],
        pass_fds=(read, write),
        stderr=subprocess.DEVNULL,
    )
    for end in (inner_read, inner_write, read, write):
        os.close(end)
    with os.fdopen(outer_write, "wb") as requests, os.fdopen(outer_read, "rb") as answers:
        browser = Browser(requests, answers)
        try:
            browser.open_tab()
            yield browser
        finally:
            process.terminate()
            process.wait()
