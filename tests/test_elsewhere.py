"""On Windows and macOS: what these do not have is hidden, and everything has another way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from chainrule.grading.server import Setup, Variant, run_in_fork, run_in_new_process

ROOT = Path(__file__).parents[1]
LAYER = """
import numpy as np

class Scale:
    def __init__(self, s):
        self.s = s
    def forward(self, x):
        self.x = x
        return x * self.s
    def backward(self, dy):
        self.ds = {ds}
        return dy * self.s

def example(rng):
    return {{"layer": Scale(rng.normal(size=3)), "x": rng.normal(size=(4, 3))}}
"""
RIGHT, WRONG = "(dy * self.x).sum(axis=0)", "-(dy * self.x).sum(axis=0)"

IMPORT_ALL = """
import importlib, pkgutil
import pydantic, rich.progress, sklearn, typer  # these ask for the system as well
from tests.elsewhere import become
become({system!r})
import chainrule
names = [each.name for each in pkgutil.walk_packages(chainrule.__path__, "chainrule.")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""
TRAIN = """
import numpy as np, chainrule as cr
rng = np.random.default_rng(0)
x, y = rng.normal(size=(90, 4)), np.arange(90) % 3
net = cr.Network([cr.Dense(5), cr.GELU(), cr.Dense(3)], 4, seed=0, engine="numpy")
print(net.fit(x, y, epochs=2, validation=0.2, quiet=True).engine)
print(len(cr.explain(net).source) > 100)
print(cr.check.diagnose(cr.Dense(3), x[:5]).ok)
"""
JUDGE = """
import json, sys
from pathlib import Path
from chainrule.doctor.intake.request import Request
from chainrule.doctor.process.judge import judge_file
from chainrule.sandbox.limits import Limits
print(json.dumps(judge_file(Request(Path(sys.argv[1])), Limits()).as_json()))
"""

Run = Callable[..., str]


@pytest.fixture(params=["windows", "macos"])
def system(request: pytest.FixtureRequest) -> str:
    name: str = request.param
    return name


@pytest.fixture
def run(system: str, tmp_path: Path) -> Run:
    """Runs code there, and whatever Python it starts."""
    begin = f"from tests.elsewhere import become\nbecome({system!r})\n"
    (tmp_path / "sitecustomize.py").write_text(begin)
    return lambda code, *arguments: python(code, tmp_path, *arguments)


def python(code: str, *path: Path | str) -> str:
    folder, *arguments = path
    places = os.pathsep.join(map(str, (folder, ROOT / "src", ROOT)))
    ran = subprocess.run(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": places},
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_every_module_can_be_imported(system: str, tmp_path: Path) -> None:
    assert int(python(IMPORT_ALL.format(system=system), tmp_path)) > 200


def test_networks_train_and_are_explained_and_checked(run: Run) -> None:
    engine, explained, checked = run(TRAIN).splitlines()
    assert (engine, explained, checked) == ("NumPy", "True", "True")


@pytest.mark.parametrize(("ds", "verdict"), [(RIGHT, "right"), (WRONG, "wrong")])
def test_a_file_is_checked_in_a_process_of_its_own(
    run: Run, system: str, tmp_path: Path, ds: str, verdict: str
) -> None:
    file = tmp_path / "mine" / "scale.py"
    file.parent.mkdir()
    file.write_text(LAYER.format(ds=ds))
    said = json.loads(run(JUDGE, file))
    assert said["verdict"] == verdict
    missing = {each.partition(" (")[0] for each in said["sandbox"]["missing"]}
    assert {"files", "processes"} <= missing
    assert ({"memory", "time", "size of files"} <= missing) == (system == "windows")


@pytest.mark.filterwarnings("ignore:os.fork")  # of JAX, where another test has imported it
@pytest.mark.filterwarnings("ignore:.*_at_fork")
@pytest.mark.parametrize("way", [run_in_fork, run_in_new_process])
def test_without_forks_tests_are_graded_in_new_processes(
    tmp_path: Path, way: Callable[..., object]
) -> None:
    solution, tests = tmp_path / "scale.py", tmp_path / "test_scale.py"
    solution.write_text(LAYER.format(ds=RIGHT))
    tests.write_text("import scale\n\n\ndef test_it():\n    assert scale.Scale(2.0).s == 2.0\n")
    setup = Setup([str(tests)], str(solution), "scale", str(tmp_path))
    scratch = tmp_path / "scratch"
    scratch.mkdir()
    trial = way(setup, Variant(solution.read_text(), seconds=60.0), scratch)
    assert (trial.outcome, trial.passed) == ("passed", 1)
