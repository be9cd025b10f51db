"""Callbacks that write a training down where other programs show it: TensorBoard, MLflow, and
Weights & Biases. What it was trained with goes there when it begins, loss and metrics after each
epoch.

    net.fit(x, y, callbacks=[cr.tracking.TensorBoard("events/first")])
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Mapping
from os import PathLike
from pathlib import Path
from typing import Any

from chainrule.callbacks import Callback, Training
from chainrule.errors import OutputError
from chainrule.extras import optional
from chainrule.history import Record
from chainrule.limits import shortened

__all__ = ["MLflow", "TensorBoard", "WandB"]

Settings = dict[str, str | int | float]


class Tracker(Callback):
    """The base of these callbacks: what each of them has to do."""

    only_shows = True

    @abstractmethod
    def begin(self, training: Training, settings: Settings) -> None:
        """Open what is written to, and write down what the network is trained with."""

    @abstractmethod
    def log(self, numbers: Record, epoch: int) -> None:
        """Write down the numbers of an epoch."""

    @abstractmethod
    def end(self, has_failed: bool) -> None:
        """Close what was opened. A training has failed if an error ended it."""

    def training_starts(self, training: Training) -> None:
        self.logged = len(training.history)  # by the training that this one goes on with
        self.begin(training, settings(training))

    def epoch_ends(self, training: Training) -> None:
        for record in training.history.records[self.logged :]:
            numbers = {name: value for name, value in record.items() if name != "epoch"}
            self.log(numbers, int(record["epoch"]))
        self.logged = len(training.history)

    def training_ends(self, training: Training) -> None:
        is_cut_short = len(training.history) < training.plan.epochs
        self.end(has_failed=is_cut_short and training.history.stopped is None)


class TensorBoard(Tracker):
    """Event files for TensorBoard: ``tensorboard --logdir events``. They hold numbers alone.

    Args:
        folder: where to write them, a folder of its own for each training.
    Raises:
        OutputError: when training starts, `folder` has event files already, and this training does
            not go on with an earlier one.
        MissingPackageError: the package tensorboard is not installed.
    """

    def __init__(self, folder: str | PathLike[str]) -> None:
        self.folder = Path(folder)
        self.package: Any = optional(
            "tensorboard.summary", "tracking.TensorBoard", "pip install tensorboard"
        )

    def begin(self, training: Training, settings: Settings) -> None:
        if not self.logged and any(self.folder.glob("events.out.tfevents.*")):
            raise OutputError(
                f"{self.folder} has the events of another training, and the curves of both would "
                "be one: give this training a folder of its own"
            )
        self.writer = self.package.Writer(str(self.folder))

    def log(self, numbers: Record, epoch: int) -> None:
        for name, value in numbers.items():
            self.writer.add_scalar(name, value, epoch)
        self.writer.flush()

    def end(self, has_failed: bool) -> None:
        self.writer.close()


class MLflow(Tracker):
    """A run in MLflow: the active one, or else a new one that ends when training does.

    Which server, database or folder, and which experiment, say ``mlflow.set_tracking_uri`` and
    ``mlflow.set_experiment``. For a folder, MLflow 3.17 wants MLFLOW_ALLOW_FILE_STORE=true in the
    environment.

    Raises:
        MissingPackageError: the package mlflow is not installed.
    """

    def __init__(self) -> None:
        self.mlflow: Any = optional("mlflow", "tracking.MLflow", "pip install mlflow")

    def begin(self, training: Training, settings: Settings) -> None:
        self.has_own_run = self.mlflow.active_run() is None
        if self.has_own_run:
            self.mlflow.start_run()
        self.mlflow.log_params(settings)

    def log(self, numbers: Record, epoch: int) -> None:
        self.mlflow.log_metrics(numbers, step=epoch)

    def end(self, has_failed: bool) -> None:
        if self.has_own_run:
            self.mlflow.end_run("FAILED" if has_failed else "FINISHED")


class WandB(Tracker):
    """A run in Weights & Biases: the active one, or else a new one that ends when training does.

    All further settings go to ``wandb.init``, called before; or are those of its environment, such
    as ``WANDB_MODE=offline``.

    Args:
        project: of a new run.
    Raises:
        MissingPackageError: the package wandb is not installed.
    """

    def __init__(self, project: str | None = None) -> None:
        self.project = project
        self.wandb: Any = optional("wandb", "tracking.WandB", "pip install wandb")

    def begin(self, training: Training, settings: Settings) -> None:
        self.has_own_run = self.wandb.run is None
        self.run = self.wandb.init(project=self.project) if self.has_own_run else self.wandb.run
        self.run.config.update(settings, allow_val_change=True)

    def log(self, numbers: Record, epoch: int) -> None:
        self.run.log({**numbers, "epoch": epoch})  # a run counts its steps itself

    def end(self, has_failed: bool) -> None:
        if self.has_own_run:
            self.run.finish(exit_code=int(has_failed))


def settings(training: Training) -> Settings:
    """What a network is trained with, in plain values."""
    network, plan = training.network, training.plan
    described: Mapping[str, Any] = {
        "layers": ", ".join(map(repr, network.layers)),
        "loss": network.loss,  # as it was asked for, in the unit of the targets
        "optimizer": training.optimizer,
        "schedule": training.schedule,
        "input_shape": network.input_shape,
    }
    return {
        **{name: shortened(str(value)) for name, value in described.items()},
        "learning_rate": training.optimizer.learning_rate,
        "epochs": plan.epochs,
        "batch_size": plan.batch_size,
        "examples": len(training.data.x),
        "parameters": network.parameters.flat.size,
        "dtype": network.dtype.name,
        "seed": network.seed,
    }
