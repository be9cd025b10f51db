"""Tables as JSON: an object a line, or a list of objects, each with a value for each column."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.data.readers.delimited import open_text
from chainrule.data.tables.table import LARGEST, Table, number_text, text_column
from chainrule.errors import DataError
from chainrule.limits import shortened
from chainrule.types import Array


def read_records(path: Path) -> Table:
    """Read a file of JSON objects, one a line (JSON Lines) or all in a list.

    Raises:
        DataError: it is no JSON, holds no objects, or a value that is neither number nor text.
    """
    text, notes = open_text(path)
    with text.open() as file:
        content = file.read()
    records = (
        _parse_list(path, content) if content.lstrip().startswith("[") else _parse(path, content)
    )
    names = tuple(dict.fromkeys(name for record in records for name in record))
    if not names:
        raise DataError(f"{path} holds no records: expected a JSON object for each example")
    columns = [
        typed_column([record.get(name) for record in records], f"{path}, {name!r}")
        for name in names
    ]
    return Table(str(path), names, True, columns, notes=tuple(notes))


def typed_column(cells: Sequence[Any], origin: str) -> Array:
    """Cells that are numbers, text, truth values or nothing, as a table holds them.

    Raises:
        DataError: one is something else, or too large.
    """
    kinds = {type(cell) for cell in cells if cell is not None}
    if kinds <= {int, float}:
        return _numbers(cells, origin)
    if not kinds <= {int, float, str, bool}:
        odd = next(each for each in cells if type(each) not in {int, float, str, bool, type(None)})
        raise DataError(
            f"{origin} holds {shortened(repr(odd))}: expected a number or text in each column"
        )
    if kinds & {int, float}:
        raise DataError(f"{origin} holds numbers and text mixed: make them of one kind")
    return text_column((None if cell is None else str(cell) for cell in cells), origin)


def _numbers(cells: Sequence[Any], origin: str) -> Array:
    for cell in cells:
        if cell is not None and (abs(cell) > LARGEST):
            shown = number_text(cell) if isinstance(cell, int) else cell
            raise DataError(
                f"{origin} holds {shortened(str(shown))}, expected a finite number of 32 bits"
            )
    return np.array([math.nan if cell is None else float(cell) for cell in cells])


def _parse_list(path: Path, content: str) -> list[dict[str, Any]]:
    return _checked(path, _load(path, content, "its list"))


def _parse(path: Path, content: str) -> list[dict[str, Any]]:
    lines = enumerate(content.split("\n"), start=1)
    return _checked(path, [_load(path, line, f"line {n}") for n, line in lines if line.strip()])


def _load(path: Path, content: str, place: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}, {place} is no JSON: {shortened(str(error))}") from None


def _checked(path: Path, records: list[Any]) -> list[dict[str, Any]]:
    if not all(isinstance(record, dict) for record in records):
        raise DataError(f"{path} holds more than objects: expected a JSON object for each example")
    return records
