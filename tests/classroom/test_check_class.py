"""`chainrule check SUBMISSIONS/`: a row, a record and a page for each, whatever happens."""

from __future__ import annotations

import csv
import json
import time
from pathlib import Path
from xml.etree.ElementTree import parse

import nbformat
import pytest

from chainrule.classroom.checking import Task, check_submission
from chainrule.classroom.formats import NBGRADER_COLUMNS
from chainrule.classroom.marking import mark
from chainrule.classroom.record import FileRecord, Record
from chainrule.classroom.submissions import submissions_in
from chainrule.doctor.verdict import Verdict
from chainrule.sandbox.limits import Limits
from tests.cli.conftest import Command, chainrule
from tests.doctor.hostile.attacks import ENDLESS, FORGERIES, HARM, RIGHT, WRONG
from tests.doctor.slips import SLIPS, SPECIMENS

__all__ = ["chainrule"]  # the fixture


def rows(out: Path) -> dict[str, dict[str, str]]:
    with (out / "results.csv").open(newline="", encoding="utf-8") as file:
        return {row["student"]: row for row in csv.DictReader(file)}


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A small class."""
    folder = tmp_path / "handed-in"
    folder.mkdir()
    (folder / "ann_1_1_lab.py").write_text(RIGHT)
    (folder / "bo_1_2_lab.py").write_text(WRONG)
    (folder / "<script>cy_1_3_lab.py").write_text(WRONG.replace("dW", "dW_new"))
    (folder / "di_1_4_lab.py").write_text("this is no Python")
    (folder / "eve_1_5_lab.py").write_text(WRONG + FORGERIES["takes the place of the diagnosis"])
    (folder / "fay").mkdir()
    (folder / "fay/notes.txt").write_text("no code")
    return folder


def test_a_class(chainrule: Command, place: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    answer = chainrule("check", place, "--out", out, "--hide-suggestions")
    assert answer.code == 0
    assert answer.out.startswith("6 submissions: ")
    found = rows(out)
    assert {name: row["verdict"] for name, row in found.items()} == {
        "ann": "right",
        "bo": "wrong",
        "<script>cy": "wrong",
        "di": "not checked",
        "eve": "not checked",
        "fay": "not checked",
    }
    assert (found["ann"]["credit"], found["bo"]["credit"]) == ("1.000", "0.500")
    assert found["bo"]["causes"] == "constant-scale"
    assert found["bo"]["functions"] == "Layer.backward"
    assert found["di"]["credit"] == found["eve"]["credit"] == ""
    assert "invalid syntax" in found["di"]["not compared"]
    page = (out / "index.html").read_text()
    assert "<script>" not in page
    assert "off by a constant factor" in page
    student = (out / "students" / "bo.html").read_text()
    assert "self.dW = self.x.T @ dy / 2" in student
    assert "leave out" not in student  # the suggestion


def test_what_platforms_read(chainrule: Command, place: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    chainrule("check", place, "--out", out, "--points", 10)
    bo = json.loads((out / "gradescope/bo.json").read_text())
    assert bo["score"] == 5
    assert [(t["name"], t["score"], t["max_score"]) for t in bo["tests"]] == [
        ("lab.py: dx", 5, 5),
        ("lab.py: dW", 0, 5),
    ]
    assert "leave out `2`" in bo["tests"][1]["output"]
    bo = json.loads((out / "prairielearn/bo.json").read_text())
    assert (bo["score"], bo["gradable"]) == (0.5, True)
    root = parse(out / "junit/junit.xml").getroot()
    suites = {each.get("name"): each for each in root}
    assert suites["bo"].get("failures") == "1"
    assert suites["di"].get("skipped") == "1"
    with (out / "nbgrader/grades.csv").open(newline="") as file:
        table = list(csv.DictReader(file))
    assert tuple(table[0]) == NBGRADER_COLUMNS
    assert {row["student_id"]: row["score"] for row in table}["bo"] == "5"
    with (out / "otter/final_grades.csv").open(newline="") as file:
        assert {row["file"]: row["percent_correct"] for row in csv.DictReader(file)}["bo"] == "0.5"


def test_what_is_there_is_kept_and_what_has_changed_is_checked_again(
    place: Path, tmp_path: Path
) -> None:
    out, task = tmp_path / "out", Task()
    first = mark(submissions_in(place, tmp_path / "u"), task, out)
    times = {path: path.stat().st_mtime_ns for path in (out / "records").iterdir()}
    (place / "bo_1_2_lab.py").write_text(RIGHT)
    (out / "records" / "fay.json").write_text("{half")
    second = mark(submissions_in(place, tmp_path / "u"), task, out)
    again = {path.stem for path in times if path.stat().st_mtime_ns != times[path]}
    assert again == {"bo", "fay"}
    assert [r.verdict.value for r in second if r.student == "bo"] == ["right"]
    assert len(first) == len(second) == 6
    mark(submissions_in(place, tmp_path / "u"), Task(file="lab.py"), out)
    assert all(path.stat().st_mtime_ns != times[path] for path in times)


def test_a_failure_of_chainrule_is_a_row_as_well(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fails(*_: object, **__: object) -> None:
        raise KeyError("nobody expected this")

    monkeypatch.setattr("chainrule.classroom.checking.judge_file", fails)
    submission = submissions_in(place, tmp_path / "u")[1]
    record = check_submission(submission, Task())
    assert record.verdict is Verdict.NOT_CHECKED
    assert "chainrule failed: KeyError" in record.unchecked[0]


def test_imports_between_the_files_of_a_submission(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    (folder / "bo_1_2_base.py").write_text("SCALE = 2.0\n")
    source = "from base import SCALE\n" + RIGHT.replace("@ self.W\n", "@ self.W * SCALE\n")
    (folder / "bo_1_3_lab.py").write_text(source)
    (record,) = mark(submissions_in(folder, tmp_path / "u"), Task(), tmp_path / "out")
    assert [(each.file, each.gradients) for each in record.files] == [
        ("lab.py", {"dx": False, "dW": False})
    ]


def test_a_notebook(tmp_path: Path) -> None:
    folder = tmp_path / "all"
    folder.mkdir()
    cells = [nbformat.v4.new_markdown_cell("# Lab"), nbformat.v4.new_code_cell(WRONG.lstrip())]
    notebook = nbformat.v4.new_notebook(cells=cells)
    nbformat.write(notebook, folder / "bo_1_2_lab.ipynb")
    (record,) = mark(submissions_in(folder, tmp_path / "u"), Task(), tmp_path / "out")
    (found,) = record.findings
    assert (found["code"], found["cell"], found["function"]) == (
        *("constant-scale", 2, "Layer.backward"),
    )
    assert "/ 2" in dict(found["lines"])[found["line"]]


def finding(gradient: str, code: str) -> dict[str, object]:
    return {"gradient": gradient, "code": code, "line": None, "evidence": "", "suggestion": ""}


@pytest.mark.parametrize(
    ("gradients", "findings", "unchecked", "credit"),
    [
        ({"a": True, "b": True}, [], [], 1.0),
        ({"a": True, "b": False, "c": False, "d": False}, [("b", "sign")], [], 0.75),
        ({"a": True, "b": False}, [("b", "sign"), ("b", "mutates-input")], [], 0.5),
        ({"a": True}, [("x", "mutates-input")], [], 0.5),
        ({"a": True, "b": True}, [("f.py", "exception")], [], 0.0),
        ({"a": True}, [], ["b: no derivative"], None),
        ({}, [("f.py", "crash")], [], 0.0),
        ({}, [], [], None),
    ],
)
def test_a_mistake_costs_one_gradient_whatever_it_spoils(
    gradients: dict[str, bool],
    findings: list[tuple[str, str]],
    unchecked: list[str],
    credit: float | None,
) -> None:
    found = [finding(*each) for each in findings]
    record = Record("a", [FileRecord("f.py", "wrong", gradients, found, unchecked)])
    assert record.credit == credit


@pytest.mark.long
def test_two_hundred_submissions_in_ten_minutes(tmp_path: Path) -> None:
    """The one test that looks at a clock: that many is what the command promises."""
    folder = tmp_path / "all"
    folder.mkdir()
    hostile = [WRONG + FORGERIES[name] for name in list(FORGERIES)[:4]]
    hostile += [RIGHT + attack for attack in list(HARM.values())[:4]]
    hostile += [RIGHT + ENDLESS[name][1] for name in ("waits for ever", "floods standard error")]
    sources = [*hostile, *(file.read_text() for file in sorted(SPECIMENS.glob("*.py")))]
    sources += [slip.source() for slip in SLIPS]
    sources = [*sources, *sources][:200]
    for number, source in enumerate(sources):
        (folder / f"student{number}_1_{number}_lab.py").write_text(source)
    began = time.perf_counter()
    task = Task(limits=Limits(seconds=30))
    records = mark(submissions_in(folder, tmp_path / "u"), task, tmp_path / "out")
    assert len(records) == len(rows(tmp_path / "out")) == 200
    assert all(record.verdict is not Verdict.RIGHT for record in records[:4])
    assert time.perf_counter() - began < 600
