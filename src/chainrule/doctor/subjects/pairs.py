"""An activation or a loss beside its derivative, as a `Subject`."""

from __future__ import annotations

import copy
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Literal

import numpy as np

from chainrule.doctor.subjects.subject import Answer, Subject
from chainrule.foreign.calls.calling import call
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.objects.state import Values
from chainrule.foreign.running.effort import counted
from chainrule.foreign.running.randomness import Randomness, random_like
from chainrule.types import Array

Function = Callable[..., Any]
Point = Literal["input", "output"]
OTHER_POINT: dict[Point, Point] = {"input": "output", "output": "input"}


class ActivationPair(Subject):
    """An activation f and the function that gives its derivative.

    Args:
        of: what the derivative is a function of, the activation's input or its output.
    """

    def __init__(self, function: Function, derivative: Function, x: Any, of: Point) -> None:
        self.function, self.derivative = function, derivative
        self.name, self.notes = name_of(function), []
        self.values = {"x": np.asarray(x, np.float64)}
        self.dy = random_like(self.values["x"], "upstream")
        self.randomness = Randomness([])
        self.of = of
        self.takes_numbers = _takes_numbers_alone(function, self.values["x"])

    def _called(self, function: Function, point: Array) -> Any:
        """What a function gives for an array, or for each number in it."""
        if not self.takes_numbers:
            return counted(function, point.copy())
        given = [counted(function, float(number)) for number in point.flat]
        return np.array(given, np.float64).reshape(point.shape)

    def output(self, x: Array) -> Array:
        """f(x)."""
        with np.errstate(all="ignore"), self.randomness.frozen():
            given = self._called(self.function, x)
        given = given[0] if isinstance(given, tuple) else given
        output = np.asarray(given, np.float64)
        if output.shape != x.shape:
            raise CannotCheckError(
                f"{self.name} gives {output.shape} for {x.shape}: an activation keeps the shape"
            )
        return output

    def loss(self, values: Values) -> float:
        return float(np.sum(self.dy * self.output(values["x"])))

    def gradients(self, values: Values) -> Answer:
        x = values["x"]
        output = self.output(x)
        with np.errstate(all="ignore"), self.randomness.frozen():
            point = x if self.of == "input" else output
            slopes = np.asarray(self._called(self.derivative, point))
        return Answer({"x": self._product(slopes, x)}, {"x": "derivative"}, output, self.dy)

    def _product(self, slopes: Array, x: Array) -> Array:
        """dy times the derivative, or times the Jacobian where that was given."""
        if slopes.shape == (*x.shape, x.shape[-1]):
            return np.einsum("...i,...ij->...j", self.dy, slopes)
        if slopes.ndim == 2 and slopes.shape == (x.size, x.size):
            return (self.dy.ravel() @ slopes).reshape(x.shape)
        return self.dy * slopes

    def functions(self) -> list[Function]:
        return [self.derivative, self.function]


def _takes_numbers_alone(function: Function, x: Array) -> bool:
    """True if a function is written for a number: ``if x > 0``, ``max(0, x)``, ``math.exp(x)``."""
    with np.errstate(all="ignore"):
        try:
            counted(function, x.copy())
        except (TypeError, ValueError):
            with suppress(Exception):  # user code: what it raises is found later
                return np.ndim(counted(function, float(x.flat[0]))) == 0
        except Exception:  # likewise
            return False
    return False


class LossPair(Subject):
    """A loss and its derivative with respect to the predictions.

    Args:
        behind_softmax: true if beside it stands a softmax that has no derivative: then that of the
            loss may be meant for both.
    """

    def __init__(
        self, function: Function, derivative: Function, x: Any, y: Any, behind_softmax: bool = False
    ) -> None:
        self.function, self.derivative = function, derivative
        self.behind_softmax = behind_softmax
        self.name, self.notes = name_of(function), []
        self.values = {"y_pred": np.asarray(x, np.float64)}
        self.y = np.asarray(y)
        self.batch = len(self.y) if self.y.ndim else None
        self.randomness = Randomness([])

    def _call(self, function: Function, values: Values) -> Any:
        roles = {"y": self.y.copy(), "output": values["y_pred"].copy()}
        with np.errstate(all="ignore"), self.randomness.frozen():
            given = call(function, roles, {}, ("y", "output"))
        return given[0] if isinstance(given, tuple) else given

    def loss(self, values: Values) -> float:
        return float(np.sum(self._call(self.function, values)))

    def gradients(self, values: Values) -> Answer:
        given = np.asarray(self._call(self.derivative, values), np.float64)
        return Answer({"y_pred": given}, {"y_pred": "derivative"})

    def narrowed(self, examples: int) -> Subject | None:
        if self.batch is None or self.batch <= examples:
            return None
        other = copy.copy(self)
        other.values = {"y_pred": self.values["y_pred"][:examples]}
        other.y, other.batch = self.y[:examples], examples
        return other

    def functions(self) -> list[Function]:
        return [self.derivative, self.function]


def name_of(function: Function) -> str:
    """What a function is called."""
    return getattr(function, "__qualname__", getattr(function, "__name__", repr(function)))
