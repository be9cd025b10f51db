"""How much faster several processes train one network than one does, on this machine.

    python benchmarks/processes.py                the first table of docs/scaling.md
    python benchmarks/processes.py W7             one line of it

Each process has one thread. The time of a step is that of the median epoch, without the first.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import workloads
from chainrule.system.processes import ALONE, MpiProcesses

EPOCHS = {"W3": 7, "W5": 9, "W7": 4}
COUNTS = (1, 2, 4)
MEASURE = "measure"  # what each process is told to do


def measure(name: str) -> None:
    """Train one workload in this process and those started with it; the first prints the seconds
    of a step."""
    from mpi4py import MPI

    workload = workloads.named(name)
    x, y = workload.data()
    processes = MpiProcesses(MPI.COMM_WORLD) if MPI.COMM_WORLD.size > 1 else ALONE
    history = workload.network().fit(
        x,
        y,
        loss=workload.loss,
        optimizer=workload.made_optimizer,
        epochs=EPOCHS[name],
        batch_size=workload.batch_size,
        quiet=True,
        threads=1,
        comm=processes.communicator,
    )
    if processes.is_first:
        steps = -(-workload.examples // workload.batch_size)
        print(
            json.dumps(statistics.median(record["seconds"] for record in list(history)[1:]) / steps)
        )


def seconds_of_step(name: str, count: int) -> float:
    """The seconds of a step with so many processes."""
    seconds: float = started(count, __file__, name)
    return seconds


def started(count: int, script: str, *what: str) -> Any:
    """What the first of so many processes measures, each of which runs a script of this folder."""
    beside = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    mpiexec = shutil.which("mpiexec", path=beside)
    if mpiexec is None:
        sys.exit("there is no mpiexec: pip install mpi4py mpich")
    command = [mpiexec, "-n", str(count), sys.executable, script, MEASURE, *what]
    answer = subprocess.run(command, stdout=subprocess.PIPE, check=True, text=True)
    return json.loads(answer.stdout)


def row(name: str, seconds: Mapping[int, float]) -> str:
    """A row of the table: the time of a step, and the efficiency with more than one process."""
    cells = [f"{1e3 * seconds[1]:.3g} ms"]
    for count in COUNTS[1:]:
        gained = seconds[1] / (count * seconds[count])
        cells.append(f"{1e3 * seconds[count]:.3g} ms, {100 * gained:.0f} %")
    return f"| {name}: {workloads.named(name).title} | {' | '.join(cells)} |"


def main() -> None:
    if MEASURE in sys.argv:
        measure(sys.argv[-1])
        return
    cores = len(os.sched_getaffinity(0))
    heads = ["1 process", *(f"{count} processes" for count in COUNTS[1:])]
    print(f"{cores} cores, one thread in each process\n\n| | {' | '.join(heads)} |")
    print(f"| --- | {' | '.join(['---:'] * len(heads))} |")
    for name in sys.argv[1:] or EPOCHS:
        print(row(name, {count: seconds_of_step(name, count) for count in COUNTS}), flush=True)


if __name__ == "__main__":
    main()
