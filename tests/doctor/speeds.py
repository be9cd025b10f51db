"""Whether `chainrule check` answers the same at full speed and at a fifth of it:

    python -m tests.doctor.speeds

checks every file of the doctor's tests twice with the command itself, once as it comes and once
stopped for four fifths of the time, as on a slow machine or a busy one, and prints every file that
is answered otherwise. It takes Linux, which says which processes another one has started.
"""

from __future__ import annotations

import argparse
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from tests.doctor import test_cases as cases
from tests.doctor import test_observed as observed
from tests.doctor import test_unseen as unseen
from tests.doctor.slips import SLIPS, SPECIMENS

FIFTH = 0.2
PERIOD = 0.25  # seconds in which a process runs once and is stopped once
SCRATCH = re.compile(r"chainrule-\w{8}")  # folders that are called otherwise each time


@dataclass(frozen=True)
class Check:
    """A command: the file that is checked, and with which options."""

    name: str
    file: Path
    options: tuple[str, ...] = ()


@dataclass(frozen=True)
class Answer:
    """What a check answered, and the seconds of processor time that it took."""

    code: int
    text: str
    seconds: float = field(compare=False)


@dataclass(frozen=True)
class Pair:
    """A check at full speed and slowed down."""

    check: Check
    full: Answer
    slow: Answer


def checks(folder: Path) -> list[Check]:
    """Every file of the doctor's tests; wrong variants are written to `folder`."""
    files = {
        "specimens": [*SPECIMENS.glob("*.py"), *unseen.SPECIMENS.glob("*.py")],
        "cases": list(cases.CASES.glob("*.py")),
        "shared": cases.shared("doctor"),
        "labs": cases.shared("labs"),
    }
    found = [Check(f"{kind}/{f.stem}", f) for kind, each in files.items() for f in sorted(each)]
    for file in [*observed.SCRIPTS, *observed.FOLDER.glob("*.ipynb")]:
        found.append(Check(f"observed/{observed.name_of(file)}", file, ("--run",)))
    sources = [(str(slip), slip.source()) for slip in SLIPS]
    sources += [(str(slip), slip.source(unseen.SPECIMENS)) for slip in unseen.SLIPS]
    for number, (name, source) in enumerate(sources):
        file = folder / f"slip_{number}.py"
        file.write_text(source, encoding="utf-8")
        found.append(Check(name, file))
    return found


def answer(check: Check, share: float = 1.0) -> Answer:
    """What the command answers that runs for a share of the time."""
    command = [sys.executable, "-m", "chainrule", "check", str(check.file), *check.options]
    with tempfile.TemporaryFile() as printed:
        process = subprocess.Popen(
            [*command, "--json"], stdout=printed, stderr=subprocess.STDOUT, start_new_session=True
        )
        with slowed(process.pid, share):
            _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        printed.seek(0)
        text = SCRATCH.sub("chainrule-…", printed.read().decode())
    return Answer(process.returncode, text, used.ru_utime + used.ru_stime)


@contextmanager
def slowed(pid: int, share: float) -> Iterator[None]:
    """Within, a process and all that it starts run for a share of the time."""
    ended = threading.Event()
    slowing = threading.Thread(target=_slow, args=(pid, share, ended))
    if share < 1:
        slowing.start()
    try:
        yield
    finally:
        ended.set()
        if share < 1:
            slowing.join()


def _slow(pid: int, share: float, ended: threading.Event) -> None:
    while not ended.wait(share * PERIOD):
        stopped = _stopped(pid)
        ended.wait((1 - share) * PERIOD)
        for each in stopped:
            _send(each, signal.SIGCONT)


def _stopped(pid: int) -> set[int]:
    """A process and its descendants, stopped: looked for until no others turn up."""
    stopped: set[int] = set()
    while others := {pid, *_descendants(pid)} - stopped:
        for each in others:
            _send(each, signal.SIGSTOP)
        stopped |= others
    return stopped


def _descendants(pid: int) -> Iterator[int]:
    """The processes that a process has started, and those that they have."""
    for file in Path(f"/proc/{pid}/task").glob("*/children"):
        with suppress(OSError):  # it has ended by now
            for child in map(int, file.read_text().split()):
                yield child
                yield from _descendants(child)


def _send(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)


def compared(check: Check, share: float = FIFTH) -> Pair:
    """A check at full speed, and then at a share of it."""
    return Pair(check, answer(check), answer(check, share))


def differing(pairs: Iterable[Pair]) -> list[Pair]:
    """Those that were answered otherwise when they were slowed down."""
    return [pair for pair in pairs if pair.full != pair.slow]


def main() -> None:
    """Check all files, a line for each, and end with 1 if one was answered otherwise."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--at-once", type=int, default=1, help="files that are checked at a time")
    parser.add_argument("--share", type=float, default=FIFTH, help="of the time, when slowed down")
    options = parser.parse_args()
    pairs = []
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(options.at_once) as pool:
        for pair in pool.map(partial(compared, share=options.share), checks(Path(folder))):
            show(pair)
            pairs.append(pair)
    different = differing(pairs)
    slowest = max(pairs, key=lambda pair: pair.full.seconds)
    print(
        f"{len(pairs)} files, {len(pairs) - len(different)} answered the same at {options.share:g} "
        f"of full speed; the slowest, {slowest.check.name}, takes {slowest.full.seconds:.1f} s of "
        "processor time"
    )
    sys.exit(bool(different))


def show(pair: Pair) -> None:
    """A line on a file, with both answers where they differ."""
    print(f"{pair.full.code}  {pair.full.seconds:4.1f} s  {pair.check.name}", flush=True)
    for each in differing([pair]):
        print(f"otherwise when slowed down:\n{each.full}\n{each.slow}", flush=True)


if __name__ == "__main__":
    main()
