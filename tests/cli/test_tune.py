"""`chainrule tune`: what it shows, what it leaves, how it ends, and what it refuses."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from chainrule.cli.tune import _progress
from chainrule.experiments.search.search import describe_winner
from chainrule.experiments.search.trials import SearchResults, TrialResult
from tests.cli.conftest import Command

pytestmark = pytest.mark.usefixtures("undrawn", "unspawned")
SPACE = ("--search", "hidden=4..32:log", "--search", "learning_rate=1e-3..1e-1:log")
QUICK = ("moons", "--samples", 200, "--epochs", 4, *SPACE, "--workers", 1, "--seeds", 2)


def test_a_search_says_what_it_does_and_what_came_out(chainrule: Command) -> None:
    answer = chainrule("tune", *QUICK, "--seeds", 3, "--trials", 7, "--out", "out")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    assert lines[0] == (
        "moons: 160 training and 40 validation examples; trials are judged by their validation "
        "accuracy"
    )
    assert lines[1] == "searching hidden from 4 to 32, on a logarithmic scale"
    assert lines[3] == "7 trials of at most 4 epochs, in out/"
    assert (
        len([line for line in lines if re.match(r"trial \d: hidden=\d+, learning_rate", line)]) == 7
    )
    assert "trial 1: " in answer.out
    assert any("owes something to luck" in line for line in lines)
    assert any("default settings (95 % interval" in line for line in lines)
    assert lines[-1] == "out/report.html is the report"
    names = {path.name for path in Path("out").iterdir() if not path.name.startswith(".")}
    assert names == {
        *("search.toml", "trials.journal", "trials.json", "comparisons"),
        *("report.html", "report.md", "pictures"),
    }
    command = next(line for line in lines if line.startswith("  chainrule train "))
    trained = chainrule(*shlex.split(command)[1:], "--out", "run")
    assert trained.code == 0, trained.err


def test_of_many_trials_those_that_improve_have_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    ended = [
        TrialResult(number=n, state="finished", parameters={}, value=v, values=[v], error=None)
        for n, v in enumerate([0.5, *[0.9] * 39], start=1)
    ]

    def results(count: int) -> SearchResults:
        return SearchResults(metric="accuracy", trials=ended[:count], importances={})

    with _progress(results(0), 40, quiet=False) as finished:
        for count in range(1, 41):
            finished(ended[count - 1], results(count))
    assert capsys.readouterr().out.splitlines() == [
        "trial 1: : accuracy 50.00 %, the best so far",
        "trial 2: : accuracy 90.00 %, the best so far",
        "20 of 40 trials, best 90.00 % (trial 2), 0 ended early",
        "40 of 40 trials, best 90.00 % (trial 2), 0 ended early",
    ]
    said = describe_winner(results(40), ended[1])
    assert said.startswith("Trial 2 is the first of 39 equally good ones of 40 trials: accuracy 90")


def test_the_same_command_goes_on(chainrule: Command) -> None:
    chainrule("tune", *QUICK, "--trials", 2, "--out", "out")
    answer = chainrule("tune", *QUICK, "--trials", 4, "--out", "out")
    assert answer.code == 0, answer.err
    assert "4 trials of at most 4 epochs, of which out/ has 2" in answer.out
    shown = [line.split(":")[0] for line in answer.out.splitlines() if ": hidden=" in line]
    assert shown == ["trial 3", "trial 4"]
    again = chainrule("tune", *QUICK, "--trials", 4, "--out", "out")
    assert ": hidden=" not in again.out
    assert again.code == 0


def test_without_a_name_every_search_has_a_new_folder(chainrule: Command) -> None:
    for number in (1, 2):
        answer = chainrule("tune", *QUICK, "--trials", 1, "--quiet")
        assert (answer.code, answer.out) == (0, "")
        assert Path(f"searches/moons-{number}/report.html").is_file()


def test_a_report_of_a_search(chainrule: Command) -> None:
    chainrule("tune", *QUICK, "--trials", 3, "--out", "out")
    answer = chainrule("report", "out", "--out", "hand-in", "--format", "svg")
    assert answer.code == 0, answer.err
    assert "## All trials" in Path("hand-in/report.md").read_text()
    assert Path("hand-in/pictures/parallel-coordinates.svg").is_file()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_it_and_says_how_to_go_on(tmp_path: Path, number: int) -> None:
    command = [sys.executable, "-m", "chainrule", "tune", *map(str, QUICK), "--trials", "5000"]
    process = subprocess.Popen(
        [*command, "--out", "out"],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    while not process.stdout.readline().startswith("trial 1:"):
        assert process.poll() is None
    process.send_signal(number)
    _, errors = process.communicate()
    assert process.returncode == 128 + number
    assert "out/ is unfinished: the same command, with --out out, continues it" in errors
    assert "Traceback" not in errors


# Processes share the trials of a folder in tests/experiments/test_search.py.
@pytest.mark.long
def test_of_two_processes_the_last_one_compares(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "chainrule", "tune", *map(str, QUICK), "--trials", "6"]
    processes = [
        subprocess.Popen(
            [*command, "--out", "out"],
            cwd=tmp_path,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for _ in range(2)
    ]
    outputs = [process.communicate()[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    done = sorted(
        int(found) for text in outputs for found in re.findall(r"^trial (\d+): hidden", text, re.M)
    )
    assert done == list(range(1, 7))
    assert any("out/report.html is the report" in text for text in outputs)
    described = json.loads((tmp_path / "out/trials.json").read_text())
    assert len(described["trials"]) == 6


CASES = {
    "no space": ([], "search which settings? --search"),
    "a malformed range": (["--search", "hidden=8.."], "from one whole number to another"),
    "an unknown setting": (["--search", "hiden=8|16"], "did you mean 'hidden'?"),
    "an unknown value": (["--search", "activation=relu|tanhh"], "did you mean 'tanh'?"),
    "nothing held out": ([*SPACE, "--validation", "0"], "nothing is held out for validation"),
    "no URL": ([*SPACE, "--storage", "here"], "--storage is the URL of a database"),
    "no database": ([*SPACE, "--storage", "sqlite:////none/x.db"], "cannot open --storage sqlite"),
    "no driver": ([*SPACE, "--storage", "mysql://u:secret@h/n"], "mysql://u:***@h/n needs its"),
}


@pytest.mark.parametrize(("arguments", "message"), CASES.values(), ids=CASES)
def test_tune_refuses(chainrule: Command, arguments: list[str], message: str) -> None:
    answer = chainrule("tune", "moons", *arguments, "--trials", 1, "--out", "out")
    assert answer.code == 2
    assert message in answer.err
    assert "Traceback" not in answer.err
    assert "secret" not in answer.err
    assert list(Path().iterdir()) == []


def test_without_optuna_it_says_what_to_install(
    chainrule: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in [name for name in sys.modules if name.partition(".")[0] == "optuna"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "optuna", None)
    answer = chainrule("tune", *QUICK, "--out", "out")
    assert answer.code == 2
    assert "a search needs optuna: pip install 'chainrule[tune]'" in answer.err
    assert list(Path().iterdir()) == []


def test_where_every_trial_fails_it_says_why(chainrule: Command) -> None:
    arguments = ("--search", "learning_rate=1e25..1e26", "--optimizer", "sgd", "--epochs", 1)
    answer = chainrule("tune", "sine", *arguments, "--trials", 2, "--out", "out")
    assert answer.code == 2
    assert "no trial of out came to its end; the last one: " in answer.err
    assert "Traceback" not in answer.err
