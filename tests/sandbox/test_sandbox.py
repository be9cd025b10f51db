"""Messages between judge and worker, and what is said where a limit cannot be enforced."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import pytest

from chainrule.sandbox import messages
from chainrule.sandbox.confinement import REFUSED
from chainrule.sandbox.limits import Limits
from chainrule.sandbox.messages import LENGTHS, Message, MessageError, read_message
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


def test_a_worker_answers_until_it_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    with Worker(MODULE, Limits(), []) as worker:
        for number in range(3):
            array = np.full((number, 1000), 7.0)
            answer = worker.call("echo", {"number": number}, {"array": array})
            assert answer.body["number"] == number
            np.testing.assert_array_equal(answer.arrays["array"], array)
        scratch = worker.scratch
        assert scratch.exists()
    assert worker.process.returncode is not None
    assert not scratch.exists()


def test_how_a_worker_ended_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(ROOT))
    with (
        Worker(MODULE, Limits(), []) as worker,
        pytest.raises(WorkerEndedError, match="exit code 7") as raised,
    ):
        worker.call("leave", {})
    assert (raised.value.code, raised.value.said) == (7, "last words\n")
