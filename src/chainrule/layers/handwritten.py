"""Adopts layers written by hand in other styles, without a change to their code.

Five styles are understood; which one it is shows in the names and arguments of the methods:

1. `forward(x)` and `backward(dy)`, gradients kept as attributes: `weight` and `weight_grad`;
2. `backward(dy, learning_rate)`, which updates the weights itself;
3. `backward(x, dy, learning_rate)`, the same, given the input again;
4. a pair of functions over a dictionary, `forward(x, params)` and `backward(dy, params)`,
   returning a dictionary of gradients `{"dW1": …}`;
5. a network of objects, or one whose passes ask for more: the targets, a word, several methods.

Where the code updates its own weights, the gradient is what the update did, divided by the rate:
(before - after) / rate. The update is made on a copy, and the optimizer makes its own.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.foreign.adopted.averages import Averages, averages_of
from chainrule.foreign.adopted.code import AdoptedFunctions, AdoptedObject
from chainrule.foreign.adopted.network import AdoptedNetwork, is_network
from chainrule.foreign.objects.gradients import fit
from chainrule.initializers import Initializer
from chainrule.layers.base import Layer
from chainrule.presentation.display import notice
from chainrule.seeding import generator
from chainrule.types import Array, Shape


class HandWritten(Layer):
    """y = whatever the adopted code computes.

    The object's float arrays become this layer's parameters, under their own names and with
    their present values: `net.parameters["0.weight"]`; those of objects within it under their
    place, `"0.fc1_weight"`. Code that takes one example at a time is run example by example.

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

    The code works on copies: the object itself is left as it is. Gradients that are means over the
    batch are found, said, and multiplied by the number of examples, because losses take the mean.

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
        self.one_by_one = False
        self.output_shape: Shape = ()
        self.averages = Averages()
        self.adopted = self._adopt()

    def _adopt(self) -> AdoptedObject | AdoptedFunctions | AdoptedNetwork:
        if isinstance(self.code, tuple):
            return AdoptedFunctions(self.code, self.parameters, dict(self.gradients or {}))
        code = copy.deepcopy(self.code)  # the user's own stays as it is
        if self.parameters is None and self.gradients is None and is_network(code):
            return AdoptedNetwork(code)
        return AdoptedObject(code, self.parameters, dict(self.gradients or {}))

    def __repr__(self) -> str:
        parts = self.code if isinstance(self.code, tuple) else (type(self.code),)
        return f"HandWritten({', '.join(part.__name__ for part in parts)})"

    def setup(self, input_shape: Shape) -> Shape:
        y = self._try_out(input_shape)
        self._say_averages()
        for name, values in self.adopted.values.items():
            self.declare(name, values.shape, _Given(values))
        self.output_shape = y.shape[1:]
        return self.output_shape

    def _try_out(self, input_shape: Shape) -> Array:
        """Run a copy once in both directions, to learn the output's shape and the parameters."""
        x = generator(0, "try out").standard_normal((2, *input_shape))
        self.one_by_one = isinstance(self.adopted, AdoptedNetwork) and self.adopted.lists_outputs(x)
        try:
            return self._both_passes(x)
        except ValueError as error:
            if "broadcast" not in str(error):
                raise
            self.one_by_one = True  # code for one example at a time
            return self._both_passes(x)

    def _both_passes(self, x: Array) -> Array:
        """The output of a copy for a batch, once both its passes have run."""
        batch = self._turn(x[:1] if self.one_by_one else x)
        self.adopted.learn(batch)
        if not self.one_by_one:
            self.averages = averages_of(self.adopted, batch, self.batch_axis)
        trial = copy.copy(self)
        trial.adopted = copy.deepcopy(self.adopted)
        y, memory = trial._run_forward(x)
        _, gradients = trial._run_backward(generator(1, "try out").standard_normal(y.shape), memory)
        for name, gradient in gradients.items():
            _fitted(name, gradient, self.adopted.values[name].shape)
        return y

    def _say_averages(self) -> None:
        means, unclear = (", ".join(sorted(names)) for names in self.averages)
        if means:
            notice(
                f"{self!r}: gradients of {means} are means over the batch, which the loss takes "
                "already: they are multiplied by the number of examples"
            )
        if unclear:
            notice(
                f"{self!r}: it does not show if gradients of {unclear} are sums or means over the "
                "batch; they are taken as sums"
            )

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Any]:
        # The code works on copies in float64, whatever the network's type: nothing that it does
        # to them reaches the network, and the small steps of RATE are measured exactly.
        for name in self.adopted.values:
            self.adopted.values[name] = getattr(self, name).astype(np.float64)
        y, memory = self._run_forward(x.astype(np.float64))
        return y.astype(x.dtype), (x, memory)

    def backward(self, dy: Array, cache: Any) -> Array:
        x, memory = cache
        dx, gradients = self._run_backward(dy.astype(np.float64), memory)
        for name, gradient in gradients.items():
            own = getattr(self, f"d{name}")
            own += _fitted(name, gradient, own.shape)
        if dx is None:  # nothing was returned for what lies before: let its use be seen
            return np.full_like(x, np.nan)
        return dx.astype(dy.dtype)

    def _run_forward(self, x: Array) -> tuple[Array, Any]:
        """The output for a batch, and what backward needs: for each example, where the code takes
        one at a time."""
        if not self.one_by_one:
            y, memory = self.adopted.forward(self._turn(x))
            return self._turn_back(y), memory
        passes = [self.adopted.forward(self._turn(x[n : n + 1])) for n in range(len(x))]
        return np.concatenate([self._turn_back(y) for y, _ in passes]), [m for _, m in passes]

    def _run_backward(self, dy: Array, memory: Any) -> tuple[Array | None, dict[str, Array]]:
        """dx, where the code gives it, and the gradients of the parameters."""
        if not self.one_by_one:
            dx, gradients = self.adopted.backward(self._turn(dy), memory)
            if dx is not None and "x" in self.averages.means:
                dx = dx * len(dy)
            gradients |= {n: gradients[n] * len(dy) for n in self.averages.means - {"x"}}
            return None if dx is None else self._turn_back(np.asarray(dx)), gradients
        parts, total = [], {n: np.zeros(v.shape) for n, v in self.adopted.values.items()}
        for n, each in enumerate(memory):
            dx, gradients = self.adopted.backward(self._turn(dy[n : n + 1]), each)
            parts.append(None if dx is None else self._turn_back(np.asarray(dx)))
            for name, gradient in gradients.items():
                total[name] += _fitted(name, gradient, total[name].shape)
        known = [part for part in parts if part is not None]
        return (np.concatenate(known) if known else None), total

    def _turn(self, x: Array) -> Array:
        return np.moveaxis(x, 0, self.batch_axis)

    def _turn_back(self, y: Array) -> Array:
        return np.moveaxis(y, self.batch_axis, 0)


class _Given(Initializer):
    """The values that the adopted code starts from."""

    def __init__(self, values: Array) -> None:
        self.values = values

    def __call__(self, shape: Shape, rng: np.random.Generator) -> Array:
        return self.values


def _fitted(name: str, gradient: Array, shape: Shape) -> Array:
    """`gradient` in the parameter's shape; axes of size 1 do not matter, all others do."""
    fitted = fit(gradient, shape)
    if fitted is None:
        raise ArgumentError(
            f"the gradient of {name!r} has shape {np.shape(gradient)}, but {name!r} has shape "
            f"{shape}: is it transposed, or summed over the wrong axis?"
        )
    return fitted
