"""``chainrule explain``: a network's whole chain rule, as source, numbers or formulas."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from chainrule.cli.options import DataDir
from chainrule.cli.terminal import add_row, console, new_table, say_lines, show
from chainrule.presentation.display import counted, is_terminal, say
from chainrule.text import printable

if TYPE_CHECKING:
    from chainrule.explain import Trace
    from chainrule.losses import Loss
    from chainrule.network import Network
    from chainrule.optimizers import Optimizer
    from chainrule.types import Array

EXAMPLES = 8  # of a run's data that are traced


def explain(
    source: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|MODEL", help="A run folder, a TOML file with layers, or a saved model."
        ),
    ],
    numbers: Annotated[
        bool, typer.Option("--numbers", help="Trace real numbers through every layer.")
    ] = False,
    latex: Annotated[bool, typer.Option("--latex", help="Write formulas.")] = False,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="FILE", help="Write to a file; numbers as an HTML page."),
    ] = None,
    data_dir: DataDir = None,
) -> None:
    """Write out a network's training step: forward, loss, backward and update.

    As plain NumPy, line by line, or as formulas in LaTeX. With --numbers, what some examples
    become in every layer and what comes back: the first ones of a run's data, random ones for
    a model.

    \b
    Examples:
      chainrule explain runs/digits-mlp-1 --out train_step.py
      chainrule explain lenet.toml --latex --out lenet.tex
      chainrule explain runs/digits-mlp-1 --numbers --out numbers.html
    """
    from chainrule.errors import ArgumentError

    if numbers and latex:
        raise ArgumentError("give --numbers or --latex, not both: each writes its own file")
    subject = _open(source)
    if numbers:
        _trace(subject, out, data_dir)
    else:
        _write(subject, "tex" if latex else "python", out)


@dataclass(frozen=True)
class _Subject:
    """What is explained; a run folder where it is one."""

    network: Network
    loss: Loss
    optimizer: Optimizer
    run: Path | None = None


def _open(source: Path) -> _Subject:
    from chainrule.experiments.models import read_network
    from chainrule.experiments.run_folder import read_run
    from chainrule.experiments.runner import make_optimizer
    from chainrule.explain.examples import usual_loss
    from chainrule.network import load
    from chainrule.optimizers import Adam

    if source.is_dir():
        run = read_run(source)
        return _Subject(run.network, usual_loss(run.network), make_optimizer(run.config), source)
    network = read_network(source) if source.suffix == ".toml" else load(source)
    return _Subject(network, usual_loss(network), Adam())


def _write(subject: _Subject, language: str, out: Path | None) -> None:
    """The source or the formulas, to the terminal or to a file."""
    from chainrule import explain as explained
    from chainrule.files import whole_file

    make = explained.unroll if language == "python" else explained.latex
    text = str(make(subject.network, subject.loss, subject.optimizer))
    if out is None:
        _print(text, language)
        return
    with whole_file(out) as file:
        file.write(text.encode())
    say(f"{out}: {counted(text.count(chr(10)), 'line')}")


def _print(text: str, language: str) -> None:
    """Code in the colours of the terminal; as it is where it goes to a file or a program."""
    if not is_terminal(sys.stdout):
        say_lines(text)
        return
    from rich.syntax import Syntax

    shown = "\n".join(map(printable, text.split("\n")))
    coloured = Syntax(shown, language, theme="ansi_dark").highlight(shown)
    console().print(coloured, soft_wrap=True)


def _trace(subject: _Subject, out: Path | None, data_dir: Path | None) -> None:
    from chainrule import explain as explained

    x, y, which = _examples(subject, data_dir)
    trace = explained.trace(subject.network, x, y, subject.loss)
    if out is not None:
        trace.write(out)
    _show(trace, which)
    if out is not None:
        say()
        say(f"{out} shows every layer")


def _examples(subject: _Subject, data_dir: Path | None) -> tuple[Array, Array, str]:
    """Examples and targets, and where they come from."""
    from chainrule.datasets import load_inputs
    from chainrule.errors import DataError
    from chainrule.experiments.run_folder import read_run
    from chainrule.explain.examples import example_batch

    if subject.run is None:
        x, y = example_batch(subject.network, subject.loss, EXAMPLES)
        return x, y, f"{counted(len(x), 'random example')}"
    run = read_run(subject.run)
    inputs = load_inputs(
        run.config.data,
        run.preparation,
        data_dir=data_dir or run.config.data_dir,
        seed=run.config.seed,
        label_column=run.config.label_column,
    )
    if inputs.y is None:
        raise DataError(f"{run.config.data} has no labels to trace gradients from")
    y = run.network.objective(run.network.choose_loss(None)).targets(inputs.y[:EXAMPLES])
    return inputs.x[:EXAMPLES], y, f"the first {counted(len(y), 'example')} of {run.config.data}"


def _show(trace: Trace, which: str) -> None:
    """The trace on the terminal: a row for each layer, what was found, small arrays in full."""
    from chainrule.explain.tracing.arrays import COLUMNS
    from chainrule.explain.tracing.statistics import short
    from chainrule.explain.tracing.trace import in_full

    table = new_table(*COLUMNS, numbers=COLUMNS[2:])
    for row in trace.rows():
        add_row(table, *row)
    show(table)
    say()
    say(f"{trace.recording.loss!r} is {short(trace.loss)} over {which}")
    for finding in trace.findings:
        say(f"{finding.kind}: {finding}")
    arrays = [f"{name} = {in_full(array)}" for name, array in trace.small_arrays()]
    if arrays:
        say()
        say("The first example, where it is small enough to print:")
        say_lines("\n".join(arrays))
