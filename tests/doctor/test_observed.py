"""Files that train by themselves, in public styles: what a run of them under observation shows.

Each file of `observed` begins with what is expected of it, as those of `cases` do.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sweep import some_long

from chainrule.check import Verdict
from chainrule.doctor.diagnosis import diagnose_request
from chainrule.doctor.findings import Diagnosis
from chainrule.doctor.intake.request import Request
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.observed.observing import modules_of, observe
from chainrule.foreign.reading.notebooks import read_notebook
from tests.doctor.test_cases import VERDICTS, Expected, expected_of

FOLDER = Path(__file__).parent / "observed"
SCRIPTS = [
    file
    for file in [*sorted(FOLDER.glob("*.py")), *sorted(FOLDER.glob("*/main.py"))]
    if file.name != "__init__.py"
]


# Their kinds are seen in the twins without a mistake, and mistakes in the runs that are left.
SEARCHED_LONG = {
    *("loop_update_function_wrong", "nested_passes_wrong", "menu_wrong", "loop_in_function_wrong"),
    *("loop_momentum_wrong", "loop_adam_wrong", "dropout_in_loop_wrong", "nested_loop_wrong"),
    *("two_dictionaries_wrong", "digits_not_there_wrong", "functions_over_globals_wrong"),
    *("layers_in_inner_loop_wrong", "loop_of_another_scale_wrong", "deltas_then_update_wrong"),
    *("columns_by_place_wrong", "data_in_constructor_wrong", "single_step_wrong"),
    *("targets_spread_by_loss_wrong", "loop_rmsprop_wrong"),
}


def watch(file: Path) -> Diagnosis:
    return diagnose_request(Request(file, run=True))


def name_of(file: Path) -> str:
    return file.parent.name if file.name == "main.py" else file.stem


@pytest.mark.parametrize(
    "file", some_long(SCRIPTS, lambda file: name_of(file) in SEARCHED_LONG), ids=name_of
)
def test_a_run_is_answered_as_expected(file: Path) -> None:
    check(expected_of(file), file)


def check(expected: Expected, file: Path) -> None:
    if expected.verdict is Verdict.NOT_CHECKED:
        with pytest.raises(CannotCheckError, match=expected.words):
            watch(file)
        return
    diagnosis = watch(file)
    assert diagnosis.verdict is expected.verdict, f"{diagnosis}\n{diagnosis.notes}"
    if expected.verdict is Verdict.WRONG and expected.words:
        codes = {finding.code for finding in diagnosis.findings}
        assert codes & set(expected.words.split("|")), str(diagnosis)


def test_a_notebook_is_run_and_its_findings_stand_in_cells() -> None:
    assert watch(FOLDER / "notebook.ipynb").verdict is Verdict.RIGHT
    (finding,) = watch(FOLDER / "notebook_wrong.ipynb").findings
    assert finding.code == "missing-regularizer"
    assert finding.cell is not None
    assert finding.line is not None
    lines = read_notebook(FOLDER / "notebook_wrong.ipynb").lines_of(finding.cell)
    assert "X.T @ dh + reg * W1" in lines[finding.line - 1]


def test_a_mistake_in_another_file_is_placed_there() -> None:
    (finding,) = watch(FOLDER / "several_files_wrong" / "main.py").findings
    line = (FOLDER / "several_files_wrong" / "nn" / "layers.py").read_text().splitlines()
    assert finding.file == "nn/layers.py"
    assert finding.line is not None
    assert "self.input**2" in line[finding.line - 1]


def test_a_run_leaves_nothing_behind_for_the_next_one() -> None:
    file = FOLDER / "several_files" / "main.py"
    first, second = watch(file), watch(file)
    assert first.as_json() == second.as_json()


def test_a_folder_whose_name_only_begins_alike_is_another_ones(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("course/lab", "course/lab2", "course2/lab"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / f"{name.replace('/', '_')}.py").write_text("def forward(x): return x\n")
    for name in ("course/lab2", "course2/lab"):
        monkeypatch.syspath_prepend(str(tmp_path / name))
    file = tmp_path / "course" / "lab" / "main.py"
    names = ("course_lab", "course_lab2", "course2_lab")
    file.write_text("\n".join(f"import {name}\n{name}.forward(1)" for name in names))
    observed = observe(file)
    assert [module.__name__ for module in modules_of(observed)] == ["checked", "course_lab"]
    called = [Path(call.code.co_filename).stem for call in observed.calls]
    assert called == ["course_lab", "course_lab2"]  # of the files around it, not of course2


def test_the_run_stops_after_the_first_steps() -> None:
    observed = observe(FOLDER / "top_level_class.py")
    assert observed.ended == "the run was stopped after its first steps"
    assert sum(call.name == "backward" for call in observed.calls) == 3


@pytest.mark.parametrize(
    ("name", "code"),
    [("class_with_fit.py", 0), ("several_files_wrong/main.py", 1)],
)
def test_the_command_runs_it_in_the_sandbox(name: str, code: int) -> None:
    command = [sys.executable, "-m", "chainrule", "check", str(FOLDER / name), "--run", "--json"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == code, done.stdout + done.stderr
    answer = json.loads(done.stdout)
    assert VERDICTS[{0: "right", 1: "wrong"}[code]].value == answer["verdict"]


WAITS = """
import matplotlib.pyplot as plt
import numpy as np
{}
class Scale:
    def __init__(self):
        self.w = np.ones(3)
    def forward(self, x):
        self.x = x
        return x * self.w
    def backward(self, dy):
        self.dw = (self.x * dy).sum(axis=0)
        return dy * self.w

figure, (left, right) = plt.subplots(1, 2)
with plt.style.context("ggplot"):
    left.plot([1, 2])
line, = plt.plot([1], [2])
layer = Scale()
x = np.random.randn(5, 3)
while input("go on? "):
    layer.forward(x)
    layer.backward(np.ones((5, 3)))
"""


def test_input_plots_and_endless_loops_do_no_harm(tmp_path: Path) -> None:
    file = tmp_path / "waits.py"
    file.write_text(WAITS.format(""))
    diagnosis = watch(file)
    assert diagnosis.verdict is Verdict.RIGHT
    assert not any("left out" in note for note in diagnosis.notes)


def test_what_the_run_has_not_used_is_said(tmp_path: Path) -> None:
    unused = "class Other:\n    def __init__(self, a): self.a = a.b\n"
    unused += "    def forward(self, x): return 2 * x\n    def backward(self, dy): return 2 * dy\n"
    file = tmp_path / "unused.py"
    file.write_text(WAITS.format(unused))
    diagnosis = watch(file)
    assert diagnosis.verdict is Verdict.PARTLY_CHECKED
    assert any("Other, which the run has not used" in each for each in diagnosis.unchecked)


def test_a_file_that_only_defines_things_is_checked_as_without_a_run() -> None:
    file = Path(__file__).parent / "specimens" / "fc_layer.py"
    diagnosis = watch(file)
    assert diagnosis.verdict is Verdict.RIGHT
    assert "the run has shown nothing, so it was checked as without --run" in diagnosis.notes


def test_a_file_without_a_network_says_what_was_seen(tmp_path: Path) -> None:
    file = tmp_path / "none.py"
    file.write_text("import numpy as np\nprint(np.ones(3) / [])\n")
    with pytest.raises(CannotCheckError, match=r"no forward pass .* line 2, was left out"):
        watch(file)
