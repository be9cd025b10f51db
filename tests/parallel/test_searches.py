"""Searches whose trials run elsewhere, or whose processes die: the same as one undisturbed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.parallel.starting import Cluster, begin

pytestmark = pytest.mark.usefixtures("undrawn")
CHAINRULE = (sys.executable, "-u", "-m", "chainrule")
TUNE = (
    "tune", "xor", "--search", "hidden=2..8", "--epochs", "600", "--validation", "1",
    "--trials", "6", "--seeds", "2", "--out", "out",
)  # fmt: skip


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("undisturbed")
    subprocess.run([*CHAINRULE, *TUNE, "--quiet"], cwd=place, check=True)
    return place


def check_same(place: Path, undisturbed: Path) -> None:
    for name in ("out/trials.json", "out/comparisons/*/results.csv"):
        one, other = (next(folder.glob(name)).read_bytes() for folder in (place, undisturbed))
        assert one == other


def wait_for_a_trial(process: subprocess.Popen[str]) -> None:
    """Until one has ended, so that others are being worked on."""
    assert process.stdout
    while not (line := process.stdout.readline()).startswith("trial "):
        assert line, "the search has ended"


# The same executor makes a comparison in tests/parallel/test_mpi.py.
@pytest.mark.long
def test_trials_go_to_processes_of_mpi(tmp_path: Path, undisturbed: Path) -> None:
    there = ("-m", "mpi4py.futures", "-m", "chainrule", *TUNE, "--quiet", "--executor", "mpi")
    together = begin(2, *there, cwd=tmp_path)
    _, errors = together.communicate()
    assert (together.returncode, errors) == (0, "")
    check_same(tmp_path, undisturbed)


# The same executor loses a worker in tests/parallel/test_dask.py, in a comparison.
@pytest.mark.long
def test_a_worker_of_dask_dies(tmp_path: Path, cluster: Cluster, undisturbed: Path) -> None:
    workers = [cluster.worker(name) for name in ("first", "second")]
    command = [*CHAINRULE, *TUNE, *cluster.executor]
    with subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, text=True) as process:
        wait_for_a_trial(process)
        os.kill(workers[0].pid, signal.SIGKILL)
        output, _ = process.communicate()
    assert process.returncode == 0, output
    check_same(tmp_path, undisturbed)


# Searches are killed in tests/experiments/test_search.py, workers in a comparison by test_kills.py.
@pytest.mark.long
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes")
def test_the_command_is_killed_with_its_workers(tmp_path: Path, undisturbed: Path) -> None:
    command = [*CHAINRULE, *TUNE, "--workers", "2"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        wait_for_a_trial(process)
        os.killpg(process.pid, signal.SIGKILL)
    assert not list(tmp_path.glob("out/comparisons/*"))
    again = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=True)
    assert "6 trials of at most 600 epochs, of which out/ has" in again.stdout
    check_same(tmp_path, undisturbed)
