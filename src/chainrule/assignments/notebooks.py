"""A lab as a master notebook for otter-grader or nbgrader, from which these make the students'."""

from __future__ import annotations

import re
from typing import Any

from chainrule.assignments.skeleton import Region, rewritten
from chainrule.assignments.tests import LabTests
from chainrule.text import markdown_code

CODE = "solution"  # the id of the cell that students complete
CHECKS = "checks"
KERNEL = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}


def otter_notebook(source: str, tests: LabTests) -> str:
    """For ``otter assign``: blocks between raw cells, as its documentation describes them.

    Solutions stand between ``# BEGIN SOLUTION`` and ``# END SOLUTION``; what students see instead
    is in a prompt after them.
    """
    points = len(tests.calls())
    cells = [
        _raw(
            f"# ASSIGNMENT CONFIG\nname: {tests.module}\ncheck_all_cell: true\n"
            "export_cell:\n  pdf: false"
        ),
        _text(_introduction(tests)),
        _code(_checks(tests)),
        _raw(f"# BEGIN QUESTION\nname: gradients\npoints: {points}"),
        _text(f"Complete `{tests.module}`."),
        _raw("# BEGIN SOLUTION"),
        _code(rewritten(source, _for_otter)),
        _raw("# END SOLUTION"),
        _raw("# BEGIN TESTS"),
        *(_code(call) for call in tests.calls().values()),
        _raw("# END TESTS"),
        _raw("# END QUESTION"),
    ]
    return _written(cells)


def nbgrader_notebook(source: str, tests: LabTests) -> str:
    """For ``nbgrader generate_assignment``: cells with nbgrader's metadata, schema version 3.

    Solutions stand between ``### BEGIN SOLUTION`` and ``### END SOLUTION``, which nbgrader replaces
    by ``raise NotImplementedError()``.
    """
    cells = [
        _text(_introduction(tests)),
        _code(rewritten(source, _for_nbgrader), nbgrader=_metadata(CODE, solution=True)),
        _code(_checks(tests), nbgrader=_metadata(CHECKS, locked=True)),
    ]
    for name, call in tests.calls().items():
        graded = {**_metadata(name, locked=True), "grade": True, "points": 1}
        cells.append(_code(call, nbgrader=graded))
    return _written(cells)


def _for_otter(region: Region, lines: list[str]) -> list[str]:
    indent = region.indent
    return [
        f"{indent}# BEGIN SOLUTION NO PROMPT",
        *_unmarked(lines),
        f"{indent}# END SOLUTION",
        f'{indent}""" # BEGIN PROMPT',
        region.prompt,
        f'{indent}""" # END PROMPT',
    ]


def _for_nbgrader(region: Region, lines: list[str]) -> list[str]:
    marks = f"{region.indent}### BEGIN SOLUTION", f"{region.indent}### END SOLUTION"
    return [marks[0], *_unmarked(lines), marks[1]]


def _unmarked(lines: list[str]) -> list[str]:
    return [line for line in lines if not re.match(r"\s*#+ (BEGIN|END) SOLUTION", line)]


def _introduction(tests: LabTests) -> str:
    names = ", ".join(map(markdown_code, tests.gradients))
    return (
        f"# {tests.module}\n\nWrite the passes forward and backward. Each gradient, {names}, is "
        "compared with central differences, entry by entry."
    )


def _checks(tests: LabTests) -> str:
    return f"import copy\n\nimport numpy as np\n\n{tests.checks}".rstrip()


def _metadata(cell_id: str, *, locked: bool = False, solution: bool = False) -> dict[str, Any]:
    return {
        "grade": False,
        "grade_id": cell_id,
        "locked": locked,
        "schema_version": 3,
        "solution": solution,
        "task": False,
    }


def _raw(text: str) -> Any:
    from nbformat.v4 import new_raw_cell

    return new_raw_cell(text)


def _text(text: str) -> Any:
    from nbformat.v4 import new_markdown_cell

    return new_markdown_cell(text)


def _code(text: str, **metadata: Any) -> Any:
    from nbformat.v4 import new_code_cell

    return new_code_cell(text.strip("\n"), metadata=metadata)


def _written(cells: list[Any]) -> str:
    from nbformat import writes
    from nbformat.v4 import new_notebook

    for number, cell in enumerate(cells):
        cell["id"] = f"cell-{number}"  # an id of its own would be random
    return f"{writes(new_notebook(cells=cells, metadata=KERNEL))}\n"
