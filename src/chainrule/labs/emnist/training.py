"""One training of the lab."""

from __future__ import annotations

import time
from dataclasses import dataclass
from pathlib import Path

import chainrule as cr
from chainrule.labs.emnist.files import read_files
from chainrule.labs.emnist.networks import VARIANTS, Variant
from chainrule.labs.emnist.size import Size
from chainrule.types import Array


@dataclass(frozen=True)
class Run:
    """What one training gave: the network, loss and accuracy by epoch, the classes of the test
    images, the share of them that is right, and the processor time it took, in seconds."""

    network: cr.Network
    history: cr.History
    predictions: Array
    test: float
    seconds: float

    @property
    def validation(self) -> float:
        """The validation accuracy in the end."""
        return self.history["validation_accuracy"][-1]


Runs = dict[str, "list[Run]"]  # for each variant, a run for each seed


def run_once(name: str, seed: int, folder: Path, size: Size, y_test: Array) -> Run:
    """Train one variant, and classify the test images."""
    variant, files = VARIANTS[name], read_files(folder, size.validation)
    images = len(files.x) if variant.whole else size.part
    x, y = files.x[:images], files.y[:images]
    network = cr.Network(variant.layers(), x.shape[1:], seed=seed)
    began = time.process_time()
    epochs = size.whole_epochs if variant.whole else size.part_epochs
    history = fit(network, variant, x, y, files.validation, epochs)
    seconds = time.process_time() - began
    predictions = network.predict(files.x_test).argmax(axis=1)
    return Run(network, history, predictions, float((predictions == y_test).mean()), seconds)


def fit(
    network: cr.Network,
    variant: Variant,
    x: Array,
    y: Array,
    validation: tuple[Array, Array],
    epochs: int,
) -> cr.History:
    """Train a network as a variant says."""
    return network.fit(
        x,
        y,
        augment=variant.augment,
        loss=variant.loss,
        class_weights=variant.class_weights,
        average=variant.average,
        optimizer=cr.Adam(variant.rate),
        schedule=variant.schedule,
        epochs=epochs,
        batch_size=variant.batch_size,
        validation=validation,
        metrics=["accuracy"],
        quiet=True,
    )
