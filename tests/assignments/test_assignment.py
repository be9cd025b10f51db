"""Labs made from solutions: the solution passes, the code to complete fails, and so does every
known-wrong variant."""

from __future__ import annotations

import ast
import functools
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import numpy as np
import pytest
from sweep import some_long

from chainrule.assignments.assignment import Assignment, new_assignment
from chainrule.assignments.notebooks import nbgrader_notebook, otter_notebook
from chainrule.assignments.skeleton import regions, skeleton
from chainrule.assignments.tests import CannotAssignError, Entry, LabTests, write_tests
from chainrule.errors import ChainruleError
from chainrule.grading.grader import Grade
from tests.doctor.running import run
from tests.doctor.slips import SLIPS, SPECIMENS, Slip
from tests.doctor.test_specimens import is_optimizer, right

FILES = sorted(path.stem for path in SPECIMENS.glob("*.py"))
WITH_GRADIENTS = [file for file in FILES if not is_optimizer(file)]
NOT_OF_BACKWARD = {"train-predict-mismatch", "overflow", "pool-ties"}  # away from the tests' points


def lab_of(file: str) -> Assignment:
    return new_assignment(SPECIMENS / f"{file}.py")


def passes(folder: Path, file: str) -> bool:
    """Whether the tests in a folder pass, with NumPy and pytest and nothing of chainrule."""
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-x",
        "-p",
        "no:cacheprovider",
        f"test_{file}.py",
    ]
    return subprocess.run(command, cwd=folder, capture_output=True, check=False).returncode == 0


@pytest.mark.parametrize(
    "file", ["dense_rows", pytest.param("sigmoid_pair", marks=pytest.mark.long)]
)
def test_the_solution_passes_and_the_skeleton_fails(file: str, tmp_path: Path) -> None:
    lab = lab_of(file)
    lab.write(tmp_path / "lab")
    assert not lab.grade.survivors
    assert len(lab.grade.killed) >= 8
    assert not passes(tmp_path / "lab", file)
    (tmp_path / "lab" / f"{file}.py").write_text(right(file))
    assert passes(tmp_path / "lab", file)


@pytest.mark.long
@pytest.mark.parametrize("file", WITH_GRADIENTS)
def test_every_style_becomes_a_lab_that_notices_everything(file: str) -> None:
    lab = lab_of(file)
    assert not lab.grade.survivors
    assert lab.left_out


@pytest.mark.parametrize("file", some_long(WITH_GRADIENTS, lambda file: file == "conv_flipped"))
def test_the_tests_of_a_lab_pass_on_its_solution(file: str) -> None:
    run_tests(right(file), written(file).as_file())


@pytest.mark.long
@pytest.mark.parametrize(
    "slip",
    [
        slip
        for slip in SLIPS
        if not is_optimizer(slip.file)
        and not NOT_OF_BACKWARD.intersection(*(mistake.codes for mistake in slip.mistakes))
    ],
    ids=str,
)
def test_the_tests_of_a_lab_notice_slips_that_people_make(slip: Slip) -> None:
    assert fails(slip.source(), written(slip.file).as_file())


@functools.cache
def written(file: str) -> LabTests:
    return write_tests(SPECIMENS / f"{file}.py", points=4)


def fails(source: str, tests: str) -> bool:
    try:
        with np.errstate(all="ignore"):
            run_tests(source, tests)
    except Exception:
        return True
    return False


def run_tests(source: str, tests: str) -> None:
    """Run all tests of a lab on a solution."""
    lines = [line for line in tests.split("\n") if not line.startswith("from ")]
    for name, test in run(source, "\n".join(lines)).items():
        if name.startswith("test_"):
            test()


@pytest.mark.parametrize("file", FILES)
def test_a_skeleton_keeps_signatures_and_docstrings(file: str) -> None:
    source, left = right(file), skeleton(right(file))
    compile(left, file, "exec")
    assert "def example" not in left
    for region in regions(source):
        assert f'raise NotImplementedError("write {region.name}")' in left
    for line in source.split("\ndef example")[0].split("\n"):
        if line.strip().startswith(("def ", "class ", '"""')):
            assert line in left


MARKED = '''\
def forward(x):
    """y = 2 x."""
    scale = 2
    # BEGIN SOLUTION
    return scale * x
    # END SOLUTION


def backward(dy):
    return 2 * dy
'''


def test_marked_regions_go_and_nothing_else() -> None:
    assert skeleton(MARKED) == MARKED.replace(
        "    # BEGIN SOLUTION\n    return scale * x\n    # END SOLUTION",
        '    raise NotImplementedError("write forward")',
    )


def test_an_otter_notebook_has_blocks_and_prompts() -> None:
    notebook = read(otter_notebook(right("dense_rows"), written("dense_rows")))
    raw = [cell.source.split("\n")[0] for cell in notebook.cells if cell.cell_type == "raw"]
    assert raw == [
        "# ASSIGNMENT CONFIG",
        *(f"# BEGIN {block}" for block in ("QUESTION", "SOLUTION")),
        *("# END SOLUTION", "# BEGIN TESTS", "# END TESTS", "# END QUESTION"),
    ]
    code = next(c.source for c in notebook.cells if "class Linear" in c.source)
    assert code.count("# BEGIN SOLUTION NO PROMPT") == code.count("# END SOLUTION") == 2
    assert code.count('""" # BEGIN PROMPT') == code.count('""" # END PROMPT') == 2
    assert runs(notebook)


def test_an_nbgrader_notebook_has_metadata_and_marks() -> None:
    notebook = read(nbgrader_notebook(right("dense_rows"), written("dense_rows")))
    cells = {c.metadata.nbgrader.grade_id: c for c in notebook.cells if "nbgrader" in c.metadata}
    graded = [name for name, cell in cells.items() if cell.metadata.nbgrader.grade]
    assert graded == ["test_forward", "test_dx", "test_weight_grad", "test_bias_grad"]
    assert all(cell.metadata.nbgrader.schema_version == 3 for cell in cells.values())
    assert all(cells[name].metadata.nbgrader.points == 1 for name in graded)
    assert all(cells[name].metadata.nbgrader.locked for name in ("checks", *graded))
    solution = cells["solution"]
    assert solution.metadata.nbgrader.solution
    assert solution.source.count("### BEGIN SOLUTION") == 2
    assert solution.source.count("### END SOLUTION") == 2
    assert runs(notebook)


def read(text: str) -> nbformat.NotebookNode:
    notebook = nbformat.reads(text, as_version=4)
    nbformat.validate(notebook)
    return notebook


def runs(notebook: nbformat.NotebookNode) -> bool:
    """The master notebook holds the solution: all its cells run, from top to bottom."""
    return bool(run(*(cell.source for cell in notebook.cells if cell.cell_type == "code")))


def test_a_lab_is_written_whole_or_not_at_all(tmp_path: Path) -> None:
    lab = Assignment({"a.py": "a = 1\n", "nowhere/b.py": ""}, Grade(), ["a"])
    with pytest.raises(OSError, match="cannot write"):
        lab.write(tmp_path / "lab")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("def backward(dy):\n    return dy\n", "has no function example"),
        ("def example(rng):\n    return {}\n", "neither a layer"),
        ("def example(rng)\n", "line 1"),
        (right("dense_rows").replace("self.weight.T", "self.wieght"), "no attribute 'wieght'"),
        (right("mse_pair") + "\n\ndef slope_of(x):\n    return x\n", "defines slope_of"),
    ],
)
def test_solutions_of_which_no_lab_can_be_made(source: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "solution.py").write_text(source)
    with pytest.raises(CannotAssignError, match=message):
        new_assignment(tmp_path / "solution.py")


SCALE = """\
import numpy as np


class Scale:
    \"\"\"y = s x\"\"\"

    def __init__(self, rng):
        self.s = rng.normal(size=3)

    def forward(self, x):
        self.x = x
        return x * self.s

    def backward(self, dy):
        self.ds = (dy * self.x).sum(axis=0)
        return dy * self.s


def example(rng):
    return {"layer": Scale(rng), "x": rng.normal(size=(4, 3))}
"""
ON_ONE_LINE = """\
    def forward(self, x): self.x = x; return x * self.s
    def backward(self, dy): self.ds = (dy * self.x).sum(axis=0); return dy * self.s
"""

ODD_FORMS = {
    "tabs": SCALE.replace("    ", "\t"),
    "ends of lines": SCALE.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + SCALE,
    "functions on one line": re.sub(
        r"    def forward.*dy \* self.s\n", ON_ONE_LINE, SCALE, flags=re.DOTALL
    ),
}


@pytest.mark.parametrize(
    "source",
    some_long(ODD_FORMS.values(), lambda source: source is not ODD_FORMS["tabs"]),
    ids=ODD_FORMS.keys(),
)
def test_solutions_in_odd_forms(source: str, tmp_path: Path) -> None:
    file = tmp_path / "scale.py"
    file.write_bytes(source.encode())
    lab = new_assignment(file)
    assert lab.left_out == ["Scale.forward", "Scale.backward"]
    compile(lab.files["scale.py"], "scale.py", "exec")


@pytest.mark.parametrize(
    ("name", "source", "message"),
    [
        ("scale.py", SCALE + "\nimport sys\nsys.exit(0)\n", "ends the program itself"),
        (
            "scale.py",
            SCALE.replace("y = s x", "").replace("self.ds =", "exit(3); a ="),
            "exit|Exit",
        ),
        ("class.py", SCALE, "cannot import a file of this name"),
        ("my layer-1.py", SCALE, "cannot import a file of this name"),
    ],
)
def test_solutions_that_cannot_be_imported_or_end_the_process(
    name: str, source: str, message: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_text(source)
    with pytest.raises(ChainruleError, match=message):
        new_assignment(file)


def test_names_of_gradients_are_texts_in_the_code_of_a_lab() -> None:
    names = ['dW"1', "'); print(1) #", "d\nW\\", "`dW`"]
    tests = LabTests("layers", [], "", names)
    ast.parse(tests.as_file())
    calls = [ast.parse(call, mode="eval").body for call in [*tests.calls().values()][1:]]
    assert [ast.literal_eval(call.args[0]) for call in calls] == names
    assert [ast.literal_eval(Entry(name, "g", "w").key) for name in names] == names


def test_optimizers_are_refused_in_words() -> None:
    with pytest.raises(CannotAssignError, match="must have a layer"):
        lab_of("adam")
