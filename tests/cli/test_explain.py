"""`chainrule explain`: what it prints and writes, and what it refuses."""

from __future__ import annotations

import ast
import os
import pty
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import chainrule as cr
from tests.cli.conftest import Command
from tests.experiments.runs import train

MODEL = """
input_shape = [6, 6, 1]
layers = ["conv2d(2, 3)", "batchnorm", "tanh", "flatten", "dropout(0.5)", "dense(3)"]
"""


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("digits") / "run"
    options = {"data": "digits", "epochs": 1, "hidden": [8], "optimizer": "sgd(momentum=0.9)"}
    return train(folder, **options, learning_rate=0.25).path


@pytest.fixture
def run(chainrule: Command, finished: Path) -> Path:
    """A run of one's own, in the folder in which commands run."""
    return Path(shutil.copytree(finished, "run"))


@pytest.fixture
def model(chainrule: Command) -> Path:
    Path("model.toml").write_text(MODEL)
    return Path("model.toml")


def test_a_run_with_its_own_loss_optimizer_and_rate(chainrule: Command, run: Path) -> None:
    answer = chainrule("explain", run)
    assert answer.code == 0
    assert "\x1b" not in answer.out
    assert "def train_step(params, state, x, y, learning_rate=0.25):" in answer.out
    assert "# loss: SoftmaxCrossEntropy()" in answer.out
    assert "def sgd(w, g, v, rate):" in answer.out
    ast.parse(answer.out)


def test_the_file_it_writes_runs(chainrule: Command, model: Path) -> None:
    answer = chainrule("explain", model, "--out", "step.py")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out.startswith("step.py: ")
    step = runpy.run_path("step.py")
    network = cr.Network(
        [cr.Conv2D(2, 3), cr.BatchNorm(), cr.Tanh(), cr.Flatten(), cr.Dropout(0.5), cr.Dense(3)],
        (6, 6, 1),
    )
    given = cr.explain(network).start(network)
    x, y = np.ones((4, 6, 6, 1), np.float32), np.array([0, 1, 2, 0])
    outputs, loss, _ = step["train_step"](**given, x=x, y=y)
    assert outputs.shape == (4, 3)
    assert loss > 0


def test_a_saved_model(chainrule: Command) -> None:
    cr.Network([cr.Dense(2)], 3).save("model.safetensors")
    answer = chainrule("explain", "model.safetensors")
    assert "z1 = x @ W1 + b1" in answer.out


def test_numbers_of_a_run(chainrule: Command, run: Path) -> None:
    answer = chainrule("explain", run, "--numbers", "--out", "numbers.html")
    assert answer.code == 0, answer.err
    assert "over the first 8 examples of digits" in answer.out
    assert "2 ReLU()" in answer.out
    assert "\n3 b = [" in answer.out
    page = Path("numbers.html").read_text(encoding="utf-8")
    assert "2 ReLU()" in page
    assert page.rstrip().endswith("</html>")
    assert "http" not in page


def test_numbers_of_a_model_are_random(chainrule: Command, model: Path) -> None:
    answer = chainrule("explain", model, "--numbers")
    assert "over 8 random examples" in answer.out
    assert {path.name for path in Path().iterdir()} == {"model.toml"}


def test_formulas(chainrule: Command, run: Path) -> None:
    assert r"z_{1} & = f_{0}\, W_{1} + b_{1}" in chainrule("explain", run, "--latex").out
    chainrule("explain", run, "--latex", "--out", "step.tex")
    assert Path("step.tex").read_text().startswith(r"\documentclass")


def test_a_terminal_shows_colours(tmp_path: Path) -> None:
    (tmp_path / "model.toml").write_text(MODEL)
    master, slave = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "chainrule", "explain", "model.toml"],
        cwd=tmp_path,
        stdout=slave,
        env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"},
    )
    os.close(slave)
    shown = ""
    while "return" not in shown.partition("# update")[2]:
        shown += os.read(master, 4096).decode(errors="replace")
    assert process.wait() == 0
    assert "\x1b[" in shown
    assert "np.put" not in shown


REFUSED = {
    "nothing there": (["nowhere"], "nowhere: no such file"),
    "no run": (["."], "is not a run folder"),
    "a misspelt layer": (["misspelt.toml"], "did you mean 'Dense'?"),
    "without an input_shape": (["shapeless.toml"], "has no input_shape"),
    "both kinds": (["model.toml", "--numbers", "--latex"], "give --numbers or --latex, not both"),
    "a folder that is not there": (
        ["model.toml", "--out", "no/step.py"],
        "cannot write no/step.py",
    ),
    "a page in no folder": (
        ["model.toml", "--numbers", "--out", "no/page.html"],
        "cannot write no/page.html",
    ),
}


@pytest.mark.parametrize(("arguments", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_is_refused(
    chainrule: Command, model: Path, arguments: list[str], message: str
) -> None:
    Path("misspelt.toml").write_text('input_shape = 3\nlayers = ["dens(3)"]')
    Path("shapeless.toml").write_text('layers = ["dense(3)"]')
    before = set(Path().iterdir())
    answer = chainrule("explain", *arguments)
    assert answer.code == 2
    assert message in " ".join(answer.err.split())
    assert "Traceback" not in answer.err
    assert answer.out == ""
    assert set(Path().iterdir()) == before


def test_data_that_is_gone(chainrule: Command, run: Path) -> None:
    config = run / "config.toml"
    config.write_text(config.read_text().replace('data = "digits"', 'data = "gone.csv"'))
    answer = chainrule("explain", run, "--numbers")
    assert answer.code == 2
    assert "gone.csv does not exist" in answer.err
