"""A document of headings, text, tables and pictures, written once and read anywhere: on the
terminal, as Markdown with PNG pictures, and as one HTML file that needs nothing else."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule.files import cannot_write, whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from rich.console import Console

MARKDOWN, HTML, PICTURES = "report.md", "report.html", "pictures"


@dataclass(frozen=True)
class Heading:
    """The title of a section; level 1 is the document's own."""

    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Plain text."""

    text: str


@dataclass(frozen=True)
class Table:
    """Rows of text under headers; numbers are already formatted."""

    headers: Sequence[str]
    rows: Sequence[Sequence[str]]
    caption: str = ""


@dataclass(frozen=True)
class Picture:
    """A drawing with what it shows, in words, for the caption and for who cannot see it."""

    name: str
    caption: str
    png: bytes = field(repr=False)


Part = Heading | Paragraph | Table | Picture


class Document:
    """Parts in the order they are read.

    >>> document = Document("Results")
    >>> document.table(["variant", "accuracy"], [["a", "97.1 %"]])
    >>> print(document.to_markdown())
    # Results
    <BLANKLINE>
    | variant | accuracy |
    | --- | --- |
    | a | 97.1 % |
    <BLANKLINE>
    """

    def __init__(self, title: str) -> None:
        self.parts: list[Part] = [Heading(title, 1)]

    def heading(self, text: str) -> None:
        """Begin a section."""
        self.parts.append(Heading(text))

    def paragraph(self, text: str) -> None:
        """Add text."""
        self.parts.append(Paragraph(text))

    def table(
        self, headers: Sequence[str], rows: Sequence[Sequence[str]], caption: str = ""
    ) -> None:
        """Add a table of text."""
        self.parts.append(Table(headers, rows, caption))

    def picture(self, name: str, figure: Figure, caption: str) -> None:
        """Add a matplotlib figure, under a file name without its ending."""
        drawn = io.BytesIO()
        figure.savefig(drawn, format="png", dpi=150)
        self.parts.append(Picture(name, caption, drawn.getvalue()))

    def to_markdown(self) -> str:
        """The document as GitHub's Markdown; pictures are files in `pictures/`."""
        return "\n".join(map(_as_markdown, self.parts))

    def to_html(self) -> str:
        """The document as one HTML page with everything in it."""
        from jinja2 import Environment, PackageLoader, select_autoescape

        environment = Environment(
            loader=PackageLoader("chainrule.experiments"), autoescape=select_autoescape()
        )
        parts = [
            {
                "kind": type(part).__name__,
                "part": part,
                "data": base64.b64encode(part.png).decode() if isinstance(part, Picture) else "",
            }
            for part in self.parts
        ]
        title = next(part.text for part in self.parts if isinstance(part, Heading))
        return environment.get_template("document.html").render(title=title, parts=parts)

    def show(self, console: Console) -> None:
        """Print everything but the pictures."""
        from rich import table as rich

        for part in self.parts:
            if isinstance(part, Table):
                shown = rich.Table(*part.headers, title=part.caption or None)
                for row in part.rows:
                    shown.add_row(*row)
                console.print(shown)
            elif not isinstance(part, Picture):
                console.print(part.text, style="bold" if isinstance(part, Heading) else None)

    def write(self, folder: Path) -> None:
        """Write `report.md` with its pictures, and `report.html`."""
        pictures = [part for part in self.parts if isinstance(part, Picture)]
        try:
            (folder / PICTURES).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise cannot_write(folder, error) from None
        files = {f"{PICTURES}/{picture.name}.png": picture.png for picture in pictures}
        files |= {MARKDOWN: self.to_markdown().encode(), HTML: self.to_html().encode()}
        for name, content in files.items():
            with whole_file(folder / name) as file:
                file.write(content)


def _as_markdown(part: Part) -> str:
    if isinstance(part, Heading):
        return f"{'#' * part.level} {part.text}\n"
    if isinstance(part, Paragraph):
        return f"{part.text}\n"
    if isinstance(part, Picture):
        return f"![{part.caption}]({PICTURES}/{part.name}.png)\n\n*{part.caption}*\n"
    rows = [part.headers, ["---"] * len(part.headers), *part.rows]
    lines = ["| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows]
    return "\n".join(([f"**{part.caption}**\n"] if part.caption else []) + lines) + "\n"
