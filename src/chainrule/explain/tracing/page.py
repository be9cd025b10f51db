"""The page of a trace: one HTML file that needs nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.explain.tracing.arrays import COLUMNS, FEW, first_example
from chainrule.explain.tracing.findings import Finding
from chainrule.explain.tracing.images import Image, image_of
from chainrule.explain.tracing.statistics import Statistics, short
from chainrule.extras import packages_for
from chainrule.passages import Passage, Recording
from chainrule.presentation.palette import SIGNS
from chainrule.types import Array

WIDEST_TABLE = 12  # numbers side by side

SAYS = {"y": "output", "dy": "gradient of the output"}


@dataclass(frozen=True)
class Shown:
    """An array on the page: as a table of its numbers, or as an image."""

    title: str
    statistics: Statistics
    table: list[list[str]] | None
    image: Image | None


def page_of(recording: Recording, findings: list[Finding], rows: list[list[str]]) -> str:
    """The page as text.

    Args:
        findings: what is wrong with the arrays.
        rows: of the table of layers, under `COLUMNS`.
    """
    with packages_for("a page"):
        from jinja2 import Environment, PackageLoader, select_autoescape

    environment = Environment(
        loader=PackageLoader("chainrule.explain.tracing"),
        autoescape=select_autoescape(),
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("trace.html").render(
        examples=len(recording.x),
        loss=f"{recording.loss!r} is {short(recording.value)}",
        findings=findings,
        signs=SIGNS,
        columns=COLUMNS,
        rows=rows,
        layers=[
            ("the input", [_shown("x", recording.x[0])]),
            *((passage.name, _arrays(passage)) for passage in recording.passages),
        ],
    )


def _arrays(passage: Passage) -> list[Shown]:
    return [_shown(name, array) for name, array in first_example(passage).items()]


def _shown(name: str, array: Array) -> Shown:
    title = f"{name}, {SAYS[name]}" if name in SAYS else name
    is_small = array.size <= FEW and array.ndim <= 2 and array.shape[-1:] <= (WIDEST_TABLE,)
    rows = array.reshape(-1, array.shape[-1] if array.ndim else 1)
    table = [[short(float(number)) for number in row] for row in rows] if is_small else None
    return Shown(title, Statistics.of(array), table, None if is_small else image_of(array))
