"""Tables as text: CSV with any separator, encoding and compression.

A well-formed table of numbers is read at full speed by NumPy. Only when that fails, or finds
numbers that cannot be used, is it read again line by line, for its text, its missing values, or to
say where the trouble is.
"""

from __future__ import annotations

import bz2
import codecs
import csv
import gzip
import io
import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import IO, Any, TextIO

import numpy as np

from chainrule.data.readers.raw import find_unusable
from chainrule.data.tables.table import Table, is_number, is_whole, parse_table
from chainrule.errors import ChainruleError, DataError
from chainrule.extras import optional
from chainrule.limits import MEGABYTE, TIMES_AS_LARGE, UNPACKED, check_unpacked, shortened
from chainrule.presentation.display import counted
from chainrule.types import Array

MOST_COLUMNS = 1_000_000
LONGEST_ROW = 32_000_000  # characters
PIECE = 2**16  # bytes of what is compressed that are read at once
LINES_LOOKED_AT = 20  # to find the separator

SEPARATORS = "\t;|,"
"""Those that are looked for, the rarest in other places first: a decimal comma is no separator."""
BLANKS = " "
SHORTEST_COUNT = 3  # columns called 0, 1, 2, whatever stands below


def _open_zstd(file: IO[bytes]) -> Any:
    pyarrow = optional("pyarrow", f"reading {file.name}", "pip install 'chainrule[data]'")
    return pyarrow.CompressedInputStream(pyarrow.PythonFile(file), "zstd")


COMPRESSED: dict[bytes, Any] = {
    b"\x1f\x8b": gzip.open,
    b"BZh": bz2.open,
    b"\xfd7zXZ": lzma.open,
    b"\x28\xb5\x2f\xfd": _open_zstd,
}
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, ValueError, OSError)
ZIP_MAGIC = b"PK\x03\x04"
ENCODINGS = {
    codecs.BOM_UTF8: "utf-8-sig",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
OTHER_ENCODING = "cp1252"
CONTROLS = bytes({*range(32)} - {*b"\t\n\r\f"})


@dataclass(frozen=True)
class Text:
    """Where a text is read from: a file, or what was unpacked from it; how its bytes stand for
    characters, and what parts its columns."""

    path: Path
    unpacked: bytes | None
    encoding: str = "utf-8-sig"
    separator: str = ","

    def open(self) -> TextIO:
        """The text from its beginning."""
        if self.unpacked is None:
            return self.path.open(encoding=self.encoding, newline="")
        return io.TextIOWrapper(io.BytesIO(self.unpacked), self.encoding, newline="")

    def open_bytes(self) -> IO[bytes]:
        """The bytes from their beginning."""
        return self.path.open("rb") if self.unpacked is None else io.BytesIO(self.unpacked)


def read_delimited(path: Path) -> Table:
    """Read a text table, with or without a header line.

    The first line is a header when it holds text, unless it looks like an example: with a
    number such as 0.5 among the text, the same number twice, or a text that recurs in its column;
    and when it counts 0, 1, 2, …, as pandas does where columns have no names.

    Raises:
        DataError: the file is empty, ragged, not text, or holds in a column of numbers anything
            that is none; the message names line and column.
    """
    try:
        text, notes = open_text(path)
        text = replace(text, separator=_find_separator(text))
        top = list(islice(_rows(text), 2))
        if not top:
            raise DataError(f"{path} is empty: expected lines of numbers or text")
        line, cells = top[0]
        has_header = _is_header(cells, top[1][1] if len(top) > 1 else [])
        if has_header and _counts(cells):
            notes.append("the first line, 0, 1, 2, …, was taken for a header, as pandas writes it")
        values = _read_numbers(text, line if has_header else 0, len(cells))
        if values is None:
            return _read_cells(text, notes)
        names = _names(cells) if has_header else tuple(map(str, range(len(cells))))
        return Table(str(path), names, has_header, values, notes=tuple(notes))
    except UnicodeDecodeError:
        raise DataError(f"{path} is not text in UTF-8: save it as CSV in UTF-8") from None
    except csv.Error as error:
        raise DataError(f"{path} is not a CSV file: {error}") from None


def open_text(path: Path) -> tuple[Text, list[str]]:
    """A text file, with what was found out of its encoding, and what to say of that.

    Raises:
        DataError: it is no text, or cannot be unpacked.
    """
    text = Text(path, _unpack(path))
    text = replace(text, encoding=_find_encoding(text))
    other = text.encoding == OTHER_ENCODING
    return text, ["the text is not in UTF-8; it was read as Windows-1252"] if other else []


def _unpack(path: Path) -> bytes | None:
    """The content of a compressed file; None of one that is not.

    Raises:
        DataError: it is damaged, or unpacks to more than `limits` allow.
    """
    size = path.stat().st_size
    most = max(UNPACKED, TIMES_AS_LARGE * size) + 1
    with path.open("rb") as file:
        start = file.read(8)
        file.seek(0)
        try:
            if start.startswith(ZIP_MAGIC):
                content = _unzip(path, file, most)
            else:
                opened = next(
                    (o for magic, o in COMPRESSED.items() if start.startswith(magic)), None
                )
                if opened is None:
                    return None
                with opened(file) as stream:
                    content = _read_in_pieces(stream, most)
        except ChainruleError:
            raise
        except DAMAGED as error:
            problem = shortened(str(error))
            raise DataError(f"{path} is damaged ({problem}): copy or write it again") from None
    check_unpacked(len(content), size, str(path), "unpack it")
    return content


def _read_in_pieces(stream: IO[bytes], most: int) -> bytes:
    """At most so many bytes. Asked for all at once, pyarrow takes memory for all that may come, and
    does not give it back where the file is damaged."""
    pieces, count = [], 0
    while count < most and (piece := stream.read(min(PIECE, most - count))):
        pieces.append(piece)
        count += len(piece)
    return b"".join(pieces)


def _unzip(path: Path, file: IO[bytes], most: int) -> bytes:
    with zipfile.ZipFile(file) as archive:
        names = [name for name in archive.namelist() if not name.endswith("/")]
        names = [name for name in names if not name.startswith("__MACOSX")]
        if len(names) != 1:
            raise DataError(f"{path} holds {len(names)} files: unpack it, and give one of them")
        try:
            with archive.open(names[0]) as member:
                return member.read(most)
        except (NotImplementedError, RuntimeError) as error:
            raise DataError(f"{path} cannot be unpacked ({error}): unpack it yourself") from None


def _find_encoding(text: Text) -> str:
    with text.open_bytes() as file:
        start = file.read(3)
        for mark, encoding in ENCODINGS.items():
            if start.startswith(mark):
                return encoding
        file.seek(0)
        decoder = codecs.getincrementaldecoder("utf-8")()
        try:
            while piece := file.read(MEGABYTE):
                decoder.decode(piece)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            pass
        else:
            return "utf-8"
        file.seek(0)
        content = file.read(MEGABYTE)
    try:
        content.decode(OTHER_ENCODING)
    except UnicodeDecodeError:
        content = CONTROLS
    if content.translate(None, CONTROLS) != content:
        raise DataError(f"{text.path} is not text in UTF-8: save it as CSV in UTF-8")
    return OTHER_ENCODING


def _find_separator(text: Text) -> str:
    """What parts the first lines into equally many cells, or at least most of them into several;
    blanks where nothing else does."""
    with text.open() as file:
        lines = [line for line in islice(_Lines(text.path, file), LINES_LOOKED_AT) if line.strip()]
    for separator in SEPARATORS:
        with suppress(csv.Error):  # a long line that it does not part
            counts = {len(cells) for cells in csv.reader(lines, delimiter=separator)}
            if len(counts) == 1 and counts != {1}:
                return separator
    found = max(SEPARATORS, key=lambda mark: sum(mark in line for line in lines))
    if any(found in line for line in lines):
        return found
    counts = {len(line.split()) for line in lines}
    return BLANKS if len(counts) == 1 and counts != {1} else ","


class _Lines:
    """The lines of a table; one that is too long for the memory is refused, and so is a row. A row
    of many cells takes far more memory than it has bytes in the file."""

    def __init__(self, path: Path, file: TextIO, separator: str = ",") -> None:
        self._path = path
        self._file = file
        self._separator = separator
        self.begin_row()

    def begin_row(self) -> None:
        """Count anew; until then, lines belong to one row, whose quoted cells hold line breaks."""
        self._characters = self._cells = 0

    def singly(self) -> Iterator[str]:
        """Each line, taken for a row."""
        for line in self:
            self.begin_row()
            yield line

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._file.readline(LONGEST_ROW + 1)
        if not line:
            raise StopIteration
        self._characters += len(line)
        self._cells += line.count(self._separator)
        if self._characters > LONGEST_ROW or self._cells >= MOST_COLUMNS:
            raise DataError(
                f"{self._path} has a row of more than {MOST_COLUMNS:,} columns or "
                f"{LONGEST_ROW:,} characters: save it as an array in an NPY file"
            )
        return " ".join(line.split()) + "\n" if self._separator == BLANKS else line


def _read_numbers(text: Text, header_lines: int, columns: int) -> Array | None:
    """The numbers below the header; None where there is anything else. Bytes are tried first:
    images are by far the largest tables, and are read fastest so."""
    if not any(line > header_lines for line, _ in _rows(text)):
        raise DataError(f"{text.path} has a header but no examples below it: add one line for each")
    for number_type in (np.uint8, np.float64):
        try:
            values = _load_text(text, header_lines, number_type)
        except ValueError:
            continue
        if values.shape[1] == columns and find_unusable(values) is None:
            return values
    return None


def _load_text(text: Text, header_lines: int, number_type: type[np.generic]) -> Array:
    with text.open() as file:
        return np.loadtxt(
            _Lines(text.path, file, text.separator).singly(),
            dtype=number_type,
            delimiter=None if text.separator == BLANKS else text.separator,
            quotechar='"',
            comments=None,
            skiprows=header_lines,
            ndmin=2,
        )


def _read_cells(text: Text, notes: list[str]) -> Table:
    """The table line by line, as text that is then parsed."""
    lines: list[int] = []
    rows: list[list[str]] = []
    for line, cells in _rows(text):
        if rows and len(cells) != len(rows[0]):
            raise DataError(
                f"{text.path}, line {line} has {counted(len(cells), 'value')}, but the lines above "
                f"have {len(rows[0])}: every line needs the same columns"
            )
        lines.append(line)
        rows.append(cells)
    columns = list(zip(*rows, strict=True))
    if again := _find_repeated_header(rows):
        raise DataError(
            f"{text.path}, line {lines[again]} repeats the header in line {lines[0]}: remove it"
        )
    if not _is_header(rows[0], rows[1] if len(rows) > 1 else []) or _recurs(columns):
        return parse_table(str(text.path), None, columns, lines, notes)
    below = [column[1:] for column in columns]
    return parse_table(str(text.path), _names(rows[0]), below, lines[1:], notes)


def _rows(text: Text) -> Iterator[tuple[int, list[str]]]:
    """Each row that is not blank, with the number of its (last) line, counted from 1."""
    with text.open() as file:
        lines = _Lines(text.path, file, text.separator)
        reader = csv.reader(lines, delimiter=text.separator)
        for cells in reader:
            lines.begin_row()
            stripped = [cell.strip() for cell in cells]
            if len(stripped) > 1 or any(stripped):
                yield reader.line_num, stripped


def _is_header(cells: list[str], below: list[str]) -> bool:
    """True if the first line holds names; `below` is the second one."""
    if _counts(cells):
        # 0,1 may well be an example, but not among others such as 0.5,1.5.
        return len(cells) >= SHORTEST_COUNT or (below != [] and not any(map(is_whole, below)))
    numbers = [cell for cell in cells if is_number(cell)]
    names = [cell for cell in cells if cell and not is_number(cell)]
    looks_like_example = len(set(numbers)) < len(numbers) or not all(map(is_whole, numbers))
    return bool(names) and not looks_like_example


def _counts(cells: list[str]) -> bool:
    """True of 0, 1, 2, …, the names that pandas gives to columns without names; an index before
    them has none."""
    names = cells[1:] if cells[0] == "" else cells
    return len(cells) > 1 and names == [str(n) for n in range(len(names))]


def _names(cells: list[str]) -> tuple[str, ...]:
    """The names in a header, without the mark that NumPy puts before it."""
    return (cells[0].removeprefix("#").strip(), *cells[1:])


def _find_repeated_header(rows: list[list[str]]) -> int | None:
    """Which row is the first one again, as in files put together of several, where that holds a
    text in a column of numbers."""
    again = [at for at, cells in enumerate(rows) if at and cells == rows[0]]
    if not again:
        return None
    others = zip(*(cells for cells in rows if cells != rows[0]), strict=True)
    names_numbers = (
        bool(name) and not is_number(name) and all(map(is_number, filter(None, cells)))
        for name, cells in zip(rows[0], others, strict=False)
    )
    return again[0] if any(names_numbers) else None


def _recurs(columns: list[tuple[str, ...]]) -> bool:
    """True if a text of the first line stands in its column again, as no column's name does."""
    texts = [column for column in columns if column[0] and not is_number(column[0])]
    return any(column[0] in column[1:] for column in texts)
