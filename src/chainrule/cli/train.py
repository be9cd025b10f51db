"""``chainrule train``: from a data set to a run folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule.cli.options import Quiet, with_train_options
from chainrule.cli.terminal import say_lines
from chainrule.display import say

if TYPE_CHECKING:
    from chainrule.experiments.runner import Outcome, Prepared

DECIDE_LAYERS = {"data", "model", "hidden", "activation", "init", "loss"}


@with_train_options
def train(
    options: dict[str, Any],
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="A data set's name (see `chainrule data list`), or a CSV, NPZ or IDX file, or a "
            "folder. May be left out with --config.",
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option(
            "--config",
            metavar="FILE.toml",
            help="Take options from a file, such as RUN/config.toml.",
            rich_help_panel="Run",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="RUN",
            help="The run folder; a new one in runs/ if left out.",
            rich_help_panel="Run",
        ),
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
    from chainrule.text import file_name

    if data is None and config is None:
        raise ConfigError("train on what? chainrule train DATA, or --config FILE.toml")
    given = options if data is None else {"data": data, **options}
    from_file = {} if config is None else read_config(config)
    if given.keys() & DECIDE_LAYERS:
        for made_for_others in ("layers", "input_shape"):
            from_file.pop(made_for_others, None)
    prepared = prepare(make_config({**from_file, **given}))
    name = f"{prepared.dataset.name}-{Path(prepared.config.model).stem}"
    place = out or next_free(file_name(name))
    with new_run_folder(place) as folder:
        if not quiet:
            _announce(prepared)
        outcome = run(prepared, folder, quiet)
    if not quiet:
        _conclude(outcome, place)


def _announce(prepared: Prepared) -> None:
    dataset, config, network = prepared.dataset, prepared.config, prepared.network
    test = 0 if dataset.x_test is None else len(dataset.x_test)
    held_out = config.validation or 0
    if isinstance(held_out, float):
        held_out = round(held_out * len(dataset.x_train))
    training = len(dataset.x_train) - (0 if config.fresh_data else held_out)
    classes = f", {len(dataset.class_names)} classes" if dataset.class_names else ""
    say(
        f"{dataset.name}: {training:,} training, {held_out:,} validation and {test:,} test "
        f"examples of shape {dataset.input_shape}{classes}"
    )
    say_lines(f"{network.summary()}\n\n")
    say(
        f"{config.optimizer} at {config.learning_rate:g} ({config.schedule}), {config.loss}, "
        f"batches of {config.batch_size}, seed {config.seed}"
    )


def _conclude(outcome: Outcome, folder: Path) -> None:
    from chainrule.display import describe_numbers, format_seconds

    test = outcome.summary["test"]
    if test is not None:
        say(f"test: {describe_numbers(test)}")
    seconds = outcome.summary["seconds"]
    say(f"engine: {outcome.history.engine}")
    say(
        f"{folder}/ has the model, config.toml and curves.png "
        f"({format_seconds(seconds)} of training)"
    )
