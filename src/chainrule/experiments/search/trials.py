"""The trials of a search, kept by Optuna, and shared by all processes that work on its folder.

A process claims a trial by a lock that ends with the process. The number of a trial that was
running when its process ended, however it ended, is free again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

from chainrule.errors import RunFolderError
from chainrule.experiments.search.space import Parameters, Setting
from chainrule.experiments.search.storage import folder_lock, is_held, trial_lock
from chainrule.experiments.stored import Numbers, Stored, read_json, write_json
from chainrule.history import is_better_larger
from chainrule.limits import shortened
from chainrule.seeding import generator

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from optuna import Study

TRIALS = "trials.json"
FINISHED, PRUNED, FAILED = "finished", "pruned", "failed"
NUMBER, ERROR = "chainrule_number", "chainrule_error"  # what is kept with Optuna's trials
FEWEST = 5  # finished trials, before others are pruned, or anything is said of settings
WARM_UP = 0.2  # of a trial's epochs, in which it is not pruned


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
    """The trials of a search, and those to come."""

    def __init__(
        self, study: Study, out: Path, space: Sequence[Setting], seed: int, metric: str
    ) -> None:
        self.study, self.out, self.space = study, out, space
        self.seed, self.metric = seed, metric

    def take(self, count: int) -> Claim | None:
        """The lowest number up to `count` that no trial has, with what Optuna proposes for it; None
        if all are taken."""
        with folder_lock(self.out):
            taken = {number for number, _ in self._ended()} | self._running()
            free = next((n for n in range(1, count + 1) if n not in taken), None)
            if free is None:
                return None
            lock = trial_lock(self.out, free)
            lock.acquire(timeout=0)
            self.study.sampler = self._sampler(free)
            trial = self.study.ask()
            trial.set_user_attr(NUMBER, free)
            parameters = {setting.name: setting.suggest(trial) for setting in self.space}
        return Claim(self, free, trial, parameters, lock)

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
        trials = [self._result(number, trial) for number, trial in sorted(self._ended())]
        importances = _importances(self.study, trials) if weighs_settings else {}
        return SearchResults(
            metric=self.metric, trials=trials, importances=importances, running=running
        )

    def _ended(self) -> list[tuple[int, Any]]:
        """Optuna's trials that need not be run again, with their numbers."""
        return [
            (trial.user_attrs[NUMBER], trial)
            for trial in self.study.get_trials(deepcopy=False)
            if trial.state.name in ("COMPLETE", "PRUNED")
            or (trial.state.name == "FAIL" and ERROR in trial.user_attrs)
        ]

    def _running(self) -> set[int]:
        """The numbers of trials that a living process works on; others are marked as failed."""
        from optuna.trial import TrialState

        found = set()
        for trial in self.study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            number = trial.user_attrs.get(NUMBER)
            if number is not None and is_held(trial_lock(self.out, number)):
                found.add(number)
            else:
                self.study.tell(trial.number, state=TrialState.FAIL)
        return found

    def _sampler(self, number: int) -> Any:
        from optuna.samplers import TPESampler

        seed = int(generator(self.seed, "search", number).integers(2**32))
        return TPESampler(seed=seed)

    def _result(self, number: int, trial: Any) -> TrialResult:
        error = trial.user_attrs.get(ERROR)
        state = {"COMPLETE": FINISHED, "PRUNED": PRUNED}.get(trial.state.name, FAILED)
        return TrialResult(
            number=number,
            state=FAILED if error is not None else state,
            parameters=trial.params,
            value=trial.value if state == FINISHED else None,
            values=[_finite(value) for _, value in sorted(trial.intermediate_values.items())],
            error=error,
        )


class Claim:
    """A trial that this process works on; a context, which gives it back unless it has ended."""

    def __init__(
        self,
        trials: Trials,
        number: int,
        trial: Any,
        parameters: Parameters,
        lock: BaseFileLock,
    ) -> None:
        self.trials, self.number, self.parameters = trials, number, parameters
        self._trial, self._lock, self._has_ended = trial, lock, False

    def report(self, value: float, epoch: int, epochs: int) -> bool:
        """Note the number after an epoch; True if the trial has no prospects: if its best so far is
        worse than the median of the finished trials at that epoch."""
        from optuna.pruners import MedianPruner

        self._trial.report(value, epoch)
        warm_up = math.ceil(WARM_UP * epochs)
        self.trials.study.pruner = MedianPruner(FEWEST, warm_up)
        return bool(self._trial.should_prune())

    def finish(self, value: float) -> None:
        """The trial came to its end."""
        self._end("COMPLETE", value)

    def prune(self, error: str | None = None) -> None:
        """The trial was ended early, or its numbers were no longer finite."""
        self._end("PRUNED", error=error)

    def fail(self, error: str) -> None:
        """These settings do not go together."""
        self._end("FAIL", error=error)

    def _end(self, state: str, value: float | None = None, error: str | None = None) -> None:
        from optuna.trial import TrialState

        if error is not None:
            self._trial.set_user_attr(ERROR, shortened(error))
        self.trials.study.tell(self._trial, value, TrialState[state], skip_if_finished=True)
        self._has_ended = True

    def __enter__(self) -> Claim:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        with folder_lock(self.trials.out):
            if not self._has_ended:
                self._end("FAIL")  # without an error: the number is free again
            self._lock.release()
            Path(self._lock.lock_file).unlink(missing_ok=True)


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
