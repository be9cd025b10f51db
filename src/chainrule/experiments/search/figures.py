"""The pictures of a search: which settings matter, which values are good, and how it went."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from chainrule.experiments.search.space import Range, Setting
from chainrule.experiments.search.trials import SearchResults, TrialResult
from chainrule.history import is_better_larger
from chainrule.presentation.curves import WIDTH, axis_of, label_epochs, name_below, spell
from chainrule.presentation.palette import BLUE, UNKNOWN, VERMILION
from chainrule.text import for_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

GOOD = 0.2  # the share of the trials that are drawn as good ones
TICKS = 5  # numbers beside the axis of a range
GRID: dict[str, Any] = {"color": UNKNOWN, "alpha": 0.25}


def draw_importances(importances: Mapping[str, float]) -> Figure:
    """A bar for each setting, the share of the differences that it accounts for."""
    from matplotlib.figure import Figure

    names = sorted(importances, key=importances.__getitem__)
    figure = Figure(figsize=(0.8 * WIDTH, 0.9 + 0.4 * len(names)), layout="constrained")
    axes = figure.subplots()
    axes.barh(
        [for_plot(spell(name)) for name in names],
        [100 * importances[name] for name in names],
        color=BLUE,
        height=0.6,
    )
    axes.set(xlabel="importance (%)", xlim=(0, 100))
    axes.grid(axis="x", **GRID)
    axes.set_axisbelow(True)
    return figure


def draw_course(results: SearchResults) -> Figure:
    """A dot for each finished trial, and the best so far as a line."""
    from matplotlib.figure import Figure

    scale, label = axis_of(results.metric)
    done = [trial for trial in results.trials if trial.value is not None]
    numbers = [trial.number for trial in done]
    values = np.array([scale * (trial.value or 0.0) for trial in done])
    best = np.maximum if is_better_larger(results.metric) else np.minimum
    figure = Figure(figsize=(0.8 * WIDTH, 3.6), layout="constrained")
    axes = figure.subplots()
    (dots,) = axes.plot(numbers, values, "o", color=BLUE, alpha=0.6, ms=4)
    (line,) = axes.step(numbers, best.accumulate(values), where="post", color=VERMILION)
    label_epochs(axes, label)
    axes.set_xlabel("trial")
    name_below(figure, {"a trial": dots, "the best so far": line})
    return figure


def draw_parallel(results: SearchResults, space: Sequence[Setting]) -> Figure:
    """A line for each finished trial through its settings, to how good it was: the best fifth in
    colour, the others grey."""
    from matplotlib.figure import Figure

    ranked = results.ranked
    scale, label = axis_of(results.metric)
    values = [scale * (trial.value or 0.0) for trial in ranked]
    low, high = min(values), max(values)
    room = (high - low) or abs(high) or 1.0
    figure = Figure(figsize=(max(0.8 * WIDTH, 1.8 * (1 + len(space))), 4.2), layout="constrained")
    axes = figure.subplots()
    good = max(1, round(GOOD * len(ranked)))
    drawn = {}
    for rank in reversed(range(len(ranked))):  # the best on top
        heights = [_height(setting, ranked[rank]) for setting in space]
        heights.append((values[rank] - low) / room)
        name, colour = _kind(rank, good)
        (drawn[name],) = axes.plot(
            heights, color=colour, lw=2.2 if rank == 0 else 1.1, alpha=0.9 if rank < good else 0.5
        )
    for place, setting in enumerate(space):
        _draw_axis(axes, place, _ticks(setting))
    ends = {0.0: f"{low:.4g}", 1.0: f"{high:.4g}"} if high > low else {0.0: f"{low:.4g}"}
    _draw_axis(axes, len(space), ends, side=1)
    titles = [for_plot(spell(setting.name)) for setting in space] + [for_plot(label)]
    axes.set_xticks(range(len(titles)), titles)
    axes.set(xlim=(-0.4, len(space) + 0.4), ylim=(-0.05, 1.05), yticks=[])
    axes.spines[:].set_visible(False)
    axes.tick_params(axis="x", length=0)
    name_below(figure, dict(reversed(drawn.items())))
    return figure


def _kind(rank: int, good: int) -> tuple[str, str]:
    """What a trial of this rank is called, and its colour."""
    if rank == 0:
        return "the best trial", VERMILION
    return ("the best fifth", BLUE) if rank < good else ("the others", UNKNOWN)


def _height(setting: Setting, trial: TrialResult) -> float:
    """Where a trial is on a setting's axis, from 0 to 1."""
    value = trial.parameters[setting.name]
    if isinstance(setting, Range):
        return _share(setting, float(value))
    return setting.values.index(str(value)) / (len(setting.values) - 1)


def _share(setting: Range, value: float) -> float:
    ends = (setting.low, value, setting.high)
    low, at, high = map(math.log, ends) if setting.log else ends
    return (at - low) / (high - low)


def _ticks(setting: Setting) -> dict[float, str]:
    """What stands beside an axis, by height."""
    if not isinstance(setting, Range):
        last = len(setting.values) - 1
        return {place / last: value for place, value in enumerate(setting.values)}
    powers = _powers_of_ten(setting) if setting.log else []
    spaced = np.geomspace if setting.log else np.linspace
    values = powers or spaced(setting.low, setting.high, TICKS).tolist()
    if isinstance(setting.low, int):
        values = map(round, values)
    return {_share(setting, value): f"{value:.3g}" for value in dict.fromkeys(values)}


def _powers_of_ten(setting: Range) -> list[float]:
    """Both ends, and the powers of ten between; nothing where there is none."""
    exponents = range(math.floor(math.log10(setting.low)), math.ceil(math.log10(setting.high)) + 1)
    between = [10.0**exponent for exponent in exponents]
    inner = [power for power in between if setting.low < power < setting.high]
    return [float(setting.low), *inner, float(setting.high)] if inner else []


def _draw_axis(axes: Axes, place: int, ticks: Mapping[float, str], side: int = -1) -> None:
    """A vertical line with texts to its left, or, with side 1, to its right."""
    axes.plot([place, place], [0, 1], color="black", lw=0.8, zorder=3)
    anchor: Literal["left", "right"] = "right" if side < 0 else "left"
    for height, text in ticks.items():
        tick = [place, place + 0.02 * side]
        axes.plot(tick, [height, height], color="black", lw=0.8, zorder=3)
        axes.text(
            *(place + 0.04 * side, height, for_plot(text)),
            ha=anchor,
            va="center",
            fontsize=9,
            zorder=4,
        )
