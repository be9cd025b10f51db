"""Candidate corrections of the activation's derivative: put in, at another point, of another
activation."""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from types import CodeType, FunctionType

import numpy as np

from chainrule.check.derivative_forms import FLAG, Form, form_of, names_derivative
from chainrule.check.edits import (
    Edit,
    Place,
    expression,
    factors,
    fresh,
    name_called,
    places,
    text,
    values,
)
from chainrule.check.naming import looks_like_a_gradient
from chainrule.check.source import FunctionSource

FAMILIES = {
    "tanh": ("1 - {0}**2", "1 - np.tanh({0})**2"),
    "sigmoid": ("{0} * (1 - {0})", "(1 / (1 + np.exp(-{0}))) * (1 - 1 / (1 + np.exp(-{0})))"),
    "relu": ("({0} > 0)",),
}
LIMIT = 24


def variables(source: FunctionSource) -> dict[str, np.ndarray]:
    """The arrays that a function has at hand, by the expression that names each."""
    found: dict[str, np.ndarray] = {}
    for name, value in source.names.items():
        if isinstance(value, np.ndarray):
            found[name] = value
        elif isinstance(value, dict):
            for key, inner in value.items():
                if isinstance(inner, np.ndarray) and isinstance(key, str):
                    found[f"{name}[{key!r}]"] = inner
        elif name == "self":
            for attribute, inner in getattr(value, "__dict__", {}).items():
                if isinstance(inner, np.ndarray):
                    found[f"self.{attribute}"] = inner
                if isinstance(inner, dict):
                    for key, part in inner.items():
                        if isinstance(part, np.ndarray) and isinstance(key, str):
                            found[f"self.{attribute}[{key!r}]"] = part
    return found


def points(source: FunctionSource) -> list[str]:
    """Arrays at which a derivative may be taken: those that are no gradients."""
    arrays = [
        name
        for name, value in variables(source).items()
        if value.ndim and not looks_like_a_gradient(_last_word(name))
    ]
    return [*arrays[:LIMIT], *_elements(source)]


def _elements(source: FunctionSource) -> list[str]:
    """Elements of lists of arrays, ``zs[-l]``, at the positions that the function uses."""
    lists = [
        name
        for name, value in source.names.items()
        if isinstance(value, list)
        and value
        and all(isinstance(each, np.ndarray) for each in value)
        and not looks_like_a_gradient(name)
    ]
    positions = {
        text(node.slice)
        for node in ast.walk(source.node)
        if isinstance(node, ast.Subscript)
        and isinstance(node.slice, (ast.Name, ast.UnaryOp, ast.BinOp))
    }
    return [f"{name}[{position}]" for name in lists for position in sorted(positions)][:LIMIT]


def _last_word(name: str) -> str:
    words = re.findall(r"\w+", name)
    return words[-1] if words else name


def _functions(source: FunctionSource) -> list[str]:
    """Functions of the file, and of the object, that are derivatives by their names."""
    namespace = source.functions[0].__globals__
    found = [
        name
        for name, value in namespace.items()
        if inspect.isfunction(value)
        and value.__code__.co_filename == source.file
        and value.__code__.co_argcount == 1
        and names_derivative(name)
    ]
    owner = source.names.get("self")
    for name, value in getattr(owner, "__dict__", {}).items():
        if callable(value) and names_derivative(name) and not isinstance(value, np.ndarray):
            found.append(f"self.{name}")
    return found


def _flagged(source: FunctionSource) -> list[tuple[str, str]]:
    """Functions that give their derivative when a flag is set: ``sigmoid(x, derivative=True)``."""
    return [
        (name, flag)
        for name, value in source.functions[0].__globals__.items()
        if inspect.isfunction(value) and value.__code__.co_filename == source.file
        for flag in value.__code__.co_varnames[1 : value.__code__.co_argcount]
        if FLAG.fullmatch(flag)
    ]


def _has_numpy(source: FunctionSource) -> bool:
    return source.functions[0].__globals__.get("np") is np


def derivative_forms(source: FunctionSource) -> list[tuple[str, Form]]:
    """Source for every derivative at every point, with what it is."""
    forms = []
    for point in points(source):
        forms += [
            (f"{function}({point})", Form(function, point)) for function in _functions(source)
        ]
        forms += [
            (f"{name}({point}, {flag}=True)", Form(name, point)) for name, flag in _flagged(source)
        ]
    for point in points(source):
        for family, templates in FAMILIES.items():
            for template in templates:
                if "np." not in template or _has_numpy(source):
                    forms.append((template.format(point), Form(family, point)))
    return forms


def missing(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Multiply what is assigned or returned, or a factor of a matrix product, by a derivative, or
    by an array such as a mask."""
    for place in (*values(source), *_computed_factors(source)):
        shape = _shape_of(place, source)
        for code, form in derivative_forms(source):
            if _fits(form.point, shape, source):
                yield _times(source, place, code, "derivative")
        for name, value in variables(source).items():
            if (value.dtype.kind == "b" or "mask" in name) and _fits(name, shape, source):
                yield _times(source, place, name, "mask")


def _computed_factors(source: FunctionSource) -> Iterator[Place]:
    """Factors of matrix products that are themselves computed there."""
    for place in places(source):
        parent, node = place.parent, place.node
        within = (isinstance(parent, ast.BinOp) and isinstance(parent.op, ast.MatMult)) or (
            name_called(parent) in ("dot", "matmul") and place.field == "args"
        )
        if within and isinstance(node, (ast.BinOp, ast.Call)):
            yield place


def words(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Another word where a word says which activation it is: "relu" for "sigmoid"."""
    tree_words = {
        value
        for function in source.functions
        for code in _codes_beside(function)
        for value in code.co_consts
        if isinstance(value, str) and value.isidentifier() and len(value) < 16
    }
    for place in places(source):
        node = place.node
        if not isinstance(node, ast.Constant) or not isinstance(node.value, str):
            continue
        if not isinstance(place.parent, (ast.Call, ast.keyword, ast.Compare)):
            continue
        for word in sorted(tree_words - {node.value}):
            line = getattr(node, "lineno", 0)
            advice = f'"{word}", not "{node.value}"'
            yield Edit("word", source, ((place, ast.Constant(word)),), line, advice)


def _codes_beside(function: FunctionType) -> list[CodeType]:
    """The code of all functions of the same file."""
    return [
        value.__code__
        for value in function.__globals__.values()
        if inspect.isfunction(value) and value.__code__.co_filename == function.__code__.co_filename
    ]


def _times(source: FunctionSource, place: Place, code: str, kind: str) -> Edit:
    added = expression(code)
    other = ast.BinOp(fresh(place.node), ast.Mult(), added)
    line = getattr(place.node, "lineno", 0)
    shown = code.replace("'", '"')
    return Edit(
        kind, source, ((place, other),), line, f"multiply by `{shown}`", added=expression(code)
    )


def _shape_of(place: Place, source: FunctionSource) -> tuple[int, ...] | None:
    """The shape of what is assigned, where its name still holds it at the end."""
    parent = place.parent
    if isinstance(parent, ast.Assign) and len(parent.targets) == 1:
        value = variables(source).get(text(parent.targets[0]))
        return None if value is None else value.shape
    return None


def _fits(name: str, shape: tuple[int, ...] | None, source: FunctionSource) -> bool:
    value = variables(source).get(name)
    return shape is None or value is None or value.shape == shape


def exchanged(source: FunctionSource, ratios: list[float]) -> Iterator[Edit]:
    """Put another derivative, or the same at another point, in the place of one that is there."""
    seen: set[int] = set()
    for place in _with_inner_products(source):
        parts = factors(place.node)
        kept = [part for part in parts if _carries_gradient(part, source)]
        rest = [part for part in parts if not _carries_gradient(part, source)]
        if not rest or id(place.node) in seen:
            continue
        seen.add(id(place.node))
        present = _product(rest)
        if isinstance(present, ast.Constant):
            continue
        for code, _ in [*derivative_forms(source), *_by_application(present, source)]:
            new = expression(code)
            other = _product([*kept, new]) if kept else new
            divisor = _trailing_divisor(place.node)
            if divisor is not None and kept:
                other = ast.BinOp(other, ast.Div(), fresh(divisor))
            line = getattr(place.node, "lineno", 0)
            shown = text(new).replace("'", '"')
            advice = f"write `{shown}`, not `{text(present)}`"
            yield Edit(
                "exchanged",
                source,
                ((place, other),),
                line,
                advice,
                removed=present,
                added=expression(code),
            )


def _by_application(present: ast.expr, source: FunctionSource) -> list[tuple[str, Form]]:
    """The expression that is there, with a function applied to one of its names, or taken off."""
    found = []
    names = {node.id for node in ast.walk(present) if isinstance(node, ast.Name)}
    arrays = {name for name in names if isinstance(source.names.get(name), np.ndarray)}
    functions = [*(["np.tanh"] if _has_numpy(source) else []), *_plain_functions(source)]
    for name in arrays:
        for function in functions:
            applied = _Applied(name, function).visit(fresh(present))
            found.append((text(applied), Form("as it is", name)))
    stripped = _Stripped(functions).visit(fresh(present))
    if text(stripped) != text(present):
        found.append((text(stripped), Form("as it is", "")))
    return found


def _plain_functions(source: FunctionSource) -> list[str]:
    namespace = source.functions[0].__globals__
    return [
        name
        for name, value in namespace.items()
        if inspect.isfunction(value)
        and value.__code__.co_filename == source.file
        and value.__code__.co_argcount == 1
        and not names_derivative(name)
        and name != "example"
    ]


class _Applied(ast.NodeTransformer):
    def __init__(self, name: str, function: str) -> None:
        self.name, self.function = name, function

    def visit_Name(self, node: ast.Name) -> ast.AST:
        if node.id == self.name and isinstance(node.ctx, ast.Load):
            return expression(f"{self.function}({node.id})")
        return node


class _Stripped(ast.NodeTransformer):
    def __init__(self, functions: list[str]) -> None:
        self.functions = functions

    def visit_Call(self, node: ast.Call) -> ast.AST:
        if text(node.func) in self.functions and len(node.args) == 1:
            return node.args[0]
        return self.generic_visit(node)


def _with_inner_products(source: FunctionSource) -> Iterator[Place]:
    """What is assigned or returned, and products within it."""
    for place in values(source):
        yield place
        if isinstance(place.node, ast.BinOp):
            for field in ("left", "right"):
                inner = getattr(place.node, field)
                if len(factors(inner)) > 1 and not isinstance(place.node.op, (ast.Mult, ast.Div)):
                    yield Place(place.node, field, None, inner, place.statement)
        if isinstance(place.node, ast.Call):
            for number, argument in enumerate(place.node.args):
                if len(factors(argument)) > 1:
                    yield Place(place.node, "args", number, argument, place.statement)


def _carries_gradient(node: ast.expr, source: FunctionSource) -> bool:
    """Whether a factor is what comes back from later layers, and no derivative."""
    if form_of(node) is not None:
        return False
    for inner in ast.walk(node):
        if isinstance(inner, ast.BinOp) and isinstance(inner.op, ast.MatMult):
            return True
        if name_called(inner) in ("dot", "matmul", "einsum", "tensordot"):
            return True
        if isinstance(inner, (ast.Name, ast.Attribute)) and isinstance(inner.ctx, ast.Load):
            word = inner.id if isinstance(inner, ast.Name) else inner.attr
            called = _is_called(inner, node)
            if looks_like_a_gradient(word) and not called:
                return True
    return _is_argument(node, source)


def _is_argument(node: ast.expr, source: FunctionSource) -> bool:
    """Whether a factor is an argument of a backward pass whose name says nothing."""
    arguments = [argument.arg for argument in source.node.args.args if argument.arg != "self"]
    return (
        isinstance(node, ast.Name)
        and node.id in arguments
        and (len(arguments) > 1 or "self" in source.names)
    )


def _is_called(name: ast.AST, within: ast.AST) -> bool:
    return any(isinstance(n, ast.Call) and n.func is name for n in ast.walk(within))


def _product(parts: list[ast.expr]) -> ast.expr:
    product = fresh(parts[0])
    for part in parts[1:]:
        product = ast.BinOp(product, ast.Mult(), fresh(part))
    return product


def _trailing_divisor(node: ast.expr) -> ast.expr | None:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
        return node.right
    return None
