"""A solution without its solution: the code that students are given to complete.

Where the file marks regions with ``# BEGIN SOLUTION`` and ``# END SOLUTION``, those are left out.
Where it marks nothing, the bodies of the functions that run forward and compute gradients are, and
signatures and docstrings stay. The function ``example`` goes to the tests.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chainrule.foreign.naming.gradient_names import pairs_among
from chainrule.foreign.reading.backward_code import FunctionInFile, backward_code, functions_of

RUNS_FORWARD = re.compile(r"^(feed_?)?forward|^fprop")
BEGINS = re.compile(r"^\s*#+ BEGIN SOLUTION\s*$")
ENDS = re.compile(r"^\s*#+ END SOLUTION\s*$")

Change = Callable[["Region", list[str]], list[str]]


@dataclass(frozen=True)
class Region:
    """Lines that students write themselves.

    Args:
        first, last: the lines, counted from 1, both included.
        indent: the text before the first statement: spaces, tabs, or ``def f(x):`` where the whole
            function is one line.
        name: the function they belong to, ``Linear.backward``.
    """

    first: int
    last: int
    indent: str
    name: str

    @property
    def prompt(self) -> str:
        """What stands there instead."""
        return f'{self.indent}raise NotImplementedError("write {self.name}")'


def skeleton(source: str) -> str:
    """The code that students are given.

    >>> print(skeleton('''
    ... class Double:
    ...     def backward(self, dy):
    ...         "dx = 2 dy."
    ...         return 2 * dy
    ... ''').strip())
    class Double:
        def backward(self, dy):
            "dx = 2 dy."
            raise NotImplementedError("write Double.backward")
    """
    return rewritten(source, lambda region, lines: [region.prompt])


def rewritten(source: str, change: Change) -> str:
    """The source without its example, and with something else in the place of every region."""
    lines = source.split("\n")
    for region in reversed(regions(source)):
        place = slice(region.first - 1, region.last)
        lines[place] = change(region, lines[place])
    return without_example("\n".join(lines))


def without_example(source: str) -> str:
    """The source without the function ``example``."""
    lines = source.split("\n")
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef) and node.name == "example":
            del lines[node.lineno - 1 : node.end_lineno]
    return "\n".join(lines).rstrip("\n") + "\n"


def regions(source: str) -> list[Region]:
    """What is left out of a solution, from top to bottom."""
    tree, lines = ast.parse(source), source.split("\n")
    marked = list(_marked(source, tree))
    bodies = (_body(each, lines) for each in _to_write(tree))
    return marked or sorted(bodies, key=lambda region: region.first)


def _marked(source: str, tree: ast.Module) -> Iterator[Region]:
    first = 0
    for number, line in enumerate(source.split("\n"), 1):
        if BEGINS.match(line):
            first = number
        elif ENDS.match(line) and first:
            indent = line[: len(line) - len(line.lstrip())]
            yield Region(first, number, indent, _function_around(tree, first))
            first = 0


def _function_around(tree: ast.Module, line: int) -> str:
    around = [
        each.name
        for each in functions_of(tree)
        if each.function.lineno <= line <= (each.function.end_lineno or 0)
    ]
    return around[-1] if around else "this part"


def _to_write(tree: ast.Module) -> list[FunctionInFile]:
    """The functions whose bodies are left out."""
    functions = functions_of(tree)
    names = [each.function.name for each in functions if each.owner is None]
    paired = {name for pair in pairs_among(names) for name in pair}
    computing = {each.name for each in backward_code(tree)}
    return [
        each
        for each in functions
        if each.name in computing | paired or RUNS_FORWARD.search(each.function.name)
    ]


def _body(each: FunctionInFile, lines: list[str]) -> Region:
    body = each.function.body
    has_docstring = ast.get_docstring(each.function) is not None
    first = body[1] if has_docstring and len(body) > 1 else body[0]
    last = each.function.end_lineno or first.lineno
    before = (
        lines[first.lineno - 1].encode()[: first.col_offset].decode()
    )  # or all of a one-liner's
    return Region(first.lineno, last, before, each.name)
