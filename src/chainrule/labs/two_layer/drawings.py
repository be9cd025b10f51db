"""The pictures of the lab."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.experiments.document import Document
from chainrule.labs.pictures import draw_band, draw_regions
from chainrule.labs.two_layer.questions import Question
from chainrule.labs.two_layer.training import Runs, Training, classify
from chainrule.presentation.curves import label_powers, name_below, panels_in_rows, use_logarithm

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LARGEST_LOSS = 10.0  # in a picture: beside what grows without end, nothing else can be seen


def draw_predictions(document: Document, asked: dict[str, Question], runs: Runs, seed: int) -> None:
    """Ground truth beside what networks answer, everywhere in the square."""
    changes: dict[str, dict[str, Any]] = {
        "4 units": {},
        "2 units": {"hidden": 2},
        "no activation": {"activation": "identity"},
    }
    for name, training in asked["both"].trainings.items():
        points = training.points(seed)
        predictors = {
            label: partial(classify, runs[replace(training, **change), seed].network)
            for label, change in changes.items()
        }
        document.picture(
            f"predictions-{name.lower()}",
            draw_regions(f"{name} points", points.x_train, points.y_train, predictors),
            f"Ground truth of the {name} points, and the class that trained networks give to every "
            f"point of the square, with their mistakes ringed (seed {seed}).",
        )


def draw_losses(
    document: Document, name: str, question: Question, runs: Runs, seeds: Sequence[int]
) -> None:
    """Loss curves: the mean over the seeds, and the band from the lowest to the highest."""
    worst = {
        label: max(float(runs[training, seed].losses.max()) for seed in seeds)
        for label, training in question.trainings.items()
    }
    shown = {
        label: training
        for label, training in question.trainings.items()
        if worst[label] <= LARGEST_LOSS
    }
    left_out = "".join(
        f" Not shown: {label}, whose loss grows to {loss:.1e}."
        for label, loss in worst.items()
        if loss > LARGEST_LOSS
    )
    figure, axes = draw_bands(shown, runs, seeds, "losses")
    axes.set(title=question.title, ylabel="loss (mean squared error)")
    document.picture(
        name,
        figure,
        f"{question.title}: loss over the epochs, the mean and the range of the seeds.{left_out}",
    )


def draw_gradients(
    document: Document, question: Question, runs: Runs, seeds: Sequence[int]
) -> None:
    """The length of the gradient over the epochs."""
    figure, axes = draw_bands(question.trainings, runs, seeds, "gradients")
    axes.set(title="Where gradients vanish, and where they do not", ylabel="length of the gradient")
    document.picture(
        "gradients",
        figure,
        "Length of the gradient over the epochs, for each activation, on XOR.",
    )


def draw_bands(
    trainings: dict[str, Training], runs: Runs, seeds: Sequence[int], what: str
) -> tuple[Figure, Axes]:
    """A figure with a number of each training over its epochs: the mean over the seeds as a line,
    the range as a band."""
    figure, (axes,) = panels_in_rows(1, size=(8.0, 4.5))
    drawn, all_values = {}, []
    for place, (label, training) in enumerate(trainings.items()):
        values = np.stack([getattr(runs[training, seed], what) for seed in seeds])
        epochs = runs[training, seeds[0]].epochs
        drawn[label] = draw_band(axes, epochs, values, place)
        all_values.append(values[values > 0])
    positive = np.concatenate(all_values)
    use_logarithm(axes, float(positive.min()), float(positive.max()))
    axes.set(xscale="log", xlabel="epoch")
    label_powers(axes.xaxis, 1, max(training.epochs for training in trainings.values()))
    axes.grid(color="#808080", alpha=0.25)
    name_below(figure, drawn)
    return figure, axes
