"""What users pass as arrays: NumPy's of every kind, and series and frames of other libraries."""

from __future__ import annotations

from typing import Any

import numpy as np

from chainrule.data.readers.frames import from_frame, is_frame
from chainrule.errors import DataError
from chainrule.presentation.display import counted


def as_array(given: Any, name: str) -> Any:
    """Numbers by their position, whatever holds them. What is on disk stays there.

    Rows of a frame or a series are taken in their order, and never by the labels of its index.

    >>> as_array([1, 2], "y")
    array([1, 2])

    Raises:
        DataError: a sparse matrix, values that are masked or missing, complex numbers, or text.
    """
    if type(given) is np.ndarray:
        return _native(given, name)
    if type(given).__module__.startswith(("scipy.sparse", "sparse")):
        raise DataError(
            f"{name} is a sparse matrix ({type(given).__name__}), which networks do not take: "
            f"give {name}.toarray(), or a part of it where that is too large for the memory"
        )
    if isinstance(given, np.ma.MaskedArray):
        masked = int(np.sum(np.ma.getmaskarray(given)))
        if masked:
            raise DataError(
                f"{name} has {counted(masked, 'masked value')}: fill them in, as {name}.filled(0) "
                "does, or leave their examples out"
            )
        return _native(given.data, name)
    if is_frame(given):
        return _from_frame(given, name)
    if hasattr(given, "to_numpy"):
        return _native(np.asarray(given.to_numpy()), name)
    return given if hasattr(given, "shape") else _native(np.asarray(given), name)


def _from_frame(frame: Any, name: str) -> Any:
    table = from_frame(frame, name)
    positions = range(len(table.names))
    matrix = table.matrix(positions)
    if matrix is None:
        column = table.describe(table.first_text(positions))
        raise DataError(
            f"{name}, column {column} holds text, and networks take numbers: "
            "cr.datasets.load(FILE) turns the columns of a table into numbers, and keeps how"
        )
    return matrix


def _native(array: Any, name: str) -> Any:
    if array.dtype.kind in "OSU" and array.size:
        first = array.ravel()[0]
        instead = f"for classes, give np.unique({name}, return_inverse=True)[1]"
        if isinstance(first, (int, float)):
            instead = f"where all are numbers, give {name}.astype(float)"
        raise DataError(
            f"{name} holds text or Python objects, such as {_plain(first)!r}, and networks take "
            "numbers: " + instead
        )
    if array.dtype.kind == "c":
        raise DataError(
            f"{name} holds complex numbers, and networks take real ones: give np.abs({name}), or "
            "the real and imaginary parts side by side"
        )
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder("="))


def _plain(value: Any) -> Any:
    """A value as Python's own, whose repr says no more than it."""
    return value.item() if isinstance(value, np.generic) else value
