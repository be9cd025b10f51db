"""``chainrule check SUBMISSIONS/``: what a whole class has handed in."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule.cli.grade import progress
from chainrule.cli.terminal import add_row, complain, new_table, show
from chainrule.limits import shortened
from chainrule.presentation.display import counted, say

if TYPE_CHECKING:
    from chainrule.classroom.checking import Task
    from chainrule.classroom.formats import Marking
    from chainrule.classroom.record import Record


NAMED = 5  # students of an earlier check
SHOWN = 20  # students, of whom the table on the terminal has a row
LONGEST_NAME, LONGEST_CAUSE = 32, 64  # characters of a row


def is_a_class(place: Path) -> bool:
    """True for what may hold many submissions."""
    return place.is_dir() or place.suffix == ".zip"


def check_class(
    place: Path, task: Task, out: Path | None, marking: Marking, workers: int, language: str
) -> None:
    """Check every submission in a folder or zip file, and write a table, records and pages.

    Raises:
        ChainruleError: there are no submissions, or nothing can be written.
    """
    from chainrule.classroom.formats import FORMATS
    from chainrule.classroom.languages import translations
    from chainrule.classroom.marking import mark
    from chainrule.classroom.pages import write_pages
    from chainrule.classroom.submissions import submissions_in
    from chainrule.files import make_folder, whole_file

    translations(language)  # a language that is not there is said before the work begins
    target = out or _beside(place)
    with tempfile.TemporaryDirectory(prefix="chainrule-") as unpacked:
        submissions = submissions_in(place, Path(unpacked))
        try:
            with progress("submissions") as finished:
                records = mark(submissions, task, target, workers, finished)
        except KeyboardInterrupt:
            complain(f"interrupted: the same command continues from what is in {target}")
            raise
    write_pages(records, target, marking.assignment, language)
    for name, write in FORMATS.items():
        make_folder(target / name)
        for file_name, text in write(records, marking):
            with whole_file(target / name / file_name) as file:
                file.write(text.encode("utf-8", errors="replace"))
    show_records(records, target)
    counts = Counter(record.verdict.value for record in records)
    told = ", ".join(f"{count} {verdict}" for verdict, count in counts.most_common())
    say(f"{counted(len(records), 'submission')}: {told}")
    say(f"{target / 'index.html'} shows them, {target / 'results.csv'} is the table")
    if earlier := _left_by_an_earlier_check(target, records):
        say(
            f"{target} still holds pages of {counted(len(earlier), 'student')} of an earlier check "
            f"who are not in {place}: {', '.join(earlier[:NAMED])}"
            f"{', …' if len(earlier) > NAMED else ''}"
        )
    for each in sorted({each for record in records for each in record.missing}):
        say(f"not enforced on this machine: {each}")


def show_records(records: list[Record], target: Path) -> None:
    """Print a row for each student: first those at whom a person must look, then the lowest
    credit."""
    table = new_table("student", "answer", "credit", "cause", numbers=("credit",))
    for record in sorted(records, key=_by_credit)[:SHOWN]:
        credit = "" if record.credit is None else f"{100 * record.credit:.0f} %"
        cause = ", ".join(record.causes) or next(iter(record.unchecked), "")
        name = shortened(record.student, LONGEST_NAME)
        add_row(table, name, record.verdict.value, credit, shortened(cause, LONGEST_CAUSE))
    show(table)
    if len(records) > SHOWN:
        say(f"… and {len(records) - SHOWN} more in {target / 'results.csv'}")
    say("")


def _by_credit(record: Record) -> float:
    return -1 if record.credit is None else record.credit


def _left_by_an_earlier_check(target: Path, records: list[Record]) -> list[str]:
    """The students, by the names of their files, who are in a folder of results and not among the
    records that were written to it now."""
    from chainrule.classroom.record import short_name

    now = {short_name(record.student) for record in records}
    return sorted({file.stem for file in (target / "records").glob("*.json")} - now)


def _beside(place: Path) -> Path:
    """Where what is found in `place` goes: beside it, called after it."""
    named = place.resolve() if place.name in ("", "..") else place  # "." has no name of its own
    return named.parent / f"{named.stem}-checked"
