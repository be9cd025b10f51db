"""The pictures that several labs draw: curves over epochs, and regions in the plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.experiments.curves import label_epochs, name_below, panels_in_rows
from chainrule.experiments.figures import scatter_classes
from chainrule.experiments.palette import DASHES, colour
from chainrule.types import Array

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Curves = Mapping[str, Sequence[Sequence[float]]]  # for each name, a curve for each seed

CLASSES = ("0", "1")
SHOWN = 500  # points in a picture; what it says in numbers is of all of them
RESOLUTION = 200  # points of the grid along each side of the plane


def draw_curves(title: str, panels: Mapping[str, Curves], every: int = 1) -> Figure:
    """A panel for each measured number: a line for the mean over the seeds of each name, within
    a band from the lowest seed to the highest.

    Args:
        panels: for each label of a y axis, its curves.
        every: how many epochs lie between two values of a curve.
    """
    figure, places = panels_in_rows(len(panels))
    figure.suptitle(title)
    for axes, (label, curves) in zip(places, panels.items(), strict=True):
        for number, (name, seeds) in enumerate(curves.items()):
            values = np.array(seeds)
            epochs = every * np.arange(1, values.shape[1] + 1)
            dashes = DASHES[number % len(DASHES)]  # so that a curve shows that lies on another
            axes.plot(epochs, values.mean(axis=0), dashes, color=colour(number), label=name)
            axes.fill_between(
                epochs, values.min(0), values.max(0), color=colour(number), alpha=0.2, lw=0
            )
        label_epochs(axes, label)
        axes.legend(frameon=False, fontsize="small")
    return figure


def draw_regions(
    title: str, x: Array, y: Array, predictors: Mapping[str, Callable[[Array], Array]]
) -> Figure:
    """The points `x` (N, 2) of the classes `y` (0 or 1): alone, then over the regions in which
    each predictor (points to class numbers) sees the classes, its mistakes ringed."""
    figure, (truth, *places) = panels_in_rows(len(predictors) + 1)
    figure.suptitle(title)
    scatter_classes(truth, x[:SHOWN], y[:SHOWN], CLASSES)
    truth.set_title("ground truth")
    low, high = limits = np.stack([x.min(axis=0), x.max(axis=0)])
    grid = np.meshgrid(*np.linspace(low, high, RESOLUTION, dtype=x.dtype).T)
    for axes, (name, predict) in zip(places, predictors.items(), strict=True):
        regions = predict(np.stack([side.ravel() for side in grid], axis=1))
        colours = [colour(0), colour(1)]
        axes.contourf(
            *grid, regions.reshape(grid[0].shape), [-0.5, 0.5, 1.5], colors=colours, alpha=0.25
        )
        scatter_classes(axes, x[:SHOWN], y[:SHOWN], CLASSES)
        wrong = predict(x) != y
        axes.plot(
            *x[:SHOWN][wrong[:SHOWN]].T,
            "o",
            mfc="none",
            color="black",
            ms=6,
            mew=0.8,
            label="wrong",
        )
        axes.set_title(f"{name}: {100 * wrong.mean():.1f} % wrong")
    for axes in (truth, *places):
        axes.set(xlabel="x1", ylabel="x2", xlim=limits[:, 0], ylim=limits[:, 1], aspect="equal")
    name_below(figure, *axes.get_legend_handles_labels(), columns=3)
    return figure
