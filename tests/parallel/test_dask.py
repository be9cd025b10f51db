"""Comparisons on a real Dask cluster on this machine, whose processes die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from chainrule.errors import ClusterError, ConfigError
from chainrule.experiments.results import Results, RunResult
from chainrule.parallel import executors

COMMAND = [
    sys.executable, "-m", "chainrule", "compare", "xor", "--vary", "epochs=3,1500",
    "--hidden", "4", "--seeds", "2", "--out", "out", "--workers", "1",
]  # fmt: skip
SETTINGS = {  # a worker that is lost is noticed at once; a run is tried three times
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "2",
    "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error",
}


class Cluster:
    """A scheduler and its workers, each a process of its own; all end with the test."""

    def __init__(self, place: Path, ending: ExitStack) -> None:
        self.place, self.ending = place, ending
        self.file = place / "scheduler.json"
        options = ["--port", "0", "--no-dashboard", "--scheduler-file", str(self.file)]
        self.scheduler = self.start("scheduler", *options, "--host", "127.0.0.1")
        while not self.file.exists():
            assert self.scheduler.poll() is None
            time.sleep(0.05)

    def start(self, *what: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *what],
            cwd=self.place,
            env={**os.environ, **SETTINGS},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.ending.callback(process.wait)
        self.ending.callback(lambda: process.poll() is None and process.kill())
        return process

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name]
        return self.start("worker", "--scheduler-file", str(self.file), *options)

    @property
    def executor(self) -> list[str]:
        return ["--executor", f"dask-file:{self.file}"]


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[Cluster]:
    place = tmp_path / "cluster"
    place.mkdir()
    with ExitStack() as ending:
        yield Cluster(place, ending)


def begin(place: Path, *options: str) -> subprocess.Popen[str]:
    """A comparison that prints a line for each run."""
    place.mkdir(exist_ok=True)
    return subprocess.Popen(
        [sys.executable, "-u", *COMMAND[1:], *options],
        cwd=place,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def test_a_worker_dies_and_nothing_is_lost(tmp_path: Path, cluster: Cluster) -> None:
    local = begin(tmp_path / "local")
    assert local.communicate()[1] == ""
    workers = [cluster.worker(name) for name in ("first", "second")]
    away = begin(tmp_path / "away", *cluster.executor)
    assert away.stdout
    away.stdout.readline()  # a run is done: others are being worked on
    os.kill(workers[0].pid, signal.SIGKILL)
    output, errors = away.communicate()
    assert "waiting for the first one" in errors or not errors
    assert away.returncode == 0, errors
    assert "Chosen by its" in output
    for name in ("results.csv", "comparison.toml"):
        assert (tmp_path / "away/out" / name).read_bytes() == (
            tmp_path / "local/out" / name
        ).read_bytes()
    networks = list(tmp_path.glob("local/out/runs/*/*/model.safetensors"))
    assert len(networks) == 4
    for network in networks:
        same = tmp_path / "away" / network.relative_to(tmp_path / "local")
        assert same.read_bytes() == network.read_bytes()


@pytest.mark.long
def test_a_search_goes_on_where_a_worker_dies(tmp_path: Path, cluster: Cluster) -> None:
    space = ("--search", "hidden=2..8", "--epochs", "1500", "--validation", "1", "--trials", "6")
    tune = [sys.executable, "-u", "-m", "chainrule", "tune", "xor", *space, "--seeds", "2"]
    workers = [cluster.worker(name) for name in ("first", "second")]
    away = subprocess.Popen(
        [*tune, "--out", "away", *cluster.executor], cwd=tmp_path, stdout=subprocess.PIPE, text=True
    )
    assert away.stdout
    while not away.stdout.readline().startswith("trial "):
        assert away.poll() is None
    os.kill(workers[0].pid, signal.SIGKILL)
    output, _ = away.communicate()
    assert away.returncode == 0, output
    subprocess.run([*tune, "--out", "here", "--quiet"], cwd=tmp_path, check=True)
    for name in ("trials.json", "comparisons/*/results.csv"):
        one, other = (next((tmp_path / place).glob(name)) for place in ("away", "here"))
        assert one.read_bytes() == other.read_bytes()


def test_the_scheduler_is_lost_and_the_comparison_goes_on_later(
    tmp_path: Path, cluster: Cluster
) -> None:
    cluster.worker("only")
    away = begin(tmp_path / "away", *cluster.executor)
    assert away.stdout
    away.stdout.readline()
    cluster.scheduler.kill()
    _, errors = away.communicate()
    assert away.returncode == 2
    *_, last = errors.splitlines()
    assert last.startswith("chainrule: the cluster was lost")
    assert "Traceback" not in errors
    assert list(tmp_path.glob("away/out/runs/*/*/summary.json"))
    again = begin(tmp_path / "away")
    again.communicate()
    assert again.returncode == 0


def test_a_scheduler_that_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executors, "SECONDS_TO_ANSWER", 0.5)
    place = "dask:tcp://127.0.0.1:9"
    with (
        pytest.raises(ClusterError, match=f"no Dask scheduler answers at {place}"),
        executors.executor_for(place, 1),
    ):
        pass


@pytest.mark.parametrize(
    "place", ["dask", "dask:", "dask:a:b", "dask:moon://a:1", "cloud", "", "dask-file:none.json"]
)
def test_places_that_cannot_be(place: str) -> None:
    with pytest.raises(ConfigError), executors.executor_for(place, 1):
        pass


def test_a_worker_of_another_version(cluster: Cluster, monkeypatch: pytest.MonkeyPatch) -> None:
    cluster.worker("only")
    monkeypatch.setattr(executors, "__version__", "0.0.1")
    with (
        pytest.raises(ClusterError, match=r"the worker .* has chainrule .* this process 0\.0\.1"),
        executors.executor_for(f"dask-file:{cluster.file}", 1),
    ):
        pass


def test_where_the_runs_machines_differ_it_is_said() -> None:
    def on(*processors: str) -> list[str]:
        runs = [
            RunResult("a", seed, {"accuracy": 1.0}, {}, environment={"processor": one})
            for seed, one in enumerate(processors)
        ]
        return Results(runs).environments()

    assert on("x86 with AVX2", "x86 with AVX2") == []
    assert on("x86 with AVX2", "x86 with AVX2", "ARM with NEON") == [
        "The runs differ in processor, so their last bits may differ too: 2 runs with x86 with "
        "AVX2; 1 run with ARM with NEON."
    ]
