"""The source of the functions that a backward pass runs, and a way to run them changed.

Which functions those are is seen by watching one run. A changed syntax tree is compiled, and its
code takes the place of the function's own for as long as it is tried out; nothing else, not even
the objects that hold the function, has to be made anew.
"""

from __future__ import annotations

import ast
import copy
import gc
import inspect
import linecache
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cached_property
from types import CodeType, FunctionType
from typing import Any

from chainrule.foreign.naming.gradient_names import is_about_gradients
from chainrule.foreign.objects.names import over_globals
from chainrule.foreign.running import effort
from chainrule.foreign.running.watching import LocalNames, watching

FunctionNode = ast.FunctionDef | ast.Lambda


@dataclass(frozen=True)
class RanForward:
    """A function that has run forward, and what its names held."""

    node: FunctionNode
    names: LocalNames


@dataclass
class FunctionSource:
    """One function: its objects, its part of the syntax tree, and what its names held."""

    functions: list[FunctionType]
    node: FunctionNode
    statement: ast.stmt  # of the top level, in which it stands
    names: LocalNames
    file: str
    forward: list[RanForward]  # of the same file

    def neighbours(self) -> dict[str, FunctionType]:
        """The functions of the same file, by name."""
        return {
            name: value
            for name, value in self.functions[0].__globals__.items()
            if inspect.isfunction(value) and value.__code__.co_filename == self.file
        }

    def is_argument(self, node: ast.expr) -> bool:
        """True if a node is an argument of a backward pass: what comes back from later layers,
        whatever it is called."""
        arguments = [argument.arg for argument in self.node.args.args if argument.arg != "self"]
        return (
            isinstance(node, ast.Name)
            and node.id in arguments
            and (len(arguments) > 1 or "self" in self.names)
        )

    def compiled(self) -> CodeType | None:
        """The code of the tree as it is now."""
        first, last = self.statement.lineno, self.statement.end_lineno
        effort.add_compiled((last or first) - first + 1)
        own = self.functions[0].__code__
        around = self._around
        if isinstance(self.node, ast.FunctionDef) and self._runs_over_globals:
            around = over_globals(self.node)
        try:
            code = compile(ast.Module([around], []), self.file, "exec")
        except (SyntaxError, ValueError, TypeError):
            return None
        return next(
            (
                inner
                for inner in _inner_codes(code)
                if inner.co_name == own.co_name
                and inner.co_firstlineno == own.co_firstlineno
                and inner.co_freevars == own.co_freevars
            ),
            None,
        )

    @cached_property
    def _around(self) -> ast.stmt:
        """The statement of the top level; of a class only what the function stands in."""
        if not isinstance(self.statement, ast.ClassDef):
            return self.statement
        parts = (part for part in self.statement.body if self.node in ast.walk(part))
        alone = copy.copy(self.statement)
        alone.body = [next(parts)]
        return alone

    @cached_property
    def _runs_over_globals(self) -> bool:
        """True if it stands within another function, and yet runs over the names of its file."""
        around = (node for node in ast.walk(self.statement) if isinstance(node, ast.FunctionDef))
        is_within = any(self.node in node.body for node in around)
        return is_within and not self.functions[0].__code__.co_freevars

    @contextmanager
    def running(self, code: CodeType) -> Iterator[None]:
        """Within, the function runs `code`."""
        before = [function.__code__ for function in self.functions]
        try:
            for function in self.functions:
                function.__code__ = code
            yield
        finally:
            for function, own in zip(self.functions, before, strict=True):
                function.__code__ = own


def _inner_codes(code: CodeType) -> Iterator[CodeType]:
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield constant
            yield from _inner_codes(constant)


def backward_sources(
    forward: Callable[[], Any], both: Callable[[], Any], files: set[str]
) -> list[FunctionSource]:
    """The functions that run in the backward pass alone, or are derivatives by their names, those
    that begin first in front.

    An exception on the way is passed over: what ran before it counts.
    """
    before, after = _codes_of(forward, files), _codes_of(both, files)
    backward = {
        code: names
        for code, names in after.items()
        if (code not in before or is_about_gradients(code.co_name))
        and code.co_name not in ("example", "<module>", "<genexpr>", "<listcomp>")
    }
    holders = [each for each in gc.get_referrers(*backward) if isinstance(each, FunctionType)]
    trees = {code.co_filename: _tree(code.co_filename) for code in backward}
    ran_forward = {
        file: [
            RanForward(place[0], names)
            for code, names in before.items()
            if code.co_filename == file and (place := _place_of(code, tree))
        ]
        for file, tree in trees.items()
    }
    sources = []
    for code, names in backward.items():
        file = code.co_filename
        functions = [each for each in holders if each.__code__ is code]
        place = _place_of(code, trees[file])
        if functions and place:
            sources.append(FunctionSource(functions, *place, names, file, ran_forward[file]))
    return sources


def _codes_of(run: Callable[[], Any], files: set[str]) -> dict[CodeType, LocalNames]:
    with watching(files) as seen, suppress(Exception):  # code under examination may raise anything
        run()
    return seen


def _tree(file: str) -> ast.Module:
    """The tree of a file, empty if it is not Python."""
    try:
        return ast.parse("".join(linecache.getlines(file)))
    except SyntaxError:
        return ast.Module([], [])


def _place_of(code: CodeType, tree: ast.Module) -> tuple[FunctionNode, ast.stmt] | None:
    """The function that has this code, and the statement of the top level in which it stands."""
    for statement in tree.body:
        nodes = [node for node in ast.walk(statement) if _is_node_of(node, code)]
        if len(nodes) == 1:
            node = nodes[0]
            if isinstance(node, (ast.FunctionDef, ast.Lambda)):
                return node, statement
    return None


def _is_node_of(node: ast.AST, code: CodeType) -> bool:
    if isinstance(node, ast.Lambda):
        return code.co_name == "<lambda>" and node.lineno == code.co_firstlineno
    if not isinstance(node, ast.FunctionDef) or node.name != code.co_name:
        return False
    first = min([node.lineno, *(d.lineno for d in node.decorator_list)])
    return first == code.co_firstlineno
