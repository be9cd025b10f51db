"""Saving a training as it goes, and going on with one that was saved."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from zlib import crc32

import numpy as np

from chainrule.callbacks import Callback
from chainrule.chain import Chain
from chainrule.checkpoint import Checkpoint, Checkpoints, check_settings
from chainrule.data.training import TrainingData
from chainrule.errors import CheckpointError
from chainrule.layers.base import walk
from chainrule.tensor_file import DAMAGE
from chainrule.training.last_good import LastGood
from chainrule.training.state import TrainingState
from chainrule.types import Array

ROWS = 1_000  # of a data set that tell it from another


class Saver:
    """Writes checkpoints of a training, and restores it from the newest.

    Args:
        checkpoints: where they go, and how often.
        state, last_good: what they hold, besides what the callbacks remember.
        settings: what must be the same for a training to go on.
        environment: what should be the same, for the last bits.
    """

    def __init__(
        self,
        checkpoints: Checkpoints,
        state: TrainingState,
        last_good: LastGood,
        callbacks: Sequence[Callback],
        settings: Mapping[str, Any],
        environment: Mapping[str, Any],
    ) -> None:
        self.checkpoints, self.callbacks = checkpoints, callbacks
        self.state, self.last_good = state, last_good
        self.settings, self.environment = settings, environment

    def save(self) -> None:
        """Write a checkpoint of the training as it is."""
        arrays = {**self.state.arrays(self.last_good.chain), **self.last_good.arrays()}
        plain: dict[str, dict[str, Any]] = {}
        for key, callback in self._keys().items():
            for name, value in callback.state().items():
                if isinstance(value, np.ndarray):
                    arrays[f"{key}.{name}"] = value
                else:
                    plain.setdefault(key, {})[name] = value
        steps = 0 if self.state.steps is None else self.state.steps.last + 1
        document = {
            **self.state.document(self.last_good.chain),
            "last_good": self.last_good.document(),
            "callbacks": plain,
        }
        checkpoint = Checkpoint(arrays, document, self.settings, self.environment)
        self.checkpoints.write(checkpoint, self.state.epoch, steps)

    def restore(self, checkpoint: Checkpoint, tell: Callable[[str], None]) -> None:
        """Go back to a checkpoint; `tell` is given what to know of it.

        Raises:
            CheckpointError: it is of another training.
        """
        folder = self.checkpoints.folder
        check_settings(checkpoint.settings, self.settings, folder)
        changed = [
            f"{name} was {checkpoint.environment.get(name)}, is now {now}"
            for name, now in self.environment.items()
            if checkpoint.environment.get(name) != now
        ]
        if changed:
            tell(f"the last digits may differ from an uninterrupted run: {'; '.join(changed)}")
        with self._fitting():
            self.state.restore(self.last_good.chain, checkpoint.arrays, checkpoint.document)
            self.last_good.restore(checkpoint.arrays, checkpoint.document["last_good"])

    def restore_callbacks(self, checkpoint: Checkpoint) -> None:
        """Hand the callbacks what they had remembered. Raises CheckpointError where that is not of
        these callbacks."""
        with self._fitting():
            for key, callback in self._keys().items():
                state = dict(checkpoint.document["callbacks"].get(key, {}))
                state |= {
                    name.removeprefix(f"{key}."): array
                    for name, array in checkpoint.arrays.items()
                    if name.startswith(f"{key}.")
                }
                if state:
                    callback.restore(state)

    @contextmanager
    def _fitting(self) -> Iterator[None]:
        """What is restored within must fit this training, or a CheckpointError says so."""
        try:
            yield
        except DAMAGE as error:
            raise CheckpointError(
                f"the checkpoint in {self.checkpoints.folder} does not fit this training "
                f"({type(error).__name__}: {error})"
            ) from None

    def _keys(self) -> dict[str, Callback]:
        """Each callback by its class and place."""
        return {
            f"callback {number} ({type(callback).__name__})": callback
            for number, callback in enumerate(self.callbacks)
        }


def describe_layers(chain: Chain) -> list[str]:
    """Every layer and array of a network, in words that tell it from another."""
    layers = [f"{place}: {layer!r}" for place, layer in walk(chain.root) if place]
    arrays = [f"{name} {array.shape} {array.dtype}" for name, array in chain.parameters.items()]
    # Objects from the user's own code may show their address, which is another every time.
    return [re.sub(r" at 0x[0-9a-f]+", "", text) for text in [*layers, *arrays]]


def fingerprint(data: TrainingData | None) -> dict[str, Any] | None:
    """What tells a data set from another: its size, and a checksum of some of its rows."""
    if data is None:
        return None
    sums = [checksum_of_rows(array) for array in (data.x, data.y, data.weights)]
    return {"examples": len(data.x), "shape": list(data.x.shape[1:]), "checksum": sums}


def checksum_of_rows(array: Array | None) -> int | None:
    """CRC-32 of evenly spaced rows."""
    if array is None:
        return None
    rows = np.unique(np.linspace(0, len(array) - 1, min(ROWS, len(array))).astype(np.int64))
    return crc32(np.ascontiguousarray(array[rows]).tobytes())
