"""What the variables of the program are called: as on a blackboard.

A layer with a matrix of weights begins a new number: z1 = x W1 + b1, its activation is a1, its
pooling p1. The gradient of a1 is da1; what comes back through one branch is da1_branch.
"""

from __future__ import annotations

import keyword
from collections.abc import Iterable, Mapping

from chainrule.explain.unrolling.writer import Variable
from chainrule.layers import (
    ACTIVATIONS,
    Activation,
    BatchNorm,
    Concatenate,
    Dropout,
    Flatten,
    Gated,
    Layer,
    LayerNorm,
    Reshape,
    Residual,
)
from chainrule.layers.pooling import GlobalAveragePool2D, GlobalMaxPool2D, Pool2D

LETTERS: tuple[tuple[tuple[type[Layer], ...], str], ...] = (
    ((Activation, *ACTIVATIONS.values()), "a"),
    ((BatchNorm, LayerNorm), "n"),
    ((Pool2D, GlobalAveragePool2D, GlobalMaxPool2D), "p"),
    ((Flatten, Reshape), "f"),
    ((Residual,), "r"),
    ((Gated,), "g"),
    ((Concatenate,), "c"),
    ((Dropout,), "h"),
)


def letter_of(layer: Layer, has_weights: bool) -> str:
    """The letter for a layer's output."""
    for types, letter in LETTERS:
        if isinstance(layer, types):
            return letter
    return "z" if has_weights else "h"


def numbered(name: str, number: int | None) -> str:
    """A name of the layer's code with the layer's number: ``sigma2``, ``x2_1``."""
    if number is None:
        return name
    return f"{name}_{number}" if name[-1:].isdigit() else f"{name}{number}"


def resolve(variables: Mapping[str, Variable], reserved: Iterable[str]) -> dict[str, str]:
    """A name for each variable, by its id, none given twice."""
    taken = set(reserved)
    names: dict[str, str] = {}
    counters: set[str] = set()

    def give(variable: Variable) -> str:
        if variable.id in names:
            return names[variable.id]
        wanted = variable.name
        if variable.gradient_of is not None:
            wanted = f"d{give(variable.gradient_of)}"
        if variable.is_counter and wanted in counters:
            names[variable.id] = wanted
            return wanted
        if wanted in taken or keyword.iskeyword(wanted):
            branch = f"{wanted}_{variable.branch}" if variable.branch else wanted
            wanted = _free(branch if variable.is_named else variable.other_name or branch, taken)
        taken.add(wanted)
        counters.update([wanted] if variable.is_counter else [])
        names[variable.id] = wanted
        return wanted

    for variable in sorted(variables.values(), key=_precedence):
        give(variable)
    return names


def _precedence(variable: Variable) -> tuple[bool, int]:
    """Outputs of layers first, and those of the trunk before those of its branches."""
    return not variable.is_named, variable.branch.count("_") + bool(variable.branch)


def _free(name: str, taken: set[str]) -> str:
    if name not in taken:
        return name
    number = 2
    while f"{name}_{number}" in taken:
        number += 1
    return f"{name}_{number}"
