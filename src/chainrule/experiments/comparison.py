"""Several variants of one training, each with the same seeds, and what their numbers say.

    OUT/comparison.toml           what was asked for
    OUT/runs/VARIANT/seed-N/      a run folder for each run
    OUT/runs/VARIANT/seed-N.error why a run failed
    OUT/results.csv               a line for each run: the numbers that a repetition gives again
    OUT/results.json              the same with times, estimates and differences

Variants are chosen by what every run holds out for validation. The test part is looked at when all
runs are done, by those of the chosen variant alone.

A comparison that was interrupted goes on where it stopped: finished runs are read, unfinished ones
go on from their last checkpoint. Several processes may work on one folder at the same time: each
run is claimed by the one that does it, while that lives. More seeds may be added to a comparison.
"""

from __future__ import annotations

import itertools
import json
import math
import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Executor, Future, as_completed
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import pydantic
import tomli_w
from pydantic import Field

from chainrule.errors import (
    BusyError,
    ChainruleError,
    ClusterError,
    ConfigError,
    DataError,
    RunFolderError,
    UnknownNameError,
)
from chainrule.experiments.config import (
    find_option,
    make_config,
    parse_option,
    read_toml,
    validated,
)
from chainrule.experiments.results import CSV, JSON, Results, collect
from chainrule.experiments.run_folder import find_sources, is_finished
from chainrule.experiments.runner import check_names, load_data, refuse_early_test
from chainrule.experiments.tasks import (
    Part,
    look_at_test,
    note_failure,
    read_failure,
    run_elsewhere,
    run_task,
    write_run,
)
from chainrule.experiments.workers import SECONDS_TO_END
from chainrule.files import cannot_write, claimed, whole_file
from chainrule.limits import shortened
from chainrule.presentation.display import counted
from chainrule.text import file_name

PLAN, RUNS = "comparison.toml", "runs"
MOST_RUNS = 10_000
MOST_NAMED = 10  # runs in a message
WHOLE = Part(1, 1)
PATIENCE = 2 * SECONDS_TO_END  # with a run that another process has
VALIDATION = 0.2  # held out to choose by, unless the comparison says how much
Seeds = Annotated[int, Field(ge=1, le=MOST_RUNS)]


@dataclass(frozen=True)
class Comparison:
    """What to compare.

    Args:
        base: options of `train` that all variants share.
        variants: for each name, the options that it changes.
        seeds: each variant runs once with each of them.
        target: the accuracy (or other first metric) whose first epoch is reported.
    Raises:
        ConfigError: no variants, no seeds, or options that cannot be.
    """

    base: dict[str, Any]
    variants: dict[str, dict[str, Any]]
    seeds: tuple[int, ...] = (0, 1, 2, 3, 4)
    target: float | None = None

    def __post_init__(self) -> None:
        if not self.variants:
            raise ConfigError(
                "nothing to compare: vary at least one option, such as "
                "--vary learning_rate=0.01,0.1"
            )
        if not self.seeds or len(set(self.seeds)) < len(self.seeds):
            raise ConfigError(f"seeds are different whole numbers, received {self.seeds}")
        folders: dict[str, str] = {}
        for name in self.variants:  # to some systems, capitals make no other name
            other = folders.setdefault(file_name(name).casefold(), name)
            if other != name:
                raise ConfigError(
                    f"variants {other!r} and {name!r} would share the folder "
                    f"{file_name(other)}: give one of them another name"
                )
        count = len(self.variants) * len(self.seeds)
        if count > MOST_RUNS:
            raise ConfigError(
                f"a comparison has at most {MOST_RUNS:,} runs; this one has {count:,}"
            )
        for changes in self.variants.values():
            config = make_config({**self.base, **changes, "seed": self.seeds[0]})
            check_names(config)
            refuse_early_test(config)

    def tasks(self) -> list[Task]:
        """Every run, variants in turn for each seed, so that early results compare all."""
        return [
            Task(name, seed, {"validation": VALIDATION, **self.base, **changes, "seed": seed})
            for seed in self.seeds
            for name, changes in self.variants.items()
        ]

    def to_toml(self) -> str:
        """The comparison as the text of a file that `read_comparison` reads."""
        own = {"seeds": list(self.seeds)}
        target = {} if self.target is None else {"target": self.target}
        variants = [{"name": name, **changes} for name, changes in self.variants.items()]
        return tomli_w.dumps({**self.base, **own, **target, "variants": variants})


@dataclass(frozen=True)
class Task:
    """One run of a comparison."""

    variant: str
    seed: int
    options: dict[str, Any]

    def folder(self, out: Path) -> Path:
        """Where its run folder is."""
        return out / RUNS / file_name(self.variant) / f"seed-{self.seed}"


Finished = Callable[[Task, str | None], None]


class ComparisonFile(pydantic.BaseModel):
    """What a comparison's file has besides options of `train`."""

    model_config = pydantic.ConfigDict(strict=True)

    seeds: Seeds | list[Annotated[int, Field(ge=0)]] = 5
    target: float | None = None
    vary: dict[str, list[Any]] = {}
    variants: list[dict[str, Any]] = []


OWN_KEYS = tuple(ComparisonFile.model_fields)


def read_comparison(path: Path) -> Comparison:
    """A comparison from a TOML file: options of `train`, `seeds` (a count or a list), `target`,
    and either a table `vary` of lists (a grid) or tables `variants`, each with a name."""
    values = read_toml(path)
    try:
        return make_comparison({**values, **find_sources(values, path)})
    except (ConfigError, DataError, UnknownNameError) as error:
        raise ConfigError(f"{path}: {shortened(str(error))}") from None


def make_comparison(values: dict[str, Any]) -> Comparison:
    """A comparison from the values of such a file."""
    own = validated(
        ComparisonFile, {name: value for name, value in values.items() if name in OWN_KEYS}
    )
    base = {name: value for name, value in values.items() if name not in OWN_KEYS}
    return Comparison(
        check_options(base),
        {**grid(own.vary), **_named_variants(own.variants)},
        tuple(range(own.seeds)) if isinstance(own.seeds, int) else tuple(own.seeds),
        own.target,
    )


def grid(vary: Mapping[str, Sequence[Any]]) -> dict[str, dict[str, Any]]:
    """Every combination of the values of some options, named after them.

    >>> list(grid({"optimizer": ["sgd", "adam"], "epochs": [5]}))
    ['optimizer=sgd, epochs=5', 'optimizer=adam, epochs=5']
    """
    if not vary:
        return {}
    for name, values in vary.items():
        find_option(name)
        if name == "seed":
            raise ConfigError("every variant runs with the same seeds: say how many, --seeds N")
        if not isinstance(values, Sequence) or isinstance(values, str) or not values:
            raise ConfigError(f"vary {name} over a list of values, received {values!r}")
        if len({_short(value) for value in values}) < len(values):
            raise ConfigError(f"vary {name}: the same value stands twice in {values!r}")
    count = math.prod(map(len, vary.values()))
    if count > MOST_RUNS:
        raise ConfigError(f"a grid has at most {MOST_RUNS:,} variants; this one has {count:,}")
    combinations = [
        dict(zip(vary, values, strict=True)) for values in itertools.product(*vary.values())
    ]
    return {
        ", ".join(f"{name}={_short(value)}" for name, value in options.items()): options
        for options in combinations
    }


def parse_vary(text: str) -> tuple[str, list[Any]]:
    """``NAME=A,B`` from the command line as an option and its values. Commas within brackets
    belong to a value.

    >>> parse_vary("hidden=[32],[128,64]")
    ('hidden', [[32], [128, 64]])
    >>> parse_vary("schedule=constant,step(5, decay=0.5)")
    ('schedule', ['constant', 'step(5, decay=0.5)'])
    """
    name, equals, values = text.partition("=")
    option = name.strip().replace("-", "_")
    balanced = all(values.count(a) == values.count(b) for a, b in ("[]", "()"))
    if not equals or not values.strip() or not balanced:
        raise ConfigError(f"write --vary NAME=A,B, as in epochs=5,10; received {text!r}")
    parts = re.findall(r"(?:[^,(\[]|\([^)]*\)|\[[^\]]*\])+", values)
    return find_option(option), [parse_option(option, part.strip()) for part in parts]


def check_options(options: dict[str, Any]) -> dict[str, Any]:
    """Options of `train` under their right names, or an error that offers the nearest."""
    for name in options:
        find_option(name)
    return options


def run_comparison(
    comparison: Comparison,
    out: Path,
    executor: Executor,
    finished: Finished = lambda task, error: None,
    *,
    away: bool = False,
) -> Results:
    """Run what is not yet finished in `out`, and write the results.

    Args:
        executor: where runs go, such as a `ProcessPoolExecutor`. Each uses one BLAS thread, so
            that the numbers do not depend on how many run at a time.
        finished: called after each run with its error, if it failed. The others go on.
        away: True if runs may share no disk with this process: they send it what they made.
    Raises:
        RunFolderError: `out` holds another comparison.
        BusyError: other processes are working on some runs; the others are done.
        ClusterError: runs were cancelled, as by a cluster that was lost; those done are kept.
    """
    run_part(comparison, WHOLE, out, executor, finished, away=away)
    return conclude(comparison, out, map if away else executor.map)


def run_part(
    comparison: Comparison,
    part: Part,
    out: Path,
    executor: Executor,
    finished: Finished = lambda task, error: None,
    *,
    away: bool = False,
) -> list[Task]:
    """Run what is not yet finished of a part, beside the processes that do other parts in the same
    folder; those runs of it that failed. Arguments and errors are those of `run_comparison`."""
    write_plan(comparison, out)
    tasks = part.of(comparison.tasks())
    waiting = [task for task in tasks if not is_finished(task.folder(out))]
    if waiting:  # what is wrong with the data is said once, not by every run
        load_data(make_config(waiting[0].options))
    for task in waiting:
        note_failure(task.folder(out), None)  # it is tried again
    failed: list[Task] = []

    def note(task: Task, error: str | None) -> None:
        if error is not None:
            note_failure(task.folder(out), error)
            failed.append(task)
        finished(task, error)

    for patience in (0.0, PATIENCE):  # for workers that outlive a process that was killed
        waiting = _run_all(waiting, out, executor, patience, note, away)
    if waiting:
        raise BusyError(
            f"other processes are working on {_named(waiting)}: those runs are left to them, all "
            "others are done; when they have ended, give the same command again"
        )
    return failed


def _run_all(
    tasks: Sequence[Task],
    out: Path,
    executor: Executor,
    patience: float,
    note: Finished,
    away: bool,
) -> list[Task]:
    """Run all; the tasks that other processes are working on."""
    futures: dict[Future[Any], Task] = {
        executor.submit(run_elsewhere, task.options)
        if away
        else executor.submit(run_task, task.options, task.folder(out), patience): task
        for task in tasks
    }
    busy = []
    for future in as_completed(futures):
        task = futures[future]
        if future.cancelled():
            raise ClusterError(
                f"the cluster was lost, or cancelled the runs: what is done is kept in {out}, and "
                "the same command continues it"
            )
        error = future.exception()
        if isinstance(error, BusyError):
            busy.append(task)
        elif error is not None:  # it could not say anything itself
            note(task, f"{type(error).__name__}: {error}")
        elif isinstance(answer := future.result(), dict):
            write_run(task.folder(out), answer)
            note(task, None)
        else:
            note(task, answer)
    return busy


def conclude(comparison: Comparison, out: Path, map_all: Callable[..., Any] = map) -> Results:
    """Test the variant that is chosen, and write the results of runs that are all there.

    Args:
        map_all: like `map`, such as that of an executor.
    Raises:
        RunFolderError: runs are missing; the message says which. Or seeds were added meanwhile.
    """
    with _claimed(out):
        plan = out / PLAN
        if plan.exists() and read_toml(plan).get("seeds") != list(comparison.seeds):
            raise RunFolderError(
                f"seeds were added to {out} meanwhile: the command that did so makes the tables"
            )
        results = _collect(comparison, out)
        succeeded = [(run.variant, run.seed) for run in results.runs if run.error is None]
        if succeeded:
            chosen = results.chosen.name
            folders = [
                task.folder(out)
                for task in comparison.tasks()
                if task.variant == chosen and (chosen, task.seed) in succeeded
            ]
            list(map_all(look_at_test, folders))  # raises what goes wrong
            results = _collect(comparison, out)
        results.write(out)
    return results


def planned(out: Path) -> Comparison:
    """The comparison that a folder holds, finished or not. Raises RunFolderError, ConfigError."""
    if not (out / PLAN).is_file():
        raise RunFolderError(f"{out} holds no comparison: {PLAN} is missing")
    return read_comparison(out / PLAN)


def write_plan(comparison: Comparison, out: Path) -> None:
    """Say in `out` which comparison it holds. More seeds of the same one may be added. Raises
    RunFolderError where it holds another."""
    plan, text = out / PLAN, comparison.to_toml()
    with _claimed(out):
        if plan.exists():
            if plan.read_text(encoding="utf-8") == text:
                return
            check_adds_seeds(comparison, out)
            for tables in (JSON, CSV):  # they know nothing of the new seeds
                (out / tables).unlink(missing_ok=True)
        with whole_file(plan) as file:
            file.write(text.encode())


def check_adds_seeds(comparison: Comparison, out: Path) -> None:
    """Refuse what is not the comparison in `out` with more seeds."""
    held, asked = read_toml(out / PLAN), tomllib.loads(comparison.to_toml())
    seeds = held.pop("seeds", None)
    asked.pop("seeds")
    if held != asked or not isinstance(seeds, list):
        raise RunFolderError(
            f"{out} holds another comparison, see {out / PLAN}: choose another --out"
        )
    if any(seed not in comparison.seeds for seed in seeds):
        raise RunFolderError(
            f"{out} holds this comparison with {counted(len(seeds), 'seed')} "
            f"({shortened(', '.join(map(str, seeds)))}): ask for all of them, or more, or choose "
            "another --out"
        )


def _collect(comparison: Comparison, out: Path) -> Results:
    """What the run folders hold now."""
    tasks = comparison.tasks()
    missing, errors = [], {}
    for task in tasks:
        if not is_finished(task.folder(out)):
            error = read_failure(task.folder(out))
            if error is None:
                missing.append(task)
            else:
                errors[task.variant, task.seed] = error
    if missing:
        raise RunFolderError(
            f"{len(missing)} of {len(tasks)} runs in {out} are not finished: {_named(missing)}"
        )
    places = [(task.variant, task.seed, task.folder(out)) for task in tasks]
    return collect(places, errors, comparison.target)


@contextmanager
def _claimed(out: Path) -> Iterator[None]:
    """`out` itself, for a moment, for this process alone; runs are claimed one by one."""
    try:
        with claimed(out, BusyError, patience=-1):
            yield
    except ChainruleError:
        raise
    except OSError as error:
        raise cannot_write(out, error) from None


def _named(tasks: Sequence[Task]) -> str:
    """Some runs in words, the first of many by name."""
    names = [f"{task.variant} with seed {task.seed}" for task in tasks[:MOST_NAMED]]
    others = len(tasks) - len(names)
    return "; ".join(names + ([f"and {others} more"] if others else []))


def _named_variants(tables: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, Any]]:
    variants = {}
    for table in tables:
        if not isinstance(table.get("name"), str):
            raise ConfigError(f"each of the variants is a table with a name, received {table!r}")
        variants[table["name"]] = check_options({k: v for k, v in table.items() if k != "name"})
    return variants


def _short(value: Any) -> str:
    if isinstance(value, list):
        return "[" + ",".join(map(_short, value)) + "]"
    return value if isinstance(value, str) else json.dumps(value)
