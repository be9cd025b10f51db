"""Files as students have them: what fails at top level, encodings, packages, notebooks."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook

from chainrule.doctor.diagnosis import diagnose_file
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.reading.notebooks import read_notebook
from chainrule.foreign.running.loading import load
from chainrule.foreign.stand_ins.missing_modules import StandIn

DENSE = """
import numpy as np

class Dense:
    def __init__(self, n_in, n_out):
        self.W = np.ones((n_in, n_out))

    def forward(self, x):
        self.x = x
        return x @ self.W

    def backward(self, dy):
        self.dW = -self.x.T @ dy
        return dy @ self.W.T
"""


@pytest.fixture(autouse=True)
def modules_and_path_as_before() -> Iterator[None]:
    modules, path = dict(sys.modules), list(sys.path)
    yield
    for name in set(sys.modules) - set(modules):
        if not name.startswith(("IPython", "nbformat", "chainrule", "numpy")):
            del sys.modules[name]
    sys.path[:] = path


def test_what_fails_at_top_level_is_left_out_and_said(tmp_path: Path) -> None:
    file = tmp_path / "lab.py"
    file.write_text("a = 1\nb = a / 0\nc = a + 1\n", encoding="utf-8")
    loaded = load(file)
    assert (loaded.module.a, loaded.module.c) == (1, 2)
    assert loaded.left_out == ["lab.py, line 2, was left out: ZeroDivisionError: division by zero"]


def test_a_missing_module_can_be_named_but_not_called(tmp_path: Path) -> None:
    file = tmp_path / "lab.py"
    file.write_text(
        "import no_torch.nn as nn\nfrom no_tqdm import tqdm\n\n"
        "class Net(nn.Module):\n    pass\n\n"
        "rows = [n for n in tqdm(range(3))]\nnn.Linear(3, 2)\n",
        encoding="utf-8",
    )
    loaded = load(file)
    assert loaded.module.rows == [0, 1, 2]
    assert isinstance(loaded.module.Net, type)
    assert "no_torch.nn.Linear is needed, which is not installed" in loaded.left_out[-1]


@pytest.mark.parametrize("name", ["tqdm.tqdm", "tqdm.auto.tqdm", "tqdm.trange"])
def test_a_bar_that_is_not_installed_goes_on(name: str) -> None:
    show = StandIn(name)
    assert list(show(3 if name.endswith("trange") else [0, 1, 2])) == [0, 1, 2]
    bar = StandIn("tqdm.tqdm")(total=3)
    bar.update(1)
    bar.set_description("loss 0.5")


def test_training_without_an_end_is_named_with_its_line(tmp_path: Path) -> None:
    file = tmp_path / "lab.py"
    file.write_text("n = 0\nwhile True:\n    n += 1\n", encoding="utf-8")
    with pytest.raises(CannotCheckError, match=r"lab\.py trains at top level: line 2"):
        load(file)


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbfx = 'caf\xc3\xa9'\n",
        b"# -*- coding: latin-1 -*-\nx = 'caf\xe9'\n",
        b"x = 'caf\xe9'\n",
    ],
    ids=["byte order mark", "declared", "not declared"],
)
def test_encodings(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "lab.py"
    file.write_bytes(content)
    assert load(file).module.x == "café"


def test_tabs_beside_spaces(tmp_path: Path) -> None:
    file = tmp_path / "lab.py"
    file.write_text("def f(x):\n        y = x\n\treturn y\n", encoding="utf-8")
    assert load(file).module.f(3) == 3


def test_files_of_a_package_and_beside_it(tmp_path: Path) -> None:
    package = tmp_path / "nets" / "core"
    package.mkdir(parents=True)
    (package / "layers.py").write_text(
        "from .helper import two\nfrom ..top import one\nfrom beside import three\n",
        encoding="utf-8",
    )
    (package / "helper.py").write_text("two = 2\n", encoding="utf-8")
    (tmp_path / "nets" / "top.py").write_text("one = 1\n", encoding="utf-8")
    (tmp_path / "nets" / "beside.py").write_text("three = 3\n", encoding="utf-8")
    loaded = load(package / "layers.py")
    assert not loaded.left_out
    module = loaded.module
    assert (module.one, module.two, module.three) == (1, 2, 3)


def test_a_package_whose_folder_has_another_name(tmp_path: Path) -> None:
    inner = tmp_path / "copy-of-library" / "nn"
    inner.mkdir(parents=True)
    (inner / "module.py").write_text("class Layer:\n    kind = 'own'\n", encoding="utf-8")
    file = inner / "layers.py"
    file.write_text(
        "from library.nn.module import Layer\nclass Dense(Layer):\n    pass\n", encoding="utf-8"
    )
    loaded = load(file)
    assert not loaded.left_out
    assert loaded.module.Dense.kind == "own"


def test_a_library_that_lacks_a_module_is_not_there_itself(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    library = tmp_path / "site" / "half_installed"
    library.mkdir(parents=True)
    (library / "__init__.py").write_text("import no_backend\nno_backend.start()\n", "utf-8")
    monkeypatch.setattr("chainrule.foreign.running.loading.LIBRARY_FOLDERS", {str(library.parent)})
    monkeypatch.syspath_prepend(str(library.parent))
    file = tmp_path / "lab.py"
    file.write_text("from half_installed.datasets import mnist\n", encoding="utf-8")
    loaded = load(file)
    assert isinstance(loaded.module.mnist, StandIn)
    assert "no_backend" not in sys.modules
    assert "cannot be imported: ModuleNotFoundError: No module named 'no_backend'" in str(
        loaded.left_out[0]
    )


def notebook(folder: Path, *cells: str) -> Path:
    file = folder / "lab.ipynb"
    made = new_notebook(cells=[new_markdown_cell("# Lab"), *map(new_code_cell, cells)])
    nbformat.write(made, str(file))
    return file


def test_a_file_that_is_called_as_its_folder(tmp_path: Path) -> None:
    folder = tmp_path / "perceptron"
    folder.mkdir()
    (folder / "sizes.py").write_text("hidden = 5\n")
    file = folder / "perceptron.py"
    file.write_text("from perceptron.sizes import hidden\n")
    assert load(file).module.hidden == 5


def test_a_notebook_is_checked_cell_by_cell(tmp_path: Path) -> None:
    file = notebook(tmp_path, "%matplotlib inline\n!ls\nz = 1", "def broken(:", DENSE, "1 / 0")
    diagnosis = diagnose_file(file)
    (finding,) = diagnosis.findings
    assert (finding.code, finding.cell, finding.line) == ("sign", 4, 13)
    assert finding.as_json()["cell"] == 4
    left_out = [note for note in diagnosis.notes if "was left out" in note]
    assert "lab.ipynb, cell 3, was left out" in left_out[0]
    assert "lab.ipynb, cell 5, line 1, was left out: ZeroDivisionError" in left_out[1]


def test_magic_keeps_the_lines_of_a_cell(tmp_path: Path) -> None:
    cell = "%load_ext autoreload\nx = 1\nfiles = !ls\n!pip install nothing\ny = 2"
    (number, code), (_, timed) = read_notebook(notebook(tmp_path, cell, "%%time\nz = 3")).cells
    assert number == 2
    assert code.count("\n") == cell.count("\n")
    names: dict[str, object] = {}
    exec(code, names)  # noqa: S102 - the cell's own code
    assert (names["x"], names["y"]) == (1, 2)
    assert timed.startswith("# %%time")


def test_what_is_no_notebook(tmp_path: Path) -> None:
    file = tmp_path / "lab.ipynb"
    file.write_text("{", encoding="utf-8")
    with pytest.raises(CannotCheckError, match=r"lab\.ipynb is no notebook that can be read"):
        load(file)
