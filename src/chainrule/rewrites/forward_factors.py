"""What the forward pass multiplies and divides by, as the backward pass would have to write it."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from chainrule.foreign.naming.gradient_names import looks_like_a_gradient
from chainrule.foreign.reading.backward_code import named
from chainrule.foreign.reading.expressions import fresh, name_called, text

IDLE = (0, 1)  # multiplied by these, nothing changes, or nothing is left

NameInBackward = Callable[[ast.expr], ast.expr | None]
"""From a name, attribute or entry of the forward pass to what the backward pass calls it, if it
knows it."""


@dataclass(frozen=True)
class Factor:
    """What something is multiplied by, or divided by.

    Args:
        code: as the backward pass writes it.
        divides: true for a divisor.
    """

    code: str
    divides: bool

    def applied_to(self, node: ast.expr) -> ast.expr:
        """An expression, multiplied or divided."""
        operator = ast.Div() if self.divides else ast.Mult()
        return ast.BinOp(fresh(node), operator, ast.parse(self.code, mode="eval").body)


def factors_of(function: ast.AST, name_in_backward: NameInBackward) -> Iterator[Factor]:
    """The factors and divisors in the products of a function, those that hold no gradient and that
    the backward pass can write."""
    for side, divides in _sides(function):
        written = _written(side, name_in_backward)
        if written is not None and not _is_idle(written):
            yield Factor(text(written), divides)


def _sides(function: ast.AST) -> Iterator[tuple[ast.expr, bool]]:
    """Both sides of every product and quotient, and whether something is divided by them."""
    for node in ast.walk(function):
        match node:
            case ast.BinOp(left, ast.Mult(), right):
                yield from ((left, False), (right, False))
            case ast.BinOp(left, ast.Div(), right):
                yield from ((left, False), (right, True))
            case ast.AugAssign(_, ast.Mult() | ast.Div() as operator, value):
                yield value, isinstance(operator, ast.Div)
            case ast.Call(args=[left, right]) if name_called(node) == "multiply":
                yield from ((left, False), (right, False))


def _written(node: ast.expr, name_in_backward: NameInBackward) -> ast.expr | None:
    """A factor as the backward pass writes it: a name, a number, or what is made of these without a
    call, but for a square root."""
    match node:
        case ast.Constant(int() | float()):
            return node
        case ast.Name() | ast.Attribute() | ast.Subscript():
            return None if looks_like_a_gradient(named(node)) else name_in_backward(node)
        case ast.UnaryOp(ast.USub() as operator, operand):
            inner = _written(operand, name_in_backward)
            return inner and ast.UnaryOp(operator, inner)
        case ast.BinOp(left, operator, right) if not isinstance(operator, ast.MatMult):
            one, other = _written(left, name_in_backward), _written(right, name_in_backward)
            return one and other and ast.BinOp(one, operator, other)
        case ast.Call(function, [argument]) if name_called(node) == "sqrt":
            inner = _written(argument, name_in_backward)
            return inner and ast.Call(fresh(function), [inner], [])
    return None


def _is_idle(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value in IDLE
