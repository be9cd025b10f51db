"""What people read: accuracy and its relatives for classes, distances for numbers.

The functions for classes take predictions as class numbers ``(N,)`` or as scores
``(N, classes)``, of which the largest counts. Those for several labels at once take 1 where an
example has a label, and 0 (or -1) where it has not, ``(N, labels)``. `METRICS` names those that
training can report.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from chainrule.arguments import choice, integer
from chainrule.configurable import find_name
from chainrule.errors import TargetError
from chainrule.presentation.display import counted
from chainrule.types import Array

__all__ = [
    "accuracy",
    "top_k",
    "confusion_matrix",
    "precision",
    "recall",
    "f1",
    "label_accuracy",
    "exact_match",
    "mean_absolute_error",
    "root_mean_squared_error",
    "r2",
]

Average = Literal["macro", "micro", "none"]


def accuracy(predictions: Array, targets: Array) -> float:
    """The share of examples whose class is right.

    >>> accuracy(np.array([[0.9, 0.1], [0.4, 0.6]]), np.array([0, 0]))
    0.5
    """
    predicted, true = _same_length(class_numbers(predictions), true_classes(targets))
    return float((predicted == true).mean())


def top_k(scores: Array, targets: Array, k: int = 5) -> float:
    """The share of examples whose class is among the `k` with the highest scores.

    >>> top_k(np.array([[0.5, 0.3, 0.2]]), np.array([1]), k=2)
    1.0
    """
    scores, true = _same_length(np.asarray(scores), true_classes(targets))
    if scores.ndim != 2:
        raise TargetError(f"top_k needs scores (N, classes), received shape {scores.shape}")
    if integer(k, "k") >= scores.shape[1]:
        return 1.0
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]
    return float((best == true[:, None]).any(axis=1).mean())


def confusion_matrix(predictions: Array, targets: Array, classes: int | None = None) -> Array:
    """``(classes, classes)`` counts: row the true class, column the predicted one.

    >>> confusion_matrix(np.array([0, 1, 1]), np.array([0, 0, 1]))
    array([[1, 1],
           [0, 1]])
    """
    predicted, true = _same_length(class_numbers(predictions), true_classes(targets))
    count = max(int(predicted.max()), int(true.max())) + 1
    if classes is not None and count > classes:
        raise TargetError(f"class {count - 1} is out of range for {classes} classes")
    counts = np.zeros((classes or count,) * 2, dtype=np.int64)
    np.add.at(counts, (true, predicted), 1)
    return counts


def precision(predictions: Array, targets: Array, average: Average = "macro") -> Any:
    """right / predicted, for each class; 0 for a class never predicted.

    `average`: "macro" is the mean over the classes that occur, "micro" counts all classes
    together, "none" gives an array, one value for each class.

    >>> precision(np.array([0, 1, 1]), np.array([0, 0, 1]), average="none")
    array([1. , 0.5])
    """
    right, predicted, true = _counts(predictions, targets, average)
    return _averaged(_ratio(right, predicted), predicted + true > 0, average)


def recall(predictions: Array, targets: Array, average: Average = "macro") -> Any:
    """right / true, for each class; 0 for a class that never occurs. `average`: see precision.

    >>> recall(np.array([0, 1, 1]), np.array([0, 0, 1]), average="none")
    array([0.5, 1. ])
    """
    right, predicted, true = _counts(predictions, targets, average)
    return _averaged(_ratio(right, true), predicted + true > 0, average)


def f1(predictions: Array, targets: Array, average: Average = "macro") -> Any:
    """2 precision recall / (precision + recall), for each class. `average`: see precision.

    >>> f1(np.array([0, 1, 1]), np.array([0, 0, 1]), average="micro")
    0.6666666666666666
    """
    right, predicted, true = _counts(predictions, targets, average)
    return _averaged(_ratio(2 * right, predicted + true), predicted + true > 0, average)


def label_accuracy(
    predictions: Array, targets: Array, average: Literal["micro", "none"] = "micro"
) -> Any:
    """The share of labels that are right, where an example may have several at once, or none; with
    `average` "none" an array, one value for each label.

    >>> predictions, targets = np.array([[1, 0, 0], [1, 1, 0]]), np.array([[1, 0, 1], [1, 1, 0]])
    >>> label_accuracy(predictions, targets, average="none")
    array([1. , 1. , 0.5])
    """
    choice(average, "average", ["micro", "none"])
    right = _right_labels(predictions, targets)
    return right.mean(axis=0) if average == "none" else float(right.mean())


def exact_match(predictions: Array, targets: Array) -> float:
    """The share of examples all of whose labels are right, where each may have several at once.

    >>> exact_match(np.array([[1, 0, 0], [1, 1, 0]]), np.array([[1, 0, 1], [1, 1, 0]]))
    0.5
    """
    return float(_right_labels(predictions, targets).all(axis=1).mean())


def mean_absolute_error(predictions: Array, targets: Array) -> float:
    """Σ |p - t| / count, in the targets' units.

    >>> mean_absolute_error(np.array([1.0, 4.0]), np.array([1.0, 2.0]))
    1.0
    """
    return float(np.abs(_difference(predictions, targets)).mean())


def root_mean_squared_error(predictions: Array, targets: Array) -> float:
    """sqrt(Σ (p - t)² / count), in the targets' units.

    >>> root_mean_squared_error(np.array([1.0, 4.0]), np.array([1.0, 4.0]))
    0.0
    """
    return float(np.sqrt(np.square(_difference(predictions, targets)).mean()))


def r2(predictions: Array, targets: Array) -> float:
    """1 - Σ (p - t)² / Σ (t - mean t)²: the share of the variance that is explained, over all
    values together. 1 is perfect, 0 no better than the mean.

    Where the targets do not vary, it is 1 for a perfect prediction and 0 for any other.

    >>> r2(np.array([1.0, 2.0]), np.array([1.0, 3.0]))
    0.5
    """
    unexplained = float(np.square(_difference(predictions, targets)).sum())
    targets = np.asarray(targets, np.float64)
    total = float(np.square(targets - targets.mean()).sum())
    if total == 0:
        return 1.0 if unexplained == 0 else 0.0
    return 1 - unexplained / total


@dataclass(frozen=True)
class Metric:
    """A metric that training can report: its name, its function, and what that reads."""

    name: str
    function: Callable[[Array, Array], float]
    reads: Literal["classes", "labels", "outputs"]


METRICS = {
    metric.name: metric
    for metric in (
        Metric("accuracy", accuracy, "classes"),
        Metric("top_5", top_k, "outputs"),
        Metric("precision", precision, "classes"),
        Metric("recall", recall, "classes"),
        Metric("f1", f1, "classes"),
        Metric("label_accuracy", label_accuracy, "labels"),
        Metric("exact_match", exact_match, "labels"),
        Metric("mean_absolute_error", mean_absolute_error, "outputs"),
        Metric("root_mean_squared_error", root_mean_squared_error, "outputs"),
        Metric("r2", r2, "outputs"),
    )
}


def as_metric(metric: str | Metric | Callable[[Array, Array], float]) -> Metric:
    """A metric by name, or a function ``(outputs, targets) -> number`` of the user's own."""
    if isinstance(metric, Metric):
        return metric
    if callable(metric):
        return Metric(getattr(metric, "__name__", "metric"), metric, "outputs")
    return METRICS[find_name(metric, METRICS, "metric")]


def class_numbers(classes: Array) -> Array:
    """Class numbers ``(N,)``, from themselves or from scores or one-hot rows ``(N, classes)``."""
    classes = np.asarray(classes)
    if classes.size == 0:
        raise TargetError("a metric needs at least one example, received none")
    if classes.ndim == 2 and classes.shape[1] > 1:
        return classes.argmax(axis=1)
    flat = classes.reshape(-1)
    whole = flat.astype(np.int64)
    if len(flat) != len(classes) or (whole != flat).any() or (whole < 0).any():
        raise TargetError(
            "expected class numbers (N,), whole ones from 0, or scores (N, classes); received "
            f"{flat.min():g} to {flat.max():g} of shape {classes.shape}: for real numbers, report "
            "root_mean_squared_error or r2"
        )
    return whole


def true_classes(targets: Array) -> Array:
    """Class numbers ``(N,)`` from themselves or from rows in which one class is true.

    Raises:
        TargetError: a row has several labels at once, or none.
    """
    classes = class_numbers(targets)
    rows = np.asarray(targets)
    if rows.ndim == 2 and rows.shape[1] > 1:
        ties = np.sum(rows == rows.max(axis=1, keepdims=True), axis=1) > 1
        are_shares = (rows.min(axis=1) >= 0) & (np.abs(rows.sum(axis=1) - 1) < 1e-3)
        wrong = np.flatnonzero(ties & ~are_shares)
        if wrong.size:
            raise TargetError(
                f"example {wrong[0]} has the targets {rows[wrong[0]].tolist()}, several labels at "
                "once or none, and this metric is of one class for each: report label_accuracy and "
                "exact_match instead"
            )
    return classes


def _same_length(predictions: Array, targets: Array) -> tuple[Array, Array]:
    if len(predictions) != len(targets):
        raise TargetError(
            f"{counted(len(predictions), 'prediction')} for {counted(len(targets), 'target')}"
        )
    return predictions, targets


def _right_labels(predictions: Array, targets: Array) -> Array:
    """``(N, labels)``: True where a label is right."""
    predicted, true = np.asarray(predictions), np.asarray(targets)
    if not predicted.size:
        raise TargetError("a metric needs at least one example, received none")
    predicted, true = (labels.reshape(len(labels), -1) for labels in (predicted, true))
    if predicted.shape != true.shape or not np.isin([predicted, true], (-1, 0, 1)).all():
        raise TargetError(
            "expected a row of 0 and 1 (or -1 and 1) for each example, received predictions of "
            f"shape {predicted.shape} and targets of shape {true.shape}, {true.min():g} to "
            f"{true.max():g}: for one class for each example, report accuracy"
        )
    right: Array = (predicted > 0) == (true > 0)
    return right


def _difference(predictions: Array, targets: Array) -> Array:
    predictions, targets = np.asarray(predictions), np.asarray(targets)
    if predictions.size == 0 or predictions.size != targets.size:
        raise TargetError(
            f"predictions of shape {predictions.shape} for targets of shape {targets.shape}"
        )
    return predictions.astype(np.float64) - targets.reshape(predictions.shape)


def _counts(predictions: Array, targets: Array, average: Average) -> tuple[Array, Array, Array]:
    """For each class, or for all together: right, predicted, true."""
    choice(average, "average", ["macro", "micro", "none"])
    counts = confusion_matrix(predictions, targets)
    right, predicted, true = np.diag(counts), counts.sum(axis=0), counts.sum(axis=1)
    if average == "micro":
        return right.sum(keepdims=True), predicted.sum(keepdims=True), true.sum(keepdims=True)
    return right, predicted, true


def _ratio(part: Array, whole: Array) -> Array:
    return np.divide(part, whole, out=np.zeros(len(part)), where=whole > 0)


def _averaged(values: Array, occurs: Array, average: Average) -> Any:
    return values if average == "none" else float(values[occurs].mean())
