"""``chainrule lab``."""

from __future__ import annotations

from pathlib import Path

import pytest

from chainrule.experiments.document import Document
from chainrule.labs import LABS
from chainrule.labs.lab import Claim, Lab, Setting, close_report, open_report
from tests.cli.conftest import Command


@pytest.fixture
def tiny(monkeypatch: pytest.MonkeyPatch) -> None:
    """A lab that takes no time."""

    def run(setting: Setting) -> Document:
        document = open_report("tiny", "A tiny lab", "It asks [nothing].", setting)
        return close_report(document, [Claim("pi", "3", "3.14", "more digits")])

    monkeypatch.setitem(LABS, "tiny", Lab("tiny", "A tiny lab", run))


def test_list_names_every_lab(chainrule: Command) -> None:
    answer = chainrule("lab", "list")
    assert answer.code == 0
    assert [line.split()[0] for line in answer.out.splitlines()] == list(LABS)


@pytest.mark.usefixtures("tiny")
def test_run_shows_the_report_and_writes_nothing(chainrule: Command) -> None:
    answer = chainrule("lab", "run", "tiny")
    assert answer.code == 0
    assert "It asks [nothing]." in answer.out
    assert "3.14" in answer.out
    assert not list(Path().iterdir())


@pytest.mark.usefixtures("tiny")
def test_out_writes_the_report_with_the_command_that_made_it(chainrule: Command) -> None:
    answer = chainrule("lab", "run", "tiny", "--quick", "--seed", 3, "--out", "here")
    assert answer.code == 0
    report = Path("here/report.md").read_text(encoding="utf-8")
    assert "`chainrule lab run tiny --quick --seed 3`" in report
    assert "quick run" in report
    assert "| pi | 3 | 3.14 | more digits |" in report
    assert Path("here/report.html").exists()


@pytest.mark.usefixtures("tiny")
def test_a_format_is_for_pictures_that_are_written(chainrule: Command) -> None:
    assert chainrule("lab", "run", "tiny", "--out", "here", "--format", "svg").code == 0
    refused = chainrule("lab", "run", "tiny", "--format", "svg")
    assert refused.code == 2
    assert "give --out DIR as well" in refused.err
    unknown = chainrule("lab", "run", "tiny", "--out", "there", "--format", "sgv")
    assert unknown.code == 2
    assert "did you mean 'svg'?" in unknown.err
    assert not Path("there").exists()


def test_an_unknown_lab_is_answered_with_the_nearest(chainrule: Command) -> None:
    answer = chainrule("lab", "run", "parabel")
    assert answer.code == 2
    assert "no lab is called 'parabel'; did you mean 'parabola'?" in answer.err


def test_a_file_is_no_place_for_a_report(chainrule: Command) -> None:
    Path("taken").write_text("")
    answer = chainrule("lab", "run", "parabola", "--out", "taken")
    assert answer.code == 2
    assert "taken is a file" in answer.err


@pytest.mark.usefixtures("tiny")
def test_a_report_takes_the_place_of_its_own_kind_alone(chainrule: Command) -> None:
    for _ in range(2):
        assert chainrule("lab", "run", "tiny", "--out", "here").code == 0
    answer = chainrule("lab", "run", "parabola", "--out", "here")
    assert (answer.code, answer.out) == (2, "")
    assert "here holds other files than a report of the lab parabola" in answer.err
    Path("mine").mkdir()
    Path("mine/notes.txt").write_text("")
    answer = chainrule("lab", "run", "tiny", "--out", "mine")
    assert (answer.code, answer.out) == (2, "")
    assert [file.name for file in Path("mine").iterdir()] == ["notes.txt"]


def test_data_that_is_not_there_is_one_message(chainrule: Command) -> None:
    answer = chainrule("lab", "run", "mnist-mlp", "--quick", "--data-dir", "nowhere")
    assert answer.code == 2
    assert "the data folder nowhere does not exist" in answer.err
