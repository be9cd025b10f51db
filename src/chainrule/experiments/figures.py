"""The pictures of a report, each a function from numbers to a matplotlib figure.

Pages are light or dark: zero is transparent, ink is black (which `Document` makes light on a dark
page), and colours are those of `palette`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.calibration import Reliability
from chainrule.experiments.features import Feature, in_own_units
from chainrule.presentation.curves import (
    WIDTH,
    axis_of,
    label_epochs,
    name_below,
    panels_in_rows,
    use_logarithm,
)
from chainrule.presentation.palette import BLUE, VERMILION, colour, line_style, marker, signed
from chainrule.presentation.pictures import text_width
from chainrule.text import for_plot, printable
from chainrule.types import Array

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from chainrule.experiments.results import Results

Predictor = Callable[[Array], Array]  # from examples to class numbers or numbers

REGION_SIDE = 300  # points of the grid on which decision regions are drawn, along each axis
WIDE = 10  # times its smallest value, from which a gradient has a logarithmic axis
LIKE_SIDES = 3  # times as wide as high, up to which the plane is drawn with equal axes
PLANE, AROUND_PLANE = 3.5, 1.3  # inches, the side of one of two planes; its title, axis and legend
SMALLEST_POINT, LARGEST_POINT = 12, 60  # square points of area, in a reliability diagram
CELLS_WITH_NUMBERS = 16  # up to so many classes, a confusion matrix has its counts written in
CELL = 0.45  # inches, a side of its cells
WEIGHT_SIZE = 9  # points, the numbers within a matrix of weights
READABLE = (0.01, 1000)  # the largest weight, between which they are written in four figures
WEIGHT_CELL = (0.55, 0.36)  # inches, with such a number
MANY_TICKS = 20  # from which not every row and column is named
TILE = 0.92  # of a place in a grid of images; the rest is the gap
CAPTION_SIZE = 9  # points, of the text over an image
CAPTION_WIDTH = 0.8  # of a place, so that texts side by side do not read as one line
CHARACTERS, LINES = 20, 6  # of text that are tried on a tile
LONGEST_CLASS = 24  # characters of a class's name beside a confusion matrix
LONGEST_VARIANT = 40  # and of a variant's beside its runs


def draw_regions(
    predictors: Mapping[str, Predictor],
    x: Array,
    true: Array,
    class_names: Sequence[str],
    features: Sequence[Feature],
) -> Figure:
    """Points of the plane by their true class: alone, then over the regions in which each predictor
    gives each class, with its mistakes ringed.

    Args:
        predictors: by what their panels are called.
        x: ``(N, 2)``, as the network takes them.
        true: class numbers ``(N,)``.
        features: what the two numbers are called, and their units.
    """
    figure, (truth, *places) = panels_in_rows(1 + len(predictors), layout="compressed")
    points = in_own_units(x, features)
    (left, bottom), (right, top) = frame = _frame(points)
    is_square = 1 / LIKE_SIDES <= (right - left) / (top - bottom) <= LIKE_SIDES
    if len(predictors) == 1:
        flat = min(1.0, (top - bottom) / (right - left)) if is_square else 1.0
        figure.set_figheight(PLANE * flat + AROUND_PLANE)
    drawn = scatter_classes(truth, points, true, class_names)
    truth.set_title("ground truth")
    for axes, (title, predict) in zip(places, predictors.items(), strict=True):
        scatter_classes(axes, points, true, class_names)
        draw_plane(axes, predict, frame, features, len(class_names), x.dtype)
        wrong = predict(x) != true
        axes.set_title(for_plot(f"{title}: {int(wrong.sum()):,} of {len(x):,} wrong"))
        (rings,) = axes.plot(*points[wrong].T, "o", mfc="none", color="black", ms=8, mew=1)
        if wrong.any():
            drawn["wrong"] = rings
    for axes in (truth, *places):
        axes.set(xlim=(left, right), ylim=(bottom, top), aspect="equal" if is_square else "auto")
        axes.set(xlabel=for_plot(features[0].name), ylabel=for_plot(features[1].name))
    name_below(figure, drawn)
    return figure


def scatter_classes(
    axes: Axes, x: Array, classes: Array, class_names: Sequence[str]
) -> dict[str, Any]:
    """Points ``(N, 2)``, each class in a colour and a shape of its own. What was drawn of each
    class that has any points, by its name."""
    size = 16 if len(x) > 200 else 36
    drawn = {}
    for number, name in enumerate(class_names):
        across, up = x[classes == number].T
        if len(across):
            drawn[f"class {name}"] = axes.scatter(
                across, up, s=size, c=colour(number), marker=marker(number), linewidths=0, zorder=2
            )
    return drawn


def draw_plane(
    axes: Axes,
    predict: Predictor,
    frame: tuple[Array, Array],
    features: Sequence[Feature],
    classes: int,
    dtype: Any,
) -> None:
    """The regions of the plane in which each class is predicted, in light colours."""
    from matplotlib.colors import ListedColormap

    (left, bottom), (right, top) = frame
    sides = (np.linspace(left, right, REGION_SIDE), np.linspace(bottom, top, REGION_SIDE))
    across, up = (
        (side - feature.mean) / feature.deviation
        for side, feature in zip(np.meshgrid(*sides), features, strict=True)
    )
    grid = np.stack([across.ravel(), up.ravel()], axis=1).astype(dtype)
    axes.imshow(
        predict(grid).reshape(across.shape),
        cmap=ListedColormap([colour(i) for i in range(classes)]),
        vmin=-0.5,
        vmax=classes - 0.5,
        alpha=0.25,
        origin="lower",
        extent=(left, right, bottom, top),
        interpolation="nearest",
        zorder=0,
    )


def _frame(x: Array) -> tuple[Array, Array]:
    """The lower left and the upper right corner of what is shown of the plane, with room around the
    outermost points."""
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.08 * np.maximum(high - low, 1e-6)
    return low - margin, high + margin


def draw_fit(
    predict: Predictor, x: Array, targets: Array, feature: Feature, target_name: str
) -> Figure:
    """Points ``(N, 1)`` with their targets, and the curve that the network has learnt."""
    figure, (axes,) = panels_in_rows(1)
    along = np.linspace(x.min(), x.max(), REGION_SIDE, dtype=x.dtype)[:, None]
    points, curve = (in_own_units(each, [feature]).ravel() for each in (x, along))
    (truth,) = axes.plot(points, targets.ravel(), "o", color=BLUE, ms=3, alpha=0.5)
    (learnt,) = axes.plot(curve, np.ravel(predict(along)), color=VERMILION, lw=2)
    axes.set(xlabel=for_plot(feature.name), ylabel=for_plot(target_name))
    name_below(figure, {"ground truth": truth, "prediction": learnt})
    return figure


def draw_agreement(predictions: Array, targets: Array, target_name: str) -> Figure:
    """Each prediction over its target, on equal axes; on the line the two are equal."""
    figure, (axes,) = panels_in_rows(1)
    figure.set_figheight(5.0)
    ends = np.array([min(predictions.min(), targets.min()), max(predictions.max(), targets.max())])
    margin = 0.05 * max(float(np.ptp(ends)), 1e-6)
    limits = (ends[0] - margin, ends[1] + margin)
    axes.plot(targets.ravel(), predictions.ravel(), "o", color=BLUE, ms=3, alpha=0.5)
    (equal,) = axes.plot(limits, limits, color=VERMILION, lw=1.5)
    axes.set(xlim=limits, ylim=limits, aspect="equal")
    axes.set(xlabel=for_plot(f"{target_name}, ground truth"), ylabel="prediction")
    name_below(figure, {"where both are equal": equal})
    return figure


def draw_reliability(found: Mapping[str, Reliability]) -> Figure:
    """For each series the share of right predictions over the probability that was given them. On
    the line the two are equal; a point is the larger, the more predictions it stands for."""
    figure, (axes,) = panels_in_rows(1)
    figure.set_figheight(5.0)
    (equal,) = axes.plot((0, 1), (0, 1), color="grey", lw=1)
    drawn: dict[str, Artist] = {"where both are equal": equal}
    for number, (name, one) in enumerate(found.items()):
        drawn[name] = axes.scatter(
            one.confidences,
            one.accuracies,
            s=LARGEST_POINT * np.sqrt(one.counts / one.counts.max()) + SMALLEST_POINT,
            color=colour(number),
            marker=marker(number),
            alpha=0.8,
        )
    axes.set(xlim=(-0.03, 1.03), ylim=(-0.03, 1.03), aspect="equal")  # no point is cut off
    axes.set(xlabel="probability of the predicted class", ylabel="share that is right")
    name_below(figure, drawn)
    return figure


def draw_confusion(counts: Array, class_names: Sequence[str]) -> Figure:
    """A confusion matrix, ``(classes, classes)``: row the true class, column the predicted one.

    Right predictions, on the diagonal, are blue; wrong ones are vermilion. The stronger the
    colour, the larger the share of the true class; wrong ones have a scale of their own, for
    they are few.
    """
    from matplotlib.figure import Figure

    classes = len(class_names)
    side = min(WIDTH, 2.0 + CELL * classes)
    figure = Figure(figsize=(side, side), layout="constrained")
    axes = figure.subplots()
    shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
    strength = _confusion_strength(shares)
    axes.imshow(_confusion_colours(strength))
    axes.set(xlabel="predicted class", ylabel="true class")
    names = [for_plot(name, LONGEST_CLASS) for name in class_names]
    axes.set_xticks(range(classes), names, fontsize=_label_size(classes))
    axes.set_yticks(range(classes), names, fontsize=_label_size(classes))
    if max(map(len, names)) > 3:
        axes.tick_params(axis="x", rotation=90)
    if classes <= CELLS_WITH_NUMBERS:
        size = min(10.0, 10 * 0.85 * CELL / text_width(f"{counts.max():,}", 10))
        for (row, column), count in np.ndenumerate(counts):
            if count:
                ink = "white" if strength[row, column] > 0.75 else "black"
                axes.text(
                    column, row, f"{count:,}", ha="center", va="center", color=ink, fontsize=size
                )
    return figure


def _confusion_strength(shares: Array) -> Array:
    """From 0 to 1 for each cell: the share on the diagonal, and off it, beside the largest."""
    wrong = shares * (1 - np.eye(len(shares)))
    return np.diag(np.diag(shares)) + wrong / max(float(wrong.max()), 1e-9) * (wrong > 0)


def _confusion_colours(strength: Array) -> Array:
    """``(classes, classes, 4)``: red, green, blue and how opaque."""
    from matplotlib.colors import to_rgb

    right = np.eye(len(strength), dtype=bool)
    colours = np.empty((*strength.shape, 4))
    colours[..., :3] = np.where(right[..., None], to_rgb(BLUE), to_rgb(VERMILION))
    colours[..., 3] = strength
    return colours


def _label_size(classes: int) -> int:
    return 10 if classes <= 20 else 7


def draw_images(rows: Sequence[tuple[str, Sequence[tuple[Array, str]]]], columns: int) -> Figure:
    """Rows of images with a title before each row, and one over each image.

    Args:
        rows: (title, [(image, title), …]), each image ``(height, width, 1 or 3)`` in [0, 1].
        columns: how many places a row has.
    """
    titles = 1.0 if any(title for title, _ in rows) else 0.0  # their width, in images
    lines = max(len(_fold(text)) for _, row in rows for _, text in row)
    height = 1 + 0.16 * lines
    axes = _canvas(titles + columns, height * len(rows), WIDTH / 9)
    for row, (title, images) in enumerate(rows):
        top = height * (row + 1) - 1
        _write(axes, titles - 0.08, top + TILE / 2, title, ha="right", va="center")
        for column, (image, text) in enumerate(images):
            left = titles + column
            pixels = np.clip(image, 0, 1)
            pixels = np.repeat(pixels, 3, axis=-1) if pixels.shape[-1] == 1 else pixels
            _show_at(axes, pixels, left, top)
            _write(axes, left + TILE / 2, top - 0.03, text, ha="center", va="bottom")
    return _figure_of(axes)


def draw_weight_images(images: Array) -> Figure:
    """Weights of single units as images ``(units, height, width, 1 or 3)``, on one scale about
    zero: blue is positive and orange negative, or, of three channels, a middle grey is zero."""
    columns = min(8 if len(images) <= 32 else 16, len(images))
    size = WIDTH / max(columns + 1, 9)
    is_grey = images.shape[-1] == 1
    axes = _canvas(columns, math.ceil(len(images) / columns), size, beside=0.9 * is_grey)
    reach = _reach(images)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        if is_grey:
            shown = _show_at(axes, image[..., 0], column, row, **signed(reach))
        else:
            _show_at(axes, 0.5 + image / (2 * reach), column, row)
    if is_grey:
        _figure_of(axes).colorbar(shown, label="weight", shrink=0.9, aspect=12)
    return _figure_of(axes)


def _canvas(columns: float, rows: float, size: float, beside: float = 0) -> Axes:
    """Empty axes of `columns` by `rows` tiles of `size` inches, the first at the top left, with
    room of `beside` inches at the right.

    One pair of axes for all images: one for each takes seconds to lay out.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(columns * size + beside, rows * size), layout="constrained")
    axes = figure.subplots()
    axes.set_axis_off()
    axes.set(xlim=(0, columns), ylim=(rows, 0), aspect="equal", anchor="W", autoscale_on=False)
    return axes


def _show_at(axes: Axes, image: Array, left: float, top: float, **options: Any) -> AxesImage:
    """An image on a tile."""
    height, width = (TILE * side / max(image.shape[:2]) for side in image.shape[:2])
    extent = (left, left + width, top + height, top)
    return axes.imshow(image, extent=extent, interpolation="nearest", **options)


def _write(axes: Axes, across: float, down: float, text: str, **alignment: Any) -> None:
    """Text narrower than a tile."""
    axes.text(across, down, "\n".join(_fold(text)), fontsize=CAPTION_SIZE, **alignment)


@lru_cache
def _fold(text: str) -> list[str]:
    """The lines of a text on a tile, none of them as wide as that."""
    for characters in range(CHARACTERS, 0, -1):
        lines = wrap(printable(text), characters, max_lines=LINES, placeholder="…")
        if all(text_width(line, CAPTION_SIZE) <= CAPTION_WIDTH for line in lines):
            break
    return list(map(for_plot, lines))


def _figure_of(axes: Axes) -> Figure:
    figure: Any = axes.figure  # a Figure, or one within another, which is not made here
    return figure


def draw_weight_matrix(weights: Array, features: Sequence[Feature]) -> Figure:
    """Weights ``(inputs, units)`` as a matrix, with their numbers where these have room."""
    from matplotlib.figure import Figure

    inputs, units = weights.shape
    names = [for_plot(feature.name, LONGEST_CLASS) for feature in features]
    beside = 1.6 + max(text_width(name, 10) for name in names)
    cell, high = min(WEIGHT_CELL[0], (WIDTH - beside) / units), WEIGHT_CELL[1]
    high = min(high, 6.0 / inputs)
    size = (max(4.0, beside + cell * units), max(2.4, 1.0 + high * inputs))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots()
    reach = _reach(weights)
    figure.colorbar(axes.imshow(weights, **signed(reach)), label="weight")
    axes.set(xlabel="unit", ylabel="input", aspect="auto")
    _name_ticks(axes.xaxis, list(map(str, range(units))))
    _name_ticks(axes.yaxis, names)
    if (cell, high) == WEIGHT_CELL and READABLE[0] <= reach < READABLE[1]:
        digits = 2 - max(0, math.floor(math.log10(reach)))
        for (row, column), weight in np.ndenumerate(weights):
            ink = "white" if abs(weight) > 0.75 * reach else "black"
            text = f"{weight:.{digits}f}"
            axes.text(column, row, text, ha="center", va="center", color=ink, fontsize=WEIGHT_SIZE)
    return figure


def _name_ticks(axis: Axis, names: Sequence[str]) -> None:
    """Name each row or column; of many, as many as have room."""
    every = math.ceil(len(names) / MANY_TICKS)
    axis.set_ticks(range(0, len(names), every), names[::every])


def _reach(weights: Array) -> float:
    """How far weights go either way from zero."""
    return float(np.abs(weights).max()) or 1.0


def draw_gradients(epochs: Sequence[int], norms: Mapping[str, Sequence[float]]) -> Figure:
    """The norm of each layer's gradient over the epochs."""
    figure, (axes,) = panels_in_rows(1)
    figure.set_figwidth(0.7 * WIDTH)
    shown = {name: norm for name, norm in norms.items() if any(value > 0 for value in norm)}
    drawn = _draw_layers(axes, epochs, shown, "gradient norm", list(norms))
    positive = [value for norm in shown.values() for value in norm if 0 < value < math.inf]
    if positive and max(positive) >= WIDE * min(positive):
        use_logarithm(axes, min(positive), max(positive))
    name_below(figure, drawn)
    return figure


def draw_activations(
    epochs: Sequence[int], panels: Mapping[str, Mapping[str, Sequence[float]]], layers: list[str]
) -> Figure:
    """For each statistic a panel, with a line for each layer that has it."""
    figure, places = panels_in_rows(len(panels))
    drawn: dict[str, Artist] = {}
    for axes, (label, lines) in zip(places, panels.items(), strict=True):
        drawn |= _draw_layers(axes, epochs, lines, label, layers)
        if label.startswith("share"):
            axes.set_ylim(-0.03, 1.03)
            axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    name_below(figure, {name: drawn[name] for name in layers if name in drawn})
    return figure


def _draw_layers(
    axes: Axes,
    epochs: Sequence[int],
    lines: Mapping[str, Sequence[float]],
    label: str,
    layers: Sequence[str],
) -> dict[str, Artist]:
    """A line for some of the layers; for each, what was drawn."""
    drawn: dict[str, Artist] = {}
    for name, values in lines.items():
        style = line_style(layers.index(name))
        (drawn[name],) = axes.plot(epochs, values, linewidth=1.6, **style)
    label_epochs(axes, label)
    return drawn


def draw_estimates(results: Results) -> Figure:
    """A row for each variant: a dot for each run, and over them the mean with its interval."""
    from matplotlib.figure import Figure

    metric = results.metric
    scale, label = axis_of(metric)
    variants = [variant for variant in results.variants() if metric in variant.estimates]
    figure = Figure(figsize=(0.8 * WIDTH, 1.1 + 0.5 * len(variants)), layout="constrained")
    axes = figure.subplots()
    for row, variant in enumerate(variants):
        values = [
            scale * run.numbers[metric]
            for run in results.runs
            if run.variant == variant.name and metric in run.numbers
        ]
        estimate = variant.estimates[metric]
        axes.plot(values, [row] * len(values), "o", color=colour(row), alpha=0.45, ms=5)
        if estimate.is_bounded:
            interval = [scale * estimate.low, scale * estimate.high]
            axes.plot(interval, [row, row], color=colour(row), lw=2.5)
        axes.plot(scale * estimate.mean, row, "D", color=colour(row), ms=8)
    axes.set_yticks(
        range(len(variants)), [for_plot(variant.label, LONGEST_VARIANT) for variant in variants]
    )
    axes.set(xlabel=for_plot(label), ylim=(len(variants) - 0.5, -0.5))
    axes.grid(axis="x", color="#808080", alpha=0.25)
    return figure
