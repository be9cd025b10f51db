"""All that commands print goes through here, or is a line that `say` prints: on the terminal and in
pipes. What they quote, from files or from the user, is text and nothing else."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from inspect import cleandoc
from shutil import get_terminal_size
from typing import TYPE_CHECKING, Any

import typer
from typer.core import TyperCommand, TyperGroup

from chainrule.presentation.display import is_terminal, say
from chainrule.text import PLAINLY, printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console
    from rich.table import Table
    from rich.text import Text
    from typer.models import CommandFunctionType

PIPED_WIDTH = 200
"""Columns of what goes to a file or another program, where nothing need be folded."""

LONGEST_LINE = 10_000
ROOM_FOR_FRAMES = 60  # columns
KEEPS_LINES = "\b"
FOLDED_WIDTH = 20


class Command(TyperCommand):
    """A command of a program."""

    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self.help = _unfolded(self.help)

    def get_params(self, ctx: Any) -> Any:
        return _without_types(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _suit_terminal(self)
        super().format_help(ctx, formatter)


class Commands(TyperGroup):
    """The commands of a program; what it says of a wrong command line is printable."""

    def get_params(self, ctx: Any) -> Any:
        return _without_types(super().get_params(ctx))

    def format_help(self, ctx: Any, formatter: Any) -> None:
        _suit_terminal(self)
        super().format_help(ctx, formatter)

    def make_context(self, *args: Any, **options: Any) -> Any:
        with _printable_errors():
            return super().make_context(*args, **options)

    def invoke(self, ctx: Any) -> Any:
        with _printable_errors():
            return super().invoke(ctx)


class Program(typer.Typer):
    """Collects the commands of a program, or of a part of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(cls=Commands, **options)

    def command(
        self, *arguments: Any, **options: Any
    ) -> Callable[[CommandFunctionType], CommandFunctionType]:
        return super().command(*arguments, cls=Command, **options)


def _without_types(options: Any) -> Any:
    """The same options, of which help shows no type where they take no value, or are an argument,
    whose name says what it is."""
    for option in options:
        if getattr(option, "is_flag", False):
            option.metavar = option.metavar or ""
        elif option.param_type_name == "argument":
            vars(option)["display_type_rich"] = lambda ctx: None
    return options


def _unfolded(help: str | None) -> str:
    """A text of help, each paragraph on a line, to be folded for the terminal that there is; those
    that begin with a backspace keep their lines."""
    paragraphs = cleandoc(help or "").split("\n\n")
    return "\n\n".join(
        each if each.startswith(KEEPS_LINES) else each.replace("\n", " ") for each in paragraphs
    )


def _suit_terminal(command: TyperCommand | TyperGroup) -> None:
    """Show help in frames where there is room for them."""
    if get_terminal_size().columns < ROOM_FOR_FRAMES:
        command.rich_markup_mode = None
    elif command.help:  # for rich, which keeps all lines, and takes brackets for styles
        text = command.help.replace(f"{KEEPS_LINES}\n", "")
        command.help = re.sub(r"(?<!\\)\[(?=[a-z])", r"\\[", text)


@contextmanager
def _printable_errors() -> Iterator[None]:
    try:
        yield
    except Exception as error:  # typer's own derive from click's, which it may carry within itself
        if isinstance(message := getattr(error, "message", None), str):
            vars(error)["message"] = printable(message)
        raise


def write_whatever_comes() -> None:
    """From now on, write what an encoding cannot show in another way, and raise no error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors=PLAINLY)


def say_lines(text: str) -> None:
    """Print a text of several lines."""
    for line in text.removesuffix("\n").split("\n"):
        say(line.expandtabs())


def complain(text: str) -> None:
    """Print a message on the error stream; it may have several lines, each below the first one
    set in, so that none passes for a message of its own."""
    lines = [printable(line.strip()) for line in text.split("\n")]
    print("\n  ".join(lines), file=sys.stderr)


def console(piped_width: int = PIPED_WIDTH) -> Console:
    """For what has styles, or must be folded."""
    from rich.console import Console

    return Console(width=None if is_terminal(sys.stdout) else piped_width, highlight=False)


def styled(*parts: str | tuple[str, str]) -> Text:
    """A line of texts, some of them with a style, in none of which rich finds markup."""
    from rich.text import Text

    pairs = [(part, "") if isinstance(part, str) else part for part in parts]
    return Text.assemble(*((printable(text), style) for text, style in pairs))


def new_table(*titles: str, numbers: Sequence[str] = ()) -> Table:
    """An empty table; the columns named in `numbers` are aligned to the right."""
    from rich.table import Table

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    *first, last = titles
    for title in first:
        is_number = title in numbers
        table.add_column(styled(title), no_wrap=True, justify="right" if is_number else "left")
    table.add_column(styled(last), overflow="fold")
    return table


def add_row(table: Table, *cells: str) -> None:
    """A row of text."""
    table.add_row(*map(styled, cells))


def show_numbers(headers: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print a table of numbers, with what they belong to in the first column."""
    table = new_table(*headers, numbers=headers[1:])
    for row in rows:
        add_row(table, *row)
    show(table)


def show(table: Table) -> None:
    """Print a table. Its last column is folded where the terminal is narrow; of the others nothing
    is cut off, but lines that are too long go on below."""
    from rich.console import Console

    page = console()
    page.width = max(page.width, _narrowest(table, Console(width=LONGEST_LINE)))
    with page.capture() as drawn:
        page.print(table, crop=False)
    print("\n".join(line.rstrip() for line in drawn.get().splitlines()), flush=True)


def _narrowest(table: Table, roomy: Console) -> int:
    """How wide a table is with its last column folded."""
    last = table.columns[-1]
    widest = max(roomy.measure(cell).maximum for cell in (last.header, *last.cells))
    return roomy.measure(table).maximum - max(0, widest - FOLDED_WIDTH)
