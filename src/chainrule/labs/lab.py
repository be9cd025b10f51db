"""What a lab is, and what all labs share: seeds in parallel, and the table they end in."""

from __future__ import annotations

import ast
import hashlib
import re
import sys
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import numpy as np

from chainrule.datasets import load
from chainrule.experiments.document import Code, Document
from chainrule.experiments.statistics import Difference, estimate
from chainrule.experiments.workers import worker_processes
from chainrule.presentation.display import counted, is_terminal
from chainrule.types import Array

T = TypeVar("T")

SEEDS, QUICK_SEEDS = 5, 3


@dataclass(frozen=True)
class Setting:
    """How a lab is run.

    Args:
        quick: in seconds, with fewer seeds, epochs and examples.
        seed: the first of the seeds; the others follow it.
        data_dir: where to look for data first; else CHAINRULE_DATA.
        workers: how many processes run at a time; the numbers do not depend on it.

    >>> Setting(seed=7, quick=True).seeds
    (7, 8, 9)
    """

    quick: bool = False
    seed: int = 0
    data_dir: Path | None = None
    workers: int = 1

    @property
    def seeds(self) -> tuple[int, ...]:
        """What everything that depends on chance is repeated with."""
        count = QUICK_SEEDS if self.quick else SEEDS
        return tuple(range(self.seed, self.seed + count))


@dataclass(frozen=True)
class Lab:
    """A lab: the name that runs it, its title, and the function that does it."""

    name: str
    title: str
    run: Callable[[Setting], Document]


@dataclass(frozen=True)
class Claim:
    """A row of the table at a lab's end: a figure of the lab's own report, what chainrule got,
    and one line on why they differ."""

    what: str
    reported: str
    measured: str
    why: str


def open_report(name: str, title: str, asks: str, setting: Setting) -> Document:
    """The beginning of every lab's report: what the lab asks, and the command that made it."""
    document = Document(title)
    for paragraph in asks.strip().split("\n\n"):
        document.paragraph(*with_code(paragraph.replace("\n", " ")))
    command = f"chainrule lab run {name}"
    if setting.quick:
        command += " --quick"
    if setting.seed:
        command += f" --seed {setting.seed}"
    document.paragraph(
        "Made by ",
        Code(command),
        ", by code with the fingerprint ",
        Code(fingerprint(name)),
        ". What depends on chance stands as mean ± standard deviation over seeds.",
    )
    if setting.quick:
        document.paragraph(
            "This is a quick run, with fewer seeds, epochs and examples than the lab has: its "
            "figures show the point and are not those of the full run."
        )
    return document


def fingerprint(name: str) -> str:
    """Of the code that makes a lab's report: its own files, and those that all labs share. Imports,
    comments on their own lines and layout do not count.

    >>> len(fingerprint("parabola"))
    12
    """
    here, own = Path(__file__).parent, name.replace("-", "_")
    files = [*here.glob("*.py"), *here.glob(f"by_hand/{own}.py"), *here.glob(f"{own}/*.py")]
    others = {"__init__", "parabola", "fully_connected"} - {own}  # labs that are a file each
    digest = hashlib.sha256()
    for file in sorted(file for file in files if file.parent != here or file.stem not in others):
        code = "\n".join(lines_of_code(file.read_text(encoding="utf-8")))
        digest.update(f"{file.relative_to(here).as_posix()}\n{code}\n".encode())
    return digest.hexdigest()[:12]


def lines_of_code(text: str) -> list[str]:
    """The lines of a file, without what surrounds them.

    >>> lines_of_code("import math\\n\\n# half\\n\\nx = math.pi / 2\\n")
    ['x = math.pi / 2']
    """
    imported = {
        line
        for node in ast.parse(text).body
        if isinstance(node, ast.Import | ast.ImportFrom)
        for line in range(node.lineno, (node.end_lineno or node.lineno) + 1)
    }
    lines = enumerate(map(str.strip, text.splitlines()), start=1)
    return [
        line
        for number, line in lines
        if line and not line.startswith("#") and number not in imported
    ]


def with_code(text: str) -> list[str]:
    """The pieces of a paragraph; those between backquotes are code.

    >>> with_code("the images of `emnist47`")
    ['the images of ', 'emnist47', '']
    """
    pieces = re.split(r"`([^`]+)`", text)  # every second one is code
    return [Code(piece) if i % 2 else piece for i, piece in enumerate(pieces)]


def close_report(document: Document, claims: Sequence[Claim]) -> Document:
    """The end of every lab's report: the table of claims."""
    document.heading("What the lab's report says, and what chainrule got")
    document.table(
        ["", "the lab's report says", "chainrule got", "why they differ"],
        [[claim.what, claim.reported, claim.measured, claim.why] for claim in claims],
    )
    return document


def run_all(function: Callable[..., T], tasks: Sequence[tuple[Any, ...]], workers: int) -> list[T]:
    """`function(*task)` for each task, in order, in processes with one BLAS thread each.

    With one BLAS thread a sum is always taken in the same order, so that the results are the
    same whatever the number of workers.

    Args:
        function: of a module's top level, so that another process finds it.

    >>> run_all(pow, [(2, 3), (3, 2)], workers=1)
    [8, 9]
    """
    from rich.console import Console
    from rich.progress import track

    def shown(results: Any) -> list[T]:
        return list(
            track(
                results,
                "runs",
                len(tasks),
                console=Console(stderr=True),
                transient=True,
                disable=not is_terminal(sys.stderr),
            )
        )

    if workers == 1:
        return shown(run_on_one_thread(function, task) for task in tasks)
    with worker_processes(min(workers, len(tasks))) as pool:
        futures = [pool.submit(run_on_one_thread, function, task) for task in tasks]
        return shown(future.result() for future in futures)


def run_variants(
    function: Callable[..., T],
    variants: Collection[str],
    seeds: Sequence[int],
    workers: int,
    *shared: Any,
) -> dict[str, list[T]]:
    """`function(variant, seed, *shared)` for each variant and seed, as `run_all` does; for each
    variant, the results in the order of the seeds. The variants take turns, so that whatever else
    the machine does slows all of them alike.

    >>> run_variants("{}{}".format, ["a", "b"], [0, 1], 1)
    {'a': ['a0', 'a1'], 'b': ['b0', 'b1']}
    """
    tasks = [(variant, seed, *shared) for seed in seeds for variant in variants]
    results = run_all(function, tasks, workers)
    return {variant: results[first :: len(variants)] for first, variant in enumerate(variants)}


def run_on_one_thread(function: Callable[..., T], task: tuple[Any, ...]) -> T:
    """`function(*task)` with one thread of the engine and of BLAS."""
    from chainrule.engine.running.threads import one_thread

    with one_thread():
        return function(*task)


class Parts(NamedTuple):
    """A data set with a training and a test part."""

    x_train: Array
    y_train: Array
    x_test: Array
    y_test: Array


@lru_cache(maxsize=1)
def load_parts(name: str, data_dir: Path | None) -> Parts:
    """A set by its name, as `datasets.load`; a process that runs many tasks reads it once."""
    dataset = load(name, data_dir=data_dir)
    test = np.asarray(dataset.x_test), np.asarray(dataset.y_test)
    return Parts(dataset.x_train, dataset.y_train, *test)


def share_reaching(reported: float, values: Sequence[float], setting: Setting) -> str:
    """How many of several runs are at least as good as a single figure of a lab's report. A quick
    run is another experiment, of which that cannot be said.

    >>> share_reaching(0.9, [0.92, 0.9, 0.85], Setting())
    '2 of 3 runs are at least as good'
    """
    if setting.quick:
        return "a quick run, not to be held against the report"
    reached = sum(value >= reported for value in values)
    are = "is" if reached == 1 else "are"
    return f"{reached} of {counted(len(values), 'run')} {are} at least as good"


def percent(values: Sequence[float]) -> str:
    """Fractions over seeds as percentages.

    >>> percent([0.91, 0.93]), percent([0.5])
    ('92.00 ± 1.41 %', '50.00 %')
    """
    fractions = estimate(values)
    spread = f" ± {100 * fractions.std:.2f}" if fractions.count > 1 else ""
    return f"{100 * fractions.mean:.2f}{spread} %"


def plain(values: Sequence[float]) -> str:
    """Numbers over seeds, with four digits.

    >>> plain([0.25, 0.26])
    '0.255 ± 0.0071'
    """
    numbers = estimate(values)
    spread = f" ± {numbers.std:.2g}" if numbers.count > 1 else ""
    return f"{numbers.mean:.4g}{spread}"


def gain(gap: Difference) -> str:
    """A difference of fractions in percentage points, and whether it is real.

    >>> from chainrule.experiments.statistics import difference
    >>> gain(difference([0.95, 0.96, 0.94], [0.90, 0.92, 0.89]))
    '+4.67 points (95 % interval +3.23 to +6.10): real'
    """
    interval = ""
    if gap.is_bounded:
        interval = f" (95 % interval {100 * gap.low:+.2f} to {100 * gap.high:+.2f})"
    return f"{100 * gap.mean:+.2f} points{interval}: {gap.doubt or 'real'}"
