"""``chainrule train``: from a data set to a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule.cli.options import DataDir, Quiet

if TYPE_CHECKING:
    from chainrule.experiments.runner import Outcome, Prepared


def option(flag: str, metavar: str, help: str, panel: str) -> Any:
    """An option of `train`, listed under `panel` in its help."""
    return typer.Option(flag, metavar=metavar, help=help, rich_help_panel=panel)


DATA, MODEL, TRAINING, RUN = "Data", "Model", "Training", "Run"
DECIDE_LAYERS = {"data", "model", "hidden", "activation", "init", "loss"}


def train(
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="A data set's name (see `chainrule data list`), or a CSV, NPZ or IDX file, or a "
            "folder. May be left out with --config.",
        ),
    ] = None,
    data_dir: DataDir = None,
    samples: Annotated[
        int | None, option("--samples", "N", "Draw N synthetic points; 1000 if left out.", DATA)
    ] = None,
    fresh_data: Annotated[
        bool,
        typer.Option(
            "--fresh-data", help="New synthetic points for each epoch.", rich_help_panel=DATA
        ),
    ] = False,
    label_column: Annotated[
        str | None,
        option("--label-column", "NAME", "Label column of a CSV file: name or position.", DATA),
    ] = None,
    validation: Annotated[
        str | None,
        option("--validation", "PART", "Hold out a fraction, a count, or 0; else a tenth.", DATA),
    ] = None,
    model: Annotated[
        str | None, option("--model", "NAME", "mlp, cnn, or FILE.toml; mlp if left out.", MODEL)
    ] = None,
    hidden: Annotated[
        str | None,
        option("--hidden", "SIZES", "Hidden dense layers, as in 128,64; else 128.", MODEL),
    ] = None,
    activation: Annotated[
        str | None, option("--activation", "NAME", "relu, tanh, gelu, …; else relu.", MODEL)
    ] = None,
    init: Annotated[
        str | None,
        option("--init", "NAME", "First weights: he, glorot, 'normal(0.01)', …", MODEL),
    ] = None,
    dtype: Annotated[
        str | None, option("--dtype", "TYPE", "float32 or float64; else float32.", MODEL)
    ] = None,
    loss: Annotated[
        str | None,
        option("--loss", "NAME", "What to minimize; fits the data if left out.", TRAINING),
    ] = None,
    optimizer: Annotated[
        str | None,
        option("--optimizer", "NAME", "adam, 'sgd(momentum=0.9)', …; else adam.", TRAINING),
    ] = None,
    learning_rate: Annotated[
        float | None,
        option("--learning-rate", "RATE", "Step size; else the optimizer's own.", TRAINING),
    ] = None,
    schedule: Annotated[
        str | None,
        option("--schedule", "NAME", "constant, cosine, 'step(10)', …; else cosine.", TRAINING),
    ] = None,
    epochs: Annotated[
        int | None, option("--epochs", "N", "Passes over the data; else 10.", TRAINING)
    ] = None,
    batch_size: Annotated[
        str | None,
        option("--batch-size", "N", "Examples in a step, or 'full'; else 32.", TRAINING),
    ] = None,
    samples_per_epoch: Annotated[
        int | None,
        option("--samples-per-epoch", "N", "An epoch is N random examples.", TRAINING),
    ] = None,
    early_stopping: Annotated[
        int | None,
        option("--early-stopping", "N", "Stop after N epochs without improvement.", TRAINING),
    ] = None,
    metrics: Annotated[
        str | None,
        option("--metrics", "NAMES", "What to report, as in accuracy,f1.", TRAINING),
    ] = None,
    seed: Annotated[
        int | None, option("--seed", "N", "The same seed gives the same numbers; else 0.", RUN)
    ] = None,
    config: Annotated[
        Path | None,
        option("--config", "FILE.toml", "Options from a file, such as RUN/config.toml.", RUN),
    ] = None,
    out: Annotated[
        Path | None, option("--out", "RUN", "The run folder; else a new one in runs/.", RUN)
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Train a network and write a run folder.

    The folder holds the configuration, a line of metrics for each epoch, the trained model, its
    learning curves and a summary.

    \b
    Examples:
      chainrule train digits
      chainrule train mnist --hidden 128,64 --epochs 10
      chainrule train mnist --model cnn --epochs 3 --out runs/cnn
      chainrule train parabola --hidden 3 --activation sigmoid --optimizer sgd
      chainrule train --config runs/cnn/config.toml --seed 1
    """
    from chainrule.errors import ConfigError
    from chainrule.experiments.config import make_config, read_config
    from chainrule.experiments.run_folder import new_run_folder, next_free
    from chainrule.experiments.runner import prepare, run

    given = {
        "data": data,
        "data_dir": None if data_dir is None else str(data_dir),
        "samples": samples,
        "fresh_data": fresh_data or None,
        "label_column": _number_or_text(label_column),
        "validation": _number_or_text(validation),
        "model": model,
        "hidden": None if hidden is None else [_number_or_text(part) for part in hidden.split(",")],
        "activation": activation,
        "init": init,
        "dtype": dtype,
        "loss": loss,
        "optimizer": optimizer,
        "learning_rate": learning_rate,
        "schedule": schedule,
        "epochs": epochs,
        "batch_size": _number_or_text(batch_size),
        "samples_per_epoch": samples_per_epoch,
        "early_stopping": early_stopping,
        "metrics": None if metrics is None else metrics.split(","),
        "seed": seed,
    }
    given = {name: value for name, value in given.items() if value is not None}
    if data is None and config is None:
        raise ConfigError("train on what? chainrule train DATA, or --config FILE.toml")
    from_file = {} if config is None else read_config(config)
    if given.keys() & DECIDE_LAYERS:
        from_file.pop("layers", None)  # they were made for other options
    prepared = prepare(make_config({**from_file, **given}))
    name = f"{prepared.dataset.name}-{Path(prepared.config.model).stem}"
    place = next_free(name) if out is None else out
    with new_run_folder(place) as folder:
        if not quiet:
            _announce(prepared)
        outcome = run(prepared, folder, quiet)
    if not quiet:
        _conclude(outcome, place)


def _announce(prepared: Prepared) -> None:
    dataset, config, network = prepared.dataset, prepared.config, prepared.network
    test = 0 if dataset.x_test is None else len(dataset.x_test)
    classes = f", {len(dataset.class_names)} classes" if dataset.class_names else ""
    print(
        f"{dataset.name}: {len(dataset.x_train):,} training and {test:,} test examples of shape "
        f"{dataset.input_shape}{classes}"
    )
    print(f"{network.summary()}\n")
    print(
        f"{config.optimizer} at {config.learning_rate:g} ({config.schedule}), {config.loss}, "
        f"batches of {config.batch_size}, seed {config.seed}",
        flush=True,
    )


def _conclude(outcome: Outcome, folder: Path) -> None:
    from chainrule.progress import describe_numbers

    test = outcome.summary["test"]
    if test is not None:
        print(f"test: {describe_numbers(test)}")
    seconds = outcome.summary["seconds"]
    print(f"{folder}/ has the model, config.toml and curves.png ({seconds:.1f} s of training)")


def _number_or_text(text: str | None) -> int | float | str | None:
    """``"8000"`` as a whole number, ``"0.1"`` as a fraction, anything else as it is."""
    for kind in (int, float):
        try:
            return kind(text)  # type: ignore[arg-type]
        except (TypeError, ValueError):
            continue
    return text
