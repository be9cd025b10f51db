"""Tables of random numbers in the place of files that are not there: with the columns that the code
which reads them asks for, and as many rows as it takes."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import PurePath
from typing import Any

import numpy as np

from chainrule.seeding import generator
from chainrule.types import Array

ENDINGS = (".csv", ".data", ".tsv", ".dat")
ROWS, MOST_ROWS = 300, 60_000
COLUMNS = 5  # where nothing tells how many
CLASSES = 2
TARGET = re.compile(
    r"label|target|class|^y$|species|diagnosis|outcome|survived|admitted|passed|churn|variety|"
    r"purchased|exited|output|result|quality|type",
    re.IGNORECASE,
)
COUNTED = re.compile(r"\[\s*:?\s*(\d{2,6})\s*:?\s*[\],]")  # [:400], [400:, and so on
WITHOUT_HEADING = re.compile(r"header ?= ?None|names ?=")
NUMPY_READS = re.compile(r"(loadtxt|genfromtxt)\(")
APART = re.compile(r"""\.split\(\)|delim_whitespace ?= ?True|sep ?= ?r?['"]\\+s""")  # by blanks
WITH_COMMAS = re.compile(r"""split\(['"],|csv\.reader|delimiter ?= ?['"],|sep ?= ?['"],""")
SKIPS_HEADING = re.compile(r"skiprows|skip_header|next\(")


def table_for(name: str, source: str) -> bytes | None:
    """The text of a table that a file might hold; None for a file of another kind.

    Args:
        name: of the file.
        source: of the code that reads it.
    """
    ending = PurePath(name).suffix.lower()
    is_read_as_table = ending == ".txt" and re.search(r"loadtxt|genfromtxt|read_csv", source)
    if ending not in ENDINGS and not is_read_as_table:
        return None
    asked = _Asked(source)
    names = asked.columns or [f"column{n}" for n in range(asked.count)]
    values = [asked.values(column, last=column == names[-1]) for column in names]
    lines = [",".join(row) for row in zip(*values, strict=True)]
    if asked.has_heading:
        lines.insert(0, ",".join(names))
    separator = "\t" if ending == ".tsv" or "\\t" in source else ","
    separator = ";" if re.search(r"""(sep|delimiter) ?= ?['"];['"]""", source) else separator
    by_numpy = re.search(r"loadtxt\([^)]*\)", source) and "delimiter" not in source
    if by_numpy or (APART.search(source) and not WITH_COMMAS.search(source)):
        separator = " "
    return ("\n".join(lines) + "\n").replace(",", separator).encode()


class _Asked:
    """What code asks of a table: names of columns, words in them, how many there are."""

    def __init__(self, source: str) -> None:
        self.source = source
        tree = _tree_of(source)
        self.words: dict[str, list[Any]] = {}
        self.columns = list(dict.fromkeys(self._columns(tree)))
        self.count = max([COLUMNS, *_places(tree)])
        by_numpy = bool(NUMPY_READS.search(source)) and "read_csv" not in source
        bare = bool(WITHOUT_HEADING.search(source)) or by_numpy or "open(" in source
        self.has_heading = not bare or bool(SKIPS_HEADING.search(source))
        counted = [int(number) for number in COUNTED.findall(source)]
        self.rows = min(MOST_ROWS, max([ROWS, *(n + n // 5 for n in counted if n > 40)]))

    def _columns(self, tree: ast.AST) -> Iterator[str]:
        """The names by which columns are read, and dropped."""
        if "read_csv" not in self.source:
            return
        for node in ast.walk(tree):
            match node:
                case ast.Subscript(value=ast.Name(), slice=ast.Constant(value=str(name)), ctx=ctx):
                    if isinstance(ctx, ast.Load):
                        yield name
                case ast.Subscript(slice=ast.List(elts=parts)):
                    yield from _texts(parts)
                case ast.Call(func=ast.Attribute(attr="drop" | "pop" | "set_index")):
                    yield from _texts(node.args)
                    for given in [*node.args, *(each.value for each in node.keywords)]:
                        yield from _texts(getattr(given, "elts", [given]))
                case ast.Call(func=ast.Attribute(value=column, attr="map" | "replace")):
                    self._note(column, getattr(node.args[0], "keys", []) if node.args else [])
                case ast.Compare(left=column, comparators=[ast.Constant(value=str())]):
                    self._note(column, [*node.comparators, ast.Constant("other")])

    def _note(self, column: ast.expr, words: list[Any]) -> None:
        match column:
            case ast.Subscript(slice=ast.Constant(value=str(name))):
                self.words.setdefault(name, []).extend(_texts(words))

    def values(self, column: str, last: bool) -> list[str]:
        """The values of a column as they are written."""
        rng = generator(0, f"made-up column {column}")
        number = np.arange(self.rows)
        if words := self.words.get(column):
            return [words[n % len(words)] for n in number]
        is_target = bool(TARGET.search(column)) or (last and not self.columns)
        drawn: Array = number % CLASSES if is_target else rng.normal(3.0, 1.0, self.rows)
        return [f"{value:g}" for value in drawn.round(3)]


def _tree_of(source: str) -> ast.Module:
    """The statements of all files that run; none where one of them is no Python."""
    try:
        return ast.parse(source)
    except (SyntaxError, ValueError):
        return ast.Module([], [])


def _texts(nodes: list[Any]) -> list[str]:
    return [n.value for n in nodes if isinstance(n, ast.Constant) and isinstance(n.value, str)]


def _places(tree: ast.AST) -> Iterator[int]:
    """How many columns there are at least, by the places that are read: ``data[:, 8]``."""
    for node in ast.walk(tree):
        match node:
            case ast.Subscript(slice=ast.Tuple(elts=[ast.Slice(), place])):
                numbers = [n.value for n in ast.walk(place) if isinstance(n, ast.Constant)]
                whole = [n for n in numbers if type(n) is int and 0 <= n < 2000]
                yield from (n + (not isinstance(place, ast.Slice)) for n in whole)
