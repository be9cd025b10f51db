"""Tables in pandas' and polars' frames, and in the files that pandas reads: Parquet and Excel."""

from __future__ import annotations

import datetime
import decimal
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data.records import typed_column
from chainrule.data.tables import LARGEST, Table
from chainrule.errors import DataError
from chainrule.limits import shortened
from chainrule.types import Array

if TYPE_CHECKING:
    import narwhals.stable.v1 as nw

PARQUET_MAGIC = b"PAR1"
OLD_EXCEL_MAGIC = b"\xd0\xcf\x11\xe0"
TO_INSTALL = "install what reads it: pip install 'chainrule[data]'"


def is_excel(path: Path) -> bool:
    """True of an Excel workbook, which is a ZIP file of a kind."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/workbook") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def read_frame(path: Path) -> Table:
    """The table in a Parquet file, or on the first sheet of an Excel workbook.

    Raises:
        DataError: pandas is not installed, or cannot read the file.
    """
    try:
        import pandas
    except ImportError:
        raise DataError(f"{path} is read with pandas: {TO_INSTALL}") from None
    read: Any = pandas.read_excel if is_excel(path) else pandas.read_parquet
    try:
        frame = read(path)
    except ImportError as error:
        missing = str(error).split(". ")[0]
        raise DataError(f"{path} cannot be read ({missing}): {TO_INSTALL}") from None
    except Exception as error:  # readers raise errors of many kinds, and their own
        raise DataError(f"{path} cannot be read: {shortened(str(error))}") from None
    return from_frame(frame, str(path))


def is_frame(x: Any) -> bool:
    """True of a frame of pandas, polars, or another library with columns that have names."""
    return hasattr(x, "columns") and hasattr(x, "shape") and not hasattr(x, "strides")


def from_frame(frame: Any, origin: str = "the frame") -> Table:
    """A frame as a table. A named index of pandas is a column, as it would be in a file.

    Raises:
        DataError: narwhals is not installed, or a column holds what is neither number nor text.
    """
    try:
        import narwhals.stable.v1 as nw
    except ImportError:
        raise DataError(f"a frame is read with narwhals: {TO_INSTALL}") from None
    if getattr(getattr(frame, "index", None), "name", None) is not None:
        frame = frame.reset_index()
    try:
        if all(isinstance(name, (int, np.integer)) for name in frame.columns):
            frame = frame.rename(columns=str)
        table = nw.from_native(frame, eager_only=True)
    except (TypeError, ValueError, AttributeError) as error:
        raise DataError(f"{origin} cannot be read as a table: {shortened(str(error))}") from None
    if not len(table) or not len(table.columns):
        raise DataError(f"{origin} has shape {tuple(table.shape)}: at least one example is needed")
    names = tuple(str(name) for name in table.columns)
    columns = [_column(table[name], f"{origin}, column {name!r}") for name in table.columns]
    return Table(origin, names, True, columns)


def _column(series: nw.Series[Any], origin: str) -> Array:
    if series.dtype.is_numeric() and not series.dtype.is_decimal():
        numbers = np.asarray(series.to_numpy())
        if numbers.dtype.kind not in "ui":
            numbers = numbers.astype(np.float64)
        if np.abs(numbers[~np.isnan(numbers)]).max(initial=0) > LARGEST:
            raise DataError(f"{origin} holds infinity, or a number too large for float32: mend it")
        return numbers
    return typed_column([_plain(cell) for cell in series.to_list()], origin)


def _plain(cell: Any) -> Any:
    """A cell as plain Python has it."""
    if isinstance(cell, (datetime.date, datetime.time)):
        return cell.isoformat()
    if isinstance(cell, (decimal.Decimal, np.number)):
        cell = float(cell)
    if isinstance(cell, np.bool_):
        return bool(cell)
    return None if (isinstance(cell, float) and np.isnan(cell)) or repr(cell) == "NaT" else cell
