"""A network: what users hold. A chain of layers that trains, predicts with the compiled engine, and
goes to a file and back."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from os import PathLike
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule import model_file
from chainrule.arguments import choice, integer
from chainrule.averages import Average
from chainrule.callbacks import Callback
from chainrule.chain import Chain
from chainrule.checkpoint import Checkpoints
from chainrule.configurable import Description
from chainrule.data.readers.frames import is_frame
from chainrule.data.training import BATCH_SIZE, Plan, TrainingData
from chainrule.errors import ArgumentError
from chainrule.history import History
from chainrule.layers.base import Layer
from chainrule.losses import Loss
from chainrule.optimizers import Optimizer
from chainrule.schedules import Schedule
from chainrule.summary import Summary, summarize
from chainrule.system.processes import ALONE, MpiProcesses
from chainrule.trainer import Trainer
from chainrule.training.progress import progress
from chainrule.training.runner import ENGINES
from chainrule.training.state import TrainingState
from chainrule.training.trouble.inputs import unlike
from chainrule.training.trouble.watch import Watch
from chainrule.types import Array, Shape

__all__ = ["Network", "load"]

REAL = "fiub"  # kinds of arrays that layers take as they are
CHECKED_PREDICTIONS = 100  # after training or loading; all later ones go unchecked, at full speed


class Network(Chain):
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
        super().__init__(layers, input_shape, seed, dtype)
        self.engine = choice(engine, "engine", ENGINES)
        self.threads = None if threads is None else integer(threads, "threads")
        self._predict_compiled: Callable[[Chain, Array], Array | None] | None = None
        self._last_training: tuple[Optimizer, TrainingState] | None = None
        self._checks_left = CHECKED_PREDICTIONS

    def fit(
        self,
        x: Any,
        y: Any = None,
        *,
        loss: Loss | Description = "softmax_cross_entropy",
        optimizer: Optimizer | Description = "adam",
        epochs: int | None = None,
        batch_size: int | str = BATCH_SIZE,
        validation: tuple[Any, Any] | float | int | None = None,
        metrics: Sequence[str | Callable[[Array, Array], float]] = (),
        schedule: Schedule | Description = "constant",
        samples_per_epoch: int | None = None,
        weights: npt.ArrayLike | None = None,
        class_weights: str | Sequence[float] | None = None,
        augment: Any = None,
        average: Average | Description | None = None,
        callbacks: Sequence[Callback] = (),
        quiet: bool = False,
        engine: str | None = None,
        threads: int | None = None,
        checkpoint: str | PathLike[str] | Checkpoints | None = None,
        resume: bool = False,
        warm_start: bool = False,
        on_nan: str = "stop",
        comm: Any = None,
        local_steps: int | None = None,
    ) -> History:
        """Train, and return the record of it.

        Args:
            x: ``(N, *input_shape)``, in memory or memory-mapped; or a function of the epoch
                (1, 2, …) that returns fresh ``(x, y)``, with y left out here.
            y: ``(N,)`` class numbers or ``(N, …)`` targets.
            loss, optimizer, schedule: an object, or its name.
            epochs: how many passes over the data; unless given, 10, and more of a small set, as
                `default_epochs` in `data.training` says.
            batch_size: examples in a step; 1 for one at a time, "full" for all.
            validation: ``(x, y)``, or how much of the data to hold out: a fraction, a count.
            metrics: names, or functions (outputs, targets) -> number.
            samples_per_epoch: draw so many random examples for each epoch, not all.
            weights: ``(N,)``, how much each example counts in training.
            class_weights: how much each class does: a number for each, or "balanced", which lets
                them count alike, however many examples they have.
            augment: how examples are changed anew in every epoch: Affine(shift=2), a list of
                changes, or text such as "affine(shift=2) + elastic".
            average: "ema" or "swa", or ExponentialAverage(decay), StochasticAverage(start_at): the
                network ends with an average of its weights, and is validated with it.
            callbacks: such as EarlyStopping.
            quiet: show no progress.
            engine, threads: for this training; the network's own unless given.
            checkpoint: a folder for checkpoints, about one a minute and one at the end; or
                `Checkpoints(folder, seconds, epochs, keep)`.
            resume: go on from the newest checkpoint in that folder, if there is one, to the same
                bits that an uninterrupted training gives.
            warm_start: go on where the last `fit` of this network ended, for so many more epochs,
                with the optimizer's memory, the count of epochs and the history as they are.
            on_nan: "stop" where a loss or weight is no finite number; "roll_back" goes back to the
                weights before that epoch and tries again with half the learning rate.
            comm: a communicator of mpi4py such as MPI.COMM_WORLD, whose processes all call this
                with the same arguments and train one network, each with its share of every batch.
                Only process 0 runs the callbacks.
            local_steps: have each of these processes make so many steps by itself, after which all
                take the mean of their weights; unless given, they share every step.
        Returns:
            The history: loss and metrics of training and validation for each epoch, and in
            `history.warnings` what trouble was seen.
        Raises:
            DataError, TargetError, ShapeError: data that does not fit, or is not finite.
            TrainingError: the loss or a weight is no longer a finite number. The network goes back
                to its last good weights.
            LayerError: a layer of the user's own failed.
            CheckpointError: the checkpoints are of another training, or damaged, or another
                process is writing them.
            ClusterError: the processes of `comm` differ in versions, processors or arguments.

        Ctrl-C ends training cleanly; the network keeps what it has learnt, and
        `history.stopped` says so.
        """
        processes = ALONE if comm is None else MpiProcesses(comm)
        with processes.ending_together():
            trainer = Trainer(
                self,
                loss=loss,
                optimizer=optimizer,
                schedule=schedule,
                metrics=metrics,
                callbacks=[*callbacks, Watch(), *([] if quiet else [progress()])],
                engine=engine or self.engine,
                threads=self.threads if threads is None else threads,
                checkpoints=as_checkpoints(checkpoint),
                resume=resume,
                on_nan=on_nan,
                class_weights=class_weights,
                augment=augment,
                average=average,
                local_steps=local_steps,
                processes=processes,
            )
            state = self._state_for(trainer.optimizer, warm_start)
            if isinstance(validation, tuple) and len(validation) == 2:
                validation = self._complete(validation[0]), validation[1]
            given = TrainingData.given(self._complete(x), y, weights)
            data, held_out = given.with_validation(validation, self.seed)
            known = state.history.warnings  # of an earlier training that this one goes on with
            repeated = processes.agree(lambda: data.repeated_in(held_out))
            known += [warning for warning in repeated if warning not in known]
            plan = Plan.of(epochs, batch_size, samples_per_epoch, len(data.x))
            plan = replace(plan, epochs=len(state.history) + plan.epochs)
            self._checks_left = 0  # the watch compares the validation data
            try:
                return trainer.train(data, plan, held_out, state)
            finally:
                self._checks_left = CHECKED_PREDICTIONS

    def _state_for(self, optimizer: Optimizer, warm_start: bool) -> TrainingState:
        """A new state for training, or the one in which the last `fit` ended."""
        if not warm_start or self._last_training is None:
            state = TrainingState(optimizer.start(self.parameters.flat))
        else:
            before, state = self._last_training
            if before.slots != optimizer.slots:
                raise ArgumentError(
                    f"warm_start continues with the optimizer's memory, but that of {before!r} is "
                    f"of no use to {optimizer!r}: leave out warm_start to begin with fresh memory"
                )
        self._last_training = optimizer, state
        return state

    def predict(self, x: Any) -> Array:
        """The outputs ``(N, *output_shape)``, with every layer as it is outside training.

        Inputs that are clearly unlike those of training are predicted all the same; the logger
        ``chainrule`` warns of them. Where the network came with the preparation of its data, as
        from a run folder, raw pixels of whole numbers are scaled and shaped as that says, and what
        is predicted is in the unit of the targets.
        """
        if self.preparation is not None:
            if self._checks_left and is_frame(x):
                self._warn(*self.preparation.compare_frame(x))
            x = self.preparation.complete(x)
        is_real = type(x) is np.ndarray and x.dtype.kind in REAL
        if not is_real or x.shape[1:] != self.input_shape:
            x = self.check_input(x)
        if self._checks_left:
            self._compare_with_training(x)
        if self.engine != "numpy":
            outputs = (self._predict_compiled or self._prepare_engine())(self, x)
            if outputs is not None:
                return self.in_unit_of_targets(outputs)
        return super().predict(x)

    def _complete(self, x: Any) -> Any:
        """`x` as the layers take it, where the network knows how its data was prepared."""
        return x if self.preparation is None or callable(x) else self.preparation.complete(x)

    def _compare_with_training(self, x: Any) -> None:
        """Warn, once, of inputs unlike those of training."""
        self._checks_left -= 1
        difference = None if self.input_range is None else unlike(x, self.input_range)
        if self.preparation is not None and self.preparation.seems_missing(x):
            difference = (
                "numbers as they stand in a table, but the network was trained on standardized "
                "ones: give a frame, or net.preparation.apply(x)"
            )
        if difference is not None:
            self._warn(f"warning: x has {difference}")

    def _warn(self, *differences: str) -> None:
        """Say how inputs differ from those of training, if they do, and compare no more."""
        for difference in differences:
            self._checks_left = 0
            logging.getLogger("chainrule").warning("%s", difference)

    def _prepare_engine(self) -> Callable[[Chain, Array], Array | None]:
        from chainrule.engine import CompiledPredictor  # imported when it is first needed

        must_compile = self.engine == "compiled"
        self._predict_compiled = CompiledPredictor(self.threads, must_compile)
        return self._predict_compiled

    def summary(self) -> Summary:
        """A table of the layers, their output shapes and parameters: ``print(net.summary())``."""
        return summarize(self)

    def _repr_html_(self) -> str:
        return self.summary()._repr_html_()

    def save(self, path: str | PathLike[str]) -> None:
        """Write architecture, weights and how to use them to one safetensors file."""
        model_file.save(self, path)

    def to_onnx(self, path: str | PathLike[str]) -> None:
        """Write the network as an ONNX file, for the programs that run those.

        x and y have the shapes they have here, images with the channels last. Where the network
        came with the preparation of its data, the file prepares x itself: it takes raw pixels, and
        the numbers of a table as they stand.

        Raises:
            ExportError: a layer of the user's own has no form in ONNX.
            MissingPackageError: the package onnx is not installed.
        """
        from chainrule.onnx_export import export  # imported when it is needed

        export(self, path)

    def __getstate__(self) -> Mapping[str, Any]:
        # Programs hold addresses of this network's arrays, which are not those of a copy; what the
        # optimizer remembers would triple its size.
        return {**vars(self), "_predict_compiled": None, "_last_training": None}


def as_checkpoints(given: str | PathLike[str] | Checkpoints | None) -> Checkpoints | None:
    """What `fit` takes as `checkpoint`."""
    return given if given is None or isinstance(given, Checkpoints) else Checkpoints(given)


def load(path: str | PathLike[str], own_layers: Sequence[type[Layer]] = ()) -> Network:
    """A network from a file that `Network.save` wrote, ready to predict.

    Args:
        own_layers: the user's own Layer classes that the network contains.
    Raises:
        ModelFileError: not a model of chainrule, or a damaged one.
    """
    return model_file.load(path, own_layers, Network)
