"""Parts of a comparison, by processes that know nothing of each other but the folder."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chainrule.errors import BusyError, ConfigError, RunFolderError
from chainrule.experiments.comparison import (
    Comparison,
    conclude,
    grid,
    planned,
    run_comparison,
    run_part,
)
from chainrule.experiments.run_folder import new_run_folder
from chainrule.experiments.tasks import Part, parse_part, read_failure
from chainrule.files import claimed

pytestmark = pytest.mark.usefixtures("undrawn")
TINY = Comparison(
    {"data": "xor", "epochs": 2, "hidden": [4]}, grid({"learning_rate": [0.01, 0.1]}), (0, 1)
)
COMMAND = [
    sys.executable, "-m", "chainrule", "compare", "xor", "--vary", "epochs=3,1500",
    "--hidden", "4", "--out", "out", "--quiet", "--workers", "1",
]  # fmt: skip
COLLECT = [sys.executable, "-m", "chainrule", "compare", "--collect", "--out", "out"]


@pytest.fixture
def executor() -> ThreadPoolExecutor:
    with ThreadPoolExecutor(1) as pool:
        yield pool


def start(part: int, count: int, place: Path) -> subprocess.Popen[bytes]:
    """The process that does one part of as many runs as parts."""
    options = ["--seeds", str(count // 2), "--part", f"{part}/{count}"]
    return subprocess.Popen([*COMMAND, *options], cwd=place, start_new_session=True)


# Parts after one another, and one that is killed, are below.
@pytest.mark.long
def test_eight_processes_at_once_one_of_them_killed(
    tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    count = 8
    alone, shared = tmp_path / "alone", tmp_path / "shared"
    shared.mkdir()
    processes = {part: start(part, count, shared) for part in range(1, count + 1)}
    folder = shared / "out/runs/epochs=1500/seed-0"  # the second part
    while not (folder / "config.toml").exists():
        assert processes[2].poll() is None, "the process to be killed has ended"
        time.sleep(0.005)
    processes[2].kill()  # it alone: its worker notices, and ends
    assert processes[2].wait() == -signal.SIGKILL
    processes[2] = start(2, count, shared)
    assert {part: process.wait() for part, process in processes.items()} == dict.fromkeys(
        processes, 0
    )
    said = subprocess.run(COLLECT, cwd=shared, check=True, capture_output=True, text=True).stdout
    assert "epochs=1500" in said
    run_comparison(planned(shared / "out"), alone / "out", executor)
    for name in ("results.csv", "comparison.toml"):
        assert (shared / "out" / name).read_bytes() == (alone / "out" / name).read_bytes()
    for network in alone.glob("out/runs/*/*/model.safetensors"):
        same = shared / network.relative_to(alone)
        assert same.read_bytes() == network.read_bytes()


@pytest.mark.skipif(not hasattr(os, "killpg"), reason="no groups of processes")
def test_a_part_is_killed_with_its_worker_and_what_is_missing_is_said(tmp_path: Path) -> None:
    process = start(2, 8, tmp_path)
    while not list(tmp_path.glob("out/runs/*/seed-0/config.toml")):
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    answer = subprocess.run(COLLECT, cwd=tmp_path, capture_output=True, text=True)
    assert answer.returncode == 2
    assert answer.stderr.count("\n") == 1
    assert "8 of 8 runs in out are not finished: epochs=3 with seed 0; epochs=1500" in answer.stderr
    assert not (tmp_path / "out/results.csv").exists()


def test_parts_together_are_the_whole(tmp_path: Path, executor: ThreadPoolExecutor) -> None:
    whole = run_comparison(TINY, tmp_path / "whole", executor)
    out = tmp_path / "parts"
    for number in (1, 2, 3):
        with pytest.raises(RunFolderError, match=r"of 4 runs in .* are not finished"):
            conclude(TINY, out)
        assert run_part(TINY, Part(number, 3), out, executor) == []
    assert planned(out) == TINY
    assert conclude(TINY, out).to_csv() == whole.to_csv()


def test_a_run_that_another_process_has_is_left_to_it(
    tmp_path: Path, executor: ThreadPoolExecutor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chainrule.experiments.comparison.PATIENCE", 0.1)
    busy = TINY.tasks()[1].folder(tmp_path)
    with claimed(busy, RunFolderError):
        before = set(busy.iterdir())
        with pytest.raises(
            BusyError, match=r"other processes are working on learning_rate=0\.1 with seed 0: "
        ):
            run_comparison(TINY, tmp_path, executor)
        assert set(busy.iterdir()) == before
    assert not (tmp_path / "results.csv").exists()
    finished = []
    run_comparison(TINY, tmp_path, executor, lambda task, error: finished.append(task))
    assert finished == [TINY.tasks()[1]]  # all others were done meanwhile


def test_a_new_run_leaves_the_folder_that_another_process_has_just_made(tmp_path: Path) -> None:
    folder = tmp_path / "run"
    with claimed(folder, RunFolderError):
        with (
            pytest.raises(BusyError, match="another process is working on"),
            new_run_folder(folder),
        ):
            pass
        assert (folder / ".lock").exists()


def test_a_failure_is_written_down_and_collected(
    tmp_path: Path, executor: ThreadPoolExecutor
) -> None:
    wild = {"optimizer": "sgd", "learning_rate": 1e8, "loss": "mean_squared_error"}
    comparison = Comparison(TINY.base, {"good": {}, "wild": wild}, (0,))
    task = comparison.tasks()[1]
    assert run_part(comparison, Part(2, 2), tmp_path, executor) == [task]
    assert "learning rate" in read_failure(task.folder(tmp_path))
    run_part(comparison, Part(1, 2), tmp_path, executor)
    results = conclude(comparison, tmp_path)
    assert [bool(run.error) for run in results.runs] == [False, True]
    shutil.rmtree(tmp_path / "runs")
    with pytest.raises(RunFolderError, match="2 of 2 runs"):
        conclude(comparison, tmp_path)


def test_more_parts_than_runs(tmp_path: Path, executor: ThreadPoolExecutor) -> None:
    assert run_part(TINY, Part(9, 9), tmp_path, executor) == []
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("text", ["5/4", "0/4", "1/0", "-1/4", "3", "a/b", "", "1/2/3"])
def test_parts_that_cannot_be(text: str) -> None:
    with pytest.raises(ConfigError, match="--part"):
        parse_part(text)
