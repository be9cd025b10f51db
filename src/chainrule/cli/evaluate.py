"""``chainrule evaluate``: how good a trained network is on some data."""

from __future__ import annotations

from typing import Annotated

import typer

from chainrule.cli.options import DataDir, RunFolder, open_run
from chainrule.cli.terminal import complain
from chainrule.display import say


def evaluate(
    run: RunFolder,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Labelled data; the run's own if left out: its test part, where it has one.",
        ),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Print loss and metrics of a run's network on test data.

    \b
    Examples:
      chainrule evaluate runs/digits-mlp-1
      chainrule evaluate runs/mnist-cnn-1 my-digits.csv
    """
    from chainrule.datasets import load_inputs
    from chainrule.display import describe_numbers
    from chainrule.errors import DataError

    opened = open_run(run)
    config = opened.config
    source = data or config.data
    inputs = load_inputs(
        source,
        opened.preparation,
        data_dir=data_dir or config.data_dir,
        seed=config.seed,
        label_column=config.label_column,
    )
    for note in inputs.notes:
        complain(note)
    if inputs.y is None:
        raise DataError(f"{source} has no labels to evaluate with: use chainrule predict")
    own = " (what it was trained on: there is no test part)"
    note = own if data is None and opened.summary.predict_seconds is None else ""
    numbers = describe_numbers(opened.network.evaluate(inputs.x, inputs.y))
    say(f"{source}{note}, {len(inputs.x):,} examples: {numbers}")
