"""Losses: how wrong the predictions are, and the gradient that starts the backward pass.

A loss is the last link of the chain: `forward(predictions, targets)` returns one number and a
cache, `backward(cache)` the gradient with respect to the predictions, where the backward pass
starts. Each loss is given by two formulas side by side, the loss l_i of one example (or of one
value, where predictions and targets are compared value by value) and its derivative;
`reduction` says how they become one number:

    "mean"   Σ_i w_i l_i / Σ_i w_i,  the weights w_i being 1 unless given
    "sum"    Σ_i w_i l_i

Targets may be class numbers ``(N,)`` wherever the predictions are ``(N, classes)``.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from chainrule.arguments import choice, number
from chainrule.configurable import Configurable, Description, build
from chainrule.errors import ArgumentError, TargetError
from chainrule.functions import log_softmax, sigmoid, softmax, softplus
from chainrule.presentation.display import counted
from chainrule.types import Array

__all__ = [
    "BinaryCrossEntropy",
    "CategoricalCrossEntropy",
    "Hinge",
    "Huber",
    "KLDivergence",
    "Loss",
    "MeanAbsoluteError",
    "MeanSquaredError",
    "SoftmaxCrossEntropy",
    "TargetsAsGradient",
    "one_hot",
]

Reduction = Literal["mean", "sum"]
FEW_VALUES = 2  # that a message names one by one
Cache = Array  # the gradient with respect to the predictions, ready to be returned


@dataclass(frozen=True, repr=False, kw_only=True)
class Loss(Configurable):
    """The base of every loss: reduction, weights, and what the predictions mean.

    >>> loss = MeanSquaredError()
    >>> value, cache = loss.forward(np.array([[1.0], [4.0]]), np.array([[1.0], [2.0]]))
    >>> value, loss.backward(cache).ravel()
    (2.0, array([0., 2.]))
    """

    reduction: Reduction = "mean"

    def __post_init__(self) -> None:
        choice(self.reduction, "reduction", ["mean", "sum"])

    @abstractmethod
    def formulas(self, predictions: Array, targets: Array) -> tuple[Array, Array]:
        """(l, ∂l/∂predictions), with l of shape ``(N,)`` or of the predictions' shape."""

    def prepare(self, predictions: Array, targets: Array) -> Array:
        """Targets in the shape and type that the formulas take."""
        return match_targets(predictions, targets)

    def forward(
        self, predictions: Array, targets: Array, weights: Array | None = None
    ) -> tuple[float, Cache]:
        """The loss of a batch, and the cache for `backward`.

        Args:
            predictions: ``(N, …)``, the network's output.
            targets: what it should have been, or class numbers ``(N,)``.
            weights: ``(N,)``, how much each example counts.
        Raises:
            TargetError: targets or weights that do not fit the predictions.
        """
        targets = self.prepare(predictions, np.asarray(targets))
        values, derivative = self.formulas(predictions, targets)
        if weights is not None:
            weights = check_weights(weights, values)
            values = values * _column(weights, values.ndim)
            derivative = derivative * _column(weights, derivative.ndim)
        divisor = self.total_weight(values, targets, weights) if self.reduction == "mean" else 1.0
        return float(values.sum() / divisor), derivative / divisor

    def total_weight(self, values: Array, targets: Array, weights: Array | None) -> float:
        """Σ_i w_i, what "mean" divides by; 1 where nothing counts, to give 0 and not 0 / 0."""
        if weights is None:
            return float(values.size)
        return float(weights.sum()) * (values.size / len(values)) or 1.0

    def weight_of(self, predictions: Array, targets: Array, weights: Array | None) -> float:
        """How much a batch counts beside other batches in the mean over all of them: Σ_i w_i."""
        return float(len(predictions) if weights is None else np.sum(weights))

    def backward(self, cache: Cache) -> Array:
        """The gradient of the loss with respect to the predictions."""
        return cache

    def rescaled(self, scale: float) -> tuple[Loss, float] | None:
        """The loss l' and the factor f with l(p, t) = f · l'(p / scale, t / scale) for all p and t,
        which losses of their distance have; None if there are none."""
        return None

    @property
    def threshold(self) -> float:
        """What separates class 0 from class 1 where the network has a single output."""
        return 0.5

    def classes(self, predictions: Array) -> Array:
        """Class numbers ``(N,)``: the largest of the outputs, or the side of the threshold."""
        if predictions.ndim > 1 and predictions.shape[-1] > 1:
            return predictions.argmax(axis=-1)
        return (predictions.reshape(len(predictions)) > self.threshold).astype(np.int64)

    def true_classes(self, targets: Array) -> Array:
        """Targets as metrics for classes take them: class numbers ``(N,)``, or a row for each."""
        return targets

    def labels(self, predictions: Array) -> Array:
        """1 and 0 in the shape of the predictions, where each output answers a question of its
        own: the side of the threshold.

        >>> BinaryCrossEntropy().labels(np.array([[0.3, -2.0, 4.0]]))
        array([[1, 0, 1]])
        """
        return (predictions > self.threshold).astype(np.int64)

    def probabilities(self, predictions: Array) -> Array:
        """``(N, classes)``. Raises ArgumentError where outputs stand for something else."""
        raise ArgumentError(
            f"outputs trained with {type(self).__name__} are not probabilities: train with "
            "softmax_cross_entropy or binary_cross_entropy"
        )


class DistributionLoss(Loss):
    """The base of losses of a distribution over classes, of which each has an output."""

    def prepare(self, predictions: Array, targets: Array) -> Array:
        return match_distributions(predictions, targets, name_of(self))

    def labels(self, predictions: Array) -> Array:
        raise ArgumentError(
            f"{name_of(self)} is for one class for each example: for several labels at once, train "
            "with binary_cross_entropy"
        )


class MeanSquaredError(Loss):
    """l = (p - t)², for every value. Derivative: 2 (p - t).

    Shapes: predictions and targets alike; "mean" is over all values (PyTorch's MSELoss).
    """

    def formulas(self, predictions: Array, targets: Array) -> tuple[Array, Array]:
        difference = predictions - targets
        return difference * difference, 2 * difference

    def probabilities(self, predictions: Array) -> Array:
        """``(N, classes)``: the outputs, which the squared error draws to the share of a class
        among examples like these (Brier, 1950); of a single output p, 1 - p and p.

        Raises:
            ArgumentError: an output below 0 or above 1.
        """
        low, high = (float(bound(predictions)) for bound in (np.min, np.max))
        if not (low >= 0 and high <= 1):
            raise ArgumentError(
                f"outputs trained with MeanSquaredError are not probabilities where they lie "
                f"outside 0 to 1, and these lie from {low:.4g} to {high:.4g}: end the network in "
                "sigmoid or softmax, or train with softmax_cross_entropy or binary_cross_entropy"
            )
        return two_classes(predictions)

    def rescaled(self, scale: float) -> tuple[Loss, float]:
        return self, scale**2


class MeanAbsoluteError(Loss):
    """l = |p - t|, for every value. Derivative: sign(p - t).

    Shapes: predictions and targets alike; "mean" is over all values (PyTorch's L1Loss).
    """

    def formulas(self, predictions: Array, targets: Array) -> tuple[Array, Array]:
        difference = predictions - targets
        return np.abs(difference), np.sign(difference)

    def rescaled(self, scale: float) -> tuple[Loss, float]:
        return self, scale


@dataclass(frozen=True, repr=False, kw_only=True)
class Huber(Loss):
    """l = (p - t)² / 2 where |p - t| <= δ, else δ (|p - t| - δ / 2), for every value.

    Derivative: p - t, held within [-δ, δ].
    Shapes: predictions and targets alike; "mean" is over all values.
    Source: Huber, Robust Estimation of a Location Parameter (1964); PyTorch's HuberLoss.

    >>> Huber().forward(np.array([0.5, 3.0]), np.array([0.0, 0.0]))[0]
    1.3125
    """

    delta: float = 1.0

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.delta, "delta", "(0, inf)")

    def formulas(self, predictions: Array, targets: Array) -> tuple[Array, Array]:
        difference = predictions - targets
        held = np.clip(difference, -self.delta, self.delta)
        return held * (difference - held / 2), held

    def rescaled(self, scale: float) -> tuple[Loss, float]:
        return replace(self, delta=self.delta / scale), scale**2


@dataclass(frozen=True, repr=False, kw_only=True)
class BinaryCrossEntropy(Loss):
    """l = -t log(p) - (1 - t) log(1 - p), for every value.

    On logits z, with p = σ(z): l = softplus(z) - t z. Derivative: σ(z) - t.
    On probabilities (`from_logits=False`), p is first held within [margin, 1 - margin].
    Derivative: (p - t) / (p (1 - p)) inside the margin, 0 where p was held.

    Shapes: predictions (N, …), targets alike or (N,), in [0, 1].

    >>> BinaryCrossEntropy().forward(np.array([[-1e4], [1e4]]), np.array([0, 0]))[0]
    5000.0
    """

    from_logits: bool = True
    margin: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.margin, "margin", "(0, 0.5)")

    def prepare(self, predictions: Array, targets: Array) -> Array:
        matched = match_targets(predictions, targets)
        if matched.size and not (matched.min() >= 0 and matched.max() <= 1):
            raise TargetError(
                "binary_cross_entropy takes targets from 0 to 1, received "
                f"{values_of(matched)}: number two classes 0 and 1, as "
                "np.unique(y, return_inverse=True)[1] does, or use mean_squared_error for real "
                "numbers"
            )
        return matched

    def formulas(self, predictions: Array, targets: Array) -> tuple[Array, Array]:
        if self.from_logits:
            return (
                softplus(predictions) - targets * predictions,
                sigmoid(predictions) - targets,
            )
        p = np.clip(predictions, self.margin, 1 - self.margin)
        inside = p == predictions
        values = -targets * np.log(p) - (1 - targets) * np.log1p(-p)
        return values, inside * (p - targets) / (p * (1 - p))

    @property
    def threshold(self) -> float:
        return 0.0 if self.from_logits else 0.5

    def probabilities(self, predictions: Array) -> Array:
        return two_classes(sigmoid(predictions) if self.from_logits else predictions)


@dataclass(frozen=True, repr=False, kw_only=True)
class SoftmaxCrossEntropy(DistributionLoss):
    """l = -Σ_c q_c log p_c with p = softmax(z), for logits z; derivative: p Σ_c q_c - q.

    q is the target distribution t (1 at the class, 0 elsewhere), smoothed and weighted:
    q_c = class_weight_c · ((1 - ε) t_c + ε / classes). With class weights "mean" divides by the
    sum of the weights of the targets' classes (as PyTorch's CrossEntropyLoss for class numbers).

    Shapes: logits (N, classes), targets (N,) of class numbers or (N, classes).

    Args:
        class_weights: one for each class, to make rare classes count more.
        label_smoothing: ε in [0, 1).
    Source: Bridle (1990); smoothing: Szegedy et al., Rethinking the Inception Architecture
        (2016), section 7.

    >>> SoftmaxCrossEntropy().forward(np.array([[1e4, 0.0]]), np.array([1]))[0]
    10000.0
    """

    class_weights: tuple[float, ...] | None = None
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.label_smoothing, "label_smoothing", "[0, 1)")
        if self.class_weights is not None:  # from an array or a list as well
            if not isinstance(self.class_weights, (Sequence, np.ndarray)):
                raise ArgumentError(
                    f"class_weights are a number for each class; received {self.class_weights!r}"
                )
            weights = tuple(number(w, "a class weight", "[0, inf)") for w in self.class_weights)
            object.__setattr__(self, "class_weights", weights)

    def formulas(self, predictions: Array, targets: Array) -> tuple[Array, Array]:
        epsilon, classes = self.label_smoothing, predictions.shape[-1]
        q = ((1 - epsilon) * targets + epsilon / classes) * self._weights(targets)
        log_p = log_softmax(predictions)
        return -(q * log_p).sum(axis=-1), np.exp(log_p) * q.sum(axis=-1, keepdims=True) - q

    def total_weight(self, values: Array, targets: Array, weights: Array | None) -> float:
        if self.class_weights is None:
            return super().total_weight(values, targets, weights)
        of_class = (targets * self._weights(targets)).sum(axis=-1)
        return float((of_class if weights is None else of_class * weights).sum()) or 1.0

    def weight_of(self, predictions: Array, targets: Array, weights: Array | None) -> float:
        if self.class_weights is None:
            return super().weight_of(predictions, targets, weights)
        return self.total_weight(predictions, self.prepare(predictions, targets), weights)

    def _weights(self, targets: Array) -> Array:
        classes = targets.shape[-1]
        weights = self.class_weights or (1.0,) * classes
        if len(weights) != classes:
            raise TargetError(
                f"class_weights has {counted(len(weights), 'value')} for {classes} classes: give "
                "one each"
            )
        return np.asarray(weights, targets.dtype)

    def probabilities(self, predictions: Array) -> Array:
        return softmax(predictions)


@dataclass(frozen=True, repr=False, kw_only=True)
class CategoricalCrossEntropy(DistributionLoss):
    """l = -Σ_c t_c log p_c, for probabilities p, held at `margin` or above.

    Derivative: -t / p, 0 where p was held. For a network that ends in a Softmax layer; on
    logits, SoftmaxCrossEntropy is more accurate.

    Shapes: probabilities (N, classes), targets (N,) of class numbers or (N, classes).
    """

    margin: float = 1e-7

    def __post_init__(self) -> None:
        super().__post_init__()
        number(self.margin, "margin", "(0, 0.5)")

    def formulas(self, predictions: Array, targets: Array) -> tuple[Array, Array]:
        p = np.maximum(predictions, self.margin)
        inside = predictions >= self.margin
        return -(targets * np.log(p)).sum(axis=-1), np.where(inside, -targets / p, 0)

    def probabilities(self, predictions: Array) -> Array:
        return predictions


class KLDivergence(DistributionLoss):
    """l = Σ_c t_c (log t_c - p_c), for log-probabilities p, as LogSoftmax gives them.

    Derivative: -t. "mean" is over the examples (PyTorch's KLDivLoss with "batchmean").

    Shapes: log-probabilities (N, classes), targets (N,) of class numbers or (N, classes) of
    probabilities.
    Source: Kullback & Leibler, On Information and Sufficiency (1951).
    """

    def formulas(self, predictions: Array, targets: Array) -> tuple[Array, Array]:
        log_targets = np.log(np.where(targets > 0, targets, 1))  # t log t is 0 at t = 0
        return (targets * (log_targets - predictions)).sum(axis=-1), -targets

    def probabilities(self, predictions: Array) -> Array:
        return np.exp(predictions)


class Hinge(Loss):
    """l = max(0, 1 - t p), for every value, with targets -1 and 1; 0 stands for -1.

    Derivative: -t where t p < 1, else 0. "mean" is over all values.
    Source: Cortes & Vapnik, Support-Vector Networks (1995).

    >>> Hinge().forward(np.array([[0.5], [-3.0]]), np.array([1, 0]))[0]
    0.25
    """

    def prepare(self, predictions: Array, targets: Array) -> Array:
        targets = match_targets(predictions, targets)
        if not np.isin(targets, (-1, 0, 1)).all():
            raise TargetError(
                f"hinge takes targets of -1 (or 0) and 1, received {values_of(targets)}: give "
                "np.where(y == of_class_1, 1, -1), or use mean_squared_error for real numbers"
            )
        return np.where(targets == 0, -1, targets).astype(predictions.dtype)

    def formulas(self, predictions: Array, targets: Array) -> tuple[Array, Array]:
        shortfall = 1 - targets * predictions
        return np.maximum(shortfall, 0), np.where(shortfall > 0, -targets, 0)

    def true_classes(self, targets: Array) -> Array:
        return np.where(targets == -1, 0, targets)

    @property
    def threshold(self) -> float:
        return 0.0


@dataclass(frozen=True, repr=False, kw_only=True)
class TargetsAsGradient(Loss):
    """Any loss, for a HandWritten network whose backward pass starts from the targets.

    Code such as `backward_pass(x, y_true, params)` differentiates its own loss. It needs the
    targets where other layers need dy, so that is what `backward` hands over.

    Args:
        loss: what `forward` reports.
    """

    loss: Loss | Description = "categorical_cross_entropy"

    def forward(
        self, predictions: Array, targets: Array, weights: Array | None = None
    ) -> tuple[float, Cache]:
        value, _ = self.reported.forward(predictions, targets, weights)
        return value, self.reported.prepare(predictions, np.asarray(targets))

    def formulas(self, predictions: Array, targets: Array) -> tuple[Array, Array]:
        return self.reported.formulas(predictions, targets)

    def classes(self, predictions: Array) -> Array:
        return self.reported.classes(predictions)

    def true_classes(self, targets: Array) -> Array:
        return self.reported.true_classes(targets)

    def labels(self, predictions: Array) -> Array:
        return self.reported.labels(predictions)

    def probabilities(self, predictions: Array) -> Array:
        return self.reported.probabilities(predictions)

    @property
    def reported(self) -> Loss:
        """The loss that `forward` reports."""
        return build(self.loss, LOSSES, "loss")


LOSSES: dict[str, type[Loss]] = {
    "mean_squared_error": MeanSquaredError,
    "mean_absolute_error": MeanAbsoluteError,
    "huber": Huber,
    "binary_cross_entropy": BinaryCrossEntropy,
    "softmax_cross_entropy": SoftmaxCrossEntropy,
    "categorical_cross_entropy": CategoricalCrossEntropy,
    "kl_divergence": KLDivergence,
    "hinge": Hinge,
    "targets_as_gradient": TargetsAsGradient,
}


def name_of(loss: Loss) -> str:
    """What a loss is called where options name it."""
    return next(name for name, kind in LOSSES.items() if isinstance(loss, kind))


def two_classes(p: Array) -> Array:
    """Probabilities ``(N, classes)``; where there is one of each example, of its two classes."""
    p = p.reshape(len(p), -1)
    return np.hstack([1 - p, p]) if p.shape[1] == 1 else p


def match_targets(predictions: Array, targets: Array) -> Array:
    """Targets in the shape and type of the predictions.

    They have that shape already, or are ``(N,)`` for predictions ``(N, 1)``, or class numbers
    for predictions ``(N, classes)``. Nothing is broadcast: ``(N, 1) - (N,)`` would silently be
    a loss over all pairs.

    Raises:
        TargetError: the targets do not fit.
    """
    if targets.shape == predictions.shape or (
        targets.ndim == 1 and predictions.shape == (len(targets), 1)
    ):
        return targets.reshape(predictions.shape).astype(predictions.dtype, copy=False)
    if targets.ndim == 1 and predictions.ndim == 2 and len(targets) == len(predictions):
        return one_hot(targets, predictions.shape[1]).astype(predictions.dtype)
    raise TargetError(
        f"targets of shape {targets.shape} do not fit predictions of shape {predictions.shape}: "
        "give targets of the same shape, or one class number for each example"
    )


def one_hot(labels: Array, classes: int) -> Array:
    """Class numbers ``(N,)`` as rows with a single 1, ``(N, classes)``.

    Raises:
        TargetError: labels that are not whole numbers from 0 to classes - 1.

    >>> one_hot(np.array([0, 2]), 3)
    array([[1., 0., 0.],
           [0., 0., 1.]])
    """
    labels = np.asarray(labels)
    if labels.dtype.kind not in "iub":
        raise TargetError(
            f"class numbers are integers, received {labels.dtype}: convert them with "
            "y.astype(int), or give targets of the predictions' shape"
        )
    if labels.size and not (labels.min() >= 0 and labels.max() < classes):
        wrong = labels[(labels < 0) | (labels >= classes)][0]
        raise TargetError(
            f"class {wrong} is out of range: the network has {classes} outputs, "
            f"for classes 0 to {classes - 1}: give it more outputs, or number the classes from 0 "
            "with np.unique(y, return_inverse=True)[1]"
        )
    rows = np.zeros((len(labels), classes))
    rows[np.arange(len(labels)), labels.astype(np.intp)] = 1
    return rows


def match_distributions(predictions: Array, targets: Array, loss: str) -> Array:
    """Targets as `match_targets` gives them, each row a distribution over two classes or more.

    Raises:
        TargetError: they are none; the message names the loss.
    """
    if predictions.shape[-1] < 2:
        raise TargetError(
            f"{loss} needs an output for each class, but the network has a single "
            "one: use binary_cross_entropy for two classes, mean_squared_error for real numbers"
        )
    targets = match_targets(predictions, targets)
    sums = targets.sum(axis=-1)
    if (targets < 0).any() or np.abs(sums - 1).max(initial=0) > 1e-3:
        raise TargetError(
            f"{loss} takes class numbers, or rows of probabilities that sum to 1; received "
            f"{values_of(targets)}, in rows that sum to {values_of(sums)}: use "
            "binary_cross_entropy for several labels at once, mean_squared_error for real numbers"
        )
    return targets


def values_of(targets: Array) -> str:
    """Targets in a few words: the values, or of many the lowest and the highest.

    >>> values_of(np.array([2, 1, 2])), values_of(np.array([0.5, 1, 1.5, 2]))
    ('1 and 2', '0.5 to 2')
    """
    distinct = np.unique(targets)
    if len(distinct) <= FEW_VALUES:
        return " and ".join(f"{value:g}" for value in distinct)
    return f"{distinct[0]:g} to {distinct[-1]:g}"


def check_weights(weights: Array, values: Array) -> Array:
    """One weight, 0 or more, for each example."""
    weights = np.asarray(weights, values.dtype)
    fits = weights.shape == values.shape[:1]
    if not fits or not (weights >= 0).all():
        received = "negative ones or NaN" if fits else f"shape {weights.shape}"
        raise TargetError(
            f"weights are one number, 0 or more, for each of the {len(values)} examples; "
            f"received {received}"
        )
    return weights


def _column(weights: Array, ndim: int) -> Array:
    """``(N,)`` as ``(N, 1, …)``, to multiply arrays with `ndim` axes example by example."""
    return weights.reshape(-1, *(1,) * (ndim - 1))
