"""Estimators beside scikit-learn's own: accuracy on held-out data, same splits, ten seeds.

    python benchmarks/estimators.py

Prints the table of docs/exchange.md. Both have their default settings but for `max_iter`.
Inputs and numeric targets are standardized; a third of each set is held out.
"""

from __future__ import annotations

import warnings

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import chainrule as cr

CLASSES = {
    "iris": load_iris,
    "wine": load_wine,
    "breast cancer": load_breast_cancer,
    "digits": load_digits,
}
NUMBERS = {"diabetes (R²)": load_diabetes}
SEEDS = range(10)
MAX_ITER = 500


def scores(kind: type[BaseEstimator], X: np.ndarray, y: np.ndarray, classes: bool) -> np.ndarray:
    """The score on the held-out part for each seed."""
    found = []
    for seed in SEEDS:
        X_train, X_test, y_train, y_test = train_test_split(
            X, y, test_size=1 / 3, stratify=y if classes else None, random_state=seed
        )
        model = make_pipeline(StandardScaler(), kind(max_iter=MAX_ITER, random_state=seed))
        if not classes:
            model = TransformedTargetRegressor(model, transformer=StandardScaler())
        found.append(model.fit(X_train, y_train).score(X_test, y_test))
    return np.array(found)


def main() -> None:
    warnings.simplefilter("ignore", ConvergenceWarning)
    print("| test part of | chainrule | scikit-learn | chainrule better, equal, worse |")
    print("| --- | --- | --- | --- |")
    for sets, ours, theirs in (
        (CLASSES, cr.sklearn.NetworkClassifier, MLPClassifier),
        (NUMBERS, cr.sklearn.NetworkRegressor, MLPRegressor),
    ):
        for name, load in sets.items():
            X, y = load(return_X_y=True)
            mine, other = (scores(kind, X, y, sets is CLASSES) for kind in (ours, theirs))
            counts = [int((np.sign(mine - other) == sign).sum()) for sign in (1, 0, -1)]
            cells = [f"{s.mean():.3f} ± {s.std(ddof=1):.3f}" for s in (mine, other)]
            print(f"| {name} | {cells[0]} | {cells[1]} | {', '.join(map(str, counts))} |")


if __name__ == "__main__":
    main()
