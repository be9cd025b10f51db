"""One training of the lab: its network, its points, and what is kept of it."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass, field, replace

import numpy as np

import chainrule as cr
from chainrule.labs.lab import run_all
from chainrule.types import Array

EPOCHS, QUICK_EPOCHS, QUICK_SEEDS = 15_000, 1_000, 2
CLIP = (-1024.0, 1023.0)
LOOK_EVERY = 10  # epochs; the engine makes those between two looks at once


@dataclass(frozen=True)
class Training:
    """What one training is; the defaults are those of the lab."""

    epochs: int
    data: str = "xor-line"
    hidden: int = 4
    activation: str = "sigmoid"
    output: str = "sigmoid"
    std: float = 1.0
    optimizer: cr.Optimizer = field(default_factory=lambda: cr.SGD(1.0))
    fresh: bool = False

    def network(self, seed: int) -> cr.Network:
        """The untrained network."""

        def dense(units: int) -> cr.Dense:
            return cr.Dense(units, bias=False, initializer=cr.initializers.Normal(self.std))

        activation, output = (cr.layers.ACTIVATIONS[a] for a in (self.activation, self.output))
        layers = [dense(self.hidden), activation(), dense(self.hidden), activation()]
        return cr.Network([*layers, dense(1), output()], input_shape=2, seed=seed)

    def points(self, seed: int) -> cr.datasets.Dataset:
        """The 100 linear points, or the 21 of XOR, which are always the same."""
        return cr.datasets.load(
            self.data, samples=100 if self.data == "linear" else None, seed=seed
        )


@dataclass(frozen=True)
class Trained:
    """What one training gave. `epochs` are those of which losses and gradients are kept;
    of gradients that are not watched there are none."""

    network: cr.Network
    loss: float
    accuracy: float
    unseen: float
    first_perfect: int | None
    epochs: Array
    losses: Array
    gradients: Array
    largest_gradient: float


class WatchGradients(cr.Callback):
    """Keeps the length of the gradient at every step, and the largest number in any."""

    def __init__(self) -> None:
        self.lengths: list[float] = []
        self.largest = 0.0

    def step_ends(self, training: cr.Training) -> None:
        gradient = training.network.gradients.flat
        self.lengths.append(float(np.linalg.norm(gradient)))
        self.largest = max(self.largest, float(np.abs(gradient).max()))


class FirstPerfect(cr.Callback):
    """The first epoch after which all points are right; they are looked at after every tenth."""

    only_shows = True

    def __init__(self, points: cr.datasets.Dataset) -> None:
        self.points = points
        self.epoch: int | None = None

    def next_look(self, epoch: int) -> float:
        return epoch + -epoch % LOOK_EVERY if self.epoch is None else math.inf

    def epoch_ends(self, training: cr.Training) -> None:
        epoch = len(training.history)
        if self.epoch is None and epoch % LOOK_EVERY == 0:
            x, y = self.points.x_train, self.points.y_train
            tested = training.network.evaluate(x, y, metrics=["accuracy"])
            self.epoch = epoch if tested["accuracy"] == 1 else None


def train(training: Training, seed: int, watched: bool) -> Trained:
    """One training. Its gradients are watched only where they are asked for, since looking at every
    step takes as long as the steps."""
    network, points = training.network(seed), training.points(seed)
    gradients, perfect = WatchGradients(), FirstPerfect(points)
    history = network.fit(
        fresh_points(seed) if training.fresh else points.x_train,
        None if training.fresh else points.y_train,
        loss="mean_squared_error",
        optimizer=replace(training.optimizer, clip_value=CLIP),
        epochs=training.epochs,
        batch_size="full",
        callbacks=[perfect, *([gradients] if watched else [])],
        quiet=True,
    )
    final, unseen = (
        network.evaluate(*of, metrics=["accuracy"])
        for of in ((points.x_train, points.y_train), unseen_points(points))
    )
    kept = np.unique(np.geomspace(1, training.epochs, 200).astype(int))
    return Trained(
        network,
        final["loss"],
        final["accuracy"],
        unseen["accuracy"],
        perfect.epoch,
        kept,
        np.array(history["loss"])[kept - 1],
        np.array(gradients.lengths)[kept - 1 if watched else []],
        gradients.largest,
    )


def unseen_points(points: cr.datasets.Dataset) -> tuple[Array, Array]:
    """The test part, which every synthetic set has."""
    return np.asarray(points.x_test), np.asarray(points.y_test)


def fresh_points(seed: int) -> Callable[[int], tuple[Array, Array]]:
    """New linear points for every epoch."""
    return lambda epoch: cr.datasets.fresh("linear", 100, seed, epoch)


Runs = dict[tuple[Training, int], Trained]


def train_all(
    trainings: Iterable[Training],
    watched: Collection[Training],
    seeds: Sequence[int],
    workers: int,
) -> Runs:
    """Every training once for each seed; `watched` are those whose gradients are asked for."""
    tasks = [(training, seed) for training in trainings for seed in seeds]
    watching = [(training, seed, training in watched) for training, seed in tasks]
    return dict(zip(tasks, run_all(train, watching, workers), strict=True))


def classify(network: cr.Network, x: Array) -> Array:
    """The side of 0.5 that the network's output is on, 0 or 1."""
    return (network.predict(x)[:, 0] > 0.5).astype(int)
