"""What it is to leave out a factor or a term, by what it is called and where it stands."""

from __future__ import annotations

import ast
import re

from chainrule.foreign.naming.gradient_names import (
    looks_like_a_gradient,
    seems_to_take_a_derivative,
)
from chainrule.foreign.naming.roles import BACKWARD_METHODS, role_of
from chainrule.foreign.reading.backward_code import FunctionInFile, is_batch_size, named

ACTIVATIONS = "prime|deriv|relu|sigmoid|tanh|activ"
LOSSES = "loss|entropy|mse|cost|error"
STRIDE = re.compile(r"^(self\.)?(s|st|stride|strides|step|sh|sw)$")
RATE = re.compile(r"^(self\.)?(learning_rate|lr|rate|eta|alpha)$")
PENALTY = re.compile(r"lambda|lam(bd)?\b|reg|decay|l2|LAMBDA", re.I)


def takes_a_derivative(statement: ast.stmt, function: FunctionInFile) -> bool:
    """True if a statement seems to take the derivative of an activation."""
    return seems_to_take_a_derivative(ast.unparse(statement)) or function.is_about(ACTIVATIONS)


def may_be_left_out(factor: ast.expr, rest: ast.expr, function: FunctionInFile) -> bool:
    """True if somebody may forget a factor: not one of 1, not one that has a rule of its own, not
    the gradient that comes from above, and none whose loss leaves no array behind."""
    is_one = isinstance(factor, ast.Constant) and factor.value in (1, 1.0)
    if is_one or is_stride(factor) or _is_a_number(rest):
        return False
    return not _comes_from_above(factor, function)


def is_stride(node: ast.expr) -> bool:
    """True if an expression is a stride by its name."""
    return bool(STRIDE.search(ast.unparse(node)))


def _is_a_number(node: ast.expr) -> bool:
    """True if an expression cannot be a gradient: a constant, the learning rate, a stride."""
    return isinstance(node, ast.Constant) or bool(RATE.search(ast.unparse(node))) or is_stride(node)


def _comes_from_above(factor: ast.expr, function: FunctionInFile) -> bool:
    """True if a factor is the gradient that comes from above: nobody leaves that out."""
    if is_batch_size(factor):
        return False
    names = {
        named(node) for node in ast.walk(factor) if isinstance(node, (ast.Name, ast.Attribute))
    }
    is_backward = function.function.name in BACKWARD_METHODS
    given = [name for name in function.arguments if is_backward and role_of(name) is None]
    return any(looks_like_a_gradient(name) or name in given for name in names)


def cause_of_factor(factor: ast.expr, function: FunctionInFile) -> str:
    """The cause where this factor is left out."""
    text = ast.unparse(factor)
    if is_batch_size(factor):
        return "batch-scale"
    if isinstance(factor, ast.Constant):
        return "loss-constant" if function.is_about(LOSSES) else "constant-scale"
    if RATE.search(text):
        return "constant-scale"
    if function.is_about("drop") or re.search(r"mask|keep|drop", text):
        return "dropout-mask" if function.is_about("drop") else "missing-activation-derivative"
    if function.is_about("norm"):
        return "norm-path"
    if function.is_about("softmax"):
        return "softmax-jacobian"
    if seems_to_take_a_derivative(text) or function.is_about(ACTIVATIONS):
        return "missing-activation-derivative"
    return "missing-regularizer" if PENALTY.search(text) else "missing-factor"


def cause_of_term(term: ast.expr, function: FunctionInFile) -> str:
    """The cause where this term is left out, or has the wrong sign."""
    if PENALTY.search(ast.unparse(term)):
        return "missing-regularizer"
    if function.is_about("norm"):
        return "norm-path"
    if function.is_about("softmax"):
        return "softmax-jacobian"
    if function.is_about(ACTIVATIONS) or isinstance(term, ast.Constant):
        return "wrong-activation-derivative"
    return "wrong-variable"
