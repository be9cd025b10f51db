"""The two-layer lab: its network, and its convolution against plain loops."""

from __future__ import annotations

import numpy as np
import pytest

import chainrule as cr
from chainrule.experiments.document import Attachment, Document
from chainrule.labs.two_layer.answers import attach_predictions
from chainrule.labs.two_layer.convolution import (
    compare_convolutions,
    convolve,
    convolve_backward,
)
from chainrule.labs.two_layer.questions import questions
from chainrule.labs.two_layer.training import CLIP, Training, train


def test_the_network_has_two_hidden_layers_and_no_biases() -> None:
    network = Training(epochs=1, hidden=3).network(seed=0)
    assert list(network.parameters) == ["0.W", "2.W", "4.W"]
    assert [view.shape for view in network.parameters.values()] == [(2, 3), (3, 3), (3, 1)]


def test_xor_is_learnt_at_rate_1_and_not_at_rate_001() -> None:
    fast = train(Training(epochs=3000), seed=0, watched=False)
    slow = train(Training(epochs=3000, optimizer=cr.SGD(0.01)), seed=0, watched=False)
    assert fast.accuracy == 1
    assert fast.first_perfect is not None
    assert slow.accuracy < 0.7
    assert slow.loss == pytest.approx(0.25, abs=0.01)


def test_gradients_stay_within_the_labs_limits() -> None:
    wild = train(
        Training(epochs=50, activation="identity", output="identity"), seed=0, watched=True
    )
    assert CLIP[1] <= wild.largest_gradient <= -CLIP[0]


@pytest.mark.parametrize("stride", [1, 2])
def test_convolution_in_loops_is_the_layer(stride: int) -> None:
    layer = cr.Conv2D(2, 3, stride=stride)
    layer.build((5, 6, 3), dtype="float64")
    x = np.random.default_rng(0).normal(size=(2, 5, 6, 3))
    y, cache = layer.forward(x)
    np.testing.assert_allclose(convolve(x, layer.W, layer.b, stride), y, rtol=1e-12)
    dy = np.random.default_rng(1).normal(size=y.shape)
    dx, dW, db = convolve_backward(dy, x, layer.W, stride)
    np.testing.assert_allclose(dx, layer.backward(dy, cache), rtol=1e-12, atol=1e-12)
    np.testing.assert_allclose(dW, layer.dW, rtol=1e-12)
    np.testing.assert_allclose(db, layer.db, rtol=1e-12)


def test_the_comparison_with_loops_ends_in_a_claim() -> None:
    document = Document("convolution")
    claim = compare_convolutions(document, 11, seed=0)
    assert "times as fast as loops" in claim.measured
    gap = float(claim.measured.rpartition("difference ")[2])
    assert gap < 1e-10
    assert "plain loops" in document.to_markdown()


def test_the_labs_claims_on_linear_points_are_asked() -> None:
    asked = questions(epochs=10)
    longer = asked["longer"].trainings.values()
    assert [(t.data, t.epochs) for t in longer] == [("linear", 10), ("linear", 40)]
    eight = [t for t in asked["fresh"].trainings.values() if t.hidden == 8]
    assert [t.fresh for t in eight] == [False, True]


def test_prediction_beside_truth_for_every_point() -> None:
    both = questions(epochs=30)["both"]
    runs = {(training, 0): train(training, 0, False) for training in both.trainings.values()}
    document = Document("points")
    attach_predictions(document, both, runs, seed=0)
    attachment = document.parts[-1]
    assert isinstance(attachment, Attachment)
    header, *lines = attachment.content.decode().splitlines()
    assert header == "set,x1,x2,truth,output,prediction"
    rows = [line.split(",") for line in lines]
    assert [row[0] for row in rows] == ["linear"] * 100 + ["XOR"] * 21
    assert all((float(row[4]) > 0.5) == (row[5] == "1") for row in rows)
    wrong = {name: [r[3] != r[5] for r in rows if r[0] == name] for name in ("linear", "XOR")}
    accuracies = {name: 1 - np.mean(of) for name, of in wrong.items()}
    found = {name: runs[t, 0].accuracy for name, t in both.trainings.items()}
    assert accuracies == pytest.approx(found)
    assert f"; {sum(map(sum, wrong.values()))} of them are wrong." in attachment.caption


def test_every_question_varies_one_thing() -> None:
    for question in questions(epochs=10).values():
        assert len(set(question.trainings)) == len(question.trainings) >= 2
