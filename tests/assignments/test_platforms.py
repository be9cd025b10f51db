"""Labs and grades with the real nbgrader and otter-grader, where these are installed: they are no
dependencies."""

from __future__ import annotations

import csv
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.assignments.assignment import new_assignment
from chainrule.classroom.formats import FORMATS, NBGRADER_COLUMNS, OTTER_COLUMNS, Marking
from chainrule.classroom.record import FileRecord, Record
from tests.doctor.slips import SPECIMENS

OPTIONAL = "optional: they run where the platforms themselves are installed"
pytestmark = [pytest.mark.long, pytest.mark.filterwarnings("default")]  # theirs are not ours


@pytest.fixture(autouse=True)
def programs(monkeypatch: pytest.MonkeyPatch) -> None:
    """What they start lies beside the interpreter."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    monkeypatch.setenv("PATH", path)


def run(folder: Path, *command: str) -> str:
    """What a module, run as a command in a folder, says."""
    done = subprocess.run(
        [sys.executable, "-m", *command],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYDEVD_DISABLE_FILE_VALIDATION": "1", "PYTHONWARNINGS": "ignore"},
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_nbgrader_gives_all_points_to_the_solution_and_none_to_what_students_start_from(
    tmp_path: Path,
) -> None:
    api = pytest.importorskip("nbgrader.api", reason=OPTIONAL)
    lab = new_assignment(SPECIMENS / "dense_rows.py", "nbgrader")
    (name, text), *_ = [item for item in lab.files.items() if item[0].endswith(".ipynb")]
    source = tmp_path / "source/lab" / name
    source.parent.mkdir(parents=True)
    source.write_text(text)
    run(tmp_path, "nbgrader", "generate_assignment", "lab")
    for student, notebook in (("ann", source), ("bo", tmp_path / "release/lab" / name)):
        handed_in = tmp_path / "submitted" / student / "lab"
        handed_in.mkdir(parents=True)
        shutil.copy(notebook, handed_in)
    run(tmp_path, "nbgrader", "autograde", "lab")
    with api.Gradebook(f"sqlite:///{tmp_path}/gradebook.db") as book:
        scores = {s: book.find_submission("lab", s).score for s in ("ann", "bo")}
        most = book.find_assignment("lab").max_score
    assert most > 0
    assert scores == {"ann": most, "bo": 0}
    run(tmp_path, "nbgrader", "export", "--to", "grades.csv")
    with (tmp_path / "grades.csv").open(newline="") as file:
        assert tuple(next(csv.reader(file))) == NBGRADER_COLUMNS


def test_otter_gives_all_points_to_the_solution_and_none_to_what_students_start_from(
    tmp_path: Path,
) -> None:
    pytest.importorskip("otter", reason=OPTIONAL)
    lab = new_assignment(SPECIMENS / "dense_rows.py", "otter")
    (name, text), *_ = [item for item in lab.files.items() if item[0].endswith(".ipynb")]
    (tmp_path / name).write_text(text)
    run(tmp_path, "otter", "assign", name, "dist", "--no-run-tests")
    (autograder,) = (tmp_path / "dist/autograder").glob("*autograder*.zip")
    shares = []
    for kind in ("autograder", "student"):
        out = tmp_path / kind
        out.mkdir()
        notebook = tmp_path / "dist" / kind / name
        run(tmp_path, "otter", "run", "-a", str(autograder), "-o", str(out), str(notebook))
        tests = json.loads((out / "results.json").read_text())["tests"]
        scored = [test for test in tests if test.get("max_score")]
        shares.append(sum(t["score"] for t in scored) / sum(t["max_score"] for t in scored))
    assert shares == [1, 0]


def test_the_table_for_otter_has_the_columns_of_otter() -> None:
    utils = pytest.importorskip("otter.grade.utils", reason=OPTIONAL)
    real = {value for name, value in vars(utils).items() if name.startswith("SCORES_DICT_")}
    assert set(OTTER_COLUMNS) == real
    records = [Record("ann", [FileRecord("a.py", "right", {"dW": True})])]
    ((_, text),) = FORMATS["otter"](records, Marking("lab"))
    assert text.splitlines()[1].startswith(utils.POINTS_POSSIBLE_LABEL)
