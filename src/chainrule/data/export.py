"""Write a data set as CSV, for other programs and for competitions."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from chainrule.data.dataset import Dataset
from chainrule.errors import ArgumentError, DataError, OutputError
from chainrule.files import whole_file
from chainrule.types import Array

ROWS_AT_ONCE = 4096
"""So that a memory-mapped set is never read whole."""

PIXELS = np.arange(256).astype("S3")  # the text of each


def export_csv(
    dataset: Dataset,
    part: str,
    path: str | Path,
    *,
    labels: bool = True,
    overwrite: bool = False,
) -> None:
    """Write the part ``"train"`` or ``"test"`` of `dataset`: a header, then an example a line.

    The label comes first, unless `labels` is False. Images have the columns ``pixel0``,
    ``pixel1``, … with whole numbers from 0 to 255, ``round(255 x)``; other features have
    ``feature0``, … with as many digits as give the same float32 again.

    >>> import tempfile
    >>> from chainrule.data.loading import load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     export_csv(load("xor"), "train", Path(folder) / "xor.csv")
    ...     print((Path(folder) / "xor.csv").read_text()[:30])
    label,feature0,feature1
    0,0.0,

    Raises:
        DataError: the set has no such part.
        OutputError: the file exists and `overwrite` is False, or it cannot be written;
            nothing is left half-written.
    """
    x, y = take_part(dataset, part)
    path = Path(path)
    if path.exists() and not overwrite:
        raise OutputError(f"{path} exists already: give another name, or --force to replace it")
    are_images = dataset.preparation.scale != 1.0
    columns = [f"{'pixel' if are_images else 'feature'}{n}" for n in range(x[:1].size)]
    with whole_file(path) as file:
        file.write((",".join(["label", *columns] if labels else columns) + "\n").encode())
        for start in range(0, len(x), ROWS_AT_ONCE):
            rows = x[start : start + ROWS_AT_ONCE].reshape(-1, len(columns))
            cells = _pixels_as_text(rows) if are_images else _as_text(rows)
            if labels:
                targets = y[start : start + ROWS_AT_ONCE].reshape(len(rows), -1)
                cells = np.hstack([_as_text(targets), cells])
            file.write(_lines(cells))


def take_part(dataset: Dataset, part: str) -> tuple[Array, Array]:
    """``(x, y)`` of the part ``"train"`` or ``"test"``.

    Raises:
        ArgumentError: `part` is neither.
        DataError: the set has no test part.
    """
    if part == "train":
        return dataset.x_train, dataset.y_train
    if part != "test":
        raise ArgumentError(f"part={part!r}: choose 'train' or 'test'")
    if dataset.x_test is None or dataset.y_test is None:
        raise DataError(f"{dataset.name} has no test part: export its train part")
    return dataset.x_test, dataset.y_test


def _pixels_as_text(rows: Array) -> Array:
    """Pixels in [0, 1] as the text of whole numbers up to 255."""
    return PIXELS[np.rint(rows * np.float32(255)).astype(np.uint8)]


def _as_text(rows: Array) -> Array:
    """Numbers as text; real ones with the fewest digits that tell a float32 from all others."""
    return np.array(rows.astype(str).tolist(), "S")


def _lines(cells: Array) -> bytes:
    """A table of text ``(rows, columns)``, its cells separated by commas. All at once, since images
    have millions of cells: zeros, which NumPy pads shorter text with, are left out."""
    width = cells.itemsize
    letters = np.full((*cells.shape, width + 1), ord(","), np.uint8)
    letters[..., :width] = cells.view(np.uint8).reshape(*cells.shape, width)
    letters[:, -1, -1] = ord("\n")
    return letters[letters != 0].tobytes()
