"""Matrix products: factors transposed or exchanged, other subscripts for einsum."""

from __future__ import annotations

import ast
import itertools
from collections.abc import Iterator
from typing import Any

from chainrule.foreign.reading.backward_code import FunctionInFile
from chainrule.foreign.reading.expressions import fresh, name_called, text
from chainrule.rewrites.edits import Edit, Place
from chainrule.rewrites.scope import Scope
from chainrule.rewrites.text_edits import TextEdit, parenthesized

PRODUCTS = {"dot", "matmul", "outer", "inner"}


# --- transposes -----------------------------------------------------------------------------------


def exchanged_factors(place: Place, scope: Scope) -> Iterator[Edit]:
    """A matrix product with its factors exchanged, transposed, or both."""
    pair = _matrix_factors(place.node)
    if pair is None:
        return
    for swapped, left, right in itertools.product((False, True), repeat=3):
        if swapped or left or right:
            first, second = (pair[1], pair[0]) if swapped else pair
            other = _matrix_product(place.node, _turned(first, left), _turned(second, right))
            yield scope.edit(place, other, f"write `{text(other)}`")


def _matrix_factors(node: ast.AST) -> tuple[ast.expr, ast.expr] | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        return node.left, node.right
    if not isinstance(node, ast.Call) or name_called(node) not in PRODUCTS:
        return None
    if len(node.args) == 2:
        return node.args[0], node.args[1]
    if len(node.args) == 1 and isinstance(node.func, ast.Attribute):
        return node.func.value, node.args[0]
    return None


def _matrix_product(like: Any, left: ast.expr, right: ast.expr) -> ast.expr:
    if isinstance(like, ast.BinOp):
        return ast.BinOp(left, ast.MatMult(), right)
    if len(like.args) == 2:
        return ast.Call(fresh(like.func), [left, right], [])
    return ast.Call(ast.Attribute(left, like.func.attr, ast.Load()), [right], [])


def _turned(node: ast.expr, turn: bool = True) -> ast.expr:
    """The transpose, or without the `.T` that is there."""
    if not turn:
        return fresh(node)
    if isinstance(node, ast.Attribute) and node.attr == "T":
        return fresh(node.value)
    return ast.Attribute(fresh(node), "T", ast.Load())


def transposed(place: Place, scope: Scope) -> Iterator[Edit]:
    """The transpose of what is assigned or returned."""
    yield scope.edit(place, _turned(place.node), "transpose it")


def wrongly_transposed(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """The transpose of a product, and a factor without its transpose."""
    is_matrix_product = isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult)
    if is_matrix_product or name_called(node) in PRODUCTS - {"inner"}:
        yield TextEdit(node, f"{parenthesized(node)}.T")
    if isinstance(node, ast.Attribute) and node.attr == "T":
        yield TextEdit(node, ast.unparse(node.value))


# --- einsum ---------------------------------------------------------------------------------------


def other_subscripts(place: Place, scope: Scope) -> Iterator[Edit]:
    """Another output of einsum, then one of its inputs transposed."""
    node = place.node
    if name_called(node) != "einsum" or not isinstance(node.args[0], ast.Constant):
        return
    before, arrow, after = str(node.args[0].value).replace(" ", "").partition("->")
    for sort, subscripts in _other_subscripts(before, after) if arrow else ():
        other = fresh(node)
        other.args[0] = ast.Constant(subscripts)
        yield scope.edit(place, other, f'the subscripts "{subscripts}"', sort=sort)


def _other_subscripts(before: str, after: str) -> Iterator[tuple[str, str]]:
    """(sort of the correction, subscripts)."""
    letters = sorted(set(before) - {","})
    for length in range(max(0, len(after) - 1), min(len(letters), len(after) + 2) + 1):
        for chosen in itertools.permutations(letters, length):
            wanted = "".join(chosen)
            if wanted != after:
                sort = "transposed" if sorted(wanted) == sorted(after) else "axis"
                yield sort, f"{before}->{wanted}"
    inputs = before.split(",")
    for number, subscripts in enumerate(inputs):
        for chosen in itertools.permutations(subscripts):
            turned = [*inputs[:number], "".join(chosen), *inputs[number + 1 :]]
            if turned != inputs:
                yield "transposed", f"{','.join(turned)}->{after}"


def transposed_output(node: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    """The two axes of einsum's output exchanged."""
    if name_called(node) == "einsum":
        formula = node.args[0]
        if isinstance(formula, ast.Constant) and isinstance(formula.value, str):
            inputs, arrow, output = formula.value.partition("->")
            if len(output) == 2:
                yield TextEdit(formula, repr(f"{inputs}{arrow}{output[::-1]}"))
