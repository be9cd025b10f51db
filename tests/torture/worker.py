"""A process that runs cases one after the other, within limits.

    python -m tests.torture.worker READER SEED FIRST LAST

On its output stands one line of JSON for each case, written before the case begins, so that it is
known which one a process died of; one for each fault; and a last one with the figures.

    python -m tests.torture.worker

does so in a fork for each line of its input, ``READER SEED FIRST LAST``, and adds a last line with
the fork's exit code. Where cases are few, importing takes longer than they do.
"""

from __future__ import annotations

import json
import os
import resource
import sys
import tempfile
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any, NoReturn

from tests.torture.cases import Outcome, Reader, attempt, make_file
from tests.torture.faulty import FAULTY
from tests.torture.readers import READERS

MEGABYTE = 2**20
MEMORY = 500 * MEGABYTE  # that may be taken on top of what there was before the first case
HANGING = 6  # seconds of processor time after which code that cannot be interrupted is killed
EVERYTHING = {**READERS, **FAULTY}


def work(name: str, seed: int, first: int, last: int) -> None:
    """Run the cases from `first` up to, but not including, `last`."""
    reader, kinds, slowest = EVERYTHING[name], Counter[str](), 0.0
    seeds = reader.seeds()
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory(prefix="torture-") as folder:
        path = prepare(reader, Path(folder))
        for valid in seeds:  # whatever is loaded on first use is loaded before memory is counted
            run(reader, path, valid.pack(valid.content))
        before = peak_memory()
        limit_memory()
        for case in range(first, last):
            tell(case=case)
            limit_processor_time()
            outcome = run(reader, path, make_file(reader, name, seeds, case, seed))
            kinds[outcome.kind] += 1
            slowest = max(slowest, outcome.seconds)
            if outcome.is_fault:
                tell(fault=case, kind=outcome.kind, detail=outcome.detail, place=outcome.place)
        megabytes = (peak_memory() - before) / MEGABYTE
    tell(kinds=kinds, slowest=slowest, megabytes=megabytes)


def prepare(reader: Reader, folder: Path) -> Path:
    """Where the file of each case is put, with what belongs beside it."""
    path = folder / reader.file
    path.parent.mkdir(parents=True, exist_ok=True)
    reader.prepare(folder)
    return path


def run(reader: Reader, path: Path, content: bytes) -> Outcome:
    """Read `content` from a file."""
    path.unlink(missing_ok=True)  # what is memory-mapped stays as it is
    path.write_bytes(content)
    return attempt(reader, path)


def peak_memory() -> int:
    """The most memory that this process ever had, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def limit_memory() -> None:
    """Let what asks for too much fail at once, before the machine has no more."""
    pages = int(Path("/proc/self/statm").read_text().split()[0])
    limit = pages * resource.getpagesize() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, resource.RLIM_INFINITY))


def limit_processor_time() -> None:
    """End the process where code hangs that does not heed the timer of a case."""
    used = sum(resource.getrusage(resource.RUSAGE_SELF)[:2])
    resource.setrlimit(resource.RLIMIT_CPU, (int(used) + HANGING, resource.RLIM_INFINITY))


def tell(**figures: Any) -> None:
    print(json.dumps(figures), flush=True)


def serve() -> None:
    for line in sys.stdin:
        name, *numbers = line.split()
        EVERYTHING[name].seeds()  # those that several readers share are made once, for all forks
        child = os.fork()
        if child == 0:
            work_and_end(name, *map(int, numbers))
        _, status = os.waitpid(child, 0)
        tell(code=os.waitstatus_to_exitcode(status))


def work_and_end(*task: Any) -> NoReturn:
    code = 1
    try:
        work(*task)
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        os._exit(code)


if __name__ == "__main__":
    work(sys.argv[1], *map(int, sys.argv[2:])) if len(sys.argv) > 1 else serve()
