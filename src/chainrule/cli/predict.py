"""``chainrule predict``: a CSV file with a prediction for each example."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.options import DataDir, RunFolder, open_run
from chainrule.cli.terminal import complain, say_lines
from chainrule.presentation.display import counted, say

if TYPE_CHECKING:
    from chainrule.datasets import Inputs
    from chainrule.experiments.run_folder import Run
    from chainrule.types import Array

ID_COLUMN, LABEL_COLUMN = "Id", "Category"


def predict(
    run: RunFolder,
    data: Annotated[
        str, typer.Argument(metavar="DATA", help="What to predict; labels are not needed.")
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE.csv",
            help="The file to write; if left out, the predictions are printed.",
        ),
    ] = None,
    id_column: Annotated[
        str | None,
        typer.Option(
            "--id-column",
            metavar="NAME",
            help=f"Header of the first column; that of the data, or {ID_COLUMN}, if left out.",
        ),
    ] = None,
    label_column: Annotated[
        str | None,
        typer.Option(
            "--label-column",
            metavar="NAME",
            help=f"Header of the predictions; the label's, or {LABEL_COLUMN}, if left out.",
        ),
    ] = None,
    first_id: Annotated[
        int | None,
        typer.Option(
            "--first-id", metavar="N", help="Number the examples from N; without ids, from 0."
        ),
    ] = None,
    proba: Annotated[
        bool, typer.Option("--proba", help="Write a probability for each class instead.")
    ] = False,
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Write the numbers of the classes, not their names.")
    ] = False,
    class_names: Annotated[
        Path | None,
        typer.Option(
            "--class-names",
            metavar="FILE",
            help="Call the classes by the lines of a text file: a name each, in their order.",
        ),
    ] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace an existing file.")] = False,
    data_dir: DataDir = None,
) -> None:
    """Print predictions as CSV, or write them to a file, ready for Kaggle.

    Each line has the example's own id or file name, else its number, and the name of its class.

    \b
    Examples:
      chainrule predict runs/digits-mlp-1 digits
      chainrule predict runs/emnist47-cnn-1 test.csv --out predictions.csv --numbers
      chainrule predict runs/digits-mlp-1 digits --out probabilities.csv --proba --first-id 1
    """
    from chainrule.datasets import load_inputs
    from chainrule.errors import OutputError
    from chainrule.files import whole_file
    from chainrule.text import for_csv

    if out is not None and out.exists() and not force:
        raise OutputError(f"{out} already exists: choose another --out, or give --force")
    opened = open_run(run)
    names = _class_names(opened, class_names, numbers)
    inputs = load_inputs(
        data,
        opened.preparation,
        data_dir=data_dir or opened.config.data_dir,
        seed=opened.config.seed,
        label_column=opened.config.label_column,
        labels=False,
    )
    for note in inputs.notes:
        complain(note)
    outputs = opened.network.predict(inputs.x)
    headers = _value_headers(opened, outputs, label_column, names if proba else None)
    values = _values(opened, outputs, names, proba)
    ids = _ids(inputs, first_id)
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(for_csv, [id_column or _id_header(inputs, first_id), *headers]))
    writer.writerows(map(for_csv, [row_id, *row]) for row_id, row in zip(ids, values, strict=True))
    if out is None:
        say_lines(text.getvalue())
        return
    with whole_file(out) as file:
        file.write(text.getvalue().encode())
    say(f"{out}: {counted(len(ids), 'prediction')}")


def _ids(inputs: Inputs, first_id: int | None) -> Sequence[str]:
    """What each example is called."""
    if inputs.ids is not None and first_id is None:
        return inputs.ids
    first = first_id or 0
    return [str(number) for number in range(first, first + len(inputs.x))]


def _id_header(inputs: Inputs, first_id: int | None) -> str:
    return (inputs.id_name if first_id is None else None) or ID_COLUMN


def _class_names(run: Run, file: Path | None, numbers: bool) -> Sequence[str] | None:
    """What the classes are called in the file of predictions; None for regression."""
    from chainrule.errors import ArgumentError, DataError
    from chainrule.limits import is_plain, read_text

    known = run.class_names
    if known is None:
        if file is not None or numbers:
            raise ArgumentError(f"{run.path} predicts numbers, which have no classes to be named")
        return None
    if numbers:
        return [str(number) for number in range(len(known))]
    if file is None:
        return known
    lines = [line.strip() for line in read_text(file, DataError).splitlines()]
    lines = [line for line in lines if line]
    if len(lines) != len(known) or not all(map(is_plain, lines)):
        raise DataError(
            f"{file} has {counted(len(lines), 'line')} of text, but the network knows "
            f"{len(known)} classes: give a name for each, in their order, one a line"
        )
    return lines


def _value_headers(
    run: Run, outputs: Array, label_column: str | None, classes: Sequence[str] | None
) -> Sequence[str]:
    """The header without that of the ids; `classes` are those whose probabilities are written."""
    if classes is not None:
        return classes
    name = label_column or run.preparation.label_name or LABEL_COLUMN
    if run.class_names is not None or outputs.shape[1] == 1:
        return [name]
    return [f"{name}{number}" for number in range(outputs.shape[1])]


def _values(
    run: Run, outputs: Array, names: Sequence[str] | None, proba: bool
) -> Sequence[Sequence[str]]:
    """What is predicted for each example, as text."""
    from chainrule.experiments.judged import class_probabilities

    loss = run.network.choose_loss(None)
    if proba or names is None:
        numbers = class_probabilities(run.network, outputs) if proba else outputs
        return [list(map(str, row)) for row in numbers]  # with as many digits as float32 has
    return [[names[number]] for number in loss.classes(outputs).tolist()]
