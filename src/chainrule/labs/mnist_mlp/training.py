"""One training of the lab, tested on the way with every slip."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import chainrule as cr
from chainrule.labs.lab import load_parts
from chainrule.labs.mnist_mlp.networks import (
    HONEST,
    LAB_NETWORK,
    TESTS,
    VARIANTS,
    Variant,
    lab_layers,
)
from chainrule.types import Array


@dataclass(frozen=True)
class Size:
    """How much of the lab is run: images for training and test, a factor on the epochs, and how
    many epochs lie between two tests; `reported` is the epoch of the report's figures."""

    train: int = 60_000
    test: int = 10_000
    part: float = 1.0
    every: int = 2
    reported: int = 84

    @property
    def place(self) -> int:
        """Where the test at the reported epoch stands among the tests."""
        return self.reported // self.every - 1

    def epochs(self, variant: Variant) -> int:
        """How many epochs a variant is trained for."""
        return round(self.part * variant.epochs)


FULL, QUICK = Size(), Size(train=3_000, test=2_000, part=0.4, every=4, reported=40)


class Tests(cr.Callback):
    """Tests the weights with every forward pass of TESTS, after every so many epochs; `loss` and
    `accuracy` have a list for each."""

    def __init__(self, hidden: tuple[int, int], x: Array, y: Array, every: int) -> None:
        self.x, self.y, self.every = x, y, every
        self.networks = {
            name: cr.Network(lab_layers(hidden, **slips), x.shape[1:])
            for name, slips in TESTS.items()
        }
        self.loss: dict[str, list[float]] = {name: [] for name in TESTS}
        self.accuracy: dict[str, list[float]] = {name: [] for name in TESTS}

    def epoch_ends(self, training: cr.Training) -> None:
        if len(training.history) % self.every:
            return
        for name, network in self.networks.items():
            network.parameters.flat[:] = training.network.parameters.flat
            tested = network.evaluate(
                self.x, self.y, loss="categorical_cross_entropy", metrics=["accuracy"]
            )
            self.loss[name].append(tested["loss"])
            self.accuracy[name].append(tested["accuracy"])


@dataclass(frozen=True)
class Run:
    """What one training gave: loss and accuracy of each epoch before its step, those of the tests
    on the way, and the test accuracy in the end."""

    loss: list[float]
    accuracy: list[float]
    test_loss: dict[str, list[float]]
    test_accuracy: dict[str, list[float]]
    final: float


Runs = dict[str, "list[Run]"]  # for each variant, a run for each seed


def run_once(name: str, seed: int, size: Size, data_dir: Path | None) -> Run:
    """Train one variant."""
    variant = VARIANTS[name]
    x, y, x_test, y_test = load_parts("mnist", data_dir)
    x_test, y_test = x_test[: size.test], y_test[: size.test]
    network = cr.Network(variant.layers(), x.shape[1:], seed=seed)
    tests = [Tests(variant.hidden, x_test, y_test, size.every)] if variant.hidden else []
    history = network.fit(
        x[: size.train],
        y[: size.train],
        loss=variant.loss,
        optimizer=variant.optimizer,
        schedule=variant.schedule,
        epochs=size.epochs(variant),
        batch_size=variant.batch_size,
        metrics=["accuracy"],
        callbacks=tests,
        quiet=True,
    )
    final = network.evaluate(x_test, y_test)["accuracy"]
    return Run(
        history["loss"],
        history["accuracy"],
        tests[0].loss if tests else {},
        tests[0].accuracy if tests else {},
        final,
    )


def at_reported(runs: list[Run], test: str, size: Size) -> list[float]:
    """The test accuracy of each seed at the epoch of the report's figures."""
    return [run.test_accuracy[test][size.place] for run in runs]


def losses_at_reported(runs: list[Run], test: str, size: Size) -> list[float]:
    """The test loss of each seed at the epoch of the report's figures."""
    return [run.test_loss[test][size.place] for run in runs]


def at_passes_of(name: str, runs: Runs, size: Size) -> list[float]:
    """The accuracy of the lab's network after as many passes as another variant has."""
    place = size.epochs(VARIANTS[name]) // size.every - 1
    return [run.test_accuracy[HONEST][place] for run in runs[LAB_NETWORK]]
