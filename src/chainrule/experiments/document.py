"""A document of headings, text, tables and pictures, written once and read anywhere: on the
terminal, as Markdown with PNG pictures, and as one HTML file that needs nothing else.

All text in it is plain, wherever it comes from: nothing in it is markup, and all of it stays on its
line. What is to be shown as code is said to be `Code`.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.configurable import find_name
from chainrule.files import cannot_write, whole_file
from chainrule.presentation.pictures import FORMATS, as_picture
from chainrule.text import for_markdown, markdown_code, markdown_code_block, printable

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.text import Text
    from rich.console import Console

MARKDOWN, HTML, PICTURES = "report.md", "report.html", "pictures"

BLACK = "#000000"  # matplotlib's own ink
DARK_PAGE, DARK_INK = "#16181c", "#e6e6e6"  # as in templates/document.html
PIXELS_PER_INCH = 110  # of the page: a label of 10 points is then as large as the text
SHARPNESS = 1.5  # pixels drawn for each pixel of the page, for dense displays

PROSE = 30  # characters, from which a cell needs room for several words in a line

VALUE = r"[-−+]?(?:\d[\d,]*(?:\.\d+)?|\.\d+|inf|nan)(?:e[-+]?\d+)?(?: ?(?:%|s|ms|µs|points))?"
NUMBER = re.compile(rf"(?:{VALUE}(?: (?:±|to) {VALUE})?(?: \([^)]{{1,20}}\))?|[-–]?|never|unknown)")
"""What the cell of a number holds: `97.1 % ± 0.2 %`, `0.4 to 0.6`, `12 (2 of 5 seeds)`, or nothing.
A sentence that begins with a number is none."""


@dataclass(frozen=True)
class Heading:
    """The title of a section; level 1 is the document's own."""

    text: str
    level: int = 2


class Code(str):
    """A piece of a paragraph that is shown as code."""


class Link(str):
    """A piece of a paragraph that leads to a file, named from the folder of the document. Where
    there is no such file when the document is written, it is plain text."""

    target: str

    def __new__(cls, text: str, target: str) -> Link:
        link = super().__new__(cls, text)
        link.target = target
        return link


@dataclass(frozen=True)
class Paragraph:
    """Pieces of text, one after another."""

    pieces: Sequence[str]

    @property
    def text(self) -> str:
        """All of it, with code between backquotes."""
        return "".join(f"`{one}`" if isinstance(one, Code) else one for one in self.pieces)


@dataclass(frozen=True)
class CodeBlock:
    """Lines of source, as they stand."""

    source: str
    caption: str = ""
    language: str = "python"

    @property
    def lines(self) -> str:
        """The source, each line of it made printable."""
        return "\n".join(map(printable, self.source.strip("\n").split("\n")))


@dataclass(frozen=True)
class Table:
    """Rows of text under headers; numbers are already formatted."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""

    def holds_numbers(self, column: int) -> bool:
        """True if a column is one of numbers, which stand at the right; the first one names.

        >>> table = Table(["variant", "accuracy"], [["1", "97.1 % ± 0.2 %"], ["2", ""]])
        >>> table.holds_numbers(0), table.holds_numbers(1)
        (False, True)
        """
        return column > 0 and all(NUMBER.fullmatch(row[column]) for row in self.rows)

    def kind(self, column: int) -> str:
        """``"number"``, ``"prose"`` if a cell holds more than a few words, or else ``"words"``."""
        if self.holds_numbers(column):
            return "number"
        longest = max((len(row[column]) for row in self.rows), default=0)
        return "prose" if longest > PROSE else "words"


@dataclass(frozen=True)
class Picture:
    """A drawing, for a light page and for a dark one.

    `caption` says how to read it, `alt` what it shows to who cannot see it.
    """

    name: str
    caption: str
    alt: str
    figure: Figure = field(repr=False)

    @cached_property
    def width(self) -> int:
        """Pixels of the page."""
        return round(self.figure.get_figwidth() * PIXELS_PER_INCH)

    @cached_property
    def light(self) -> bytes:
        """A PNG file for a light page."""
        return as_picture(self.figure, "png", PIXELS_PER_INCH * SHARPNESS)

    @cached_property
    def dark(self) -> bytes:
        """A PNG file for a dark page, which shines through it."""
        if self.light:
            self.figure.set_layout_engine("none")  # all is in its place already
        with _light_ink(self.figure):
            return as_picture(self.figure, "png", PIXELS_PER_INCH * SHARPNESS, transparent=True)

    def as_file(self, format: str) -> bytes:
        """A file of one of the formats that pictures have, for a light page."""
        return self.light if format == "png" else as_picture(self.figure, format)


@dataclass(frozen=True)
class Attachment:
    """A file beside the document, such as predictions to hand in, and what it holds."""

    name: str
    caption: str
    content: bytes = field(repr=False)


Part = Heading | Paragraph | CodeBlock | Table | Picture | Attachment


class Document:
    """Parts in the order they are read.

    >>> document = Document("Results")
    >>> document.table(["variant", "accuracy"], [["a", "97.1 %"]])
    >>> print(document.to_markdown())
    # Results
    <BLANKLINE>
    | variant | accuracy |
    | --- | ---: |
    | a | 97.1 % |
    <BLANKLINE>
    """

    def __init__(self, title: str) -> None:
        self.title = printable(title)
        self.parts: list[Part] = [Heading(self.title, 1)]

    def heading(self, text: str) -> None:
        """Begin a section."""
        self.parts.append(Heading(printable(text)))

    def paragraph(self, *pieces: str) -> None:
        """Add text, in pieces where some of it is `Code`, or a `Link`."""
        self.parts.append(Paragraph(list(map(_printable_piece, pieces))))

    def code(self, source: str, caption: str = "", language: str = "python") -> None:
        """Add lines of source."""
        self.parts.append(CodeBlock(source, printable(caption), language))

    def table(
        self, headers: Sequence[str], rows: Sequence[Sequence[str]], caption: str = ""
    ) -> None:
        """Add a table of text."""
        cells = [[printable(cell) for cell in row] for row in (headers, *rows)]
        self.parts.append(Table(cells[0], cells[1:], printable(caption)))

    def picture(self, name: str, figure: Figure, caption: str, alt: str = "") -> None:
        """Add a matplotlib figure, under a file name without its ending.

        What is drawn in black, matplotlib's own ink, is light on a dark page; other colours stay,
        and so should be of a middle lightness. The figure is drawn when the document is written.
        """
        self.parts.append(Picture(name, printable(caption), printable(alt or caption), figure))

    def attach(self, name: str, content: bytes, caption: str) -> None:
        """Add a file, under its whole name, and what it holds."""
        self.parts.append(Attachment(name, printable(caption), content))

    def to_markdown(self) -> str:
        """The document as GitHub's Markdown; pictures are files in `pictures/`."""
        return "\n".join(map(_as_markdown, self.parts))

    def to_html(self) -> str:
        """The document as one HTML page with everything in it."""
        from jinja2 import Environment, PackageLoader, select_autoescape

        environment = Environment(
            loader=PackageLoader("chainrule.experiments"),
            autoescape=select_autoescape(),
            trim_blocks=True,
            lstrip_blocks=True,
        )
        environment.filters["base64"] = _base64
        environment.tests["kind"] = lambda part, name: type(part).__name__ == name
        page = environment.get_template("document.html")
        sections = [part for part in self.parts if isinstance(part, Heading) and part.level == 2]
        return page.render(title=self.title, parts=self.parts, sections=sections)

    def show(self, console: Console) -> None:
        """Print everything but the pictures."""
        from rich.text import Text

        for part in self.parts:
            if isinstance(part, Table):
                console.print(_as_rich(part))
            elif isinstance(part, CodeBlock):
                console.print(Text(part.caption))
                console.print(Text(part.lines), soft_wrap=True)
            elif isinstance(part, Attachment):
                console.print(Text(f"{part.name}: {part.caption}"))
            elif not isinstance(part, Picture):
                console.print(Text(part.text, "bold" if isinstance(part, Heading) else ""))

    def write(self, folder: str | PathLike[str], formats: Collection[str] = ()) -> None:
        """Write `report.md` with its pictures, `report.html`, and the files attached.

        Args:
            formats: others that the pictures are written in as well: ``"svg"``, ``"pdf"``.
        Raises:
            UnknownNameError: there is no such format.
            OutputError: something cannot be written.
        """
        folder = Path(folder)
        formats = dict.fromkeys(["png", *(find_name(one, FORMATS, "format") for one in formats)])
        pictures = [part for part in self.parts if isinstance(part, Picture)]
        try:
            (folder / PICTURES if pictures else folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from None
        files = {
            f"{PICTURES}/{picture.name}.{format}": picture.as_file(format)
            for picture in pictures
            for format in formats
        }
        files |= {part.name: part.content for part in self.parts if isinstance(part, Attachment)}
        placed = self._placed_in(folder)
        files |= {MARKDOWN: placed.to_markdown().encode(), HTML: placed.to_html().encode()}
        for name, content in files.items():
            with whole_file(folder / name) as file:
                file.write(content)

    def _placed_in(self, folder: Path) -> Document:
        """The document with links only to what there is, seen from a folder."""

        def placed(piece: str) -> str:
            is_dead = isinstance(piece, Link) and not (folder / piece.target).is_file()
            return str(piece) if is_dead else piece

        document = Document(self.title)
        document.parts = [
            Paragraph(list(map(placed, part.pieces))) if isinstance(part, Paragraph) else part
            for part in self.parts
        ]
        return document


@contextmanager
def _light_ink(figure: Figure) -> Iterator[None]:
    """For as long as it lasts, what is black is light, and legends are as dark as the page."""
    from matplotlib.colors import to_hex
    from matplotlib.legend import Legend
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

    black = [
        drawn
        for drawn in (*figure.findobj(Text), *figure.findobj(Line2D))
        if isinstance(drawn, (Text, Line2D)) and to_hex(drawn.get_color()) == BLACK
    ]
    frames = [one.get_frame() for one in figure.findobj(Legend) if isinstance(one, Legend)]
    grounds = [frame.get_facecolor() for frame in frames]
    _set_ink(figure, black, DARK_INK)
    for frame in frames:
        frame.set_facecolor(DARK_PAGE)
    try:
        yield
    finally:
        _set_ink(figure, black, BLACK)
        for frame, ground in zip(frames, grounds, strict=True):
            frame.set_facecolor(ground)


def _set_ink(figure: Figure, drawn: Sequence[Text | Line2D], ink: str) -> None:
    for one in drawn:
        one.set_color(ink)
    for axes in figure.axes:
        axes.tick_params(which="both", color=ink, labelcolor=ink)
        axes.spines[:].set_edgecolor(ink)


def _as_markdown(part: Part) -> str:
    if isinstance(part, Heading):
        return f"{'#' * part.level} {for_markdown(part.text)}\n"
    if isinstance(part, Paragraph):
        return "".join(map(_piece_as_markdown, part.pieces)).strip() + "\n"
    if isinstance(part, CodeBlock):
        caption = f"{for_markdown(part.caption)}\n\n" if part.caption else ""
        return f"{caption}{markdown_code_block(part.lines, part.language)}\n"
    caption = for_markdown(part.caption).strip()  # emphasis begins and ends at a letter
    if isinstance(part, Picture):
        return f"![{for_markdown(part.alt)}]({PICTURES}/{part.name}.png)\n\n*{caption}*\n"
    if isinstance(part, Attachment):
        return f"[{for_markdown(part.name)}]({part.name}): {caption}\n"
    headers, *rows = [list(map(for_markdown, row)) for row in (part.headers, *part.rows)]
    rule = ["---:" if part.holds_numbers(i) else "---" for i in range(len(part.headers))]
    lines = [f"| {' | '.join(row)} |" for row in (headers, rule, *rows)]
    return "\n".join(([f"**{caption}**\n"] if caption else []) + lines) + "\n"


def _printable_piece(piece: str) -> str:
    text = printable(piece)
    return Link(text, piece.target) if isinstance(piece, Link) else type(piece)(text)


def _piece_as_markdown(piece: str) -> str:
    if isinstance(piece, Link):
        return f"[{for_markdown(piece)}]({piece.target})"
    return markdown_code(piece) if isinstance(piece, Code) else for_markdown(piece)


def _as_rich(part: Table) -> Any:
    """A table for the terminal, in whose text rich finds no markup."""
    from rich.table import Table as RichTable
    from rich.text import Text

    shown = RichTable(title=Text(part.caption) if part.caption else None)
    for column, header in enumerate(part.headers):
        shown.add_column(Text(header), justify="right" if part.holds_numbers(column) else "left")
    for row in part.rows:
        shown.add_row(*map(Text, row))
    return shown


def _base64(content: bytes) -> str:
    return base64.b64encode(content).decode()
