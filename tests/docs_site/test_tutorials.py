"""What tutorials show runs from top to bottom, in IPython; `make test-long` has Jupyter run it, as
it builds the site."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

TUTORIALS = sorted(Path(__file__).parents[2].glob("docs/tutorials/*.md"))
TAKES_LONG = ("honest-comparison", "for-instructors")  # what they call is tested elsewhere
CELL = re.compile(r"^```\{code-cell\}\n(?::.*\n)*(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
CELLS = {file.stem: CELL.findall(file.read_text(encoding="utf-8")) for file in TUTORIALS}

RUN = """
import json, sys
from IPython.core.interactiveshell import InteractiveShell
shell = InteractiveShell.instance()
for cell in json.load(sys.stdin):
    shell.run_cell(cell).raise_error()
"""


def test_all_tutorials_but_their_list_have_cells() -> None:
    assert [name for name, cells in CELLS.items() if not cells] == ["README"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] if name in TAKES_LONG else [])
        for name, cells in CELLS.items()
        if cells
    ],
)
def test_the_cells_of_a_tutorial_run(tmp_path: Path, name: str) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # with `chainrule`
    done = subprocess.run(
        [sys.executable, "-c", RUN],
        input=json.dumps(CELLS[name]),
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "MPLBACKEND": "agg", "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr  # of a command
