"""Adopts layers written by hand in other styles, without a change to their code.

Four styles are understood; which one it is shows in the names and arguments of the methods:

1. `forward(x)` and `backward(dy)`, gradients kept as attributes: `weight` and `weight_grad`;
2. `backward(dy, learning_rate)`, which updates the weights itself;
3. `backward(x, dy, learning_rate)`, the same, given the input again;
4. a pair of functions over a dictionary, `forward(x, params)` and `backward(dy, params)`,
   returning a dictionary of gradients `{"dW1": …}`.

Where the code updates its own weights, the gradient is what the update did, divided by the rate:
(before - after) / rate. The update is made on a copy, and the optimizer makes its own.
"""

from __future__ import annotations

import copy
import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.initializers import Initializer
from chainrule.layers.base import Layer
from chainrule.seeding import generator
from chainrule.types import Array, Shape

Role = Literal["x", "dy", "rate", "parameters"]

RATE = 1e-5  # small: code that updates first hands back a gradient taken at weights next to the old
FORWARD_NAMES = ("forward", "forward_propagation", "forward_pass", "forward_prop")
BACKWARD_NAMES = ("backward", "backward_propagation", "backward_pass", "backprop", "back_prop")
RATE_NAMES = ("learning_rate", "lr", "rate", "eta", "alpha", "step_size")
INPUT_NAMES = ("x", "input", "inputs", "x_in", "input_data", "data")
PARAMETER_NAMES = ("params", "parameters", "weights", "theta", "p")
GRADIENT_NAMES = ("{}_grad", "{}_gradient", "grad_{}", "d{}", "d_{}", "{}_error")
INPUT_GRADIENT_NAMES = ("dx", "dX", "dA0", "d_x", "x_grad", "grad_x")


class HandWritten(Layer):
    """y = whatever the adopted code computes.

    The object's float arrays become this layer's parameters, under their own names and with
    their present values: `net.parameters["0.weight"]`. A batch is handed over as it is, so the
    code must take one.

    Args:
        code: an object with a forward and a backward method, or a pair of functions
            `(forward, backward)`.
        parameters: with a pair of functions, the dictionary they share; with an object, the
            names of its parameters where convention does not find them.
        gradients: which attribute or key holds each gradient, where convention does not say:
            `{"weight": "weight_grad"}`.
        batch_axis: 1 for code that takes examples as columns.
    Raises:
        ArgumentError: no forward or backward is found, or a parameter without its gradient.

    A backward pass that starts from the targets instead of dy (`backward_pass(x, y_true,
    params)`) holds its own loss: train it with `losses.TargetsAsGradient`.

    >>> class Linear:
    ...     def __init__(self, size_in, size_out):
    ...         self.weight = np.ones((size_in, size_out))
    ...     def forward(self, x):
    ...         self.x = x
    ...         return x @ self.weight
    ...     def backward(self, dy):
    ...         self.weight_grad = self.x.T @ dy
    ...         return dy @ self.weight.T
    >>> layer = HandWritten(Linear(3, 2))
    >>> layer.build((3,))
    (2,)
    >>> y, cache = layer.forward(np.array([[1.0, 2.0, 3.0]]))
    >>> layer.backward(np.array([[1.0, 0.0]]), cache), layer.dweight[:, 0]
    (array([[1., 1., 1.]]), array([1., 2., 3.], dtype=float32))
    """

    users_own = True

    def __init__(
        self,
        code: Any,
        *,
        parameters: Mapping[str, Array] | Sequence[str] | None = None,
        gradients: Mapping[str, str] | None = None,
        batch_axis: int = 0,
    ) -> None:
        self.code = code
        self.parameters = parameters
        self.gradients = gradients
        self.batch_axis = batch_axis
        adopt = AdoptedFunctions if isinstance(code, tuple) else AdoptedObject
        self.adopted: AdoptedObject | AdoptedFunctions = adopt(
            code, parameters, dict(gradients or {})
        )

    def __repr__(self) -> str:
        parts = self.code if isinstance(self.code, tuple) else (type(self.code),)
        return f"HandWritten({', '.join(part.__name__ for part in parts)})"

    def setup(self, input_shape: Shape) -> Shape:
        y = self._try_out(input_shape)
        for name, values in self.adopted.values.items():
            self.declare(name, values.shape, _Given(values))
        return y.shape[1:]

    def _try_out(self, input_shape: Shape) -> Array:
        """Run a copy once in both directions, to learn the output's shape and the parameters."""
        trial = copy.deepcopy(self.adopted)
        rng = generator(0, "try out")
        x = rng.standard_normal((2, *input_shape))
        y, memory = trial.forward(self._turn(x))
        _, gradients = trial.backward(rng.standard_normal(y.shape), memory)
        for name, gradient in gradients.items():
            _fit(name, gradient, trial.values[name].shape)
        return self._turn_back(y)

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Any]:
        # The code works on copies in float64, whatever the network's type: nothing that it does
        # to them reaches the network, and the small steps of RATE are measured exactly.
        for name in self.adopted.values:
            self.adopted.values[name] = getattr(self, name).astype(np.float64)
        y, memory = self.adopted.forward(self._turn(x.astype(np.float64)))
        return self._turn_back(y).astype(x.dtype), (x, memory)

    def backward(self, dy: Array, cache: Any) -> Array:
        x, memory = cache
        dx, gradients = self.adopted.backward(self._turn(dy.astype(np.float64)), memory)
        for name, gradient in gradients.items():
            own = getattr(self, f"d{name}")
            own += _fit(name, gradient, own.shape)
        if dx is None:  # nothing was returned for what lies before: let its use be seen
            return np.full_like(x, np.nan)
        return self._turn_back(dx).astype(dy.dtype)

    def _turn(self, x: Array) -> Array:
        return np.moveaxis(x, 0, self.batch_axis)

    def _turn_back(self, y: Array) -> Array:
        return np.moveaxis(y, self.batch_axis, 0)


class Adopted:
    """Code of one of the styles, seen as `forward(x) -> y, memory` and
    `backward(dy, memory) -> dx, gradients`."""

    values: dict[str, Array]

    def forward(self, x: Array) -> tuple[Array, Any]:
        raise TypeError

    def backward(self, dy: Array, memory: Any) -> tuple[Array | None, dict[str, Array]]:
        raise TypeError


class AdoptedObject(Adopted):
    """An object whose attributes hold the parameters, what forward remembers, the gradients."""

    def __init__(self, code: Any, names: Any, gradients: dict[str, str]) -> None:
        self.code = code
        self.gradients = gradients
        self.forward_name = _method(code, FORWARD_NAMES)
        self.backward_name = _method(code, BACKWARD_NAMES)
        self.roles = _roles(getattr(code, self.backward_name))
        self.named = names is not None
        arrays = _float_arrays(vars(code))
        missing = [name for name in names or [] if name not in arrays]
        if missing:
            raise ArgumentError(
                f"{type(code).__name__} has no float array {missing[0]!r}; "
                f"it has: {', '.join(arrays) or 'none'}"
            )
        is_gradient = {form.format(name) for name in arrays for form in GRADIENT_NAMES}
        self.values = {
            name: values
            for name, values in arrays.items()
            if (name in names if self.named else name not in is_gradient)
        }

    def forward(self, x: Array) -> tuple[Array, Any]:
        vars(self.code).update(self.values)
        y = np.asarray(getattr(self.code, self.forward_name)(x))
        return y, (x, dict(vars(self.code)))

    def backward(self, dy: Array, memory: Any) -> tuple[Array | None, dict[str, Array]]:
        x, remembered = memory
        attributes = vars(self.code)
        attributes.update(remembered)  # another forward pass may have come since
        before = {name: remembered[name] for name in self.values}
        attributes.update({name: values.copy() for name, values in before.items()})
        for holder in self._holders():  # code that accumulates must start from zero
            if isinstance(attributes.get(holder), np.ndarray):
                attributes[holder] = np.zeros_like(attributes[holder])
        given = {"x": x, "dy": dy, "rate": RATE}
        dx = getattr(self.code, self.backward_name)(*(given[role] for role in self.roles))
        return dx, {name: self._gradient_of(name, values) for name, values in before.items()}

    def _gradient_of(self, name: str, before: Array) -> Array:
        attributes = vars(self.code)
        if "rate" in self.roles:
            gradient = (before - attributes[name]) / RATE
            found = self.named or bool(np.any(gradient))
        else:
            holder = next((h for h in self.holders_of(name) if h in attributes), None)
            gradient = before if holder is None else np.asarray(attributes[holder])
            found = holder is not None
        if not found:
            raise ArgumentError(
                f"{type(self.code).__name__}.{self.backward_name} leaves no gradient for {name!r} "
                f"(looked for {', '.join(self.holders_of(name))}): say where it is, "
                f"gradients={{{name!r}: …}}, or name what is trained, parameters=[…]"
            )
        return gradient

    def _holders(self) -> list[str]:
        return [holder for name in self.values for holder in self.holders_of(name)]

    def holders_of(self, name: str) -> list[str]:
        """The attributes that may hold the gradient of `name`."""
        if name in self.gradients:
            return [self.gradients[name]]
        return [form.format(name) for form in GRADIENT_NAMES]


class AdoptedFunctions(Adopted):
    """A pair of functions that share a dictionary."""

    def __init__(
        self,
        code: tuple[Callable[..., Any], Callable[..., Any]],
        parameters: Any,
        gradients: dict[str, str],
    ) -> None:
        if not isinstance(parameters, Mapping):
            raise ArgumentError(
                "a pair of functions needs the dictionary they share: "
                "HandWritten((forward, backward), parameters={'W1': …})"
            )
        self.forward_function, self.backward_function = code
        self.gradients = gradients
        self.roles = _roles(self.backward_function)
        self.others = {k: v for k, v in parameters.items() if not isinstance(v, np.ndarray)}
        self.values = _float_arrays(parameters)

    def forward(self, x: Array) -> tuple[Array, Any]:
        shared = {**self.others, **self.values}
        y = self.forward_function(x, shared)
        if y is None:  # the function only fills the dictionary, with the output last
            y = list(shared.values())[-1]
        return np.asarray(y[0] if isinstance(y, tuple) else y), (x, shared)

    def backward(self, dy: Array, memory: Any) -> tuple[Array | None, dict[str, Array]]:
        x, shared = memory
        given = {"x": x, "dy": dy, "parameters": shared, "rate": 1.0}
        result = self.backward_function(*(given[role] for role in self.roles))
        parts = result if isinstance(result, tuple) else (result,)
        found = next((part for part in parts if isinstance(part, Mapping)), {})
        dx = next((part for part in parts if isinstance(part, np.ndarray)), None)
        if dx is None:
            dx = next((found[name] for name in INPUT_GRADIENT_NAMES if name in found), None)
        return dx, {name: self._gradient_of(name, found) for name in self.values}

    def _gradient_of(self, name: str, found: Mapping[str, Array]) -> Array:
        for key in self.keys_of(name):
            if key in found:
                return np.asarray(found[key])
        raise ArgumentError(
            f"{self.backward_function.__name__} returned no gradient for {name!r}, but "
            f"{', '.join(map(str, found)) or 'nothing'}: say which, gradients={{{name!r}: …}}"
        )

    def keys_of(self, name: str) -> list[str]:
        """The keys that may hold the gradient of `name`."""
        return [self.gradients.get(name, ""), name, *(f.format(name) for f in GRADIENT_NAMES)]


class _Given(Initializer):
    """The values that the adopted code starts from."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        return self.values


def _fit(name: str, gradient: Array, shape: Shape) -> Array:
    """`gradient` in the parameter's shape; axes of size 1 do not matter, all others do."""
    if [n for n in np.shape(gradient) if n > 1] != [n for n in shape if n > 1]:
        raise ArgumentError(
            f"the gradient of {name!r} has shape {np.shape(gradient)}, but {name!r} has shape "
            f"{shape}: is it transposed, or summed over the wrong axis?"
        )
    return np.reshape(gradient, shape)


def _method(code: Any, names: Sequence[str]) -> str:
    for name in names:
        if callable(getattr(code, name, None)):
            return name
    raise ArgumentError(
        f"{type(code).__name__} has none of the methods {', '.join(names)}: "
        "HandWritten adopts an object that has a forward and a backward method"
    )


def _roles(backward: Callable[..., Any]) -> list[Role]:
    """What each argument of a backward function stands for, by its name and place."""
    roles: list[Role] = []
    for name in inspect.signature(backward).parameters:
        if name.lower() in RATE_NAMES:
            roles.append("rate")
        elif name.lower() in PARAMETER_NAMES:
            roles.append("parameters")
        elif name.lower() in INPUT_NAMES:
            roles.append("x")
        else:
            roles.append("dy")
    if roles.count("dy") != 1:
        raise ArgumentError(
            f"cannot tell which argument of {backward.__name__}{inspect.signature(backward)} is "
            f"the gradient of the output: name the input one of {', '.join(INPUT_NAMES)} and "
            f"the rate one of {', '.join(RATE_NAMES)}"
        )
    return roles


def _float_arrays(named: Mapping[str, Any]) -> dict[str, Array]:
    return {
        name: values
        for name, values in named.items()
        if isinstance(values, np.ndarray) and values.dtype.kind == "f"
    }
