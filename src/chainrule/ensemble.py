"""Several networks that answer as one, and one network that looks at an example several times."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from chainrule.arguments import integer
from chainrule.augment import Augmentation
from chainrule.augment.changes import Mix
from chainrule.calibration import at_temperature, find_temperature, reliability
from chainrule.chain import measure
from chainrule.errors import ArgumentError
from chainrule.losses import BinaryCrossEntropy, DistributionLoss, Loss
from chainrule.metrics import accuracy
from chainrule.network import Network
from chainrule.types import Array

__all__ = ["Ensemble"]


class Ensemble:
    """The mean of what networks predict: of probabilities for classes, else of numbers.

        p(x) = Σ_m Σ_v p_m(x_v) / (M V),    m a network, v a view of the example

    Mistakes that the members do not share cancel. The first view is the example as it is; the
    others are changed as training examples are (test-time augmentation).

    Args:
        networks: trained networks for the same task, such as of several seeds; or a single one.
        augment: how the other views are changed, as in `fit`.
        views: of each example, 1 or more.
        seed: where the changes of views come from.
    Raises:
        ArgumentError: networks that do not answer the same, views of one kind alone.

    Source: Lakshminarayanan, Pritzel & Blundell, Simple and Scalable Predictive Uncertainty
    Estimation using Deep Ensembles (2017); temperature as in `calibration`.

    >>> from chainrule.layers import Dense
    >>> x, y = np.array([[0.0], [1.0]] * 20), np.array([0, 1] * 20)
    >>> nets = [Network([Dense(2)], 1, seed=seed) for seed in range(3)]
    >>> histories = [net.fit(x, y, epochs=200, quiet=True) for net in nets]
    >>> Ensemble(nets).evaluate(x, y)["accuracy"]
    1.0
    """

    def __init__(
        self, networks: Sequence[Network], augment: Any = None, views: int = 1, seed: int = 0
    ) -> None:
        self.networks = [networks] if isinstance(networks, Network) else list(networks)
        if not self.networks:
            raise ArgumentError("an ensemble has one network or more; received none")
        for member in self.networks[1:]:
            if member.output_shape != self.networks[0].output_shape:
                raise ArgumentError(
                    f"the members of an ensemble answer the same; received outputs of shape "
                    f"{self.networks[0].output_shape} and {member.output_shape}"
                )
        self.views, self.seed = integer(views, "views"), seed
        self.augment = None if augment is None else Augmentation.of(augment)
        if (self.views > 1) != (self.augment is not None):
            raise ArgumentError("augment and views, 2 or more, go together: give both or neither")
        if self.augment and any(isinstance(change, Mix) for change in self.augment.changes):
            raise ArgumentError(f"a view is of one example; leave {self.augment.changes[-1]!r} out")
        self.temperature = 1.0

    @property
    def loss(self) -> Loss:
        """What the networks were trained with."""
        return self.networks[0].choose_loss(None)

    def predict(self, x: Any) -> Array:
        """Probabilities ``(N, classes)``, or numbers ``(N, …)`` for a regression."""
        total: Any = 0.0
        for view in range(self.views):
            seen = x
            if view and self.augment is not None:
                seen = self.augment.of_epoch(np.asarray(x), self.seed, view)[:]
            for member in self.networks:
                total = total + self._answer(member, seen)
        mean: Array = total / (self.views * len(self.networks))
        return mean if self.temperature == 1 else at_temperature(mean, self.temperature)

    def calibrate(self, x: Any, y: Any) -> float:
        """Find the temperature by examples held out of training, for all predictions to come.

        Raises:
            ArgumentError: what is predicted are no probabilities.
        """
        if not self.has_probabilities:
            raise ArgumentError(
                f"a temperature is of probabilities, which networks trained with {self.loss!r} do "
                "not give: train with softmax_cross_entropy or binary_cross_entropy"
            )
        self.temperature = 1.0
        self.temperature = find_temperature(self.predict(x), np.asarray(y))
        return self.temperature

    def evaluate(self, x: Any, y: Any) -> dict[str, float]:
        """For classes the loss -log p of the true class, the accuracy and the expected calibration
        error; for numbers the loss, and the metrics of training."""
        answers, y = self.predict(x), np.asarray(y)
        if not self.has_probabilities:
            metrics = measure(answers, y, self.loss, self.networks[0].metrics)
            return {"loss": self.loss.forward(answers, y)[0], **metrics}
        true = np.maximum(answers[np.arange(len(y)), y], np.finfo(answers.dtype).tiny)
        return {
            "loss": float(-np.log(true).mean()),
            "accuracy": accuracy(answers, y),
            "calibration_error": reliability(answers, y).error,
        }

    @property
    def has_probabilities(self) -> bool:
        """True if one class of several, or of two, is predicted."""
        of_two = isinstance(self.loss, BinaryCrossEntropy) and self.networks[0].output_shape == (1,)
        return of_two or isinstance(self.loss, DistributionLoss)

    def _answer(self, member: Network, x: Any) -> Array:
        outputs = member.predict(x).astype(np.float64)
        return self.loss.probabilities(outputs) if self.has_probabilities else outputs
