"""A page for each student, and one for the class."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.classroom.languages import translations
from chainrule.classroom.record import Record, short_name
from chainrule.classroom.sentences import translated
from chainrule.doctor.verdict import Verdict
from chainrule.files import make_folder, whole_file
from chainrule.rewrites.causes import CODES
from chainrule.text import printable

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup

STYLES = {
    Verdict.RIGHT: "right",
    Verdict.WRONG: "wrong",
    Verdict.NOT_CHECKED: "open",
    Verdict.PARTLY_CHECKED: "open",
}


@dataclass
class CauseInClass:
    """A cause, as often as it was found in a class.

    Args:
        code: which.
        students: how many have it.
        times: how often it was found.
        functions: in which functions, the most frequent first.
    """

    code: str
    students: int
    times: int
    functions: list[tuple[str, int]]


def causes_in(records: Sequence[Record]) -> list[CauseInClass]:
    """The causes that were found, those that most students have first."""
    students = Counter(code for record in records for code in record.causes)
    times: Counter[str] = Counter()
    functions: dict[str, Counter[str]] = {}
    for record in records:
        times += record.causes
        for finding in record.findings:
            if finding["function"]:
                functions.setdefault(finding["code"], Counter())[finding["function"]] += 1
    return [
        CauseInClass(code, count, times[code], functions.get(code, Counter()).most_common())
        for code, count in students.most_common()
    ]


def write_pages(records: Sequence[Record], out: Path, title: str, language: str) -> None:
    """Write ``index.html`` for the class, and ``students/NAME.html`` for each.

    Raises:
        OutputError: they cannot be written.
        UnknownNameError: there is no such language.
    """
    environment = _environment(language)
    make_folder(out / "students")
    for record in records:
        page = environment.get_template("student.html")
        _write(out / "students" / _link(record.student), page.render(record=record))
    counts = Counter(record.verdict for record in records)
    text = environment.get_template("class.html").render(
        title=title,
        records=records,
        verdicts=[(verdict, counts[verdict]) for verdict in Verdict if counts[verdict]],
        causes=causes_in(records),
        missing=sorted({each for record in records for each in record.missing}),
    )
    _write(out / "index.html", text)


def _environment(language: str) -> Environment:
    from jinja2 import Environment, PackageLoader, select_autoescape

    texts = translations(language)
    gettext = texts.gettext
    environment = Environment(
        loader=PackageLoader("chainrule.classroom"),
        autoescape=select_autoescape(),
        extensions=["jinja2.ext.i18n"],
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_shown,
    )
    environment.globals.update(
        language=language,
        style=STYLES.__getitem__,
        answer=lambda verdict: gettext(verdict.value),
        words=lambda verdict: gettext(verdict.words),
        cause=lambda code: gettext(CODES[code]),
        link=_link,
    )
    environment.filters["with_code"] = _with_code
    environment.filters["translated"] = lambda text: translated(text, gettext)
    environment.install_gettext_translations(texts, newstyle=True)  # type: ignore[attr-defined]
    return environment


def _shown(value: Any) -> Any:
    """What a page shows of a value: no text from a file moves anything on it."""
    return printable(value) if type(value) is str else value


def _with_code(text: str) -> Markup:
    """A sentence in which text between backticks is set as code."""
    from markupsafe import Markup, escape

    return Markup(re.sub("`([^`]*)`", r"<code>\1</code>", str(escape(printable(text)))))  # noqa: S704  all of it is escaped


def _link(student: str) -> str:
    return f"{short_name(student)}.html"


def _write(path: Path, text: str) -> None:
    with whole_file(path) as file:
        file.write(text.encode("utf-8", errors="replace"))
