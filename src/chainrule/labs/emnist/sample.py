"""The lab's sample, run again as it stands: 784-60-47 in its own classes, plain gradient descent at
a rate of 6e-4, pixels from 0 to 255, the last batch of an epoch dropped."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np

from chainrule.experiments.document import Document
from chainrule.labs.by_hand import emnist as by_hand
from chainrule.labs.emnist.files import read_files
from chainrule.labs.emnist.networks import CLASSES
from chainrule.labs.emnist.size import Size
from chainrule.labs.lab import percent, plain
from chainrule.seeding import generator
from chainrule.types import Array

RATE, BATCH_SIZE, EPOCHS = 6e-4, 32, 2
REPORTED = (0.699, 0.809)  # validation accuracy after epochs 1 and 2
WHITE = 255.0  # what a pixel of 1 is in the file, and the sample does not divide by
ONE_HOT = np.eye(CLASSES)


class Epoch(NamedTuple):
    """The four numbers that the sample prints."""

    loss: float
    accuracy: float
    validation_loss: float
    validation_accuracy: float


def run_sample(seed: int, folder: Path, size: Size) -> list[Epoch]:
    """Train the sample's network for its two epochs."""
    files, network = read_files(folder, size.validation), first_network(seed)
    epochs = []
    for epoch in range(EPOCHS):
        order = generator(seed, "sample", epoch).permutation(len(files.x))
        whole = len(order) // BATCH_SIZE * BATCH_SIZE
        trained = []
        for rows in order[:whole].reshape(-1, BATCH_SIZE):
            trained.append(judge(network, files.x[rows], files.y[rows]))
            network.backward()
            network.update(RATE)
        loss, accuracy = np.mean(trained, axis=0)
        epochs.append(Epoch(loss, accuracy, *judge(network, *files.validation)))
    return epochs


def first_network(seed: int) -> by_hand.Network:
    """The network before its first step."""
    network, rng = by_hand.Network(), generator(seed, "first weights")
    for layer in (network.fc1, network.fc2):
        layer.weight = 0.01 * rng.standard_normal(layer.weight.shape)
    return network


def judge(network: by_hand.Network, x: Array, y: Array) -> tuple[float, float]:
    """Loss and accuracy of some images, whose pixels the sample leaves as they are in the file."""
    pixels = WHITE * x.reshape(len(x), -1)
    probabilities, loss = network.forward(pixels, ONE_HOT[y])
    return loss, float((probabilities.argmax(axis=1) == y).mean())


def validation_by_epoch(samples: Sequence[list[Epoch]]) -> list[list[float]]:
    """For each epoch, the validation accuracy of every seed."""
    by_epoch = zip(*samples, strict=True)
    return [[epoch.validation_accuracy for epoch in epochs] for epochs in by_epoch]


def show_sample(document: Document, samples: Sequence[list[Epoch]]) -> None:
    """The four numbers of each epoch, beside what the sample printed."""
    document.heading("The lab's sample, run again")
    document.paragraph(
        f"The network above, in NumPy, as the lab's sample trains it: rate {RATE:g}, batches of "
        f"{BATCH_SIZE} (a guess, the lab does not say), pixels from 0 to 255. On pixels divided by "
        "255 a step at this rate would hardly move it."
    )
    rows = []
    for number, (epochs, reported) in enumerate(
        zip(zip(*samples, strict=True), REPORTED, strict=True), start=1
    ):
        loss, accuracy, validation_loss, validation_accuracy = zip(*epochs, strict=True)
        numbers = [plain(loss), percent(accuracy), plain(validation_loss)]
        rows.append([f"{number}", *numbers, percent(validation_accuracy), percent([reported])])
    headers = ["epoch", "loss", "accuracy", "validation loss", "validation accuracy"]
    document.table([*headers, "the sample's"], rows, f"{len(samples)} seeds")
