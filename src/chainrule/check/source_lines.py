"""Lines of a forward or backward pass where something is done."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any

from chainrule.check.program import Program


def line_of_change(function: Callable[..., Any], role: str) -> int | None:
    """The line that changes an argument in place."""
    tree = _tree(function)
    if tree is None:
        return None
    for node in ast.walk(tree):
        if isinstance(node, ast.AugAssign):
            return node.lineno
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript):
            return node.lineno
    return None


def _tree(function: Callable[..., Any]) -> ast.AST | None:
    """The syntax tree of one function, with the line numbers of its file."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None
    return ast.increment_lineno(tree, first - 1)


def line_assigning(subject: Program, name: str) -> int | None:
    """The line of the backward pass that assigns `name`."""
    tree = _tree(subject.code.backward(subject.code.state))
    wanted = name.split(".")[-1]
    for node in ast.walk(tree) if tree else []:
        targets = (
            node.targets
            if isinstance(node, ast.Assign)
            else ([node.target] if isinstance(node, ast.AugAssign) else [])
        )
        if any(_has_word(wanted, ast.unparse(target)) for target in targets):
            return getattr(node, "lineno", None)
    return None


def _has_word(word: str, code: str) -> bool:
    """Whether a name stands in some code."""
    import re

    return bool(re.search(rf"\b{re.escape(word)}\b", code))


def line_of_condition(subject: Program) -> int | None:
    """Where the forward pass stores something only sometimes."""
    tree = _tree(subject.code.forward(subject.code.state))
    for node in ast.walk(tree) if tree else []:
        if isinstance(node, ast.If) and any(isinstance(n, ast.Assign) for n in ast.walk(node)):
            return node.lineno
    return None
