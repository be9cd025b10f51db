"""Checkpoints: everything that a training needs to go on, bit for bit, after whatever ended it.

    FOLDER/checkpoint-00007-000312.safetensors    after 312 steps of epoch 7

Each file is written whole or not at all and carries a checksum. The last few are kept, so that one
which a disk has damaged can be passed over.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

from chainrule.arguments import integer, number
from chainrule.errors import CheckpointError
from chainrule.files import claimed
from chainrule.limits import shortened
from chainrule.tensor_file import DAMAGE, read_tensors, write_tensors
from chainrule.types import Array

__all__ = ["Checkpoints"]

A_MINUTE = 60.0
MOST_OF_THE_TIME = 0.01  # that writing may take, where nobody says how often it is to be done


@dataclass(frozen=True)
class Checkpoint:
    """One checkpoint: arrays by name, and the rest as plain data.

    `settings` decide what training gives, and must be the same for it to go on; where `environment`
    (versions, processor, threads) differs, the last bits may.
    """

    arrays: Mapping[str, Array]
    document: Mapping[str, Any]
    settings: Mapping[str, Any]
    environment: Mapping[str, Any]


class Checkpoints:
    """Where checkpoints go, how often they are written, and how many are kept.

    Args:
        folder: made where it is missing; one training at a time works on it.
        seconds: how much time passes between two, at least. A minute unless given, or as much more
            as it takes for the writing to be a hundredth of it.
        epochs: write one after every so many epochs too.
        keep: how many of the newest stay.

    >>> Checkpoints("runs/long", epochs=5).keep
    2
    """

    def __init__(
        self,
        folder: str | PathLike[str],
        seconds: float | None = None,
        epochs: int | None = None,
        keep: int = 2,
    ) -> None:
        self.folder = Path(folder)
        self.seconds = None if seconds is None else number(seconds, "seconds", "[0, inf]")
        self.epochs = None if epochs is None else integer(epochs, "epochs")
        self.keep = integer(keep, "keep")
        self.written_at, self.epochs_written = time.monotonic(), 0
        self.seconds_to_write = 0.0

    @contextmanager
    def claimed(self) -> Iterator[None]:
        """The folder for this training alone; the time to the first checkpoint begins."""
        with claimed(self.folder, CheckpointError):
            self.written_at = time.monotonic()
            yield

    def is_due(self, epochs_done: int) -> bool:
        """True if it is time for a checkpoint."""
        if self.epochs and epochs_done // self.epochs > self.epochs_written // self.epochs:
            return True
        seconds = self.seconds
        if seconds is None:
            seconds = max(A_MINUTE, self.seconds_to_write / MOST_OF_THE_TIME)
        return time.monotonic() - self.written_at >= seconds

    def write(self, checkpoint: Checkpoint, epoch: int, step: int) -> None:
        """Write a checkpoint, then remove those that are no longer among the newest.

        Raises:
            OutputError: it cannot be written; those before it are still there.
        """
        began = time.monotonic()
        document = {
            "state": checkpoint.document,
            "settings": checkpoint.settings,
            "environment": checkpoint.environment,
        }
        path = self.folder / f"checkpoint-{epoch:05}-{step:06}.safetensors"
        write_tensors(path, checkpoint.arrays, document)
        for outdated in self.files()[self.keep :]:
            with suppress(OSError):  # it costs space and nothing else
                outdated.unlink()
        self.written_at, self.epochs_written = time.monotonic(), epoch - 1
        self.seconds_to_write = self.written_at - began

    def newest(self, tell: Callable[[str], None] = lambda notice: None) -> Checkpoint | None:
        """The newest checkpoint that can be read; None where there is none at all.

        Args:
            tell: called with a sentence for each that is passed over.
        Raises:
            CheckpointError: there are some, and all of them are damaged.
        """
        files = self.files()
        for path in files:
            try:
                return read_checkpoint(path)
            except CheckpointError as damage:
                tell(f"passed over: {damage}")
        if files:
            raise CheckpointError(
                f"none of the {len(files)} checkpoints in {self.folder} can be read: "
                "move them away to begin anew"
            )
        return None

    def check_empty(self) -> None:
        """Refuse to write beside the checkpoints of an earlier training."""
        if self.files():
            raise CheckpointError(
                f"{self.folder} holds checkpoints already: continue that training with "
                "resume=True, or choose another folder to begin anew"
            )

    def files(self) -> list[Path]:
        """The checkpoints, the newest first."""
        found = {path: re.fullmatch(r"checkpoint-(\d+)-(\d+)\.safetensors", path.name)
                 for path in self.folder.glob("checkpoint-*.safetensors")}  # fmt: skip
        places = {path: (int(match[1]), int(match[2])) for path, match in found.items() if match}
        return sorted(places, key=places.__getitem__, reverse=True)


def read_checkpoint(path: Path) -> Checkpoint:
    """A checkpoint from its file. Raises CheckpointError where that is damaged."""
    arrays, document = read_tensors(path, CheckpointError)
    try:
        parts = (document["state"], document["settings"], document["environment"])
    except DAMAGE as damage:
        raise CheckpointError(f"{path} is damaged: {damage!r} is missing") from None
    if not all(isinstance(part, dict) for part in parts):
        raise CheckpointError(f"{path} is damaged: it does not describe a training")
    return Checkpoint(arrays, *parts)


def check_settings(received: Mapping[str, Any], expected: Mapping[str, Any], folder: Path) -> None:
    """Refuse to go on with another training than the checkpoint's."""
    different = [name for name in expected if received.get(name) != expected[name]]
    if different:
        changes = "; ".join(
            f"{name} was {quoted(received.get(name))}, is now {quoted(expected[name])}"
            for name in different
        )
        raise CheckpointError(
            f"{folder} holds checkpoints of another training ({changes}): to continue it, give "
            "what it was begun with; to begin anew, give another folder"
        )


def quoted(setting: Any) -> str:
    """A setting in a message: the layers of a network, or a file's forgery of them, can be long."""
    return shortened(str(setting), 200)
