"""Known-wrong variants of hand-written backward code: mutants, each with a mistake people make.

A mutant is made from the source: one expression or statement of the backward code takes another
form, and all other lines stay as they are. Each carries the doctor's code for its cause
(`findings.CODES`), so that a test that lets it pass can be told what it misses.

Backward code is what is called so (`backward`, `sigmoid_prime`, `compute_gradients`), and the
functions that nothing but backward code calls (`col2im`). What forward calls too is left alone.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass

from chainrule.foreign.backward_code import Scope, backward_code, statements, targets
from chainrule.foreign.roles import result_name
from chainrule.rewrites import expression_mistakes, statement_mistakes
from chainrule.rewrites.text_edits import Edit


@dataclass(frozen=True)
class Mutant:
    """A wrong variant.

    Args:
        code: the cause, as the doctor calls it.
        gradient: what the changed statement computes, as the source calls it.
        function: the function that was changed, ``Linear.backward``.
        line: where.
        description: what became of what.
        source: the whole text of the variant.
    """

    code: str
    gradient: str
    function: str
    line: int
    description: str
    source: str


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
    for scope in backward_code(tree):
        for edit, code, gradient in _mistakes(scope):
            text = edit.applied(source)
            meaning = ast.dump(ast.parse(text))
            if meaning not in seen:
                seen.add(meaning)
                description = edit.described(source)
                found.append(Mutant(code, gradient, scope.name, edit.line, description, text))
    return sorted(found, key=lambda mutant: mutant.line)


def _mistakes(scope: Scope) -> Iterator[tuple[Edit, str, str]]:
    """(edit, code, gradient) for everything that can go wrong in a function."""
    for statement in statements(scope.function):
        gradient = ", ".join(targets(statement)) or result_name(scope.name)
        for edit, code in statement_mistakes.mistakes(statement, scope):
            yield edit, code, gradient
        for edit, code in expression_mistakes.mistakes(statement, scope):
            yield edit, code, gradient
    yield from statement_mistakes.mistakes_of_order(scope)
