"""``chainrule check``: which line of a hand-written backward pass is wrong, and why."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from chainrule.cli.check_class import check_class, is_a_class
from chainrule.cli.options import must_be_code
from chainrule.cli.terminal import console, styled
from chainrule.presentation.display import say

if TYPE_CHECKING:
    from rich.console import Console
    from rich.text import Text

    from chainrule.doctor.intake.request import Request

MARGIN = "  "
ALONE, EACH = 120.0, 30.0  # seconds of processor time for a file, and for each of many


def check(
    file: Annotated[
        Path,
        typer.Argument(
            metavar="FILE.py",
            help="A file, or notebook, with a forward and a backward pass; or a folder or zip "
            "file of submissions.",
        ),
    ],
    class_name: Annotated[
        str | None, typer.Option("--class", metavar="NAME", help="The class to check.")
    ] = None,
    functions: Annotated[
        str | None,
        typer.Option(
            "--functions",
            metavar="A,B",
            help="Two functions: forward and backward, or an activation or loss and its "
            "derivative.",
        ),
    ] = None,
    make: Annotated[
        str | None,
        typer.Option("--make", metavar="CODE", help='How to make the layer: "FCLayer(4, 3)".'),
    ] = None,
    shape: Annotated[
        str | None,
        typer.Option("--shape", metavar="5,4", help="The shape of the input, the batch included."),
    ] = None,
    run: Annotated[
        bool,
        typer.Option(
            "--run",
            help="Run the file as you would, watch its first training steps, and check the "
            "gradients on the arrays that it uses there.",
        ),
    ] = False,
    solution: Annotated[
        Path | None,
        typer.Option(
            "--solution",
            metavar="RIGHT.py",
            help="A right solution, whose forward pass the code must agree with.",
        ),
    ] = None,
    as_json: Annotated[
        bool, typer.Option("--json", help="Print the findings as JSON, for programs.")
    ] = False,
    heat_map: Annotated[
        Path | None,
        typer.Option(
            "--heat-map", metavar="FILE", help="Draw the wrong entries: a .png, .svg or .pdf file."
        ),
    ] = None,
    hide_suggestions: Annotated[
        bool, typer.Option("--hide-suggestions", help="Do not show the corrections.")
    ] = False,
    out: Annotated[
        Path | None, typer.Option("--out", metavar="DIR", help="For submissions: where to write.")
    ] = None,
    only: Annotated[
        str | None,
        typer.Option("--file", metavar="NAME", help="For submissions: the file to check in each."),
    ] = None,
    points: Annotated[
        float,
        typer.Option(
            "--points",
            metavar="N",
            min=0,
            help="For submissions: how many points a right one gets.",
        ),
    ] = 100.0,
    workers: Annotated[
        int, typer.Option("--workers", metavar="N", min=1, help="Submissions at a time.")
    ] = 2,
    language: Annotated[
        str,
        typer.Option(
            "--language",
            metavar="CODE",
            help="The language of the pages: en, de, es, fr, zh or ko.",
        ),
    ] = "en",
    time_limit: Annotated[
        float | None,
        typer.Option(
            "--time-limit",
            metavar="SECONDS",
            min=1,
            help="Processor time for the whole check: 120, or 30 for each submission.",
        ),
    ] = None,
    memory_limit: Annotated[
        int, typer.Option("--memory-limit", metavar="MB", min=256, help="For the code.")
    ] = 2048,
) -> None:
    """Say which line of a hand-written backward pass is wrong, and why.

    Layers, networks, pairs of functions, activations, losses and optimizers are understood as
    they are usually written. A function `example(rng)` in the file may say what to run it on.

    A file that trains by itself is best checked with --run: it runs in the sandbox, with its own
    data, until its first training steps are done; then the gradients of what it has used there
    are compared: networks, layers, functions, loops. Plots and input() do no harm.

    Exit code 0: everything was compared and is right; 1: mistakes found; 2: not checked, and why;
    3: no mistake found, but only a part could be compared.

    A folder or a zip file of submissions, as learning platforms give it, is
    checked one by one, each in a sandbox: a table, a page for each student and
    one for the class. Interrupted, it goes on where it was. The exit code is then
    0, whatever was found.

    \b
    Examples:
      chainrule check layers.py
      chainrule check main.py --run
      chainrule check submissions.zip --solution right.py --hide-suggestions
      chainrule check submissions.zip --run
      chainrule check layers.py --class FCLayer --make "FCLayer(4, 3)" --shape 5,4
      chainrule check activations.py --functions sigmoid,sigmoid_prime --json
    """
    from chainrule.classroom.checking import Task
    from chainrule.classroom.formats import Marking
    from chainrule.doctor.findings import without_suggestions
    from chainrule.doctor.intake.request import Request
    from chainrule.doctor.process.judge import judge_file
    from chainrule.doctor.verdict import Verdict, not_checked
    from chainrule.errors import CheckError
    from chainrule.presentation.pictures import find_format
    from chainrule.sandbox.limits import Limits

    try:
        request = Request(file, class_name, _pair(functions), make, _shape(shape), run=run)
        many = is_a_class(file)
        limits = Limits(time_limit or (EACH if many else ALONE), memory_limit)
        if solution is not None:
            must_be_code(solution)
        if many and file.exists():
            task = Task(only, solution, limits, replace(request, file=None), hide_suggestions)
            marking = Marking(file.resolve().stem, points)
            check_class(file, task, out, marking, workers, language)
            return
        must_be_code(file)
        if heat_map is not None:
            find_format(heat_map)
        judgement = judge_file(request, limits, heat_map is not None, solution)
    except CheckError as error:
        if as_json:
            say(json.dumps(not_checked(str(error))))
        raise
    answer, arrays = judgement.as_json(), judgement.arrays
    if hide_suggestions:
        answer["findings"] = without_suggestions(answer["findings"])
    if heat_map is not None and arrays:
        from chainrule.doctor.heat_map import draw_heat_map

        draw_heat_map(arrays, heat_map)
    if as_json:
        say(json.dumps(answer))
    else:
        _show(answer, request, heat_map if arrays else None)
    sys.exit(Verdict(answer["verdict"]).exit_code)


def _pair(text: str | None) -> tuple[str, str] | None:
    from chainrule.errors import CheckError

    if text is None:
        return None
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise CheckError(
            f"--functions takes two names, such as forward,backward; received {text!r}"
        )
    return names[0], names[1]


def _shape(text: str | None) -> tuple[int, ...] | None:
    from chainrule.errors import CheckError

    if text is None:
        return None
    try:
        sizes = tuple(int(part) for part in text.strip("()").split(",") if part.strip())
    except ValueError:
        sizes = ()
    if not sizes or min(sizes) < 1:
        raise CheckError(f"--shape takes whole numbers such as 5,4; received {text!r}")
    return sizes


def _show(answer: dict[str, Any], request: Request, picture: Path | None) -> None:
    """What was found, for people."""
    page = console(piped_width=100)
    page.print(styled(answer["subject"], "  ", (str(request.file), "dim")), soft_wrap=True)
    for name, right in answer["gradients"].items():
        page.print(styled(MARGIN, ("✓", "green") if right else ("✗", "red"), f" {name}"))
    for finding in answer["findings"]:
        page.print()
        _show_finding(page, finding, Path(str(request.file)))
    page.print()
    for note in answer["notes"]:
        _print_set_in(page, f"note: {note}", "dim")
    for each in answer["unchecked"]:
        _print_set_in(page, f"not compared: {each}", "yellow")
    if any(not finding["certain"] for finding in answer["findings"]):
        _print_set_in(page, "?: the likeliest cause, but not the only one that fits", "dim")
    for each in answer["sandbox"]["missing"]:
        _print_set_in(page, f"not enforced on this machine: {each}", "yellow")
    page.print(_last_line(answer))
    if picture is not None:
        page.print(styled(f"{picture} shows the wrong entries"))


def _print_set_in(page: Console, text: str, style: str = "") -> None:
    """Print a paragraph with a margin, which its further lines have too."""
    for line in styled((text, style)).wrap(page, page.width - len(MARGIN)):
        line.rstrip()
        page.print(styled(MARGIN) + line, soft_wrap=True)


def _last_line(answer: dict[str, Any]) -> Text:
    """The verdict in words."""
    from chainrule.doctor.verdict import Verdict

    verdict = Verdict(answer["verdict"])
    if verdict is Verdict.WRONG:
        count = len(answer["findings"])
        return styled((f"{count} mistake{'s' if count > 1 else ''} found", "red"))
    return styled((verdict.words, "green" if verdict is Verdict.RIGHT else "yellow"))


def _show_finding(page: Console, finding: dict[str, Any], file: Path) -> None:
    from chainrule.doctor.excerpt import source_of
    from chainrule.rewrites.causes import CODES

    code = f"  [{finding['code']}]" if finding["certain"] else f"  [{finding['code']}?]"
    page.print(styled((finding["gradient"], "bold"), f": {CODES[finding['code']]}", (code, "dim")))
    _print_set_in(page, finding["evidence"])
    if finding["line"]:
        if finding.get("cell"):
            page.print(styled((f"{MARGIN}cell {finding['cell']}", "dim")))
        if finding.get("file"):
            page.print(styled((f"{MARGIN}{finding['file']}", "dim")))
        source = source_of(file, finding.get("cell"), finding.get("file"))
        for line in _lines(finding["line"], source):
            page.print(line, soft_wrap=True)
    if finding["suggestion"]:
        _print_set_in(page, f"→ {finding['suggestion']}")


def _lines(line: int, source: str) -> Iterator[Text]:
    """The line with those around it, and a mark before it."""
    from chainrule.doctor.excerpt import around

    for number, text in around(line, source):
        is_it = number == line
        mark, margin, style = ("▸", "bold red", "bold") if is_it else (" ", "dim", "dim")
        yield styled((f"{MARGIN}{mark} {number:>4} │ ", margin), (text.expandtabs(), style))
