"""From a file to predictions with one `train` and one `predict`, at the accuracy of scikit-learn's
MLP in a pipeline made by hand: the benchmark of docs/data.md with three seeds."""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.append(str(Path(__file__).parents[1] / "benchmarks"))
from sweep import some_long

import end_to_end

SETS = ["iris", "wine", "titanic-like", "digits", "photos", "housing-like (R²)"]


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> dict[str, end_to_end.Case]:
    return end_to_end.cases(tmp_path_factory.mktemp("photos"))


def test_these_are_the_sets_of_the_benchmark(cases: dict[str, end_to_end.Case]) -> None:
    assert list(cases) == SETS


SHORT = ("iris", "titanic-like")  # numbers, and all that a table may hold


@pytest.mark.parametrize("name", some_long(SETS, lambda name: name not in SHORT))
def test_as_accurate_as_a_pipeline_made_by_hand(
    cases: dict[str, end_to_end.Case], name: str
) -> None:
    mine, theirs = end_to_end.both(cases[name], range(3))
    assert np.mean(mine) > np.mean(theirs) - 0.02, (mine, theirs)
