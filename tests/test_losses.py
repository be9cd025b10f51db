"""Losses by hand: numbers worked out on paper, no overflow, targets that do not fit."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from chainrule.errors import ArgumentError, TargetError, UnknownNameError
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
    one_hot,
)


@pytest.mark.parametrize(
    ("loss", "predictions", "targets", "value", "gradient"),
    [
        (MeanSquaredError(), [[1], [4]], [1, 2], 2, [[0], [2]]),
        (MeanSquaredError(reduction="sum"), [[1], [4]], [1, 2], 4, [[0], [4]]),
        (MeanAbsoluteError(), [[1, 4]], [[2, 2]], 1.5, [[-0.5, 0.5]]),
        (MeanAbsoluteError(), [[1.0]], [[1.0]], 0, [[0]]),
        (Huber(), [[0.5, 3]], [[0, 0]], 1.3125, [[0.25, 0.5]]),
        (Huber(delta=2, reduction="sum"), [[1, -5]], [[0, 0]], 8.5, [[1, -2]]),
        (BinaryCrossEntropy(), [[0.0]], [1], math.log(2), [[-0.5]]),
        (BinaryCrossEntropy(from_logits=False), [[0.25]], [0], math.log(4 / 3), [[4 / 3]]),
        (SoftmaxCrossEntropy(), [[0.0, 0, 0, 0]], [2], math.log(4), [[0.25, 0.25, -0.75, 0.25]]),
        (CategoricalCrossEntropy(), [[0.5, 0.5]], [1], math.log(2), [[0, -2]]),
        (KLDivergence(), [[math.log(0.5)] * 2], [[0.5, 0.5]], 0, [[-0.5, -0.5]]),
        (KLDivergence(), [[math.log(0.25)] * 2], [[1.0, 0.0]], math.log(4), [[-1, 0]]),
        (Hinge(), [[0.5], [-3]], [1, 0], 0.25, [[-0.5], [0]]),
        (Hinge(), [[2.0], [0.0]], [-1, 1], 2, [[0.5], [-0.5]]),
    ],
)
def test_values_by_hand(loss: Loss, predictions, targets, value: float, gradient) -> None:
    found, cache = loss.forward(np.array(predictions, np.float64), np.array(targets))
    assert found == pytest.approx(value, rel=1e-12, abs=1e-12)
    np.testing.assert_allclose(loss.backward(cache), gradient, rtol=1e-12, atol=1e-12)


EXTREME = np.array([[1e4, -1e4, 0], [-1e4, 1e4, 1e4], [-1e4, -1e4, -1e4]], np.float32)
LABELS = np.array([1, 0, 2])


@pytest.mark.parametrize("targets", [LABELS, one_hot(LABELS, 3)], ids=["numbers", "one-hot"])
@pytest.mark.parametrize(
    "loss",
    [
        *[kind() for kind in LOSSES.values()],
        BinaryCrossEntropy(from_logits=False),
        SoftmaxCrossEntropy(class_weights=(1, 0, 3), label_smoothing=0.1),
    ],
    ids=repr,
)
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_no_loss_overflows(loss: Loss, reduction: str, targets: np.ndarray) -> None:
    loss = type(loss)(**{**loss.options(), "reduction": reduction})
    with np.errstate(all="raise", under="ignore"):
        value, cache = loss.forward(EXTREME, targets)
        gradient = loss.backward(cache)
    assert math.isfinite(value)
    assert np.isfinite(gradient).all()
    assert gradient.dtype == np.float32
    assert gradient.shape == EXTREME.shape


@pytest.mark.parametrize(
    "loss", [BinaryCrossEntropy(from_logits=False), CategoricalCrossEntropy()], ids=repr
)
def test_there_is_no_log_of_zero(loss: Loss) -> None:
    certain = np.array([[0.0, 1.0], [1.0, 0.0]], np.float32)
    with np.errstate(all="raise", under="ignore"):
        value, cache = loss.forward(certain, np.array([0, 1]))
    assert value == pytest.approx(-math.log(loss.margin), rel=0.02)
    assert np.isfinite(loss.backward(cache)).all()


@pytest.mark.parametrize("kind", LOSSES.values())
def test_weights_that_are_all_zero_give_zero(kind: type[Loss]) -> None:
    p = np.full((2, 2), 0.5)
    value, cache = kind().forward(p, np.array([0, 1]), weights=np.zeros(2))
    assert value == 0
    if kind is not TargetsAsGradient:
        assert not kind().backward(cache).any()


@pytest.mark.parametrize("kind", [k for k in LOSSES.values() if k is not TargetsAsGradient])
def test_a_weight_of_two_counts_as_an_example_twice(kind: type[Loss]) -> None:
    p = np.random.default_rng(0).dirichlet(np.ones(3), 3)
    weighted, _ = kind().forward(p, LABELS, weights=np.array([1, 2, 0]))
    repeated, _ = kind().forward(p[[0, 1, 1]], LABELS[[0, 1, 1]])
    assert weighted == pytest.approx(repeated)


def test_binary_cross_entropy_is_the_same_on_logits_and_on_probabilities() -> None:
    logits = np.linspace(-5, 5, 7)[:, None]
    targets = np.array([0, 1, 0, 1, 1, 0, 1])
    of_logits, _ = BinaryCrossEntropy().forward(logits, targets)
    of_probabilities, _ = BinaryCrossEntropy(from_logits=False).forward(
        1 / (1 + np.exp(-logits)), targets
    )
    assert of_logits == pytest.approx(of_probabilities)


@pytest.mark.parametrize(
    ("loss", "outputs", "classes"),
    [
        (SoftmaxCrossEntropy(), [[0.1, 0.9, 0.0]], [1]),
        (BinaryCrossEntropy(), [[-0.1], [0.1]], [0, 1]),
        (BinaryCrossEntropy(from_logits=False), [[0.4], [0.6]], [0, 1]),
        (MeanSquaredError(), [[0.4], [0.6]], [0, 1]),
        (Hinge(), [[-0.1], [0.1]], [0, 1]),
        (TargetsAsGradient(), [[0.1, 0.9]], [1]),
    ],
    ids=repr,
)
def test_classes_that_outputs_stand_for(loss: Loss, outputs, classes) -> None:
    np.testing.assert_array_equal(loss.classes(np.array(outputs)), classes)


@pytest.mark.parametrize(
    ("loss", "outputs", "probabilities"),
    [
        (SoftmaxCrossEntropy(), [[0.0, math.log(3)]], [[0.25, 0.75]]),
        (BinaryCrossEntropy(), [[math.log(3)]], [[0.25, 0.75]]),
        (BinaryCrossEntropy(from_logits=False), [[0.3]], [[0.7, 0.3]]),
        (CategoricalCrossEntropy(), [[0.3, 0.7]], [[0.3, 0.7]]),
        (KLDivergence(), [[math.log(0.3), math.log(0.7)]], [[0.3, 0.7]]),
    ],
    ids=repr,
)
def test_probabilities_that_outputs_stand_for(loss: Loss, outputs, probabilities) -> None:
    np.testing.assert_allclose(loss.probabilities(np.array(outputs)), probabilities)


@pytest.mark.parametrize("targets", [[1, 2], [-1, 1], [0.0, math.nan]])
@pytest.mark.parametrize("from_logits", [True, False])
def test_binary_targets_outside_their_range(targets: list[float], from_logits: bool) -> None:
    """On {1, 2} the loss would fall without end."""
    loss = BinaryCrossEntropy(from_logits=from_logits)
    with pytest.raises(TargetError, match="takes targets from 0 to 1, received"):
        loss.forward(np.full((2, 1), 0.5), np.array(targets))


def test_distances_are_no_probabilities() -> None:
    with pytest.raises(ArgumentError, match="MeanAbsoluteError are not probabilities"):
        MeanAbsoluteError().probabilities(np.zeros((1, 2)))


@pytest.mark.parametrize("output", [-0.25, 1.5, np.nan])
def test_what_lies_outside_0_to_1_is_no_probability(output: float) -> None:
    with pytest.raises(ArgumentError, match=r"are not probabilities .* from"):
        MeanSquaredError().probabilities(np.array([[0.5], [output]]))


def test_the_squared_error_of_a_sigmoid_gives_both_probabilities() -> None:
    both = MeanSquaredError().probabilities(np.array([[0.25], [1.0]]))
    np.testing.assert_array_equal(both, [[0.75, 0.25], [0.0, 1.0]])
    several = np.array([[0.25, 0.5], [1.0, 0.0]])
    np.testing.assert_array_equal(MeanSquaredError().probabilities(several), several)


def test_class_weights_may_be_an_array() -> None:
    loss = SoftmaxCrossEntropy(class_weights=np.array([1.0, 2.0]))
    assert loss.class_weights == (1.0, 2.0)


LOGITS = np.zeros((2, 3))


@pytest.mark.parametrize(
    ("targets", "message"),
    [
        (np.array([0, 3]), "class 3 is out of range: the network has 3 outputs"),
        (np.array([0, -1]), "class -1 is out of range"),
        (np.array([0.0, 1.0]), r"class numbers are integers, received float64: .*y.astype\(int\)"),
        (np.array(["a", "b"]), "class numbers are integers"),
        (np.array([0, 1, 2]), r"targets of shape \(3,\) do not fit predictions of shape \(2, 3\)"),
        (np.zeros((2, 4)), r"targets of shape \(2, 4\) do not fit"),
    ],
)
@pytest.mark.parametrize("loss", [SoftmaxCrossEntropy(), MeanSquaredError(), Hinge()], ids=repr)
def test_targets_that_do_not_fit(loss: Loss, targets: Any, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        loss.forward(LOGITS, targets)


def test_hinge_takes_no_other_targets_than_its_own() -> None:
    for targets, received in ([1, 2], "1 and 2"), ([0.5, 1, -1, 3], "-1 to 3"):
        message = rf"hinge takes targets of -1 \(or 0\) and 1, received {received}: give np.where"
        with pytest.raises(TargetError, match=message):
            Hinge().forward(np.zeros((len(targets), 1)), np.array(targets))


@pytest.mark.parametrize("weights", [np.ones(3), np.ones((2, 1)), np.array([1, -1]), [1, np.nan]])
def test_weights_that_do_not_fit(weights: Any) -> None:
    with pytest.raises(TargetError, match="weights are one number, 0 or more, for each of the 2"):
        SoftmaxCrossEntropy().forward(LOGITS, np.array([0, 1]), weights)


def test_class_weights_that_do_not_fit() -> None:
    with pytest.raises(TargetError, match="class_weights has 2 values for 3 classes"):
        SoftmaxCrossEntropy(class_weights=(1, 2)).forward(LOGITS, np.array([0, 1]))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Huber(delta=0), r"delta is a number in \(0, inf\); received 0"),
        (lambda: SoftmaxCrossEntropy(label_smoothing=1), "label_smoothing is a number in"),
        (lambda: SoftmaxCrossEntropy(class_weights=(-1,)), "a class weight is a number in"),
        (lambda: BinaryCrossEntropy(margin=0.5), "margin is a number in"),
    ],
)
def test_options_that_cannot_be(make, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        make()


@pytest.mark.parametrize("reduction", ["maen", "Mean"])
def test_a_misspelt_reduction_is_not_another_one(reduction: str) -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'mean'"):
        MeanSquaredError(reduction=reduction)


@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        (np.zeros((3, 1)), np.array([0, 1, 2]), "a single one: use binary_cross_entropy"),
        (np.zeros((3, 2)), np.array([[0.2, 0.3]] * 3), "0.2 and 0.3, in rows that sum to 0.5: use"),
        (np.zeros((3, 2)), np.array([[2.0, -1.0]] * 3), "received -1 and 2, in rows that sum to 1"),
        (
            np.zeros((3, 2)),
            np.array([[1, 1], [0, 0], [1, 0]]),
            "sum to 0 to 2: use binary_cross_en",
        ),
    ],
)
@pytest.mark.parametrize(
    ("loss", "name"),
    [
        (SoftmaxCrossEntropy(), "softmax_cross_entropy"),
        (CategoricalCrossEntropy(), "categorical_cross_entropy"),
        (KLDivergence(), "kl_divergence"),
        (TargetsAsGradient(), "categorical_cross_entropy"),
    ],
)
def test_losses_of_classes_refuse_what_is_no_distribution(
    loss: Loss, name: str, predictions: np.ndarray, targets: np.ndarray, message: str
) -> None:
    """The categorical cross-entropy of a single output was 0, that of values below 0 negative."""
    with pytest.raises(TargetError, match=f"^{name} .*{message}"):
        loss.forward(predictions, targets)
