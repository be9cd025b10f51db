"""The numbers of a comparison: a line for each run, and what they say of each variant.

Variants are compared and chosen by what was held out for validation. A test part that had its say
in that would flatter the variant it chose; it is looked at once, for the chosen one.
"""

from __future__ import annotations

import csv
import io
import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from chainrule.errors import RunFolderError
from chainrule.experiments.run_folder import SUMMARY, read_history
from chainrule.experiments.statistics import (
    CONFIDENCE,
    Difference,
    Estimate,
    Interval,
    corrected,
    difference,
    estimate,
)
from chainrule.experiments.stored import Numbers, RunSummary, Stored, read_json, write_json
from chainrule.files import whole_file
from chainrule.history import BOOKKEEPING, is_better_larger
from chainrule.presentation.curves import spell
from chainrule.presentation.display import counted, format_number, format_seconds, is_share
from chainrule.presentation.html import html_table
from chainrule.text import for_csv

CSV, JSON = "results.csv", "results.json"
VALIDATION, TEST = "validation_", "test_"  # before the names of numbers
COSTS = {
    "parameters": "parameters",
    "epochs": "epochs",
    "epochs_to_target": "epochs to target",
    "seconds_to_target": "time to target",
    "train_seconds": "time to train",
}


@dataclass(frozen=True)
class RunResult:
    """What one run gave, or why it failed.

    `numbers` are those that a repetition gives again; `seconds` are the machine's.
    """

    variant: str
    seed: int
    numbers: Numbers
    seconds: Numbers
    error: str | None = None
    environment: dict[str, str] = field(default_factory=dict)  # versions, and the processor


class StoredResults(Stored):
    """What is read of `results.json`: all else follows from the runs."""

    runs: list[RunResult]


@dataclass(frozen=True)
class VariantResult:
    """What all runs of one variant say together, and beside the first variant."""

    name: str
    finished: int
    failed: int
    estimates: dict[str, Estimate]
    differences: dict[str, Difference]

    @property
    def label(self) -> str:
        """The name, and how many of its runs failed."""
        return f"{self.name} ({self.failed} failed)" if self.failed else self.name


class Results:
    """The runs of a comparison, in the order of its variants."""

    def __init__(self, runs: Sequence[RunResult]) -> None:
        self.runs = list(runs)
        self.names = list(dict.fromkeys(run.variant for run in runs))

    @property
    def metric(self) -> str:
        """The number that variants are judged by: the first metric, or else the loss, of what was
        held out for validation, or else in training."""
        recorded = next((run.numbers for run in self.runs if run.error is None), {})
        names = [name for name in recorded if name not in COSTS and not name.startswith(TEST)]
        if not names:
            raise RunFolderError("every run of this comparison failed: see results.csv for why")
        names = [name for name in names if name.startswith(VALIDATION)] or names
        return next((name for name in names if not name.endswith("loss")), names[0])

    @property
    def test_metric(self) -> str:
        """The same number of the test part."""
        return TEST + self.metric.removeprefix(VALIDATION)

    @property
    def chosen(self) -> VariantResult:
        """The variant with the best mean of these numbers, among those with all runs finished,
        where there are any."""
        metric = self.metric
        judged = [variant for variant in self.variants() if metric in variant.estimates]
        whole = [variant for variant in judged if not variant.failed]
        best = max if is_better_larger(metric) else min
        return best(whole or judged, key=lambda variant: variant.estimates[metric].mean)

    def variants(self) -> list[VariantResult]:
        """Estimates for each variant, and differences from the first, seed by seed."""
        return self._variants

    @cached_property
    def _variants(self) -> list[VariantResult]:
        return judged_together([self._judge(name) for name in self.names])

    def _judge(self, name: str) -> VariantResult:
        mine, first = self._by_seed(name), self._by_seed(self.names[0])
        estimates, differences = {}, {}
        for key in self._columns() + self._time_columns():
            values = {seed: run[key] for seed, run in mine.items() if key in run}
            if values:
                estimates[key] = estimate(list(values.values()))
            shared = [seed for seed in values if key in first.get(seed, {})]
            if shared and name != self.names[0]:
                differences[key] = difference(
                    [values[seed] for seed in shared], [first[seed][key] for seed in shared]
                )
        failed = sum(run.error is not None for run in self.runs if run.variant == name)
        return VariantResult(name, len(mine), failed, estimates, differences)

    def _by_seed(self, name: str) -> dict[int, dict[str, float]]:
        return {
            run.seed: {**run.numbers, **run.seconds}
            for run in self.runs
            if run.variant == name and run.error is None
        }

    def judgement(self) -> tuple[list[str], list[list[str]]]:
        """Headers and rows of text, a row for each variant: the number that variants are judged
        by, and how it differs from the first variant's; and of the chosen one that of the test."""
        metric, chosen, variants = self.metric, self.chosen, self.variants()
        unit = " (%)" if is_share(metric) else ""
        headers = [
            "variant",
            f"{metric.replace('_', ' ')}{unit}",
            "95 % interval",
            "difference",
            "its interval" if self.is_corrected else "its 95 % interval",
            "effect size",
        ]
        rows = [[variant.label, *_judged(metric, variant)] for variant in variants]
        if self.test_metric in chosen.estimates:
            headers.append(f"{self.test_metric.replace('_', ' ')}{unit}, of the chosen one")
            for variant, row in zip(variants, rows, strict=True):
                is_chosen = variant.name == chosen.name
                row.append(_spread(self.test_metric, variant) if is_chosen else "")
        return headers, rows

    def legend(self) -> str:
        """What ± and the intervals of the table are."""
        of = "95 %" if not self.is_corrected else f"95 %, for differences {self._levels()}"
        told = f"± is the standard deviation over the seeds; intervals are Student's t, {of}."
        if any(_passes_its_limits(self.metric, variant) for variant in self.variants()):
            told += (
                f" Student's t knows no limits: an interval here reaches where no "
                f"{spell(self.metric)} can be, and is not cut off."
            )
        return told

    def _levels(self) -> str:
        """The confidence of the differences' intervals, corrected for their number."""
        gaps = [v.differences[self.metric] for v in self.variants() if self.metric in v.differences]
        least, most = (f"{100 * pick(g.confidence for g in gaps):.4g}" for pick in (min, max))
        return f"{least} %" if least == most else f"{least} to {most} %"

    def costs(self) -> tuple[list[str], list[list[str]]]:
        """Headers and rows of text, a row for each variant: size, epochs and seconds, as means
        over the seeds."""
        variants = self.variants()
        shown = [key for key in COSTS if any(key in v.estimates for v in variants)]
        rows = [[v.label, *(_mean(v, key) for key in shown)] for v in variants]
        return ["variant", *(COSTS[key] for key in shown)], rows

    def sentences(self) -> list[str]:
        """What the runs say, in words: of the differences, and of the choice."""
        return [*self.differences(), *self.correction(), *self.environments(), self.choice()]

    def environments(self) -> list[str]:
        """In what the runs' machines differ, where they do: their last bits may differ too."""
        told = []
        for name in dict.fromkeys(key for run in self.runs for key in run.environment):
            counts = Counter(run.environment.get(name, "unknown") for run in self._succeeded)
            if len(counts) > 1:
                runs = "; ".join(f"{counted(n, 'run')} with {what}" for what, n in counts.items())
                told.append(
                    f"The runs differ in {name}, so their last bits may differ too: {runs}."
                )
        return told

    @property
    def _succeeded(self) -> list[RunResult]:
        return [run for run in self.runs if run.error is None]

    @property
    def is_corrected(self) -> bool:
        """True if several differences are judged together, so that intervals are wider."""
        return self._judged > 1

    @property
    def _judged(self) -> int:
        """How many variants are compared with the first one."""
        return sum(self.metric in variant.differences for variant in self.variants())

    def correction(self) -> list[str]:
        """How the differences were corrected for their number, where there are several."""
        if not self.is_corrected:
            return []
        return [
            f"The {self._judged} differences are corrected for their number by Holm's method: if "
            "nothing differs, the chance that any of them is called better or worse is 5 % in all, "
            "not 5 % for each."
        ]

    def differences(self) -> list[str]:
        """For each variant but the first, whether the runs tell it apart."""
        metric, (first, *others) = self.metric, self.variants()
        return [compare_in_words(metric, first, other) for other in others]

    def choice(self) -> str:
        """Which variant is chosen, by what, and its test."""
        metric, chosen = self.metric, self.chosen
        by = metric.replace("_", " ")
        value = format_number(metric, chosen.estimates[metric].mean)
        if not metric.startswith(VALIDATION):
            return (
                f"The best {by} is that of {chosen.name}, {value}, on what it was trained on: "
                "nothing was held out to choose by (--validation)."
            )
        choice = f"Chosen by its {by}, {value}: {chosen.name}."
        test = chosen.estimates.get(self.test_metric)
        if test is None:
            return (
                f"{choice} The figure of the best of several is somewhat too good; there is no "
                "test part to say by how much (--test)."
            )
        name, seeds = self.test_metric.replace("_", " "), counted(test.count, "seed")
        tested = [v.name for v in self.variants() if self.test_metric in v.estimates]
        others = " and ".join(other for other in tested if other != chosen.name)
        alone = f"and for {others}, chosen with fewer seeds" if others else "alone"
        return (
            f"{choice} Its {name}, measured for this variant {alone}: "
            f"{_spread(self.test_metric, chosen)}{' %' * is_share(metric)} ({seeds})."
        )

    def _repr_html_(self) -> str:
        return html_table(*self.judgement(), [self.legend(), *self.sentences()])

    def to_csv(self) -> str:
        """A line for each run, with what a repetition gives again."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        columns = self._columns()
        writer.writerow(["variant", "seed", *map(for_csv, columns), "error"])
        for run in self.runs:
            cells = [repr(run.numbers[c]) if c in run.numbers else "" for c in columns]
            writer.writerow([for_csv(run.variant), run.seed, *cells, for_csv(run.error or "")])
        return text.getvalue()

    def write(self, out: Path) -> None:
        """Write `results.csv` and `results.json`."""
        all_failed = all(run.error is not None for run in self.runs)
        described = {
            "metric": None if all_failed else self.metric,
            "chosen": None if all_failed else self.chosen.name,
            "variants": [asdict(variant) for variant in self.variants()],
            "sentences": [] if all_failed else self.sentences(),
            "runs": [asdict(run) for run in self.runs],
        }
        with whole_file(out / CSV) as file:
            file.write(self.to_csv().encode())
        write_json(out / JSON, described)

    def _columns(self) -> list[str]:
        return list(dict.fromkeys(name for run in self.runs for name in run.numbers))

    def _time_columns(self) -> list[str]:
        return list(dict.fromkeys(name for run in self.runs for name in run.seconds))


def judged_together(variants: Sequence[VariantResult]) -> list[VariantResult]:
    """The same, with the differences of each number corrected for how many there are."""
    names = dict.fromkeys(name for variant in variants for name in variant.differences)
    together: dict[str, dict[str, Difference]] = {variant.name: {} for variant in variants}
    for name in names:
        having = [variant for variant in variants if name in variant.differences]
        gaps = corrected([variant.differences[name] for variant in having])
        for variant, gap in zip(having, gaps, strict=True):
            together[variant.name][name] = gap
    return [replace(variant, differences=together[variant.name]) for variant in variants]


def _judged(metric: str, variant: VariantResult) -> list[str]:
    """Mean and standard deviation, interval, difference from the first variant, effect size."""
    value, gap = variant.estimates.get(metric), variant.differences.get(metric)
    cells = ["", "", "", "", ""]
    if value is not None:
        cells[0] = _spread(metric, variant)
        cells[1] = _interval(metric, value)
    if gap is not None:
        cells[2] = _plain(metric, gap.mean)
        cells[3] = _interval(metric, gap)
        cells[4] = f"{gap.effect:.1f}" if gap.is_bounded else "unknown"
    return cells


def _passes_its_limits(metric: str, variant: VariantResult) -> bool:
    """True if the interval for the mean reaches where the number cannot be. A loss may be any."""
    value = variant.estimates.get(metric)
    if value is None or not value.is_bounded:
        return False
    least = -math.inf if metric.endswith(("loss", "r2")) else 0.0
    most = 1.0 if is_better_larger(metric) else math.inf
    return value.low < least or value.high > most


def _spread(metric: str, variant: VariantResult) -> str:
    """The mean over the seeds, and the standard deviation where there are several."""
    value = variant.estimates[metric]
    spread = f" ± {_plain(metric, value.std)}" if value.count > 1 else ""
    return f"{_plain(metric, value.mean)}{spread}"


def _interval(metric: str, about: Interval) -> str:
    """Its two ends, where it has any."""
    if not about.is_bounded:
        return "unknown"
    return f"{_plain(metric, about.low)} to {_plain(metric, about.high)}"


def _plain(metric: str, value: float) -> str:
    """A number without its unit, which stands in the header."""
    return format_number(metric, value).removesuffix(" %")


def _mean(variant: VariantResult, key: str) -> str:
    if key not in variant.estimates:
        return ""
    mean, count = variant.estimates[key].mean, variant.estimates[key].count
    if "seconds" in key:
        text = format_seconds(mean)
    else:
        text = f"{mean:,.0f}" if mean >= 1000 else f"{mean:.4g}"
    return text if count == variant.finished else f"{text} ({count} of {variant.finished} runs)"


def collect(
    places: Sequence[tuple[str, int, Path]],
    errors: dict[tuple[str, int], str],
    target: float | None,
) -> Results:
    """Read the run folders of (variant, seed, folder)."""
    return Results(
        [
            RunResult(variant, seed, {}, {}, errors[variant, seed])
            if (variant, seed) in errors
            else read_result(variant, seed, folder, target)
            for variant, seed, folder in places
        ]
    )


def read_results(out: Path) -> Results:
    """The results of a finished comparison, from its `results.json`.

    Raises:
        RunFolderError: the comparison is not finished, or the file is damaged.
    """
    path = out / JSON
    if not path.is_file():
        raise RunFolderError(
            f"{out} is a comparison that is not finished: {JSON} is missing; "
            f"`chainrule compare {out / 'comparison.toml'} --out {out}` continues it"
        )
    runs = read_json(path, StoredResults, RunFolderError).runs
    if not runs:
        raise RunFolderError(f"{path} is damaged: it has no runs")
    return Results(runs)


def read_result(variant: str, seed: int, folder: Path, target: float | None) -> RunResult:
    """What a finished run's folder says. Raises RunFolderError where it is damaged."""
    summary = read_json(folder / SUMMARY, RunSummary, RunFolderError)
    records = list(read_history(folder))
    kept = summary.kept_epoch or records[-1]
    numbers = {name: value for name, value in kept.items() if name not in BOOKKEEPING}
    numbers |= {f"{TEST}{name}": value for name, value in (summary.test or {}).items()}
    numbers |= {"epochs": summary.epochs, "parameters": summary.parameters}
    seconds = {"train_seconds": summary.seconds}
    if summary.predict_seconds is not None:
        seconds["predict_seconds"] = summary.predict_seconds
    reached = first_at_target(records, target)
    if reached is not None:
        numbers["epochs_to_target"] = reached
        seconds["seconds_to_target"] = sum(r["seconds"] for r in records[:reached])
    environment = dict(summary.versions)
    if summary.processor is not None:
        environment["processor"] = summary.processor
    return RunResult(variant, seed, numbers, seconds, environment=environment)


def first_at_target(records: Sequence[dict[str, Any]], target: float | None) -> int | None:
    """The first epoch at which the watched metric is as good as `target`; None if it never is.

    Watched is the first metric, or else the loss, in validation, or else in training.
    """
    if target is None:
        return None
    names = [name for name in records[0] if name not in BOOKKEEPING]
    names = [name for name in names if name.startswith("validation_")] or names
    watched = next((name for name in names if not name.endswith("loss")), names[0])
    for number, record in enumerate(records, start=1):
        value = record[watched]
        if value >= target if is_better_larger(watched) else value <= target:
            return number
    return None


def compare_in_words(metric: str, first: VariantResult, other: VariantResult) -> str:
    """One plain sentence on whether `other` differs from `first`."""
    label = metric.replace("_", " ")
    if metric not in other.differences:
        return f"{other.name}: no run to compare with {first.name}."
    gap = other.differences[metric]
    unit = " points" if is_share(metric) else ""  # a difference of percentages is in points
    details = [counted(gap.count, "seed")]
    if gap.is_bounded:
        of = "95 % interval" if gap.confidence == CONFIDENCE else "interval"
        interval = f"{of} {_interval(metric, gap)}{unit}"
        details = [interval, f"effect size {gap.effect:.1f}", *details]
    direction = "higher than" if gap.mean > 0 else "lower than"
    how = f"{_plain(metric, abs(gap.mean))}{unit} {direction}" if gap.mean else "equal to that of"
    judged = "better" if (gap.mean > 0) == is_better_larger(metric) else "worse"
    return (
        f"{other.name}: {label} {how} {first.name} ({', '.join(details)}): {gap.doubt or judged}."
    )
