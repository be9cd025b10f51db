"""A run folder: all there is to know of one training.

    config.toml        the complete configuration: `chainrule train --config` repeats the run
    metrics.jsonl      a line for each epoch
    layers.jsonl       gradients and activations by layer, for evenly spaced epochs
    checkpoints/       what an unfinished run goes on from; removed when it is finished
    model.safetensors  the trained network
    summary.json       final metrics, seconds, seed, versions; whether the run is finished
    curves.png         loss and metrics over the epochs

Nothing that was learnt is ever deleted: a run that was interrupted or killed stays as it is, and
`chainrule train --resume RUN` continues it. It is finished once `summary.json` says so.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from chainrule.data.preparation import Preparation
from chainrule.data.reading import find_set
from chainrule.errors import BusyError, ChainruleError, RunFolderError, UnknownNameError
from chainrule.experiments.config import TrainConfig, read_whole_config
from chainrule.experiments.stored import Numbers, RunSummary, read_json, read_lines
from chainrule.files import LOCK, cannot_write, claimed, is_unused
from chainrule.history import BOOKKEEPING, History
from chainrule.network import Network, load
from chainrule.presentation.display import counted

CONFIG, METRICS, LAYERS, CHECKPOINTS, MODEL, SUMMARY, CURVES = (
    "config.toml",
    "metrics.jsonl",
    "layers.jsonl",
    "checkpoints",
    "model.safetensors",
    "summary.json",
    "curves.png",
)
ENSEMBLE, MEMBER = "ensemble.json", "member"  # of runs that answer together, see `ensembles`


@dataclass(frozen=True)
class Run:
    """A run that has learnt something, read from its folder."""

    path: Path
    config: TrainConfig
    network: Network
    summary: RunSummary
    preparation: Preparation

    @property
    def notice(self) -> str | None:
        """What to know of a run that did not end as planned, in a sentence."""
        if self.summary.finished:
            return None
        so_far = counted(self.summary.epochs, "epoch")
        return f"{self.path} is an unfinished run, after {so_far} of {self.config.epochs}"

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """What the classes are called; None for regression."""
        return self.preparation.class_names


def read_run(path: Path) -> Run:
    """Open a run folder.

    Raises:
        RunFolderError: it does not exist, or a file is missing or damaged.
    """
    if not path.is_dir():
        raise RunFolderError(f"{path} is not a run folder: `chainrule train` makes one (--out)")
    if (path / f"{MEMBER}-1").is_dir():
        raise RunFolderError(
            f"{path} is an ensemble: give one of its members, such as {path / MEMBER}-1; what they "
            f"give together stands in {path / ENSEMBLE}"
        )
    missing = [name for name in (CONFIG, MODEL, SUMMARY) if not (path / name).is_file()]
    if missing and (path / CONFIG).is_file():
        raise RunFolderError(
            f"{path} is an unfinished run ({', '.join(missing)} missing): "
            f"`chainrule train --resume {path}` continues it"
        )
    if missing:
        raise RunFolderError(f"{path} is not a run folder: {', '.join(missing)} missing")
    summary = read_json(path / SUMMARY, RunSummary, RunFolderError)
    config, network = read_whole_config(path / CONFIG), load(path / MODEL)
    if network.preparation is None:
        raise RunFolderError(
            f"{path / MODEL} does not say how its inputs are prepared, as runs of earlier versions "
            f"did not: train it again with `chainrule train --config {path / CONFIG}`"
        )
    return Run(path, find_data(config, path), network, summary, network.preparation)


def find_data(config: TrainConfig, folder: Path) -> TrainConfig:
    """The configuration with its data found from here. A relative path starts where the run was
    trained, which is mostly a folder above it."""
    return config.model_copy(update=find_sources(dict(config), folder))


def find_sources(values: Mapping[str, Any], place: Path) -> dict[str, str]:
    """The options of a configuration that name data, each as it is found from here, or from a
    folder above the place of the configuration."""
    return {
        name: _find_source(source, place)
        for name in ("data", "validation", "test")
        if isinstance(source := values.get(name), str)
    }


def _find_source(source: str, folder: Path) -> str:
    with suppress(UnknownNameError):
        find_set(source)
        return source
    path = Path(source)
    if path.exists():
        return source
    above = (parent / path for parent in folder.resolve().parents)
    return str(next((place for place in above if place.exists()), path))


def read_history(path: Path) -> History:
    """The epochs of a run folder.

    Raises:
        RunFolderError: they are missing or damaged.
    """
    history = History()
    for record in read_lines(path / METRICS, Numbers, RunFolderError):
        history.append(record)
    if not len(history):
        raise RunFolderError(f"{path / METRICS} holds no epoch: the run learnt nothing")
    names = history[0].keys()
    if any(record.keys() != names for record in history) or not names >= {"loss", *BOOKKEEPING}:
        raise RunFolderError(f"{path / METRICS} is damaged: its lines lack entries")
    return history


def next_free(name: str, parent: Path = Path("runs")) -> Path:
    """``runs/NAME-1``, or the first number that no run has, finished or not."""
    number = 1
    while (parent / f"{name}-{number}").exists():
        number += 1
    return parent / f"{name}-{number}"


@contextmanager
def new_run_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, claimed for this process. When anything fails before something was
    learnt, nothing stays.

    Raises:
        RunFolderError: `path` exists already, or another process is working on it.
        OutputError: it cannot be made or filled.
    """
    check_new(path)
    with _claimed_run(path):
        check_new(path)  # another process may have been quicker
        yield path


@contextmanager
def shared_run(path: Path, patience: float = 0.0) -> Iterator[bool]:
    """The folder of a run that several processes might do, new or begun, claimed for this one.
    Gives True if the run is still to be done, False if another process has finished it.

    Args:
        patience: seconds to wait for a process that is working on it.
    Raises:
        BusyError: another process is working on it, and is left alone.
        OutputError: it cannot be made or filled.
    """
    if is_finished(path):
        yield False
        return
    with _claimed_run(path, patience):
        is_to_do = not is_finished(path)  # it may have been finished while we waited
        if is_to_do and not (path / CONFIG).is_file():
            check_new(path)
        yield is_to_do


@contextmanager
def _claimed_run(path: Path, patience: float = 0.0) -> Iterator[None]:
    """A run folder, claimed. When anything fails before something was learnt, nothing stays; but
    what another process has is never touched."""
    try:
        with claimed(path, BusyError, patience):
            try:
                yield
            finally:
                if not has_learnt(path) and _is_ours(path):
                    shutil.rmtree(path, ignore_errors=True)
    except ChainruleError:
        raise
    except OSError as error:
        raise cannot_write(path, error) from None


def _is_ours(path: Path) -> bool:
    """True if a folder holds a run, or nothing at all, but no files of the user's."""
    return (path / CONFIG).is_file() or is_unused(path)


@contextmanager
def unfinished_run(path: Path) -> Iterator[Path]:
    """The folder of a run to go on with, claimed for this process.

    Raises:
        RunFolderError: it is no run folder, a finished one, or another process is working on it.
        OutputError: it cannot be written to.
    """
    if not (path / CONFIG).is_file():
        raise RunFolderError(f"{path} is not a run folder: {CONFIG} is missing")
    if is_finished(path):
        raise RunFolderError(f"{path} is finished: there is nothing to continue")
    try:
        with claimed(path, BusyError):
            yield path
    except ChainruleError:
        raise
    except OSError as error:
        raise cannot_write(path, error) from None


def check_new(path: Path) -> None:
    """Refuse a name that a new run cannot have. Raises RunFolderError."""
    if not path.name:
        raise RunFolderError(f"{str(path)!r} is no name for a run folder: give --out RUN a name")
    if not path.exists():
        return
    if (path / CONFIG).is_file() and not is_finished(path):
        raise RunFolderError(
            f"{path} is an unfinished run: `chainrule train --resume {path}` continues it; or "
            "choose another --out"
        )
    if not (path.is_dir() and is_unused(path)):
        raise RunFolderError(f"{path} already exists: choose another --out, or remove it")


def is_finished(path: Path) -> bool:
    """True if a folder holds a run that was trained, tested and drawn to the end."""
    if not (path / SUMMARY).is_file():
        return False
    try:
        return read_json(path / SUMMARY, RunSummary, RunFolderError).finished
    except RunFolderError as error:
        raise RunFolderError(f"{error}; remove {path}, and it is run again") from None


def has_learnt(path: Path) -> bool:
    """True if a run folder holds weights."""
    return (path / MODEL).exists() or any((path / CHECKPOINTS).glob("*.safetensors"))


def finish(path: Path) -> None:
    """Remove what only an unfinished run needs."""
    shutil.rmtree(path / CHECKPOINTS, ignore_errors=True)
    with suppress(OSError):
        (path / LOCK).unlink()
