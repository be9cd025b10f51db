"""From a file to predictions with one `chainrule train` and one `chainrule predict`, beside
scikit-learn's MLP in a pipeline made for each set by hand: same splits, ten seeds.

    python benchmarks/end_to_end.py

Prints the table of docs/data.md: means and 95 % intervals of the accuracy, or of R², on the third
of the examples that is held out. Both have their default settings; no set is downloaded.
"""

from __future__ import annotations

import sys
import tempfile
import warnings
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from PIL import Image, ImageDraw, ImageOps
from scipy.stats import t as student
from sklearn.compose import TransformedTargetRegressor, make_column_transformer
from sklearn.datasets import load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.impute import SimpleImputer
from sklearn.metrics import accuracy_score, r2_score
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from chainrule.cli import main as chainrule

SEEDS = range(10)
SIDE = 24  # of the photos, for both: width and height in pixels


def iris() -> pd.DataFrame:
    """Four numbers, three species in words."""
    return with_words(load_iris(as_frame=True))


def wine() -> pd.DataFrame:
    """Thirteen numbers of very different sizes, three growers in words."""
    return with_words(load_wine(as_frame=True))


def with_words(bunch: Any) -> pd.DataFrame:
    """One of scikit-learn's sets, its classes called by their names."""
    return bunch.frame.assign(target=bunch.target_names[bunch.target])


def titanic() -> pd.DataFrame:
    """Like the passengers of the Titanic: ids, names, words and numbers, many of them missing."""
    rng, count = np.random.default_rng(1912), 891
    level = rng.choice([1, 2, 3], count, p=[0.24, 0.21, 0.55])
    sex = rng.choice(["male", "female"], count, p=[0.65, 0.35])
    age = np.clip(rng.normal(38 - 4 * level, 13, count), 0.5, 80).round(1)
    relatives = rng.poisson(0.8, count)
    fare = np.exp(rng.normal(5 - 0.9 * level, 0.6, count)).round(2)
    port = rng.choice(["S", "C", "Q"], count, p=[0.7, 0.2, 0.1])
    score = 2.6 * (sex == "female") - 1.0 * (level - 2) - 0.03 * (age - 30) - 1.4
    score += 1.5 * (age < 10) - 0.5 * (relatives > 3)
    survived = rng.random(count) < 1 / (1 + np.exp(-2 * score))
    return pd.DataFrame(
        {
            "PassengerId": np.arange(1, count + 1),
            "Survived": survived.astype(int),
            "Pclass": level,
            "Name": [f"Passenger, no. {number}" for number in range(count)],
            "Sex": sex,
            "Age": np.where(rng.random(count) < 0.2, np.nan, age),
            "Relatives": relatives,
            "Fare": fare,
            "Embarked": np.where(rng.random(count) < 0.01, None, port),
        }
    )


def digits() -> pd.DataFrame:
    """Images of 8x8 pixels from 0 to 16, a row each."""
    return load_digits(as_frame=True).frame.astype(int)


def housing() -> pd.DataFrame:
    """Like the districts of California: the price follows from a formula, with noise."""
    rng, count = np.random.default_rng(1990), 3_000
    income = rng.lognormal(1.2, 0.45, count)
    age, rooms = rng.integers(1, 53, count), rng.lognormal(1.65, 0.25, count)
    population, people = rng.lognormal(7, 0.7, count), rng.lognormal(1.05, 0.25, count)
    latitude, longitude = rng.uniform(32.5, 42, count), rng.uniform(-124, -114, count)
    coast = np.abs(longitude + 119 + 0.8 * (latitude - 37))
    value = 0.45 * income + 1.6 * np.exp(-coast / 1.5) + 0.006 * age + 0.1 * rooms - 0.25 * people
    price = 100_000 * np.clip(value + rng.normal(0, 0.35, count) + 0.5, 0.15, 5)
    return pd.DataFrame(
        {
            "MedInc": income,
            "HouseAge": age,
            "AveRooms": rooms,
            "Population": population.round(),
            "AveOccup": people,
            "Latitude": latitude,
            "Longitude": longitude,
            "MedHouseVal": price.round(),
        }
    )


def draw_photos(folder: Path) -> pd.DataFrame:
    """Discs, boxes and crosses of any colour on noisy grounds, in pictures of several sizes and
    formats: a folder for each kind, and their paths in a table."""
    rng, rows = np.random.default_rng(24), []
    for number in range(600):
        kind = ("disc", "box", "cross")[number % 3]
        width, height = rng.integers(40, 90, 2).tolist()
        ground = rng.integers(60, 190, 3) + rng.integers(-25, 26, (height, width, 3))
        picture = Image.fromarray(ground.astype(np.uint8))
        ink = tuple(((ground.mean(axis=(0, 1)) + rng.integers(70, 180, 3)) % 256).astype(int))
        radius = float(rng.uniform(0.2, 0.35)) * min(width, height)
        x, y = width / 2 + rng.uniform(-4, 4), height / 2 + rng.uniform(-4, 4)
        box = (x - radius, y - radius, x + radius, y + radius)
        pen = ImageDraw.Draw(picture)
        if kind == "disc":
            pen.ellipse(box, ink)
        elif kind == "box":
            pen.rectangle(box, ink)
        else:
            pen.line((x - radius, y, x + radius, y), ink, width=round(radius / 2))
            pen.line((x, y - radius, x, y + radius), ink, width=round(radius / 2))
        path = folder / kind / f"{number:04d}.{('png', 'jpg')[number % 2]}"
        path.parent.mkdir(exist_ok=True, parents=True)
        picture.save(path)
        rows.append({"path": path, "kind": kind})
    return pd.DataFrame(rows)


@dataclass(frozen=True)
class Case:
    """A set, the column that is asked for, and the pipeline that someone would write for it."""

    frame: pd.DataFrame
    target: str
    pipeline: Callable[[int], Any]
    is_regression: bool = False

    def parts(self, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
        """What to train on, and what is held out."""
        classes = None if self.is_regression else self.frame[self.target]
        parts = train_test_split(self.frame, test_size=1 / 3, random_state=seed, stratify=classes)
        return parts[0], parts[1]

    def score(self, true: Iterable[Any], predicted: Iterable[Any]) -> float:
        """R², or the accuracy of classes as they are called in a file."""
        if self.is_regression:
            return float(r2_score(list(true), list(map(float, predicted))))
        return float(accuracy_score(list(map(str, true)), list(map(str, predicted))))


def scaled(seed: int) -> Any:
    """Numbers standardized, and a classifier."""
    return make_pipeline(StandardScaler(), MLPClassifier(random_state=seed))


def mixed(seed: int) -> Any:
    """For the passengers: missing values filled in, words encoded, ids and names left out."""
    numbers = ["Pclass", "Age", "Relatives", "Fare"]
    words = ["Sex", "Embarked"]
    prepared = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="median"), StandardScaler()), numbers),
        (make_pipeline(SimpleImputer(strategy="most_frequent"), OneHotEncoder()), words),
    )
    return make_pipeline(prepared, MLPClassifier(random_state=seed))


def regression(seed: int) -> Any:
    """Inputs and target standardized, and a regressor."""
    pipeline = make_pipeline(StandardScaler(), MLPRegressor(random_state=seed))
    return TransformedTargetRegressor(pipeline, transformer=StandardScaler())


class Photos:
    """Reads pictures by their paths, at one size, cropped as chainrule does, in [0, 1]."""

    def fit(self, X: Any, y: Any = None) -> Photos:
        return self

    def transform(self, X: pd.DataFrame) -> np.ndarray:
        return np.stack([self.read(path) for path in X["path"]])

    @staticmethod
    def read(path: Path) -> np.ndarray:
        with Image.open(path) as picture:
            return np.asarray(ImageOps.fit(picture, (SIDE, SIDE)), np.float32).ravel() / 255


def pictures(seed: int) -> Any:
    """Pictures made alike, standardized, and a classifier."""
    return make_pipeline(Photos(), StandardScaler(), MLPClassifier(random_state=seed))


def cases(folder: Path) -> dict[str, Case]:
    """All sets; pictures are drawn into the folder."""
    return {
        "iris": Case(iris(), "target", scaled),
        "wine": Case(wine(), "target", scaled),
        "titanic-like": Case(titanic(), "Survived", mixed),
        "digits": Case(digits(), "target", scaled),
        "photos": Case(draw_photos(folder / "all"), "kind", pictures),
        "housing-like (R²)": Case(housing(), "MedHouseVal", regression, is_regression=True),
    }


def with_commands(case: Case, seed: int, folder: Path, further: Sequence[Any] = ()) -> float:
    """The score of one `train`, with further options or none, and one `predict` on the files that a
    user would have."""
    train, test = case.parts(seed)
    options = ["--seed", seed, "--out", folder / "run", "--quiet", *further]
    if "path" in train:
        source, later = copy_pictures(train, folder / "train"), copy_pictures(test, folder / "test")
        options += ["--image-size", f"{SIDE}x{SIDE}"]
        test = test.sort_values("path", key=lambda paths: paths.map(lambda path: path.name))
    else:
        source, later = folder / "train.csv", folder / "test.csv"
        train.to_csv(source, index=False)
        test.drop(columns=case.target).to_csv(later, index=False)
        options += ["--label-column", case.target]
    run("train", source, *options)
    run("predict", folder / "run", later, "--out", folder / "predictions.csv")
    predictions = pd.read_csv(folder / "predictions.csv", dtype=str)
    if "path" in test:
        predictions = predictions.sort_values(predictions.columns[0])
    return case.score(test[case.target], predictions.iloc[:, 1])


def copy_pictures(rows: pd.DataFrame, folder: Path) -> Path:
    """A folder of pictures by their kinds for training, and without for predicting."""
    for path in rows["path"]:
        place = folder / path.parent.name if folder.name == "train" else folder
        place.mkdir(parents=True, exist_ok=True)
        (place / path.name).write_bytes(path.read_bytes())
    return folder


def run(*arguments: Any) -> None:
    """A command of chainrule, in this process."""
    before, sys.argv = sys.argv, ["chainrule", *map(str, arguments)]
    try:
        with redirect_stdout(StringIO()):
            chainrule()
    except SystemExit as ended:
        if ended.code:
            raise
    finally:
        sys.argv = before


def with_pipeline(case: Case, seed: int) -> float:
    """The score of scikit-learn's MLP."""
    train, test = case.parts(seed)
    inputs = [part.drop(columns=case.target) for part in (train, test)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = case.pipeline(seed).fit(inputs[0], train[case.target])
    return case.score(test[case.target], fitted.predict(inputs[1]))


def interval(scores: Sequence[float]) -> str:
    """The mean, and half the width of its 95 % interval."""
    spread = float(np.std(scores, ddof=1)) / np.sqrt(len(scores))
    return f"{np.mean(scores):.3f} ± {student.ppf(0.975, len(scores) - 1) * spread:.3f}"


def both(case: Case, seeds: Iterable[int]) -> tuple[list[float], list[float]]:
    """The scores of the commands and of the pipeline, for each seed."""
    mine, theirs = [], []
    for seed in seeds:
        with tempfile.TemporaryDirectory() as folder:
            mine.append(with_commands(case, seed, Path(folder)))
        theirs.append(with_pipeline(case, seed))
    return mine, theirs


def main() -> None:
    print("| a third of | chainrule | scikit-learn | chainrule minus scikit-learn |")
    print("| --- | --- | --- | --- |")
    with tempfile.TemporaryDirectory() as folder:
        for name, case in cases(Path(folder)).items():
            mine, theirs = both(case, SEEDS)
            differences = [one - other for one, other in zip(mine, theirs, strict=True)]
            cells = [name, *map(interval, (mine, theirs, differences))]
            print(f"| {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
