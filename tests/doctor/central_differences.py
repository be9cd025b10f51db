"""The judge of the specimens: central differences and nothing else, with no part of chainrule.

A specimen's `example(rng)` becomes a `Subject`: values that can be moved, a loss of them, and the
gradients that the specimen's own code gives, by the names that `slips.txt` uses.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

STEP = 1e-6
TOLERANCE = 1e-6
HOLDERS = ("{}_grad", "grad_{}", "{}_gradient", "d{}", "d_{}")

Arrays = dict[str, np.ndarray]
Example = dict[str, Any]


@dataclass(frozen=True)
class Subject:
    """Hand-written code, ready to be judged."""

    values: Arrays  # what the loss is differentiated by, under the gradients' names
    loss: Callable[[Arrays], float]
    gradients: Arrays

    def agrees(self, name: str) -> bool:
        """Whether the code's gradient is there, has the right shape, and is the slope."""
        ours = self.gradients.get(name)
        if ours is None or np.shape(ours) != self.values[name].shape:
            return False
        slopes = self.slopes(name)
        return bool(np.abs(ours - slopes).max() < TOLERANCE * (1 + np.abs(slopes).max()))

    def slopes(self, name: str) -> np.ndarray:
        """The central differences of the loss along every entry of one value."""
        slopes = np.empty(self.values[name].shape)
        for index in np.ndindex(slopes.shape):
            slopes[index] = (self._moved(name, index, STEP) - self._moved(name, index, -STEP)) / (
                2 * STEP
            )
        return slopes

    def _moved(self, name: str, index: tuple[int, ...], step: float) -> float:
        values = {key: value.copy() for key, value in self.values.items()}
        values[name][index] += step
        return self.loss(values)


def subject(example: Example) -> Subject:
    """An example of any style."""
    if "function" in example:
        return _activation(example)
    if "forward" in example:
        return _functions(example)
    if "layer" not in example:
        return _loss(example)
    layer = example["layer"]
    if hasattr(layer, "fit"):
        return _fitted(example)
    return _network(example) if "loss" in example else _layer(example)


def _activation(example: Example) -> Subject:
    function, x = example["function"], example["x"]
    at = function(x) if example["of"] == "output" else x
    gradients = {"derivative": example["derivative"](at)}
    return Subject({"derivative": x}, lambda v: float(function(v["derivative"]).sum()), gradients)


def _loss(example: Example) -> Subject:
    loss, x, y = example["loss"], example["x"], example["y"]
    gradients = {"derivative": example["derivative"](y, x)}
    return Subject({"derivative": x}, lambda v: float(loss(y, v["derivative"])), gradients)


def _functions(example: Example) -> Subject:
    """A pair of functions over a dictionary; a tuple of gradients is in the parameters' order."""
    parameters = {f"d{name}": value.copy() for name, value in example["params"].items()}

    def after_forward(values: Arrays) -> dict[str, Any]:
        params = {name[1:]: value.copy() for name, value in values.items()}
        example["forward"](example["x"], params)
        return params

    params = after_forward(parameters)
    found = example["backward"](example["x"], example["y"], params)
    gradients = found if isinstance(found, dict) else dict(zip(parameters, found, strict=True))
    return Subject(
        parameters, lambda v: float(example["loss"](example["y"], after_forward(v))), gradients
    )


def _layer(example: Example) -> Subject:
    """A layer, or a chain of layers: the loss is the output times a random matrix."""
    layer, x = copy.deepcopy(example["layer"]), example["x"].copy()
    trial = copy.deepcopy(layer)
    y = run_forward(trial, x.copy())
    dy = np.random.default_rng(7).normal(size=y.shape)
    before = copy.deepcopy(trial)
    dx = run_backward(trial, x, dy.copy(), example)
    values, gradients = _gradients(before, trial, example.get("learning_rate"))

    def loss(moved: Arrays) -> float:
        code = _with(layer, moved)
        return float((run_forward(code, moved["dx"].copy()) * dy).sum())

    return Subject({"dx": x, **values}, loss, {"dx": dx, **gradients})


def run_forward(layer: Any, x: np.ndarray) -> np.ndarray:
    return (layer.forward if hasattr(layer, "forward") else layer.forward_propagation)(x)


def run_backward(layer: Any, x: np.ndarray, dy: np.ndarray, example: Example) -> np.ndarray:
    backward = layer.backward if hasattr(layer, "backward") else layer.backward_propagation
    rate = [example["learning_rate"]] if "learning_rate" in example else []
    given = [x.copy()] if len(inspect.signature(backward).parameters) == 3 else []
    return backward(*given, dy, *rate)


def _network(example: Example) -> Subject:
    """A network whose backward pass starts from the targets."""
    network, x, y = example["layer"], example["x"], example["y"]
    trial = copy.deepcopy(network)
    trial.forward(x)
    trial.backward(x, y)
    values, gradients = _gradients(network, trial, None)
    return Subject(
        values, lambda v: float(example["loss"](y, _with(network, v).forward(x))), gradients
    )


def _fitted(example: Example) -> Subject:
    """A network that can only be trained: a gradient is what one step did, over the rate."""
    network, x, y, rate = (example[key] for key in ("layer", "x", "y", "learning_rate"))
    trial = copy.deepcopy(network)
    trial.fit(x, y, 1, rate)
    values, gradients = _gradients(network, trial, rate)
    return Subject(
        values, lambda v: float(example["loss"](y, _with(network, v).predict(x))), gradients
    )


def _gradients(before: Any, after: Any, rate: float | None) -> tuple[Arrays, Arrays]:
    """The parameters found in an object and the gradients found for them."""
    places, now = dict(arrays_of(before)), dict(arrays_of(after))
    if rate is not None:
        moved = {
            place: (value - now[place]) / rate
            for place, value in places.items()
            if not np.array_equal(value, now[place])
        }
        named = {place: _gradient_name(place) for place in moved}
        return (
            {name: places[place].copy() for place, name in named.items()},
            {name: moved[place] for place, name in named.items()},
        )
    values, gradients = {}, {}
    for place, value in places.items():
        for holder in _holders(place):
            if holder in now:
                values[holder.removeprefix("grads.")] = value.copy()
                gradients[holder.removeprefix("grads.")] = now[holder]
    return values, gradients


def _with(layer: Any, values: Arrays) -> Any:
    """A copy of the layer that has these values in place of its own."""
    code = copy.deepcopy(layer)
    for place, array in arrays_of(code):
        names = {_gradient_name(place), *(h.removeprefix("grads.") for h in _holders(place))}
        for name in names & values.keys():
            array[...] = values[name]
    return code


def _gradient_name(place: str) -> str:
    """`layers.0.dweights` for `layers.0.weights`."""
    *path, name = place.split(".")
    return ".".join([*path, f"d{name}"])


def _holders(place: str) -> list[str]:
    """Where the gradient of the array at this place may be kept."""
    *path, name = place.split(".")
    if path == ["params"]:
        return [f"grads.{name}"]
    return [".".join([*path, form.format(name)]) for form in HOLDERS]


def arrays_of(thing: Any, place: str = "") -> Iterator[tuple[str, np.ndarray]]:
    """Every float array in an object, its dictionaries and its lists of layers."""
    if isinstance(thing, np.ndarray):
        if thing.dtype.kind == "f":
            yield place, thing
    else:
        parts = dict(enumerate(thing)) if isinstance(thing, list) else thing
        parts = parts if isinstance(parts, dict) else getattr(thing, "__dict__", {})
        for key, part in parts.items():
            yield from arrays_of(part, f"{place}.{key}".removeprefix("."))
