"""Peers on one workload, each in a process of its own, that take turns."""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console

from surroundings import environment

WORKER = Path(__file__).with_name("worker.py")
PAUSE = 0.3  # seconds before a measurement: threads of the peer before go on spinning for a while
AGREE = {"float32": 2e-3, "float64": 1e-8}  # relative, of losses after up to ten steps


class Worker:
    """A peer in a process of its own, which begins to get ready.

    Args:
        workload, peer: their names.
        threads, narrow: as `environment` has them.
    """

    def __init__(self, workload: str, peer: str, threads: int, narrow: bool = False) -> None:
        self.complaints = tempfile.SpooledTemporaryFile(mode="w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            [sys.executable, str(WORKER), workload, peer, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            text=True,
            env=environment(threads, narrow),
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self.requests, self.answers = self.process.stdin, self.process.stdout
        self.losses: list[float] | None = None
        self.kernels = ""

    def wait_until_ready(self) -> None:
        """Wait for its first losses and the name of its kernels."""
        ready = self.read()
        if ready is not None:
            self.losses, self.kernels = ready["losses"], ready["kernels"]

    def read(self) -> Any:
        """What the process says next; None where it has failed."""
        line = self.answers.readline()
        return json.loads(line) if line else None

    def measure(self) -> float | None:
        """The seconds of a step; None where the process has failed."""
        time.sleep(PAUSE)
        try:
            self.requests.write("\n")
            self.requests.flush()
        except BrokenPipeError:
            return None
        seconds: float | None = self.read()
        return seconds

    def end(self) -> str:
        """Stop the process; the last line of what it complained of."""
        self.process.kill()
        self.process.wait()
        self.complaints.seek(0)
        lines = self.complaints.read().strip().splitlines()
        return lines[-1] if lines else ""


def measure(workers: Mapping[str, Worker], rounds: int, dtype: str, console: Console) -> Any:
    """For every worker, by name, its kernels with the seconds of a step in each round, or what is
    wrong with it. All are ready before anything is measured; a worker whose losses are other than
    those of the first one is not measured."""
    with console.status("peers get ready"):
        for worker in workers.values():
            worker.wait_until_ready()
    expected = next(iter(workers.values())).losses
    results: dict[str, Any] = {}
    for name, worker in workers.items():
        problem = disagreement(worker.losses, expected, dtype)
        found = {"problem": problem} if problem else {"seconds": []}
        results[name] = {"kernels": worker.kernels, **found}
    for number in range(rounds):
        with console.status(f"round {number + 1} of {rounds}"):
            for name, worker in workers.items():
                if "seconds" in results[name]:
                    results[name]["seconds"].append(worker.measure())
    for name, worker in workers.items():
        complaint = worker.end()
        if median(results[name]) is None:
            console.print(f"{name}: {results[name].get('problem', 'failed')} {complaint}")
    return results


def disagreement(losses: Sequence[float] | None, expected: Any, dtype: str) -> str:
    """What is wrong with a peer's losses, if anything. Some have none to compare."""
    if losses is None:
        return "failed"
    if losses and (not expected or not np.allclose(losses, expected, rtol=AGREE[dtype])):
        return "other losses"
    return ""


def median(result: Mapping[str, Any]) -> float | None:
    """The seconds of a step, if it was measured."""
    seconds = [second for second in result.get("seconds", []) if second is not None]
    return statistics.median(seconds) if seconds else None


def time_text(seconds: float) -> str:
    """Microseconds or milliseconds."""
    return f"{seconds * 1e6:.3g} µs" if seconds < 1e-3 else f"{seconds * 1e3:.3g} ms"


def show_kernels(results: Mapping[str, Any], console: Console) -> None:
    """Which machine code each worker ran, from the first workload that it ran."""
    kernels: dict[str, str] = {}
    for found in results.values():
        for name, result in found.items():
            kernels.setdefault(name, result["kernels"])
    for name, text in kernels.items():
        console.print(f"{name}: {text}", highlight=False)
