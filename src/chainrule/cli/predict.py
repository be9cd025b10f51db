"""``chainrule predict``: a CSV file with a prediction for each example."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule.cli.options import DataDir, RunFolder, open_run
from chainrule.display import say

if TYPE_CHECKING:
    from chainrule.experiments.run_folder import Run
    from chainrule.types import Array


def predict(
    run: RunFolder,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="What to predict; labels are not needed.")
    ],
    out: Annotated[Path, typer.Option("--out", metavar="FILE.csv", help="The file to write.")],
    id_column: Annotated[
        str, typer.Option("--id-column", metavar="NAME", help="Header of the first column.")
    ] = "Id",
    label_column: Annotated[
        str, typer.Option("--label-column", metavar="NAME", help="Header of the predictions.")
    ] = "Category",
    proba: Annotated[
        bool, typer.Option("--proba", help="Write a probability for each class instead.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Write predictions as a CSV file, ready for Kaggle.

    Examples are numbered from 0 in the order of the data; classes are written as whole numbers.

    \b
    Examples:
      chainrule predict runs/emnist47-cnn-1 test.csv --out predictions.csv
      chainrule predict runs/digits-mlp-1 digits --out probabilities.csv --proba
    """
    from chainrule.datasets import load_inputs
    from chainrule.errors import OutputError
    from chainrule.files import whole_file
    from chainrule.text import for_csv

    if out.exists() and not force:
        raise OutputError(f"{out} already exists: choose another --out, or give --force")
    opened = open_run(run)
    inputs = load_inputs(
        data,
        opened.preparation,
        data_dir=data_dir or opened.config.data_dir,
        seed=opened.config.seed,
        label_column=opened.config.label_column,
        labels=False,
    )
    header, rows = _table(opened, opened.network.predict(inputs.x), label_column, proba)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(for_csv, [id_column, *header]))
    writer.writerows([number, *row] for number, row in enumerate(rows))
    with whole_file(out) as file:
        file.write(text.getvalue().encode())
    say(f"{out}: {len(inputs.x):,} predictions")


def _table(
    run: Run, outputs: Array, label_column: str, proba: bool
) -> tuple[list[str], Iterable[Any]]:
    """The header and the rows, without the number of the example."""
    if proba:
        probabilities = run.network.choose_loss(None).probabilities(outputs)
        return list(run.class_names or []), probabilities.tolist()
    if run.class_names is not None:
        return [label_column], run.network.choose_loss(None).classes(outputs)[:, None].tolist()
    columns = outputs.shape[1]
    names = [label_column] if columns == 1 else [f"{label_column}{i}" for i in range(columns)]
    return names, outputs.tolist()
