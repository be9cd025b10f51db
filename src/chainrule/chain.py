"""Layers in a row with their parameters, and the chain rule through them.

A `Chain` is what a trainer, a compiled program and a model file need of a network, in NumPy alone.
`Network`, which users hold, adds the compiled engine, training, and files.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.arguments import float_type, integer, shape
from chainrule.configurable import Description, build
from chainrule.data.dataset import check_pair
from chainrule.data.given import as_array
from chainrule.data.preparation import Preparation
from chainrule.data.tables.target_scale import TargetScale
from chainrule.errors import ArgumentError, ShapeError
from chainrule.layers.base import Layer, State, set_up, walk
from chainrule.layers.containers import Sequential
from chainrule.losses import LOSSES, Loss
from chainrule.metrics import Metric, as_metric
from chainrule.objective import Objective
from chainrule.parameters import FlatArrays
from chainrule.seeding import generator
from chainrule.types import Array, Shape

PREDICTION_BATCH = 256  # examples predicted at a time, whatever the number asked for


class Chain:
    """Layers applied in turn, and what runs them in NumPy; see `Network` for the arguments."""

    def __init__(
        self,
        layers: Sequence[Layer],
        input_shape: int | Shape,
        seed: int = 0,
        dtype: npt.DTypeLike = "float32",
    ) -> None:
        if not layers:
            raise ArgumentError("a network needs at least one layer, received none")
        self.root = Sequential(layers)
        if any(layer.is_built for _, layer in walk(self.root)):
            self.root = copy.deepcopy(self.root)
        self.input_shape = shape(input_shape, "input_shape")
        self.seed = integer(seed, "seed", at_least=0)
        self.dtype = float_type(dtype)
        self.output_shape = set_up(self.root, self.input_shape)
        self.state = State.allocate(self.root, self.seed, self.dtype)
        self.loss: Loss | None = None
        self.metrics: list[Metric] = []
        self.input_range: tuple[float, float] | None = None  # of the inputs it was trained on
        self.preparation: Preparation | None = None  # from files to inputs, where data had any
        self.start_epoch(0)

    @property
    def layers(self) -> list[Layer]:
        """The layers, in order."""
        return self.root.layers

    @property
    def parameters(self) -> FlatArrays:
        """All that training changes."""
        return self.state.parameters

    @property
    def gradients(self) -> FlatArrays:
        """The gradient of the loss with respect to each parameter, under the same names."""
        return self.state.gradients

    @property
    def buffers(self) -> FlatArrays:
        """What layers keep and files hold, but training does not change: running means."""
        return self.state.buffers

    # --- the chain rule -------------------------------------------------------------------

    def forward(self, x: npt.ArrayLike, training: bool = False) -> tuple[Array, list[Any]]:
        """The output for a batch ``(N, *input_shape)``, and a cache for each layer."""
        return self.root.forward(np.asarray(self.check_input(x), self.dtype), training)

    def backward(self, dy: npt.ArrayLike, caches: list[Any]) -> Array:
        """The gradient with respect to x, given the one with respect to the output; adds the
        parameters' gradients to `gradients`."""
        return self.root.backward(np.asarray(dy, self.dtype), caches)

    def loss_and_gradients(
        self,
        x: npt.ArrayLike,
        y: npt.ArrayLike,
        loss: Loss | Description | None = None,
        weights: Array | None = None,
        training: bool = True,
    ) -> tuple[float, FlatArrays]:
        """The loss on a batch, penalties of regularizers included, and its gradients.

        The gradients are `self.gradients`: the next call overwrites them.
        """
        predictions, caches = self.forward(x, training)
        value = self.backward_from_loss(predictions, caches, y, loss, weights)
        return value, self.gradients

    def backward_from_loss(
        self,
        predictions: Array,
        caches: list[Any],
        y: npt.ArrayLike,
        loss: Loss | Description | None = None,
        weights: Array | None = None,
    ) -> float:
        """The second half of `loss_and_gradients`, for predictions already made."""
        loss = self.choose_loss(loss)
        value, cache = loss.forward(predictions, np.asarray(y), weights)
        self.gradients.flat[:] = 0
        self.backward(loss.backward(cache), caches)
        return value + self.penalize()

    def penalize(self) -> float:
        """Add the gradients of the regularizers; what they add to the loss."""
        for name, regularizer in self.state.regularizers.items():
            regularizer.add_gradient(self.parameters[name], self.gradients[name])
        return self.penalty()

    def penalty(self) -> float:
        """What the layers' regularizers add to the loss."""
        return sum(
            regularizer.penalty(self.parameters[name])
            for name, regularizer in self.state.regularizers.items()
        )

    def decay_weights(self, learning_rate: float) -> None:
        """Shrink the weights of layers that have a decoupled weight decay."""
        for name, regularizer in self.state.regularizers.items():
            if regularizer.decay:
                weights = self.parameters[name]
                weights *= 1 - learning_rate * regularizer.decay

    @property
    def is_finite(self) -> bool:
        """True if no parameter and no buffer holds NaN or infinity."""
        return bool(
            np.isfinite(self.parameters.flat).all() and np.isfinite(self.buffers.flat).all()
        )

    def start_epoch(self, epoch: int) -> None:
        """Give every random layer the generator of this epoch."""
        for position, layer in self.random_layers().items():
            layer.rng = generator(self.seed, f"layer {position}", epoch)

    def random_layers(self) -> dict[str, Layer]:
        """The layers that draw random numbers, by their positions."""
        return {position: layer for position, layer in walk(self.root) if layer.random}

    # --- use ------------------------------------------------------------------------------

    def predict(self, x: Any) -> Array:
        """The outputs ``(N, *output_shape)``, with every layer as it is outside training; in the
        unit of the targets where those were standardized for the layers."""
        x = self.check_input(x)
        outputs = [
            self.forward(x[start : start + PREDICTION_BATCH])[0]
            for start in range(0, len(x), PREDICTION_BATCH)
        ]
        if not outputs:
            return np.empty((0, *self.output_shape), self.dtype)
        return self.in_unit_of_targets(np.concatenate(outputs))

    @property
    def target_scale(self) -> TargetScale | None:
        """How targets are standardized for the layers; None where they are taken as they are."""
        return None if self.preparation is None else self.preparation.target_scale

    def in_unit_of_targets(self, outputs: Array) -> Array:
        """What the layers put out, in the unit of the targets."""
        scale = self.target_scale
        return outputs if scale is None else scale.restore(outputs)

    def evaluate(
        self,
        x: Any,
        y: npt.ArrayLike,
        loss: Loss | Description | None = None,
        metrics: Sequence[str | Callable[[Array, Array], float]] | None = None,
    ) -> dict[str, float]:
        """Loss and metrics on some data; those of training unless given.

        >>> from chainrule.layers import Dense
        >>> chain = Chain([Dense(1, initializer="zeros")], input_shape=1)
        >>> chain.evaluate([[1.0], [2.0]], [[1.0], [1.0]], loss="mean_squared_error")
        {'loss': 1.0}
        """
        y = np.asarray(as_array(y, "y"))
        check_pair(x, y, "evaluation")
        chosen = self.choose_loss(loss)
        listed = self.metrics if metrics is None else [as_metric(metric) for metric in metrics]
        return self.judge(self.predict(x), y, chosen, listed)

    def judge(
        self, outputs: Array, y: Array, loss: Loss, metrics: Sequence[Metric]
    ) -> dict[str, float]:
        """Loss and metrics for outputs already computed, as `predict` gives them."""
        value, _ = loss.forward(outputs, y)
        penalty = self.penalty()
        if penalty:
            value += penalty * self.objective(loss).factor
        return {"loss": value, **measure(outputs, y, loss, metrics)}

    def objective(self, loss: Loss) -> Objective:
        """What the layers are trained on where `loss` is asked for."""
        return Objective.of(loss, self.target_scale)

    def choose_loss(self, loss: Loss | Description | None) -> Loss:
        """The loss asked for, or the one this network was trained with."""
        if loss is not None:
            return build(loss, LOSSES, "loss")
        if self.loss is None:
            raise ArgumentError(
                "this network has not been trained yet, so the loss must be given: "
                "loss='softmax_cross_entropy', say"
            )
        return self.loss

    def check_input(self, x: Any) -> Any:
        """`x` as a batch of examples, or an error that says what shape is expected. An array
        stays as it is, so that a memory-mapped one is read batch by batch."""
        x = as_array(x, "x") if hasattr(x, "shape") else np.asarray(x, self.dtype)
        if x.ndim == 0 or tuple(x.shape[1:]) != self.input_shape:
            expected = ", ".join(["N", *map(str, self.input_shape)])
            hint = ": for a single example, write x[None]" if x.shape == self.input_shape else ""
            raise ShapeError(
                f"the network expects x of shape ({expected}), received {tuple(x.shape)}{hint}"
            )
        return x

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        # A copy or unpickled network has its own flat vectors: point its layers at them.
        self.__dict__.update(state)
        self.state.bind(self.root)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.layers!r}, input_shape={self.input_shape})"


def measure(outputs: Array, y: Array, loss: Loss, metrics: Sequence[Metric]) -> dict[str, float]:
    """Each metric by name, on what `loss` reads from the outputs for it."""
    read: dict[str, Callable[[], tuple[Array, Array]]] = {
        "classes": lambda: (loss.classes(outputs), loss.true_classes(y)),
        "labels": lambda: (loss.labels(outputs), y),
        "outputs": lambda: (outputs, y),
    }
    given = {kind: read[kind]() for kind in dict.fromkeys(metric.reads for metric in metrics)}
    return {metric.name: float(metric.function(*given[metric.reads])) for metric in metrics}
