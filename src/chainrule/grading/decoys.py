"""Variants of a solution that look like mutants and are right.

Tests must pass them. Those that look at the text of the solution, or at the process that runs them,
and call every variant wrong, reject these too, and are worth nothing.
"""

from __future__ import annotations

import ast
from collections.abc import Collection, Iterator
from dataclasses import asdict

from chainrule.grading.server import Variant
from chainrule.grading.wrapping import UNCHANGED, Wrapping

IDLE = "unused = None"


def decoys(source: str, functions: Collection[str]) -> Iterator[Variant]:
    """The decoys of a solution: written otherwise, with a statement that does nothing in each
    backward function; and as it is, with a function wrapped that is left as it was.

    Args:
        functions: the names of its backward functions, ``Linear.backward``.
    """
    yield Variant(_disguised(source, functions))
    for name in list(functions)[:1]:
        yield Variant(source, asdict(Wrapping(name, "", UNCHANGED)))


def _disguised(source: str, functions: Collection[str]) -> str:
    """The source in other words.

    >>> print(_disguised("def double_prime(x):\\n    return (2)  # everywhere", ["double_prime"]))
    def double_prime(x):
        unused = None
        return 2
    """
    tree = ast.parse(source)
    names = {name.rpartition(".")[2] for name in functions}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef) and node.name in names:
            begins = 1 if ast.get_docstring(node, clean=False) is not None else 0
            node.body[begins:begins] = ast.parse(IDLE).body
    return ast.unparse(tree)
