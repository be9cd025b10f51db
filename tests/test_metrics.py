"""Metrics agree with scikit-learn, and with numbers worked out by hand."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn import metrics as sklearn_metrics

import chainrule as cr
from chainrule import metrics
from chainrule.errors import ArgumentError, TargetError, UnknownNameError
from chainrule.losses import LOSSES

rng = np.random.default_rng(0)
TRUE = rng.integers(0, 5, 200)
SCORES = rng.standard_normal((200, 5)) + 2 * np.eye(5)[TRUE]
PREDICTED = SCORES.argmax(axis=1)
NUMBERS = rng.standard_normal(200)
GUESSES = NUMBERS + 0.3 * rng.standard_normal(200)


@pytest.mark.parametrize("average", ["macro", "micro", "none"])
@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.precision, sklearn_metrics.precision_score),
        (metrics.recall, sklearn_metrics.recall_score),
        (metrics.f1, sklearn_metrics.f1_score),
    ],
)
@pytest.mark.parametrize(
    ("predicted", "true"),
    [
        (PREDICTED, TRUE),
        (np.where(PREDICTED == 3, 0, PREDICTED), TRUE),  # class 3 is never predicted
        (PREDICTED, np.where(TRUE == 3, 0, TRUE)),  # class 3 never occurs
        (PREDICTED + 4 * (PREDICTED == 4), TRUE),  # classes 5 to 7 stand nowhere
    ],
    ids=["all", "never predicted", "never occurs", "gaps"],
)
def test_precision_recall_f1(ours, theirs, predicted, true, average: str) -> None:
    expected = theirs(
        true, predicted, average=None if average == "none" else average, zero_division=0
    )
    found = ours(predicted, true, average)
    if average == "none":  # scikit-learn leaves out classes that stand nowhere
        found = found[np.union1d(predicted, true)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.accuracy, sklearn_metrics.accuracy_score),
        (metrics.confusion_matrix, sklearn_metrics.confusion_matrix),
    ],
)
def test_classes(ours, theirs) -> None:
    np.testing.assert_array_equal(ours(PREDICTED, TRUE), theirs(TRUE, PREDICTED))
    np.testing.assert_array_equal(ours(SCORES, np.eye(5)[TRUE]), theirs(TRUE, PREDICTED))


@pytest.mark.parametrize("k", [1, 2, 4, 5])
def test_top_k(k: int) -> None:
    expected = sklearn_metrics.top_k_accuracy_score(TRUE, SCORES, k=k) if k < 5 else 1
    assert metrics.top_k(SCORES, TRUE, k) == expected


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        (metrics.mean_absolute_error, sklearn_metrics.mean_absolute_error),
        (metrics.root_mean_squared_error, sklearn_metrics.root_mean_squared_error),
        (metrics.r2, sklearn_metrics.r2_score),
    ],
)
def test_distances(ours, theirs) -> None:
    assert ours(GUESSES, NUMBERS) == pytest.approx(theirs(NUMBERS, GUESSES), rel=1e-12)
    assert ours(GUESSES[:, None], NUMBERS) == pytest.approx(theirs(NUMBERS, GUESSES), rel=1e-12)


@pytest.mark.parametrize(
    ("function", "value"),
    [
        (metrics.accuracy, 0.6),
        (lambda p, t: metrics.precision(p, t, "none").tolist(), [2 / 3, 1 / 2]),
        (lambda p, t: metrics.recall(p, t, "none").tolist(), [2 / 3, 1 / 2]),
        (lambda p, t: metrics.confusion_matrix(p, t).tolist(), [[2, 1], [1, 1]]),
        (lambda p, t: metrics.confusion_matrix(p, t, 3).shape, (3, 3)),
    ],
)
def test_by_hand(function, value) -> None:
    assert function(np.array([0, 0, 1, 1, 0]), np.array([0, 0, 0, 1, 1])) == value


@pytest.mark.parametrize(
    ("predictions", "targets", "value"),
    [
        ([1, 2, 3], [1, 2, 3], 1),
        ([2, 2, 2], [1, 2, 3], 0),
        ([3, 2, 1], [1, 2, 3], -3),
        ([5, 5], [5, 5], 1),
        ([4, 6], [5, 5], 0),
    ],
)
def test_r2_by_hand(predictions, targets, value) -> None:
    assert metrics.r2(np.array(predictions), np.array(targets)) == value


@pytest.mark.parametrize(
    ("function", "arguments", "message"),
    [
        (metrics.accuracy, ([], []), "at least one example"),
        (metrics.accuracy, ([0, 1], [0]), "2 predictions for 1 target"),
        (metrics.accuracy, ([0.5, 1], [0, 1]), "expected class numbers"),
        (metrics.accuracy, ([-1, 1], [0, 1]), "expected class numbers"),
        (metrics.top_k, ([0, 1], [0, 1]), "top_k needs scores"),
        (metrics.confusion_matrix, ([0, 3], [0, 1], 2), "class 3 is out of range for 2"),
        (metrics.r2, ([1.0, 2.0], [1.0]), r"shape \(2,\) for targets of shape \(1,\)"),
    ],
)
def test_arguments_that_do_not_fit(function, arguments, message: str) -> None:
    arguments = [np.array(a) if isinstance(a, list) else a for a in arguments]
    with pytest.raises(TargetError, match=message):
        function(*arguments)


def test_options_that_cannot_be() -> None:
    with pytest.raises(ArgumentError, match="k is a whole number, 1 or more; received 0"):
        metrics.top_k(SCORES, TRUE, 0)
    with pytest.raises(UnknownNameError, match="did you mean 'micro'"):
        metrics.f1(PREDICTED, TRUE, "Micro")


LABELS = rng.integers(0, 2, (200, 3))
GUESSED = np.where(rng.random((200, 3)) < 0.2, 1 - LABELS, LABELS)


@pytest.mark.parametrize("sign", [False, True], ids=["0 and 1", "-1 and 1"])
def test_several_labels_at_once(sign: bool) -> None:
    targets = 2 * LABELS - 1 if sign else LABELS
    expected = 1 - sklearn_metrics.hamming_loss(LABELS, GUESSED)
    assert metrics.label_accuracy(GUESSED, targets) == pytest.approx(expected, rel=1e-12)
    each = [sklearn_metrics.accuracy_score(LABELS[:, n], GUESSED[:, n]) for n in range(3)]
    np.testing.assert_allclose(metrics.label_accuracy(GUESSED, targets, "none"), each, rtol=1e-12)
    exact = sklearn_metrics.accuracy_score(LABELS, GUESSED)
    assert metrics.exact_match(GUESSED, targets) == pytest.approx(exact, rel=1e-12)


@pytest.mark.parametrize("function", [metrics.accuracy, metrics.f1, metrics.top_k])
@pytest.mark.parametrize("row", [[1, 1, 0], [0, 0, 0], [-1, 1, 1], [-1, -1, -1]])
def test_metrics_of_one_class_refuse_several_labels(function, row: list[int]) -> None:
    """The highest of several would have been compared with the first that is true."""
    targets = np.array([[0, 1, 0], row])
    with pytest.raises(TargetError, match=r"example 1 has the targets .* report label_accuracy"):
        function(np.eye(3)[:2], targets)


def test_a_distribution_has_one_class_even_where_two_are_as_likely() -> None:
    assert metrics.accuracy(np.array([0, 2]), np.array([[0.5, 0.5, 0], [0.1, 0.1, 0.8]])) == 1


@pytest.mark.parametrize("function", [metrics.label_accuracy, metrics.exact_match])
@pytest.mark.parametrize(
    ("predictions", "targets", "message"),
    [
        (np.eye(3), np.arange(3), r"shape \(3, 3\) and targets of shape \(3, 1\), 0 to 2: for one"),
        (np.eye(3), np.eye(3) / 2, r"targets of shape \(3, 3\), 0 to 0.5: for one class"),
        (np.eye(0), np.eye(0), "at least one example"),
    ],
)
def test_what_are_no_labels(function, predictions, targets, message: str) -> None:
    with pytest.raises(TargetError, match=message):
        function(predictions, targets)


def judged(loss: str, outputs: list[list[float]], y: list, names: list[str]) -> list[float]:
    """Metrics of a network with these outputs."""
    network = cr.Network([cr.Identity()], len(outputs[0]))
    numbers = network.judge(
        np.array(outputs), np.array(y), LOSSES[loss](), [metrics.METRICS[name] for name in names]
    )
    return [numbers[name] for name in names]


@pytest.mark.parametrize("zero", [-1, 0])
def test_accuracy_of_hinge_is_that_of_the_side(zero: int) -> None:
    outputs = [[0.2], [-3.0], [0.7], [-0.1]]
    for y in ([1, zero, zero, zero], [[1], [zero], [zero], [zero]]):
        assert judged("hinge", outputs, y, ["accuracy", "recall"]) == [0.75, (1 + 2 / 3) / 2]
    rows = [[zero, 1, zero], [1, zero, zero]]
    assert judged("hinge", [[0.1, 0.3, -1], [0.2, 2, 0.1]], rows, ["accuracy"]) == [0.5]


@pytest.mark.parametrize(
    ("loss", "right"),
    [("binary_cross_entropy", [2 / 3, 0.5]), ("hinge", [2 / 3, 0.5])],
)
def test_labels_are_read_from_the_sides_of_the_outputs(loss: str, right: list[float]) -> None:
    outputs = [[0.2, 3.0, -1.0], [0.4, 0.3, -0.1]]
    names = ["label_accuracy", "exact_match"]
    assert judged(loss, outputs, [[1, 1, 0], [0, 0, 0]], names) == right


def test_labels_of_a_loss_of_one_class() -> None:
    with pytest.raises(
        ArgumentError, match=r"softmax_cross_entropy is for one class .* train with"
    ):
        judged("softmax_cross_entropy", [[0.2, 0.1]], [0], ["label_accuracy"])
