"""Makes a lab from a solution: the code to complete, and tests that notice every wrong gradient.

The tests are graded before anything is written: they pass on the solution, fail on the code to
complete, and fail on every known-wrong variant.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from chainrule.assignments.notebooks import nbgrader_notebook, otter_notebook
from chainrule.assignments.skeleton import regions, skeleton
from chainrule.assignments.tests import CannotAssignError, LabTests, write_tests
from chainrule.errors import OutputError
from chainrule.files import cannot_write
from chainrule.grading.grader import Finished, Grade, grade

POINTS = (2, 4, 8, 16)  # random points at which gradients are compared: as many as it takes

Notebook = Callable[[str, LabTests], str]
NOTEBOOKS: dict[str, Notebook] = {"otter": otter_notebook, "nbgrader": nbgrader_notebook}
FORMATS = ("pytest", *NOTEBOOKS)


@dataclass(frozen=True)
class Assignment:
    """A lab, ready to be handed out.

    Args:
        files: the text of each file by its name.
        grade: what the tests are worth.
        left_out: the functions that students write.
    """

    files: dict[str, str]
    grade: Grade
    left_out: list[str]

    def write(self, folder: Path) -> None:
        """Write all files into a new folder, or nothing.

        Raises:
            OutputError: the folder cannot be written, or exists already.
        """
        if folder.exists():
            raise OutputError(f"{folder} already exists: choose another folder")
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(dir=folder.parent) as temporary:
                whole = Path(temporary) / folder.name
                whole.mkdir()
                for name, text in self.files.items():
                    (whole / name).write_text(text, encoding="utf-8")
                whole.rename(folder)
        except OSError as error:
            raise cannot_write(folder, error) from None


def new_assignment(
    solution: Path,
    kind: str = "pytest",
    workers: int = 2,
    finished: Finished = lambda done, total: None,
) -> Assignment:
    """Make a lab from a solution.

    Args:
        solution: a file with hand-written gradients and a function `example(rng)`.
        kind: one of `FORMATS`: files for pytest, or a notebook for otter-grader or nbgrader.
        workers, finished: as for `grade`.
    Raises:
        CannotAssignError: there is no example, nothing to leave out, or tests that notice every
            wrong variant could not be written.
    """
    tests, result = _tests_that_notice_everything(solution, workers, finished)
    source = solution.read_text(encoding="utf-8-sig")
    left_out = [region.name for region in regions(source)]
    if not left_out:
        raise CannotAssignError(
            f"{solution} has nothing to leave out: mark it with # BEGIN SOLUTION and # END SOLUTION"
        )
    if kind in NOTEBOOKS:
        files = {f"{solution.stem}.ipynb": NOTEBOOKS[kind](source, tests)}
    else:
        files = {solution.name: skeleton(source), f"test_{solution.name}": tests.as_file()}
    return Assignment(files, result, left_out)


def _tests_that_notice_everything(
    solution: Path, workers: int, finished: Finished
) -> tuple[LabTests, Grade]:
    for points in POINTS:
        tests = write_tests(solution, points)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / f"test_{solution.name}"
            file.write_text(tests.as_file(), encoding="utf-8")
            result = grade([file], solution, workers, finished)
        if result.ok:
            return tests, result
    raise CannotAssignError(_survived(solution, result))


def _survived(solution: Path, result: Grade) -> str:
    first = result.survivors[0]
    more = f", and {len(result.survivors) - 1} more" if len(result.survivors) > 1 else ""
    place = f"line {first.line}" if first.line else first.function
    return (
        f"no tests could be written that notice every wrong variant of {solution}; they pass "
        f"{first.description} ({place}, {first.code}){more}. Choose another example(rng), so that "
        f"tests can {first.missing}"
    )
