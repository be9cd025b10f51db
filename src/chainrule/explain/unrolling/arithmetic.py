"""Operators on values that are partly known: what is known is computed, `x * 1` is x."""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.explain.unrolling.spelling import code_of, index_code, uniform
from chainrule.explain.unrolling.symbols import (
    TRIALS,
    Spelt,
    Symbol,
    computed,
    has_symbols,
    in_trial,
    of_shapes,
)

BINARY: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.FloorDiv: operator.floordiv,
    ast.Mod: operator.mod,
    ast.Pow: operator.pow,
    ast.MatMult: operator.matmul,
    ast.BitAnd: operator.and_,
    ast.BitOr: operator.or_,
    ast.BitXor: operator.xor,
}
IN_PLACE: dict[type[ast.operator], Callable[[Any, Any], Any]] = {
    ast.Add: operator.iadd,
    ast.Sub: operator.isub,
    ast.Mult: operator.imul,
    ast.Div: operator.itruediv,
    ast.FloorDiv: operator.ifloordiv,
    ast.Mod: operator.imod,
    ast.Pow: operator.ipow,
    ast.MatMult: operator.imatmul,
    ast.BitAnd: operator.iand,
    ast.BitOr: operator.ior,
    ast.BitXor: operator.ixor,
}
UNARY: dict[type[ast.unaryop], Callable[[Any], Any]] = {
    ast.USub: operator.neg,
    ast.UAdd: operator.pos,
    ast.Not: operator.not_,
    ast.Invert: operator.invert,
}
COMPARISONS: dict[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda item, items: item in items,
    ast.NotIn: lambda item, items: item not in items,
}
NEUTRAL_ON_THE_RIGHT: dict[type[ast.operator], int] = {
    ast.Add: 0,
    ast.Sub: 0,
    ast.Mult: 1,
    ast.Div: 1,
    ast.Pow: 1,
}
NEUTRAL_ON_THE_LEFT: dict[type[ast.operator], int] = {ast.Add: 0, ast.Mult: 1}


def binary(op: ast.operator, left: Any, right: Any) -> Any:
    """``left op right``."""
    function = BINARY[type(op)]
    if isinstance(left, (tuple, list)) or isinstance(right, (tuple, list)):
        return function(left, right)  # shapes put together
    if not has_symbols(left, right):
        return _spelt(op, left, right, function(left, right))
    left, right = _as_number(function, left, right, 0), _as_number(function, left, right, 1)
    result = computed(ast.BinOp(code_of(left), op, code_of(right)), function, left, right)
    if not isinstance(result, Symbol) or result.from_shapes:
        return result
    for kept, other, neutral in (
        (left, right, NEUTRAL_ON_THE_RIGHT.get(type(op))),
        (right, left, NEUTRAL_ON_THE_LEFT.get(type(op))),
    ):
        if _is_number(other) and other == neutral and is_alike(kept, result):
            return kept
    return _with_one_constant(op, left, right, result)


def unary(op: ast.unaryop, value: Any) -> Any:
    """``op value``."""
    if isinstance(value, Spelt):
        return Spelt.as_(ast.UnaryOp(op, value.code), UNARY[type(op)](value))
    return computed(ast.UnaryOp(op, code_of(value)), UNARY[type(op)], value)


def compare(op: ast.cmpop, left: Any, right: Any) -> Any:
    """``left op right``, true or false or an array of both."""
    function = COMPARISONS[type(op)]
    if isinstance(op, (ast.Is, ast.IsNot)):  # what is computed is never None, True or False
        return function(left, right)
    if not has_symbols(left, right):
        return function(left, right)
    code = ast.Compare(code_of(left), [op], [code_of(right)])
    return computed(code, function, left, right)


def item(owner: Any, index: Any) -> Any:
    """``owner[index]``; the owner itself where the index takes all of it."""
    if not has_symbols(owner, index) or (not isinstance(owner, Symbol) and not has_symbols(index)):
        return owner[index]
    code = ast.Subscript(code_of(owner), index_code(index), ast.Load())
    result = computed(code, operator.getitem, owner, index)
    if isinstance(result, Symbol) and isinstance(owner, Symbol) and takes_all(owner, index):
        return owner
    return result


def sizes(array: Symbol) -> tuple[Any, ...]:
    """``array.shape``: known sizes, and multiples of the number of examples."""
    code = ast.Attribute(array.code, "shape", ast.Load())
    pairs = zip(*(np.shape(trial) for trial in array.trials), strict=True)
    return tuple(of_shapes(code, pair) for pair in pairs)


def takes_all(owner: Symbol, index: Any) -> bool:
    """True if ``owner[index]`` is the whole array, as it lies."""
    parts = index if isinstance(index, tuple) else (index,)
    if not owner.is_array or not all(isinstance(p, slice) or p is Ellipsis for p in parts):
        return False
    if has_symbols(index):
        return False
    views = [owner.trials[trial][index] for trial in TRIALS]
    pairs = zip(views, owner.trials, strict=True)
    return all(view.shape == whole.shape and view.strides == whole.strides for view, whole in pairs)


def is_alike(one: Any, other: Any) -> bool:
    """True if two symbols have the same types and shapes, and lie alike in memory."""
    if not isinstance(one, Symbol) or not isinstance(other, Symbol):
        return False
    return all(_layout(one.trials[t]) == _layout(other.trials[t]) for t in TRIALS)


def update(op: ast.operator, target: Symbol, value: Any) -> bool:
    """``target op= value`` in the trials; whether ``target op value`` would give the same."""
    keeps_type = True
    for trial, old in enumerate(target.trials):
        given = in_trial(value, trial)
        keeps_type &= _layout(BINARY[type(op)](old, given)) == _layout(old)
        IN_PLACE[type(op)](old, given)
    return keeps_type


def _layout(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.dtype, value.shape, value.strides
    return type(value)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _as_number(function: Callable[[Any, Any], Any], left: Any, right: Any, which: int) -> Any:
    """An operand that is one number everywhere as that number, where that changes no shape."""
    operands = [left, right]
    number = uniform(operands[which])
    if number is None:
        return operands[which]
    for trial in TRIALS:
        given = [in_trial(operand, trial) for operand in operands]
        expected = function(*given)
        given[which] = number
        if _layout(function(*given)) != _layout(expected):
            return operands[which]
    return number


def _spelt(op: ast.operator, left: Any, right: Any, value: Any) -> Any:
    """A known result, spelt as the operation where that is shorter than its digits."""
    if not (isinstance(value, float) and _is_number(left) and _is_number(right)):
        return value
    code = ast.BinOp(code_of(left), op, code_of(right))
    if len(ast.unparse(code)) < len(repr(value)):
        return Spelt.as_(code, value)
    return value


def _with_one_constant(op: ast.operator, left: Any, right: Any, result: Symbol) -> Symbol:
    """``i + 27 + 1`` as ``i + 28``, for whole numbers."""
    is_whole = isinstance(result.trials[0], int) and isinstance(right, int)
    if not (isinstance(op, ast.Add) and is_whole and isinstance(left.code, ast.BinOp)):
        return result
    earlier = left.code.right.value if isinstance(left.code.right, ast.Constant) else None
    if not (isinstance(left.code.op, ast.Add) and isinstance(earlier, int)):
        return result
    total = ast.BinOp(left.code.left, op, ast.Constant(earlier + right))
    return Symbol(total, result.trials)
