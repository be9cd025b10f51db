"""matplotlib figures as files: PNG for pages, SVG and PDF for slides and print."""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import OutputError
from chainrule.files import whole_file

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FORMATS = ("png", "svg", "pdf")
DOTS_PER_INCH = 150  # of a PNG file
POINTS_PER_INCH = 72

UNDATED: dict[str, dict[str, Any]] = {"svg": {"Date": None}, "pdf": {"CreationDate": None}}
"""Metadata without which two files of one picture would differ."""


def write_picture(figure: Figure, path: Path) -> None:
    """Write a figure as its file's ending says: PNG, SVG or PDF.

    Raises:
        OutputError: another ending, or the file cannot be written.
    """
    content = as_picture(figure, find_format(path))
    with whole_file(path) as file:
        file.write(content)


def find_format(path: Path) -> str:
    """``"svg"`` for a file that ends so. Raises OutputError where no picture does."""
    ending = path.suffix.removeprefix(".").lower()
    if ending not in FORMATS:
        raise OutputError(
            f"{path} is no name for a picture: expected one that ends in .png, .svg or .pdf"
        )
    return ending


def as_picture(
    figure: Figure, format: str, dpi: float = DOTS_PER_INCH, transparent: bool = False
) -> bytes:
    """A figure in one of the `FORMATS`, the same bytes whenever it is drawn."""
    from matplotlib import rc_context

    drawn = io.BytesIO()
    with _boxes_for_letters(), rc_context({"svg.hashsalt": "chainrule"}):
        figure.savefig(
            drawn, format=format, dpi=dpi, transparent=transparent, metadata=UNDATED.get(format)
        )
    return drawn.getvalue()


def text_width(text: str, size: float) -> float:
    """How wide a line of text is in inches, in letters of `size` points."""
    from matplotlib.font_manager import FontProperties
    from matplotlib.textpath import text_to_path

    with _boxes_for_letters():
        points, _, _ = text_to_path.get_text_width_height_descent(
            text, FontProperties(size=size), ismath=False
        )
    return float(points) / POINTS_PER_INCH


@contextmanager
def _boxes_for_letters() -> Iterator[None]:
    """A letter that the font does not have is a box, without a word."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", "Glyph .* missing from")
        yield
