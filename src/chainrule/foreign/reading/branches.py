"""The branches of backward code that a file has.

What stands behind ``if activation == "tanh":`` is not compared by a run with a sigmoid.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cache

from chainrule.foreign.naming.gradient_names import is_about_gradients
from chainrule.foreign.naming.offered_words import is_a_choice, is_about_words

Place = tuple[str, int, int]
"""A file, a line, and a column in it; -1 for the whole line."""

WHOLE_LINE = -1
NO_GRADIENT = re.compile(
    r"numeric|check|test|plot|print|clip|descent|optim|adam|momentum|update|"
    r"(^|_)(zero|reset|clear|step|apply|train|fit|show|log|save|load|init|norm|accuracy|flow)(_|$)",
    re.IGNORECASE,
)
"""In the names of functions that have "gradient" in them, and compute none, or follow them."""
OF_ANOTHER_MODE = re.compile(
    r"train(ing)?|\btest|infer|\beval|mode\b|clip|max_norm|threshold|verbose|debug|optimi[sz]er|"
    r"momentum|adam|rms|nesterov|velocity|decay_|isinstance|hasattr|callable",
    re.IGNORECASE,
)
"""In conditions: what is no other formula, but clipping, an update, or the prediction pass."""
SHAPES = {"reshape", "astype", "array", "asarray", "zeros", "zeros_like", "copy", "len", "print"}
SHAPES |= {"eye", "arange", "argmax", "isnan", "int", "float", "tuple", "list", "shape", "append"}
SHAPES |= {"atleast_2d", "expand_dims", "squeeze", "flatten", "ravel", "ones", "ones_like", "range"}
COMPOUND = (ast.If, ast.For, ast.While, ast.With, ast.Try, ast.Match)
Function = ast.FunctionDef


@dataclass(frozen=True)
class Branch:
    """A part of a function that may not run.

    Args:
        file: that it stands in.
        function: its name, ``Net.backward``; "" at the top level of a file.
        start, end: line and column at which it begins, and ends.
        condition: under which it runs; "" for a function that nothing has called.
        is_inline: true if it is a part of a line.
        is_backward: true if it stands in a function that computes gradients by its name.
        is_function: true if it is a whole function, or one that a dictionary holds.
        around: first and last line of the function that it stands in, or of the statement at the
            top level of the file.
        owner: first and last line of the class that it stands in; (0, 0) outside of classes.
    """

    file: str
    function: str
    start: tuple[int, int]
    end: tuple[int, int]
    condition: str
    is_inline: bool = False
    is_backward: bool = True
    is_function: bool = False
    around: tuple[int, int] = (0, 0)
    owner: tuple[int, int] = (0, 0)

    def has_run(self, ran: set[Place]) -> bool:
        """True if something of it is among the places that have run."""
        if not self.is_inline:
            return _has_run(self.file, (self.start[0], self.end[0]), ran)
        return any(
            file == self.file and column != WHOLE_LINE and self.start <= (line, column) < self.end
            for file, line, column in ran
        )

    def is_beside_what_runs(self, ran: set[Place]) -> bool:
        """True if something around it is among the places that have run: of its function, of its
        class for a whole function."""
        return _has_run(self.file, self.owner if self.is_function else self.around, ran)

    def holds(self, other: Branch) -> bool:
        """True if another branch is a part of it."""
        return self.file == other.file and self.start <= other.start and other.end <= self.end


def _has_run(file: str, lines: tuple[int, int], ran: set[Place]) -> bool:
    return any((file, line, WHOLE_LINE) in ran for line in range(lines[0], lines[1] + 1))


@cache
def branches_in(file: str, source: str) -> tuple[Branch, ...]:
    """The branches of a file in which gradients are computed, or that stand for an activation, or
    a loss, that somebody may choose."""
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return ()
    found: list[Branch] = []
    for name, node in _functions(tree, ""):
        is_backward = _computes_gradients(node, name)
        inside: list[Branch] = []
        if is_backward and any(map(_computes, node.body)):
            whole = _branch(name, node.body[0], node.body[-1], "")
            inside.append(replace(whole, is_function=True))
        inside += [*_within(name, node.body, is_backward), *_inline(name, node, is_backward)]
        found += [replace(each, around=_span(node)) for each in inside]
    for statement in tree.body:
        if not isinstance(statement, (Function, ast.ClassDef)):
            inside = [*_within("", [statement], False), *_inline("", statement, False)]
            found += [replace(each, around=_span(statement)) for each in inside]
    classes = [_span(node) for node in tree.body if isinstance(node, ast.ClassDef)]
    return tuple(replace(each, file=file, owner=_class_of(each, classes)) for each in found)


def _span(node: ast.stmt) -> tuple[int, int]:
    return node.lineno, node.end_lineno or node.lineno


def _class_of(branch: Branch, classes: list[tuple[int, int]]) -> tuple[int, int]:
    around = (span for span in classes if span[0] <= branch.start[0] <= span[1])
    return next(around, (0, 0))


def _functions(tree: ast.AST, owner: str) -> Iterator[tuple[str, Function]]:
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.ClassDef):
            yield from _functions(node, f"{node.name}.")
        elif isinstance(node, Function):
            yield owner + node.name, node
            yield from _functions(node, f"{owner}{node.name}.")
        elif isinstance(node, COMPOUND):
            yield from _functions(node, owner)


def _computes_gradients(node: Function, name: str) -> bool:
    """True if a function computes gradients, as its name, or that of the one around it, says."""
    *around, own = name.split(".")
    functions = [*(each for each in around if not each[:1].isupper()), own]  # and not classes
    return any(is_about_gradients(n) for n in functions) and not NO_GRADIENT.search(own)


def _within(name: str, body: list[ast.stmt], is_backward: bool) -> Iterator[Branch]:
    """The branches among statements: the bodies of conditions, and what follows a condition whose
    body returns."""
    for number, statement in enumerate(body):
        for inner, words in _arms(statement):
            if OF_ANOTHER_MODE.search(words):
                continue
            if words and any(map(_computes, inner)) and (is_backward or is_about_words(words)):
                made = replace(_branch(name, inner[0], inner[-1], words), is_backward=is_backward)
                yield replace(made, is_inline=inner[0].lineno == statement.lineno)
            yield from _within(name, inner, is_backward)
        rest = body[number + 1 :]
        if is_backward and isinstance(statement, ast.If) and rest and _leaves(statement):
            words = f"not {ast.unparse(statement.test)}"
            if any(map(_computes, rest)):
                yield _branch(name, rest[0], rest[-1], words)


def _arms(statement: ast.stmt) -> Iterator[tuple[list[ast.stmt], str]]:
    """The bodies within a statement, each with the condition under which it runs."""
    match statement:
        case ast.If(test=test, body=body, orelse=orelse):
            yield body, ast.unparse(test)
            is_chain = len(orelse) == 1 and isinstance(orelse[0], ast.If)
            if orelse:
                yield orelse, "" if is_chain else f"not {ast.unparse(test)}"
        case ast.Match(subject=subject, cases=cases):
            for case in cases:
                yield case.body, f"{ast.unparse(subject)} == {ast.unparse(case.pattern)}"
        case ast.For(body=body) | ast.While(body=body) | ast.With(body=body) | ast.Try(body=body):
            yield body, ""


def _leaves(statement: ast.If) -> bool:
    return isinstance(statement.body[-1], ast.Return)


def _inline(name: str, node: ast.AST, is_backward: bool) -> Iterator[Branch]:
    """The branches that are a part of a line: ``a if c else b``, and functions in dictionaries."""
    for part in _own_nodes(node):
        match part:
            case ast.IfExp(test=test, body=body, orelse=orelse):
                words = ast.unparse(test)
                arms = [(body, words), (orelse, f"not {words}")]
                is_one = is_backward or is_about_words(words)
                arms = arms if is_one and not OF_ANOTHER_MODE.search(words) else []
            case ast.Dict(keys=keys, values=values):
                arms = [
                    (each.body, ast.unparse(key))
                    for key, value in zip(keys, values, strict=True)
                    if isinstance(key, ast.Constant) and is_a_choice(key.value)
                    for each in ast.walk(value)
                    if isinstance(each, ast.Lambda)
                ]
            case _:
                continue
        for arm, said in arms:
            if _computes(arm):
                made = replace(_branch(name, arm, arm, said), is_inline=True)
                yield replace(made, is_function=isinstance(part, ast.Dict))


def _own_nodes(node: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a function, or a file, without those of functions and classes within."""
    for child in ast.iter_child_nodes(node):
        if not isinstance(child, (Function, ast.ClassDef)):
            yield child
            yield from _own_nodes(child)
        elif isinstance(child, ast.ClassDef):
            for each in child.body:
                if not isinstance(each, Function):
                    yield each
                    yield from _own_nodes(each)


def _branch(
    name: str, first: ast.stmt | ast.expr, last: ast.stmt | ast.expr, condition: str
) -> Branch:
    start = (first.lineno, first.col_offset)
    end = (last.end_lineno or last.lineno, last.end_col_offset or 0)
    return Branch("", name, start, end, condition)


def _computes(node: ast.AST) -> bool:
    """True if something is computed that may be a gradient: no mere shape, error or message."""
    match node:
        case ast.Raise() | ast.Assert() | ast.FunctionDef() | ast.ClassDef() | ast.JoinedStr():
            return False
        case ast.BinOp(op=ast.Mod()):
            return False  # a message
        case ast.BinOp() | ast.AugAssign() | ast.Compare(ops=[ast.Gt() | ast.Lt() | ast.GtE()]):
            return True
        case ast.Call(func=ast.Name(id=called) | ast.Attribute(attr=called)) if (
            called not in SHAPES
        ):
            return True
        case ast.If(body=body, orelse=orelse):
            return any(map(_computes, [*body, *orelse]))
    return any(map(_computes, ast.iter_child_nodes(node)))
