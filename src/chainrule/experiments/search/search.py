"""A search for settings: trials that Optuna proposes, judged by what is held out for validation.

    OUT/search.toml       what was asked for, and what the trials are judged by
    OUT/trials.journal    Optuna's journal: every trial that has ended (unless in a database)
    OUT/trials.json       the trials so far, for the report and for programs
    OUT/comparisons/      the winner beside the default settings, over fresh seeds

Trials come in rounds. Each is proposed from (seed, its number, the trials of the rounds before),
and those of a round may run side by side, wherever there is room. One that did not come to its end,
whatever ended it, is run again under its number, with the same proposal: the trials are the same on
any number of workers, killed or not.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Executor, Future, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pydantic
import tomli_w
from pydantic import Field

from chainrule.data.training import TrainingData
from chainrule.engine.running.threads import one_thread
from chainrule.errors import ChainruleError, ClusterError, ConfigError, RunFolderError
from chainrule.experiments.comparison import VALIDATION, Comparison, Task, run_comparison
from chainrule.experiments.config import make_config, read_toml, validated
from chainrule.experiments.results import Results
from chainrule.experiments.runner import Prepared, check_names, prepare, refuse_early_test
from chainrule.experiments.search import ROUND_SIZE
from chainrule.experiments.search.space import (
    Parameters,
    Setting,
    corners,
    options_of,
    parse_space,
)
from chainrule.experiments.search.storage import (
    folder_lock,
    hide_password,
    only_here,
    open_database,
    open_journal,
    open_study,
)
from chainrule.experiments.search.trial import Outcome, run_trial
from chainrule.experiments.search.trials import Claim, SearchResults, TrialResult, Trials
from chainrule.files import is_unused, whole_file
from chainrule.limits import shortened
from chainrule.metrics import as_metric
from chainrule.presentation.display import counted, format_number
from chainrule.training.resuming import fingerprint

PLAN, JOURNAL, COMPARISONS = "search.toml", "trials.journal", "comparisons"
DEFAULT = "default settings"  # what the winner is compared with
OWN_KEYS = ("search", "round_size", "metric", "checksums", "study", "storage")
SECONDS_BETWEEN_LOOKS = 0.5  # at the trials of other processes, for which the next round waits


@dataclass(frozen=True)
class Search:
    """What to search.

    Args:
        base: options of `train` that all trials share.
        space: the settings that they differ in.
        round_size: how many are proposed together, from all rounds before.
    Raises:
        ConfigError: options that cannot be.
    """

    base: dict[str, Any]
    space: tuple[Setting, ...]
    round_size: int = ROUND_SIZE

    def __post_init__(self) -> None:
        for setting in self.space:
            if setting.name in self.base:
                raise ConfigError(f"{setting.name} is given and searched: leave out one of the two")
        check_names(make_config(self.options({})))
        for options in corners(self.space):
            check_names(make_config({**self.base, **options}))

    def options(self, parameters: Parameters) -> dict[str, Any]:
        """The options of `train` for a trial; without parameters, those of the default settings."""
        return {"validation": VALIDATION, **self.base, **options_of(parameters)}

    @property
    def seed(self) -> int:
        """That of every trial, and of Optuna's proposals."""
        return int(self.base.get("seed", 0))


@dataclass(frozen=True)
class Judging:
    """What the trials of a search are judged by: a number, and the examples."""

    metric: str
    checksums: list[int]


class SearchFile(pydantic.BaseModel):
    """What a search's file has besides options of `train`."""

    model_config = pydantic.ConfigDict(strict=True)

    search: list[str]
    round_size: Annotated[int, Field(ge=1)]
    metric: str
    checksums: list[int]
    study: str
    storage: str | None = None


@dataclass(frozen=True)
class Plan:
    """The content of `search.toml`."""

    search: Search
    judging: Judging
    study: str
    storage: str | None

    def to_toml(self) -> str:
        """As the text of the file."""
        own = {
            "search": [setting.text for setting in self.search.space],
            "round_size": self.search.round_size,
            "metric": self.judging.metric,
            "checksums": self.judging.checksums,
            "study": self.study,
            **({} if self.storage is None else {"storage": self.storage}),
        }
        return "# A search, as `chainrule tune` began it.\n" + tomli_w.dumps(
            {**self.search.base, **own}
        )


def read_plan(path: Path) -> Plan:
    """The content of a `search.toml`. Raises ConfigError where it is damaged."""
    values = read_toml(path)
    try:
        own = validated(SearchFile, {k: v for k, v in values.items() if k in OWN_KEYS})
        base = {name: value for name, value in values.items() if name not in OWN_KEYS}
        search = Search(base, parse_space(own.search), own.round_size)
    except ChainruleError as error:
        raise ConfigError(f"{path}: {error}") from None
    return Plan(search, Judging(own.metric, own.checksums), own.study, own.storage)


def look_at_data(search: Search) -> tuple[Prepared, Judging]:
    """The default settings, prepared, and what trials are judged by.

    Raises:
        ConfigError: nothing is held out for validation.
        ChainruleError: as `prepare`.
    """
    with one_thread():
        config = make_config(search.options({}))
        refuse_early_test(config)
        prepared = prepare(config)
    held_out = prepared.held_out
    if held_out is None or not len(held_out[0]):
        raise ConfigError(
            "nothing is held out for validation, and by what they were trained on, trials that "
            f"learn by heart would win: --validation {VALIDATION} holds out a fifth"
        )
    names = prepared.config.metrics or ["loss"]
    metric = "loss" if names[0] == "loss" else as_metric(names[0]).name
    dataset = prepared.dataset
    parts = ((dataset.x_train, dataset.y_train), held_out)
    prints = [fingerprint(TrainingData.given(x, y)) or {} for x, y in parts]
    checksums = [number or 0 for one in prints for number in one["checksum"]]
    return prepared, Judging(f"validation_{metric}", checksums)


def open_search(search: Search, judging: Judging, out: Path, storage: str | None = None) -> Trials:
    """The trials of a search in the folder `out`, which is made if need be.

    Args:
        storage: the URL of the database that holds them; a journal in the folder if left out.
    Raises:
        RunFolderError: `out` holds another search, or something else.
        OutputError: it cannot be made.
        ConfigError: the database cannot be opened.
    """
    hidden = None if storage is None else hide_password(storage)
    database = None if storage is None else open_database(storage)
    with folder_lock(out):
        path = out / PLAN
        if not path.exists():
            if not is_unused(out):
                raise RunFolderError(
                    f"{out} holds something else than a search: choose another --out"
                )
            plan = Plan(search, judging, f"chainrule-{os.urandom(8).hex()}", hidden)
            with whole_file(path) as file:
                file.write(plan.to_toml().encode())
        begun = read_plan(path)
        _check_same(begun, Plan(search, judging, begun.study, hidden), out)
        kept = database or open_journal(out / JOURNAL, begun.study)
        study = open_study(kept, begun.study, judging.metric)
    return Trials(study, out, search.space, search.seed, judging.metric, search.round_size)


def _check_same(begun: Plan, asked: Plan, out: Path) -> None:
    """Refuse to mix two searches."""
    if begun.search == asked.search and begun.judging != asked.judging:
        raise RunFolderError(
            f"the data, or its parts, are no longer those that the search in {out} was begun with, "
            "so that its trials cannot be compared with new ones: choose another --out"
        )
    if begun != asked:
        raise RunFolderError(f"{out} holds another search, see {out / PLAN}: choose another --out")


def run_trials(
    search: Search,
    trials: Trials,
    count: int,
    executor: Executor,
    at_a_time: int,
    finished: Callable[[TrialResult, SearchResults], None] = lambda trial, results: None,
) -> SearchResults:
    """Run trials until the search has `count` of them, those of other processes included, or until
    all that are left are running elsewhere; then write down what there is.

    Args:
        executor: where trials go.
        at_a_time: how many it has at once; it changes none of their numbers.
        finished: called after each trial of this process, with all trials so far.
    Raises:
        ClusterError: a worker was lost; its trial is given back, and those done are kept.
    """
    running: dict[Future[Outcome], Claim] = {}
    try:
        while True:
            while len(running) < at_a_time and (claim := trials.take(count)) is not None:
                running[_submit(search, claim, executor)] = claim
            if running:
                for future in wait(running, return_when=FIRST_COMPLETED).done:
                    claim = running[future]
                    claim.end(_answer(future, claim))
                    del running[future]
                    results = trials.results()
                    finished(results.trial(claim.number), results)
            elif trials.is_waiting(count):
                time.sleep(SECONDS_BETWEEN_LOOKS)
            else:
                return trials.write()
    finally:
        for claim in running.values():
            claim.release()


def _submit(search: Search, claim: Claim, executor: Executor) -> Future[Outcome]:
    options, proposal = search.options(claim.proposal.parameters), claim.proposal
    try:
        return executor.submit(run_trial, options, claim.trials.metric, proposal.medians)
    except Exception as error:  # the executor is broken, or has been shut down
        claim.release()
        raise _lost(claim, error) from None


def _answer(future: Future[Outcome], claim: Claim) -> Outcome:
    """What came of a trial; what is wrong with all trials is raised."""
    try:
        return future.result()
    except ChainruleError:
        raise
    except Exception as error:  # what runs them may raise anything
        raise _lost(claim, error) from None


def _lost(claim: Claim, error: Exception) -> ClusterError:
    return ClusterError(
        f"trial {claim.number} could not be run ({type(error).__name__}: "
        f"{shortened(str(error))}): the trials that have ended are kept, and the same command "
        "continues the search"
    )


def compare_winner(
    search: Search,
    winner: TrialResult,
    out: Path,
    seeds: int,
    executor: Executor,
    finished: Callable[[Task, str | None], None] = lambda task, error: None,
    *,
    away: bool = False,
) -> Results | None:
    """Train the default settings and the winner's anew, with seeds that the search has not used;
    None if another process is at it. The last arguments are those of `run_comparison`."""
    with only_here(out / ".comparison.lock") as is_mine:
        if not is_mine:
            return None
        return run_comparison(
            winner_comparison(search, winner, seeds),
            comparison_folder(out, winner, seeds),
            executor,
            finished,
            away=away,
        )


def winner_comparison(search: Search, winner: TrialResult, seeds: int) -> Comparison:
    """The default settings beside those of the winner."""
    fresh = tuple(range(search.seed + 1, search.seed + 1 + seeds))
    variants = {DEFAULT: {}, winner.label: options_of(winner.parameters)}
    return Comparison(search.options({}), variants, fresh)


def comparison_folder(out: Path, winner: TrialResult, seeds: int) -> Path:
    """Where that comparison is; another winner has another place."""
    return out / COMPARISONS / f"trial-{winner.number}-seeds-{seeds}"


def describe_winner(results: SearchResults, winner: TrialResult) -> str:
    """How good the winner is, and why that figure says too much."""
    value = format_number(results.metric, winner.value or 0.0)
    by = results.metric.replace("_", " ")
    trials = counted(len(results.trials), "trial")
    as_good = sum(trial.value == winner.value for trial in results.trials)
    which = "the best" if as_good == 1 else f"the first of {as_good} equally good ones"
    return (
        f"Trial {winner.number} is {which} of {trials}: {by} {value}. The best of many owes "
        "something to luck, so this figure is too good; what the settings gain is below, from "
        "trainings with seeds that the search has not used."
    )


def train_command(options: dict[str, Any]) -> str:
    """The command that trains with these options.

    >>> train_command({"data": "digits", "hidden": [128, 64], "batch_norm": True, "dropout": 0.2})
    'chainrule train digits --hidden 128,64 --batch-norm --dropout 0.2'
    """
    from shlex import join

    words: list[str] = []
    for name, value in options.items():
        if name == "data":
            words.insert(0, str(value))
        elif value is not False:
            words.append(f"--{name.replace('_', '-')}")
            if isinstance(value, Sequence) and not isinstance(value, str):
                words.append(",".join(map(str, value)))
            elif value is not True:
                words.append(str(value))
    return join(["chainrule", "train", *words])
