"""What tutorials show runs from top to bottom, in IPython; `make test-long` has Jupyter run it, as
it builds the site."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_notebook

TUTORIALS = sorted(Path(__file__).parents[2].glob("docs/tutorials/*.md"))
TRAINS_MUCH = ("honest-comparison",)
CELL = re.compile(r"^```\{code-cell\}\n(?::.*\n)*(.*?)^```$", flags=re.MULTILINE | re.DOTALL)
CELLS = {file.stem: CELL.findall(file.read_text(encoding="utf-8")) for file in TUTORIALS}


def test_all_tutorials_but_their_list_have_cells() -> None:
    assert [name for name, cells in CELLS.items() if not cells] == ["README"]


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(name, marks=[pytest.mark.long] if name in TRAINS_MUCH else [])
        for name, cells in CELLS.items()
        if cells
    ],
)
def test_the_cells_of_a_tutorial_run(tmp_path: Path, name: str) -> None:
    notebook = new_notebook(cells=list(map(new_code_cell, CELLS[name])))
    nbformat.write(notebook, tmp_path / "tutorial.ipynb")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"  # with `chainrule`
    done = subprocess.run(
        [sys.executable, "-m", "IPython", "--HistoryManager.enabled=False", "tutorial.ipynb"],
        cwd=tmp_path,
        env={**os.environ, "PATH": path, "MPLBACKEND": "agg", "IPYTHONDIR": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
