"""Messages between judge and worker, and what is said where a limit cannot be enforced."""

from __future__ import annotations

import io
import json
import os
import signal
import struct
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from chainrule.sandbox import messages
from chainrule.sandbox.confinement import REFUSED
from chainrule.sandbox.fork_server import Fork, ForkServer, Start, starter
from chainrule.sandbox.limits import Limits
from chainrule.sandbox.messages import LENGTHS, Message, MessageError, read_message
from chainrule.sandbox.processes import new_process
from chainrule.sandbox.worker import Worker, WorkerEndedError

MODULE = "tests.sandbox.echo"
ROOT = Path(__file__).parents[2]


def read(data: bytes) -> Message:
    return read_message(io.BytesIO(data).read)


def test_a_message_is_read_as_it_was_written() -> None:
    arrays = {"a": np.arange(6.0).reshape(2, 3), "scalar": np.array(3.5), "none": np.zeros((0, 2))}
    given = read(Message({"name": "ä", "list": [1, None, True]}, arrays).packed())
    assert given.body == {"name": "ä", "list": [1, None, True]}
    assert given.arrays.keys() == arrays.keys()
    for name, array in arrays.items():
        np.testing.assert_array_equal(given.arrays[name], array, strict=True)


def test_strided_arrays_arrive_whole() -> None:
    array = np.arange(24.0).reshape(4, 6)[::2, ::-1].T
    np.testing.assert_array_equal(read(Message({}, {"a": array}).packed()).arrays["a"], array)


@pytest.mark.parametrize(
    "data",
    [
        LENGTHS.pack(1 << 60, 0),
        LENGTHS.pack(2, 1 << 60) + b"{}",
        LENGTHS.pack(2, 0) + b"[]",
        LENGTHS.pack(3, 0) + b"{x}",
        LENGTHS.pack(1_000_000, 0) + b"[" * 1_000_000,
        LENGTHS.pack(2, 9) + b"{}" + b"no arrays",
        LENGTHS.pack(2, 8) + b"{}" + struct.pack("<Q", 1 << 60),
        LENGTHS.pack(2, 4) + b"{}" + b"\x80\x04.K",  # a pickle
    ],
)
def test_what_is_no_message_is_refused(data: bytes) -> None:
    with pytest.raises(MessageError):
        read(data)


def test_arrays_of_anything_but_real_numbers_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    data = Message({}, {"a": np.zeros(2)}).packed()
    monkeypatch.setattr(messages, "load", lambda data: {"a": np.zeros(2, complex)})
    with pytest.raises(MessageError, match="no real numbers"):
        read(data)


WITHOUT = """
import json, sys, tempfile
from dataclasses import asdict
from pathlib import Path
for name in {names!r}:
    sys.modules[name] = None
from chainrule.sandbox.confinement import confine
from chainrule.sandbox.limits import Limits
print(json.dumps(asdict(confine(Limits(), [], Path(sys.argv[1])))))
"""


@pytest.mark.parametrize(
    ("names", "missing"),
    [
        ((), set()),
        (("py_landlock",), {"files"}),
        (("pyseccomp",), set(REFUSED)),
        (("py_landlock", "pyseccomp"), {"files", *REFUSED}),
    ],
)
def test_what_this_system_does_not_offer_is_said(names: tuple[str, ...], missing: set[str]) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        code = WITHOUT.format(names=names)
        command = [sys.executable, "-c", code, scratch]
        said = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    assert {each.partition(" (")[0] for each in said["missing"]} == missing
    assert set(said["enforced"]) == {"memory", "time", "size of files", "files", *REFUSED} - missing


@pytest.fixture(params=["a new process", "a fork"])
def start(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[Start]:
    """Starts the workers of `echo`."""
    monkeypatch.syspath_prepend(str(ROOT))
    if request.param == "a new process":
        yield partial(new_process, MODULE)
        return
    with starter(MODULE) as start:
        yield start


def test_a_worker_answers_until_it_is_ended(start: Start) -> None:
    with Worker(start, Limits(), []) as worker:
        for number in range(3):
            array = np.full((number, 1000), 7.0)
            answer = worker.call("echo", {"number": number}, {"array": array})
            assert answer.body["number"] == number
            np.testing.assert_array_equal(answer.arrays["array"], array)
        scratch = worker.scratch
        assert scratch.exists()
    assert worker.process.returncode is not None
    assert not scratch.exists()


def test_how_a_worker_ended_is_said(start: Start) -> None:
    with (
        Worker(start, Limits(), []) as worker,
        pytest.raises(WorkerEndedError, match="exit code 7") as raised,
    ):
        worker.call("leave", {})
    assert (raised.value.code, raised.value.said) == (7, "last words\n")


# --- forks ------------------------------------------------------------------------------------

only_on_linux = pytest.mark.skipif(sys.platform != "linux", reason="forks are for Linux")


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[ForkServer]:
    monkeypatch.syspath_prepend(str(ROOT))
    monkeypatch.setenv("CHAINRULE_TEST_SECRET", "secret")
    server = ForkServer(MODULE)
    yield server
    server.end()
    assert not server.home.exists()


def seen_by(start: Start) -> dict[str, object]:
    """What a worker finds."""
    with Worker(start, Limits(), []) as worker:
        seen = json.dumps(worker.call("look", {"files": Limits().open_files}).body)
        return json.loads(seen.replace(str(worker.scratch), "home"))


@only_on_linux
def test_a_fork_has_what_a_new_process_has_and_no_more(server: ForkServer) -> None:
    fork, another, new = map(seen_by, [server.start, server.start, partial(new_process, MODULE)])
    drawn = [each.pop("drawn") for each in (fork, another, new)]
    assert len(set(drawn)) == 3
    assert fork == another == new


@only_on_linux
def test_a_fork_that_is_killed_takes_no_other_with_it(server: ForkServer) -> None:
    with (
        Worker(server.start, Limits(), []) as one,
        Worker(server.start, Limits(), []) as other,
    ):
        one.process.send_signal(signal.SIGKILL)
        with pytest.raises(WorkerEndedError, match="SIGKILL"):
            one.call("echo", {})
        assert other.call("echo", {"number": 1}).body["number"] == 1
        with Worker(server.start, Limits(), []) as later:
            assert isinstance(later.process, Fork)
            assert later.call("echo", {"number": 2}).body["number"] == 2


@only_on_linux
def test_forks_end_with_their_server_and_then_new_processes_start(server: ForkServer) -> None:
    with Worker(server.start, Limits(), []) as worker:
        worker.call("echo", {})
        server.process.kill()
        server.process.wait()  # by then its forks are told to end
        with pytest.raises(WorkerEndedError, match="SIGKILL"):
            worker.call("echo", {})
    with Worker(server.start, Limits(), []) as worker:
        assert not isinstance(worker.process, Fork)
        assert worker.call("echo", {"number": 3}).body["number"] == 3


JUDGE = """
import sys
from chainrule.sandbox.fork_server import ForkServer
from chainrule.sandbox.limits import Limits
from chainrule.sandbox.worker import Worker
server = ForkServer(sys.argv[1])
worker = Worker(server.start, Limits(), [])
worker.call("echo", {})
print(server.process.pid, worker.process.pid, flush=True)
sys.stdin.read()
"""


@only_on_linux
def test_all_end_with_the_judge() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", JUDGE, MODULE],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])},
    ) as judge:
        assert judge.stdout
        pids = judge.stdout.readline().split()
        judge.kill()
    assert len(pids) == 2
    while any(Path("/proc", pid.decode(), "cwd").exists() for pid in pids):  # if only as zombies
        time.sleep(0.01)
