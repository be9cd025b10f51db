"""What happens inside a network while it learns: gradients and activations, layer by layer.

`RecordLayers` writes a line of JSON for each recorded epoch, with an entry for each layer:

    {"epoch": 3, "layers": [{"gradient_norm": 0.12, "mean": 0.4, "std": 0.3, …}, …]}
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np

from chainrule.callbacks import Callback, Training
from chainrule.chain import Chain
from chainrule.errors import RunFolderError
from chainrule.experiments.stored import LayersRecord, as_json, read_lines, read_whole_lines
from chainrule.files import whole_file
from chainrule.layers import Layer
from chainrule.training.trouble.measures import RANGES, share_saturated
from chainrule.types import Array

RECORDS = 200  # epochs recorded at most, however many there are
PROBE = 64  # training examples whose activations are looked at, the same ones every time

NUMBERS = ["gradient_norm", "mean", "std", "zero", "saturated"]  # of each layer in a record
Statistics = dict[str, float | None]


class RecordLayers(Callback):
    """Adds a line to a file for evenly spaced epochs, the first and the last among them.

    For each layer:

        gradient_norm   of its parameters' gradients, in the epoch's last step, after clipping;
                        None where it has none
        mean, std       of its outputs for the probe, after the epoch
        zero            the share of these that are exactly 0
        saturated       the share of these within 5 % of an end of the layer's range; None where
                        the range has no ends

    Reading changes nothing: a run is the same, bit for bit, with and without it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def training_starts(self, training: Training) -> None:
        self.probe = np.asarray(training.data.of_epoch(1).x[:PROBE], training.network.dtype)
        self.gradients = list(gradients_by_layer(training.network))
        self.epochs = set(spaced_epochs(training.plan.epochs))
        so_far = len(training.history)
        kept = []
        if so_far:  # training goes on
            lines = read_whole_lines(self.path, LayersRecord)
            kept = [line for line in lines if line.epoch <= so_far and line.epoch in self.epochs]
        self.recorded = max((line.epoch for line in kept), default=0)
        with whole_file(self.path) as file:
            file.writelines(map(as_json, kept))

    def epoch_ends(self, training: Training) -> None:
        if len(training.history) in self.epochs:
            self.record(training)

    def training_ends(self, training: Training) -> None:
        if len(training.history) > self.recorded:  # it ended early
            self.record(training)

    def record(self, training: Training) -> None:
        """Add a line for the epoch that has ended."""
        self.recorded = len(training.history)
        layers = [
            {"gradient_norm": norm(gradients), **describe_activations(layer, outputs)}
            for gradients, (layer, outputs) in zip(
                self.gradients, outputs_by_layer(training.network, self.probe), strict=True
            )
        ]
        with self.path.open("ab") as file:
            file.write(as_json({"epoch": self.recorded, "layers": layers}))


def spaced_epochs(epochs: int) -> list[int]:
    """At most `RECORDS` epochs, evenly spaced, from the first to the last.

    >>> spaced_epochs(3), len(spaced_epochs(1000))
    ([1, 2, 3], 200)
    """
    return [round(epoch) for epoch in np.linspace(1, epochs, min(epochs, RECORDS))]


def gradients_by_layer(network: Chain) -> Iterator[list[Array]]:
    """The gradients of each layer's parameters, those of layers inside it included."""
    for position in range(len(network.layers)):
        prefix = f"{position}."
        yield [view for name, view in network.gradients.items() if name.startswith(prefix)]


def outputs_by_layer(network: Chain, x: Array) -> Iterator[tuple[Layer, Array]]:
    """Each layer with its output for the batch x, outside training."""
    for layer in network.layers:
        x, _ = layer.forward(x)
        yield layer, x


def norm(gradients: list[Array]) -> float | None:
    """sqrt(Σ g²) over all of them; None of none."""
    if not gradients:
        return None
    return float(np.sqrt(sum(float(np.vdot(gradient, gradient)) for gradient in gradients)))


def describe_activations(layer: Layer, outputs: Array) -> Statistics:
    """Mean, standard deviation, and shares of zero and saturated values.

    >>> from chainrule.layers import Sigmoid
    >>> describe_activations(Sigmoid(), np.array([0.01, 0.5, 0.99, 0.5]))["saturated"]
    0.5
    """
    return {
        "mean": float(outputs.mean()),
        "std": float(outputs.std()),
        "zero": 1 - np.count_nonzero(outputs) / outputs.size,
        "saturated": share_saturated(outputs, *RANGES[type(layer)])
        if type(layer) in RANGES
        else None,
    }


def read_layers(path: Path, layers: int) -> list[LayersRecord]:
    """The records in a file that `RecordLayers` wrote for a network of so many layers.

    Raises:
        RunFolderError: it is damaged, or of another network.
    """
    records = read_lines(path, LayersRecord, RunFolderError)
    if not records or any(len(record.layers) != layers for record in records):
        raise RunFolderError(
            f"{path} is damaged, or of another version: a report without it is made when it is "
            "removed"
        )
    return records
