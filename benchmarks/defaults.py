"""Which settings of `train` suit tables, tried on other sets and seeds than are reported.

    python benchmarks/defaults.py [SET …]

Prints, for each set and each candidate, the mean over ten seeds of R² or of the accuracy on the
third that is held out, and the difference from the settings as they are. The sets come with
scikit-learn or are drawn by it; none of them, and none of the seeds, is in the table of
docs/data.md, which is made once a choice has been made.

The rule, written down before anything was measured: for numbers and for classes, the candidate with
the largest mean gain over the sets becomes the default if that is above 0 and it is nowhere worse
by more than the 95 % interval of the difference; otherwise everything stays as it is.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
from sklearn import datasets

from end_to_end import Case, interval, regression, scaled, with_commands, with_pipeline

SEEDS = range(100, 110)
NUMBERS = {
    "as it is": [],
    "decay 0.1": ["--weight-decay", 0.1],
    "batches of 128 at 0.01": ["--batch-size", 128, "--learning-rate", 0.01],
    "tanh": ["--activation", "tanh"],
    "average": ["--average", "ema"],
    "decay 0.1, tanh": ["--weight-decay", 0.1, "--activation", "tanh"],
}
CLASSES = {name: NUMBERS[name] for name in ("as it is", "decay 0.1", "average", "tanh")}


def drawn(make: Callable[..., Any], is_regression: bool, **options: Any) -> Case:
    """A set that one of scikit-learn's functions draws, always with the same points."""
    x, y = make(random_state=2026, **options)
    frame = pd.DataFrame(x).add_prefix("x").assign(target=y)
    return Case(frame, "target", regression if is_regression else scaled, is_regression)


def cases() -> dict[str, Case]:
    """All sets."""
    return {
        "diabetes": Case(datasets.load_diabetes(as_frame=True).frame, "target", regression, True),
        "friedman1": drawn(datasets.make_friedman1, True, n_samples=1500, noise=1.0),
        "friedman2": drawn(datasets.make_friedman2, True, n_samples=1500, noise=100.0),
        "friedman3": drawn(datasets.make_friedman3, True, n_samples=1500, noise=0.1),
        "sparse": drawn(datasets.make_sparse_uncorrelated, True, n_samples=1500),
        "friedman1, large": drawn(datasets.make_friedman1, True, n_samples=6000, noise=1.0),
        "breast_cancer": Case(datasets.load_breast_cancer(as_frame=True).frame, "target", scaled),
        "clusters": drawn(
            datasets.make_classification, False, n_samples=1500, n_informative=8, n_classes=4
        ),
        "quantiles": drawn(datasets.make_gaussian_quantiles, False, n_samples=1500, n_features=6),
        "moons": drawn(datasets.make_moons, False, n_samples=600, noise=0.3),
    }


def scores(case: Case, options: list[Any]) -> list[float]:
    """What `train` with some options gives, for each seed."""
    found = []
    for seed in SEEDS:
        with tempfile.TemporaryDirectory() as folder:
            found.append(with_commands(case, seed, Path(folder), options))
    return found


def main() -> None:
    sets = cases()
    for name in sys.argv[1:] or sets:
        case = sets[name]
        candidates = NUMBERS if case.is_regression else CLASSES
        found = {label: scores(case, options) for label, options in candidates.items()}
        found["scikit-learn"] = [with_pipeline(case, seed) for seed in SEEDS]
        for label, ours in found.items():
            gained = [one - other for one, other in zip(ours, found["as it is"], strict=True)]
            print(f"| {name} | {label} | {interval(ours)} | {interval(gained)} |", flush=True)


if __name__ == "__main__":
    main()
