"""A network: layers in a row, their parameters in one flat vector, and what one does with them."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from os import PathLike
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chainrule.arguments import choice, float_type, integer, shape
from chainrule.configurable import Description, build
from chainrule.data.dataset import check_pair
from chainrule.errors import ArgumentError, ShapeError
from chainrule.layers.base import Layer, State, set_up, walk
from chainrule.layers.containers import Sequential
from chainrule.losses import LOSSES, Loss
from chainrule.metrics import Metric, as_metric
from chainrule.parameters import Array, FlatArrays, Shape
from chainrule.seeding import generator
from chainrule.summary import Summary, summarize

if TYPE_CHECKING:
    from chainrule.callbacks import Callback
    from chainrule.engine import CompiledPrediction
    from chainrule.history import History
    from chainrule.optimizers import Optimizer
    from chainrule.schedules import Schedule

__all__ = ["Network", "load"]

ENGINES = ("auto", "compiled", "numpy")
PREDICTION_BATCH = 256  # examples predicted at a time, whatever the number asked for


class Network:
    """Layers applied in turn.

    `parameters` and `gradients` are mappings of views, keyed ``"position.name"`` (``"0.W"``,
    ``"3.branch.0.b"``), over one vector each, `parameters.flat` and `gradients.flat`.

    Args:
        layers: the layers, in order. Layers that are in use elsewhere already are copied.
        input_shape: the shape of one example, without the batch axis.
        seed: where every random draw of this network comes from.
        dtype: "float32" or "float64".
        engine: "compiled" trains and predicts with the compiled engine, "numpy" with the layers
            themselves; "auto" with the engine wherever all layers have a compiled form.
        threads: of the engine; all cores unless given.
    Raises:
        ShapeError: layers that do not fit; the message names the layer and says what to do.

    >>> from chainrule.layers import Dense, ReLU
    >>> network = Network([Dense(4), ReLU(), Dense(1)], input_shape=2)
    >>> network.predict(np.zeros((3, 2))).shape
    (3, 1)
    >>> list(network.parameters)
    ['0.W', '0.b', '2.W', '2.b']
    """

    def __init__(
        self,
        layers: Sequence[Layer],
        input_shape: int | Shape,
        seed: int = 0,
        dtype: npt.DTypeLike = "float32",
        engine: str = "auto",
        threads: int | None = None,
    ) -> None:
        if not layers:
            raise ArgumentError("a network needs at least one layer, received none")
        self.root = Sequential(layers)
        if any(layer.is_built for _, layer in walk(self.root)):
            self.root = copy.deepcopy(self.root)
        self.input_shape = shape(input_shape, "input_shape")
        self.seed = integer(seed, "seed", at_least=0)
        self.dtype = float_type(dtype)
        self.engine = choice(engine, "engine", ENGINES)
        self.threads = None if threads is None else integer(threads, "threads")
        self.output_shape = set_up(self.root, self.input_shape)
        self.state = State.allocate(self.root, self.seed, self.dtype)
        self._idle_programs = no_programs()
        self.loss: Loss | None = None
        self.metrics: list[Metric] = []
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
        for name, regularizer in self.state.regularizers.items():
            regularizer.add_gradient(self.parameters[name], self.gradients[name])
        return value + self.penalty()

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

    def start_epoch(self, epoch: int) -> None:
        """Give every random layer the generator of this epoch."""
        for position, layer in walk(self.root):
            if layer.random:
                layer.rng = generator(self.seed, f"layer {position}", epoch)

    # --- use ------------------------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        loss: Loss | Description = "softmax_cross_entropy",
        optimizer: Optimizer | Description = "adam",
        epochs: int = 10,
        batch_size: int | str = 128,
        validation: tuple[Any, Any] | float | int | None = None,
        metrics: Sequence[str | Callable[[Array, Array], float]] = (),
        schedule: Schedule | Description = "constant",
        samples_per_epoch: int | None = None,
        weights: npt.ArrayLike | None = None,
        callbacks: Sequence[Callback] = (),
        quiet: bool = False,
        engine: str | None = None,
        threads: int | None = None,
    ) -> History:
        """Train, and return the record of it.

        Args:
            x: ``(N, *input_shape)``, in memory or memory-mapped; or a function of the epoch
                (1, 2, …) that returns fresh ``(x, y)``, with y left out here.
            y: ``(N,)`` class numbers or ``(N, …)`` targets.
            loss, optimizer, schedule: an object, or its name.
            epochs: how many passes over the data.
            batch_size: examples in a step; 1 for one at a time, "full" for all.
            validation: ``(x, y)``, or how much of the data to hold out: a fraction, a count.
            metrics: names, or functions (outputs, targets) -> number.
            samples_per_epoch: draw so many random examples for each epoch, not all.
            weights: ``(N,)``, how much each example counts.
            callbacks: such as EarlyStopping.
            quiet: show no progress.
            engine, threads: for this training; the network's own unless given.
        Returns:
            The history: loss and metrics of training and validation for each epoch.
        Raises:
            DataError, TargetError, ShapeError: data that does not fit.
            TrainingError: the loss is no longer a finite number.

        Ctrl-C ends training cleanly; the network keeps what it has learnt, and
        `history.stopped` says so.
        """
        from chainrule.data.training import Plan, TrainingData
        from chainrule.trainer import Trainer

        trainer = Trainer(
            self,
            loss=loss,
            optimizer=optimizer,
            schedule=schedule,
            metrics=metrics,
            callbacks=callbacks,
            quiet=quiet,
            engine=engine,
            threads=threads,
        )
        plan = Plan(epochs, batch_size, samples_per_epoch)
        return trainer.train(TrainingData.given(x, y, weights), plan, validation)

    def predict(self, x: Any) -> Array:
        """The outputs ``(N, *output_shape)``, with every layer as it is outside training."""
        if type(x) is not np.ndarray or x.shape[1:] != self.input_shape:
            x = self.check_input(x)
        if self.engine != "numpy":
            outputs = compiled_predict()(self, x)
            if outputs is not None:
                return outputs
        return self._predict_with_layers(x)

    def _predict_with_layers(self, x: Any) -> Array:
        outputs = [
            self.forward(x[start : start + PREDICTION_BATCH])[0]
            for start in range(0, len(x), PREDICTION_BATCH)
        ]
        return np.concatenate(outputs) if outputs else np.empty((0, *self.output_shape), self.dtype)

    def evaluate(
        self,
        x: Any,
        y: npt.ArrayLike,
        loss: Loss | Description | None = None,
        metrics: Sequence[str | Callable[[Array, Array], float]] | None = None,
    ) -> dict[str, float]:
        """Loss and metrics on some data; those of training unless given.

        >>> from chainrule.layers import Dense
        >>> network = Network([Dense(1, initializer="zeros")], input_shape=1)
        >>> network.evaluate([[1.0], [2.0]], [[1.0], [1.0]], loss="mean_squared_error")
        {'loss': 1.0}
        """
        check_pair(x, np.asarray(y), "evaluation")
        chosen = self.choose_loss(loss)
        listed = self.metrics if metrics is None else [as_metric(metric) for metric in metrics]
        return self.judge(self.predict(x), np.asarray(y), chosen, listed)

    def judge(
        self, outputs: Array, y: Array, loss: Loss, metrics: Sequence[Metric]
    ) -> dict[str, float]:
        """Loss and metrics for outputs already computed."""
        value, _ = loss.forward(outputs, y)
        return {"loss": value + self.penalty(), **measure(outputs, y, loss, metrics)}

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

    def summary(self) -> Summary:
        """A table of the layers, their output shapes and parameters: ``print(net.summary())``."""
        return summarize(self)

    def save(self, path: str | PathLike[str]) -> None:
        """Write architecture, weights and how to use them to one safetensors file."""
        from chainrule.model_file import save

        save(self, path)

    def check_input(self, x: Any) -> Any:
        """`x` as a batch of examples, or an error that says what shape is expected. An array
        stays as it is, so that a memory-mapped one is read batch by batch."""
        if not hasattr(x, "shape"):
            x = np.asarray(x, self.dtype)
        if x.ndim == 0 or tuple(x.shape[1:]) != self.input_shape:
            expected = ", ".join(["N", *map(str, self.input_shape)])
            hint = ": for a single example, write x[None]" if x.shape == self.input_shape else ""
            raise ShapeError(
                f"the network expects x of shape ({expected}), received {tuple(x.shape)}{hint}"
            )
        return x

    def __getstate__(self) -> dict[str, Any]:
        # Programs hold addresses of this network's arrays, which are not those of a copy.
        return {**vars(self), "_idle_programs": no_programs()}

    def __setstate__(self, state: Mapping[str, Any]) -> None:
        # A copy or unpickled network has its own flat vectors: point its layers at them.
        self.__dict__.update(state)
        self.state.bind(self.root)

    def __repr__(self) -> str:
        return f"Network({self.layers!r}, input_shape={self.input_shape})"


def no_programs() -> dict[bool, list[CompiledPrediction | None]]:
    """The compiled programs that predict few rows, and many, as far as no one is using them; None
    for that there can be none."""
    return {True: [], False: []}


@cache
def compiled_predict() -> Callable[[Network, Any], Array | None]:
    """The engine's prediction, imported when it is first needed."""
    from chainrule.engine import predict

    return predict


def measure(outputs: Array, y: Array, loss: Loss, metrics: Sequence[Metric]) -> dict[str, float]:
    """Each metric by name; class metrics on the classes that `loss` reads from the outputs."""
    classes = loss.classes(outputs) if any(m.reads == "classes" for m in metrics) else outputs
    return {
        metric.name: float(metric.function(classes if metric.reads == "classes" else outputs, y))
        for metric in metrics
    }


def load(path: str | PathLike[str], own_layers: Sequence[type[Layer]] = ()) -> Network:
    """A network from a file that `Network.save` wrote, ready to predict.

    Args:
        own_layers: the user's own Layer classes that the network contains.
    Raises:
        ModelFileError: not a model of chainrule, or a damaged one.
    """
    from chainrule.model_file import load as load_file

    return load_file(path, own_layers)
