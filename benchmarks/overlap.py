"""Whether a sum over processes goes on while they compute, on this machine.

    python benchmarks/overlap.py                  what docs/scaling.md says of overlap

Two processes, each with one thread, sum the gradients of W3 and W7, and compute for about as long
as a step of theirs takes. Measured are the sum by itself, the computing by itself, one after the
other, and a sum that is begun before the computing and waited for after it: if that takes as long
as one after the other, nothing is gained. The last column is the part of the sum that is hidden.
"""

from __future__ import annotations

import json
import statistics
import sys
import time
from collections.abc import Callable
from functools import partial

import numpy as np

from chainrule.system.blas import one_blas_thread
from communication import STEPS
from processes import MEASURE, started

COUNT, REPETITIONS = 2, 201
NAMES = ("W3", "W7")
SIDE = 64  # of the matrices that are multiplied, which stay in the cache


def measure(name: str) -> None:
    """The first process prints the median seconds of each of the four."""
    from mpi4py import MPI

    parameters, _, step = STEPS[name]
    gradient, total = (np.zeros(parameters, np.float32) for _ in range(2))
    matrix, product = (np.zeros((SIDE, SIDE), np.float32) for _ in range(2))
    together = MPI.COMM_WORLD

    def compute(times: int) -> None:
        for _ in range(times):
            np.matmul(matrix, matrix, out=product)

    times = together.bcast(max(1, round(step / COUNT / seconds_of(partial(compute, 1)))))

    def after() -> None:
        together.Allreduce(gradient, total)
        compute(times)

    def at_once() -> None:
        request = together.Iallreduce(gradient, total)
        compute(times)
        request.Wait()

    talk = partial(together.Allreduce, gradient, total)
    found = [
        seconds_of(act, together.Barrier) for act in (talk, partial(compute, times), after, at_once)
    ]
    if together.rank == 0:
        print(json.dumps(found))


def seconds_of(act: Callable[[], None], wait: Callable[[], None] = lambda: None) -> float:
    """The median of many times; all processes begin together."""
    seconds = []
    for _ in range(REPETITIONS):
        wait()
        began = time.perf_counter()
        act()
        seconds.append(time.perf_counter() - began)
    return statistics.median(seconds)


def main() -> None:
    if MEASURE in sys.argv:
        with one_blas_thread():
            measure(sys.argv[-1])
        return
    print("| | sum | computing | one after the other | at once | hidden |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name in NAMES:
        talking, *others = started(COUNT, __file__, name)
        hidden = (others[1] - others[2]) / talking
        cells = [*(f"{1e3 * seconds:.3g} ms" for seconds in (talking, *others))]
        print(f"| {name} | {' | '.join(cells)} | {100 * hidden:.0f} % |", flush=True)


if __name__ == "__main__":
    main()
