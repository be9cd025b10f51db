"""Calibration: how far a network's probabilities can be taken at their word.

Of the examples that a calibrated network is 80 % sure of, 80 % are right. A temperature T makes
probabilities more or less sure and leaves their order:

    p_c  ->  p_c^(1/T) / Σ_k p_k^(1/T),    which for p = softmax(z) is softmax(z / T).

It is chosen by examples that were held out of training, and judged by others.

Source: Guo, Pleiss, Sun & Weinberger, On Calibration of Modern Neural Networks (2017).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.arguments import number
from chainrule.errors import TargetError
from chainrule.functions import softmax
from chainrule.metrics import true_classes
from chainrule.types import Array

__all__ = ["Reliability", "at_temperature", "find_temperature", "reliability"]

BINS = 10
LEAST, MOST = 0.05, 20.0  # temperatures
HALVINGS = 40
SMALLEST = 1e-12  # of a probability, before its logarithm


@dataclass(frozen=True)
class Reliability:
    """Predictions by how sure they are, in bins of equal width that have any: the mean probability
    of the predicted class, the share that is right, and how many there are."""

    confidences: Array
    accuracies: Array
    counts: Array

    @property
    def error(self) -> float:
        """The expected calibration error: Σ_b count_b |accuracy_b - confidence_b| / Σ_b count_b."""
        gaps = np.abs(self.accuracies - self.confidences)
        return float((self.counts * gaps).sum() / self.counts.sum())


def reliability(probabilities: Array, y: Array, bins: int = BINS) -> Reliability:
    """How often predictions are right, by how sure they are.

    Args:
        probabilities: ``(N, classes)``.
        y: ``(N,)``, the true classes.

    >>> sure = np.array([[0.9, 0.1], [0.9, 0.1], [0.4, 0.6]])
    >>> found = reliability(sure, np.array([0, 1, 1]))
    >>> found.confidences, found.accuracies, round(found.error, 3)
    (array([0.6, 0.9]), array([1. , 0.5]), 0.4)
    """
    probabilities, true = _checked(probabilities, y)
    right = probabilities.argmax(axis=1) == true
    confidence = probabilities.max(axis=1)
    places = np.minimum((confidence * bins).astype(np.int64), bins - 1)
    counts = np.bincount(places, minlength=bins)
    filled = counts > 0
    sums = (np.bincount(places, of, minlength=bins) for of in (confidence, right))
    confidences, accuracies = (of_bin[filled] / counts[filled] for of_bin in sums)
    return Reliability(confidences, accuracies, counts[filled])


def at_temperature(probabilities: Array, temperature: float) -> Array:
    """Probabilities made less sure by a temperature above 1, or surer by one below.

    >>> at_temperature(np.array([[0.8, 0.2]]), 2.0).round(3)
    array([[0.667, 0.333]])
    """
    number(temperature, "temperature", "(0, inf)")
    return softmax(_logarithms(probabilities) / temperature)


def find_temperature(probabilities: Array, y: Array) -> float:
    """The temperature at which these examples are likeliest: with β = 1 / T the derivative of
    -Σ log p_y by β is Σ (E_p[log p] - log p_y), which grows with β and is halved in on.

    >>> too_sure = np.array([[0.99, 0.01]] * 3 + [[0.99, 0.01]])
    >>> at_temperature(too_sure, find_temperature(too_sure, np.array([0, 0, 0, 1])))[0].round(3)
    array([0.75, 0.25])
    """
    probabilities, true = _checked(probabilities, y)
    logits = _logarithms(probabilities)
    of_true = float(logits[np.arange(len(true)), true].mean())
    low, high = 1 / MOST, 1 / LEAST
    for _ in range(HALVINGS):
        middle = (low * high) ** 0.5
        expected = float((softmax(middle * logits) * logits).sum(axis=1).mean())
        low, high = (middle, high) if expected < of_true else (low, middle)
    return float((low * high) ** -0.5)


def _checked(probabilities: Array, y: Array) -> tuple[Array, Array]:
    """Probabilities and true classes that belong together."""
    probabilities, true = np.asarray(probabilities, np.float64), true_classes(np.asarray(y))
    if probabilities.ndim != 2 or len(probabilities) != len(true) or not len(true):
        raise TargetError(
            f"calibration is of probabilities (N, classes) and classes (N,); received shapes "
            f"{probabilities.shape} and {np.shape(y)}"
        )
    return probabilities, true


def _logarithms(probabilities: Array) -> Array:
    return np.log(np.maximum(np.asarray(probabilities, np.float64), SMALLEST))
