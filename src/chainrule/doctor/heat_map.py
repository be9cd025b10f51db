"""A picture of the wrong entries of gradients."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.display import as_png
from chainrule.files import whole_file
from chainrule.text import for_plot
from chainrule.types import Array

LARGEST = 200  # rows and columns drawn


def draw_heat_map(arrays: Mapping[str, Mapping[str, Any]], path: Path) -> None:
    """For each wrong gradient: what the code gives, the true one, and the difference.

    Args:
        arrays: `{"dW1": {"given": …, "true": …}}`; entries that are not known are NaN.
        path: a PNG file.
    Raises:
        OutputError: it cannot be written.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9, 0.6 + 2.6 * len(arrays)), layout="constrained")
    axes = figure.subplots(len(arrays), 3, squeeze=False)
    for line, (name, pair) in zip(axes, arrays.items(), strict=True):
        true = _as_matrix(pair["true"])
        is_missing = pair["given"] is None
        given = np.full_like(true, np.nan) if is_missing else _as_matrix(pair["given"])
        gap = given - true if given.shape == true.shape else np.full_like(true, np.nan)
        limit = float(np.nanmax(np.abs(np.concatenate([given.ravel(), true.ravel()])))) or 1.0
        titles = for_plot(f"{name}: given"), "true", "difference"
        for axis, picture, title in zip(line, (given, true, gap), titles, strict=True):
            image = axis.imshow(
                picture[:LARGEST, :LARGEST], cmap="RdBu_r", vmin=-limit, vmax=limit, aspect="auto"
            )
            axis.set_title(title, loc="left", fontsize=10)
            axis.tick_params(labelsize=7)
        figure.colorbar(image, ax=line, fraction=0.03)
    with whole_file(path) as file:
        file.write(as_png(figure, dpi=150))


def _as_matrix(values: Any) -> Array:
    """A matrix: a vector becomes a row, further axes lie side by side."""
    array = np.asarray(values, np.float64)
    return array.reshape(1, -1) if array.ndim < 2 else array.reshape(len(array), -1)
