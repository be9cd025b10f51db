"""The source of functions."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Callable
from typing import Any


def files_of(functions: list[Callable[..., Any]]) -> set[str]:
    """The files in which functions stand."""
    found = set()
    for function in functions:
        code = getattr(getattr(function, "__func__", function), "__code__", None)
        if code is not None:
            found.add(code.co_filename)
    return found


def tree_of(function: Callable[..., Any]) -> ast.Module | None:
    """The syntax tree of one function, with the line numbers of its file; None without source."""
    try:
        lines, first = inspect.getsourcelines(function)
        tree = ast.parse(textwrap.dedent("".join(lines)))
    except (OSError, TypeError, SyntaxError):
        return None
    return ast.increment_lineno(tree, first - 1)


def returned_names(function: Callable[..., Any]) -> list[str | None]:
    """The names in the last ``return a, self.b, d["c"]`` of a function, None for expressions."""
    tree = tree_of(function)
    if tree is None:
        return []
    returns = [node for node in ast.walk(tree) if isinstance(node, ast.Return) and node.value]
    if not returns:
        return []
    value = max(returns, key=lambda node: node.lineno).value
    elements = value.elts if isinstance(value, (ast.Tuple, ast.List)) else [value]
    return [_expression_name(element) for element in elements]


def _expression_name(node: ast.expr | None) -> str | None:
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return None
