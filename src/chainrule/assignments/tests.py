"""Writes the tests of a lab: every gradient beside central differences, in plain NumPy.

What to run comes from the solution's `example(rng)`; where each gradient is found comes from
running the solution once. The tests stand alone: they need neither chainrule nor the solution.
"""

from __future__ import annotations

import ast
import copy
import re
import runpy
import tempfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from keyword import iskeyword
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.doctor.intake.cases import Case
from chainrule.doctor.intake.objects import methods_of
from chainrule.doctor.intake.request import Request, find
from chainrule.doctor.subjects.program import Program
from chainrule.doctor.subjects.subject import Answer
from chainrule.errors import ChainruleError
from chainrule.foreign.calls.calling import required
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.naming.roles import role_of
from chainrule.foreign.objects import state as states
from chainrule.text import for_python
from chainrule.types import Array


class CannotAssignError(ChainruleError):
    """Why no assignment can be made of a solution."""


@dataclass(frozen=True)
class Entry:
    """A gradient, as expressions of the test.

    Args:
        name: what the code calls it.
        gradient: where it is after the backward pass.
        array: what it is the gradient of.
    """

    name: str
    gradient: str
    array: str

    @property
    def is_long(self) -> bool:
        """True if it needs more than one line of 100 characters."""
        return len(f"        {self.key}: ({self.gradient}, {self.array}),") > 100

    @property
    def key(self) -> str:
        """The name as an expression."""
        return for_python(self.name)


@dataclass
class LabTests:
    """The tests of a lab.

    Args:
        module: the name by which they import the solution.
        names: what of it the example uses.
        checks: the code that compares gradients with slopes: the example, `check_gradient(name)`.
        gradients: the names of what is checked.
    """

    module: str
    names: list[str]
    checks: str
    gradients: list[str]

    def calls(self) -> dict[str, str]:
        """What each test does, by its name."""
        calls = {"test_forward": "check_forward()"}
        for name in self.gradients:
            calls["test_" + re.sub(r"\W", "_", name)] = f"check_gradient({for_python(name)})"
        return calls

    def as_file(self) -> str:
        """A file for pytest."""
        copies = "copy." in self.checks
        return _render("tests.py.jinja", **vars(self), calls=self.calls(), copies=copies)


def write_tests(solution: Path, points: int = 2) -> LabTests:
    """The tests for a solution, at so many random points.

    Raises:
        CannotAssignError: it has no `example(rng)`, one of a style for which no tests are known, or
            one that raises an exception.
    """
    case, tree = _example_of(solution), ast.parse(solution.read_text(encoding="utf-8-sig"))
    function = next(n for n in tree.body if getattr(n, "name", "") == "example")
    try:
        checks, gradients = _checks_of(case, _text_of(function, solution), points)
    except ChainruleError:
        raise
    except Exception as error:  # whatever the solution's own code raises
        problem = f"{type(error).__name__}: {error}"
        raise CannotAssignError(f"{solution}, run as its example says, raises {problem}") from error
    _expect_other_names(_defined(ast.parse(checks)) & _defined(tree) - {"example"}, solution)
    return LabTests(solution.stem, _names_used(function, tree), checks, gradients)


def _checks_of(case: Case, example: str, points: int) -> tuple[str, list[str]]:
    """The code that compares gradients with slopes, and the names of the gradients."""
    style, context = _style_of(case)
    context |= {
        "example": example,
        "style": f"{style}.py.jinja",
        "second": '0.9 * given["x"]' if style == "loss" else '1 - given["x"]',
    }
    losses = _losses(_render("checks.py.jinja", losses=[], **context), case, points)
    gradients = [each.name for each in context.get("entries", [])] or ["derivative"]
    return _render("checks.py.jinja", losses=losses, **context), gradients


def _losses(checks: str, case: Case, points: int) -> list[str]:
    """What the tests' own loss gives for the solution, at each random point."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "checks.py"
        file.write_text(checks, encoding="utf-8")
        names = runpy.run_path(str(file), {"copy": copy, "np": np, **vars(case.module)})
    given = map(names["random_point"], range(points))
    return [f"{float(names['loss_at'](each, each['x'])):.12g}" for each in given]


def _example_of(solution: Path) -> Case:
    try:
        source = solution.read_text(encoding="utf-8-sig")
        names = [getattr(node, "name", "") for node in ast.parse(source).body]
        if not solution.stem.isidentifier() or iskeyword(solution.stem):
            raise CannotAssignError(
                f"{solution}: tests cannot import a file of this name: call it, say, layers.py"
            )
        if "example" not in names:
            raise CannotAssignError(
                f"{solution} has no function example(rng): the tests need one, which returns "
                '{"layer": …, "x": …} or the like'
            )
        return find(Request(file=solution))[0]
    except OSError as error:
        raise CannotAssignError(f"cannot read {solution}: {error.strerror or error}") from None
    except UnicodeDecodeError as error:
        raise CannotAssignError(f"cannot read {solution}: {error}") from None
    except SyntaxError as error:
        raise CannotAssignError(f"{solution}, line {error.lineno}: {error.msg}") from None
    except CannotCheckError as error:
        raise CannotAssignError(str(error)) from None


def _style_of(case: Case) -> tuple[str, dict[str, Any]]:
    """The template of the tests, and what it is filled with."""
    example = case.example
    if "function" in example:
        return "activation", {"of": example.get("of", "input")}
    if "layer" in example and isinstance(case.subject, Program):
        return "object", _object(case.subject, example)
    if "forward" in example and isinstance(case.subject, Program):
        entries = list(_returned(case.subject, example))
        moved = _moved(case.subject, example["params"])
        return "functions", {"entries": entries, "thing": "params", "key": "params", "moved": moved}
    if "loss" in example:
        return "loss", {}
    raise CannotAssignError(
        "no tests can be written for this example: it must have a layer, a pair of functions "
        "forward and backward, or a function and its derivative"
    )


def _object(program: Program, example: Mapping[str, Any]) -> dict[str, Any]:
    layer = example["layer"]
    forward, backward, trains = methods_of(layer)
    from_targets = program.dy is None
    thing = "network" if from_targets or hasattr(layer, "layers") else "layer"
    entries = list(_kept(program, thing, example))
    if not from_targets:
        entries.insert(0, Entry("dx", "dx", "x"))
    return {
        "thing": thing,
        "key": "layer",
        "moved": _moved(program, layer),
        "forward": forward,
        "backward": backward,
        "trains": trains,
        "from_targets": from_targets,
        "arguments": ", ".join(_arguments(getattr(layer, backward), from_targets)),
        "entries": entries,
    }


def _moved(program: Program, owner: Any) -> list[str]:
    """The parameters that can be moved in place, as expressions."""
    return [
        _expression(owner, path)
        for path in program.paths.values()
        if isinstance(states.read(owner, path), np.ndarray)
    ]


def _arguments(backward: Any, from_targets: bool) -> Iterator[str]:
    """What the test hands to the backward pass."""
    for name in required(backward):
        role = role_of(name)
        if role in ("x", "y"):
            yield role
        elif role == "rate":
            yield 'given["learning_rate"]'
        elif role == "epochs":
            yield "1"
        else:
            yield "y" if from_targets else "above"


def _kept(program: Program, thing: str, example: Mapping[str, Any]) -> Iterator[Entry]:
    """The gradients that an object keeps, or that its updates show."""
    first = program.run(program.values)
    answer = program.backward(first, program.values)
    gradients = {name: np.array(found) for name, found in answer.gradients.items()}
    once = {path: array.copy() for path, array in states.arrays(first.state).items()}
    program.backward(program.run(program.values, first.state), program.values)
    for name, path in program.paths.items():
        parameter = _expression(example["layer"], path)
        if answer.gradients.get(name) is None:
            raise CannotAssignError(f"the solution gives no gradient for {name}")
        if name in answer.updated:
            difference = f"(before{parameter} - {thing}{parameter})"
            yield Entry(
                answer.names[name], f'{difference} / given["learning_rate"]', f"before{parameter}"
            )
            continue
        holder = _holder(once, gradients[name])
        kept = _expression(first.state, holder)
        adds_up = np.allclose(states.read(first.state, holder), 2 * once[holder])
        text = f"{thing}{kept} - before{kept}" if adds_up else f"{thing}{kept}"
        yield Entry(answer.names[name], text, f"before{parameter}")


def _holder(arrays: Mapping[states.Path, Array], gradient: Array) -> states.Path:
    """Where in an object a gradient lies."""
    for path, array in arrays.items():
        if np.shape(array) == np.shape(gradient) and np.allclose(array, gradient):
            return path
    raise CannotAssignError("a gradient is returned beside dx: keep it as an attribute")


def _expression(thing: Any, path: states.Path) -> str:
    """``.layers[0].w`` for a path."""
    text = ""
    for key in path:
        is_entry = isinstance(thing, (Mapping, list, tuple))
        written = for_python(key) if isinstance(key, str) else repr(key)
        text += f"[{written}]" if is_entry else f".{key}"
        thing = states.read(thing, (key,))
    return text


def _returned(program: Program, example: Mapping[str, Any]) -> Iterator[Entry]:
    """The gradients that a backward function returns, by key or by place."""
    done = program.run(program.values)
    answer: Answer = program.backward(done, program.values)
    found = example["backward"](done.roles["x"], example["y"], done.state)
    by_key = dict(found) if isinstance(found, Mapping) else dict(enumerate(found))
    for name, path in program.paths.items():
        gradient = answer.gradients[name]
        key = next((k for k, v in by_key.items() if _is_same(v, gradient)), None)
        if key is None:
            raise CannotAssignError(f"the solution returns no gradient for {name}")
        shown = for_python(key) if isinstance(key, str) else key
        yield Entry(
            key if isinstance(key, str) else f"d{name}",
            f"found[{shown}]",
            f"before{_expression(done.state, path)}",
        )


def _is_same(value: Any, gradient: Array | None) -> bool:
    return gradient is not None and np.array_equal(np.asarray(value), gradient)


def _text_of(function: ast.stmt, solution: Path) -> str:
    """A function as it is written, comments included."""
    lines = solution.read_text(encoding="utf-8-sig").split("\n")
    return "\n".join(lines[function.lineno - 1 : function.end_lineno])


def _names_used(function: ast.stmt, tree: ast.Module) -> list[str]:
    """What the example takes from the solution's file."""
    used = {node.id for node in ast.walk(function) if isinstance(node, ast.Name)}
    return sorted(used & _defined(tree))


def _defined(tree: ast.Module) -> set[str]:
    """The names that a file defines."""
    names = {node.name for node in tree.body if isinstance(node, (ast.FunctionDef, ast.ClassDef))}
    for node in tree.body:
        if isinstance(node, ast.Assign):
            names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return names


def _expect_other_names(shared: set[str], solution: Path) -> None:
    if shared:
        raise CannotAssignError(
            f"{solution} defines {', '.join(sorted(shared))}, a name that the tests use too: "
            "choose another"
        )


def _render(template: str, **context: Any) -> str:
    from jinja2 import Environment, PackageLoader, select_autoescape

    environment = Environment(
        loader=PackageLoader("chainrule.assignments"),
        autoescape=select_autoescape(),  # what is rendered is Python: nothing is escaped
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    return environment.get_template(template).render(**context)
