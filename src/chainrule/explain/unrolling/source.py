"""The source of functions, as syntax trees."""

from __future__ import annotations

import ast
import builtins
import inspect
from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

from chainrule.explain.errors import CannotExplainError
from chainrule.foreign.reading import source


@cache
def tree_of(function: Callable[..., Any]) -> ast.FunctionDef:
    """The definition of a function, its docstring apart.

    Raises:
        CannotExplainError: there is no source, or it is no plain `def`.
    """
    module = source.tree_of(function)
    if module is None:
        raise CannotExplainError(
            f"the source of {function.__qualname__} is not to be had: write it as a plain `def` "
            "in a file"
        )
    (definition, *_) = module.body
    if not isinstance(definition, ast.FunctionDef):
        raise CannotExplainError(
            f"{function.__qualname__} is not a plain function: write it as a `def`"
        )
    if has_docstring(definition):
        del definition.body[0]
    return definition


def has_docstring(definition: ast.FunctionDef) -> bool:
    """True if a definition begins with one."""
    first = definition.body[0]
    return isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant)


def opening_of_doc(function: Any) -> str:
    """What a docstring says first, before its first empty line."""
    return (inspect.getdoc(function) or "").split("\n\n")[0]


def names_around(function: Callable[..., Any]) -> dict[str, Any]:
    """The names a function sees besides its own: of its module, and of functions around it."""
    code = inspect.unwrap(function).__code__
    cells = zip(code.co_freevars, function.__closure__ or (), strict=True)
    closure = {name: cell.cell_contents for name, cell in cells if _is_filled(cell)}
    return {**vars(builtins), **function.__globals__, **closure}


def loads_of(tree: ast.AST, name: str) -> int:
    """How many times a name is read in some code."""
    return sum(
        isinstance(node, ast.Name) and node.id == name and isinstance(node.ctx, ast.Load)
        for node in ast.walk(tree)
    )


def free_names(definition: ast.FunctionDef) -> Iterator[str]:
    """The names that a function reads and does not bind itself."""
    bound = {node.arg for node in ast.walk(definition) if isinstance(node, ast.arg)}
    names = [node for part in definition.body for node in ast.walk(part)]
    bound |= {n.id for n in names if isinstance(n, ast.Name) and not isinstance(n.ctx, ast.Load)}
    for node in names:
        if isinstance(node, ast.Name) and node.id not in bound:
            yield node.id


def _is_filled(cell: Any) -> bool:
    try:
        return cell.cell_contents is not cell
    except ValueError:  # a name that is bound later
        return False
