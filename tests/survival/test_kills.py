"""A few of the kills of `make torture`, and one of each other way in which a run can end."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from chainrule.experiments.run_folder import is_finished
from tests.survival.kills import (
    CHAINRULE,
    TRAININGS,
    compare,
    differences,
    end_and_resume,
    kill_and_go_on,
    train,
)


@pytest.mark.parametrize(
    ("name", "word"),
    [
        ("adam", "SIGKILL"),
        ("numpy", "SIGINT"),
        # that they leave a checkpoint like Ctrl-C is seen in tests/training/test_resume.py
        pytest.param("early stopping", "SIGTERM", marks=pytest.mark.long),
        pytest.param("full batch", "SIGHUP", marks=pytest.mark.long),
    ],
)
def test_a_run_that_was_ended_comes_out_the_same(name: str, word: str, tmp_path: Path) -> None:
    undisturbed = tmp_path / "undisturbed"
    undisturbed.mkdir()
    train(TRAININGS[name], undisturbed)
    rng = np.random.default_rng(len(name))
    number = getattr(signal, word)
    ended = end_and_resume(name, tmp_path / "ended", undisturbed, number, rng, most=1)
    assert ended.differences == []


# At a random moment: tests/experiments/test_comparison.py kills one after its first run.
@pytest.mark.long
def test_a_comparison_that_was_killed_comes_out_the_same(tmp_path: Path) -> None:
    compare(tmp_path / "undisturbed")
    rng = np.random.default_rng(0)
    ended = kill_and_go_on(tmp_path / "killed", tmp_path / "undisturbed", signal.SIGKILL, rng, 1)
    assert ended.differences == []


ENDLESS = (
    *CHAINRULE, "compare", "digits", "--hidden", "8", "--epochs", "1000000", "--seeds", "1",
    "--vary", "learning_rate=0.001,0.01", "--out", "out", "--workers", "2", "--quiet",
)  # fmt: skip


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_workers_end_with_their_parent_and_leave_no_finished_run(
    number: int, tmp_path: Path
) -> None:
    with subprocess.Popen(
        ENDLESS, cwd=tmp_path, start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        while len(runs_begun(tmp_path)) < 2:
            signal.sigtimedwait([], 0.02)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does: the workers have it too
        else:
            process.kill()
        code = process.wait()
        wait_for_the_end_of(process.pid)
    assert code == (130 if number == signal.SIGINT else -number)
    for run in runs_begun(tmp_path):
        assert not is_finished(run)


def runs_begun(place: Path) -> list[Path]:
    """The folders of runs that have finished an epoch."""
    metrics = place.glob("out/runs/*/seed-0/metrics.jsonl")
    return [path.parent for path in metrics if path.read_text()]


def wait_for_the_end_of(session: int) -> None:
    """Until no process of a session is left; the test's time limit is the limit."""
    while any(session_of(path.name) == session for path in Path("/proc").glob("[0-9]*")):
        signal.sigtimedwait([], 0.05)


def session_of(process: str) -> int | None:
    """The session that a process belongs to; None where it is gone."""
    try:
        return os.getsid(int(process))
    except ProcessLookupError:
        return None


@pytest.mark.usefixtures("undrawn")
def test_a_reader_who_has_read_enough_does_not_end_the_run(tmp_path: Path) -> None:
    command = f"{sys.executable} -m chainrule train digits --epochs 40 --out run | head -1"
    subprocess.run(["/bin/sh", "-c", command], cwd=tmp_path, check=True, capture_output=True)
    assert '"finished": true' in (tmp_path / "run" / "summary.json").read_text()


FULL_AFTER_A_CHECKPOINT = """
import resource
from chainrule.checkpoint import Checkpoints
from chainrule.cli import main
write = Checkpoints.write
def write_one(*given):
    write(*given)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))  # no larger file
Checkpoints.write = write_one
main()
"""


@pytest.mark.usefixtures("undrawn")
def test_a_full_disk_leaves_the_last_good_checkpoint(tmp_path: Path) -> None:
    options = ("digits", "--epochs", "40")
    undisturbed, run = tmp_path / "undisturbed", tmp_path / "run"
    undisturbed.mkdir()
    train(options, undisturbed)
    done = subprocess.run(
        [sys.executable, "-c", FULL_AFTER_A_CHECKPOINT, "train", *options, "--out", "run",
         "--quiet", "--checkpoint-epochs", "1"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.startswith("chainrule: cannot write")
    assert "Traceback" not in done.stderr
    assert list(run.glob("checkpoints/*.safetensors"))
    subprocess.run([*CHAINRULE, "train", "--resume", "run", "--quiet"], cwd=tmp_path, check=True)
    assert list(differences(run, undisturbed / "run")) == []


def test_no_picture_ends_a_run(tmp_path: Path) -> None:
    """What fails after training is named, and the model is there."""
    (tmp_path / "run" / "curves.png").mkdir(parents=True)
    (tmp_path / "run" / "config.toml").write_text('data = "digits"\nepochs = 2\n')
    done = subprocess.run(
        [*CHAINRULE, "train", "--resume", "run"], cwd=tmp_path, capture_output=True, text=True,
        check=True,
    )  # fmt: skip
    assert "curves.png could not be drawn" in done.stderr
    assert "test: loss" in done.stdout
    assert (tmp_path / "run" / "model.safetensors").is_file()


def test_a_run_that_diverges_late_keeps_its_history_and_good_weights(tmp_path: Path) -> None:
    """The rate rises until no step leads downhill any more."""
    done = subprocess.run(
        [*CHAINRULE, "train", "linear", "--loss", "mean_squared_error", "--hidden", "2",
         "--activation", "identity", "--optimizer", "sgd", "--learning-rate", "2",
         "--schedule", "one_cycle", "--epochs", "300", "--out", "run"],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert "the loss became inf" in done.stderr
    assert "run/ has the last good weights and the history" in done.stderr
    assert len((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()) > 5
    network = cr.load(tmp_path / "run" / "model.safetensors")
    assert network.evaluate([[0.0, 0.0]], [0])["loss"] < 5
