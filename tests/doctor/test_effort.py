"""The doctor counts what it does: its answers do not depend on how fast a machine is."""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

import chainrule as cr
from chainrule.doctor.diagnosis import diagnose_file
from chainrule.doctor.intake.request import Request, find
from chainrule.doctor.search.subject_diagnosis import diagnose_subject
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.running import effort
from tests.doctor import test_unseen as unseen
from tests.doctor.slips import SLIPS

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src" / "chainrule"
PARTS = ("foreign", "rewrites", "doctor", "grading", "assignments")

# A dense layer with a loop for each number, so that only a few entries can be measured.
LOOPS = """
import numpy as np

class Dense:
    def __init__(self, n_in, n_out, rng):
        self.W = rng.normal(size=(n_in, n_out)) / np.sqrt(n_in)
        self.b = rng.normal(size=n_out)

    def forward(self, x):
        self.x = x
        y = np.zeros((len(x), len(self.b)))
        for n in range(len(x)):
            for j in range(len(self.b)):
                total = self.b[j]
                for i in range(x.shape[1]):
                    total += x[n, i] * self.W[i, j]
                y[n, j] = total
        return y

    def backward(self, dy):
        self.dW = np.zeros_like(self.W)
        self.db = np.zeros_like(self.b)
        dx = np.zeros_like(self.x)
        for n in range(len(self.x)):
            for j in range(len(self.b)):
                self.db[j] += dy[n, j]
                for i in range(self.x.shape[1]):
                    self.dW[i, j] += self.x[n, i] * dy[n, 0]
                    dx[n, i] = self.W[i, j] * dy[n, j]
        return dx

def example(rng):
    return {"layer": Dense(32, 24, rng), "x": rng.normal(size=(6, 32))}
"""

DIAGNOSE = """
import json, sys, time
speed, *files = sys.argv[1:]
for name in ("time", "perf_counter", "monotonic", "process_time", "thread_time"):
    for name in (name, name + "_ns"):
        clock = getattr(time, name)
        setattr(time, name, lambda clock=clock: int(speed) * clock())
import chainrule as cr
print(json.dumps([cr.check.diagnose(file).as_json() for file in files]))
"""


SLOWEST = {
    "mlp_columns: a derivative of softmax after that of both together",
    "mlp_columns: two at once: divided twice, and no derivative of the first ReLU",
    "conv_loops: patches are taken without the stride",
    "naive_conv: no stride in the rows",
}


@pytest.fixture(scope="module")
def slow_files(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """Files with many corrections to try, and one of which few entries can be measured."""
    sources = {str(slip): slip.source() for slip in SLIPS if str(slip) in SLOWEST}
    for slip in unseen.SLIPS:
        if str(slip) in SLOWEST:
            sources[str(slip)] = slip.source(unseen.SPECIMENS)
    assert sources.keys() == SLOWEST
    folder, files = tmp_path_factory.mktemp("slow"), []
    for number, source in enumerate([LOOPS, *sources.values()]):
        files.append(folder / f"slow_{number}.py")
        files[-1].write_text(source, encoding="utf-8")
    return list(map(str, files))


def diagnoses(speed: int, files: list[str]) -> str:
    """What a fresh Python says whose clocks run at another speed."""
    command = [sys.executable, "-c", DIAGNOSE, str(speed), *files]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


@pytest.mark.parametrize(
    "files", [slice(1), pytest.param(slice(1, None), marks=pytest.mark.long)], ids=["one", "others"]
)
def test_diagnoses_are_the_same_when_clocks_run_fifty_times_as_fast(
    slow_files: list[str], files: slice
) -> None:
    told = diagnoses(1, slow_files[files])
    assert all(each["findings"] for each in json.loads(told))
    assert diagnoses(50, slow_files[files]) == told


def test_no_module_reads_a_clock_but_for_a_last_net() -> None:
    readers = {
        file.stem
        for part in PARTS
        for file in (SOURCE / part).rglob("*.py")
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if (isinstance(node, ast.Import) and any(alias.name == "time" for alias in node.names))
        or (isinstance(node, ast.ImportFrom) and node.module == "time")
    }
    # `server` ends runs that wait for ever, unfinished; `grader` tells how long it took.
    assert readers == {"server", "grader"}


def test_the_search_for_corrections_ends_by_effort(slow_files: list[str]) -> None:
    (case,) = find(Request(Path(slow_files[1])))
    assert isinstance(case.subject, Subject)
    mended, *_ = diagnose_subject(case.subject).findings
    tired, *_ = diagnose_subject(case.subject, search=10_000).findings
    assert "then the gradient is right" in mended.suggestion
    assert "then the gradient is right" not in tired.suggestion


# --- the clock of lines -----------------------------------------------------------------------


def loop(count: int) -> int:
    total = 0
    for number in range(count):
        total += number
    return total


def cost(function: Callable[..., object], *arguments: object) -> int:
    before = effort.spent()
    effort.counted(function, *arguments)
    return effort.spent() - before


def test_lines_count_and_nothing_else() -> None:
    assert cost(loop, 1000) - cost(loop, 0) == 2000
    assert cost(loop, 10) == cost(loop, 10)
    assert cost(json.dumps, {"a": [1, 2, 3]}) == cost(len, ())  # a library's lines do not count


def test_nothing_counts_where_nothing_is_to_be_counted() -> None:
    with effort.uncounted():
        assert cost(loop, 1000) == 0
    assert cost(loop, 1000) > 2000


def test_a_call_ends_after_so_many_lines() -> None:
    with pytest.raises(effort.EndlessError, match="more than 100 lines"), effort.at_most(100):
        effort.counted(loop, 1000)
    assert effort.counted(loop, 1000) == 499_500


def test_a_debugger_finds_its_own_hook_again() -> None:
    def hook(*_: object) -> None: ...

    outside = sys.gettrace()
    sys.settrace(hook)
    effort.counted(loop, 10)
    inside = sys.gettrace()
    sys.settrace(outside)
    assert inside is hook


# --- code without an end ----------------------------------------------------------------------

LAYER = """
import numpy as np

class Layer:
    def __init__(self):
        self.W = np.ones((4, 3))

    def forward(self, x):
        {forward}
        self.x = x
        return x @ self.W

    def backward(self, dy):
        {backward}
        self.dW = self.x.T @ dy
        return dy @ self.W.T
"""
NETWORK = """
import numpy as np

class Network:
    def __init__(self):
        self.W = np.ones((4, 3))

    def forward(self, x):
        self.x, self.y = x, x @ self.W
        return self.y

    def backward(self, x, y_true):
        while True: n = 1
        self.dW = self.x.T @ (self.y - y_true)
"""
FUNCTIONS = """
def sigmoid(x):
    while True: n = 1

def sigmoid_prime(x):
    return x
"""
OPTIMIZER = """
import numpy as np

class SGD:
    def step(self, params, grads):
        while True: n = 1

def example(rng):
    return {"optimizer": SGD(), "params": {"W": np.ones(3)}, "grads": {"W": np.ones(3)}}
"""
ENDLESS = {
    "forward": (LAYER.format(forward="while True: n = 1", backward="pass"), 9),
    "backward": (LAYER.format(forward="pass", backward="while True: n = 1"), 14),
    "backward of a network whose loss is not known": (NETWORK, 13),
    "an activation": (FUNCTIONS, 3),
    "an optimizer": (OPTIMIZER, 6),
}


@pytest.mark.parametrize(("code", "line"), ENDLESS.values(), ids=ENDLESS.keys())
def test_code_without_an_end_is_a_finding(code: str, line: int, tmp_path: Path) -> None:
    file = tmp_path / "lab.py"
    file.write_text(code, encoding="utf-8")
    with effort.at_most(10_000):
        (finding,) = diagnose_file(file).findings
    assert (finding.code, finding.certain, finding.line) == ("timeout", True, line)


# --- corrections without an end ---------------------------------------------------------------

POOL = """
import numpy as np

class Pool:
    def forward(self, x):
        self.x = x
        return x.reshape(len(x), x.shape[1] // 2, 2).max(axis=2)

    def backward(self, dy):
        dx = np.zeros_like(self.x)
        i = 0
        while i < self.x.shape[1]:
            window = self.x[:, i : i + 2]
            best = window == window.max(axis=1, keepdims=True)
            dx[:, i : i + 2] = best * dy[:, i // 2, None] * window
            i += 2
        return dx

def example(rng):
    return {"layer": Pool(), "x": rng.normal(size=(5, 8))}
"""


def test_corrections_that_never_end_are_given_up(tmp_path: Path) -> None:
    file = tmp_path / "pool.py"
    file.write_text(POOL, encoding="utf-8")
    (finding,) = cr.check.diagnose(file).findings
    assert finding.gradient == "dx"
    assert finding.line == 15
