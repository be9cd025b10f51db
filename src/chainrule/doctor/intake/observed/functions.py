"""Pairs of functions that a run was seen to call: on the parameters and the batch it had."""

from __future__ import annotations

import inspect
import types
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from typing import Any

import numpy as np

from chainrule.doctor.intake.cases import NO_INPUT, Case, Example, first_that_runs
from chainrule.doctor.intake.examples import from_example
from chainrule.doctor.intake.guessed.cells import program_of
from chainrule.doctor.intake.observed.arrays import (
    argument,
    as_array,
    batches,
    extras,
    part_of_batch,
    telling,
)
from chainrule.doctor.intake.programs import from_code, loss_in, refuse_deltas
from chainrule.foreign.calls.calling import required
from chainrule.foreign.calls.cells import Cell, cell_of
from chainrule.foreign.calls.conventions import Code
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.naming.gradient_names import pairs_among
from chainrule.foreign.naming.roles import is_backward_pass, is_forward_pass, role_of
from chainrule.foreign.objects.names import Names
from chainrule.foreign.observed.observing import Call, Observed, modules_of
from chainrule.foreign.running.loading import functions_in
from chainrule.foreign.running.randomness import Randomness


def function_cases(observed: Observed) -> Iterator[tuple[str, Callable[[], Case]]]:
    """The name, and what makes the case, of each backward function with the forward function
    before it, the outermost first."""
    calls = [call for call in observed.calls if call.owner is None]
    backward = [call for call in calls if is_backward_pass(call.name)]
    if not backward:
        return
    outermost = min(call.depth for call in backward)
    seen = set()
    for back in backward:
        if back.depth > outermost or back.code in seen:
            continue
        seen.add(back.code)
        before = [c for c in calls[: calls.index(back)] if is_forward_pass(c.name)]
        inside = [c for c in calls[calls.index(back) :] if is_forward_pass(c.name)]
        if before:
            forward = min(reversed(before), key=lambda c: c.depth)
            yield back.name, partial(_case, forward, back, observed)
        elif inside:
            yield back.name, partial(_case, inside[0], back, observed)


def pair_cases(observed: Observed) -> Iterator[tuple[str, Callable[[], Case]]]:
    """The same for a function and its derivative that no pass has called, such as the loss of a
    network and its derivative; those that a pass has called are checked with it."""
    for module in modules_of(observed):
        functions = functions_in(module)
        for name, derivative in pairs_among(functions):
            code = functions[derivative].__code__
            calls = [c for c in observed.calls if c.code is code and not c.is_within_pass]
            if calls and not is_backward_pass(derivative):
                pair = functions[name], functions[derivative]
                yield derivative, partial(_pair_case, *pair, calls[-1], module)


def _pair_case(
    function: Callable[..., Any],
    derivative: Callable[..., Any],
    call: Call,
    module: types.ModuleType,
) -> Case:
    """A function and its derivative, on what the derivative was given."""
    arrays = {n: a for n, v in call.arguments.items() if (a := as_array(v)) is not None}
    y = argument(call, "y")
    x = next((a for n, a in arrays.items() if a is not y and role_of(n) == "output"), None)
    x = x if x is not None else next((a for a in arrays.values() if a is not y), None)
    if x is None or len(required(function)) != len(required(derivative)):
        raise CannotCheckError("no arrays were seen that go into it")
    part = part_of_batch(x, y, y)
    x, y = part if part else (x, y)
    x = telling(np.asarray(x, np.float64))
    if len(required(function)) == 2 and y is not None:
        given: Example = {"loss": function, "derivative": derivative, "x": x, "y": y}
    elif len(required(function)) == 1:
        given = {"function": function, "derivative": derivative, "x": x}
    else:
        raise CannotCheckError("what its arguments stand for is not known")
    return from_example(given, Randomness([]), module)


def _case(forward: Call, backward: Call, observed: Observed) -> Case:
    """A pair of functions on what they were given."""
    if (cell := _cell(forward, backward, observed)) is not None:
        return cell_case(cell, forward, observed)
    x = argument(forward, "x")
    if x is None:
        x = NO_INPUT  # they find their data among the names of the file
    y = argument(backward, "y")
    case = first_that_runs(
        (
            {"x": part, **extras(forward, backward), **({} if targets is None else {"y": targets})}
            for part, targets in batches(x, y, _array_in(forward.result))
        ),
        partial(_made, forward, backward, observed),
    )
    refuse_deltas(case, forward.name)
    if np.ndim(x):
        case.notes.append(f"x of shape {np.shape(case.example['x'])} is that of the run")
    return case


def _cell(forward: Call, backward: Call, observed: Observed) -> Cell | None:
    """Two functions as a recurrent cell, if they stand in a file, and are one."""
    one = functions_in(observed.module_of(forward.code)).get(forward.name)
    other = functions_in(observed.module_of(backward.code)).get(backward.name)
    return None if one is None or other is None else cell_of(one, other)


def cell_case(cell: Cell, forward: Call, observed: Observed) -> Case:
    """A recurrent cell, or network, on what it was given."""
    x = as_array(forward.arguments[cell.x])
    if x is None:
        raise CannotCheckError("no array was seen that goes into it")
    given = {name: forward.arguments[name] for name in (*cell.states, *cell.parameters)}
    example: Example = {"x": telling(x.astype(np.float64)), "axis": None}
    program, _ = program_of(cell, given, example, Randomness([]))
    note = f"{cell.x} of shape {x.shape} is that of the run"
    return Case(program, example, observed.loaded.module, [note])


def _made(forward: Call, backward: Call, observed: Observed, given: Example) -> Case:
    module = observed.module_of(forward.code)
    params = _parameters(forward, backward)
    if params is not None:
        functions = {"forward": _function(forward, vars(module))}
        functions |= {"backward": _function(backward, vars(observed.module_of(backward.code)))}
        return from_example({**given, **functions, "params": params}, Randomness([]), module)
    names = forward.before
    if not isinstance(names, Names):
        raise CannotCheckError(f"no parameters were seen that {forward.name} uses")
    loss = loss_in(module)
    code = Code(
        names,
        lambda state: vars(state)[forward.name],
        lambda state: vars(state)[backward.name],
        None if loss is None else lambda state: vars(state).get(loss.__name__, loss),
    )
    return Case(from_code(backward.name, code, given, Randomness([])), given, module)


def _function(call: Call, held: Mapping[str, Any]) -> Any:
    around = vars(call.before) if isinstance(call.before, Names) else {}
    function = held.get(call.name, around.get(call.name))
    if not inspect.isfunction(function):
        raise CannotCheckError(f"{call.name} stands within another function")
    return function


def _parameters(forward: Call, backward: Call) -> Any:
    """The parameters that are handed to the forward pass: a dictionary or list of arrays, several
    dictionaries, or arrays, by the names of its arguments; None where there are none."""
    x = argument(forward, "x")
    held: dict[str, Any] = {}
    filled = {
        name: value
        for name, value in forward.arguments.items()
        if isinstance(value, Mapping) and any(as_array(v) is not None for v in value.values())
    }
    if filled:
        return next(iter(filled.values())) if len(filled) == 1 else filled
    for name, value in forward.arguments.items():
        array = as_array(value)
        if array is x or (array is None and not isinstance(value, (list, tuple))):
            continue
        if role_of(name) not in ("y", "output"):
            held[name] = value
    return held or None


def _array_in(result: Any) -> Any:
    """What came out, if it is an array or the first of several."""
    return result[0] if isinstance(result, tuple) and result else result
