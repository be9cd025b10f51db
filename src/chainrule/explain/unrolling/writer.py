"""A function of the program while it is being written: its lines and its variables.

Variables get their names at the end, when it is known what each turned out to be: the output
of a layer, the gradient of another variable, or something on the way.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.explain.unrolling.spelling import code_of, index_code
from chainrule.explain.unrolling.symbols import Symbol, shape_text


@dataclass(eq=False)
class Variable:
    """A variable, and what it would like to be called."""

    id: str
    name: str
    gradient_of: Variable | None = None
    branch: str = ""  # the branch of a network that it belongs to
    is_named: bool = False  # whether a layer has given it its name
    other_name: str = ""  # where the name is taken
    is_counter: bool = False  # of a loop, whose name another loop may use again


@dataclass(eq=False)
class Line:
    """A statement, with the shape that its comment shows."""

    statement: ast.stmt
    shape: str = ""
    value: Symbol | None = None  # what is assigned or stored
    fills: Symbol | None = None  # the array that is overwritten as a whole
    is_random: bool = False  # whether it draws from a stream of random numbers
    is_new: bool = False  # whether the value lies in memory of its own
    keeps_type: bool = False  # an update that gives what the plain operation would
    title: str = ""  # the layer that it belongs to
    body: list[Line | Remark] = field(default_factory=list)


@dataclass(frozen=True)
class Remark:
    """A comment on lines of its own, after an empty one where it opens a section."""

    text: str
    opens_section: bool = False


class Writer:
    """Writes the lines of one function."""

    def __init__(self) -> None:
        self.parameters: list[str] = []
        self.lines: list[Line | Remark] = []
        self.variables: dict[str, Variable] = {}
        self.memory: list[Any] = []  # the arrays that the variables are, or are views of
        self.branch = ""
        self.title = ""  # of the layer that is being written

    def variable(self, name: str, trials: tuple[Any, ...]) -> Symbol:
        """A new variable, to be assigned elsewhere."""
        variable = Variable(f"_{len(self.variables)}", name, branch=self.branch)
        self.variables[variable.id] = variable
        self.memory.append(_whole(trials[0]))
        return Symbol(ast.Name(variable.id, ast.Load()), trials)

    def counter(self, name: str, trials: tuple[Any, ...]) -> Symbol:
        """The variable that counts the turns of a loop."""
        made = self.variable(name, trials)
        self.variables[ast.unparse(made.code)].is_counter = True
        return made

    def is_new(self, value: Symbol) -> bool:
        """True if a value is an array of its own, and no variable or view of one."""
        whole = _whole(value.trials[0])
        return all(whole is not known for known in self.memory)

    def parameter(self, name: str, trials: tuple[Any, ...]) -> Symbol:
        """A parameter of the function, which keeps its name."""
        made = self.variable(name, trials)
        self.variables[ast.unparse(made.code)].is_named = True
        self.parameters.append(name)
        return made

    def variable_of(self, symbol: Any) -> Variable | None:
        """The variable that a symbol is the name of."""
        if isinstance(symbol, Symbol) and isinstance(symbol.code, ast.Name):
            return self.variables.get(symbol.code.id)
        return None

    def assign(self, name: str, value: Symbol, is_random: bool = False) -> Symbol:
        """``name = value``; the variable."""
        is_new = self.is_new(value)
        made = self.variable(name, value.trials)
        target = ast.Name(ast.unparse(made.code), ast.Store())
        statement = ast.Assign([target], value.code, lineno=0)
        line = Line(statement, shape_text(value.trials), value, is_random=is_random, is_new=is_new)
        self._append(line)
        return made

    def update(
        self, target: ast.expr, op: ast.operator, value: Any, shape: str, keeps_type: bool = False
    ) -> None:
        """``target += value``, in place."""
        statement = ast.AugAssign(as_target(target), op, code_of(value))
        self._append(Line(statement, shape, keeps_type=keeps_type))

    def store(self, owner: Symbol, index: Any, value: Any, shape: str, takes_all: bool) -> None:
        """``owner[index] = value``."""
        target: ast.expr = ast.Subscript(owner.code, index_code(index), ast.Store())
        if takes_all:
            if isinstance(owner.code, ast.Subscript):
                target = as_target(owner.code)  # padded[2:30][...] is padded[2:30]
            else:
                target = ast.Subscript(owner.code, ast.Constant(...), ast.Store())
        known = value if isinstance(value, Symbol) else None
        statement = ast.Assign([target], code_of(value), lineno=0)
        fills = owner if takes_all and isinstance(owner.code, ast.Name) else None
        is_new = known is not None and self.is_new(known)
        self._append(Line(statement, shape, known, fills, is_new=is_new))

    def run(self, symbol: Symbol, shape: str) -> None:
        """A call for its effect."""
        self._append(Line(ast.Expr(symbol.code), shape))

    def remark(self, text: str, opens_section: bool = False) -> None:
        """A comment on a line of its own."""
        self.lines.append(Remark(text, opens_section))

    @contextmanager
    def block(self, header: ast.For | ast.If) -> Iterator[None]:
        """Lines written meanwhile stand within a loop or a condition."""
        around, self.lines = self.lines, []
        try:
            yield
            inner = self.lines
        finally:
            self.lines = around
        self._append(Line(header, body=inner))

    def _append(self, line: Line) -> None:
        line.title = self.title
        self.lines.append(line)


def several(targets: Sequence[ast.expr], values: Sequence[ast.expr], shape: str) -> Line:
    """``a, b = c, d``."""
    names = [as_target(target) for target in targets]
    if len(names) == 1:
        return Line(ast.Assign(names, values[0], lineno=0), shape)
    target, value = ast.Tuple(names, ast.Store()), ast.Tuple(list(values), ast.Load())
    return Line(ast.Assign([target], value, lineno=0), shape)


def _whole(value: Any) -> Any:
    """The array that a view looks at."""
    while isinstance(getattr(value, "base", None), np.ndarray):
        value = value.base
    return value


def as_target(code: ast.expr) -> Any:
    """An expression in the place of what is assigned to."""
    if isinstance(code, ast.Name):
        return ast.Name(code.id, ast.Store())
    if isinstance(code, ast.Subscript):
        return ast.Subscript(code.value, code.slice, ast.Store())
    return code
