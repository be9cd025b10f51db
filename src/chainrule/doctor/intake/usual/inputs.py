"""Inputs that nobody has given: of the size that the weights take, then of usual sizes."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any

import numpy as np

from chainrule.foreign.naming.gradient_names import may_hold_a_gradient
from chainrule.foreign.naming.parameter_names import (
    is_bias,
    is_from_state,
    is_untrained,
    is_weight,
)
from chainrule.foreign.objects import state as states
from chainrule.foreign.reading.source import class_source
from chainrule.foreign.running.randomness import random_like
from chainrule.types import Array, Shape

EXAMPLES, STEPS = 5, 6
FLAT_SHAPES = ((5, 4), (4, 5), (1, 4), (4,), (4, 1))
SEQUENCE_SHAPES = ((EXAMPLES, STEPS, 4),)  # examples, steps, features
IMAGE_SHAPES = (
    *((2, 2, 7, 5), (2, 7, 5, 2), (2, 2, 4, 6), (2, 4, 6, 2), (2, 6, 6, 2), (2, 2, 6, 6)),
    *((2, 7, 5), (2, 4, 6), (7, 5, 2), (7, 5), (4, 6), (6, 6), (2, 6, 6)),
)
RECURRENT = re.compile(r"RNN|LSTM|GRU|[Rr]ecurrent")
IMAGE_WORDS = re.compile(r"conv|pool|image|channel|kernel|filter|padd?|stride|upsampl", re.I)


def inputs(
    name: str,
    shape: Shape | None,
    arguments: Collection[str],
    thing: Any = None,
    shapes: Collection[Shape] = (),
) -> Iterator[tuple[Array, int]]:
    """Arrays to try as the input, each with the axis of its examples.

    Args:
        name: of the class or function: "Conv2D" takes images.
        shape: of the input, where it is known.
        arguments: the names of the constructor's arguments.
        shapes: with which it was made.
        thing: the object, or the dictionary of parameters, whose weights say which size they take.
    """
    if shape is not None:
        yield random_like(np.empty(shape), "x"), 0
        if len(shape) == 2:
            yield random_like(np.empty(shape), "x"), 1
        return
    is_image = IMAGE_WORDS.search(" ".join([name, *arguments]))
    others = (*FLAT_SHAPES, *SEQUENCE_SHAPES)
    tried = (*IMAGE_SHAPES, *others) if is_image else (*others, *IMAGE_SHAPES)
    known = [
        *((given, 0) for each in (*_shapes_kept(thing), *shapes) for given in ((2, *each), each)),
        *_shapes_by_weights(thing),
    ]
    usual = [(each, int(each in ((4, 5), (4, 1)))) for each in tried]
    for each, axis in dict.fromkeys([*known, *usual]):
        yield random_like(np.empty(each), "x"), axis


def _shapes_by_weights(thing: Any) -> Iterator[tuple[tuple[int, ...], int]]:
    """Shapes of inputs that fit the first weights of an object, each with the axis of examples."""
    first = first_weights(thing)
    if first is None:
        yield from _shapes_by_vectors(thing)
        return
    size = first.shape
    if len(size) == 4:
        yield (2, size[1], size[2] + 4, size[3] + 2), 0  # (out, in, height, width)
        yield (2, size[0] + 4, size[1] + 2, size[2]), 0  # (height, width, in, out)
        yield (size[1], size[2] + 4, size[3] + 2), 0
        yield (size[0] + 4, size[1] + 2, size[2]), 0
    elif len(size) == 3:
        yield (2, size[1], size[2] + 4), 0  # (out, in, length)
        yield (2, size[0] + 4, size[1]), 0  # (length, in, out)
    elif len(size) == 2 and 1 not in size:
        if _is_recurrent(thing):
            joined = abs(size[0] - size[1])  # of weights over the state and the input at once
            sizes = [each for each in (*size, joined) if each]
            yield from (((EXAMPLES, STEPS, features), 0) for features in sizes)
            yield from (((features, EXAMPLES, STEPS), 1) for features in sizes)
        for features in size:
            yield (EXAMPLES, features), 0
        for features in size[::-1]:
            yield (features, EXAMPLES), 1
        for features in size:
            yield (1, features), 0
            yield (features, 1), 1
            yield (EXAMPLES, 1, features), 0
            yield (features,), 0
    elif len(size) < 3:
        yield (EXAMPLES, first.size), 0
        yield (first.size, EXAMPLES), 1


def _is_recurrent(thing: Any) -> bool:
    """True if an object has weights from its state to its state, ``Whh``, or is called so."""
    if RECURRENT.search(type(thing).__name__):
        return True
    return any(is_from_state(states.path_end(path)) for path in states.arrays(thing))


def _shapes_by_vectors(thing: Any) -> Iterator[tuple[tuple[int, ...], int]]:
    """The shape of rows with as many columns as the vectors of an object have entries, if its code
    sums over the first axis alone: slopes for the channels of rows, say, and not of images; of
    columns, if it holds its vectors as columns. Others might be spread over them."""
    sizes = {array.shape for array in states.arrays(thing).values()}
    for size in sizes if len(sizes) == 1 else ():
        if len(size) == 2 and min(size) == 1 < max(size):
            yield ((size[0], EXAMPLES), 1) if size[1] == 1 else ((EXAMPLES, size[1]), 0)
    axes = re.findall(r"axis *= *\(?([-\d, ]*)", class_source(thing))
    if len(sizes) == 1 and {each.strip(" ,") for each in axes} == {"0"}:
        yield from (((EXAMPLES, *size), 0) for size in sizes if len(size) == 1)


def _shapes_kept(thing: Any) -> Iterator[tuple[int, ...]]:
    """The shapes that an object keeps as those of its input."""
    for name, value in getattr(thing, "__dict__", {}).items():
        if isinstance(value, list) and value:
            yield from _shapes_kept(value[0])  # of the first layer
        is_shape = isinstance(value, tuple) and len(value) > 1
        if is_shape and re.search(r"in(put)?_?(shape|dim)", name.lower()):
            yield value


def first_weights(thing: Any) -> Array | None:
    """The first array of weights that an object holds: one with several rows and columns, rather
    than a column ``W0``, which may be a bias; its first scale, where it has no weights."""
    found = [
        array
        for path, array in states.arrays(thing).items()
        if array.ndim and _may_be_weights(path)
    ]
    matrices = [array for array in found if array.ndim > 1]
    several = [array for array in matrices if 1 not in array.shape]
    return next(iter([*several, *matrices, *found]), None)


def _may_be_weights(path: states.Path) -> bool:
    name = states.path_end(path)
    says_gradient = any(isinstance(key, str) and may_hold_a_gradient(key) for key in path)
    return is_weight(name) and not is_bias(name) and not says_gradient and not is_untrained(name)
