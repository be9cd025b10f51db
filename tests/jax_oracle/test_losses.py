"""Every loss agrees with JAX in float64: its value and its gradient."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax_layers import agree

from chainrule.losses import (
    LOSSES,
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Hinge,
    Huber,
    KLDivergence,
    Loss,
    MeanAbsoluteError,
    MeanSquaredError,
    SoftmaxCrossEntropy,
    TargetsAsGradient,
)

N, CLASSES = 6, 4
CLASS_WEIGHTS = (0.5, 2.0, 0.0, 1.5)

rng = np.random.default_rng(0)
LOGITS = 2 * rng.standard_normal((N, CLASSES))
NUMBERS = rng.standard_normal((N, CLASSES))
LABELS = np.array([0, 3, 1, 1, 2, 3])
ONE_HOT = np.eye(CLASSES)[LABELS]
MIXED = rng.dirichlet(np.ones(CLASSES), N)
PROBABILITIES = rng.dirichlet(np.ones(CLASSES), N)
BITS = np.array([0, 1, 1, 0, 1, 0])
WEIGHTS = np.array([1.0, 0.5, 0.0, 2.0, 1.0, 3.0])


def weighted_mean(losses: Any, weights: Any) -> Any:
    """Σ w l / Σ w, a weight for each example standing for each of its values."""
    weights = jnp.broadcast_to(weights.reshape(-1, *[1] * (losses.ndim - 1)), losses.shape)
    return (losses * weights).sum() / weights.sum()


def softmax_cross_entropy(
    z: Any, q: Any, class_weights: Any = (1.0,) * CLASSES, smoothing: float = 0.0
) -> Any:
    smooth = q * (1 - smoothing) + smoothing / CLASSES
    return (-jax.nn.log_softmax(z) * smooth * jnp.array(class_weights)).sum(axis=1)


# The loss, predictions, targets as chainrule takes them, and the loss of each example or value.
CASES: dict[str, tuple[Loss, Any, Any, Callable[[Any], Any]]] = {
    "mean squared error": (
        MeanSquaredError(),
        LOGITS,
        NUMBERS,
        lambda p: (p - NUMBERS) ** 2,
    ),
    "mean squared error of a column": (
        MeanSquaredError(),
        LOGITS[:, :1],
        NUMBERS[:, 0],
        lambda p: (p - NUMBERS[:, :1]) ** 2,
    ),
    "mean squared error of class numbers": (
        MeanSquaredError(),
        LOGITS,
        LABELS,
        lambda p: (p - ONE_HOT) ** 2,
    ),
    "mean squared error of images": (
        MeanSquaredError(),
        LOGITS.reshape(N, 2, 2),
        NUMBERS.reshape(N, 2, 2),
        lambda p: (p - NUMBERS.reshape(N, 2, 2)) ** 2,
    ),
    "mean absolute error": (
        MeanAbsoluteError(),
        LOGITS,
        NUMBERS,
        lambda p: jnp.abs(p - NUMBERS),
    ),
    "huber": (
        Huber(),
        LOGITS,
        NUMBERS,
        lambda p: jnp.where(
            jnp.abs(p - NUMBERS) <= 1, (p - NUMBERS) ** 2 / 2, jnp.abs(p - NUMBERS) - 0.5
        ),
    ),
    "huber, delta 0.3": (
        Huber(delta=0.3),
        LOGITS,
        NUMBERS,
        lambda p: jnp.where(
            jnp.abs(p - NUMBERS) <= 0.3,
            (p - NUMBERS) ** 2 / 2,
            0.3 * (jnp.abs(p - NUMBERS) - 0.15),
        ),
    ),
    "binary cross-entropy on logits": (
        BinaryCrossEntropy(),
        LOGITS[:, :1],
        BITS,
        lambda z: -jnp.where(BITS[:, None], jax.nn.log_sigmoid(z), jax.nn.log_sigmoid(-z)),
    ),
    "binary cross-entropy on logits, soft targets": (
        BinaryCrossEntropy(),
        LOGITS,
        MIXED,
        lambda z: -MIXED * jax.nn.log_sigmoid(z) - (1 - MIXED) * jax.nn.log_sigmoid(-z),
    ),
    "binary cross-entropy on probabilities": (
        BinaryCrossEntropy(from_logits=False),
        PROBABILITIES,
        MIXED,
        lambda p: -MIXED * jnp.log(p) - (1 - MIXED) * jnp.log(1 - p),
    ),
    "binary cross-entropy within a margin": (
        BinaryCrossEntropy(from_logits=False, margin=0.2),
        PROBABILITIES,
        MIXED,
        lambda p: (
            -MIXED * jnp.log(jnp.clip(p, 0.2, 0.8))
            - (1 - MIXED) * jnp.log(1 - jnp.clip(p, 0.2, 0.8))
        ),
    ),
    "softmax cross-entropy": (
        SoftmaxCrossEntropy(),
        LOGITS,
        LABELS,
        lambda z: softmax_cross_entropy(z, ONE_HOT),
    ),
    "softmax cross-entropy, one-hot": (
        SoftmaxCrossEntropy(),
        LOGITS,
        ONE_HOT,
        lambda z: softmax_cross_entropy(z, ONE_HOT),
    ),
    "softmax cross-entropy, mixed targets": (
        SoftmaxCrossEntropy(),
        LOGITS,
        MIXED,
        lambda z: softmax_cross_entropy(z, MIXED),
    ),
    "softmax cross-entropy, smoothed": (
        SoftmaxCrossEntropy(label_smoothing=0.1),
        LOGITS,
        LABELS,
        lambda z: softmax_cross_entropy(z, ONE_HOT, smoothing=0.1),
    ),
    "categorical cross-entropy": (
        CategoricalCrossEntropy(),
        PROBABILITIES,
        LABELS,
        lambda p: -jnp.log(p[jnp.arange(N), LABELS]),
    ),
    "categorical cross-entropy, mixed, held at the margin": (
        CategoricalCrossEntropy(margin=0.1),
        PROBABILITIES,
        MIXED,
        lambda p: -(MIXED * jnp.log(jnp.maximum(p, 0.1))).sum(axis=1),
    ),
    "kl divergence": (
        KLDivergence(),
        np.log(PROBABILITIES),
        MIXED,
        lambda p: (MIXED * (jnp.log(MIXED) - p)).sum(axis=1),
    ),
    "kl divergence from a certainty": (
        KLDivergence(),
        np.log(PROBABILITIES),
        ONE_HOT,
        lambda p: -p[jnp.arange(N), LABELS],
    ),
    "hinge": (
        Hinge(),
        LOGITS[:, :1],
        BITS,
        lambda p: jax.nn.relu(1 - (2.0 * BITS[:, None] - 1) * p),
    ),
    "hinge, -1 and 1": (
        Hinge(),
        LOGITS[:, 0],
        2 * BITS - 1,
        lambda p: jax.nn.relu(1 - (2.0 * BITS - 1) * p),
    ),
}


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("name", CASES)
def test_value_and_gradient_agree(name: str, reduction: str, weights: Any) -> None:
    loss, predictions, targets, formula = CASES[name]
    loss = type(loss)(**{**loss.options(), "reduction": reduction})
    w = np.ones(N) if weights is None else weights

    @jax.value_and_grad
    def expected(p: Any) -> Any:
        if reduction == "mean":
            return weighted_mean(formula(p), w)
        return (formula(p) * w.reshape(-1, *[1] * (formula(p).ndim - 1))).sum()

    value, cache = loss.forward(predictions, targets, weights)
    theirs, their_gradient = expected(jnp.asarray(predictions))
    agree(value, theirs, "loss")
    agree(loss.backward(cache), their_gradient, "gradient")


@pytest.mark.parametrize("weights", [None, WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("targets", [LABELS, ONE_HOT], ids=["class numbers", "one-hot"])
def test_class_weights_divide_by_the_weights_of_the_targets(targets, smoothing, weights) -> None:
    loss = SoftmaxCrossEntropy(class_weights=CLASS_WEIGHTS, label_smoothing=smoothing)
    w = np.ones(N) if weights is None else weights

    @jax.value_and_grad
    def expected(z: Any) -> Any:
        losses = softmax_cross_entropy(z, ONE_HOT, CLASS_WEIGHTS, smoothing)
        return (w * losses).sum() / (w * np.array(CLASS_WEIGHTS)[LABELS]).sum()

    value, cache = loss.forward(LOGITS, targets, weights)
    theirs, their_gradient = expected(jnp.asarray(LOGITS))
    agree(value, theirs, "loss")
    agree(loss.backward(cache), their_gradient, "gradient")


def test_every_loss_is_compared() -> None:
    compared = {type(loss) for loss, *_ in CASES.values()}
    assert compared | {TargetsAsGradient} == set(LOSSES.values())  # that one has no gradient
