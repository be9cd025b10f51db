"""Where in a file gradients are computed."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from chainrule.foreign.naming.gradient_names import (
    is_about_gradients,
    looks_like_a_gradient,
    pairs_among,
)
from chainrule.foreign.naming.roles import BACKWARD_METHODS, FORWARD_METHODS

Function = ast.FunctionDef

CLEARS_OR_CHECKS = re.compile(r"^(zero|clear|reset|init|check|numerical|num|test|plot|print|clip)_")
UPDATES = ("step", "update", "apply", "update_params", "apply_gradients")
NOT_A_GRADIENT = re.compile(r"shape|size|index|count|^(n|m|h|w|i|j|k|rows|cols|height|width)$")
ALLOCATES = {"zeros", "zeros_like", "empty", "empty_like", "ones_like", "reshape", "range", "len"}
BATCH_SIZE = re.compile(
    r"^(N|n|m|M|B|bs|batch_?size|num_?(examples|samples)|n_?(examples|samples)|count)$|"
    r"\.shape\[|len\(|\.size$|np\.size\("
)


@dataclass(frozen=True)
class FunctionInFile:
    """A function with what its surroundings say about it.

    Args:
        function: the function.
        owner: the class whose method it is.
        tree: the whole file.
        is_helper: true if it only helps others that compute gradients.
    """

    function: Function
    owner: ast.ClassDef | None
    tree: ast.Module
    is_helper: bool = False

    @property
    def name(self) -> str:
        """``Linear.backward``, or ``backward_pass``."""
        prefix = f"{self.owner.name}." if self.owner else ""
        return prefix + self.function.name

    def is_about(self, words: str) -> bool:
        """True if the function's or the class's name has one of the words (``"norm|softmax"``)."""
        return bool(re.search(words, self.name, re.I))

    @property
    def is_optimizer(self) -> bool:
        """True if this is an optimizer's step."""
        return self.function.name in UPDATES

    @property
    def arguments(self) -> list[str]:
        """The names of the arguments, without self."""
        names = [argument.arg for argument in self.function.args.args]
        return [name for name in names if name not in ("self", "cls")]

    def forward_functions(self) -> list[Function]:
        """What runs forward: of the class, or of the file for a plain function."""
        inside = self.owner.body if self.owner else self.tree.body
        return [
            node for node in inside if isinstance(node, Function) and node.name in FORWARD_METHODS
        ]

    def batch_size(self) -> str | None:
        """An expression for the batch size within the function."""
        for statement in statements(self.function):
            for node in ast.walk(statement):
                match node:
                    case ast.BinOp(op=ast.Div(), right=divisor) if is_batch_size(divisor):
                        return ast.unparse(divisor)
        arrays = [name for name in self.arguments if not re.search(r"rate|lr|eta|param", name)]
        given = [name for name in arrays if looks_like_a_gradient(name)] or arrays
        return f"{given[0]}.shape[0]" if given else None


def backward_code(tree: ast.Module) -> list[FunctionInFile]:
    """The functions of a file that compute gradients, helpers of theirs included."""
    functions = functions_of(tree)
    derivatives = {pair[1] for pair in pairs_among([f.function.name for f in functions])}
    found = [f for f in functions if _computes_gradients(f) or f.name in derivatives]
    others = [f for f in functions if f not in found]
    called = set().union(*(_calls(f.function) for f in found))
    called_elsewhere = set().union(*(_calls(f.function) for f in others))
    helping = called - called_elsewhere - {"__init__"}
    helpers = [replace(f, is_helper=True) for f in others if f.function.name in helping]
    return [*found, *helpers]


def functions_of(tree: ast.Module) -> list[FunctionInFile]:
    """The functions of a file and the methods of its classes, from top to bottom."""
    found = []
    for node in tree.body:
        members = node.body if isinstance(node, ast.ClassDef) else [node]
        owner = node if isinstance(node, ast.ClassDef) else None
        found += [FunctionInFile(m, owner, tree) for m in members if isinstance(m, Function)]
    return found


def _computes_gradients(function: FunctionInFile) -> bool:
    name = function.function.name
    if CLEARS_OR_CHECKS.search(name) or name == "__init__":
        return False
    if name in UPDATES:
        return function.owner is not None and not function.forward_functions()
    return name in BACKWARD_METHODS or is_about_gradients(name)


def _calls(function: Function) -> set[str]:
    """The names of what a function calls or mentions."""
    names = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return names | {node.attr for node in ast.walk(function) if isinstance(node, ast.Attribute)}


def statements(function: Function) -> Iterator[ast.stmt]:
    """The statements of a function that compute something, those in loops included."""
    for node in ast.walk(function):
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.Return, ast.For)):
            yield node


def expressions(statement: ast.AST) -> Iterator[ast.AST]:
    """All that a statement is made of, except what stands in texts: f"dW{layer - 1}"."""
    yield statement
    for child in ast.iter_child_nodes(statement):
        if not isinstance(child, ast.JoinedStr):
            yield from expressions(child)


def targets(statement: ast.stmt) -> list[str]:
    """What a statement assigns to, by name: ``dW1`` for ``grads["dW1"] = …`` and ``dW1 = …``."""
    if isinstance(statement, ast.Assign):
        names = [name for target in statement.targets for name in _names(target)]
        return [name for name in names if name != "_"]
    if isinstance(statement, ast.AugAssign):
        return _names(statement.target)
    return []


def _names(target: ast.expr) -> list[str]:
    if isinstance(target, ast.Tuple):
        return [name for element in target.elts for name in _names(element)]
    return [named(target)]


def named(node: ast.expr) -> str:
    """The last name in a chain: ``W`` of ``self.W``, ``dW1`` of ``grads["dW1"]``, ``dx`` of
    ``dx[:, i]``."""
    if isinstance(node, ast.Attribute):
        return node.attr
    if isinstance(node, ast.Subscript):
        return _text(node.slice) or named(node.value)
    return node.id if isinstance(node, ast.Name) else ast.unparse(node)


def _text(key: ast.expr) -> str | None:
    """What a text says: ``dW1``, and ``dW{layer}`` where it is put together."""
    if isinstance(key, ast.JoinedStr):
        return ast.unparse(key)[2:-1]
    is_text = isinstance(key, ast.Constant) and isinstance(key.value, str)
    return ast.literal_eval(key) if is_text else None


def gradients_in(statement: ast.stmt) -> list[ast.expr]:
    """The expressions of a statement whose values are gradients, or lead to them."""
    if isinstance(statement, ast.Return):
        return [part for part in _parts(statement.value) if is_computed(part)]
    if isinstance(statement, ast.Assign):
        names, values = targets(statement), _parts(statement.value)
        if len(names) > 1 and not all(map(looks_like_a_gradient, names)):
            return []  # places, sizes
        kept = not any(map(NOT_A_GRADIENT.search, names))
        return [value for value in values if kept and is_computed(value)]
    return []


def _parts(value: ast.expr | None) -> list[ast.expr]:
    if isinstance(value, (ast.Tuple, ast.List)):
        return value.elts
    if isinstance(value, ast.Dict):
        return value.values
    return [] if value is None else [value]


def is_computed(value: ast.expr) -> bool:
    """True if an expression computes an array, and is not a mere name, a shape or memory."""
    if isinstance(value, ast.Call):
        return named(value.func) not in ALLOCATES
    return isinstance(value, (ast.BinOp, ast.UnaryOp))


def is_batch_size(node: ast.expr) -> bool:
    """True if an expression looks like the number of examples."""
    return bool(BATCH_SIZE.search(ast.unparse(node)))
