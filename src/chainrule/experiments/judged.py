"""The examples that a run is judged on, with what its network makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.errors import ArgumentError, DataError
from chainrule.experiments.run_folder import Run
from chainrule.experiments.runner import load_data
from chainrule.losses import Loss
from chainrule.types import Array


@dataclass(frozen=True)
class Judged:
    """Examples with targets and outputs.

    `part` says which they are: ``"test"``, ``"validation"`` or ``"training"``. `x` is
    ``(N, *input_shape)``, `y` ``(N,)`` class numbers or ``(N, …)`` targets.
    """

    part: str
    x: Any
    y: Array
    outputs: Array
    loss: Loss

    @cached_property
    def classes(self) -> Array:
        """The predicted class numbers ``(N,)``."""
        return self.loss.classes(self.outputs)

    @cached_property
    def wrong(self) -> Array:
        """The places of the mistakes, those with the largest loss first."""
        places = np.flatnonzero(self.classes != self.y)
        losses = [self.loss.forward(self.outputs[i : i + 1], self.y[i : i + 1])[0] for i in places]
        return places[np.argsort(losses, kind="stable")[::-1]]

    @cached_property
    def probabilities(self) -> Array | None:
        """``(N, classes)``; None where the outputs are not probabilities."""
        try:
            return self.loss.probabilities(self.outputs)
        except ArgumentError:
            return None

    def confused_pairs(self, count: int) -> list[tuple[int, int, Array]]:
        """The pairs (true class, predicted class) with the most mistakes, and their places."""
        pairs: dict[tuple[int, int], list[int]] = {}
        for place in self.wrong:
            pairs.setdefault((int(self.y[place]), int(self.classes[place])), []).append(place)
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
    """The test part, or else what was held out for validation, or else the training part."""
    part, x, y = unseen(dataset)
    return Judged(part, x, np.asarray(y), run.network.predict(x), run.network.choose_loss(None))


def unseen(dataset: Dataset) -> tuple[str, Any, Any]:
    """The part to judge by, with its name: the test part, or else what was held out for validation,
    or else the training part."""
    if dataset.x_test is not None and dataset.y_test is not None:
        return "test", dataset.x_test, dataset.y_test
    if dataset.x_validation is not None and dataset.y_validation is not None:
        return "validation", dataset.x_validation, dataset.y_validation
    return "training", dataset.x_train, dataset.y_train
