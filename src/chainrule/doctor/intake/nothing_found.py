"""What is said of a file in which nothing can be examined: what it lacks, or how to check it."""

from __future__ import annotations

import types
from collections.abc import Iterator

from chainrule.doctor.intake.unwritten import refuse_unwritten_passes
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.naming.roles import (
    BACKWARD_METHODS,
    FORWARD_METHODS,
    is_backward_pass,
    is_forward_pass,
    method_among,
)
from chainrule.foreign.running.loading import classes_in, functions_in

FORWARD = [name for name in FORWARD_METHODS if name != "__call__"]  # every class can be called


def why_nothing_is_found(module: types.ModuleType, file_name: str, was_run: bool) -> str:
    """The sentence for a file that has run and has nothing to examine.

    Args:
        was_run: true if it has been watched as a program, with ``--run``.
    """
    if not any(not name.startswith("__") for name in vars(module)):
        return f"{file_name} defines nothing that could be checked"
    if unwritten := list(_unwritten(module)):
        return f"{file_name}: {'; '.join(unwritten)}"
    halves = [*_classes_with_one_pass(module), *_functions_of_one_pass(module)]
    if halves:
        return f"{file_name} has only half of what is compared: {'; '.join(halves)}"
    hint = "" if was_run else "; if it is a program that trains, check it with --run"
    return (
        f"{file_name} has nothing that is understood: no function example(rng), "
        f"no class with forward and backward, no function with its derivative{hint}"
    )


def _unwritten(module: types.ModuleType) -> Iterator[str]:
    """What is to be written yet, where that is all that a file has."""
    for kind in classes_in(module).values():
        try:
            refuse_unwritten_passes(kind)
        except CannotCheckError as error:
            yield str(error)


def _classes_with_one_pass(module: types.ModuleType) -> Iterator[str]:
    for name, kind in classes_in(module).items():
        forward, backward = method_among(kind, FORWARD), method_among(kind, BACKWARD_METHODS)
        if forward and not backward:
            yield f"{name} has {forward}, but no backward"
        if backward and not forward:
            yield f"{name} has {backward}, but no forward"


def _functions_of_one_pass(module: types.ModuleType) -> Iterator[str]:
    """Where a file has forward passes alone, or backward passes alone, as functions."""
    forward = [name for name in functions_in(module) if is_forward_pass(name)]
    backward = [name for name in functions_in(module) if is_backward_pass(name)]
    if forward and not backward:
        yield f"{', '.join(forward)} is there, but no backward pass"
    if backward and not forward:
        yield f"{', '.join(backward)} is there, but no forward pass"
