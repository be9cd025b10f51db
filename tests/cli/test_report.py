"""`chainrule report` and `chainrule export-notebook`: what they write, and what they refuse."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.cli.conftest import Command
from tests.experiments.runs import train

REPORT = {"report.html", "report.md", "pictures"}


@pytest.fixture(scope="module")
def finished(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return train(tmp_path_factory.mktemp("xor") / "run", data="xor", epochs=1).path


@pytest.fixture
def run(chainrule: Command, finished: Path) -> Path:
    """A run of one's own, in the folder in which commands run."""
    return Path(shutil.copytree(finished, "run"))


@pytest.fixture
def comparison(chainrule: Command) -> Path:
    """A comparison whose results are damaged."""
    Path("comparison").mkdir()
    Path("comparison/comparison.toml").write_text(
        'data = "xor"\nvariants = [{name = "a", epochs = 1}]'
    )
    Path("comparison/results.json").write_text('{"runs": [{"variant": 1}]}')
    return Path("comparison")


@pytest.mark.usefixtures("undrawn")
def test_a_report_is_written_into_the_run(chainrule: Command, run: Path) -> None:
    before = {path.name for path in run.iterdir()}
    answer = chainrule("report", run)
    assert answer.code == 0
    assert {path.name for path in run.iterdir()} - before == REPORT
    assert "run/report.html" in answer.out
    assert chainrule("evaluate", run).code == 0


@pytest.mark.usefixtures("undrawn")
def test_a_report_elsewhere_leaves_the_run_alone(chainrule: Command, run: Path) -> None:
    before = {path.name for path in run.iterdir()}
    assert chainrule("report", run, "--out", "hand/in").code == 0
    assert {path.name for path in Path("hand/in").iterdir()} == REPORT
    assert {path.name for path in run.iterdir()} == before


def test_pictures_for_slides_lie_beside_those_of_the_page(chainrule: Command, run: Path) -> None:
    assert chainrule("report", run, "--out", "svg", "--format", "svg").code == 0
    names = {path.name for path in Path("svg/pictures").iterdir()}
    assert {"curves.png", "curves.svg"} <= names
    refused = chainrule("report", run, "--out", "other", "--format", "gif")
    assert refused.code == 2
    assert "no format is called 'gif'" in refused.err
    assert not Path("other").exists()


def test_a_notebook_is_replaced_only_by_force(chainrule: Command, run: Path) -> None:
    assert chainrule("export-notebook", run, "--out", "xor.ipynb").code == 0
    refused = chainrule("export-notebook", run, "--out", "xor.ipynb")
    assert refused.code == 2
    assert "--force" in refused.err
    assert chainrule("export-notebook", run, "--out", "xor.ipynb", "--force").code == 0


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda run: shutil.rmtree(run), "is not a run folder"),
        (lambda run: (run / "summary.json").unlink(), "summary.json missing"),
        (lambda run: (run / "summary.json").write_text("{}"), "summary.json is damaged"),
        (lambda run: (run / "metrics.jsonl").unlink(), "metrics.jsonl"),
        (lambda run: (run / "metrics.jsonl").write_text(""), "holds no epoch"),
        (lambda run: (run / "metrics.jsonl").write_text('{"epoch":'), "metrics.jsonl is damaged"),
        (lambda run: (run / "layers.jsonl").write_text('{"epoch": 1}'), "layers.jsonl is damaged"),
        (lambda run: (run / "model.safetensors").write_bytes(b"x"), "model.safetensors"),
    ],
)
def test_a_damaged_run_is_one_message(
    chainrule: Command, run: Path, damage: Callable[[Path], object], told: str
) -> None:
    damage(run)
    answer = chainrule("report", run, "--out", "report")
    assert answer.code == 2
    assert told in answer.err
    assert "Traceback" not in answer.err
    assert not Path("report").exists()


@pytest.mark.parametrize(
    ("damage", "told"),
    [
        (lambda out: None, "results.json is damaged"),
        (lambda out: (out / "results.json").unlink(), "is a comparison that is not finished"),
        (lambda out: (out / "comparison.toml").write_text("seeds ="), "is not a TOML file"),
        (lambda out: (out / "comparison.toml").write_text("x = 1"), "no option"),
    ],
)
def test_a_damaged_comparison_is_one_message(
    chainrule: Command, comparison: Path, damage: Callable[[Path], object], told: str
) -> None:
    damage(comparison)
    answer = chainrule("report", comparison, "--out", "report")
    assert answer.code == 2
    assert told in answer.err
    assert not Path("report").exists()


def test_a_report_needs_the_data_of_the_run(chainrule: Command) -> None:
    Path("points.csv").write_text("a,b,label\n0,0,0\n0,1,1\n1,0,1\n1,1,0\n")
    assert chainrule("train", "points.csv", "--epochs", 1, "--out", "run").code == 0
    Path("points.csv").unlink()
    answer = chainrule("report", "run")
    assert answer.code == 2
    assert "points.csv does not exist" in answer.err
