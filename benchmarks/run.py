"""chainrule beside its peers: every workload, every peer, measured in turn.

    python benchmarks/run.py [--workloads W1,W3] [--repeats 7] [--threads 2] [--out FOLDER]

Each peer runs in a process of its own, all of which are ready before anything is measured; then
they take turns, one measurement each, so that whatever else the machine does slows all alike. From
the same weights on the same batches, the losses of the first ten steps must agree before a time
counts. Prints a table of ratios, and writes `results.json` and `results.png`.
"""

from __future__ import annotations

import argparse
import datetime
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import llvmlite.binding
import numpy as np
from peers import PEERS
from rich.console import Console
from rich.table import Table
from workloads import WORKLOADS

HERE = Path(__file__).parent
PAUSE = 0.3  # seconds before a measurement: threads of the peer before go on spinning for a while
AGREE = 2e-3  # relative, of losses in float32 after up to ten steps
PACKAGES = ("chainrule", "numpy", "numba", "torch", "jax", "scikit-learn", "onnxruntime")
NOT_EVERYWHERE = {
    "scikit-learn": ("W3", "W4"),
    "NumPy by hand": ("W1", "W2", "W3", "W4", "W5"),
    "JAX scan": ("W1", "W2", "W3", "W4", "W5"),  # its convolutions within a scan take seconds
}


class Worker:
    """A peer in a process of its own."""

    def __init__(self, workload: str, peer: str, threads: int) -> None:
        names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
        environment = {**os.environ, **dict.fromkeys(names, str(threads))}
        if threads == 1:
            flag = "--xla_cpu_multi_thread_eigen=false"
            environment["XLA_FLAGS"] = f"{flag} intra_op_parallelism_threads=1"
        self.complaints = tempfile.SpooledTemporaryFile(mode="w+")  # noqa
        self.process = subprocess.Popen(
            [sys.executable, str(HERE / "worker.py"), workload, peer, str(threads)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            text=True,
            env=environment,
        )
        if self.process.stdin is None or self.process.stdout is None:
            raise RuntimeError("the process has no pipes")
        self.requests, self.answers = self.process.stdin, self.process.stdout
        self.losses: list[float] | None = self.read()

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


def measure(workload: str, repeats: int, threads: int, console: Console) -> dict[str, Any]:
    """The seconds of a step for every peer that runs this workload and agrees on its losses."""
    peers = [peer for peer in PEERS if workload in NOT_EVERYWHERE.get(peer, WORKLOADS)]
    workers = {}
    with console.status(f"{workload}: peers get ready"):
        for peer in peers:
            workers[peer] = Worker(workload, peer, threads)
    expected = workers["chainrule"].losses
    results: dict[str, Any] = {}
    for peer, worker in workers.items():
        problem = disagreement(worker.losses, expected)
        results[peer] = {"problem": problem} if problem else {"seconds": []}
    for repeat in range(repeats):
        with console.status(f"{workload}: round {repeat + 1} of {repeats}"):
            for peer, worker in workers.items():
                if "seconds" in results[peer]:
                    results[peer]["seconds"].append(worker.measure())
    for peer, worker in workers.items():
        complaint = worker.end()
        if median(results[peer]) is None:
            console.print(f"{workload}, {peer}: {results[peer].get('problem')} {complaint}")
    return results


def disagreement(losses: list[float] | None, expected: list[float] | None) -> str:
    """What is wrong with a peer's losses, if anything. Some have none to compare."""
    if losses is None:
        return "failed"
    if losses and (not expected or not np.allclose(losses, expected, rtol=AGREE)):
        return "other losses"
    return ""


def median(result: Mapping[str, Any]) -> float | None:
    seconds = [second for second in result.get("seconds", []) if second is not None]
    return statistics.median(seconds) if seconds else None


def show(results: Mapping[str, Any], threads: int, console: Console) -> None:
    """A table: chainrule's time, and how many times as long each peer takes."""
    table = Table(title=f"One step of training, {threads} threads; peers in multiples of chainrule")
    table.add_column("")
    table.add_column("chainrule", justify="right")
    others = [peer for peer in PEERS if peer != "chainrule"]
    for peer in others:
        table.add_column(peer, justify="right")
    for name, peers in results.items():
        own = median(peers["chainrule"])
        row = [name, "failed" if own is None else time_text(own)]
        for peer in others:
            result = peers.get(peer)
            row.append("" if result is None or own is None else ratio_text(name, peer, result, own))
        table.add_row(*row)
    console.print(table)


def ratio_text(workload: str, peer: str, result: Mapping[str, Any], own: float) -> str:
    """A ratio, green where it reaches its goal and red where it does not."""
    taken = median(result)
    if taken is None:
        return str(result.get("problem", "failed"))
    ratio = taken / own
    goals = dict(zip(("PyTorch", "JAX"), WORKLOADS[workload].goals, strict=True))
    floor = WORKLOADS[workload].floor
    reached = None
    if peer in goals:
        reached = ratio >= goals[peer]
    elif peer == "products alone" and floor:
        reached = 1 / ratio <= floor
    style = {None: "", True: "green", False: "red"}[reached]
    text = f"{ratio:.3g}"
    return f"[{style}]{text}[/]" if style else text


def as_markdown(results: Mapping[str, Any]) -> str:
    """The same table for a page, without colours."""
    others = [peer for peer in PEERS if peer != "chainrule"]
    lines = [f"| | chainrule | {' | '.join(others)} |", "| --- |" + " ---: |" * (len(others) + 1)]
    for name, peers in results.items():
        own = median(peers["chainrule"])
        cells = [name, "failed" if own is None else time_text(own)]
        for peer in others:
            taken = median(peers.get(peer, {}))
            cells.append(f"{taken / own:.3g}" if taken and own else "")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def time_text(seconds: float) -> str:
    """Microseconds or milliseconds."""
    return f"{seconds * 1e6:.3g} µs" if seconds < 1e-3 else f"{seconds * 1e3:.3g} ms"


def machine() -> dict[str, Any]:
    """What it was measured on."""
    return {
        "processor": llvmlite.binding.get_host_cpu_name(),
        "cores": os.cpu_count(),
        "python": platform.python_version(),
        "date": datetime.date.today().isoformat(),
        **{package: installed(package) for package in PACKAGES},
    }


def installed(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def draw(results: Mapping[str, Any], path: Path) -> None:
    """The ratios as bars, on a logarithmic scale."""
    from matplotlib.figure import Figure

    shown = ["PyTorch", "torch.compile", "JAX", "JAX scan", "NumPy by hand"]
    figure = Figure(figsize=(9, 4.5), layout="constrained")
    axes = figure.subplots()
    width = 0.8 / len(shown)
    for i, peer in enumerate(shown):
        heights = []
        for peers in results.values():
            own, taken = median(peers["chainrule"]), median(peers.get(peer, {}))
            heights.append(taken / own if own and taken else np.nan)
        axes.bar(np.arange(len(results)) + i * width - 0.4 + width / 2, heights, width, label=peer)
    axes.axhline(1, color="black", linewidth=1)
    axes.set_yscale("log")
    axes.set_xticks(range(len(results)), list(results))
    axes.set_ylabel("times as long as chainrule")
    axes.legend(ncols=len(shown), frameon=False, loc="upper center", bbox_to_anchor=(0.5, 1.12))
    figure.savefig(path, dpi=150)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--workloads", default=",".join(WORKLOADS))
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=HERE / "results")
    given = parser.parse_args()
    console = Console(width=160)
    given.out.mkdir(parents=True, exist_ok=True)
    results: dict[str, Any] = {}
    for workload in given.workloads.split(","):
        results[workload] = measure(workload, given.repeats, given.threads, console)
        show({workload: results[workload]}, given.threads, console)
    show(results, given.threads, console)
    record = {"machine": machine(), "threads": given.threads, "seconds_of_a_step": results}
    (given.out / "table.md").write_text(as_markdown(results))
    (given.out / "results.json").write_text(json.dumps(record, indent=1) + "\n")
    draw(results, given.out / "results.png")
    console.print(f"{given.out}/ has results.json and results.png")


if __name__ == "__main__":
    main()
