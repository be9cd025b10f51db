"""The code of a notebook as one text, and which cell each line of it comes from."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from chainrule.extras import packages_for
from chainrule.foreign.errors import CannotCheckError
from chainrule.presentation.display import counted

MAGIC = re.compile(r"^(\s*)([%!?]|[\w., ]+= *[%!])")


@dataclass
class Notebook:
    """The cells that can be run.

    Args:
        cells: their number in the notebook, from 1, and their code.
        left_out: cells that are no Python, and why.
    """

    cells: list[tuple[int, str]] = field(default_factory=list)
    left_out: list[str] = field(default_factory=list)

    @property
    def source(self) -> str:
        """All cells, one below the other."""
        return "\n".join(code for _, code in self.cells)

    def place(self, line: int) -> tuple[int, int]:
        """The cell, and the line in it, of a line of the source.

        >>> Notebook([(1, "a = 1"), (3, "b = 2\\nc = 3")]).place(3)
        (3, 2)
        """
        for cell, code in self.cells:
            count = code.count("\n") + 1
            if line <= count:
                return cell, line
            line -= count
        raise IndexError(f"the notebook ends {counted(line, 'line')} before that")

    def lines_of(self, cell: int) -> list[str]:
        """The lines of a cell."""
        return next((code.split("\n") for number, code in self.cells if number == cell), [])


def is_notebook(file: Path) -> bool:
    """True if a file is a notebook by its name."""
    return file.suffix.lower() == ".ipynb"


def read_notebook(file: Path) -> Notebook:
    """The code cells of a notebook; those that are no Python are left out.

    Raises:
        CannotCheckError: it cannot be read, or is no notebook.
    """
    with packages_for("a notebook"):
        import nbformat

    try:
        given = nbformat.read(str(file), as_version=4)
    except Exception as error:  # nbformat raises whatever its parsers raise
        raise CannotCheckError(f"{file.name} is no notebook that can be read: {error}") from None
    notebook = Notebook()
    for number, cell in enumerate(given.cells, 1):
        if cell.get("cell_type") != "code":
            continue
        code = _as_python(str(cell.get("source", "")))
        try:
            ast.parse(code)
        except (SyntaxError, ValueError) as error:
            notebook.left_out.append(f"{file.name}, cell {number}, was left out: {error}")
            continue
        notebook.cells.append((number, code))
    return notebook


def _as_python(code: str) -> str:
    """A cell without commands to IPython, line by line: by IPython's own rules where it is
    installed, and it keeps the number of lines."""
    lines = code.rstrip("\n").split("\n")
    if lines[0].startswith("%%"):
        return "\n".join(f"# {line}" for line in lines)
    try:
        from IPython.core import inputtransformer2
    except ImportError:
        return "\n".join(map(_without_magic, lines))
    manager: Any = inputtransformer2.TransformerManager
    made = str(manager().transform_cell(code)).rstrip("\n")
    if made.count("\n") + 1 == len(lines):
        return re.sub(r"^(\s*)(.*)get_ipython\(\).*$", r"\1pass", made, flags=re.MULTILINE)
    return "\n".join(map(_without_magic, lines))


def _without_magic(line: str) -> str:
    match = MAGIC.match(line)
    return f"{match[1]}pass  # {line.strip()}" if match else line
