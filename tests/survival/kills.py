"""Runs and comparisons ended by signals at random moments, gone on with, and held against runs that
were never disturbed.

    python -m tests.survival --runs 200 --signals 20 --comparisons 30

Which networks, and after how many seconds they are killed, comes from one seed. What a kill meets
depends on the machine; what comes out in the end must not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

CHAINRULE = (sys.executable, "-m", "chainrule")
# Trainings of a second or two, whose checkpoints hold all kinds of things: moments, best weights,
# steps of an unfinished epoch, several metrics; in NumPy and in the engine.
TRAININGS: dict[str, Sequence[str]] = {
    "adam": ("digits", "--epochs", "60", "--metrics", "accuracy,f1"),
    "early stopping": ("digits", "--epochs", "80", "--early-stopping", "60"),
    "momentum": ("digits", "--optimizer", "sgd(momentum=0.9)", "--epochs", "60"),
    "cnn": ("digits", "--model", "cnn", "--epochs", "8"),
    "numpy": ("digits", "--engine", "numpy", "--epochs", "15", "--optimizer", "nadam"),
    "one by one": ("moons", "--batch-size", "1", "--epochs", "20"),
    "fresh": ("parabola", "--fresh-data", "--validation", "0.2", "--epochs", "400"),
    "full batch": ("xor", "--batch-size", "full", "--epochs", "3000", "--schedule", "step(500)"),
    "samples": ("digits", "--samples-per-epoch", "300", "--epochs", "150"),
    "roll back": ("digits", "--on-nan", "roll_back", "--epochs", "40", "--dtype", "float64"),
}
OFTEN = (
    "--checkpoint-seconds",
    "0.02",
    "--quiet",
)  # so that many kills meet a checkpoint's writing
LONGEST = 3.0  # seconds until a kill, at most
KILLS = 3  # of one run, at most: then it may end


@dataclass(frozen=True)
class Ended:
    """One run or comparison: how often it was ended, and what differs from an undisturbed one."""

    name: str
    kills: int
    slowest: float
    differences: list[str]


def train(options: Sequence[str], place: Path) -> None:
    """A run that nobody disturbs."""
    subprocess.run(
        [*CHAINRULE, "train", *options, "--out", "run", "--quiet"], cwd=place, check=True
    )


def end_and_resume(
    name: str,
    place: Path,
    undisturbed: Path,
    number: int,
    rng: np.random.Generator,
    most: int = KILLS,
) -> Ended:
    """Train, end it at random moments by a signal, go on each time; what differs in the end.

    Args:
        most: times that it is ended.
    """
    place.mkdir(parents=True)
    begin = [*CHAINRULE, "train", *TRAININGS[name], "--out", "run", *OFTEN]
    resume = [*CHAINRULE, "train", "--resume", "run", *OFTEN]
    kills, slowest, code = 0, 0.0, 1
    while code != 0:
        is_begun = (place / "run" / "config.toml").exists()
        after = rng.uniform(0, LONGEST) if kills < most else None
        code, seconds = run_until(resume if is_begun else begin, place, after, number)
        kills, slowest = kills + (code != 0), max(slowest, seconds)
        if kills > most:
            return Ended(name, kills, slowest, [f"exit code {code}: {last_words(place)}"])
    return Ended(name, kills, slowest, list(differences(place / "run", undisturbed / "run")))


def run_until(
    command: Sequence[str], place: Path, after: float | None, number: int
) -> tuple[int, float]:
    """Run a command, with a signal after so many seconds; its exit code, and the seconds that it
    took to end after the signal."""
    output = (place / "output.txt").open("ab")
    with output, subprocess.Popen(
        command, cwd=place, stdout=output, stderr=output, start_new_session=True,
    ) as process:  # fmt: skip
        try:
            return process.wait(after), 0.0
        except subprocess.TimeoutExpired:
            sent = time.perf_counter()
            os.killpg(process.pid, number)
            return process.wait(), time.perf_counter() - sent


def last_words(place: Path) -> str:
    """The last line that was printed."""
    return (place / "output.txt").read_text().strip().rpartition("\n")[2]


def differences(run: Path, undisturbed: Path) -> Iterator[str]:
    """What differs between two finished runs, but for the seconds that they took."""
    names = {path.name for path in undisturbed.iterdir()}
    if (found := {path.name for path in run.iterdir()}) != names:
        yield f"files {sorted(found ^ names)}"
        return
    for name in ("config.toml", "model.safetensors", "layers.jsonl"):
        if (run / name).read_bytes() != (undisturbed / name).read_bytes():
            yield name
    if metrics(run) != metrics(undisturbed):
        yield "metrics.jsonl"
    if summary(run) != summary(undisturbed):
        yield "summary.json"


def metrics(run: Path) -> list[dict[str, float]]:
    """The records of a run without its seconds."""
    records = map(json.loads, (run / "metrics.jsonl").read_text().splitlines())
    return [{key: value for key, value in record.items() if key != "seconds"} for record in records]


def summary(run: Path) -> dict[str, object]:
    """The summary of a run without its seconds."""
    content = json.loads((run / "summary.json").read_text())
    for epoch in ("last_epoch", "kept_epoch"):
        content[epoch].pop("seconds")
    return {key: value for key, value in content.items() if not key.endswith("seconds")}


# --- comparisons --------------------------------------------------------------------------

COMPARISON = (
    "digits", "--hidden", "8", "--epochs", "40", "--seeds", "2",
    "--vary", "learning_rate=0.001,0.01", "--out", "out", "--quiet",
)  # fmt: skip


def compare(place: Path) -> None:
    """A comparison that nobody disturbs."""
    place.mkdir(parents=True)
    subprocess.run([*CHAINRULE, "compare", *COMPARISON], cwd=place, check=True)


def kill_and_go_on(
    place: Path, undisturbed: Path, number: int, rng: np.random.Generator, most: int = KILLS
) -> Ended:
    """A comparison ended at random moments, with its workers or without, and gone on with."""
    place.mkdir(parents=True)
    kills, slowest, code = 0, 0.0, 1
    while code != 0:
        after = rng.uniform(0, 2 * LONGEST) if kills < most else None
        code, seconds = run_until([*CHAINRULE, "compare", *COMPARISON], place, after, number)
        kills, slowest = kills + (code != 0), max(slowest, seconds)
        if kills > most:
            return Ended("comparison", kills, slowest, [f"exit code {code}: {last_words(place)}"])
    same = (place / "out/results.csv").read_bytes() == (
        undisturbed / "out/results.csv"
    ).read_bytes()
    return Ended("comparison", kills, slowest, [] if same else ["results.csv"])
