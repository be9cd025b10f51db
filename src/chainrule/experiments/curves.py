"""The pictures of training: loss and metrics over the epochs, of one run and of many."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from chainrule.display import as_png
from chainrule.experiments.palette import COLOURS, line_style
from chainrule.files import whole_file
from chainrule.history import BOOKKEEPING, History
from chainrule.text import for_plot

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

TRAINING, VALIDATION = COLOURS[:2]
FEW_EPOCHS = 30  # up to which each epoch has a dot
LEGEND_LINE = 0.22  # inches


def draw_curves(history: History, title: str, path: Path) -> None:
    """Write a PNG with one panel for the loss and one for each metric.

    Raises:
        OutputError: it cannot be written.
    """
    with whole_file(path) as file:
        file.write(as_png(plot_curves(history, title), dpi=150))


def plot_curves(history: History, title: str = "") -> Figure:
    """A panel for the loss and one for each metric, each with training and validation."""
    names = recorded(history)
    figure, panels = panels_in_rows(len(training_names(names)))
    figure.suptitle(for_plot(title))
    epochs = history.values("epoch")
    style = "o-" if len(epochs) <= FEW_EPOCHS else "-"
    for axes, name in zip(panels, training_names(names), strict=True):
        axes.plot(epochs, history.values(name), style, color=TRAINING, label="training", ms=3)
        if f"validation_{name}" in names:
            values = history.values(f"validation_{name}")
            axes.plot(epochs, values, style, color=VALIDATION, label="validation", ms=3)
        label_epochs(axes, spell(name))
        axes.legend(frameon=False)
    return figure


def plot_bands(variants: Mapping[str, Sequence[History]]) -> Figure:
    """For each variant a line, the mean over its seeds, in a band from the lowest to the highest.

    A row of panels for the loss and one for each metric; training at the left, and validation,
    where there is any, at the right.
    """
    from matplotlib.figure import Figure

    names = recorded_by_all([history for histories in variants.values() for history in histories])
    rows = training_names(names)
    parts = [part for part in ("", "validation_") if f"{part}{rows[0]}" in names]
    figure = Figure(figsize=(9, 3.1 * len(rows) + 0.5), layout="constrained")
    panels = figure.subplots(len(rows), len(parts), squeeze=False, sharex=True, sharey="row")
    for row, name in zip(panels, rows, strict=True):
        for axes, part in zip(row, parts, strict=True):
            for number, histories in enumerate(variants.values()):
                draw_band(axes, [history.values(part + name) for history in histories], number)
            label_epochs(axes, spell(name))
            axes.set_title("validation" if part else "training", fontsize=10)
            axes.label_outer()
    name_below(figure, panels[0, 0].get_lines(), list(variants), columns=2)
    return figure


def draw_band(axes: Axes, curves: Sequence[Sequence[float]], number: int) -> None:
    """The mean of some curves within their range, up to the epoch that all of them reach."""
    reached = min(map(len, curves))
    values = np.array([curve[:reached] for curve in curves])
    epochs = np.arange(1, reached + 1)
    style = line_style(number)
    axes.plot(epochs, values.mean(axis=0), linewidth=1.8, **style)
    lowest, highest = values.min(axis=0), values.max(axis=0)
    axes.fill_between(epochs, lowest, highest, color=style["color"], alpha=0.2, linewidth=0)


def name_below(figure: Figure, artists: Sequence[Artist], names: list[str], columns: int) -> None:
    """A legend below all panels; a long one makes the figure higher, not the panels lower."""
    more_lines = max(0, math.ceil(len(names) / columns) - 2)
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE * more_lines)
    texts = list(map(for_plot, names))
    figure.legend(artists, texts, loc="outside lower center", ncols=columns, frameon=False)


def panels_in_rows(count: int) -> tuple[Figure, list[Axes]]:
    """An empty figure of `count` panels, two or three side by side."""
    from matplotlib.figure import Figure  # no pyplot: it keeps figures in global state

    columns = 3 if count % 3 == 0 else min(2, count)
    rows = math.ceil(count / columns)
    figure = Figure(figsize=(9 if columns > 1 else 5.5, 3.4 * rows), layout="constrained")
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in panels[count:]:
        unused.remove()
    return figure, panels[:count]


def label_epochs(axes: Axes, label: str) -> None:
    """Whole epochs below, `label` at the left, and a quiet grid."""
    from matplotlib.ticker import MaxNLocator

    axes.set(xlabel="epoch", ylabel=for_plot(label))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.grid(color="#808080", alpha=0.25)


def recorded(history: History) -> list[str]:
    """The names of loss and metrics."""
    return [name for name in history.names() if name not in BOOKKEEPING]


def recorded_by_all(histories: Sequence[History]) -> list[str]:
    """The names of loss and metrics that all of them have."""
    first, *others = histories
    return [name for name in recorded(first) if all(name in other.names() for other in others)]


def training_names(names: Sequence[str]) -> list[str]:
    """Those among them that are of training."""
    return [name for name in names if not name.startswith("validation_")] or ["loss"]


def spell(name: str) -> str:
    """``mean_absolute_error`` for a reader."""
    return name.replace("_", " ")
