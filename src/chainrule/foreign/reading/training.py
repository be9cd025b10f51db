"""Files that train when they are run, as their authors run them."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from chainrule.foreign.naming.gradient_names import is_about_gradients
from chainrule.foreign.naming.roles import BACKWARD_METHODS, is_backward_pass

DEFINITIONS = (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)


def trains_by_itself(tree: ast.Module) -> bool:
    """True if the statements of a file, and the functions that they use, have a loop and go into
    code that computes gradients. Those under ``if __name__ == "__main__":`` count, too.

    >>> layer = "def backward(dy): return 2 * dy"
    >>> trains_by_itself(ast.parse(layer))
    False
    >>> trains_by_itself(ast.parse(layer + "\\nfor step in range(9): backward(1.0)"))
    True
    """
    nodes = list(_that_run(tree))
    functions = {node.name for node in nodes if isinstance(node, ast.FunctionDef)}
    has_loop = any(isinstance(node, (ast.For, ast.While)) for node in nodes)
    return has_loop and any(map(_is_backward, functions))


def _is_backward(name: str) -> bool:
    return name in BACKWARD_METHODS or is_backward_pass(name) or is_about_gradients(name)


def _that_run(tree: ast.Module) -> Iterator[ast.AST]:
    """The nodes of the statements at the top level, and of the functions and methods of the file
    that are named there, or in those."""
    named: dict[str, list[ast.FunctionDef]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef):
            named.setdefault(node.name, []).append(node)
    left: list[ast.AST] = [each for each in tree.body if not isinstance(each, DEFINITIONS)]
    while left:
        for node in ast.walk(left.pop()):
            yield node
            name = getattr(node, "id", None) or getattr(node, "attr", None)
            left += named.pop(name, []) if isinstance(name, str) else []
