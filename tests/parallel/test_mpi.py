"""One network trained by several processes of a real MPI, some of which die."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ClusterError, MissingPackageError
from chainrule.experiments.comparison import planned, run_comparison
from chainrule.parallel import executors, mpi
from chainrule.system.processes import ALONE, Processes
from chainrule.training.draws import OwnDraws
from tests.parallel.starting import begin

TOGETHER = Path(__file__).with_name("together.py")
SECONDS_TO_END = 30


@pytest.mark.parametrize("count", [2, pytest.param(4, marks=pytest.mark.long)])
def test_several_processes_do_what_one_does(tmp_path: Path, count: int) -> None:
    what = ("networks", "local", "checkpoints", "reading", "looking", "refusals")
    together = begin(count, str(TOGETHER), str(tmp_path), *what[: 6 if count == 2 else 2])
    output, errors = together.communicate()
    assert together.returncode == 0, errors
    assert output == "all as in one process\n"


def test_a_process_that_is_killed_ends_the_others(tmp_path: Path) -> None:
    together = begin(2, str(TOGETHER), str(tmp_path), "long")
    assert together.stdout
    assert together.stdout.readline() == "training\n"
    numbers = [int((tmp_path / rank).read_text()) for rank in "01"]
    os.kill(numbers[1], signal.SIGKILL)
    output, errors = together.communicate(timeout=SECONDS_TO_END)
    assert together.returncode != 0
    assert "Killed (signal 9)" in output + errors
    assert not any(is_alive(number) for number in numbers)


def test_what_is_not_shared_is_done_once() -> None:
    together = begin(2, "-m", "chainrule", "--version")
    output, errors = together.communicate(timeout=SECONDS_TO_END)
    assert (together.returncode, errors) == (0, "")
    assert output.count("chainrule") == 1


def is_alive(number: int) -> bool:
    try:
        os.kill(number, 0)
    except ProcessLookupError:
        return False
    return True


def test_an_error_in_one_process_ends_the_others_with_its_message(tmp_path: Path) -> None:
    together = begin(2, str(TOGETHER), str(tmp_path), "failing")
    _, errors = together.communicate(timeout=SECONDS_TO_END)
    assert together.returncode != 0
    expected = "process 0 of 2 ended, and the others with it: DataError: the disk is full"
    assert errors.count(expected) == 1


@pytest.mark.usefixtures("undrawn")
def test_the_command_writes_what_one_process_writes(tmp_path: Path) -> None:
    train = ("-m", "chainrule", "train", "digits", "--hidden", "8", "--epochs", "2")
    together = begin(2, *train, "--out", "together", cwd=tmp_path)
    output, errors = together.communicate()
    assert (together.returncode, errors) == (0, "")
    assert output.count("epoch 1/2") == 1
    assert "1 thread in each of 2 processes" in output
    alone = [sys.executable, *train, "--out", "alone", "--quiet"]
    subprocess.run(alone, cwd=tmp_path, check=True)
    names = {path.name for path in (tmp_path / "together").iterdir()}
    assert names == {path.name for path in (tmp_path / "alone").iterdir()}
    one, many = (cr.load(tmp_path / run / "model.safetensors") for run in ("alone", "together"))
    np.testing.assert_allclose(many.parameters.flat, one.parameters.flat, rtol=2e-5, atol=2e-5)
    tested = [
        json.loads((tmp_path / run / "summary.json").read_text())["test"]["loss"]
        for run in ("alone", "together")
    ]
    np.testing.assert_allclose(tested[1], tested[0], rtol=2e-5)
    again = begin(2, *train, "--out", "together", cwd=tmp_path)
    began = time.monotonic()
    output, errors = again.communicate()
    assert time.monotonic() - began < SECONDS_TO_END
    assert (again.returncode, output) == (2, "")
    assert errors == "chainrule: together already exists: choose another --out, or remove it\n"


class Among(Processes):
    """One of several processes, that never talks to the others."""

    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count


@pytest.mark.parametrize("examples", range(1, 12))
def test_shares_are_parts_of_nearly_one_size(examples: int) -> None:
    shares = [range(examples)[Among(rank, 4).share(examples)] for rank in range(4)]
    assert [row for share in shares for row in share] == list(range(examples))
    assert max(map(len, shares)) - min(map(len, shares)) <= 1
    more = [range(examples + 1)[Among(rank, 4).share(examples + 1)] for rank in range(4)]
    assert all(len(fewer) <= len(share) for fewer, share in zip(shares, more, strict=True))


def test_every_process_needs_an_example_of_every_batch() -> None:
    among = Among(0, 4)
    among.check_enough(4)
    with pytest.raises(
        ArgumentError, match=r"^batches of 3 .* take larger batches, or start fewer"
    ):
        among.check_enough(3)


def test_draws_are_those_of_one_process() -> None:
    whole = np.random.default_rng(1).random((10, 4))
    own = OwnDraws(np.random.default_rng(1), 10, slice(3, 6))
    np.testing.assert_array_equal(own.random((3, 4)), whole[3:6])
    with pytest.raises(ArgumentError, match=r"asked for \(4, 2\) numbers for 3 examples"):
        own.random((4, 2))
    with pytest.raises(ArgumentError, match=r"used rng\.normal: among several processes"):
        own.normal(size=3)


def test_a_communicator_is_one_of_mpi4py() -> None:
    net = cr.Network([cr.Dense(1)], 1)
    with pytest.raises(ArgumentError, match="comm is a communicator of mpi4py"):
        net.fit(np.zeros((2, 1)), np.zeros((2, 1)), comm=4)


def starts(monkeypatch: pytest.MonkeyPatch, rank: int, count: int) -> None:
    monkeypatch.setenv("PMI_RANK", str(rank))
    monkeypatch.setenv("PMI_SIZE", str(count))


class NoMpi4py:
    """Finds modules as if mpi4py were not installed."""

    def find_spec(self, name: str, *_: object) -> None:
        if name.partition(".")[0] == "mpi4py":
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)


def leave_out_mpi4py(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "mpi4py"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [NoMpi4py(), *sys.meta_path])


def test_a_process_by_itself_needs_no_mpi(monkeypatch: pytest.MonkeyPatch) -> None:
    leave_out_mpi4py(monkeypatch)
    assert mpi.started_processes() is ALONE
    assert not mpi.is_follower()


def test_several_processes_without_mpi4py(monkeypatch: pytest.MonkeyPatch) -> None:
    starts(monkeypatch, 1, 2)
    leave_out_mpi4py(monkeypatch)
    assert mpi.is_follower()
    with pytest.raises(MissingPackageError, match=r"needs mpi4py: pip install 'chainrule\[mpi\]'"):
        mpi.started_processes()


def test_the_mpi_of_another_starter(monkeypatch: pytest.MonkeyPatch) -> None:
    starts(monkeypatch, 0, 2)
    by_itself = SimpleNamespace(Get_size=lambda: 1)
    other = SimpleNamespace(COMM_WORLD=by_itself, Get_library_version=lambda: "Open MPI v5\nmore")
    monkeypatch.setattr(mpi, "optional", lambda *_: other)
    with pytest.raises(
        ClusterError, match=r"2 processes were started, but .*\(Open MPI v5\).* of 1"
    ):
        mpi.started_processes()


def test_there_is_no_library_of_mpi(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: str) -> None:
        raise RuntimeError("cannot load MPI library")

    starts(monkeypatch, 0, 2)
    monkeypatch.setattr(mpi, "optional", missing)
    with pytest.raises(ClusterError, match="finds no MPI library"):
        mpi.started_processes()


COMPARE = (
    "compare", "xor", "--engine", "numpy", "--epochs", "20", "--seeds", "2", "--quiet",
    "--vary", "hidden=[2],[4]", "--out", "out",
)  # fmt: skip


@pytest.mark.usefixtures("undrawn")
def test_runs_go_to_processes(tmp_path: Path) -> None:
    (tmp_path / "away").mkdir()
    run = ("-m", "mpi4py.futures", "-m", "chainrule", *COMPARE, "--executor", "mpi")
    together = begin(3, *run, cwd=tmp_path / "away")
    _, errors = together.communicate()
    assert (together.returncode, errors) == (0, "")
    with ThreadPoolExecutor(1) as pool:
        run_comparison(planned(tmp_path / "away/out"), tmp_path / "here/out", pool)
    away, here = (tmp_path / place / "out/results.csv" for place in ("away", "here"))
    assert away.read_bytes() == here.read_bytes()


def test_an_executor_of_mpi_needs_processes_that_wait() -> None:
    with (
        pytest.raises(ClusterError, match=r"mpiexec -n 4 python -m mpi4py\.futures -m chainrule"),
        executors.executor_for("mpi", 1),
    ):
        pass
