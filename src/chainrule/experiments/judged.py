"""The examples that a run is judged on, with what its network makes of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.errors import ArgumentError, DataError
from chainrule.experiments.run_folder import Run
from chainrule.experiments.runner import load_data
from chainrule.layers import Sigmoid, Softmax
from chainrule.losses import MeanSquaredError
from chainrule.network import Network
from chainrule.types import Array

SQUASHING = (Sigmoid, Softmax)


@dataclass(frozen=True)
class Judged:
    """Examples with targets, and what a network or a function makes of them.

    `part` says which they are: ``"test"``, ``"validation"`` or ``"training"``. `x` is
    ``(N, *input_shape)``, `y` ``(N,)`` class numbers or ``(N, …)`` targets, and `answers` what is
    given for each of them, in the same form; `predict` gives that for any examples. For classes,
    `class_names` says what they are called, `probabilities` ``(N, classes)`` how sure the answers
    are, where that is known, and `losses` ``(N,)`` how wrong each is.
    """

    part: str
    x: Any
    y: Array
    answers: Array
    predict: Callable[[Array], Array]
    class_names: Sequence[str] | None = None
    probabilities: Array | None = None
    losses: Array | None = None

    @cached_property
    def wrong(self) -> Array:
        """The places of the mistakes, those with the largest loss first."""
        places = np.flatnonzero(self.answers != self.y)
        if self.losses is None:
            return places
        return places[np.argsort(-self.losses[places], kind="stable")]

    def confused_pairs(self, count: int) -> list[tuple[int, int, Array]]:
        """The pairs (true class, predicted class) with the most mistakes, and their places."""
        pairs: dict[tuple[int, int], list[int]] = {}
        for place in self.wrong:
            pairs.setdefault((int(self.y[place]), int(self.answers[place])), []).append(place)
        most = sorted(pairs.items(), key=lambda item: (-len(item[1]), item[0]))
        return [(true, predicted, np.array(places)) for (true, predicted), places in most[:count]]


def load_own_data(run: Run) -> Dataset:
    """The data that a run was trained on, in the parts that it had then.

    Raises:
        DataError: it is no longer to be found, or is not what it was.
    """
    dataset = load_data(run.config)
    if dataset.preparation.layout != run.preparation.layout:
        raise DataError(
            f"{run.config.data} is not what {run.path} was trained on: its columns, or their "
            "statistics, have changed, so that nobody knows which rows were held out; give the "
            f"data to judge by: `chainrule evaluate {run.path} DATA`"
        )
    return dataset


def judge(run: Run, dataset: Dataset) -> Judged:
    """What a run's network makes of the test part, or else of what was held out for validation, or
    else of the training part."""
    part, x, y = unseen(dataset)
    network, loss, targets = run.network, run.network.choose_loss(None), np.asarray(y)
    outputs = network.predict(x)
    if run.class_names is None:
        return Judged(part, x, targets, outputs, network.predict)

    def classes(examples: Array) -> Array:
        return loss.classes(network.predict(examples))

    answers = loss.classes(outputs)
    losses = np.zeros(len(targets))
    for place in np.flatnonzero(answers != targets):
        one = slice(place, place + 1)
        losses[place] = loss.forward(outputs[one], targets[one])[0]
    probabilities = _probabilities(run, outputs)
    return Judged(part, x, targets, answers, classes, run.class_names, probabilities, losses)


def _probabilities(run: Run, outputs: Array) -> Array | None:
    """``(N, classes)``; None where the outputs are not probabilities."""
    try:
        return class_probabilities(run.network, outputs)
    except ArgumentError:
        return None


def class_probabilities(network: Network, outputs: Array) -> Array:
    """``(N, classes)``, from what a network answers.

    Raises:
        ArgumentError: its outputs are not probabilities. With squared errors they are where the
            network ends in sigmoid or softmax; elsewhere they lie between 0 and 1 by chance.
    """
    loss = network.choose_loss(None)
    if isinstance(loss, MeanSquaredError) and not isinstance(network.layers[-1], SQUASHING):
        raise ArgumentError(
            "outputs trained with MeanSquaredError are not probabilities unless the network ends "
            f"in sigmoid or softmax, and this one ends in {network.layers[-1]!r}: train with "
            "softmax_cross_entropy or binary_cross_entropy"
        )
    return loss.probabilities(outputs)


def unseen(dataset: Dataset) -> tuple[str, Any, Any]:
    """The part to judge by, with its name: the test part, or else what was held out for validation,
    or else the training part."""
    if dataset.x_test is not None and dataset.y_test is not None:
        return "test", dataset.x_test, dataset.y_test
    if dataset.x_validation is not None and dataset.y_validation is not None:
        return "validation", dataset.x_validation, dataset.y_validation
    return "training", dataset.x_train, dataset.y_train
