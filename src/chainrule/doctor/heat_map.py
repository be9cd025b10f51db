"""A picture of the wrong entries of gradients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.presentation.palette import SIGNS, signed
from chainrule.presentation.pictures import write_picture
from chainrule.text import for_plot
from chainrule.types import Array

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LARGEST = 200  # rows and columns drawn
LONGEST_NAME = 30  # characters


def draw_heat_map(arrays: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """For each wrong gradient: what the code gives and the true one, on one scale, and their
    difference on its own. Blue is positive, orange negative, grey what is not known.

    Args:
        arrays: `{"dW1": {"given": …, "true": …}}`; entries that are not known are NaN.
        path: a file that ends in .png, .svg or .pdf.
    Raises:
        OutputError: another ending, or it cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(10, 0.7 + 2.6 * len(arrays)), layout="constrained")
    rows = figure.subplots(len(arrays), 3, squeeze=False)
    is_unknown = False
    for axes, (name, pair) in zip(rows, arrays.items(), strict=True):
        true = _as_matrix(pair["true"])
        is_missing = pair["given"] is None
        given = np.full_like(true, np.nan) if is_missing else _as_matrix(pair["given"])
        gap = given - true if given.shape == true.shape else np.full_like(true, np.nan)
        is_unknown |= not all(np.isfinite(each).all() for each in (given, true, gap))
        shown = f"{for_plot(name, LONGEST_NAME)}{_cut(true)}"
        _draw(axes[:2], {f"{shown}: the code's": given, "true": true})
        _draw(axes[2:], {"difference": gap})
    unknown = f"{SIGNS}, grey not known" if is_unknown else SIGNS
    figure.supxlabel(f"In all of them {unknown}.", fontsize=10)
    write_picture(figure, path)


def _draw(places: Any, pictures: Mapping[str, Array]) -> None:
    """Matrices side by side, on one scale of colours."""
    finite = [np.abs(matrix[np.isfinite(matrix)]).max(initial=0) for matrix in pictures.values()]
    scale = signed(float(max(finite)) or 1.0)
    for axes, (title, matrix) in zip(places, pictures.items(), strict=True):
        known = np.where(np.isfinite(matrix), matrix, np.nan)
        image = axes.imshow(known[:LARGEST, :LARGEST], aspect="auto", **scale)
        axes.set_title(title, loc="left", fontsize=10)
        _name_entries(axes)
    bar = places[0].figure.colorbar(image, ax=list(places), fraction=0.05 * len(places))
    bar.ax.tick_params(labelsize=8)


def _name_entries(axes: Axes) -> None:
    """Rows and columns are counted: no ticks lie between them."""
    from matplotlib.ticker import MaxNLocator

    axes.tick_params(labelsize=8)
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_locator(MaxNLocator(5, integer=True, min_n_ticks=1))


def _cut(matrix: Array) -> str:
    """Which part is drawn of one that is too large."""
    rows, columns = matrix.shape
    if max(rows, columns) <= LARGEST:
        return ""
    return f" [:{min(rows, LARGEST)}, :{min(columns, LARGEST)}] of {rows} × {columns}"


def _as_matrix(values: Any) -> Array:
    """A matrix: a vector becomes a row, further axes lie side by side."""
    array = np.asarray(values, np.float64)
    return array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1)
