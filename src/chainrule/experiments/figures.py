"""The pictures of a report, each a function from numbers to a matplotlib figure.

Pages are light or dark: zero is transparent, ink is black (which `Document` makes light on a dark
page), and colours are those of `palette`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from textwrap import wrap
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.display import is_share
from chainrule.experiments.curves import label_epochs, name_below, panels_in_rows, spell
from chainrule.experiments.palette import BLUE, VERMILION, colour, line_style, marker
from chainrule.text import for_plot, printable
from chainrule.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from chainrule.experiments.results import Results

WIDTH = 9.0  # inches, the page
REGION_SIDE = 300  # points of the grid on which decision regions are drawn, along each axis
CELLS_WITH_NUMBERS = 16  # up to so many classes, a confusion matrix has its counts written in
WEIGHTS_WITH_NUMBERS = 100  # likewise a matrix of weights
TILE = 0.92  # of a place in a grid of images; the rest is the gap
CHARACTERS, LINES = 14, 6  # of text that fit on a tile
LONGEST_CLASS = 24  # characters of a class's name beside a confusion matrix


def draw_regions(
    predict: Callable[[Array], Array], x: Array, true: Array, class_names: Sequence[str]
) -> Figure:
    """Points of the plane by their true class, and beside them by their predicted class over
    the regions in which a point would be given each class; wrong ones are ringed.

    Args:
        predict: class numbers ``(N,)`` for points ``(N, 2)``.
        x: ``(N, 2)``.
        true: class numbers ``(N,)``.
    """
    from matplotlib.colors import ListedColormap

    figure, (truth, prediction) = panels_in_rows(2)
    figure.set_figheight(4.8)
    (left, bottom), (right, top) = _frame(x)
    across, up = np.meshgrid(
        np.linspace(left, right, REGION_SIDE), np.linspace(bottom, top, REGION_SIDE)
    )
    grid = np.stack([across.ravel(), up.ravel()], axis=1).astype(x.dtype)
    regions = predict(grid).reshape(across.shape)
    predicted = predict(x)
    colours = ListedColormap([colour(i) for i in range(len(class_names))])
    prediction.imshow(
        regions,
        cmap=colours,
        vmin=-0.5,
        vmax=len(class_names) - 0.5,
        alpha=0.25,
        origin="lower",
        extent=(left, right, bottom, top),
        aspect="auto",
        interpolation="nearest",
    )
    wrong = predicted != true
    for axes, classes, title in (
        (truth, true, "ground truth"),
        (prediction, predicted, f"predicted: {int(wrong.sum()):,} of {len(x):,} wrong"),
    ):
        scatter_classes(axes, x, classes, class_names)
        axes.set(title=title, xlabel="x1", ylabel="x2", xlim=(left, right), ylim=(bottom, top))
    prediction.plot(*x[wrong].T, "o", mfc="none", color="black", ms=8, mew=1, label="wrong")
    name_below(figure, *prediction.get_legend_handles_labels(), columns=8)
    return figure


def scatter_classes(axes: Axes, x: Array, classes: Array, class_names: Sequence[str]) -> None:
    """Points ``(N, 2)``, each class in a colour and a shape of its own."""
    size = 16 if len(x) > 200 else 36
    for number, name in enumerate(class_names):
        across, up = x[classes == number].T
        axes.scatter(
            across,
            up,
            s=size,
            c=colour(number),
            marker=marker(number),
            label=f"class {name}",
            linewidths=0,
        )


def _frame(x: Array) -> tuple[Array, Array]:
    """The lower left and the upper right corner of what is shown of the plane."""
    low, high = x.min(axis=0), x.max(axis=0)
    margin = 0.08 * np.maximum(high - low, 1e-6)
    return low - margin, high + margin


def draw_fit(predict: Callable[[Array], Array], x: Array, targets: Array) -> Figure:
    """Points ``(N, 1)`` with their targets, and the curve that the network has learnt."""
    figure, (axes,) = panels_in_rows(1)
    along = np.linspace(x.min(), x.max(), REGION_SIDE, dtype=x.dtype)[:, None]
    axes.plot(x.ravel(), targets.ravel(), "o", color=BLUE, ms=3, alpha=0.5, label="ground truth")
    axes.plot(along.ravel(), predict(along).ravel(), color=VERMILION, lw=2, label="prediction")
    axes.set(xlabel="x", ylabel="y")
    axes.legend(frameon=False)
    return figure


def draw_agreement(predictions: Array, targets: Array) -> Figure:
    """Each prediction over its target; on the line the two are equal."""
    figure, (axes,) = panels_in_rows(1)
    axes.plot(targets.ravel(), predictions.ravel(), "o", color=BLUE, ms=3, alpha=0.5)
    axes.axline((float(targets.mean()),) * 2, slope=1, color=VERMILION, lw=1.5, label="equal")
    axes.set(xlabel="ground truth", ylabel="prediction")
    axes.legend(frameon=False)
    return figure


def draw_confusion(counts: Array, class_names: Sequence[str]) -> Figure:
    """A confusion matrix, ``(classes, classes)``: row the true class, column the predicted one.

    Right predictions, on the diagonal, are blue; wrong ones are vermilion. The stronger the
    colour, the larger the share of the true class; wrong ones have a scale of their own, for
    they are few.
    """
    from matplotlib.figure import Figure

    classes = len(class_names)
    side = min(WIDTH, 2.0 + 0.45 * classes)
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
        for (row, column), count in np.ndenumerate(counts):
            if count:
                ink = "white" if strength[row, column] > 0.75 else "black"
                axes.text(column, row, f"{count:,}", ha="center", va="center", color=ink)
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
    zero: red is negative and blue positive, or, of three channels, a middle grey is zero."""
    columns = min(8 if len(images) <= 32 else 16, len(images))
    size = WIDTH / max(columns + 1, 9)
    is_grey = images.shape[-1] == 1
    axes = _canvas(columns, math.ceil(len(images) / columns), size, beside=0.9 * is_grey)
    reach = _reach(images)
    for number, image in enumerate(images):
        row, column = divmod(number, columns)
        if is_grey:
            shown = _show_at(axes, image[..., 0], column, row, **_signed(reach))
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
    """Text not wider than a tile."""
    axes.text(across, down, "\n".join(_fold(text)), fontsize=9, **alignment)


def _fold(text: str) -> list[str]:
    """The lines of a text on a tile."""
    lines = wrap(printable(text), CHARACTERS, max_lines=LINES, placeholder="…")
    return list(map(for_plot, lines))


def _figure_of(axes: Axes) -> Figure:
    figure: Any = axes.figure  # a Figure, or one within another, which is not made here
    return figure


def draw_weight_matrix(weights: Array) -> Figure:
    """Weights ``(inputs, units)`` as a matrix, small ones with their numbers."""
    from matplotlib.figure import Figure

    inputs, units = weights.shape
    height = min(6.0, 1.2 + 0.4 * inputs)
    figure = Figure(figsize=(min(WIDTH, 2.4 + 0.55 * units), height), layout="constrained")
    axes = figure.subplots()
    reach = _reach(weights)
    figure.colorbar(axes.imshow(weights, **_signed(reach)), label="weight")
    axes.set(xlabel="unit", ylabel="input", aspect="auto")
    axes.set_xticks(range(units) if units <= 32 else [])
    axes.set_yticks(range(inputs) if inputs <= 32 else [])
    if weights.size <= WEIGHTS_WITH_NUMBERS:
        for (row, column), weight in np.ndenumerate(weights):
            ink = "white" if abs(weight) > 0.6 * reach else "#1a1a1a"
            axes.text(column, row, f"{weight:.2f}", ha="center", va="center", color=ink)
    return figure


def _reach(weights: Array) -> float:
    """How far weights go either way from zero."""
    return float(np.abs(weights).max()) or 1.0


def _signed(reach: float) -> dict[str, Any]:
    """How numbers become colours: zero is white, `reach` either way the strongest."""
    return {"cmap": "RdBu", "vmin": -reach, "vmax": reach}


def draw_gradients(epochs: Sequence[int], norms: Mapping[str, Sequence[float]]) -> Figure:
    """The norm of each layer's gradient over the epochs."""
    figure, (axes,) = panels_in_rows(1)
    figure.set_figwidth(0.7 * WIDTH)
    _draw_layers(axes, epochs, norms, "gradient norm")
    _scale_by_decades(axes, [value for values in norms.values() for value in values if value > 0])
    _name_layers(axes, list(norms))
    return figure


def _scale_by_decades(axes: Axes, values: Sequence[float]) -> None:
    """A logarithmic axis from one power of ten to another, where there are values to show."""
    if not values:
        return
    axes.set_yscale("log", nonpositive="mask")
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    axes.set_ylim(10.0**low, 10.0 ** max(high, low + 1))
    axes.yaxis.set_major_formatter("{x:g}")


def draw_activations(
    epochs: Sequence[int], panels: Mapping[str, Mapping[str, Sequence[float]]], layers: list[str]
) -> Figure:
    """For each statistic a panel, with a line for each layer that has it."""
    figure, places = panels_in_rows(len(panels))
    for axes, (label, lines) in zip(places, panels.items(), strict=True):
        _draw_layers(axes, epochs, lines, label, layers)
        if label.startswith("share"):
            axes.set_ylim(-0.03, 1.03)
            axes.yaxis.set_major_formatter(lambda share, _: f"{100 * share:.0f} %")
    _name_layers(places[0], layers)
    return figure


def _draw_layers(
    axes: Axes,
    epochs: Sequence[int],
    lines: Mapping[str, Sequence[float]],
    label: str,
    layers: Sequence[str] = (),
) -> None:
    order = list(layers or lines)
    for name, values in lines.items():
        axes.plot(epochs, values, label=name, linewidth=1.6, **line_style(order.index(name)))
    label_epochs(axes, label)


def _name_layers(axes: Axes, layers: list[str]) -> None:
    """A legend below all panels."""
    name_below(_figure_of(axes), axes.get_lines(), layers, columns=4)


def draw_estimates(results: Results) -> Figure:
    """A row for each variant: a dot for each run, and over them the mean with its interval."""
    from matplotlib.figure import Figure

    metric = results.metric
    scale, unit = (100, " (%)") if is_share(metric) else (1, "")
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
    axes.set_yticks(range(len(variants)), [for_plot(variant.label) for variant in variants])
    axes.set(xlabel=for_plot(f"{spell(metric)}{unit}"), ylim=(len(variants) - 0.5, -0.5))
    axes.grid(axis="x", color="#808080", alpha=0.25)
    return figure
