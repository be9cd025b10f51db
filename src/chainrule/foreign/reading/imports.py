"""Which files beside it a file imports: by its text alone, nothing of it runs."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.reading.notebooks import is_notebook, read_notebook
from chainrule.limits import TEXT, UNPACKED


def with_imports(file: Path) -> list[Path]:
    """A file, those beside it that it imports, and those that these import."""
    found: list[Path] = []
    left = [file]
    while left:
        each = left.pop()
        if each in found or not each.is_file():
            continue
        found.append(each)
        for _, source in sources_in(each):
            left += [path for name in imported(source) for path in _beside(each, name)]
    return found


def sources_in(file: Path) -> list[tuple[str, str]]:
    """The source of a file, or of each cell of a notebook, with what it is called; of a text that
    is too long a little more than may be looked at."""
    if not is_notebook(file) or file.stat().st_size > UNPACKED:
        with file.open(encoding="utf-8-sig", errors="replace") as text:
            return [(file.name, text.read(TEXT + 1))]
    try:
        cells = read_notebook(file).cells
    except CannotCheckError:  # then it does not run either
        return []
    return [(f"{file.name}, cell {number}", source) for number, source in cells]


def imported(source: str) -> set[str]:
    """The names of what a source imports, and of the packages that these lie in.

    >>> sorted(imported("import os.path\\nfrom nn import layers\\nfrom . import losses"))
    ['losses', 'nn', 'nn.layers', 'os', 'os.path']
    """
    if len(source) > TEXT:
        return set()
    try:
        nodes = list(ast.walk(ast.parse(source)))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return set()
    names = [alias.name for node in nodes if isinstance(node, ast.Import) for alias in node.names]
    for node in nodes:
        if isinstance(node, ast.ImportFrom):
            start = f"{node.module}." if node.module else ""
            names += [f"{start}{alias.name}" for alias in node.names]
    return {name.rsplit(".", ups)[0] for name in names for ups in range(name.count(".") + 1)}


def _beside(file: Path, name: str) -> Iterator[Path]:
    """Where a module may lie: from the folder of the file that imports it, or the one above."""
    for folder in (file.parent, file.parent.parent):
        path = folder.joinpath(*name.split("."))
        yield path.with_suffix(".py")
        yield path / "__init__.py"
