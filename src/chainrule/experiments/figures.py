"""The pictures of a report, each a function from numbers to a matplotlib figure.

Pages are light or dark: zero is transparent, ink is black (which `Document` makes light on a dark
page), and colours are those of `palette`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.experiments.curves import label_epochs, panels_in_rows, spell
from chainrule.experiments.palette import BLUE, VERMILION, colour, line_style, marker
from chainrule.parameters import Array
from chainrule.progress import is_share

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.image import AxesImage

    from chainrule.experiments.results import Results

WIDTH = 9.0  # inches, the page
REGION_SIDE = 300  # points of the grid on which decision regions are drawn, along each axis
CELLS_WITH_NUMBERS = 16  # up to so many classes, a confusion matrix has its counts written in
WEIGHTS_WITH_NUMBERS = 100  # likewise a matrix of weights


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
    handles, labels = prediction.get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside lower center", ncols=8, frameon=False)
    return figure


def scatter_classes(axes: Axes, x: Array, classes: Array, class_names: Sequence[str]) -> None:
    """Points ``(N, 2)``, each class in a colour and a shape of its own."""
    size = 16 if len(x) > 200 else 36
    for number, name in enumerate(class_names):
        places = x[classes == number].T
        axes.scatter(
            *places, size, colour(number), marker(number), label=f"class {name}", linewidths=0
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
    axes.set_xticks(range(classes), class_names, fontsize=_label_size(classes))
    axes.set_yticks(range(classes), class_names, fontsize=_label_size(classes))
    if max(map(len, class_names)) > 3:
        axes.tick_params(axis="x", rotation=90)
    if classes <= CELLS_WITH_NUMBERS:
        for (row, column), count in np.ndenumerate(counts):
            if count:
                ink = "white" if strength[row, column] > 0.5 else "black"
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
    from matplotlib.figure import Figure

    titled = any(title for title, _ in rows)
    width = WIDTH / max(columns, 8)
    height = width + 0.28 * (1 + max(text.count("\n") for _, row in rows for _, text in row))
    figure = Figure(
        figsize=(columns * width + 1.2 * titled, height * len(rows)), layout="constrained"
    )
    places = figure.subplots(len(rows), columns, squeeze=False)
    for axes in places.flat:
        axes.set_axis_off()
    for (title, images), line in zip(rows, places, strict=True):
        for axes, (image, text) in zip(line, images, strict=False):
            show_image(axes, image)
            axes.set_title(text, fontsize=9)
        if title:
            line[0].text(-0.15, 0.5, title, ha="right", va="center", transform=line[0].transAxes)
    return figure


def show_image(axes: Axes, image: Array) -> None:
    """An image ``(height, width, 1 or 3)``, one channel in grey."""
    shown = np.clip(image, 0, 1)
    shown = shown[..., 0] if shown.shape[-1] == 1 else shown
    axes.imshow(shown, cmap="gray", vmin=0, vmax=1, interpolation="nearest")


def draw_weight_images(images: Array) -> Figure:
    """Weights of single units as images ``(units, height, width, 1 or 3)``, on one scale about
    zero."""
    from matplotlib.figure import Figure

    columns = min(8 if len(images) <= 32 else 16, len(images))
    rows = math.ceil(len(images) / columns)
    width = WIDTH / max(columns, 8)
    figure = Figure(figsize=(columns * width + 1, rows * width), layout="constrained")
    places = figure.subplots(rows, columns, squeeze=False)
    for axes in places.flat:
        axes.set_axis_off()
    shown = [
        _show_signed(axes, image, images) for axes, image in zip(places.flat, images, strict=False)
    ]
    if images.shape[-1] == 1:
        height = min(1.0, 2.5 / (rows * width))
        figure.colorbar(shown[0], ax=places, label="weight", shrink=height)
    return figure


def draw_weight_matrix(weights: Array) -> Figure:
    """Weights ``(inputs, units)`` as a matrix, small ones with their numbers."""
    from matplotlib.figure import Figure

    inputs, units = weights.shape
    height = min(6.0, 1.2 + 0.4 * inputs)
    figure = Figure(figsize=(min(WIDTH, 2.4 + 0.55 * units), height), layout="constrained")
    axes = figure.subplots()
    figure.colorbar(_show_signed(axes, weights, weights), label="weight")
    axes.set(xlabel="unit", ylabel="input", aspect="auto")
    axes.set_xticks(range(units) if units <= 32 else [])
    axes.set_yticks(range(inputs) if inputs <= 32 else [])
    if weights.size <= WEIGHTS_WITH_NUMBERS:
        largest = np.abs(weights).max()
        for (row, column), weight in np.ndenumerate(weights):
            ink = "white" if abs(weight) > 0.6 * largest else "#1a1a1a"
            axes.text(column, row, f"{weight:.2f}", ha="center", va="center", color=ink)
    return figure


def _show_signed(axes: Axes, values: Array, scale: Array) -> AxesImage:
    """Numbers as colours, the largest of `scale` either way the strongest. Of a matrix zero is
    white; of three channels, shown as red, green and blue, zero is a middle grey."""
    reach = float(np.abs(scale).max()) or 1.0
    if values.ndim == 3 and values.shape[-1] == 3:
        return axes.imshow(0.5 + values / (2 * reach), interpolation="nearest")
    matrix = values.reshape(values.shape[:2])
    return axes.imshow(matrix, cmap="RdBu", vmin=-reach, vmax=reach, interpolation="nearest")


def draw_gradients(epochs: Sequence[int], norms: Mapping[str, Sequence[float]]) -> Figure:
    """The norm of each layer's gradient over the epochs."""
    figure, (axes,) = panels_in_rows(1)
    figure.set_figwidth(0.8 * WIDTH)
    _draw_layers(axes, epochs, norms, "gradient norm")
    if any(value > 0 for values in norms.values() for value in values):
        axes.set_yscale("log", nonpositive="mask")
    _name_layers(axes, list(norms))
    return figure


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
    """A legend beside all panels."""
    figure: Any = axes.figure
    figure.legend(axes.get_lines(), layers, loc="outside right upper", title="layer", frameon=False)


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
        interval = [scale * estimate.low, scale * estimate.high]
        axes.plot(values, [row] * len(values), "o", color=colour(row), alpha=0.45, ms=5)
        axes.plot(interval, [row, row], color=colour(row), lw=2.5)
        axes.plot(scale * estimate.mean, row, "D", color=colour(row), ms=8)
    axes.set_yticks(range(len(variants)), [variant.label for variant in variants])
    axes.set(xlabel=f"{spell(metric)}{unit}", ylim=(len(variants) - 0.5, -0.5))
    axes.grid(axis="x", color="#808080", alpha=0.25)
    return figure
