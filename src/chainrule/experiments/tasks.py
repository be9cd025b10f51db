"""The runs of a comparison, one by one: in whatever process, beside others on the same folder.

seed-N/         a run folder, which one process works on at a time
seed-N.error    why the run failed, the last time that it was tried
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from threading import Lock
from typing import Any, TypeVar

from chainrule.errors import BusyError, ChainruleError, ConfigError, RunFolderError
from chainrule.experiments.config import make_config
from chainrule.experiments.run_folder import (
    CONFIG,
    CURVES,
    LAYERS,
    METRICS,
    MODEL,
    SUMMARY,
    finish,
    read_run,
    shared_run,
)
from chainrule.experiments.runner import load_data, prepare, run, test
from chainrule.experiments.stored import read_bytes, write_json
from chainrule.files import whole_file

T = TypeVar("T")
FILES = (CONFIG, METRICS, LAYERS, MODEL, CURVES, SUMMARY)
ONE_AT_A_TIME = Lock()  # in a process with several threads: how many BLAS uses holds for them all


@dataclass(frozen=True)
class Part:
    """The third of four parts, say, of the runs of a comparison."""

    number: int
    count: int

    def __str__(self) -> str:
        return f"{self.number}/{self.count}"

    def of(self, tasks: Sequence[T]) -> Sequence[T]:
        """This part's share, spread over the whole, so that all parts take about as long.

        >>> Part(3, 4).of(range(10))
        range(2, 10, 4)
        """
        return tasks[self.number - 1 :: self.count]


def parse_part(text: str) -> Part:
    """``3/64`` from the command line.

    Raises:
        ConfigError: it is no such part.

    >>> parse_part("3/64")
    Part(number=3, count=64)
    """
    match = re.fullmatch(r"\s*(\d{1,9})\s*/\s*(\d{1,9})\s*", text, re.ASCII)
    if match is None:
        raise ConfigError(f"write --part NUMBER/COUNT, as in 3/64; received {text!r}")
    number, count = int(match[1]), int(match[2])
    if not 1 <= number <= count:
        raise ConfigError(
            f"--part {number}/{count}: parts are numbered from 1 to their count"
            + (f", here from 1/{count} to {count}/{count}" if count else "")
        )
    return Part(number, count)


def run_task(options: dict[str, Any], folder: Path, patience: float = 0.0) -> str | None:
    """One run, in whatever process; what went wrong, if anything did.

    Raises:
        BusyError: another process has been working on it for as long as `patience` says.
    """
    from chainrule.engine.running.threads import one_thread

    try:
        with one_thread(), shared_run(folder, patience) as is_to_do:
            if not is_to_do:
                return None
            outcome = run(prepare(make_config(options)), folder, quiet=True, looks_at_test=False)
    except BusyError:
        raise
    except ChainruleError as error:
        return str(error)
    return None if outcome.summary.finished else str(outcome.summary.stopped)


def run_elsewhere(options: dict[str, Any]) -> dict[str, bytes] | str:
    """One run on a machine that shares no disk with the one that asks: the files of its run folder,
    or what went wrong."""
    with ONE_AT_A_TIME, TemporaryDirectory() as place:
        folder = Path(place) / "run"
        error = run_task(options, folder)
        if error is not None:
            return error
        return {name: (folder / name).read_bytes() for name in FILES if (folder / name).exists()}


def write_run(folder: Path, files: dict[str, bytes]) -> None:
    """Write the run folder that `run_elsewhere` made, unless the run is finished by now."""
    with shared_run(folder, patience=-1) as is_to_do:
        if is_to_do:
            for name in FILES:  # none but these, and the one last that says that it is finished
                if name in files:
                    with whole_file(folder / name) as file:
                        file.write(files[name])
            finish(folder)


def look_at_test(folder: Path) -> None:
    """Add to the summary of a finished run how good its network is on the test part."""
    from chainrule.engine.running.threads import one_thread

    finished = read_run(folder)
    if finished.summary.test is None:
        with one_thread():
            found = test(finished.network, load_data(finished.config), looks_at_labels=True)
        write_json(folder / SUMMARY, finished.summary.model_copy(update=found))


def note_failure(folder: Path, error: str | None) -> None:
    """Write down why a run failed; None removes what was written."""
    path = _failure(folder)
    if error is None:
        path.unlink(missing_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    with whole_file(path) as file:
        file.write(error.encode("utf-8", "backslashreplace"))


def read_failure(folder: Path) -> str | None:
    """Why a run failed; None if it did not, or was not tried."""
    path = _failure(folder)
    if not path.is_file():
        return None
    return read_bytes(path, RunFolderError).decode("utf-8", "replace")


def _failure(folder: Path) -> Path:
    return folder.with_name(f"{folder.name}.error")
