"""Recurrent cells that nobody said how to run: tried on states, parameters and inputs whose shapes
their names suggest."""

from __future__ import annotations

import inspect
import itertools
import re
import types
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from chainrule.doctor.intake.cases import Case, Example
from chainrule.doctor.intake.programs import from_code
from chainrule.doctor.intake.usual.parameters import keys_read
from chainrule.doctor.subjects.program import Program
from chainrule.foreign.calls.cells import Cell
from chainrule.foreign.errors import CannotCheckError, EndlessError, words_of
from chainrule.foreign.naming.parameter_names import is_bias, is_weight
from chainrule.foreign.objects import state as states
from chainrule.foreign.running.loading import functions_in, random_sources
from chainrule.foreign.running.randomness import Randomness, random_like
from chainrule.types import Shape

FEATURES, STATE, OUTPUTS, STEPS = 4, 3, 6, 7
EXAMPLES = (5, 1)
GATES = {"lstm": 4, "gru": 3}  # that cells compute with one product


def attempt_cell(cell: Cell, module: types.ModuleType) -> Case:
    """A cell on the first shapes with which both its functions run, and every gradient has the
    shape of its parameter; else on the first with which they run.

    Raises:
        CannotCheckError: they run with none.
        EndlessError: one of them does not come to an end.
    """
    failure: Exception | None = None
    other_shapes: Case | None = None
    for x, given, axis in _tried(cell, module):
        example: Example = {"x": random_like(np.empty(x), "x"), "axis": axis}
        randomness = Randomness(random_sources(module))
        notes = [f"{cell.x} of shape {x} was tried, as none was given"]
        try:
            program, fixed = program_of(cell, given, example, randomness, begun=np.zeros_like)
            if fixed:
                notes += [f"{', '.join(fixed)} began as zeros: no gradient of it is handed back"]
            gradients = program.gradients(program.values).gradients
        except EndlessError:
            raise
        except Exception as error:  # the code may raise anything on a wrong guess
            failure = failure or error
            continue
        program.is_guessed = True
        case = Case(program, example, module, notes)
        shapes = {n: np.shape(g) for n, g in gradients.items() if g is not None}
        fits = all(shape == program.values[name].shape for name, shape in shapes.items())
        if fits and not program.unchecked:  # in a longer sequence more has influence
            return case
        other_shapes = other_shapes or case
    if other_shapes is not None:
        return other_shapes
    raise CannotCheckError(
        f"{cell.name} runs on nothing that was tried "
        f"({words_of(failure)}): let a run call them, and check that with --run"
    )


def program_of(
    cell: Cell,
    given: dict[str, Any],
    example: Example,
    randomness: Randomness,
    begun: Callable[[Any], Any] = lambda state: state,
) -> tuple[Program, list[str]]:
    """A cell as a program, and the states before it whose gradient it does not hand back: they are
    no part of what can be moved, and begin as `begun` makes them."""
    program = from_code(cell.name, cell.code(given), example, randomness)
    gradients = program.gradients(program.values).gradients
    fixed = [name for name in cell.states if gradients.get(name) is None]
    if fixed:
        given = {**given, **{name: begun(given[name]) for name in fixed}}
        program = from_code(cell.name, cell.code(given, fixed), example, randomness)
    return program, fixed


def _tried(cell: Cell, module: types.ModuleType) -> Iterator[tuple[Shape, dict[str, Any], int]]:
    """Shapes of inputs, with all other arguments and the axis of the examples."""
    for count in EXAMPLES:
        for are_rows in (True, False):
            for features, width in _sizes(cell):
                given = _arguments(cell, module, (count, width), are_rows)
                if given is None:
                    return
                if are_rows:
                    xs = [(count, features), (count, STEPS, features), (STEPS, count, features)]
                else:
                    xs = [(features, count), (features, count, STEPS), (STEPS, features, count)]
                for x in xs:
                    yield x, given, x.index(count)
                if count == 1 and are_rows:
                    yield (STEPS, features), given, 0  # a row for each step of one sequence


def _sizes(cell: Cell) -> Iterator[tuple[int, int]]:
    """How many features and entries of a state there may be: for an object as its weights say."""
    owner = getattr(cell.forward, "__self__", None)
    shapes = [array.shape for array in states.arrays(owner).values()]
    sizes = dict.fromkeys(size for shape in shapes for size in shape if size > 1)
    yield from itertools.permutations(list(sizes)[:5], 2) if sizes else [(FEATURES, STATE)]


def _arguments(
    cell: Cell, module: types.ModuleType, rows: Shape, are_rows: bool
) -> dict[str, Any] | None:
    """The states and parameters; None if a parameter's name does not tell its shape."""
    given: dict[str, Any] = {
        name: random_like(np.empty(rows if are_rows else rows[::-1]), name) for name in cell.states
    }
    if inspect.ismethod(cell.forward):
        return None if cell.parameters else given
    functions = functions_in(module)
    called = [functions[n] for n in cell.forward.__code__.co_names if n in functions]
    for name in cell.parameters:
        keys = [] if is_weight(name) else _keys(name, [cell.forward, *called])
        made = {key: _made(key, cell, are_rows) for key in keys or [name]}
        if any(value is None for value in made.values()):
            return None
        given[name] = made if keys else made[name]
    return given


def _keys(name: str, functions: list[Callable[..., Any]]) -> list[str]:
    """What is read from a dictionary of parameters, in a function or in those that it calls."""
    found = [key for function in functions for key in keys_read(function, name)]
    return list(dict.fromkeys(found))


def _made(name: str, cell: Cell, are_rows: bool) -> Any:
    shape = _shape_of(name, cell, are_rows)
    return None if shape is None else random_like(np.empty(shape), name)


def _shape_of(name: str, cell: Cell, are_rows: bool) -> Shape | None:
    """The shape of a parameter by its letters: from the input (x) or the state (a or h) to the
    state or the output (y, v), or that of a gate."""
    letters = re.sub(r"[\d_]", "", name.lower())[1:]
    gates = next((n for word, n in GATES.items() if word in cell.forward.__name__.lower()), 1)
    if not is_weight(name):
        return None
    if is_bias(name):
        size = OUTPUTS if set(letters) & set("yv") else STATE * (1 if letters else gates)
        return (size,) if are_rows else (size, 1)
    sizes = _fan_in_and_out(letters, gates)
    return sizes if are_rows else sizes[::-1]


def _fan_in_and_out(letters: str, gates: int) -> Shape:
    if set(letters) & set("yv"):
        return STATE, OUTPUTS
    if len(letters) > 1:
        return (FEATURES if "x" in letters else STATE), STATE
    if letters in ("x", "h", "a"):
        return (FEATURES if letters == "x" else STATE), STATE * gates
    return STATE + FEATURES, STATE
