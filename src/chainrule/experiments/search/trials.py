"""The trials of a search, kept by Optuna, and shared by all processes that work on its folder.

A process claims a trial by a lock that ends with the process. The number of a trial that was
running when its process ended, however it ended, is free again. Optuna knows of a trial when it has
ended.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING, Any

from chainrule.errors import RunFolderError
from chainrule.experiments.search.space import Parameters, Setting
from chainrule.experiments.search.storage import (
    folder_lock,
    import_optuna,
    is_held,
    trial_lock,
    trial_lock_name,
)
from chainrule.experiments.search.trial import COMPLETE, PRUNED, Outcome
from chainrule.experiments.stored import Numbers, Stored, read_json, write_json
from chainrule.history import is_better_larger
from chainrule.limits import shortened
from chainrule.seeding import generator

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from optuna import Study
    from optuna.trial import FrozenTrial

TRIALS = "trials.json"
FINISHED, ENDED_EARLY, FAILED = "finished", "pruned", "failed"
NUMBER, ERROR = "chainrule_number", "chainrule_error"  # what is kept with Optuna's trials
FEWEST = 5  # finished trials, before others are pruned, or anything is said of settings


class TrialResult(Stored):
    """What came of a trial.

    `number` counts from 1, `parameters` are what was proposed, `values` the number that trials are
    judged by after each epoch, and `value` that of the network which training ended with.
    """

    number: int
    state: str
    parameters: dict[str, float | int | str]
    value: float | None
    values: list[float | None]
    error: str | None

    @property
    def label(self) -> str:
        """What to call it."""
        return f"trial {self.number}"

    def shown(self, name: str) -> str:
        """The value of a setting, to be read."""
        value = self.parameters[name]
        return f"{value:.4g}" if isinstance(value, float) else str(value)


class SearchResults(Stored):
    """The trials of a search that have ended, in the order of their numbers."""

    metric: str
    trials: list[TrialResult]
    importances: Numbers
    running: int = 0

    def trial(self, number: int) -> TrialResult:
        """The trial of that number."""
        return next(trial for trial in self.trials if trial.number == number)

    def count(self, state: str) -> int:
        """How many ended so."""
        return sum(trial.state == state for trial in self.trials)

    @property
    def ranked(self) -> list[TrialResult]:
        """The finished trials, the best first."""
        sign = -1 if is_better_larger(self.metric) else 1
        done = [trial for trial in self.trials if trial.value is not None]
        return sorted(done, key=lambda trial: sign * (trial.value or 0.0))

    @property
    def best(self) -> TrialResult | None:
        """The best finished trial, the first of several; None if none finished."""
        return next(iter(self.ranked), None)

    def write(self, out: Path) -> None:
        """Write `trials.json`."""
        write_json(out / TRIALS, self)


def read_trials(out: Path) -> SearchResults:
    """The content of `trials.json`. Raises RunFolderError where it is missing or damaged."""
    if not (out / TRIALS).is_file():
        raise RunFolderError(
            f"{out} is a search that is not finished: {TRIALS} is missing; the same `chainrule "
            f"tune` command, with --out {out}, continues it"
        )
    return read_json(out / TRIALS, SearchResults, RunFolderError)


class Trials:
    """The trials of a search, and those to come.

    A trial is proposed from those of all rounds before its own: the trials of a round know nothing
    of each other, so that it makes no difference which of them run side by side.
    """

    def __init__(
        self,
        study: Study,
        out: Path,
        space: Sequence[Setting],
        seed: int,
        metric: str,
        round_size: int,
    ) -> None:
        self.study, self.out, self.space = study, out, space
        self.seed, self.metric, self.round_size = seed, metric, round_size

    def take(self, count: int) -> Claim | None:
        """The lowest number up to `count` that is to be run now, with what Optuna proposes for it;
        None if all of the round are taken, or all of the search."""
        with folder_lock(self.out):
            ended, running = self._ended(), self._running()
            number = next((n for n in range(1, count + 1) if n not in ended.keys() | running), None)
            if number is None:
                return None
            first = number - (number - 1) % self.round_size
            before = range(1, first)
            if not ended.keys() >= set(before):
                return None
            lock = trial_lock(self.out, number)
            lock.acquire(timeout=0)
            return Claim(self, number, self._propose(number, [ended[n] for n in before]), lock)

    def is_waiting(self, count: int) -> bool:
        """True if there are trials to be run once those have ended that other processes run."""
        with folder_lock(self.out):
            return not self._ended().keys() | self._running() >= set(range(1, count + 1))

    def results(self) -> SearchResults:
        """The trials that have ended, and how many are running."""
        with folder_lock(self.out):
            return self._results(weighs_settings=False)

    def write(self) -> SearchResults:
        """Write `trials.json`, with the importance of each setting, and return what it says.

        No other process ends a trial meanwhile, so that the last one to write knows all of them.
        """
        with folder_lock(self.out):
            results = self._results(weighs_settings=True)
            results.write(self.out)
        return results

    def _results(self, weighs_settings: bool) -> SearchResults:
        running = len(self._running())
        trials = [self._result(number, trial) for number, trial in sorted(self._ended().items())]
        importances = _importances(self.study, trials) if weighs_settings else {}
        return SearchResults(
            metric=self.metric, trials=trials, importances=importances, running=running
        )

    def _ended(self) -> dict[int, FrozenTrial]:
        """Optuna's trials by their numbers; it knows those alone that have ended."""
        return {trial.user_attrs[NUMBER]: trial for trial in self.study.get_trials(deepcopy=False)}

    def _running(self) -> set[int]:
        """The numbers of trials that a living process works on."""
        locks = self.out.glob(trial_lock_name("*"))
        numbers = {int(path.stem.rpartition("-")[2]) for path in locks}
        return {number for number in numbers if is_held(trial_lock(self.out, number))}

    def _propose(self, number: int, before: Sequence[FrozenTrial]) -> Proposal:
        """What follows from the seed, the number, and the trials of the rounds before."""
        optuna = import_optuna()
        seed = int(generator(self.seed, "search", number).integers(2**32))
        sampler = optuna.samplers.TPESampler(seed=seed)
        study = optuna.create_study(direction=self.study.direction, sampler=sampler)
        study.add_trials(before)
        trial = study.ask()
        parameters = {setting.name: setting.suggest(trial) for setting in self.space}
        return Proposal(parameters, trial.distributions, _medians(before))

    def _result(self, number: int, trial: FrozenTrial) -> TrialResult:
        error = trial.user_attrs.get(ERROR)
        state = {COMPLETE: FINISHED, PRUNED: ENDED_EARLY}.get(trial.state.name, FAILED)
        return TrialResult(
            number=number,
            state=FAILED if error is not None else state,
            parameters=trial.params,
            value=trial.value if state == FINISHED else None,
            values=[_finite(value) for _, value in sorted(trial.intermediate_values.items())],
            error=error,
        )


@dataclass(frozen=True)
class Proposal:
    """The settings of a trial, with the ranges that they are from, and the medians of the trials
    before it after each epoch; none as long as these are few."""

    parameters: Parameters
    distributions: dict[str, Any]
    medians: list[float]


class Claim:
    """A trial that this process sees to, until it is ended or released."""

    def __init__(self, trials: Trials, number: int, proposal: Proposal, lock: BaseFileLock) -> None:
        self.trials, self.number, self.proposal = trials, number, proposal
        self._lock = lock

    def end(self, outcome: Outcome) -> None:
        """Write down what came of it."""
        from optuna.trial import TrialState, create_trial

        error = {} if outcome.error is None else {ERROR: shortened(outcome.error)}
        trial = create_trial(
            state=TrialState[outcome.state],
            value=outcome.value,
            params=self.proposal.parameters,
            distributions=self.proposal.distributions,
            intermediate_values=dict(enumerate(outcome.values, start=1)),
            user_attrs={NUMBER: self.number, **error},
        )
        with folder_lock(self.trials.out):
            self.trials.study.add_trial(trial)
            self._unlock()

    def release(self) -> None:
        """Leave it to whoever takes it next."""
        with folder_lock(self.trials.out):
            self._unlock()

    def _unlock(self) -> None:
        self._lock.release()
        Path(self._lock.lock_file).unlink(missing_ok=True)


def _medians(before: Sequence[FrozenTrial]) -> list[float]:
    """After each epoch, the median of the finished trials that have as many; none of too few."""
    finished = [trial.intermediate_values for trial in before if trial.state.name == COMPLETE]
    if len(finished) < FEWEST:
        return []
    epochs = range(1, max(map(len, finished)) + 1)
    return [median(values[epoch] for values in finished if epoch in values) for epoch in epochs]


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def _importances(study: Study, trials: Sequence[TrialResult]) -> dict[str, float]:
    """How much of the differences between finished trials each setting accounts for, by PED-ANOVA;
    nothing where there are too few of them, or none that differ.

    Source: Watanabe, Bansal & Hutter, PED-ANOVA: Efficiently Quantifying Hyperparameter Importance
    in Arbitrary Subspaces (2023).
    """
    values = [trial.value for trial in trials if trial.state == FINISHED]
    if len(values) < FEWEST or len(set(values)) == 1:
        return {}
    from optuna.importance import PedAnovaImportanceEvaluator, get_param_importances

    found = get_param_importances(study, evaluator=PedAnovaImportanceEvaluator())
    return {name: float(share) for name, share in found.items()}
