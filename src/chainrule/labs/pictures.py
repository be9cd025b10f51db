"""The pictures that several labs draw: curves over epochs, and regions in the plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from chainrule.experiments import figures
from chainrule.experiments.features import Feature
from chainrule.presentation.curves import fit_values, label_epochs, name_below, panels_in_rows
from chainrule.presentation.palette import DASHES, colour
from chainrule.types import Array

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Curves = Mapping[str, Sequence[Sequence[float]]]  # for each name, a curve for each seed

CLASSES = ("0", "1")
SHOWN = 500  # points in a picture


def draw_curves(title: str, panels: Mapping[str, Curves], every: int = 1) -> Figure:
    """A panel for each measured number: a line for the mean over the seeds of each name, within
    a band from the lowest seed to the highest.

    Args:
        panels: for each label of a y axis, its curves.
        every: how many epochs lie between two values of a curve.
    """
    figure, places = panels_in_rows(len(panels))
    figure.suptitle(title)
    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    drawn: dict[str, Artist] = {}
    for axes, (label, curves) in zip(places, panels.items(), strict=True):
        for name, seeds in curves.items():
            values = np.array(seeds)
            epochs = every * np.arange(1, values.shape[1] + 1)
            drawn[name] = draw_band(axes, epochs, values, names.index(name))
        label_epochs(axes, label)
        fit_values(axes, label, [curve for seeds in curves.values() for curve in seeds])
    name_below(figure, drawn)
    return figure


def draw_band(axes: Axes, epochs: Array, values: Array, number: int) -> Artist:
    """The mean of curves ``(seeds, epochs)`` as a line, in a band from the lowest to the highest.
    Dashes let a curve show that lies on another."""
    dashes = DASHES[number % len(DASHES)]
    (line,) = axes.plot(epochs, values.mean(axis=0), dashes, color=colour(number))
    lowest, highest = values.min(axis=0), values.max(axis=0)
    axes.fill_between(epochs, lowest, highest, color=colour(number), alpha=0.2, lw=0)
    return line


def draw_regions(
    title: str, x: Array, y: Array, predictors: Mapping[str, Callable[[Array], Array]]
) -> Figure:
    """The first `SHOWN` of the points `x` (N, 2) of the classes `y` (0 or 1): alone, then over the
    regions in which each predictor (points to class numbers) sees the classes, its mistakes ringed.
    """
    features = [Feature("x1"), Feature("x2")]
    figure = figures.draw_regions(predictors, x[:SHOWN], y[:SHOWN], CLASSES, features)
    figure.suptitle(title)
    return figure
