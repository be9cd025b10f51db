"""Expressions as trees: read, written, and taken apart into factors."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from typing import Any


def expression(text: str) -> ast.expr:
    """The tree of an expression."""
    return ast.parse(text, mode="eval").body


def fresh(node: Any) -> Any:
    """A copy of a tree, so that no node stands at two places; `copy.deepcopy` takes several times
    as long."""
    if isinstance(node, list):
        return [fresh(each) for each in node]
    if not isinstance(node, ast.AST):
        return node
    made = type(node).__new__(type(node))
    vars(made).update({name: fresh(value) for name, value in vars(node).items()})
    return made


def text(node: ast.AST) -> str:
    """Source for a tree."""
    try:
        return ast.unparse(node)
    except (AttributeError, ValueError, RecursionError):
        return "?"


def factors(node: ast.expr) -> list[ast.expr]:
    """The factors of a product, divisors left out.

    >>> [text(factor) for factor in factors(expression("dA * A * (1 - A) / m"))]
    ['dA', 'A', '1 - A']
    """
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return [*factors(node.left), *factors(node.right)]
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return factors(node.left)
    if isinstance(node, ast.Call) and name_called(node) == "multiply" and len(node.args) == 2:
        return [*factors(node.args[0]), *factors(node.args[1])]
    return [node]


def product(parts: Sequence[ast.expr]) -> ast.expr:
    """The product of one or more factors."""
    result = fresh(parts[0])
    for part in parts[1:]:
        result = ast.BinOp(result, ast.Mult(), fresh(part))
    return result


def divisor_of(node: ast.expr) -> ast.expr | None:
    """What a quotient is divided by last."""
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return node.right
    return None


def name_called(node: ast.AST) -> str:
    """The name of the function that a call calls: ``sum`` for ``np.sum(x)`` and ``x.sum()``."""
    if not isinstance(node, ast.Call):
        return ""
    function = node.func
    if isinstance(function, ast.Attribute):
        return function.attr
    return function.id if isinstance(function, ast.Name) else ""
