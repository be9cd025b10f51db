"""Machines on which something is missing: memory, temporary files, a folder that can be written, a
clock that goes forward. A command then does its work, or ends with one message and exit code 2."""

from __future__ import annotations

import itertools
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from sweep import some_long

import chainrule as cr
from tests.survival.kills import CHAINRULE

NO_TEMPORARY_FOLDER = """
import tempfile
def refuse():
    raise FileNotFoundError(2, "No usable temporary directory found")
tempfile._get_default_tempdir = refuse
"""
LITTLE_MEMORY = """
import resource
resource.setrlimit(resource.RLIMIT_AS, ({bytes}, {bytes}))
"""
LAYER = """
class Double:
    def forward(self, x):
        return 2 * x

    def backward(self, dy):
        return 2 * dy
"""


def run(
    *arguments: str,
    cwd: Path,
    begins_with: str = "",
    megabytes: int | None = None,
    code: int | None = 0,
) -> subprocess.CompletedProcess[str]:
    """A command in a Python, its workers' too, that begins with some code, and may have only so
    much memory. It ends with this exit code and never with a traceback."""
    if megabytes is not None:
        begins_with += LITTLE_MEMORY.format(bytes=megabytes << 20)
    site = cwd / "site"
    site.mkdir(exist_ok=True)
    (site / "sitecustomize.py").write_text(begins_with)
    path = os.pathsep.join(filter(None, [str(site), os.environ.get("PYTHONPATH", "")]))
    done = subprocess.run(
        [*CHAINRULE, *arguments], cwd=cwd, env={**os.environ, "PYTHONPATH": path},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert "Traceback" not in done.stderr
    if code is not None:
        assert done.returncode == code, done.stderr
    return done


# How libraries end the process by themselves: NumPy's OpenBLAS, and what writes safetensors.
ENDED_BY_A_LIBRARY = ("OpenBLAS error: Memory allocation still failed", "memory allocation of ")


@pytest.mark.parametrize(
    "megabytes",
    some_long([200, 260, 300, 340, 380, 420], lambda megabytes: 200 < megabytes < 420),
)
def test_a_command_with_little_memory_works_or_says_so(tmp_path: Path, megabytes: int) -> None:
    options = ("train", "digits", "--hidden", "1000,1000", "--epochs", "1", "--out", "run")
    done = run(*options, cwd=tmp_path, megabytes=megabytes, code=None)
    if done.returncode:
        assert done.stderr.startswith(ENDED_BY_A_LIBRARY) or (
            done.returncode == 2 and done.stderr.startswith("chainrule: ")
        )
        begun = (tmp_path / "run" / "config.toml").exists()
        run(*(("train", "--resume", "run") if begun else options), cwd=tmp_path)
    assert '"finished": true' in (tmp_path / "run" / "summary.json").read_text()


def test_work_needs_no_temporary_folder(tmp_path: Path) -> None:
    options = ("compare", "moons", "--vary", "learning_rate=0.1,0.01", "--seeds", "1")
    run(*options, "--epochs", "1", "--out", "out", cwd=tmp_path, begins_with=NO_TEMPORARY_FOLDER)
    assert len(list(tmp_path.glob("out/runs/*/seed-0/model.safetensors"))) == 2


def test_what_needs_a_temporary_folder_says_so(tmp_path: Path) -> None:
    (tmp_path / "layer.py").write_text(LAYER)
    done = run("check", "layer.py", cwd=tmp_path, begins_with=NO_TEMPORARY_FOLDER, code=2)
    assert "No usable temporary directory found" in done.stderr


@pytest.mark.skipif(not Path("/proc/self").exists(), reason="/proc is Linux's")
def test_a_folder_that_cannot_be_written_is_one_message(tmp_path: Path) -> None:
    done = run("train", "digits", "--out", "/proc/run", cwd=tmp_path, code=2)
    assert done.stderr == "chainrule: cannot write /proc/run: No such file or directory\n"


def test_a_clock_that_is_set_back_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Checkpoints are in the order of their steps, whatever times their files bear."""
    monkeypatch.setattr(time, "time", itertools.count(0, -3600).__next__)
    fit(undisturbed := network())
    checkpoints = cr.Checkpoints(tmp_path / "checkpoints", epochs=1, keep=3)
    fit(network(), checkpoint=checkpoints, callbacks=[InterruptAfter(4)])
    for age, path in enumerate(sorted((tmp_path / "checkpoints").glob("*.safetensors"))):
        os.utime(path, (-3600 * age, -3600 * age))
    fit(ended := network(), checkpoint=checkpoints, resume=True)
    np.testing.assert_array_equal(ended.parameters.flat, undisturbed.parameters.flat)


class InterruptAfter(cr.Callback):
    """Ctrl-C after so many epochs."""

    def __init__(self, epochs: int) -> None:
        self.epochs = epochs

    def epoch_ends(self, training: cr.Training) -> None:
        if len(training.history) == self.epochs:
            signal.raise_signal(signal.SIGINT)


def network() -> cr.Network:
    return cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(2)], 2, seed=1)


def fit(network: cr.Network, **options: Any) -> None:
    x = np.random.default_rng(0).standard_normal((50, 2))
    network.fit(x, np.arange(50) % 2, epochs=8, batch_size=10, quiet=True, **options)
