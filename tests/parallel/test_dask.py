"""Comparisons on a real Dask cluster on this machine, whose processes die."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from chainrule.errors import ClusterError, ConfigError
from chainrule.experiments.comparison import planned, run_comparison
from chainrule.experiments.results import Results, RunResult
from chainrule.parallel import executors
from tests.parallel.starting import Cluster

COMMAND = [
    sys.executable, "-m", "chainrule", "compare", "xor", "--vary", "epochs=3,1500",
    "--hidden", "4", "--seeds", "2", "--out", "out", "--workers", "1",
]  # fmt: skip


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


@pytest.mark.usefixtures("undrawn")
def test_a_worker_dies_and_nothing_is_lost(tmp_path: Path, cluster: Cluster) -> None:
    workers = [cluster.worker(name) for name in ("first", "second")]
    away = begin(tmp_path / "away", *cluster.executor)
    assert away.stdout
    away.stdout.readline()  # a run is done: others are being worked on
    os.kill(workers[0].pid, signal.SIGKILL)
    output, errors = away.communicate()
    assert "waiting for the first one" in errors or not errors
    assert away.returncode == 0, errors
    assert "Chosen by its" in output
    with ThreadPoolExecutor(1) as pool:
        run_comparison(planned(tmp_path / "away/out"), tmp_path / "local/out", pool)
    for name in ("results.csv", "comparison.toml"):
        assert (tmp_path / "away/out" / name).read_bytes() == (
            tmp_path / "local/out" / name
        ).read_bytes()
    networks = list(tmp_path.glob("local/out/runs/*/*/model.safetensors"))
    assert len(networks) == 4
    for network in networks:
        same = tmp_path / "away" / network.relative_to(tmp_path / "local")
        assert same.read_bytes() == network.read_bytes()


# A worker is lost above.
@pytest.mark.long
@pytest.mark.usefixtures("undrawn")
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
