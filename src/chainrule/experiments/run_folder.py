"""A run folder: all there is to know of one training.

    config.toml        the complete configuration: `chainrule train --config` repeats the run
    metrics.jsonl      a line for each epoch
    layers.jsonl       gradients and activations by layer, for evenly spaced epochs
    model.safetensors  the trained network
    curves.png         loss and metrics over the epochs
    summary.json       final metrics, seconds, seed, versions

It is written under a temporary name and gets its own when it is complete: a run folder that
exists is a finished run.
"""

from __future__ import annotations

import json
import platform
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

import chainrule
from chainrule.data.preparation import Preparation
from chainrule.errors import ChainruleError, RunFolderError
from chainrule.experiments.config import TrainConfig, make_config, read_config
from chainrule.files import cannot_write
from chainrule.history import History
from chainrule.network import Network, load

CONFIG, METRICS, LAYERS, MODEL, CURVES, SUMMARY = (
    "config.toml",
    "metrics.jsonl",
    "layers.jsonl",
    "model.safetensors",
    "curves.png",
    "summary.json",
)


@dataclass(frozen=True)
class Run:
    """A finished run, read from its folder."""

    path: Path
    config: TrainConfig
    network: Network
    summary: dict[str, Any]

    @property
    def preparation(self) -> Preparation:
        """How the training data was made ready for the network."""
        stored = self.summary["preparation"]
        return Preparation(stored["scale"], tuple(stored["shape"]) if stored["shape"] else None)

    @property
    def class_names(self) -> tuple[str, ...] | None:
        """What the classes are called; None for regression."""
        names = self.summary["class_names"]
        return None if names is None else tuple(names)


def read_run(path: Path) -> Run:
    """Open a run folder.

    Raises:
        RunFolderError: it does not exist, or a file is missing or damaged.
    """
    if not path.is_dir():
        raise RunFolderError(f"{path} is not a run folder: `chainrule train` makes one (--out)")
    missing = [name for name in (CONFIG, MODEL, SUMMARY) if not (path / name).is_file()]
    if missing:
        raise RunFolderError(f"{path} is not a complete run folder: {', '.join(missing)} missing")
    try:
        summary = json.loads((path / SUMMARY).read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunFolderError(f"{path / SUMMARY} cannot be read: {error}") from None
    if not isinstance(summary, dict) or not {"preparation", "class_names"} <= summary.keys():
        raise RunFolderError(f"{path / SUMMARY} does not describe a run of chainrule")
    return Run(path, make_config(read_config(path / CONFIG)), load(path / MODEL), summary)


def read_history(path: Path) -> History:
    """The epochs of a run folder.

    Raises:
        RunFolderError: they are missing or damaged.
    """
    history = History()
    try:
        for line in (path / METRICS).read_text(encoding="utf-8").splitlines():
            history.append({name: float(value) for name, value in json.loads(line).items()})
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise RunFolderError(f"{path / METRICS} cannot be read: {error}") from None
    if not len(history):
        raise RunFolderError(f"{path / METRICS} holds no epoch: the run learnt nothing")
    return history


def next_free(name: str, parent: Path = Path("runs")) -> Path:
    """``runs/NAME-1``, or the first number that no run has, finished or not."""
    number = 1
    while any(place.exists() for place in _places(parent / f"{name}-{number}")):
        number += 1
    return parent / f"{name}-{number}"


@contextmanager
def new_run_folder(path: Path) -> Iterator[Path]:
    """A folder to fill, which becomes `path` at the end; when anything fails, nothing stays.

    Raises:
        RunFolderError: `path` exists already, or another run is filling it.
        OutputError: it cannot be made or filled.
    """
    if not path.name:
        raise RunFolderError(f"{str(path)!r} is no name for a run folder: give --out RUN a name")
    _, unfinished = _places(path)
    if path.exists():
        raise RunFolderError(f"{path} already exists: choose another --out, or remove it")
    try:
        unfinished.mkdir(parents=True)
    except FileExistsError:
        raise RunFolderError(
            f"{unfinished} already exists: another run is writing it, or was killed; choose "
            "another --out, or remove it"
        ) from None
    except OSError as error:
        raise cannot_write(path, error) from None
    try:
        yield unfinished
        unfinished.rename(path)
    except ChainruleError:
        raise
    except OSError as error:
        raise cannot_write(path, error) from None
    finally:
        shutil.rmtree(unfinished, ignore_errors=True)


def _places(path: Path) -> tuple[Path, Path]:
    """Where a finished run is, and where it is while it is written."""
    return path, path.with_name(f"{path.name}.unfinished")


def versions() -> dict[str, str]:
    """What the run was made with."""
    return {
        "chainrule": chainrule.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
    }
