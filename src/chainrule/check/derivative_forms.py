"""Expressions that are derivatives of activations, known by their form."""

from __future__ import annotations

import ast
import re
from dataclasses import dataclass

from chainrule.check.edits import factors, name_called, text

DERIVATIVE_NAME = re.compile(r"prime|deriv|_grad|^grad_|backward|^d_?[a-z]|_d$|der_", re.IGNORECASE)
FLAG = re.compile(r"deriv\w*|prime|grad|d|der|backward|back", re.IGNORECASE)
NO_DERIVATIVES = {"dot", "diag", "divide", "dropout", "dict", "dense", "data", "delete", "dstack"}


@dataclass(frozen=True)
class Form:
    """The derivative of one kind of activation at some point."""

    family: str
    point: str


def form_of(node: ast.expr) -> Form | None:
    """Which derivative an expression is, if it is one of a known form.

    >>> from chainrule.check.edits import expression
    >>> form_of(expression("1 - A**2"))
    Form(family='tanh', point='A')
    >>> form_of(expression("sigmoid(z) * (1 - sigmoid(z))"))
    Form(family='sigmoid', point='sigmoid(z)')
    >>> form_of(expression("x @ W")) is None
    True
    """
    code = re.sub(r"\s+", "", text(node))
    for pattern, family in (
        (r"1(?:\.0)?-(.+)\*\*2", "tanh"),
        (r"1(?:\.0)?-np\.(?:square|power)\((.+?)(?:,2)?\)", "tanh"),
        (r"1/\(1\+np\.exp\(-(.+)\)\)\*\(1-1/\(1\+np\.exp\(-\1\)\)\)", "sigmoid"),
        (r"\(?([^<>]+)>=?0(?:\.0)?\)?(?:\.astype\(\w+\)|\*1(?:\.0)?)?", "relu"),
        (r"np\.where\((.+)>=?0,1(?:\.0)?,0(?:\.0)?\)", "relu"),
        (r"np\.heaviside\((.+),.+\)", "relu"),
    ):
        match = re.fullmatch(pattern, code)
        if match and _balanced(match[1]):
            return Form(family, _without_parentheses(match[1]))
    parts = [re.sub(r"\s+", "", text(part)) for part in factors(node)]
    if len(parts) == 2:
        for one, other in (parts, parts[::-1]):
            if other in (f"1-{one}", f"1.0-{one}", f"(1-{one})", f"(1.0-{one})"):
                return Form("sigmoid", one)
    if isinstance(node, ast.Call) and len(node.args) == 1 and names_derivative(name_called(node)):
        return Form(text(node.func), text(node.args[0]))
    if isinstance(node, ast.Call) and node.args and _has_flag(node):
        return Form(text(node.func), text(node.args[0]))
    return None


def _has_flag(call: ast.Call) -> bool:
    """Whether a call asks a function for its derivative."""
    return any(
        keyword.arg is not None
        and FLAG.fullmatch(keyword.arg)
        and isinstance(keyword.value, ast.Constant)
        and keyword.value.value is True
        for keyword in call.keywords
    )


def names_derivative(name: str) -> bool:
    """Whether a function is a derivative by its name."""
    return name not in NO_DERIVATIVES and bool(DERIVATIVE_NAME.search(name))


def _balanced(code: str) -> bool:
    return code.count("(") == code.count(")")


def _without_parentheses(code: str) -> str:
    return code[1:-1] if code.startswith("(") and code.endswith(")") else code


def same_family(removed: ast.expr, added: ast.expr) -> bool | None:
    """Whether two derivatives are of the same activation, None where one is of no known form."""
    one, other = form_of(removed), form_of(added)
    if one is None or other is None:
        return None
    return one.family == other.family
