"""Tables in pandas' and polars' frames, and in the files that pandas reads: Parquet and Excel."""

from __future__ import annotations

import datetime
import decimal
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.data.readers.records import typed_column
from chainrule.data.tables.table import LARGEST, Table
from chainrule.errors import DataError
from chainrule.extras import optional
from chainrule.limits import shortened
from chainrule.types import Array

if TYPE_CHECKING:
    import narwhals.stable.v1 as nw

PARQUET_MAGIC = b"PAR1"
OLD_EXCEL_MAGIC = b"\xd0\xcf\x11\xe0"
TO_INSTALL = "pip install 'chainrule[data]'"


def find_reader(path: Path, start: bytes) -> str | None:
    """The package with which pandas reads a file that begins so; None where it reads none such."""
    if start.startswith(PARQUET_MAGIC):
        return "pyarrow"
    if start.startswith(OLD_EXCEL_MAGIC):
        return "python_calamine"
    return "openpyxl" if is_workbook(path) else None


def is_workbook(path: Path) -> bool:
    """True of an Excel workbook (.xlsx), which is a ZIP file of a kind."""
    try:
        with zipfile.ZipFile(path) as archive:
            return any(name.startswith("xl/workbook") for name in archive.namelist())
    except (zipfile.BadZipFile, OSError, ValueError):
        return False


def read_frame(path: Path, reader: str) -> Table:
    """The table in a Parquet file, or on the first sheet of an Excel workbook, which pandas reads
    with the package `reader`.

    Raises:
        DataError: pandas cannot read the file.
        MissingPackageError: pandas or the package is not installed.
    """
    pandas = optional("pandas", f"reading {path}", TO_INSTALL)
    optional(reader, f"reading {path}", TO_INSTALL)
    try:
        if reader == "pyarrow":
            frame = pandas.read_parquet(path, engine=reader)
        else:
            frame = pandas.read_excel(path, engine=reader.removeprefix("python_"))
    except Exception as error:  # readers raise errors of many kinds, and their own
        raise DataError(f"{path} cannot be read: {shortened(str(error))}") from None
    return from_frame(frame, str(path))


def is_frame(x: Any) -> bool:
    """True of a frame of pandas, polars, or another library with columns that have names."""
    return hasattr(x, "columns") and hasattr(x, "shape") and not hasattr(x, "strides")


def from_frame(frame: Any, origin: str = "the frame") -> Table:
    """A frame as a table. A named index of pandas is a column, as it would be in a file.

    Raises:
        DataError: a column holds what is neither number nor text.
        MissingPackageError: narwhals is not installed.
    """
    nw = optional("narwhals.stable.v1", "a frame", TO_INSTALL)
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
