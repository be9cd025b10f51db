"""The pictures that several labs draw: curves over epochs, and regions in the plane."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Array = npt.NDArray[Any]
Curves = Mapping[str, Sequence[Sequence[float]]]  # for each name, a curve for each seed

# Okabe and Ito's colours, which the colour-blind can tell apart; lines differ in style as well.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#E69F00", "#56B4E9", "#000000")
STYLES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1, 1, 1)), (0, (8, 2)), (0, (1, 1)))
CLASS_COLOURS, CLASS_MARKERS = ("#D55E00", "#0072B2"), ("o", "^")
RESOLUTION = 200  # points along each side of the plane
SHOWN = 400  # points in a picture; its shares are of all points
PANEL = (3.6, 3.6)  # inches


def draw_curves(title: str, panels: Mapping[str, Curves], every: int = 1) -> Figure:
    """A panel for each measured number: a line for the mean over the seeds of each name, within
    a band from the lowest seed to the highest.

    Args:
        panels: for each label of a y axis, its curves.
        every: how many epochs lie between two values of a curve.
    """
    figure = new_figure(title, len(panels))
    for axes, (label, curves) in zip(panel_row(figure, len(panels)), panels.items(), strict=True):
        for name, colour, style in zip(curves, COLOURS, STYLES, strict=False):
            values = np.array(curves[name])
            epochs = every * np.arange(1, values.shape[1] + 1)
            axes.plot(epochs, values.mean(axis=0), linestyle=style, color=colour, label=name)
            axes.fill_between(epochs, values.min(0), values.max(0), color=colour, alpha=0.15, lw=0)
        axes.set(xlabel="epoch", ylabel=label)
        axes.grid(alpha=0.3)
        axes.legend(frameon=False, fontsize=8)
    return figure


def draw_regions(
    title: str, x: Array, y: Array, predictors: Mapping[str, Callable[[Array], Array]]
) -> Figure:
    """Some of the points `x` (N, 2) of the classes `y` (0 or 1): alone, then over the regions in
    which each predictor (points to class numbers) sees the classes, its mistakes circled."""
    figure = new_figure(title, len(predictors) + 1)
    truth, *places = panel_row(figure, len(predictors) + 1)
    _scatter(truth, x, y, "ground truth")
    figure.legend(*truth.get_legend_handles_labels(), loc="outside lower center", ncols=2)
    for axes, (name, predict) in zip(places, predictors.items(), strict=True):
        _fill(axes, x, predict)
        wrong = predict(x) != y
        _scatter(axes, x, y, f"{name}: {100 * wrong.mean():.1f} % wrong")
        circled = x[:SHOWN][wrong[:SHOWN]]
        axes.scatter(
            circled[:, 0], circled[:, 1], 40, facecolors="none", edgecolors="black", lw=0.8
        )
    return figure


def new_figure(title: str, panels: int) -> Figure:
    """A figure that is wide enough for its panels; no pyplot, which keeps figures globally."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(PANEL[0] * panels + 0.8, PANEL[1]), layout="constrained")
    figure.suptitle(title)
    return figure


def panel_row(figure: Figure, count: int) -> list[Axes]:
    """Axes side by side."""
    return list(figure.subplots(1, count, squeeze=False)[0])


def _fill(axes: Axes, x: Array, predict: Callable[[Array], Array]) -> None:
    """Colour the plane by the class that is predicted there."""
    low, high = x.min(axis=0), x.max(axis=0)
    first, second = np.meshgrid(*np.linspace(low, high, RESOLUTION, dtype=x.dtype).T)
    classes = predict(np.stack([first.ravel(), second.ravel()], axis=1)).reshape(first.shape)
    axes.contourf(first, second, classes, levels=[-0.5, 0.5, 1.5], colors=CLASS_COLOURS, alpha=0.25)


def _scatter(axes: Axes, x: Array, y: Array, title: str) -> None:
    for number, (colour, marker) in enumerate(zip(CLASS_COLOURS, CLASS_MARKERS, strict=True)):
        first, second = x[:SHOWN][y[:SHOWN] == number].T
        label = f"class {number}"
        axes.scatter(first, second, s=7, color=colour, marker=marker, label=label, lw=0)
    axes.set(xlabel="x1", ylabel="x2", title=title, aspect="equal")
    axes.set(xlim=(x[:, 0].min(), x[:, 0].max()), ylim=(x[:, 1].min(), x[:, 1].max()))
