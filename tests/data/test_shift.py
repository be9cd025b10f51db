"""Tables unlike those of training: what is warned of, and that chance alone is not."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from chainrule.data.preparation import Preparation
from chainrule.data.tables.columns import SHARES, learn_column, learn_numbers
from chainrule.data.tables.shift import shifted
from chainrule.data.tables.table import Table
from chainrule.datasets import load, load_inputs
from chainrule.layers import Dense
from chainrule.network import Network
from chainrule.types import Array

SIZES = ((20, 5), (30, 1), (100, 3), (100, 100), (150, 40), (1000, 50), (60, 3000), (900, 900))


def of_every_kind(rng: np.random.Generator, count: int) -> dict[str, Array]:
    """Columns whose samples differ as much as samples do: with heavy tails, rare values, two
    humps, few or many values, gaps."""
    words = np.array([f"w{i}" for i in range(60)], dtype=object)
    normal, often, seldom = rng.normal(size=count), rng.random(count), rng.random(count)
    return {
        "normal": normal,
        "heavy": rng.standard_cauchy(count),
        "skewed": rng.lognormal(0, 3, count),
        "rare": (rng.random(count) < 0.01).astype(float),
        "coin": (rng.random(count) < 0.5).astype(float),
        "humps": rng.choice([-4.0, 4.0], count) + normal / 10,
        "counts": rng.poisson(0.3, count).astype(float),
        "constant": np.ones(count),
        "gaps": np.where(often < 0.5, normal, np.nan),
        "few gaps": np.where(seldom < 0.02, np.nan, normal),
        "words": words[np.minimum(rng.zipf(1.7, count) - 1, 59)],
        "two words": words[rng.integers(2, size=count)],
        "words with gaps": np.where(often < 0.3, None, words[rng.integers(5, size=count)]),
    }


def warnings_of(whole: dict[str, Array], known: Array, later: Array) -> list[str]:
    """What is warned of in some rows of a table where others were those of training."""
    table = Table("table", tuple(whole), True, list(whole.values()))
    learnt = [(at, learn_column(table, at, known, False)) for at in range(len(whole))]
    kept = [(at, column) for at, column in learnt if not isinstance(column, str)]
    cells = [table.column(at)[later] for at, _ in kept]
    return shifted([column for _, column in kept], len(known), cells)


@pytest.mark.parametrize(("known", "later"), SIZES)
def test_random_splits_are_never_warned_of(known: int, later: int) -> None:
    for seed in range(100):
        rng = np.random.default_rng([seed, known, later])
        order = rng.permutation(known + later)
        assert warnings_of(of_every_kind(rng, known + later), order[:known], order[known:]) == []


@pytest.mark.parametrize("count", range(1, 12))
def test_quartiles_and_median_are_numpys(count: int) -> None:
    values = np.random.default_rng(count).integers(0, 9, (count, 3)).astype(float)
    found = learn_numbers(["a", "b", "c"], values)
    quartiles = np.quantile(values, SHARES, axis=0, method="inverted_cdf")
    assert [column.quartiles for column in found] == list(map(tuple, quartiles.T.tolist()))
    assert [column.median for column in found] == np.median(values, axis=0).tolist()


@pytest.fixture
def training(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    path = tmp_path / "train.csv"
    path.write_text("height,weight,town,label\n" + people(rng, 300))
    return path


def people(rng: np.random.Generator, count: int, **changed: str) -> str:
    """Lines of a table, in which some columns are as told: what stands there, or how many times as
    much."""
    heights, weights = rng.normal(170, 9, count), rng.normal(70, 9, count)
    lines = []
    for height, weight in zip(heights, weights, strict=True):
        town = changed.get("town", rng.choice(["Ulm", "Bonn"]))
        cell = changed.get("weight", f"{weight:.1f}")
        height = height * float(changed.get("height", 1)) + float(changed.get("taller", 0))
        lines.append(f"{height:.2f},{cell},{town},{rng.integers(2)}\n")
    return "".join(lines)


@pytest.mark.parametrize(
    ("count", "changed", "told"),
    [
        (4, {"height": "0.01"}, r"`height` \(1.\d+ to 1.\d+, in training 14\d.* to 19.*\);"),
        (100, {"taller": "12"}, r"`height` \(mean 18\d.*, in training 1(69|70).*\);"),
        (40, {"weight": ""}, r"`weight` \(100% missing, in training 0%\);"),
        (9, {"town": "Köln"}, r"`town` \(9 of 9 in categories that training did not have\);"),
        (50, {"height": "9", "town": "X"}, r"`height` \(1.* to 1.*\), `town` \(50 of 50 in"),
    ],
)
def test_columns_far_from_training_are_named_in_one_line(
    training: Path, count: int, changed: dict[str, str], told: str
) -> None:
    later = training.with_name("later.csv")
    lines = people(np.random.default_rng(1), count, **changed)
    later.write_text("height,weight,town,label\n" + lines)
    notes = load_inputs(later, load(training).preparation).notes
    (warning,) = [note for note in notes if note.startswith("warning: far from the training data")]
    assert re.search(told, warning), warning
    assert "\n" not in warning


def test_the_training_table_itself_and_more_of_its_kind_are_not(training: Path) -> None:
    preparation = load(training).preparation
    assert load_inputs(training, preparation).notes == ()
    later = training.with_name("later.csv")
    for count in (1, 2, 5, 20, 300):
        later.write_text("height,weight,town,label\n" + people(np.random.default_rng(2), count))
        assert load_inputs(later, preparation).notes == ()


def test_models_of_earlier_versions_compare_nothing(training: Path) -> None:
    stored = load(training).preparation.as_plain()
    del stored["layout"]["rows"]
    for column in stored["layout"]["columns"]:
        column.pop("quartiles", None)
        del column["missing"]
    earlier = Preparation.from_plain(stored)
    later = training.with_name("later.csv")
    later.write_text("height,weight,town\n" + "9,9,Ulm\n" * 50)
    assert load_inputs(later, earlier).notes == ()


def test_a_frame_given_to_a_network_is_compared_as_well(
    training: Path, caplog: pytest.LogCaptureFixture
) -> None:
    dataset = load(training)
    network = Network([Dense(2)], dataset.input_shape, engine="numpy")
    network.preparation = dataset.preparation
    frame = pd.read_csv(training).drop(columns="label")
    network.predict(frame)
    assert caplog.text == ""
    network.predict(frame.assign(height=frame.height / 100))
    assert "far from the training data, by more than chance: `height` (1.4" in caplog.text
