"""What two processes of this machine could gain if they sent gradients while they compute others.

    python benchmarks/overlap.py

Measures how long the sum of a gradient takes by itself, the median of many. Where all that is known
before the gradient of the first layer were summed in no time, a step would be so many times faster.
"""

from __future__ import annotations

import json
import statistics
import sys
import time

import numpy as np

from communication import STEPS
from processes import MEASURE, started

COUNT, REPETITIONS = 2, 1001
TOGETHER = {"W3": 0.661e-3, "W5": 182e-3, "W7": 16.9e-3}  # seconds of a step, docs/scaling.md


def measure(name: str) -> None:
    """The first process prints the seconds of a sum."""
    from mpi4py import MPI

    gradient, total = (np.zeros(STEPS[name][0], np.float32) for _ in range(2))
    seconds = []
    for _ in range(REPETITIONS):
        MPI.COMM_WORLD.Barrier()
        began = time.perf_counter()
        MPI.COMM_WORLD.Allreduce(gradient, total)
        seconds.append(time.perf_counter() - began)
    if MPI.COMM_WORLD.rank == 0:
        print(json.dumps(statistics.median(seconds)))


def main() -> None:
    if MEASURE in sys.argv:
        measure(sys.argv[-1])
        return
    print("| | a step | the sum | known early | times faster at most |")
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, step in TOGETHER.items():
        talking = started(COUNT, __file__, name)
        parameters, in_first_layer, _ = STEPS[name]
        early = 1 - in_first_layer / parameters
        cells = [f"{1e3 * seconds:.3g} ms" for seconds in (step, talking)]
        gain = step / (step - early * talking)
        print(f"| {name} | {' | '.join(cells)} | {100 * early:.0f} % | {gain:.3f} |", flush=True)


if __name__ == "__main__":
    main()
