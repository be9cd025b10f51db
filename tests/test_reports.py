"""`cr.report` and `History.record`: curves and a report of trainings not made by chainrule."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError
from chainrule.experiments.document import Document, Heading, Picture

POINTS = np.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
XOR = np.array([0, 1, 1, 0])
IMAGES = np.random.default_rng(0).uniform(size=(6, 5, 5))
DIGITS = np.array([0, 1, 2, 0, 1, 2])


def trained(epochs: int = 3) -> cr.History:
    history = cr.History()
    for epoch in range(epochs):
        history.record(loss=np.float32(1 / (1 + epoch)), validation_loss=[2.0, 1.0, 3.0][epoch])
    return history


def headings(document: Document) -> list[str]:
    return [part.text for part in document.parts if isinstance(part, Heading)][1:]


def pictures(document: Document) -> list[str]:
    return [part.name for part in document.parts if isinstance(part, Picture)]


def shares(x: np.ndarray) -> np.ndarray:
    """Probabilities of three classes: the first for all, most surely for the last example."""
    sure = np.linspace(0.5, 0.9, len(x))
    return np.stack([sure, (1 - sure) / 2, (1 - sure) / 2], axis=1)


def test_epochs_are_counted_and_numbers_are_pythons() -> None:
    history = trained()
    assert history["epoch"] == [1, 2, 3]
    assert [type(loss) for loss in history["loss"]] == [float] * 3
    assert list(history.measured()) == ["loss", "validation_loss"]


@pytest.mark.parametrize(
    ("numbers", "message"),
    [
        ({"loss": 0.5}, "epoch 2 has loss, expected loss, validation_loss"),
        ({"loss": 0.5, "validation_loss": 1, "accuracy": 1}, "record the same numbers in every"),
        ({"loss": 0.5, "validation_loss": "low"}, "validation_loss should be a number"),
        ({"loss": 0.5, "validation_loss": np.ones(3)}, "validation_loss should be a number"),
        ({}, "epoch 2 has nothing"),
    ],
)
def test_an_epoch_that_does_not_fit_is_not_recorded(numbers: Any, message: str) -> None:
    history = trained(1)
    with pytest.raises(ArgumentError, match=message):
        history.record(**numbers)
    assert len(history) == 1


def test_without_epochs_there_is_nothing_to_draw(tmp_path: Path) -> None:
    for draw in (lambda: cr.History().plot(tmp_path / "a.png"), lambda: cr.report(cr.History())):
        with pytest.raises(ArgumentError, match=r"record\(loss=…\)"):
            draw()
    with pytest.raises(ArgumentError, match="expected at least one number"):
        cr.History().record()
    assert not list(tmp_path.iterdir())


def test_a_report_of_numbers_alone() -> None:
    document = cr.report(trained(), title="By hand")
    assert document.title == "By hand"
    assert document.parts[1].text == "After 3 epochs: loss 0.3333, validation loss 3."
    assert headings(document) == ["Learning curves"]
    assert "lowest, 1, after epoch 2" in document.parts[-1].caption


def test_points_have_regions_and_a_confusion_matrix() -> None:
    document = cr.report(trained(), POINTS, XOR, lambda x: (x[:, :1] > 0.5).astype(int))
    assert pictures(document) == ["curves", "regions", "confusion"]
    said = "50.00 % of the 4 test examples are classified correctly; 2 of them are wrong"
    assert said in document.parts[1].text


def test_images_show_the_worst_mistakes_first() -> None:
    document = cr.report(
        trained(), IMAGES, np.eye(3)[DIGITS].astype(int), shares, class_names=["a", "b", "c"]
    )
    assert "The worst mistakes" in headings(document)
    mistakes = document.parts[-1]
    assert mistakes.alt.startswith("Images of the worst mistakes: c taken for a, 90 %; ")


def test_without_probabilities_mistakes_have_no_order() -> None:
    document = cr.report(trained(), IMAGES, DIGITS, lambda x: 7 * shares(x))
    assert "The first mistakes" in headings(document)
    assert "%" not in document.parts[-1].alt
    assert "probability" not in document.parts[-1].caption


def test_images_of_any_brightness_are_shown() -> None:
    document = cr.report(trained(), 255 * IMAGES - 100, DIGITS, shares)
    assert "mistakes" in pictures(document)


def test_regression_has_its_predictions() -> None:
    document = cr.report(trained(), POINTS[:, :1], 2.0 * POINTS[:, 0], lambda x: 2 * x)
    assert pictures(document) == ["curves", "predictions"]
    assert "root mean squared error 0, r2 1" in document.parts[1].text


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ((POINTS, XOR, None), "x, y and predict go together"),
        ((POINTS, XOR, lambda x: x[:, 0]), "no classes: expected whole numbers"),
        ((POINTS, XOR, lambda x: x[:2]), "predict gives 2"),
        ((POINTS, XOR[:3], lambda x: x), "y 3"),
        ((POINTS, XOR.astype(float), lambda x: x), "classes are whole numbers"),
    ],
)
def test_what_does_not_fit_together(given: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        cr.report(trained(), *given)


def test_more_classes_than_names() -> None:
    with pytest.raises(ArgumentError, match="there are 3 classes, but 2 class_names"):
        cr.report(trained(), IMAGES, DIGITS, shares, class_names=["a", "b"])


def test_a_network_with_code_by_hand_has_a_report(tmp_path: Path) -> None:
    class Linear:
        def __init__(self) -> None:
            self.weight = np.ones((2, 2))

        def forward(self, x):
            self.x = x
            return x @ self.weight

        def backward(self, dy):
            self.weight_grad = self.x.T @ dy
            return dy @ self.weight.T

    network = cr.Network([cr.HandWritten(Linear())], 2)
    history = network.fit(POINTS, XOR, epochs=2, quiet=True)
    cr.report(history, POINTS, XOR, network.predict).write(tmp_path, formats=["svg"])
    assert {path.name for path in tmp_path.iterdir()} == {"report.html", "report.md", "pictures"}
    names = ("curves", "regions", "confusion")
    assert {path.name for path in (tmp_path / "pictures").iterdir()} == {
        f"{name}.{ending}" for name in names for ending in ("png", "svg")
    }
