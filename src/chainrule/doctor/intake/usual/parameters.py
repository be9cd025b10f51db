"""Parameters that nobody has given, for functions that take them: by the names that they read."""

from __future__ import annotations

import ast
from collections.abc import Callable, Collection, Iterator
from itertools import pairwise
from typing import Any

import numpy as np

from chainrule.foreign.calls.calling import required
from chainrule.foreign.naming.parameter_names import is_bias, is_scale_or_shift, is_weight
from chainrule.foreign.naming.roles import role_of
from chainrule.foreign.reading.source import string_options, tree_of
from chainrule.foreign.running.randomness import random_like
from chainrule.types import Array, Shape

WIDTHS = (4, 6, 7, 8, 9)  # of all layers but the last; none is the number of examples
OUTPUTS = 3
KERNELS: tuple[tuple[Shape, Shape], ...] = (  # two channels in, three out, with the bias
    *(((3, 2, 3, 2), (3,)), ((3, 2, 3, 3), (3,)), ((3, 2, 3, 3), (3, 1))),
    *(((3, 3, 2, 3), (3,)), ((3, 3, 2, 3), (1, 1, 1, 3))),
)


def parameter_sets(
    forward: Callable[..., Any], settings: Collection[str] = ()
) -> Iterator[dict[str, Array]]:
    """Arrays for the parameters that a forward pass is handed, or reads from a dictionary: those of
    a network of dense layers whose examples are rows, or else columns; of a convolution; or the
    scale and the shift of a normalization.

    Args:
        settings: the arguments that are none.
    """
    names = _handed(forward, settings) or _read(forward)
    weights = [name for name in names if is_weight(name) and not is_bias(name)]
    biases = [name for name in names if is_bias(name)]
    if not weights or len(weights) + len(biases) < len(names) or len(biases) > len(weights):
        return
    if all(map(is_scale_or_shift, names)):
        yield {name: random_like(np.empty(WIDTHS[0]), name) for name in names}
    if len(weights) == 1 and "conv" in forward.__name__.lower():
        for of_kernels, of_bias in KERNELS:
            shapes = {**dict.fromkeys(weights, of_kernels), **dict.fromkeys(biases, of_bias)}
            yield {name: random_like(np.empty(shape), name) for name, shape in shapes.items()}
    for make in (_in_rows, _in_rows_kept, _in_columns, _in_rows_of_outputs):
        yield _made(weights, biases, make)


def parameters_named(names: list[str]) -> Iterator[dict[str, Any]]:
    """Arrays for the arguments of a function that gives the loss with the gradients: those of a
    network whose examples are rows, or columns, with several outputs or one."""
    if not names:
        yield {}
        return
    weights = [name for name in names if not is_bias(name)]
    biases = [name for name in names if is_bias(name)]
    if len(biases) > len(weights) or not all(is_weight(n) or role_of(n) for n in names):
        return
    for outputs in (OUTPUTS, 1):
        for make in (_in_rows, _in_rows_kept, _in_columns):
            yield _made(weights, biases, make, outputs)
    if len(weights) == 1:
        for shape in ((WIDTHS[0],), (WIDTHS[0], 1)):  # with a bias that is a number
            made = random_like(np.empty(shape), weights[0])
            yield {weights[0]: made, **dict.fromkeys(biases, 0.3)}


def _in_rows(fan_in: int, fan_out: int) -> tuple[Shape, Shape]:
    """The shapes of a layer's weights and bias."""
    return (fan_in, fan_out), (fan_out,)


def _in_rows_kept(fan_in: int, fan_out: int) -> tuple[Shape, Shape]:
    return (fan_in, fan_out), (1, fan_out)


def _in_columns(fan_in: int, fan_out: int) -> tuple[Shape, Shape]:
    return (fan_out, fan_in), (fan_out, 1)


def _in_rows_of_outputs(fan_in: int, fan_out: int) -> tuple[Shape, Shape]:
    return (fan_out, fan_in), (fan_out,)


def _made(
    weights: list[str],
    biases: list[str],
    shapes: Callable[[int, int], tuple[Shape, Shape]],
    outputs: int = OUTPUTS,
) -> dict[str, Array]:
    widths = [*WIDTHS[: len(weights)], outputs]
    made: dict[str, Array] = {}
    for number, (fan_in, fan_out) in enumerate(pairwise(widths)):
        of_weights, of_bias = shapes(fan_in, fan_out)
        made[weights[number]] = random_like(np.empty(of_weights), weights[number])
        if number < len(biases):
            made[biases[number]] = random_like(np.empty(of_bias), biases[number])
    return made


def _handed(forward: Callable[..., Any], settings: Collection[str]) -> list[str]:
    """The arguments that are parameters: forward(x, w1, b1, w2, b2)."""
    asked = [n for n in required(forward) if n not in settings and not string_options(forward, n)]
    has_bias = any(map(is_bias, asked))  # beside which `weights` are no dictionary that holds both
    named = [n for n in asked if not role_of(n) or (has_bias and is_weight(n))]
    return named if all(map(is_weight, named)) else []


def _read(forward: Callable[..., Any]) -> list[str]:
    """The keys that are read from an argument before they are written: params["W1"]."""
    keys = [key for name in required(forward) for key in keys_read(forward, name)]
    return list(dict.fromkeys(keys))


def keys_read(function: Callable[..., Any], argument: str) -> list[str]:
    """The keys that a function reads from an argument before it writes them."""
    tree = tree_of(function)
    read: dict[str, None] = {}
    written: set[str] = set()
    for node in _in_order(tree) if tree else []:
        match node:
            case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
                if isinstance(node.ctx, ast.Store):
                    written.add(key)
                elif name == argument and key not in written:
                    read.setdefault(key)
    return list(read)


def _in_order(tree: ast.AST) -> Iterator[ast.AST]:
    """The nodes of a tree as they run: what is assigned after what it is computed from."""
    for node in ast.iter_child_nodes(tree):
        if isinstance(node, ast.Assign):
            yield from _in_order(node.value)
            yield node.value
            yield from node.targets
        else:
            yield from _in_order(node)
            yield node
