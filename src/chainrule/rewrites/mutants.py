"""Known-wrong variants of hand-written backward code: mutants, each with a mistake people make.

A mutant is made from the source by a rule of the catalogue: one expression or statement of the
backward code takes another form, and all other lines stay as they are. Each carries the doctor's
code for its cause (`findings.CODES`), so that a test that lets it pass can be told what it misses.

Backward code is what is called so (`backward`, `sigmoid_prime`, `compute_gradients`), and the
functions that nothing but backward code calls (`col2im`). What forward calls too is left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import groupby
from typing import Any

from chainrule.foreign.naming.roles import result_name
from chainrule.foreign.reading.backward_code import (
    FunctionInFile,
    backward_code,
    expressions,
    statements,
    targets,
)
from chainrule.rewrites.catalogue import CATALOGUE
from chainrule.rewrites.causes import missing_check
from chainrule.rewrites.left_out import takes_a_derivative
from chainrule.rewrites.rules import Rule
from chainrule.rewrites.text_edits import TextEdit

MISTAKES = [rule for rule in CATALOGUE if rule.mistake is not None]


@dataclass(frozen=True)
class Mutant:
    """A wrong variant of a file.

    Args:
        code: the cause, as the doctor calls it.
        gradient: what is wrong, as the source calls it.
        function: where, ``Linear.backward``.
        line: of the source; None where the mutant is made by wrapping.
        description: what was changed.
        source: the whole text of the variant.
        wrapping: what is made wrong when the text has run, as a dictionary of `grading.wrapping`.
    """

    code: str
    gradient: str
    function: str
    line: int | None
    description: str
    source: str
    wrapping: dict[str, str] | None = None

    @property
    def missing(self) -> str:
        """The check that would notice it."""
        return missing_check(self.code, self.gradient)

    def as_json(self) -> dict[str, Any]:
        """The mutant as `--json` prints it."""
        names = ("code", "gradient", "function", "line", "description", "missing")
        return {name: getattr(self, name) for name in names}


def mutants(source: str) -> list[Mutant]:
    """Every mutant of a file, in the order of its lines; none twice.

    Raises:
        SyntaxError: the file is not Python.

    >>> code = '''
    ... class Double:
    ...     def forward(self, x):
    ...         return 2 * x
    ...     def backward(self, dy):
    ...         return 2 * dy
    ... '''
    >>> for mutant in mutants(code):
    ...     print(mutant.code, mutant.description)
    sign `2 * dy` becomes `-(2 * dy)`
    constant-scale `2 * dy` becomes `2 * (2 * dy)`
    batch-scale `2 * dy` becomes `(2 * dy) / dy.shape[0]`
    missing-gradient `2 * dy` becomes `0 * (2 * dy)`
    constant-scale `2 * dy` becomes `dy`
    """
    tree = ast.parse(source)
    seen = {ast.dump(tree)}
    found = []
    for function in backward_code(tree):
        for edit in _mistakes(function):
            text = edit.applied(source)
            meaning = _meaning(text)
            if meaning and meaning not in seen:
                seen.add(meaning)
                description = edit.described(source)
                about = edit.cause, edit.gradient, function.name
                found.append(Mutant(*about, edit.line, description, text))
    return sorted(found, key=lambda mutant: mutant.line or 0)


def _meaning(source: str) -> str:
    """The same for sources that differ in form alone; "" for what is no Python: an edit made for a
    line of its own, in a function written on one line."""
    try:
        return ast.dump(ast.parse(source))
    except SyntaxError:
        return ""


def _mistakes(function: FunctionInFile) -> Iterator[TextEdit]:
    """Everything that can go wrong in a function, each with its cause and its gradient."""
    for statement in statements(function.function):
        gradient = ", ".join(targets(statement)) or result_name(function.name)
        for edit in (*_of_parts(statement, function), *_of_expressions(statement, function)):
            yield replace(edit, gradient=gradient)
    yield from _of_parts(function.function, function)


def _of_parts(whole: ast.stmt, function: FunctionInFile) -> Iterator[TextEdit]:
    """What can go wrong in the gradients and updates of a statement, or in a function."""
    members = [rule for rule in MISTAKES if rule.of is not expressions]
    for of, rules in groupby(members, lambda rule: rule.of):
        together = list(rules)
        for part in of(whole):
            for rule in together:
                yield from _edits(rule, part, function)


def _of_expressions(statement: ast.stmt, function: FunctionInFile) -> Iterator[TextEdit]:
    """What can go wrong in the expressions of a statement."""
    if isinstance(statement, ast.For):
        return
    members = [rule for rule in MISTAKES if rule.of is expressions]
    in_brackets = {id(part) for node in expressions(statement) for part in _index_of(node)}
    for node in expressions(statement):
        for rule in members:
            if rule.in_index or id(node) not in in_brackets:
                for edit in _edits(rule, node, function):
                    yield replace(edit, cause=_in_its_place(edit.cause, statement, function))


def _edits(rule: Rule, part: Any, function: FunctionInFile) -> Iterator[TextEdit]:
    for edit in rule.mistake(part, function) if rule.mistake else ():
        yield replace(edit, cause=edit.cause or rule.cause)


def _index_of(node: ast.AST) -> Iterator[ast.AST]:
    """What stands in the brackets: places in an array, not values."""
    if isinstance(node, ast.Subscript):
        yield from ast.walk(node.slice)


def _in_its_place(cause: str, statement: ast.stmt, function: FunctionInFile) -> str:
    """The cause, given where the mistake stands."""
    if function.is_optimizer and cause != "sign":
        return "update-rule"
    is_elsewhere = cause == "derivative-at-wrong-point"
    if is_elsewhere and not takes_a_derivative(statement, function):
        return "wrong-variable"
    return cause
