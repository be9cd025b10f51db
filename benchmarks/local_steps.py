"""What local SGD costs in accuracy and saves in time, with four processes on this machine.

    python benchmarks/local_steps.py              the table of local steps in docs/scaling.md

A network 784-128-64-10 learns 20,000 digits of MNIST for five epochs, in batches of 128 of all
processes together, with Adam; five seeds. CHAINRULE_DATA names the folder that holds MNIST.
"""

from __future__ import annotations

import json
import statistics
import sys
from typing import Any

import chainrule as cr
from chainrule.system.processes import MpiProcesses
from processes import MEASURE, started

COUNT = 4
SEEDS = range(5)
EXAMPLES, EPOCHS = 20_000, 5
STEPS = (None, 1, 4, 16, 64, 157)  # every step shared; a mean after each, …, once in an epoch


def measure() -> None:
    """Train every variant with every seed; the first process prints the accuracies on the test part
    and the seconds of a step."""
    from mpi4py import MPI

    processes = MpiProcesses(MPI.COMM_WORLD)
    mnist = cr.datasets.load("mnist")
    x, y = (part[:EXAMPLES] for part in (mnist.x_train, mnist.y_train))
    found: list[tuple[list[float], float]] = []
    for every in STEPS:
        accuracies, seconds = [], []
        for seed in SEEDS:
            layers = [cr.Flatten(), cr.Dense(128), cr.ReLU(), cr.Dense(64), cr.ReLU(), cr.Dense(10)]
            net = cr.Network(layers, x.shape[1:], seed)
            settings: dict[str, Any] = {"epochs": EPOCHS, "batch_size": 128, "threads": 1}
            communicator = processes.communicator
            history = net.fit(x, y, quiet=True, comm=communicator, local_steps=every, **settings)
            seconds += [record["seconds"] for record in list(history)[1:]]
            if processes.is_first:
                tested = net.evaluate(mnist.x_test, mnist.y_test, metrics=["accuracy"])
                accuracies.append(tested["accuracy"])
        found.append((accuracies, statistics.median(seconds) / -(-EXAMPLES // 128)))
    if processes.is_first:
        print(json.dumps(found))


def main() -> None:
    if MEASURE in sys.argv:
        measure()
        return
    print("| local steps | test accuracy | less than shared steps | a step |")
    print("| ---: | ---: | ---: | ---: |")
    results = started(COUNT, __file__)
    shared = results[0][0]
    for every, (accuracies, seconds) in zip(STEPS, results, strict=True):
        lost = [one - other for one, other in zip(shared, accuracies, strict=True)]
        cells = [every or "shared", *map(spread, (accuracies, lost)), f"{1e3 * seconds:.3g} ms"]
        print(f"| {' | '.join(map(str, cells))} |")


def spread(values: list[float]) -> str:
    """The mean in percent, and half the width of its 95 % interval over five seeds."""
    half = 2.776 * statistics.stdev(values) / len(values) ** 0.5  # of Student's t, 4 degrees
    return f"{100 * statistics.mean(values):.2f} ± {100 * half:.2f} %"


if __name__ == "__main__":
    main()
