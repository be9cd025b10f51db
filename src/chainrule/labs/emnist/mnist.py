"""The recipe on the ten digits of MNIST, for which many have published how far a network gets."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import NamedTuple

import numpy as np

import chainrule as cr
from chainrule.data.splits import split
from chainrule.experiments.document import Document
from chainrule.labs.emnist.networks import cnn_layers, recipe
from chainrule.labs.emnist.size import Size
from chainrule.labs.emnist.training import fit
from chainrule.labs.lab import load_parts, percent

DIGITS = 10
HELD_OUT = 5_000
NETWORK = recipe(partial(cnn_layers, normalize=True, classes=DIGITS))


class Digits(NamedTuple):
    """The accuracy of one network in the end."""

    validation: float
    test: float


def run_mnist(seed: int, size: Size, data_dir: Path | None) -> Digits:
    """Train one network, and classify the test images."""
    mnist = load_parts("mnist", data_dir)
    (x, y), validation = split(mnist.x_train, mnist.y_train, HELD_OUT)
    x, y = np.asarray(x)[: size.mnist], np.asarray(y)[: size.mnist]
    network = cr.Network(NETWORK.layers(), x.shape[1:], seed=seed)
    history = fit(network, NETWORK, x, y, validation, size.mnist_epochs)
    right = network.evaluate(mnist.x_test[: size.test], mnist.y_test[: size.test])["accuracy"]
    return Digits(history["validation_accuracy"][-1], right)


def show_mnist(document: Document, digits: Sequence[Digits], size: Size) -> None:
    """What each seed reaches."""
    document.heading("The same recipe on MNIST")
    document.paragraph(
        f"The same CNN with {DIGITS} outputs, {size.mnist_epochs} epochs on {size.mnist:,} images; "
        f"{HELD_OUT:,} others are held out."
    )
    rows = [
        [str(number), percent([one.validation]), percent([one.test])]
        for number, one in enumerate(digits)
    ]
    document.table(["seed", "validation accuracy", "test accuracy"], rows)
