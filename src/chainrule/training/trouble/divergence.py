"""Why a loss is no longer a number: where it began, the likely cause, and what helps.

The layers are run once more in NumPy, on the same examples, to find the first place that is not
finite: the data, the weights, a layer on the way forward, the loss, a layer on the way back.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.chain import PREDICTION_BATCH, Chain
from chainrule.data.dataset import Batch
from chainrule.data.training import TrainingData
from chainrule.errors import ChainruleError, DataError, TrainingError
from chainrule.layers.base import State, walk
from chainrule.losses import LOSSES, Loss
from chainrule.passages import Recorder, Recording
from chainrule.training.trouble.measures import UNSCALED, Unfinite, first_unfinite, largest_feature
from chainrule.types import Array


@dataclass(frozen=True)
class Divergence:
    """A training whose numbers are no longer finite. Each method returns the error to raise.

    Args:
        epoch: the one that it happened in, counted from 1.
        learning_rate: that of the last step.
    """

    network: Chain
    loss: Loss
    epoch: int
    learning_rate: float

    def in_step(self, value: float, step: int, batch: Batch, rows: Array) -> ChainruleError:
        """The loss of a step, which is counted from 1; `rows` are the places of its examples in the
        data."""
        what = f"the loss became {value} in step {step} (epoch {self.epoch})"
        return self._error(what, batch, rows, "of the training data")

    def in_validation(self, value: float, data: TrainingData) -> ChainruleError:
        """The validation loss, after an epoch."""
        what = f"the validation loss became {value} after epoch {self.epoch}"
        batch, rows = Batch(data.x, data.y), np.arange(len(data.x))
        return self._error(what, batch, rows, "of the validation data", training=False)

    def in_weights(self, batch: Batch | None = None) -> ChainruleError:
        """The weights, after an epoch whose losses were all finite; `batch` is its last one."""
        what = f"{unfinite_weights(self.network)} after epoch {self.epoch}"
        return TrainingError(f"{what}: {self._cause_in_weights(batch)}")

    def _error(
        self, what: str, batch: Batch, rows: Array, of: str, training: bool = True
    ) -> ChainruleError:
        """A DataError where the data is to blame, else a TrainingError."""
        arrays = {"x": batch.x, "y": batch.y, "its weight": batch.weights}
        for name, array in arrays.items():
            row = None if array is None else first_unfinite_row(array)
            if array is not None and row is not None:
                value = first_value(np.asarray(array[row]))
                return DataError(
                    f"{what}, since example {rows[row]} {of} has {value} in {name}: fill in "
                    "numbers, or leave such examples out"
                )
        weights = unfinite_weights(self.network)
        if weights is not None:
            return TrainingError(f"{what}, since {weights}: {self._cause_in_weights(batch)}")
        cause = self._cause(self.network, batch, training)
        return TrainingError(f"{what}: {cause or self._slower}")

    def _cause_in_weights(self, batch: Batch | None) -> str:
        """Why weights are not finite: a gradient that is not even with the first weights, as one
        from a layer of the user's own may be, or a step that was too large."""
        if batch is not None:
            fresh = copy.deepcopy(self.network)
            fresh.state = State.allocate(fresh.root, fresh.seed, fresh.dtype)
            cause = self._cause(fresh, batch, training=True)
            if cause is not None:
                return f"with the first weights already, {cause}"
        return f"the step before was too large: {self._slower}"

    def _cause(self, network: Chain, batch: Batch, training: bool) -> str | None:
        """Where it began, the likely cause and what helps; None where NumPy finds all finite."""
        try:
            for recording in recordings(network, self.loss, batch, training):
                found = first_unfinite(recording)
                if found is not None:
                    return self._describe(found, recording)
        except Exception:
            # Code of the user's own that cannot be copied, or be run once more: then it remains
            # unknown where, but what has happened must be told all the same.
            return None
        return None

    def _describe(self, found: Unfinite, recording: Recording) -> str:
        culprit = Culprit.of(found, recording)
        where = f"{culprit.what}, given numbers up to {largest(culprit.given):.3g}"
        if not culprit.users_own:
            return f"{where}, which overflows: {unscaled_input(recording) or self._slower}"
        complaint = numpys_complaint(culprit.run)
        if complaint is None:
            return f"{where}: see that code of your own"
        return f"{where}, where NumPy finds '{complaint}': {remedy_for(complaint)}"

    @property
    def _slower(self) -> str:
        return (
            f"lower the learning rate, now {self.learning_rate:g}, or clip the gradients "
            "(clip_norm=1)"
        )


@dataclass(frozen=True)
class Culprit:
    """What made the first number that is not finite: what it did, the array that it was given, if
    it is code of the user's own, and how to run it again."""

    what: str
    given: Array
    users_own: bool
    run: Callable[[], Any]

    @classmethod
    def of(cls, found: Unfinite, recording: Recording) -> Culprit:
        """The loss or the layer."""
        passage, value = found.passage, first_value(found.values)
        if passage is None or (passage is recording.passages[-1] and found.name == "dy"):
            return cls(
                f"{type(recording.loss).__name__} {'gives' if passage is None else 'hands back'} "
                f"{value}",
                recording.outputs,
                type(recording.loss) not in LOSSES.values(),
                lambda: recording.loss.forward(recording.outputs, recording.targets),
            )
        layer, x, dy = passage.layer, passage.x, passage.dy
        if dy is None or found.name == "y":
            did = f"{passage.place} puts out {value}"
            return cls(did, x, layer.users_own, lambda: layer.forward(x, training=True))
        if found.name == "dy":  # of the sum at the end of a Residual, say
            return cls(f"{passage.place} receives the gradient {value}", dy, False, lambda: None)
        did = f"hands back {value}" if found.name == "dx" else f"finds {value} for {found.name}"
        return cls(
            f"{passage.place} {did}",
            dy,
            layer.users_own,
            lambda: layer.backward(dy, layer.forward(x, training=True)[1]),
        )


def recordings(network: Chain, loss: Loss, batch: Batch, training: bool) -> Iterator[Recording]:
    """The batch in every layer, as many examples at a time as in predictions."""
    recorder = Recorder(network)
    for start in range(0, len(batch.x), PREDICTION_BATCH):
        part = slice(start, start + PREDICTION_BATCH)
        yield recorder.record(batch.x[part], batch.y[part], loss, training)


def unscaled_input(recording: Recording) -> str | None:
    """What helps where the input is not scaled; None where it is."""
    learning = next((passage for passage in recording.passages if passage.parameters), None)
    if learning is None or largest_feature(learning.x) <= UNSCALED:
        return None
    return (
        f"scale the input, now numbers up to {largest(learning.x):.3g}, to about 0 to 1 (pixels: "
        "x / 255), or to mean 0 and standard deviation 1"
    )


def unfinite_weights(network: Chain) -> str | None:
    """The first parameter that holds a NaN or an infinity, in words; None if all are finite."""
    layers = dict(walk(network.root))
    for key, values in network.parameters.items():
        if not np.isfinite(values).all():
            position, _, name = key.rpartition(".")
            layer = type(layers[position]).__name__
            return f"{name} of layer {position} ({layer}) holds {first_value(values)}"
    return None


def first_unfinite_row(array: Any) -> int | None:
    """The first example with a NaN or an infinity; what is not in memory is read part by part."""
    for start in range(0, len(array), PREDICTION_BATCH):
        rows = np.asarray(array[start : start + PREDICTION_BATCH])
        if rows.dtype.kind == "f" and not np.isfinite(rows).all():
            return start + int(np.argmin(np.isfinite(rows).reshape(len(rows), -1).all(axis=1)))
    return None


def first_value(array: Array) -> str:
    """The first number that is not finite, in words."""
    return "NaN" if np.isnan(array[~np.isfinite(array)][0]) else "infinity"


def largest(array: Array) -> float:
    """The largest of the finite numbers, without their signs."""
    return float(np.abs(array[np.isfinite(array)].astype(np.float64)).max(initial=0))


# --- what NumPy says about code of the user's own -------------------------------------------------

REMEDIES = {
    "log": "hold the argument of the logarithm above 0, as with np.maximum(x, 1e-7)",
    "divide": "hold the divisor away from 0, as by adding 1e-7",
    "sqrt": "hold the argument of the root at 0 or above",
    "exp": "hold the argument of exp below 80, or subtract the largest from all",
    "power": "hold the base away from 0, and the exponent small",
}


class Complaints:
    """Takes in what NumPy says of operations whose results are not finite."""

    def __init__(self) -> None:
        self.all: list[str] = []

    def write(self, message: str) -> None:
        """NumPy writes ``Warning: divide by zero encountered in log``."""
        self.all.append(message.strip().removeprefix("Warning: "))


def numpys_complaint(run: Callable[[], Any]) -> str | None:
    """The first thing that NumPy finds wrong while some code runs."""
    complaints = Complaints()
    with np.errstate(all="log", under="ignore", call=complaints):
        run()
    return complaints.all[0] if complaints.all else None


def remedy_for(complaint: str) -> str:
    """What helps against it."""
    fitting = (remedy for operation, remedy in REMEDIES.items() if operation in complaint)
    return next(fitting, "see where that is in your code")
