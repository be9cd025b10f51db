"""``chainrule evaluate``: how good a trained network is on some data."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule.cli.options import DataDir, RunFolder, open_run
from chainrule.cli.terminal import complain
from chainrule.presentation.display import counted, say

if TYPE_CHECKING:
    from chainrule.experiments.run_folder import Run


def evaluate(
    run: RunFolder,
    data: Annotated[
        str | None,
        typer.Argument(
            metavar="DATA",
            help="Labelled data; the run's own if left out: its test part, or else what it held "
            "out for validation.",
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
    from chainrule.presentation.display import describe_numbers

    opened = open_run(run)
    if data_dir is not None:
        config = opened.config.model_copy(update={"data_dir": str(data_dir)})
        opened = replace(opened, config=config)
    source, x, y = _own_part(opened) if data is None else _labelled(data, opened)
    numbers = describe_numbers(opened.network.evaluate(x, y))
    say(f"{source}, {counted(len(x), 'example')}: {numbers}")


def _own_part(run: Run) -> tuple[str, Any, Any]:
    """Of the data that the run was trained with the part to judge it by, and what it is."""
    from chainrule.experiments.judged import load_own_data, unseen

    part, x, y = unseen(load_own_data(run))
    data, test = run.config.data, run.config.test
    if part == "test" and isinstance(test, str):
        return test, x, y
    what = {
        "test": " (its test part)" if test else "",
        "validation": " (held out for validation: there is no test part)",
        "training": " (what it was trained on: there is no test part)",
    }
    return f"{data}{what[part]}", x, y


def _labelled(data: str, run: Run) -> tuple[str, Any, Any]:
    """Other data, prepared as that of the run."""
    from chainrule.datasets import load_inputs
    from chainrule.errors import DataError

    config = run.config
    inputs = load_inputs(
        data,
        run.preparation,
        data_dir=config.data_dir,
        seed=config.seed,
        label_column=config.label_column,
    )
    for note in inputs.notes:
        complain(note)
    if inputs.y is None:
        raise DataError(f"{data} has no labels to evaluate with: use chainrule predict")
    return data, inputs.x, inputs.y
