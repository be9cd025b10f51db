"""``chainrule report``: a run, a comparison or a search as a page to read and hand in."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from chainrule.cli.options import DataDir, PictureFormat, also_in
from chainrule.presentation.display import say


def report(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="RUN|COMPARISON|SEARCH",
            help="A folder, as `chainrule train`, `compare` or `tune` writes it.",
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Where the report goes; into the folder if left out."
        ),
    ] = None,
    format: PictureFormat = None,
    data_dir: DataDir = None,
) -> None:
    """Write a report: report.html, one page that needs nothing else, and report.md with pictures.

    \b
    Examples:
      chainrule report runs/digits-mlp-1
      chainrule report comparisons/digits-1 --out hand-in --format svg
    """
    from chainrule.experiments.comparison_report import is_comparison, report_comparison
    from chainrule.experiments.document import HTML, MARKDOWN, PICTURES
    from chainrule.experiments.report import report_run
    from chainrule.experiments.search.report import is_search, report_search

    formats = also_in(format)
    place = out or folder
    if is_comparison(folder):
        document = report_comparison(folder)
    elif is_search(folder):
        document = report_search(folder)
    else:
        document = report_run(folder, data_dir)
    document.write(place, formats)
    say(f"{place / HTML} is the report; {place / MARKDOWN} is the same with {PICTURES}/")
