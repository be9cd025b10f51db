"""What names say: of gradients, of the parameters that they belong to, of functions."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

import chainrule
from chainrule.foreign.naming.gradient_names import (
    gradient_names,
    is_about_gradients,
    is_input_gradient,
    looks_like_a_gradient,
    may_hold_a_gradient,
)
from chainrule.foreign.naming.parameter_names import stem

SOURCE = Path(chainrule.__file__).parent
ROOMS = ("foreign", "rewrites", "doctor", "grading", "assignments", "layers", "explain")


@pytest.mark.parametrize("parameter", ["W", "b", "weights", "bias", "gamma", "W1", "kernel"])
def test_a_gradients_usual_names_look_like_one_and_lead_to_the_parameter(parameter: str) -> None:
    for name in gradient_names(parameter):
        assert looks_like_a_gradient(name)
        assert stem(name) == stem(parameter)


@pytest.mark.parametrize("name", ["W", "b", "x", "inputs", "weights", "cache", "running_mean"])
def test_other_arrays_do_not(name: str) -> None:
    assert not looks_like_a_gradient(name)


def test_beside_its_parameter_a_gradient_may_be_called_less() -> None:
    assert may_hold_a_gradient("g")
    assert may_hold_a_gradient("Nabla")
    assert not may_hold_a_gradient("x")


@pytest.mark.parametrize("name", ["dx", "dX", "d_x", "grad_input", "dA_prev"])
def test_gradients_of_the_input(name: str) -> None:
    assert is_input_gradient(name)


@pytest.mark.parametrize(
    ("function", "computes"),
    [
        *(("backward", True), ("sigmoid_prime", True), ("d_sigmoid", True), ("output_delta", True)),
        *(("forward", False), ("sigmoid", False), ("upgrade", False), ("predict", False)),
    ],
)
def test_functions_that_compute_gradients(function: str, computes: bool) -> None:
    assert is_about_gradients(function) == computes


def test_patterns_for_gradients_stand_in_one_place() -> None:
    """No other module compiles a pattern that has a word for a gradient in it."""
    home = SOURCE / "foreign" / "naming" / "gradient_names.py"
    elsewhere = [
        (file.name, node.value)
        for room in ROOMS
        for file in (SOURCE / room).rglob("*.py")
        for call in ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        if isinstance(call, ast.Call) and ast.unparse(call.func).startswith("re.")
        for node in call.args[:1]
        if isinstance(node, ast.Constant)
        and any(w in node.value for w in ("grad", "nabla", "deriv"))
        if file != home
    ]
    assert not elsewhere
