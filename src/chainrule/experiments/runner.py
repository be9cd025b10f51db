"""From a configuration to a run folder: data, network, training, test."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from chainrule import datasets
from chainrule.callbacks import Callback, EarlyStopping
from chainrule.configurable import build
from chainrule.data.dataset import Dataset, count_held_out
from chainrule.data.loading import check_source
from chainrule.data.synthetic import DEFAULT_SAMPLES, SYNTHETIC
from chainrule.engine.threads import available_threads
from chainrule.errors import ConfigError, DataError
from chainrule.experiments.config import TrainConfig, to_toml
from chainrule.experiments.curves import draw_curves
from chainrule.experiments.models import (
    check_input_shape,
    check_model,
    check_outputs,
    check_size,
    default_init,
    default_loss,
    default_metrics,
    describe_model,
)
from chainrule.experiments.recording import RecordLayers
from chainrule.experiments.run_folder import (
    CONFIG,
    CURVES,
    LAYERS,
    METRICS,
    MODEL,
    SUMMARY,
    versions,
)
from chainrule.history import History
from chainrule.initializers import INITIALIZERS
from chainrule.layers import ACTIVATIONS
from chainrule.layers.descriptions import build_layers
from chainrule.losses import LOSSES, Huber, MeanAbsoluteError, MeanSquaredError
from chainrule.metrics import as_metric
from chainrule.network import Network
from chainrule.optimizers import OPTIMIZERS, Optimizer
from chainrule.schedules import SCHEDULES
from chainrule.trainer import Trainer

REGRESSION_LOSSES = (MeanSquaredError, MeanAbsoluteError, Huber)
ENOUGH_TO_HOLD_OUT = 500  # training examples from which a tenth is held out unless told otherwise


@dataclass(frozen=True)
class Prepared:
    """A run about to begin: the complete configuration, the data, the untrained network."""

    config: TrainConfig
    dataset: Dataset
    network: Network


@dataclass(frozen=True)
class Outcome:
    """A finished run: the network, its history, and the numbers of `summary.json`."""

    network: Network
    history: History
    summary: dict[str, Any]


def prepare(config: TrainConfig) -> Prepared:
    """Load the data, fill in what the configuration leaves open, and build the network.

    Raises:
        ChainruleError: data or layers that cannot be, before anything is written.
    """
    check_names(config)
    dataset = load_data(config)
    loss = build(config.loss or default_loss(dataset), LOSSES, "loss")
    optimizer = make_optimizer(config)
    layers = config.layers or describe_model(config, dataset, loss)
    resolved = config.model_copy(
        update={
            "layers": layers,
            "input_shape": list(dataset.input_shape),
            "init": config.init or default_init(config.activation),
            "loss": config.loss or default_loss(dataset),
            "learning_rate": optimizer.learning_rate,
            "metrics": config.metrics or default_metrics(dataset),
            "validation": default_validation(config, dataset),
            "threads": config.threads or available_threads(),
        }
    )
    check_input_shape(config, dataset)
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
    if resolved.validation and not resolved.fresh_data:
        count_held_out(len(dataset.x_train), resolved.validation)
    return Prepared(resolved, dataset, network)


def run(prepared: Prepared, folder: Path, quiet: bool = False) -> Outcome:
    """Train, test, and fill a run folder that `new_run_folder` opened.

    Ctrl-C ends training early; what was learnt is saved and tested as usual. Ctrl-C once more
    leaves out the test.
    """
    config, dataset, network = prepared.config, prepared.dataset, prepared.network
    (folder / CONFIG).write_text(to_toml(config), encoding="utf-8")
    began = time.perf_counter()
    recording = [WriteMetrics(folder / METRICS), RecordLayers(folder / LAYERS)]
    history = train(prepared, recording, quiet)
    seconds = time.perf_counter() - began
    network.save(folder / MODEL)
    draw_curves(history, f"{dataset.name}: {config.model}", folder / CURVES)
    summary = {**summarize(prepared, history), **test(network, dataset), "seconds": seconds}
    (folder / SUMMARY).write_text(json.dumps(summary, indent=2) + "\n", encoding="utf-8")
    return Outcome(network, history, summary)


def check_names(config: TrainConfig) -> None:
    """Refuse names that nothing answers to, before anything is loaded or trained."""
    check_source(config.data)
    check_model(config)
    build(config.activation, ACTIVATIONS, "activation")
    build(config.init or "he", INITIALIZERS, "initializer")
    build(config.loss or "huber", LOSSES, "loss")
    make_optimizer(config)
    build(config.schedule, SCHEDULES, "schedule")
    for metric in config.metrics or ():
        as_metric(metric)


def train(prepared: Prepared, callbacks: Sequence[Callback] = (), quiet: bool = True) -> History:
    """Train the prepared network on the prepared data."""
    config, dataset = prepared.config, prepared.dataset
    stopping = [EarlyStopping(config.early_stopping)] if config.early_stopping else []
    return prepared.network.fit(
        fresh_points(config) if config.fresh_data else dataset.x_train,
        None if config.fresh_data else dataset.y_train,
        loss=config.loss or default_loss(dataset),
        optimizer=make_optimizer(config),
        schedule=config.schedule,
        epochs=config.epochs,
        batch_size=config.batch_size,
        samples_per_epoch=config.samples_per_epoch,
        validation=held_out(config),
        metrics=config.metrics or (),
        callbacks=[*callbacks, *stopping],
        quiet=quiet,
    )


def load_data(config: TrainConfig) -> Dataset:
    """The data set that the configuration names."""
    loss = build(config.loss, LOSSES, "loss") if config.loss else None
    dataset = datasets.load(
        config.data,
        data_dir=config.data_dir,
        seed=config.seed,
        samples=config.samples,
        label_column=config.label_column,
        task="regression" if isinstance(loss, REGRESSION_LOSSES) else "classification",
    )
    if dataset.class_names is not None and len(dataset.class_names) < 2:
        raise DataError(f"{dataset.name}: all examples are of one class: give two or more classes")
    if config.fresh_data and dataset.name not in SYNTHETIC:
        raise ConfigError(
            f"fresh_data draws new points for each epoch, which {dataset.name} does not have: "
            f"leave it out, or choose among {', '.join(SYNTHETIC)}"
        )
    return dataset


def fresh_points(config: TrainConfig) -> Callable[[int], tuple[Any, Any]]:
    """The function of the epoch that draws its points."""
    samples = config.samples or DEFAULT_SAMPLES
    return lambda epoch: datasets.fresh(config.data, samples, config.seed, epoch)


def held_out(config: TrainConfig) -> tuple[Any, Any] | float | int | None:
    """What to validate on. With fresh points it is the draw of epoch 0, which none trains on."""
    if config.validation and config.fresh_data:
        return fresh_points(config)(0)
    return config.validation or None


def default_validation(config: TrainConfig, dataset: Dataset) -> float | int:
    """The validation asked for, or a tenth of the training data where that is enough."""
    if config.validation is not None:
        return config.validation
    return 0.1 if len(dataset.x_train) >= ENOUGH_TO_HOLD_OUT else 0


def make_optimizer(config: TrainConfig) -> Optimizer:
    """The optimizer, at the learning rate of the configuration where it gives one."""
    optimizer = build(config.optimizer, OPTIMIZERS, "optimizer")
    if config.learning_rate is None:
        return optimizer
    return replace(optimizer, learning_rate=config.learning_rate)


def summarize(prepared: Prepared, history: History) -> dict[str, Any]:
    """What `summary.json` says of a run besides its test."""
    dataset, network = prepared.dataset, prepared.network
    return {
        "data": dataset.name,
        "last_epoch": history[-1] if len(history) else {},
        "epochs": len(history),
        "stopped": history.stopped,
        "parameters": network.parameters.flat.size,
        "seed": prepared.config.seed,
        "class_names": dataset.class_names,
        "preparation": asdict(dataset.preparation),
        "versions": versions(),
    }


def test(network: Network, dataset: Dataset) -> dict[str, Any]:
    """Loss and metrics on the test part (None where there is none), and how long it took to
    predict it."""
    if dataset.x_test is None or dataset.y_test is None:
        return {"test": None, "predict_seconds": None}
    began = time.perf_counter()
    try:
        outputs = network.predict(dataset.x_test)
    except KeyboardInterrupt:
        return {"test": None, "predict_seconds": None, "stopped": "interrupted"}
    seconds = time.perf_counter() - began
    numbers = network.judge(outputs, dataset.y_test, network.choose_loss(None), network.metrics)
    return {"test": numbers, "predict_seconds": seconds}


class WriteMetrics(Callback):
    """Adds a line of JSON to a file for each epoch, so that it can be watched as it grows."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def training_starts(self, trainer: Trainer) -> None:
        self.path.touch()

    def epoch_ends(self, trainer: Trainer) -> None:
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(trainer.history[-1]) + "\n")
