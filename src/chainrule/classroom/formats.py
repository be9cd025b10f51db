"""Results as grading platforms read them.

Gradescope and PrairieLearn take a file for each student, nbgrader, otter and whatever reads JUnit's
XML one for the class.
"""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from xml.etree.ElementTree import Element, SubElement, tostring

from chainrule.classroom.record import SPOILT, Part, Record, short_name
from chainrule.rewrites.causes import CODES
from chainrule.text import for_csv, printable

NBGRADER_COLUMNS = (
    *("assignment", "duedate", "timestamp", "student_id", "last_name", "first_name", "email"),
    *("raw_score", "late_submission_penalty", "score", "max_score"),
)
NOT_GRADED = "not graded yet: a person has to look"
OTTER_COLUMNS = ("file", "percent_correct", "total_points_earned", "grading_status")


@dataclass(frozen=True)
class Marking:
    """How results are written.

    Args:
        assignment: what it is called.
        points: that a right submission gets.
    """

    assignment: str
    points: float = 100.0


Files = Iterator[tuple[str, str]]  # names and texts


def gradescope(records: Sequence[Record], marking: Marking) -> Files:
    """A ``results.json`` for each student. Gradescope wants a score in each: what is not graded yet
    has a score of 0, says so, and has no points by which it would look graded."""
    for record in records:
        parts = list(_in_words(record))
        share = marking.points / max(1, len(parts))
        tests: list[dict[str, Any]] = []
        for part, text in parts:
            test: dict[str, Any] = {"name": f"{part.file}: {part.name}", "output": text}
            if part.is_right is not None:
                test["status"] = "passed" if part.is_right else "failed"
            if record.credit is not None:
                test |= {"score": share if part.is_right else 0.0, "max_score": share}
            tests.append(test)
        score = round((record.credit or 0.0) * marking.points, 6)
        results = {"output": _summary(record), "tests": tests, "visibility": "visible"}
        yield f"{short_name(record.student)}.json", _as_text({"score": score, **results})


def prairielearn(records: Sequence[Record], marking: Marking) -> Files:
    """A ``results.json`` for each student; one that is not ``gradable`` counts as no attempt."""
    for record in records:
        tests = [
            {
                "name": f"{part.file}: {part.name}",
                "points": int(bool(part.is_right)),
                "max_points": 1,
                "output": text,
            }
            for part, text in _in_words(record)
        ]
        results = (
            {"gradable": False, "format_errors": [NOT_GRADED]}
            if record.credit is None
            else {"gradable": True, "score": record.credit}
        )
        text = _as_text({**results, "tests": tests, "message": _summary(record)})
        yield f"{short_name(record.student)}.json", text


def junit(records: Sequence[Record], marking: Marking) -> Files:
    """One XML file, with a suite for each student and a test for each gradient."""
    root = Element("testsuites", name=marking.assignment)
    for record in records:
        parts = list(_in_words(record))
        counts = {
            "tests": len(parts),
            "failures": sum(part.is_right is False for part, _ in parts),
            "skipped": sum(part.is_right is None for part, _ in parts),
        }
        numbers = {name: str(count) for name, count in counts.items()}
        suite = SubElement(root, "testsuite", {"name": printable(record.student), **numbers})
        for part, text in parts:
            names = {"classname": printable(part.file), "name": printable(part.name)}
            case = SubElement(suite, "testcase", names)
            if part.is_right is not True:
                kind = "skipped" if part.is_right is None else "failure"
                SubElement(case, kind, message=printable(text))
    yield "junit.xml", tostring(root, encoding="unicode", xml_declaration=True)


def nbgrader(records: Sequence[Record], marking: Marking) -> Files:
    """The table that ``nbgrader export`` writes; what is not graded yet has no score."""
    rows = []
    for record in records:
        score = "" if record.credit is None else f"{record.credit * marking.points:g}"
        student = ("", "", record.student, "", "", "")
        rows.append((marking.assignment, *student, score, "0", score, f"{marking.points:g}"))
    yield "grades.csv", _table([NBGRADER_COLUMNS, *rows])


def otter(records: Sequence[Record], marking: Marking) -> Files:
    """The table that ``otter grade`` writes; what is not graded yet has no points."""
    rows = [("points-per-question", "1", f"{marking.points:g}", "--")]
    for record in records:
        if record.credit is None:
            reasons = "; ".join([NOT_GRADED, *record.unchecked])
            rows.append((record.student, "", "", reasons))
        else:
            points = f"{record.credit * marking.points:g}"
            rows.append((record.student, f"{record.credit:.4g}", points, "Completed"))
    yield "final_grades.csv", _table([OTTER_COLUMNS, *rows])


FORMATS: dict[str, Callable[[Sequence[Record], Marking], Files]] = {
    "gradescope": gradescope,
    "prairielearn": prairielearn,
    "junit": junit,
    "nbgrader": nbgrader,
    "otter": otter,
}


def _summary(record: Record) -> str:
    """The answer, and whether it is a grade."""
    return record.verdict.words + (f"; {NOT_GRADED}" if record.credit is None else "")


def _in_words(record: Record) -> Iterator[tuple[Part, str]]:
    """The parts of a submission, each with what is said of it."""
    for part in record.parts:
        yield part, "\n".join(_said(part, record))


def _said(part: Part, record: Record) -> Iterator[str]:
    if part.is_right is None:
        yield "not compared: a person has to look"
    if SPOILT in part.codes:
        yield "wrong because of a mistake that counts elsewhere"
    for finding in record.findings:
        if finding["gradient"] == part.name and finding["code"] in part.codes:
            yield f"{_place(finding)}{CODES[finding['code']]}; {finding['evidence']}"
            if finding["suggestion"]:
                yield finding["suggestion"]


def _place(finding: dict[str, Any]) -> str:
    """Where a mistake stands: ``nn/layers.py, line 3: ``, or ``cell 2, line 3: ``."""
    if not finding["line"]:
        return ""
    cell = f"cell {finding['cell']}" if finding.get("cell") else ""
    places = finding.get("file"), cell, f"line {finding['line']}"
    return f"{', '.join(filter(None, places))}: "


def _as_text(results: dict[str, Any]) -> str:
    return json.dumps(results, indent=1, ensure_ascii=False)


def _table(rows: Sequence[Sequence[str]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([[for_csv(cell) for cell in row] for row in rows])
    return text.getvalue()
