"""One thread and two, alone and beside other work: do two do harm?

    python benchmarks/beside.py [--workloads W3,W4,W6,W7] [--repeats 7] [--threads 2] [--narrow]
                                [--out FOLDER]

chainrule trains with one thread and with all of them, in turn: alone, beside a busy loop on every
core but one, and beside one on every core. Prints how many times as long several threads take as
one, which must be at most 1.1 everywhere, and writes `beside.json` and `beside.md`.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from rich.console import Console

from options import parser
from surroundings import machine
from turns import Worker, measure, median, time_text
from workloads import WORKLOADS

MOST = 1.1  # times as long as with one thread


def loops_beside() -> list[int]:
    """How many busy loops run beside, in one part of the measurement after another."""
    cores = os.cpu_count() or 1
    return sorted({0, cores - 1, cores})


@contextmanager
def busy_loops(count: int) -> Iterator[None]:
    """So many processes that never rest, until the end of this block."""
    processes = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(count)]
    try:
        yield
    finally:
        for process in processes:
            process.kill()
            process.wait()


def measure_beside(workload: str, loops: int, given: Any, console: Console) -> dict[str, Any]:
    """A step's seconds with one thread and with several."""
    numbers = (1, given.threads)
    with busy_loops(loops):
        workers = {str(n): Worker(workload, "chainrule", n, given.narrow) for n in numbers}
        results = measure(workers, given.repeats, WORKLOADS[workload].comparison.dtype, console)
    one, several = (median(results[str(n)]) for n in numbers)
    return {
        "workload": workload,
        "loops": loops,
        "one": one,
        "several": several,
        "ratio": several / one if one and several else None,
        "kernels": results[str(given.threads)]["kernels"],
    }


def row(found: dict[str, Any]) -> str:
    """A measurement's row of the table."""
    names = {0: "alone", 1: "a busy loop"}
    beside = names.get(found["loops"], f"{found['loops']} busy loops")
    if found["ratio"] is None:
        return f"| {found['workload']} | {beside} | failed | | |"
    times = f"{time_text(found['one'])} | {time_text(found['several'])}"
    return f"| {found['workload']} | {beside} | {times} | {found['ratio']:.2f} |"


def main() -> None:
    options = parser(__doc__)
    options.add_argument("--workloads", default="W3,W4,W6,W7")
    given = options.parse_args()
    console = Console(width=160, highlight=False)
    lines = [f"| | beside | 1 thread | {given.threads} threads | times as long |"]
    lines.append("| --- | --- | ---: | ---: | ---: |")
    console.print(*lines, sep="\n")
    record = []
    for workload in given.workloads.split(","):
        for loops in loops_beside():
            record.append(measure_beside(workload, loops, given, console))
            lines.append(row(record[-1]))
            console.print(lines[-1])
    console.print(f"chainrule: {record[0]['kernels']}")
    within = sum(found["ratio"] is not None and found["ratio"] <= MOST for found in record)
    console.print(f"{within} of {len(record)} within {MOST} times the time of one thread")
    facts = {"machine": machine(), "threads": given.threads, "narrow": given.narrow}
    text = json.dumps({**facts, "measurements": record}, indent=1)
    (given.out / "beside.json").write_text(text + "\n")
    (given.out / "beside.md").write_text("\n".join(lines) + "\n")


if __name__ == "__main__":
    main()
