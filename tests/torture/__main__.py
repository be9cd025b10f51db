"""Torture the readers, or repeat one case.

python -m tests.torture                          200,000 cases over all readers
python -m tests.torture --cases 5000 csv npy     of two readers
python -m tests.torture --repeat csv:1234        one case, its file kept, with a traceback
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from pathlib import Path

from tests.torture.campaign import campaign, summary
from tests.torture.cases import make_file
from tests.torture.readers import READERS
from tests.torture.worker import EVERYTHING, prepare


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.formatter_class = argparse.RawDescriptionHelpFormatter
    parser.add_argument("readers", nargs="*", default=list(READERS), metavar="READER")
    parser.add_argument("--cases", type=int, default=200_000, help="over all readers")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=os.cpu_count())
    parser.add_argument("--repeat", metavar="READER:CASE")
    options = parser.parse_args()
    if options.repeat:
        name, _, case = options.repeat.partition(":")
        repeat(name, int(case), options.seed)
        return 0
    each = -(-options.cases // len(options.readers))
    print(f"{each:,} cases of each reader, with {options.workers} workers", flush=True)
    results = campaign(dict.fromkeys(options.readers, each), options.seed, options.workers)
    print("\n".join(summary(results)))
    return 1 if any(result.faults for result in results.values()) else 0


def repeat(name: str, case: int, seed: int) -> None:
    """Read the file of a case, without limits; what is raised is not caught."""
    reader = EVERYTHING[name]
    path = prepare(reader, Path(tempfile.mkdtemp(prefix="torture-")))
    path.write_bytes(make_file(reader, name, reader.seeds(), case, seed))
    print(f"the file is {path}", flush=True)
    print(reader.read(path))


if __name__ == "__main__":
    sys.exit(main())
