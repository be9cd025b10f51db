"""Helpers that exercises of a well-known course import from a file beside them, which is often not
handed in with them: activations, some with what their backward pass needs."""

from __future__ import annotations

import re
import types
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.types import Array

WITH_CACHE = re.compile(r"dnn(_app)?_utils\w*")  # sigmoid(Z) gives A and Z
PLAIN = re.compile(r"(planar|gc|reg|init|opt|rnn|nmt)_utils\w*")  # sigmoid(x) gives s


def course_helpers(module: str) -> types.ModuleType | None:
    """The module of helpers of that name, as the course has it; None if it has none."""
    for name, functions in ((WITH_CACHE, _with_cache()), (PLAIN, _plain())):
        if name.fullmatch(module):
            made = types.ModuleType(module)
            vars(made).update(functions)
            return made
    return None


def _sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.asarray(x))))


def _relu(x: Array) -> Array:
    return np.maximum(0, x)


def _softmax(x: Array) -> Array:
    e = np.exp(x - np.max(x))
    return np.asarray(e / e.sum(axis=0))


def _plain() -> dict[str, Callable[..., Any]]:
    return {"sigmoid": _sigmoid, "relu": _relu, "softmax": _softmax}


def _with_cache() -> dict[str, Callable[..., Any]]:
    def sigmoid(Z: Array) -> tuple[Array, Array]:
        return _sigmoid(Z), Z

    def relu(Z: Array) -> tuple[Array, Array]:
        return _relu(Z), Z

    def sigmoid_backward(dA: Array, cache: Array) -> Array:
        s = _sigmoid(cache)
        return np.asarray(dA * s * (1 - s))

    def relu_backward(dA: Array, cache: Array) -> Array:
        return np.where(cache > 0, dA, 0.0)

    made = (sigmoid, relu, sigmoid_backward, relu_backward)
    return {function.__name__: function for function in made}
