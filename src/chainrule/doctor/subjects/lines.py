"""The line that a finding points at, where no correction of the source tells it."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable
from typing import Any

from chainrule.doctor.subjects.program import Program
from chainrule.foreign.reading.source import tree_of
from chainrule.rewrites.functions import FunctionSource


def line_of_change(function: Callable[..., Any]) -> int | None:
    """A line that changes something in place."""
    tree = tree_of(function)
    return next(iter(_lines_of_change(tree)), None) if tree else None


def last_line_of_change(function: Callable[..., Any]) -> int | None:
    """The last line that changes something in place; the function's first, where none does."""
    tree = tree_of(function)
    if tree is None:
        return None
    return max(_lines_of_change(tree), default=inspect.getsourcelines(function)[1])


def _lines_of_change(tree: ast.AST) -> list[int]:
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.AugAssign)
        or (isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Subscript))
    ]


def line_assigning(subject: Program, name: str) -> int | None:
    """The line of the backward pass that assigns something in which `name` occurs."""
    tree = tree_of(subject.code.backward(subject.code.state))
    wanted = re.compile(rf"\b{re.escape(name.split('.')[-1])}\b")
    for node in ast.walk(tree) if tree else []:
        if any(wanted.search(ast.unparse(target)) for target in _targets(node)):
            return getattr(node, "lineno", None)
    return None


def line_assigning_or_returning(name: str, sources: list[FunctionSource]) -> int | None:
    """The line that assigns to `name` itself; that of the first return, where none does."""
    wanted = name.split(".")[-1]
    returns = None
    for source in sources:
        for node in ast.walk(source.node):
            for target in _targets(node):
                if wanted in (getattr(target, "id", ""), getattr(target, "attr", ""), _key(target)):
                    return int(getattr(node, "lineno", 0)) or None
            if isinstance(node, ast.Return):
                returns = returns or node.lineno
    return returns


def _targets(node: ast.AST) -> list[ast.expr]:
    """What a statement assigns to."""
    if isinstance(node, ast.Assign):
        return node.targets
    return [node.target] if isinstance(node, ast.AugAssign) else []


def _key(node: ast.AST) -> str:
    """``dW1`` of ``grads["dW1"]``."""
    if isinstance(node, ast.Subscript) and isinstance(node.slice, ast.Constant):
        return str(node.slice.value)
    return ""


def line_of_condition(subject: Program) -> int | None:
    """Where the forward pass stores something only sometimes."""
    tree = tree_of(subject.code.forward(subject.code.state))
    for node in ast.walk(tree) if tree else []:
        if isinstance(node, ast.If) and any(isinstance(n, ast.Assign) for n in ast.walk(node)):
            return node.lineno
    return None
