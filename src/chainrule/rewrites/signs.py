"""Signs: a minus too many or too few, a difference the other way round, a step uphill."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import Any

from chainrule.foreign.reading.backward_code import FunctionInFile
from chainrule.foreign.reading.expressions import fresh, text
from chainrule.rewrites.edits import Edit, Place
from chainrule.rewrites.left_out import cause_of_term
from chainrule.rewrites.scope import Scope
from chainrule.rewrites.text_edits import TextEdit, parenthesized
from chainrule.rewrites.updates import Update, Value


def is_minus(node: Any) -> bool:
    """True if a node is ``-a``."""
    return isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub)


def is_sum(node: Any) -> bool:
    """True if a node is ``a + b`` or ``a - b``."""
    return isinstance(node, ast.BinOp) and isinstance(node.op, (ast.Add, ast.Sub))


# --- a minus --------------------------------------------------------------------------------------


def without_minus(place: Place, scope: Scope) -> Iterator[Edit]:
    """``a`` for ``-a``."""
    if is_minus(place.node):
        yield scope.edit(place, fresh(place.node.operand), "leave out the minus")


def lost_minus(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """``a`` for ``-a``, unless it is an axis or a place."""
    if is_minus(node):
        operand = node.operand
        if not (isinstance(operand, ast.Constant) and isinstance(operand.value, int)):
            yield TextEdit(node, ast.unparse(operand))


def with_minus(place: Place, scope: Scope) -> Iterator[Edit]:
    """``-a`` for ``a``."""
    negative = ast.UnaryOp(ast.USub(), fresh(place.node))
    yield scope.edit(place, negative, "put a minus before it", in_front=True)


def opposite(part: Value | Update, function: FunctionInFile) -> Iterator[TextEdit]:
    """``-a`` for a gradient ``a``, ``W += step`` for ``W -= step``."""
    yield part.opposite()


# --- the sign between two terms -------------------------------------------------------------------


def turned_difference(place: Place, scope: Scope) -> Iterator[Edit]:
    """``b - a`` for ``a - b``."""
    node = place.node
    if is_sum(node) and isinstance(node.op, ast.Sub):
        other = ast.BinOp(fresh(node.right), ast.Sub(), fresh(node.left))
        yield scope.edit(place, other, f"write `{text(other)}`, not `{text(node)}`")


def other_sign(place: Place, scope: Scope) -> Iterator[Edit]:
    """``a + b`` for ``a - b``, and the reverse."""
    node = place.node
    if is_sum(node):
        is_plus = isinstance(node.op, ast.Add)
        other = ast.BinOp(fresh(node.left), ast.Sub() if is_plus else ast.Add(), fresh(node.right))
        now, then = ("plus", "minus") if is_plus else ("minus", "plus")
        yield scope.edit(place, other, f"a {then} in place of the {now}")


def exchanged_sign(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """``a - b`` for ``a + b``, and the reverse."""
    if is_sum(node):
        sign = "-" if isinstance(node.op, ast.Add) else "+"
        swapped = f"{ast.unparse(node.left)} {sign} {parenthesized(node.right)}"
        yield TextEdit(node, swapped, cause=cause_of_term(node.right, function))


def other_update(place: Place, scope: Scope) -> Iterator[Edit]:
    """``-=`` for ``+=``, and the reverse."""
    node = place.node
    if isinstance(node, ast.AugAssign) and isinstance(node.op, (ast.Add, ast.Sub)):
        other = fresh(node)
        other.op = ast.Sub() if isinstance(node.op, ast.Add) else ast.Add()
        shown = "-=" if isinstance(node.op, ast.Add) else "+="
        yield scope.edit(place, other, f"write `{shown}`")
