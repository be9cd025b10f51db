"""Searches: the same trials after a kill, several processes on one folder, pruning, and what they
refuse."""

from __future__ import annotations

import json
import multiprocessing
import os
import signal
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from chainrule.errors import ClusterError, ConfigError, DataError, RunFolderError, UnknownNameError
from chainrule.experiments.config import make_config
from chainrule.experiments.results import Results
from chainrule.experiments.run_folder import read_run
from chainrule.experiments.runner import prepare, train
from chainrule.experiments.search import trial as trial_module
from chainrule.experiments.search.report import report_search
from chainrule.experiments.search.search import (
    JOURNAL,
    Search,
    compare_winner,
    look_at_data,
    open_search,
    run_trials,
    train_command,
)
from chainrule.experiments.search.space import options_of, parse_setting, parse_space
from chainrule.experiments.search.trials import SearchResults, TrialResult, Trials
from chainrule.experiments.workers import worker_processes

SPACE = ("learning_rate=1e-4..1e-1:log", "hidden=4..32:log", "activation=relu|tanh")
BASE = {"data": "moons", "samples": 500, "epochs": 6}
COUNT = 12  # trials, more than the ten that are proposed at random


def searched(out: Path, count: int = COUNT, storage: str | None = None, **changes: Any) -> Any:
    """A search in a folder, gone on with up to that many trials."""
    search, trials = opened(out, storage, **changes)
    return gone_on_with(search, trials, count)


def gone_on_with(search: Search, trials: Trials, count: int, at_a_time: int = 1) -> SearchResults:
    with ThreadPoolExecutor(1) as pool:
        return run_trials(search, trials, count, pool, at_a_time)


def opened(
    out: Path,
    storage: str | None = None,
    space: tuple[str, ...] = SPACE,
    round_size: int = 4,
    **changes: Any,
) -> tuple[Search, Trials]:
    base = {name: value for name, value in {**BASE, **changes}.items() if value is not None}
    search = Search(base, parse_space(space), round_size)
    return search, open_search(search, look_at_data(search)[1], out, storage)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> SearchResults:
    return searched(tmp_path_factory.mktemp("undisturbed") / "out")


def test_a_search_finds_better_settings_than_most(undisturbed: SearchResults) -> None:
    assert [trial.number for trial in undisturbed.trials] == list(range(1, COUNT + 1))
    assert undisturbed.best is not None
    values = [trial.value for trial in undisturbed.trials if trial.value is not None]
    assert undisturbed.best.value == max(values)
    for trial in undisturbed.trials:
        assert 1e-4 <= trial.parameters["learning_rate"] <= 1e-1
        assert 4 <= trial.parameters["hidden"] <= 32
        assert trial.parameters["activation"] in ("relu", "tanh")
    assert len({str(trial.parameters) for trial in undisturbed.trials}) > COUNT // 2
    assert sum(undisturbed.importances.values()) == pytest.approx(1)


def test_another_seed_proposes_other_trials(tmp_path: Path, undisturbed: SearchResults) -> None:
    other = searched(tmp_path / "out", 1, seed=1)
    assert other.trials[0].parameters != undisturbed.trials[0].parameters


def test_a_trial_is_the_training_that_its_command_names(undisturbed: SearchResults) -> None:
    search = Search(BASE, parse_space(SPACE))
    best = undisturbed.best
    assert best is not None
    history = train(prepare(make_config({**search.options(best.parameters), "threads": 1})))
    assert [record["validation_accuracy"] for record in history] == best.values


KILL = """
import os, signal, sys
from chainrule.experiments.search.trial import Watch
from tests.experiments.test_search import searched

number, epoch, how = map(int, sys.argv[2:])
epoch_ends, begun = Watch.epoch_ends, 0

def end(self, training):
    global begun
    epoch_ends(self, training)
    begun += len(training.history) == 1
    if begun == number and len(training.history) == epoch:
        os.kill(os.getpid(), how)

Watch.epoch_ends = end
searched(__import__("pathlib").Path(sys.argv[1]))
"""
ROOT = Path(__file__).parents[2]


def ended(out: Path, number: int, epoch: int, how: int) -> int:
    """The exit code of a search by a process that a signal ends within a trial."""
    command = [sys.executable, "-c", KILL, str(out), str(number), str(epoch), str(how)]
    paths = os.pathsep.join([str(ROOT), *sys.path])
    environment = {**os.environ, "PYTHONPATH": paths}
    return subprocess.run(command, env=environment, capture_output=True, check=False).returncode


@pytest.mark.parametrize(
    ("number", "epoch"),
    [
        (11, 1),  # as proposals follow from earlier trials
        pytest.param(1, 1, marks=pytest.mark.long),
        pytest.param(COUNT, 1, marks=pytest.mark.long),
    ],
)
def test_a_search_that_was_killed_goes_on_with_the_same_trials(
    tmp_path: Path, undisturbed: SearchResults, number: int, epoch: int
) -> None:
    out = tmp_path / "out"
    assert ended(out, number, epoch, signal.SIGKILL) == -signal.SIGKILL
    lines = (out / JOURNAL).read_bytes()
    assert searched(out) == undisturbed
    assert (out / JOURNAL).read_bytes().startswith(lines)  # nothing that was there is lost
    assert not list(out.glob(".trial-*"))


def test_ctrl_c_gives_a_trial_back(tmp_path: Path, undisturbed: SearchResults) -> None:
    out = tmp_path / "out"
    assert ended(out, 11, 1, signal.SIGINT) != 0
    assert not list(out.glob(".trial-*"))
    assert searched(out) == undisturbed


def test_more_trials_go_on(tmp_path: Path, undisturbed: SearchResults) -> None:
    out = tmp_path / "out"
    assert searched(out, 5).trials == undisturbed.trials[:5]
    assert searched(out, 3).trials == undisturbed.trials[:5]  # fewer take nothing away
    assert searched(out) == undisturbed


def test_half_a_line_of_the_journal_is_left_out(tmp_path: Path, undisturbed: SearchResults) -> None:
    out = tmp_path / "out"
    searched(out, 3)
    with (out / JOURNAL).open("ab") as file:
        file.write(b'{"op_code":4,"worker')
    assert searched(out) == undisturbed
    assert searched(out) == undisturbed  # and the journal can be read again


def test_a_database_holds_the_same_trials(tmp_path: Path, undisturbed: SearchResults) -> None:
    url = f"sqlite:///{tmp_path / 'trials.db'}"
    assert searched(tmp_path / "out", 8, url).trials == undisturbed.trials[:8]
    assert searched(tmp_path / "out", COUNT, url) == undisturbed
    assert not (tmp_path / "out" / JOURNAL).exists()
    searched(tmp_path / "another", 1, url)  # one database may hold several


def test_trials_side_by_side_are_those_of_one_at_a_time(
    tmp_path: Path, undisturbed: SearchResults
) -> None:
    search, trials = opened(tmp_path / "out")
    with worker_processes(2) as pool:
        assert run_trials(search, trials, COUNT, pool, at_a_time=3) == undisturbed


def test_a_worker_that_is_killed_loses_its_trial_alone(
    tmp_path: Path, undisturbed: SearchResults
) -> None:
    search, trials = opened(tmp_path / "out")

    def kill(trial: TrialResult, results: SearchResults) -> None:
        if trial.number == 6:
            for child in multiprocessing.active_children():
                os.kill(child.pid or 0, signal.SIGKILL)

    with (
        pytest.raises(ClusterError, match=r"trial 7 could not be run \(BrokenProcessPool: "),
        worker_processes(1) as pool,
    ):
        run_trials(search, trials, COUNT, pool, 1, kill)
    assert not list((tmp_path / "out").glob(".trial-*"))
    assert gone_on_with(search, trials, COUNT) == undisturbed


def test_processes_share_the_trials_of_a_folder(tmp_path: Path, undisturbed: SearchResults) -> None:
    out = tmp_path / "out"
    command = [sys.executable, "-c", KILL, str(out), "0", "0", "0"]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    processes = [
        subprocess.Popen(command, env=environment, stderr=subprocess.PIPE) for _ in range(2)
    ]
    for process in processes:
        _, errors = process.communicate()
        assert process.returncode == 0, errors.decode()
    assert searched(out) == undisturbed
    assert len(opened(out)[1].study.trials) == COUNT  # none was run twice
    assert not list(out.glob(".trial-*"))


def test_a_trial_of_a_living_process_is_left_alone(tmp_path: Path) -> None:
    search, trials = opened(tmp_path / "out")
    claim = trials.take(2)
    assert claim is not None
    results = gone_on_with(search, opened(tmp_path / "out")[1], 2)
    assert [trial.number for trial in results.trials] == [2]
    assert results.running == 1
    claim.release()
    assert [trial.number for trial in gone_on_with(search, trials, 2).trials] == [1, 2]


def test_hopeless_trials_are_ended_early(undisturbed: SearchResults) -> None:
    pruned = [trial for trial in undisturbed.trials if trial.state == "pruned"]
    assert pruned
    for trial in pruned:
        assert trial.value is None
        epoch = len(trial.values)
        assert 2 <= epoch < BASE["epochs"]
        before = [
            one.values[epoch - 1]
            for one in undisturbed.trials[: (trial.number - 1) // 4 * 4]
            if one.state == "finished"
        ]
        assert len(before) >= 5
        assert max(trial.values) < np.median(before)


def test_a_training_that_diverges_is_a_trial_without_a_value(tmp_path: Path) -> None:
    space = ("learning_rate=1e25..1e26", "hidden=2|4")
    results = searched(tmp_path / "out", 3, space=space, optimizer="sgd", data="sine")
    assert [trial.state for trial in results.trials] == ["failed"] * 3
    assert "learning rate" in str(results.trials[0].error)
    assert results.best is None
    assert str(results.trials[0].error) in report_search(tmp_path / "out").to_markdown()


def test_settings_that_do_not_go_together_do_not_end_the_search(tmp_path: Path) -> None:
    results = searched(tmp_path / "out", 8, space=("model=mlp|cnn", "hidden=4|8"))
    assert results.count("failed") + results.count("finished") + results.count("pruned") == 8
    failed = [trial for trial in results.trials if trial.state == "failed"]
    assert failed
    assert all(trial.parameters["model"] == "cnn" for trial in failed)


def test_what_is_wrong_with_the_data_ends_the_search_and_gives_the_trial_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    search, trials = opened(tmp_path / "out")

    def fail(config: Any) -> None:
        raise DataError("the disk is gone")

    with monkeypatch.context() as patched:
        patched.setattr(trial_module, "prepare", fail)
        with pytest.raises(DataError, match="the disk is gone"):
            gone_on_with(search, trials, 2)
    assert [trial.number for trial in gone_on_with(search, trials, 1).trials] == [1]


def test_trials_never_look_at_the_test_part(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = trial_module.prepare

    def without_test(config: Any) -> Any:
        prepared = real(config)
        object.__setattr__(prepared.dataset, "x_test", None)
        object.__setattr__(prepared.dataset, "y_test", None)
        return prepared

    expected = searched(tmp_path / "with", 3)
    monkeypatch.setattr(trial_module, "prepare", without_test)
    assert searched(tmp_path / "without", 3) == expected


def test_where_the_best_epoch_is_kept_the_trial_has_its_number(tmp_path: Path) -> None:
    changes = {"data": "sine", "schedule": "constant", "batch_size": 8, "epochs": 8}
    results = searched(tmp_path / "out", 3, space=("learning_rate=0.02..0.05",), **changes)
    assert results.metric == "validation_root_mean_squared_error"
    for trial in results.trials:
        assert trial.value == min(trial.values)
    assert any(trial.value != trial.values[-1] for trial in results.trials)


def test_the_winner_is_compared_over_fresh_seeds(tmp_path: Path) -> None:
    out = tmp_path / "out"
    results = searched(out, 6, seed=3)
    best = results.best
    assert best is not None
    with ThreadPoolExecutor(1) as pool:
        compared = compare_winner(
            Search({**BASE, "seed": 3}, parse_space(SPACE)), best, out, 3, pool
        )
    assert isinstance(compared, Results)
    assert compared.names == ["default settings", best.label]
    assert {run.seed for run in compared.runs} == {4, 5, 6}
    run = read_run(next(out.glob(f"comparisons/*/runs/{best.label.replace(' ', '_')}/seed-4")))
    tuned = options_of(best.parameters)
    assert {name: getattr(run.config, name) for name in tuned} == tuned
    text = report_search(out).to_markdown()
    assert compared.sentences()[0] in text
    assert "owes something to luck" in text


def test_the_report_needs_no_optuna(tmp_path: Path) -> None:
    out = tmp_path / "out"
    searched(out, 6).write(out)
    code = (
        "import sys; sys.modules['optuna'] = None\n"
        "from chainrule.cli import main; sys.argv = ['chainrule', 'report', sys.argv[1]]; main()"
    )
    subprocess.run([sys.executable, "-c", code, str(out)], check=True, capture_output=True)
    text = (out / "report.md").read_text()
    for heading in ("Which settings matter", "Which values are good", "All trials"):
        assert f"## {heading}" in text
    pictures = {path.stem for path in (out / "pictures").iterdir()}
    assert pictures == {"importances", "parallel-coordinates", "course"}


def test_a_command_that_trains_with_the_settings() -> None:
    options = {"data": "my data.csv", "optimizer": "sgd(momentum=0.9)", "batch_norm": False}
    assert train_command(options) == "chainrule train 'my data.csv' --optimizer 'sgd(momentum=0.9)'"


# --- what is refused ----------------------------------------------------------------------

SPACES = {
    "nothing": ("", "write --search"),
    "no values": ("hidden", "write --search"),
    "empty": ("hidden=", "write --search"),
    "no range": ("learning_rate=1e-3..", "from one number to another"),
    "a single value": ("hidden=32", "a single value is given with --hidden"),
    "an empty value": ("hidden=32|", "needs a range or several values"),
    "a value twice": ("learning_rate=0.1|1e-1", "the same value stands twice"),
    "log from 0": ("learning_rate=0..1:log", "logarithmic scale has no 0"),
    "another scale": ("learning_rate=1..2:lin", "only :log may stand"),
    "backwards": ("learning_rate=1..0.1", "from a smaller number to a larger"),
    "no finite number": ("learning_rate=0.1..inf", "from a smaller number to a larger"),
    "no number": ("activation=relu..tanh", "activation is no number"),
    "fractions": ("epochs=1.5..3", "from one whole number to another"),
    "the data": ("data=digits|moons", "data cannot be searched"),
    "the seed": ("seed=1..5", "seed cannot be searched"),
    "the judge": ("metrics=accuracy|f1", "metrics cannot be searched"),
    "no switch": ("batch_norm=yes|no", "batch_norm is true or false"),
}


@pytest.mark.parametrize(("text", "message"), SPACES.values(), ids=SPACES)
def test_spaces_that_cannot_be(text: str, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        parse_setting(text)


def test_an_unknown_setting_answers_with_the_nearest() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'learning_rate'"):
        parse_setting("lerning_rate=1..2")


@pytest.mark.parametrize(
    ("base", "space", "message"),
    [
        ({}, [], "search which settings"),
        ({}, ["hidden=2|4", "hidden=8|16"], "hidden is searched twice"),
        ({"hidden": [8]}, ["hidden=2|4"], "given and searched"),
        ({}, ["dropout=0..1"], "dropout should be less than 1"),
        ({}, ["hidden=0..4"], "hidden should be greater"),
        ({"validation": 0}, ["hidden=2|4"], "nothing is held out for validation"),
    ],
)
def test_searches_that_cannot_be(base: dict[str, Any], space: list[str], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        look_at_data(Search({**BASE, **base}, parse_space(space)))


@pytest.mark.parametrize(
    "changes",
    [{"seed": 1}, {"epochs": 7}, {"data": "xor"}, {"space": ("hidden=2|4",)}, {"round_size": 2}],
)
def test_a_folder_holds_one_search(tmp_path: Path, changes: dict[str, Any]) -> None:
    out = tmp_path / "out"
    searched(out, 1)
    before = {path: path.read_bytes() for path in out.iterdir()}
    with pytest.raises(RunFolderError, match=r"holds another search, see .*search\.toml"):
        searched(out, 2, **changes)
    assert {path: path.read_bytes() for path in out.iterdir()} == before


def test_data_that_has_changed(tmp_path: Path) -> None:
    table, out = tmp_path / "table.csv", tmp_path / "out"
    rows = np.random.default_rng(0).normal(size=(60, 2)).round(3)
    lines = [f"{a},{b},{'yes' if a > b else 'no'}" for a, b in rows]
    table.write_text("\n".join(["a,b,label", *lines]))
    changes = {"data": str(table), "samples": None, "space": ("hidden=2|4",), "epochs": 1}
    searched(out, 1, **changes)
    table.write_text("\n".join(["a,b,label", *lines[::-1]]))
    with pytest.raises(RunFolderError, match="no longer those that the search"):
        searched(out, 2, **changes)


def test_a_folder_of_something_else(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(RunFolderError, match="holds something else than a search"):
        searched(tmp_path, 1)
    assert (tmp_path / "notes.txt").read_text() == "mine"


def test_the_journal_of_another_search(tmp_path: Path) -> None:
    searched(tmp_path / "one", 1)
    searched(tmp_path / "other", 1, seed=1)
    (tmp_path / "other" / JOURNAL).replace(tmp_path / "one" / JOURNAL)
    with pytest.raises(RunFolderError, match="is the journal of another search"):
        searched(tmp_path / "one", 2)


@pytest.mark.parametrize("content", [b"{}\n{}\n", b"notes\nmore\n", b"\x00\xff\n\n\n"])
def test_a_damaged_journal(tmp_path: Path, content: bytes) -> None:
    out = tmp_path / "out"
    searched(out, 1)
    (out / JOURNAL).write_bytes(content)
    with pytest.raises(RunFolderError, match="is damaged, or no journal"):
        searched(out, 2)
    assert (out / JOURNAL).read_bytes() == content


def test_a_report_of_a_search_that_is_not_finished(tmp_path: Path) -> None:
    out = tmp_path / "out"
    searched(out, 1)
    (out / "trials.json").unlink()  # as where it was killed before its end
    with pytest.raises(RunFolderError, match=r"trials\.json is missing; the same `chainrule"):
        report_search(out)


def test_a_damaged_plan(tmp_path: Path) -> None:
    out = tmp_path / "out"
    searched(out, 1)
    (out / "search.toml").write_text('data = "moons"\nsearch = 3\n')
    with pytest.raises(ConfigError, match=r"search\.toml: search should be a valid list"):
        searched(out, 2)


def test_trials_are_plain_data(tmp_path: Path) -> None:
    out = tmp_path / "out"
    searched(out, 1).write(out)
    described = json.loads((out / "trials.json").read_text())
    assert described["trials"][0]["number"] == 1
