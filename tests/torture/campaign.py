"""Many cases over several workers, and what came of them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[2]
AT_ONCE = 2_000  # cases a worker runs before it is replaced by a fresh one
COMMAND = [sys.executable, "-m", "tests.torture.worker"]

Told = tuple[list[dict[str, Any]], int]
Work = Callable[[str, int, int, int], Told]


@dataclass(frozen=True)
class Fault:
    """A case in which a reader did what it must not do."""

    reader: str
    case: int
    kind: str
    detail: str
    place: str

    def __str__(self) -> str:
        return f"{self.reader}:{self.case} {self.kind}: {self.detail} [{self.place}]"


@dataclass
class Result:
    """What came of the cases of one reader."""

    kinds: Counter[str] = field(default_factory=Counter)
    faults: list[Fault] = field(default_factory=list)
    slowest: float = 0.0
    megabytes: float = 0.0

    @property
    def cases(self) -> int:
        """How many there were."""
        return self.kinds.total()

    def add(self, other: Result) -> None:
        """Take in what came of other cases."""
        self.kinds += other.kinds
        self.faults += other.faults
        self.slowest = max(self.slowest, other.slowest)
        self.megabytes = max(self.megabytes, other.megabytes)


def campaign(counts: Mapping[str, int], seed: int, workers: int) -> dict[str, Result]:
    """Run the first cases of each reader, as many as `counts` says."""
    pieces = [
        (name, first, min(first + AT_ONCE, count))
        for name, count in counts.items()
        for first in range(0, count, AT_ONCE)
    ]
    results = {name: Result() for name in counts}
    with ThreadPoolExecutor(workers) as pool:
        done = pool.map(lambda piece: run_cases(piece[0], seed, *piece[1:]), pieces)
        for (name, _, _), result in zip(pieces, done, strict=True):
            results[name].add(result)
    return results


def run_cases(reader: str, seed: int, first: int, last: int, work: Work | None = None) -> Result:
    """Run cases in workers; one that dies of a case is replaced, and the case is a fault.

    Args:
        work: runs them in a worker; a new process if left out.
    """
    result = Result()
    while first < last:
        lines, code = (work or in_new_process)(reader, seed, first, last)
        begun = [line["case"] for line in lines if "case" in line]
        for line in lines:
            if "fault" in line:
                place = (line["kind"], line["detail"], line["place"])
                result.faults.append(Fault(reader, line["fault"], *place))
        if code == 0:
            figures = lines[-1]
            kinds = Counter(figures["kinds"])
            result.add(Result(kinds, [], figures["slowest"], figures["megabytes"]))
            first = last
        elif begun:
            result.faults.append(Fault(reader, begun[-1], "died", _say_code(code), ""))
            result.kinds += Counter(died=1, unknown=begun[-1] - first)
            first = begun[-1] + 1
        else:
            raise RuntimeError(f"the worker for {reader} does not start: {_say_code(code)}")
    return result


def in_new_process(reader: str, seed: int, first: int, last: int) -> Told:
    """What a worker tells, and its exit code."""
    arguments = [reader, *map(str, (seed, first, last))]
    done = subprocess.run(
        [*COMMAND, *arguments],
        cwd=ROOT,
        env=environment(),
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    return list(map(json.loads, done.stdout.splitlines())), done.returncode


class Forks:
    """Workers that are forks of one process, which has imported everything."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            COMMAND,
            cwd=ROOT,
            env=environment(),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def work(self, reader: str, seed: int, first: int, last: int) -> Told:
        """What a worker tells, and its exit code."""
        assert self.process.stdin
        assert self.process.stdout
        print(reader, seed, first, last, file=self.process.stdin, flush=True)
        lines = []
        for line in self.process.stdout:
            lines.append(json.loads(line))
            if "code" in lines[-1]:
                return lines, lines.pop()["code"]
        raise RuntimeError("the process that forks has ended")

    def end(self) -> None:
        self.process.communicate()


def environment() -> dict[str, str]:
    return {**os.environ, "OPENBLAS_NUM_THREADS": "1"}


def _say_code(code: int) -> str:
    return signal.Signals(-code).name if code < 0 else f"exit code {code}"


def summary(results: Mapping[str, Result]) -> Iterator[str]:
    """The lines of a table: a reader each, then the faults, the first of each place."""
    columns = ("reader", "cases", "read", "refused", "faults", "slowest", "memory")
    yield "{:16} {:>8} {:>8} {:>8} {:>7} {:>9} {:>8}".format(*columns)
    for name, result in results.items():
        yield (
            f"{name:16} {result.cases:8,} {result.kinds['read']:8,} {result.kinds['refused']:8,} "
            f"{len(result.faults):7,} {result.slowest:7.2f} s {result.megabytes:5.0f} MB"
        )
    faults = [fault for result in results.values() for fault in result.faults]
    places = Counter((fault.reader, fault.kind, fault.place) for fault in faults)
    first = {(fault.reader, fault.kind, fault.place): fault for fault in reversed(faults)}
    cases = sum(result.cases for result in results.values())
    yield f"\n{cases:,} cases, {len(faults):,} faults at {len(places):,} places"
    for key, count in places.most_common():
        yield f"{count:6,} as in {first[key]}"
