"""The zip file for Gradescope: unpacked and run as Gradescope does."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

from tests.cli.conftest import Command, chainrule
from tests.doctor.hostile.attacks import RIGHT, WRONG

__all__ = ["chainrule"]  # the fixture


def run_as_gradescope_does(folder: Path, submission: str) -> dict[str, object]:
    """The results of a submission, in a folder that stands for ``/autograder``."""
    for name in ("submission", "results"):
        (folder / name).mkdir(exist_ok=True)
    (folder / "submission/layers.py").write_text(submission)
    with ZipFile(folder / "autograder.zip") as archive:
        archive.extractall(folder / "source")
    script = (folder / "source/run_autograder").read_text()
    script = script.replace("/autograder\n", f"{folder}\n")
    script = script.replace("python/bin/python", sys.executable)
    path = os.pathsep.join(sys.path)
    subprocess.run(["/bin/bash", "-c", script], check=True, env={**os.environ, "PYTHONPATH": path})
    return json.loads((folder / "results/results.json").read_text())


def test_it_runs(chainrule: Command, tmp_path: Path) -> None:
    solution = tmp_path / "right.py"
    solution.write_text(RIGHT)
    wheel = tmp_path / "chainrule-0.1.0-py3-none-any.whl"
    wheel.write_bytes(b"stands for a wheel, which takes minutes to build")
    options = ["--solution", solution, "--file", "layers.py", "--points", 4, "--hide-suggestions"]
    options += ["--wheel", wheel]
    out = tmp_path / "autograder.zip"
    assert chainrule("assignment", "autograder", *options, "--out", out).code == 0
    assert run_as_gradescope_does(tmp_path, RIGHT)["score"] == 4
    wrong = run_as_gradescope_does(tmp_path, WRONG)
    assert wrong["score"] == 2
    assert "off by a constant factor" in wrong["tests"][1]["output"]
    assert "leave out" not in wrong["tests"][1]["output"]
    with ZipFile(out) as archive:
        assert set(archive.namelist()) == {
            *("setup.sh", "run_autograder", "settings.json", "solution.py", wheel.name)
        }
        assert archive.read(wheel.name) == wheel.read_bytes()
        assert b"pip install *.whl scipy\n" in archive.read("setup.sh")
        modes = {each.filename: each.external_attr >> 16 & 0o777 for each in archive.infolist()}
    assert modes["setup.sh"] == modes["run_autograder"] == 0o755


def test_what_is_there_is_not_written_over(chainrule: Command, tmp_path: Path) -> None:
    out = tmp_path / "autograder.zip"
    out.write_text("precious")
    answer = chainrule("assignment", "autograder", "--out", out, "--wheel", __file__)
    assert answer.code == 2
    assert "already exists" in answer.err
    assert out.read_text() == "precious"


def test_nothing_is_installed_by_a_name_that_anyone_could_register(
    chainrule: Command, tmp_path: Path
) -> None:
    out = tmp_path / "autograder.zip"
    answer = chainrule("assignment", "autograder", "--out", out)
    assert answer.code == 2
    assert "`make wheel`" in answer.err
    assert "--wheel" in answer.err
    assert not out.exists()


@pytest.mark.parametrize("option", ["--solution", "--wheel"])
def test_what_is_missing_is_said(chainrule: Command, tmp_path: Path, option: str) -> None:
    out = tmp_path / "autograder.zip"
    given = {"--wheel": Path(__file__), option: tmp_path / "none"}
    options = [each for pair in given.items() for each in pair]
    answer = chainrule("assignment", "autograder", "--out", out, *options)
    assert answer.code == 2
    assert "does not exist" in answer.err
    assert not out.exists()
