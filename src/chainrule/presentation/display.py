"""How lines, numbers, times and waiting are shown to people."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from functools import cache
from importlib import import_module
from typing import Any, TextIO

from chainrule.extras import is_installed
from chainrule.text import encodable, printable


def describe_numbers(numbers: Mapping[str, float]) -> str:
    """Named numbers in a row.

    >>> describe_numbers({"loss": 0.08123, "validation_accuracy": 0.9752})
    'loss 0.08123   validation accuracy 97.52 %'
    """
    return "   ".join(
        f"{name.replace('_', ' ')} {format_number(name, value)}" for name, value in numbers.items()
    )


def format_number(name: str, value: float) -> str:
    """Accuracies as a percentage, other numbers with four digits, or whole: prices, say.

    >>> format_number("accuracy", 0.9752), format_number("loss", 0.08123)
    ('97.52 %', '0.08123')
    >>> format_number("mean_absolute_error", 42307.16)
    '42,307'
    """
    if is_share(name):
        return f"{100 * value:.2f} %"
    return f"{value:,.0f}" if 10_000 <= abs(value) < 10_000_000 else f"{value:.4g}"


def format_seconds(seconds: float) -> str:
    """In the unit that suits.

    >>> format_seconds(12.345), format_seconds(0.0456), format_seconds(0.0000567)
    ('12.3 s', '45.6 ms', '56.7 µs')
    """
    for unit, size in (("s", 1.0), ("ms", 1e-3)):
        if seconds >= size:
            return f"{seconds / size:,.3g} {unit}"
    return f"{seconds / 1e-6:.3g} µs"


def counted(number: int, noun: str) -> str:
    """A number with its noun, of which there is one or many.

    >>> counted(1, "epoch"), counted(12, "epoch")
    ('1 epoch', '12 epochs')
    """
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"


def is_share(name: str) -> bool:
    """True if a recorded number is a share of the examples, shown as a percentage."""
    return name.endswith(("accuracy", "exact_match"))


def say(text: str = "") -> None:
    """Print a line, now. What it quotes, from files or from the user, is text and nothing else.

    Where no one reads it any more, as in ``chainrule train … | head -1``, this and what follows is
    not shown, and the work goes on.
    """
    text = printable(text)
    try:
        print(text, flush=True)
    except UnicodeEncodeError:  # a file, on Windows
        print(encodable(text, sys.stdout.encoding), flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


@cache
def notice(text: str) -> None:
    """A line to the user on standard error, once in this process, however often it is said."""
    with suppress(OSError, ValueError):  # nobody may be there to read it
        print(f"chainrule: {printable(text)}", file=sys.stderr, flush=True)


def is_in_notebook() -> bool:
    """True if what is printed goes into a cell of a notebook."""
    streams: Any = sys.modules.get("ipykernel.iostream")
    return streams is not None and isinstance(sys.stdout, streams.OutStream)


def is_terminal(stream: TextIO | None) -> bool:
    """True if a stream is open, and shown on a terminal."""
    try:
        return stream is not None and stream.isatty()
    except ValueError:
        return False


class CellText:
    """Lines of text in a notebook's cell, which new ones replace."""

    def __init__(self) -> None:
        show: Any = import_module("IPython.display").display
        self._output = show({"text/plain": ""}, raw=True, display_id=True)

    def show(self, lines: Sequence[str]) -> None:
        """Put these lines in the place of those before. What they quote is text."""
        self._output.update({"text/plain": "\n".join(map(printable, lines))}, raw=True)


@contextmanager
def waiting(what: str) -> Iterator[None]:
    """Say that something takes long: in a notebook, and on a terminal as long as it lasts, with the
    time that it has taken so far; elsewhere in one line on the error stream."""
    if is_in_notebook():
        with waiting_in_cell(what):
            yield
    elif is_terminal(sys.stderr) and is_installed("rich"):
        with waiting_on_terminal(what):
            yield
    else:
        notice(what)
        yield


@contextmanager
def waiting_on_terminal(what: str) -> Iterator[None]:
    """The same on a terminal."""
    from rich.console import Console
    from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

    columns = (SpinnerColumn(), TextColumn(what, markup=False), TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as bar:
        bar.add_task("")
        yield


@contextmanager
def waiting_in_cell(what: str) -> Iterator[None]:
    """The same in a notebook."""
    cell, began = CellText(), time.perf_counter()
    cell.show([f"{what} …"])
    yield
    cell.show([f"{what}: {format_seconds(time.perf_counter() - began)}"])
