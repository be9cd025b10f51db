"""`chainrule check SUBMISSIONS/`: a row, a record and a page for each, whatever happens."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from xml.etree.ElementTree import parse

import nbformat
import pytest

from chainrule.classroom.checking import Task, check_submission
from chainrule.classroom.formats import FORMATS, NBGRADER_COLUMNS, NOT_GRADED, Marking
from chainrule.classroom.marking import mark
from chainrule.classroom.pages import write_pages
from chainrule.classroom.record import FileRecord, Record
from chainrule.classroom.submissions import submissions_in
from chainrule.cli.check_class import SHOWN, show_records
from chainrule.doctor.excerpt import source_of
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
    table, _, summary = answer.out.partition("\n\n")
    assert [line.split()[:2] for line in table.splitlines()] == [
        *(["student", "answer"], ["di", "not"], ["eve", "not"], ["fay", "not"]),
        *(["<script>cy", "wrong"], ["bo", "wrong"], ["ann", "right"]),
    ]
    assert "wrong          50 %  constant-scale" in table
    assert summary.startswith("6 submissions: ")
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


def test_of_many_students_those_who_need_somebody_are_shown(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    right = [
        Record(f"student {n}", [FileRecord("a.py", "right", {"dx": True})]) for n in range(197)
    ]
    error = "nothing to check: " + "long " * 100
    odd = [Record("x" * 300, [FileRecord("", "not checked", error=error)])]
    show_records([*right, *odd], tmp_path)
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].startswith("xxxx")
    assert "not checked" in lines[1]
    assert max(map(len, lines[:-2])) < 120
    assert sum(line.startswith("student ") for line in lines[1:]) == SHOWN - 1
    assert lines[-2:] == [f"… and 178 more in {tmp_path / 'results.csv'}", ""]


RAISES = RIGHT.replace("dy @ self.W.T", "dy @ self.W")
CORRECTION = "self.W.T"


def written(chainrule: Command, place: Path, *options: object) -> str:
    """All that a check of a class writes."""
    out = place.parent / "out"
    answer = chainrule("check", place, "--out", out, *options)
    files = sorted(path for path in out.rglob("*") if path.is_file())
    return "\n".join([answer.out, answer.err, *(path.read_text() for path in files)])


def test_hidden_suggestions_are_in_nothing_that_is_written(
    chainrule: Command, tmp_path: Path
) -> None:
    place, hide = tmp_path / "all", "--hide-suggestions"
    place.mkdir()
    file = place / "cho_1_1_lab.py"
    file.write_text(RAISES)
    assert CORRECTION in written(chainrule, place)
    alone = [chainrule("check", file, hide, *json).out for json in ([], ["--json"])]
    classes = [written(chainrule, place, hide, "--language", each) for each in ("de", "en")]
    for text in (*alone, *classes):
        assert "the backward pass raises" in text
        assert CORRECTION not in text


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


def test_what_is_not_graded_yet_has_no_credit_on_any_platform() -> None:
    record = Record("ann", [FileRecord("a.py", "partly checked", {"dx": True}, [], ["b: no loss"])])
    texts = {name: dict(write([record], Marking("lab", 10))) for name, write in FORMATS.items()}
    gradescope = json.loads(texts["gradescope"]["ann.json"])
    assert gradescope["score"] == 0
    assert NOT_GRADED in gradescope["output"]
    assert [(t.get("status"), t.get("score")) for t in gradescope["tests"]] == [
        *(("passed", None), (None, None))
    ]
    prairielearn = json.loads(texts["prairielearn"]["ann.json"])
    assert (prairielearn["gradable"], prairielearn["format_errors"]) == (False, [NOT_GRADED])
    assert "score" not in prairielearn
    (row,) = csv.DictReader(texts["nbgrader"]["grades.csv"].splitlines())
    assert (row["raw_score"], row["score"], row["max_score"]) == ("", "", "10")
    row = list(csv.DictReader(texts["otter"]["final_grades.csv"].splitlines()))[1]
    assert (row["percent_correct"], row["total_points_earned"]) == ("", "")
    assert row["grading_status"] == f"{NOT_GRADED}; b: no loss"
    assert "<skipped" in texts["junit"]["junit.xml"]


def test_the_page_of_a_class_says_what_it_is_and_why_something_was_not_compared(
    tmp_path: Path,
) -> None:
    partly = FileRecord("a.py", "partly checked", {"dx": True}, [], ["b: no loss was found"])
    write_pages([Record("ann", [partly])], tmp_path, "subs", "en")
    page = (tmp_path / "index.html").read_text()
    assert "<title>Gradient check: subs</title>" in page
    assert "b: no loss was found" in page


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


MAIN = """
import numpy as np
from lab import Layer

layer, x, target = Layer({"shape": (4, 3)}), np.random.randn(8, 4), np.random.randn(8, 3)
while True:
    output = layer.forward(x)
    loss = np.sum((output - target) ** 2)
    layer.backward(2 * (output - target))
    layer.W -= 0.01 * layer.dW
"""
TESTS = "from lab import Layer\n\ndef test_layer():\n    Layer()\n"


def without_example(source: str) -> str:
    return source.partition("def example")[0]


def nobody_guesses_how_to_make(source: str) -> str:
    """The layer, made with something that only the author's own file hands to it."""
    source = without_example(source).replace("np.ones((4, 3))", 'np.full(setup["shape"], 0.5)')
    return source.replace("__init__(self)", "__init__(self, setup)")


def hand_in(place: Path, **submissions: dict[str, str]) -> Path:
    """Submissions of several files, by student."""
    for student, files in submissions.items():
        for name, source in files.items():
            file = place / student / name
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(source)
    return place


def test_submissions_are_run_and_what_they_import_is_checked(
    chainrule: Command, tmp_path: Path
) -> None:
    right, wrong = map(nobody_guesses_how_to_make, (RIGHT, WRONG))
    unused = without_example(WRONG).replace("class Layer", "class Other")
    place = hand_in(
        tmp_path / "all",
        ann={"main.py": MAIN, "lab.py": right},
        bo={"src/main.py": MAIN, "src/lab.py": wrong},
        cy={"main.py": MAIN, "lab.py": right + unused},
        di={"tests.py": TESTS, "lab.py": RIGHT},
    )
    out = tmp_path / "out"
    assert chainrule("check", place, "--run", "--out", out).code == 0
    found = rows(out)
    assert {name: (row["verdict"], row["files"]) for name, row in found.items()} == {
        "ann": ("right", "main.py"),
        "bo": ("wrong", "src/main.py"),
        "cy": ("wrong", "main.py"),
        "di": ("right", "lab.py"),
    }
    assert (found["bo"]["functions"], found["cy"]["functions"]) == (
        *("Layer.backward", "Other.backward"),
    )
    page = (out / "students/bo.html").read_text()
    assert "lab.py</p>" in page
    assert "self.dW = self.x.T @ dy / 2" in page
    assert "x of shape (8, 4) is that of the run" in page
    assert "lab.py, line " in (out / "gradescope/bo.json").read_text()
    tests = json.loads((out / "gradescope/cy.json").read_text())["tests"]
    assert [each["name"] for each in tests if not each["score"]] == ["main.py: dW of Other"]
    assert chainrule("check", place, "--out", out).code == 0
    assert rows(out)["ann"]["verdict"] == "not checked"


def test_code_cannot_have_other_files_shown(tmp_path: Path) -> None:
    """A worker says which file a finding is in, and the code could have it say anything."""
    place = hand_in(tmp_path / "all", ann={"lab.py": RIGHT, "nn/layers.py": WRONG})
    lab, layers, secret = place / "ann/lab.py", place / "ann/nn/layers.py", tmp_path / "secret.py"
    secret.write_text("the solution\n")
    assert source_of(lab, other="nn/layers.py") == WRONG
    assert source_of(layers, other="../lab.py") == RIGHT
    for claimed in ("../../secret.py", str(secret), "/etc/passwd", "nn", "missing.py"):
        assert source_of(lab, other=claimed) == ""


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


def test_code_that_raises_gets_no_credit_though_the_cause_is_known(tmp_path: Path) -> None:
    (tmp_path / "bo_1_2_lab.py").write_text(RIGHT.replace("dy @ self.W.T", "dy @ self.W"))
    (bo,) = submissions_in(tmp_path, tmp_path / "unpacked")
    record = check_submission(bo, Task())
    assert (record.credit, list(record.causes)) == (0.0, ["transposed"])


@pytest.mark.parametrize("here", [".", "../handed-in/.", "sub/.."])
def test_the_folder_that_one_stands_in(
    chainrule: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, here: str
) -> None:
    folder = tmp_path / "handed-in"
    (folder / "sub").mkdir(parents=True)
    (folder / "ann_1_1_lab.py").write_text("x = 3")
    monkeypatch.chdir(folder)
    assert chainrule("check", here).code == 0
    assert "handed-in" in (tmp_path / "handed-in-checked/index.html").read_text()


def test_what_an_earlier_check_has_left_is_said(chainrule: Command, tmp_path: Path) -> None:
    folder = tmp_path / "lab"
    folder.mkdir()
    (folder / "ann_1_1_lab.py").write_text("x = 3")
    assert "earlier check" not in chainrule("check", folder).out
    (folder / "ann_1_1_lab.py").rename(folder / "bo_1_2_lab.py")
    answer = chainrule("check", folder)
    assert "still holds pages of 1 student of an earlier check" in answer.out
    assert f"not in {folder}: ann\n" in answer.out


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_two_hundred_submissions_ten_of_them_hostile(tmp_path: Path) -> None:
    """How long they may take, `docs/grading.md` says; what they are answered is told here."""
    waits, floods = (
        RIGHT + ENDLESS[name][1] for name in ("waits for ever", "floods standard error")
    )
    class_of = {
        "forged": [WRONG + forgery for forgery in list(FORGERIES.values())[:4]],
        "harmful": [*(RIGHT + attack for attack in list(HARM.values())[:4]), waits, floods],
        "right": [file.read_text() for file in sorted(SPECIMENS.glob("*.py"))],
    }
    class_of["wrong"] = [slip.source() for slip in SLIPS]
    class_of["copied"] = class_of["wrong"][: 200 - sum(map(len, class_of.values()))]
    folder = tmp_path / "all"
    folder.mkdir()
    for kind, sources in class_of.items():
        for number, source in enumerate(sources):
            (folder / f"{kind}{number}_1_{number}_lab.py").write_text(source)
    task = Task(limits=Limits(seconds=30))
    records = mark(submissions_in(folder, tmp_path / "u"), task, tmp_path / "out")
    assert len(records) == len(rows(tmp_path / "out")) == 200
    verdicts = {
        kind: [r.verdict for r in records if r.student.startswith(kind)] for kind in class_of
    }
    assert Verdict.RIGHT not in verdicts["forged"]
    assert set(verdicts["right"]) == {Verdict.RIGHT}
    assert set(verdicts["wrong"] + verdicts["copied"]) == {Verdict.WRONG}
