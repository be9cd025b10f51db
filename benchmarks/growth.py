"""How a step's time grows with batch size, width, depth and threads; memory and installed size.

    python benchmarks/growth.py [--rounds 3] [--out FOLDER]

784 inputs, dense layers with ReLU, ten classes, Adam: chainrule and PyTorch, in turn.
"""

from __future__ import annotations

import argparse
import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from importlib.metadata import files
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

BASE = {"batch": 128, "width": 128, "depth": 2, "threads": os.cpu_count() or 1}
ASPECTS = {
    "batch": [1, 4, 16, 64, 256, 1024, 4096],
    "width": [16, 64, 256, 1024, 2048],
    "depth": [1, 2, 4, 8, 16, 32],
    "threads": list(range(1, (os.cpu_count() or 1) + 1)),
}
SECONDS, REPEATS = 0.2, 3  # measured at least at a time; and so many times in a process


def measure_in_turn(shape: dict[str, int], rounds: int) -> tuple[dict[str, float], ...]:
    """Both peers' medians over so many rounds."""
    found: dict[str, list[dict[str, float]]] = {"chainrule": [], "PyTorch": []}
    for _ in range(rounds):
        for peer, results in found.items():
            results.append(run(peer, shape))
    return tuple(
        {key: statistics.median(result[key] for result in results) for key in results[0]}
        for results in found.values()
    )


def run(peer: str, shape: dict[str, int]) -> dict[str, float]:
    """Seconds of a step and megabytes at the peak, from a process of its own."""
    command = [sys.executable, __file__, "--peer", peer, "--shape", json.dumps(shape)]
    names = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS")
    environment = {**os.environ, **dict.fromkeys(names, str(shape["threads"]))}
    done = subprocess.run(command, capture_output=True, text=True, check=True, env=environment)
    found: dict[str, float] = json.loads(done.stdout)
    return found


def measure(peer: str, shape: dict[str, int]) -> None:
    """In the process of a peer: print what `run` reads."""
    import numpy as np

    rng = np.random.default_rng(0)
    count = max(shape["batch"] * 4, 512)
    x = rng.random((count, 784), dtype=np.float32)
    y = rng.integers(0, 10, count)
    widths = [shape["width"]] * shape["depth"]
    step = chainrule_steps if peer == "chainrule" else torch_steps
    train = step(x, y, widths, shape)
    steps = 1
    while True:
        began = time.perf_counter()
        made = train(steps)
        if time.perf_counter() - began > SECONDS:
            break
        steps *= 2
    times = []
    for _ in range(REPEATS):
        began = time.perf_counter()
        made = train(steps)
        times.append((time.perf_counter() - began) / made)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(json.dumps({"seconds": statistics.median(times), "megabytes": peak}))


def chainrule_steps(x: Any, y: Any, widths: list[int], shape: dict[str, int]) -> Any:
    import chainrule as cr

    layers: list[cr.Layer] = []
    for width in widths:
        layers += [cr.Dense(width), cr.ReLU()]
    network = cr.Network([*layers, cr.Dense(10)], 784, threads=shape["threads"])
    in_epoch = -(-len(x) // shape["batch"])

    def train(steps: int) -> int:
        epochs = -(-steps // in_epoch)
        network.fit(x, y, epochs=epochs, batch_size=shape["batch"], quiet=True)
        return epochs * in_epoch

    return train


def torch_steps(x: Any, y: Any, widths: list[int], shape: dict[str, int]) -> Any:
    import torch
    from torch import nn

    torch.set_num_threads(shape["threads"])
    sizes, parts = [784, *widths], []
    for before, after in itertools.pairwise(sizes):
        parts += [nn.Linear(before, after), nn.ReLU()]
    model = nn.Sequential(*parts, nn.Linear(sizes[-1], 10))
    optimizer, criterion = torch.optim.Adam(model.parameters()), nn.CrossEntropyLoss()
    inputs = torch.from_numpy(x).split(shape["batch"])
    targets = torch.from_numpy(y).split(shape["batch"])

    def train(steps: int) -> int:
        for i in range(steps):
            optimizer.zero_grad(set_to_none=True)
            criterion(model(inputs[i % len(inputs)]), targets[i % len(inputs)]).backward()
            optimizer.step()
        return steps

    return train


def installed_megabytes(package: str) -> float:
    """The files of a package, as it was installed."""
    return sum((file.size or 0) for file in files(package) or []) / 1e6


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--shape", type=json.loads, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.peer:
        measure(given.peer, given.shape)
        return
    console, record = Console(), []
    for aspect, values in ASPECTS.items():
        table = Table(title=f"One step as the {aspect} grows, else {BASE}")
        for heading in (aspect, "chainrule", "PyTorch", "PyTorch / chainrule", "MB", "PyTorch MB"):
            table.add_column(heading, justify="right")
        for value in values:
            shape = {**BASE, aspect: value}
            own, other = measure_in_turn(shape, given.rounds)
            record.append({"shape": shape, "chainrule": own, "PyTorch": other})
            table.add_row(
                str(value),
                f"{own['seconds'] * 1e6:,.0f} µs",
                f"{other['seconds'] * 1e6:,.0f} µs",
                f"{other['seconds'] / own['seconds']:.2f}",
                f"{own['megabytes']:.0f}",
                f"{other['megabytes']:.0f}",
            )
        console.print(table)
    sizes = {name: installed_megabytes(name) for name in ("numba", "llvmlite", "numpy", "torch")}
    console.print(
        "installed: " + ", ".join(f"{name} {size:.0f} MB" for name, size in sizes.items())
    )
    given.out.mkdir(parents=True, exist_ok=True)
    (given.out / "growth.json").write_text(json.dumps(record, indent=1) + "\n")


if __name__ == "__main__":
    main()
