"""The pictures of training: loss and metrics over the epochs, of one training and of many."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal

import numpy as np

from chainrule.presentation.display import is_share
from chainrule.presentation.palette import COLOURS, line_style
from chainrule.presentation.pictures import text_width
from chainrule.text import for_plot

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure

Numbers = Mapping[str, Sequence[float]]  # for loss and each metric, a value for each epoch

WIDTH = 9.0  # inches, the page
VALIDATION = "validation_"  # before the name of a number that is of held-out examples
TEST = "test_"  # the same, of the test part
PARTS = {"": "training", VALIDATION: "validation", TEST: "test"}
FEW_EPOCHS = 30  # up to which each epoch has a dot
GAP = 0.1  # inches, at the left and the right of a panel
LEGEND_LINE = 0.22  # inches
LEGEND_SIGN = 0.6  # inches: the line before a name, and the gap after it
WIDE_RANGE = 100  # times its smallest value, from which a number needs a logarithmic axis
FEW_DECADES = 2.5  # up to which such an axis has ticks between the powers of ten
PLAIN_TICKS = (1e-3, 1e4)  # in this range all numbers are short when written out
LOWEST_R2 = -1.0


def plot_curves(
    epochs: Sequence[float],
    numbers: Numbers,
    title: str = "",
    size: tuple[float, float] | None = None,
) -> Figure:
    """A panel for the loss and one for each metric, each with training, validation and test.

    Args:
        size: width and height in inches; as it suits the panels unless given.
    """
    names = names_of_panels(numbers)
    figure, panels = panels_in_rows(len(names), size)
    if title:
        figure.suptitle(for_plot(title))
    style = "o-" if len(epochs) <= FEW_EPOCHS else "-"
    lines: dict[str, Artist] = {}
    for axes, name in zip(panels, names, strict=True):
        for colour, (before, part) in zip(COLOURS, PARTS.items(), strict=False):
            if before + name in numbers:
                (lines[part],) = axes.plot(
                    epochs, numbers[before + name], style, color=colour, ms=3
                )
        label_epochs(axes, spell(name))
        fit_values(axes, name, [numbers.get(before + name, ()) for before in PARTS])
    name_below(figure, lines)
    return figure


def plot_bands(variants: Mapping[str, Sequence[Numbers]]) -> Figure:
    """For each variant a line, the mean over its seeds, in a band from the lowest to the highest.

    A row of panels for the loss and one for each metric; training at the left, and validation and
    test, where they were measured, at the right.
    """
    from matplotlib.figure import Figure

    all_runs = [run for runs in variants.values() for run in runs]
    common = [name for name in all_runs[0] if all(name in run for run in all_runs)]
    rows = names_of_panels(common)
    parts = [part for part in PARTS if any(part + row in common for row in rows)]
    figure = Figure(figsize=(WIDTH, 3.1 * len(rows) + 0.5), layout="constrained")
    panels = figure.subplots(len(rows), len(parts), squeeze=False, sharex=True, sharey="row")
    lines: dict[str, Artist] = {}
    for row, name in zip(panels, rows, strict=True):
        for axes, part in zip(row, parts, strict=True):
            for number, (variant, runs) in enumerate(variants.items()):
                if part + name in common:
                    curves = [run[part + name] for run in runs]
                    lines[variant] = draw_band(axes, curves, number)
            label_epochs(axes, spell(name))
            axes.set_title(PARTS[part], fontsize=10)
            axes.label_outer()
        fit_values(row[0], name, [run.get(part + name, ()) for run in all_runs for part in parts])
    name_below(figure, lines)
    return figure


def draw_band(axes: Axes, curves: Sequence[Sequence[float]], number: int) -> Artist:
    """The mean of some curves within their range, up to the epoch that all of them reach."""
    reached = min(map(len, curves))
    values = np.array([curve[:reached] for curve in curves])
    epochs = np.arange(1, reached + 1)
    style = line_style(number)
    (line,) = axes.plot(epochs, values.mean(axis=0), linewidth=1.8, **style)
    lowest, highest = values.min(axis=0), values.max(axis=0)
    axes.fill_between(epochs, lowest, highest, color=style["color"], alpha=0.2, linewidth=0)
    return line


def names_of_panels(names: Iterable[str]) -> list[str]:
    """What is measured, in training or in validation or in both."""
    measured = (name.removeprefix(VALIDATION).removeprefix(TEST) for name in names)
    return list(dict.fromkeys(measured)) or ["loss"]


# --- axes ---------------------------------------------------------------------------------


def fit_values(axes: Axes, name: str, curves: Iterable[Sequence[float]]) -> None:
    """An axis on which the curves of one number can be read.

    Shares are percentages. What spans two powers of ten or more is on a logarithmic axis. R² has no
    lower end, and the first epochs may lie so far down that all others are one flat line: there the
    axis ends, and its label says so.
    """
    values = np.array([value for curve in curves for value in curve], float)
    values = values[np.isfinite(values)]
    if not values.size:
        return
    low, high = float(values.min()), float(values.max())
    if is_share(name):
        axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.4g} %")
    elif low > 0 and high / low >= WIDE_RANGE:
        use_logarithm(axes, low, high)
    elif name == "r2" and low < LOWEST_R2 < high:
        axes.set_ylim(bottom=LOWEST_R2)
        axes.set_ylabel(f"{spell(name)} (not shown below {LOWEST_R2:g})")


def axis_of(metric: str) -> tuple[float, str]:
    """What the values of a metric are multiplied by where an axis shows them, and its label."""
    return (100.0, f"{spell(metric)} (%)") if is_share(metric) else (1.0, spell(metric))


def use_logarithm(axes: Axes, low: float, high: float) -> None:
    """A logarithmic axis for values from `low` to `high`, no wider than they are."""
    axes.set_yscale("log", nonpositive="mask")
    label_powers(axes.yaxis, low, high)


def label_powers(axis: Axis, low: float, high: float) -> None:
    """Ticks of a logarithmic axis, all written in one way: as numbers, or as powers of ten."""
    from matplotlib.ticker import LogFormatterSciNotation, LogLocator, NullFormatter

    is_short = math.log10(high / low) <= FEW_DECADES
    axis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0) if is_short else (1.0,)))
    axis.set_minor_formatter(NullFormatter())
    if PLAIN_TICKS[0] <= low and high <= PLAIN_TICKS[1]:
        axis.set_major_formatter(lambda value, _: f"{value:,.12g}")
    else:
        every = (math.inf, math.inf)  # decades up to which ticks between the powers are labelled
        axis.set_major_formatter(LogFormatterSciNotation(minor_thresholds=every))


def label_epochs(axes: Axes, label: str) -> None:
    """Whole epochs below, `label` at the left, and a quiet grid."""
    from matplotlib.ticker import MaxNLocator

    axes.set(xlabel="epoch", ylabel=for_plot(label))
    axes.xaxis.set_major_locator(MaxNLocator(integer=True, steps=[1, 2, 5, 10]))
    axes.grid(color="#808080", alpha=0.25)


# --- figures ------------------------------------------------------------------------------


def panels_in_rows(
    count: int,
    size: tuple[float, float] | None = None,
    layout: Literal["constrained", "compressed"] = "constrained",
) -> tuple[Figure, list[Axes]]:
    """An empty figure of `count` panels, two or three side by side; "compressed" where their axes
    are equal, so that no gaps lie between them."""
    from matplotlib.figure import Figure  # no pyplot: it keeps figures in global state

    columns = 3 if count % 3 == 0 else min(2, count)
    rows = math.ceil(count / columns)
    usual = (WIDTH if columns > 1 else 5.5, 3.4 * rows)
    figure = Figure(figsize=size or usual)
    figure.set_layout_engine(layout, w_pad=GAP)
    panels = list(figure.subplots(rows, columns, squeeze=False).flat)
    for unused in panels[count:]:
        unused.remove()
    return figure, panels[:count]


def name_below(figure: Figure, drawn: Mapping[str, Artist]) -> None:
    """A legend below all panels, where it lies on no curve, with as many names in a line as fit. A
    long one makes the figure higher, not the panels lower."""
    if not drawn:
        return
    names = list(map(for_plot, drawn))
    widest = max(text_width(name, 10) for name in names) + LEGEND_SIGN
    columns = min(len(names), max(1, int(figure.get_figwidth() / widest)))
    more_lines = math.ceil(len(names) / columns) - 1
    figure.set_figheight(figure.get_figheight() + LEGEND_LINE * more_lines)
    figure.legend(drawn.values(), names, loc="outside lower center", ncols=columns, frameon=False)


def spell(name: str) -> str:
    """A number's name for a reader.

    >>> spell("mean_absolute_error"), spell("validation_r2")
    ('mean absolute error', 'validation R²')
    """
    return " ".join("R²" if word == "r2" else word for word in name.split("_"))
