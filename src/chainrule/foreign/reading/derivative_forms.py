"""Expressions that are derivatives of activations, known by their form."""

from __future__ import annotations

import ast
import re

from chainrule.foreign.naming.gradient_names import is_derivative_flag, names_derivative
from chainrule.foreign.reading.expressions import factors, name_called, text

WRITTEN_OUT = [
    (re.compile(pattern), family)
    for pattern, family in (
        (r"1(?:\.0)?-(.+)\*\*2", "tanh"),
        (r"1(?:\.0)?-np\.(?:square|power)\((.+?)(?:,2)?\)", "tanh"),
        (r"1/\(1\+np\.exp\(-(.+)\)\)\*\(1-1/\(1\+np\.exp\(-\1\)\)\)", "sigmoid"),
        (r"\(?([^<>]+)>=?0(?:\.0)?\)?(?:\.astype\(\w+\)|\*1(?:\.0)?)?", "relu"),
        (r"np\.where\((.+)>=?0,1(?:\.0)?,0(?:\.0)?\)", "relu"),
        (r"np\.heaviside\((.+),.+\)", "relu"),
    )
]


def family_of(node: ast.expr) -> str | None:
    """The activation that an expression is the derivative of, if it has a known form.

    >>> from chainrule.foreign.reading.expressions import expression
    >>> family_of(expression("1 - A**2")), family_of(expression("sigmoid_prime(z)"))
    ('tanh', 'sigmoid_prime')
    >>> family_of(expression("sigmoid(z) * (1 - sigmoid(z))"))
    'sigmoid'
    >>> family_of(expression("x @ W")) is None
    True
    """
    code = _without_spaces(node)
    for pattern, family in WRITTEN_OUT:
        match = pattern.fullmatch(code)
        if match and match[1].count("(") == match[1].count(")"):
            return family
    parts = [_without_spaces(part) for part in factors(node)]
    if len(parts) == 2:
        for one, other in (parts, parts[::-1]):
            if other in (f"1-{one}", f"1.0-{one}", f"(1-{one})", f"(1.0-{one})"):
                return "sigmoid"
    if isinstance(node, ast.Call) and len(node.args) == 1 and names_derivative(name_called(node)):
        return text(node.func)
    if isinstance(node, ast.Call) and node.args and _has_flag(node):
        return text(node.func)
    return None


def _without_spaces(node: ast.expr) -> str:
    return re.sub(r"\s+", "", text(node))


def _has_flag(call: ast.Call) -> bool:
    """True if a call asks a function for its derivative."""
    return any(
        keyword.arg is not None
        and is_derivative_flag(keyword.arg)
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is True
        for keyword in call.keywords
    )


def same_family(removed: ast.expr, added: ast.expr) -> bool | None:
    """True if two derivatives are of the same activation, None where one is of no known form."""
    one, other = family_of(removed), family_of(added)
    return None if one is None or other is None else one == other
