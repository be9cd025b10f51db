"""From a configuration to a run folder: data, network, training, test."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from chainrule import datasets
from chainrule.augment import Augmentation
from chainrule.averages import AVERAGES
from chainrule.callbacks import Callback, EarlyStopping, Training
from chainrule.checkpoint import Checkpoints
from chainrule.configurable import build
from chainrule.data.dataset import Dataset
from chainrule.data.reading import check_source
from chainrule.data.splits import Share, default_held_out
from chainrule.data.synthetic import DEFAULT_SAMPLES, SYNTHETIC
from chainrule.data.training import Plan
from chainrule.engine.running.threads import available_threads
from chainrule.errors import ChainruleError, ConfigError, DataError
from chainrule.experiments.config import TrainConfig, to_toml
from chainrule.experiments.models import (
    check_input_shape,
    check_model,
    check_output_activation,
    check_outputs,
    check_size,
    default_loss,
    default_metrics,
    default_weight_decay,
    describe_model,
)
from chainrule.experiments.recording import RecordLayers
from chainrule.experiments.run_folder import (
    CHECKPOINTS,
    CONFIG,
    CURVES,
    LAYERS,
    METRICS,
    MODEL,
    SUMMARY,
    finish,
)
from chainrule.experiments.stored import RunSummary, as_json, write_json
from chainrule.files import whole_file
from chainrule.history import History
from chainrule.initializers import INITIALIZERS
from chainrule.layers import ACTIVATIONS
from chainrule.layers.descriptions import build_layers
from chainrule.losses import LOSSES, Huber, Loss, MeanAbsoluteError, MeanSquaredError
from chainrule.metrics import as_metric
from chainrule.network import Network
from chainrule.optimizers import OPTIMIZERS, Optimizer
from chainrule.schedules import SCHEDULES
from chainrule.system.environment import processor, versions
from chainrule.system.processes import ALONE, Processes

DEFAULT_OPTIMIZER = TrainConfig.model_fields["optimizer"].default
RATE_OF_NUMBERS = 0.003
REGRESSION_LOSSES = (MeanSquaredError, MeanAbsoluteError, Huber)


@dataclass(frozen=True)
class Prepared:
    """A run about to begin: the complete configuration, the data, the untrained network."""

    config: TrainConfig
    dataset: Dataset
    network: Network

    @property
    def held_out(self) -> tuple[Any, Any] | None:
        """What to validate on."""
        if self.config.validation and is_drawn(self.config):
            return fresh_points(self.config)(0)
        if self.dataset.x_validation is None:
            return None
        return self.dataset.x_validation, self.dataset.y_validation


@dataclass(frozen=True)
class Outcome:
    """A run that has ended: the network, its history, the numbers of `summary.json`, and what went
    wrong after training."""

    network: Network
    history: History
    summary: RunSummary
    problems: list[str]


def prepare(
    config: TrainConfig, processes: Processes = ALONE, dataset: Dataset | None = None
) -> Prepared:
    """Load the data, fill in what the configuration leaves open, and build the network.

    Args:
        processes: those that prepare the same together, see `load`.
        dataset: the data, where it is loaded already.
    Raises:
        ChainruleError: data or layers that cannot be, before anything is written.
    """
    if config.ensemble is not None:
        raise ConfigError("ensemble is for `chainrule train` alone: leave it out")
    check_names(config)
    if dataset is None:
        dataset = load_data(config, processes)
    decay = default_weight_decay(config, dataset)
    config = config.model_copy(update={"weight_decay": decay})
    loss = build(config.loss or default_loss(dataset), LOSSES, "loss")
    optimizer = make_optimizer(config)
    layers = config.layers or describe_model(config, dataset, loss)
    validation = default_validation(config, dataset)
    available = len(dataset.x_train)
    plan = Plan.of(config.epochs, config.batch_size, config.samples_per_epoch, available)
    early_stopping = config.early_stopping
    if dataset.class_names is None and validation:
        optimizer = for_numbers(config, optimizer)
        early_stopping = early_stopping or plan.epochs  # which ends nothing, and keeps the best
    resolved = config.model_copy(
        update={
            "layers": layers,
            "input_shape": list(dataset.input_shape),
            "loss": config.loss or default_loss(dataset),
            "learning_rate": optimizer.learning_rate,
            "metrics": config.metrics or default_metrics(dataset),
            "validation": validation,
            "epochs": plan.epochs,
            "early_stopping": early_stopping,
            "threads": config.threads or available_threads(),
        }
    )
    check_input_shape(config, dataset)
    check_output_activation(config, dataset, loss)
    built = build_layers(layers)
    check_size(built, dataset.input_shape)
    network = Network(
        built,
        dataset.input_shape,
        config.seed,
        config.dtype,
        config.engine,
        resolved.threads,
    )
    check_outputs(network, dataset, loss)
    check_class_weights(config, dataset)
    check_test(config, dataset)
    if config.augment is not None:
        Augmentation.of(config.augment).check(dataset.input_shape)
    network.preparation = dataset.preparation
    return Prepared(resolved, dataset, network)


def run(
    prepared: Prepared,
    folder: Path,
    quiet: bool = False,
    checkpoints: Checkpoints | None = None,
    *,
    looks_at_test: bool = True,
    comm: Any = None,
) -> Outcome:
    """Train, test and draw, and fill a run folder; go on where it was left, if it was. With `comm`,
    as in `Network.fit`, this is the first of several processes; the others call `train`.

    Training that is interrupted leaves its model, its history and a checkpoint. The model is in
    its place before it is tested and its curves are drawn; what fails then is among the outcome's
    problems.
    """
    network, dataset = prepared.network, prepared.dataset
    if not (folder / CONFIG).exists():
        with whole_file(folder / CONFIG) as file:
            file.write(to_toml(prepared.config).encode())
    recording = [
        WriteMetrics(folder / METRICS),
        RecordLayers(folder / LAYERS),
        SaveModel(prepared, folder),
    ]
    checkpoints = checkpoints or Checkpoints(folder / CHECKPOINTS)
    history = train(prepared, recording, quiet, checkpoints, comm)
    summary, problems = summarize(prepared, history), []
    if summary.finished:
        summary = summary.model_copy(update=test(network, dataset, looks_at_test))
        problems = attempt(
            "curves.png could not be drawn", partial(draw, prepared, history, folder)
        )
        write_json(folder / SUMMARY, summary)
        finish(folder)
    return Outcome(network, history, summary, problems)


def draw(prepared: Prepared, history: History, folder: Path) -> None:
    """Draw the learning curves."""
    if len(history):
        title = f"{prepared.dataset.name}: {prepared.config.model}"
        history.plot(folder / CURVES, title)


def attempt(what: str, action: Callable[[], None]) -> list[str]:
    """Do something that a finished training must not depend on; what went wrong, if anything."""
    try:
        action()
    except (ChainruleError, OSError, ValueError, MemoryError) as error:
        return [f"{what}: {error}"]
    return []


def check_names(config: TrainConfig) -> None:
    """Refuse names that nothing answers to, before anything is loaded or trained."""
    check_source(config.data)
    for part in (config.validation, config.test):
        if isinstance(part, str):
            check_source(part)
    check_model(config)
    build(config.activation, ACTIVATIONS, "activation")
    build(config.output_activation or "sigmoid", ACTIVATIONS, "output activation")
    build(config.init or "zeros", INITIALIZERS, "initializer")
    build(config.loss or "huber", LOSSES, "loss")
    make_optimizer(config)
    build(config.schedule, SCHEDULES, "schedule")
    Augmentation.of(config.augment or [])
    build(config.average or "ema", AVERAGES, "average")
    for metric in config.metrics or ():
        as_metric(metric)


def train(
    prepared: Prepared,
    callbacks: Sequence[Callback] = (),
    quiet: bool = True,
    checkpoints: Checkpoints | None = None,
    comm: Any = None,
) -> History:
    """Train the prepared network on the prepared data, or go on from the newest checkpoint."""
    config, dataset = prepared.config, prepared.dataset
    stopping = [EarlyStopping(config.early_stopping)] if config.early_stopping else []
    measuring = [MeasureTest(dataset.x_test, dataset.y_test)] if config.test_each_epoch else []
    return prepared.network.fit(
        fresh_points(config) if config.fresh_data else dataset.x_train,
        None if config.fresh_data else dataset.y_train,
        loss=config.loss or default_loss(dataset),
        optimizer=make_optimizer(config),
        schedule=config.schedule,
        epochs=config.epochs,
        batch_size=config.batch_size,
        samples_per_epoch=config.samples_per_epoch,
        validation=prepared.held_out,
        metrics=config.metrics or (),
        callbacks=[
            *stopping,
            *measuring,
            *callbacks,
        ],  # stopping puts the best weights back before they are saved
        quiet=quiet,
        checkpoint=checkpoints,
        resume=True,
        on_nan=config.on_nan,
        class_weights=config.class_weights,
        augment=config.augment,
        average=config.average,
        comm=comm,
        local_steps=config.local_steps,
    )


def load_data(config: TrainConfig, processes: Processes = ALONE) -> Dataset:
    """The data set that the configuration names."""
    loss = build(config.loss, LOSSES, "loss") if config.loss else None
    dataset = datasets.load(
        config.data,
        data_dir=config.data_dir,
        seed=config.seed_of_data,
        samples=config.samples,
        label_column=config.label_column,
        task=task_of(loss),
        validation=0 if is_drawn(config) else config.validation,
        test=config.test,
        group_column=config.group_column,
        image_size=config.image_size,
        grayscale=config.grayscale,
        flag_missing=config.flag_missing,
        processes=processes,
    )
    if dataset.class_names is not None and len(dataset.class_names) < 2:
        raise DataError(f"{dataset.name}: all examples are of one class: give two or more classes")
    if config.fresh_data and dataset.name not in SYNTHETIC:
        raise ConfigError(
            f"fresh_data draws new points for each epoch, which {dataset.name} does not have: "
            f"leave it out, or choose among {', '.join(SYNTHETIC)}"
        )
    return dataset


def check_class_weights(config: TrainConfig, dataset: Dataset) -> None:
    """Refuse weights of classes where there are none, or where examples are yet to be drawn."""
    if config.class_weights is None:
        return
    if dataset.class_names is None:
        raise ConfigError(
            f"class_weights={config.class_weights} is for classes, but {dataset.name} is predicted "
            "as numbers: leave it out, or choose a loss for classes"
        )
    if config.fresh_data:
        raise ConfigError("class_weights cannot be had with fresh_data: leave out one of them")


def check_test(config: TrainConfig, dataset: Dataset) -> None:
    """Refuse to measure a test part that is not there."""
    if config.test_each_epoch and dataset.x_test is None:
        raise ConfigError(
            f"test_each_epoch measures a test part, which {dataset.name} does not have: give one "
            "with test, a share of the data or a file"
        )


def refuse_early_test(config: TrainConfig) -> None:
    """Refuse to show the test part of runs among which one is yet to be chosen."""
    if config.test_each_epoch:
        raise ConfigError(
            "test_each_epoch shows the test part, which is not looked at before a choice is made: "
            "leave it out"
        )


def task_of(loss: Loss | None) -> str | None:
    """What a loss is for; None where none was asked for, so that the data decides."""
    if loss is None:
        return None
    return "regression" if isinstance(loss, REGRESSION_LOSSES) else "classification"


def fresh_points(config: TrainConfig) -> Callable[[int], tuple[Any, Any]]:
    """The function of the epoch that draws its points."""
    samples = config.samples or DEFAULT_SAMPLES
    return lambda epoch: datasets.fresh(config.data, samples, config.seed, epoch)


def is_drawn(config: TrainConfig) -> bool:
    """True if validation is on points that are drawn for it: the draw of epoch 0, which none trains
    on, where others are drawn for each epoch."""
    return config.fresh_data and not isinstance(config.validation, str)


def default_validation(config: TrainConfig, dataset: Dataset) -> Share | str:
    """The validation asked for, or a tenth of the training data where that is enough."""
    if config.validation is not None:
        return config.validation
    held_out = 0 if dataset.x_validation is None else len(dataset.x_validation)
    return default_held_out(len(dataset.x_train) + held_out)


def make_optimizer(config: TrainConfig) -> Optimizer:
    """The optimizer, at the learning rate of the configuration where it gives one."""
    optimizer = build(config.optimizer, OPTIMIZERS, "optimizer")
    given = {"learning_rate": config.learning_rate, "clip_value": config.clip}
    return replace(optimizer, **{name: value for name, value in given.items() if value is not None})


def for_numbers(config: TrainConfig, optimizer: Optimizer) -> Optimizer:
    """The optimizer where numbers are predicted and the best epoch by a validation part is kept:
    unless told otherwise, Adam makes longer steps. Smooth targets gain from that; of noise more is
    learnt by heart, which the best epoch comes before."""
    if config.learning_rate is not None or config.optimizer != DEFAULT_OPTIMIZER:
        return optimizer
    return replace(optimizer, learning_rate=RATE_OF_NUMBERS)


def summarize(prepared: Prepared, history: History) -> RunSummary:
    """What `summary.json` says of a run besides its test."""
    dataset, network = prepared.dataset, prepared.network
    return RunSummary(
        data=dataset.name,
        last_epoch=history[-1] if len(history) else {},
        kept_epoch=history.kept(bool(prepared.config.early_stopping)) if len(history) else None,
        epochs=len(history),
        stopped=history.stopped,
        parameters=network.parameters.flat.size,
        seed=prepared.config.seed,
        versions=versions(),
        processor=processor(),
        seconds=sum(record["seconds"] for record in history),
        finished=not history.was_cut_off,
        warnings=history.warnings,
    )


def test(network: Network, dataset: Dataset, looks_at_labels: bool) -> dict[str, Any]:
    """How long it takes to predict the test part, where there is one, and loss and metrics on it;
    these not where its labels are not to be looked at."""
    if dataset.x_test is None or dataset.y_test is None:
        return {}
    began = time.perf_counter()
    outputs = network.predict(dataset.x_test)
    taken = {"predict_seconds": time.perf_counter() - began}
    if not looks_at_labels:
        return taken
    numbers = network.judge(outputs, dataset.y_test, network.choose_loss(None), network.metrics)
    return {"test": numbers, **taken}


class MeasureTest(Callback):
    """Adds loss and metrics of the test part to the record of each epoch."""

    def __init__(self, x: Any, y: Any) -> None:
        self.x, self.y = x, y

    def epoch_ends(self, training: Training) -> None:
        numbers = training.network.evaluate(self.x, self.y)
        training.note(**{f"test_{name}": value for name, value in numbers.items()})


class WriteMetrics(Callback):
    """Adds a line of JSON to a file for each epoch, so that it can be watched as it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def training_starts(self, training: Training) -> None:
        with whole_file(self.path) as file:  # the epochs so far, where training goes on
            file.writelines(as_json(record) for record in training.history)

    def epoch_ends(self, training: Training) -> None:
        with self.path.open("ab") as file:
            file.write(as_json(training.history[-1]))


class SaveModel(Callback):
    """Saves the network, and a summary, as soon as training ends, however it ends."""

    def __init__(self, prepared: Prepared, folder: Path) -> None:
        self.prepared, self.folder = prepared, folder

    def training_ends(self, training: Training) -> None:
        if not len(training.history) and not training.history.stopped:
            return  # it failed before it had learnt anything
        self.prepared.network.save(self.folder / MODEL)
        summary = summarize(self.prepared, training.history)
        write_json(self.folder / SUMMARY, summary.model_copy(update={"finished": False}))
