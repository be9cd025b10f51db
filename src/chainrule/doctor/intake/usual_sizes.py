"""Sizes for constructors and inputs that nobody has given: by the names of the arguments, and by
trying what runs."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any

import numpy as np

from chainrule.foreign.gradient_names import is_derivative_argument, pairs_among, says_derivative
from chainrule.foreign.randomness import random_like
from chainrule.types import Array

FLAT_SHAPES = ((5, 4), (4, 5), (1, 4), (4, 1), (4,))
IMAGE_SHAPES = (
    *((2, 2, 7, 5), (2, 7, 5, 2), (2, 2, 4, 6), (2, 4, 6, 2), (2, 6, 6, 2), (2, 2, 6, 6)),
    *((2, 7, 5), (2, 4, 6), (7, 5, 2), (7, 5), (4, 6), (6, 6), (2, 6, 6)),
)
IMAGE_WORDS = re.compile(r"conv|pool|image|channel|kernel|filter|padd?|stride|upsampl", re.I)

# The value for an argument by its name, or what makes it; the first rule that fits counts.
RULES: tuple[tuple[str, Any], ...] = (
    (r"rng|random_?(state|generator)|generator", lambda: np.random.default_rng(0)),
    (r"seed", 0),
    (r"in_?(put)?_?channels?|channels(_in)?|input_depth|c_in|n_channels|num_channels", 2),
    (r"out_?(put)?_?channels?|n?u?m?_?n?_?filters|n_kernels|channels_out|depth|c_out", 3),
    (r"pool(_?size)?|window(_size)?", 2),
    (r"kernel(_?size|_?shape|_?width|_?height)?|filter_?(size|dim)?|k|ks|f(size)?|size_kernel", 3),
    (r"strides?|step|s", 2),
    (r"pad(ding)?", 1),
    (r"keep_?(prob|p)?", 0.6),
    (r"p|(drop(out)?_?)?(rate|prob(ability)?|p)|dropout", 0.4),
    (r"eps(ilon)?", 1e-5),
    (r"momentum|beta1?", 0.9),
    (r"beta2", 0.999),
    (r"(learning_?rate|lr|eta|alpha)", 0.1),
    (r"(neg(ative)?_?)?slope", 0.1),
    (r"lambda_?|lam|l2(_lambda|_reg)?|reg(ularization)?|weight_decay|lmbd", 0.1),
    (
        r"(layer_?)?(sizes|dims|dimensions|shapes|structure|neurons|units)|layers(_dims|_sizes)?",
        lambda: [4, 5, 3],
    ),
    (r"(n_?|num_?)?hidden_?(1|size1|dim1)|h1|hidden_layer_1|n_h1", 5),
    (r"(n_?|num_?)?hidden_?(2|size2|dim2)|h2|hidden_layer_2|n_h2", 6),
    (r"(n_?|num_?)?hidden.*|h|n_h", 5),
    (
        r"(n_?|num_?)?in(put)?s?(_?(size|dim|features|units|nodes|neurons|n))?|fan_in|n_?in|n_x|d_in",
        4,
    ),
    (r"size_in|dim_in|features_in|in_dim|(num_?|n_?)inputs|input_layer(_size)?|d", 4),
    (r"(n_?|num_?)?out(put)?s?(_?(size|dim|features|units|nodes|neurons|n))?|fan_out|n_?out", 3),
    (r"size_out|dim_out|features_out|n_y|d_out|units|neurons|n_?units|(n_?|num_?)classes|m", 3),
    (r"(num_?|n_?)?features|dim|size|n", 4),
    (r"batch_size", 5),
    (r"epochs?|iterations|n_iter", 1),
)


def arguments(function: Callable[..., Any], functions: Mapping[str, Any]) -> Iterator[list[Any]]:
    """Values for the required arguments of `function`, the likeliest first.

    `functions` are those of the file: an activation and its derivative are taken from there.
    """
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return
    needed = [
        name
        for name, p in signature.parameters.items()
        if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)
    ]
    yield [_value(name, functions, number) for number, name in enumerate(needed)]
    if any(name.lower() in ("stride", "strides", "padding", "pad") for name in needed):
        plain = {"stride": 1, "strides": 1, "padding": 0, "pad": 0}
        yield [
            plain.get(name.lower(), _value(name, functions, number))
            for number, name in enumerate(needed)
        ]
    if any("shape" in name.lower() for name in needed):
        for shape in ((2, 7, 5), (7, 5, 2), (4,)):
            yield [
                shape if "shape" in name.lower() else _value(name, functions, number)
                for number, name in enumerate(needed)
            ]


def keywords(function: Callable[..., Any]) -> dict[str, Any]:
    """Values for arguments that must be given by keyword."""
    return {
        name: _value(name, {}, 0)
        for name, p in inspect.signature(function).parameters.items()
        if p.kind is p.KEYWORD_ONLY and p.default is p.empty
    }


def _value(name: str, functions: Mapping[str, Any], number: int) -> Any:
    """The likeliest value for an argument: by its name, else by its place."""
    plain = name.lower().strip("_")
    if re.search(r"activ|function|func|nonlin|fn$", plain):
        pair = next(iter(pairs_among(functions)), None)
        if pair is not None:
            is_derivative = is_derivative_argument(plain)
            return functions[pair[1 if is_derivative else 0]]
    if says_derivative(plain):
        pair = next(iter(pairs_among(functions)), None)
        return functions[pair[1]] if pair else None
    for pattern, value in RULES:
        if re.fullmatch(pattern, plain):
            return value() if callable(value) else value
    return (4, 3, 5, 6, 7)[number % 5]


def inputs(
    name: str, shape: tuple[int, ...] | None, arguments: Collection[str]
) -> Iterator[tuple[Array, int]]:
    """Arrays to try as the input, each with the axis of its examples.

    Args:
        name: of the class or function: "Conv2D" takes images.
        shape: of the input, where it is known.
        arguments: the names of the constructor's arguments.
    """
    if shape is not None:
        yield random_like(np.empty(shape), "x"), 0
        if len(shape) == 2:
            yield random_like(np.empty(shape), "x"), 1
        return
    is_image = IMAGE_WORDS.search(" ".join([name, *arguments]))
    shapes = (*IMAGE_SHAPES, *FLAT_SHAPES) if is_image else (*FLAT_SHAPES, *IMAGE_SHAPES)
    for each in shapes:
        is_column = each in ((4, 5), (4, 1))
        yield random_like(np.empty(each), "x"), 1 if is_column else 0
