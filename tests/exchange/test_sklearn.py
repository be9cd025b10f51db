"""Networks as estimators of scikit-learn: its own checks, and what its users do with them."""

from __future__ import annotations

import copy
import pickle
import sys
from importlib import import_module
from typing import Any

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits, load_iris, load_wine
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import GridSearchCV, cross_val_score, train_test_split
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils.estimator_checks import parametrize_with_checks
from skops.io import dumps, get_untrusted_types, loads

import chainrule as cr
from chainrule.errors import ArgumentError, MissingPackageError, UnknownNameError
from chainrule.sklearn import NetworkClassifier, NetworkRegressor

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

SETS = {"iris": load_iris, "wine": load_wine, "breast cancer": load_breast_cancer}


@parametrize_with_checks([NetworkClassifier(), NetworkRegressor()])
def test_the_checks_of_scikit_learn(estimator: Any, check: Any) -> None:
    check(estimator)


@pytest.fixture(scope="module")
def iris() -> tuple[np.ndarray, np.ndarray]:
    X, y = load_iris(return_X_y=True)
    return StandardScaler().fit_transform(X), y


def weights(estimator: Any) -> np.ndarray:
    return estimator.network_.parameters.flat


# --- as good as scikit-learn's own ------------------------------------------------------------


def mean_scores(kinds: tuple[type, type], X: np.ndarray, y: np.ndarray, **more: Any) -> list[float]:
    """What both score on the same held-out parts, with the same arguments, on average."""
    means = []
    for kind in kinds:
        scores = []
        for seed in range(3):
            parts = train_test_split(X, y, test_size=0.3, random_state=seed, **more)
            model = make_pipeline(StandardScaler(), kind(max_iter=300, random_state=seed))
            scores.append(model.fit(parts[0], parts[2]).score(parts[1], parts[3]))
        means.append(float(np.mean(scores)))
    return means


@pytest.mark.parametrize("name", SETS)
def test_as_accurate_as_mlp_classifier(name: str) -> None:
    X, y = SETS[name](return_X_y=True)
    ours, theirs = mean_scores((NetworkClassifier, MLPClassifier), X, y, stratify=y)
    assert ours >= theirs - 0.01


def test_as_good_as_mlp_regressor() -> None:
    X, y = load_diabetes(return_X_y=True)
    y = (y - y.mean()) / y.std()
    ours, theirs = mean_scores((NetworkRegressor, MLPRegressor), X, y)
    assert ours >= theirs - 0.02


# --- labels and weights -----------------------------------------------------------------------


def test_labels_are_words(iris: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = iris
    names = np.array(["setosa", "versicolor", "virginica"])
    by_number = NetworkClassifier(max_iter=50, random_state=0).fit(X, y)
    by_name = NetworkClassifier(max_iter=50, random_state=0).fit(X, names[y])
    assert by_name.classes_.tolist() == names.tolist()
    np.testing.assert_array_equal(by_name.predict(X), names[by_number.predict(X)])
    np.testing.assert_array_equal(by_name.predict_proba(X), by_number.predict_proba(X))


def test_class_weights_are_weights_of_their_examples(iris: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = iris
    by_class = NetworkClassifier(max_iter=20, random_state=0, class_weight={0: 1, 1: 5, 2: 1})
    by_example = NetworkClassifier(max_iter=20, random_state=0)
    by_class.fit(X, y)
    by_example.fit(X, y, sample_weight=np.where(y == 1, 5.0, 1.0))
    np.testing.assert_array_equal(weights(by_class), weights(by_example))


def test_balanced_classes_find_the_rare_one() -> None:
    rng = np.random.default_rng(0)
    X = np.concatenate([rng.normal(0, 1, (190, 1)), rng.normal(1.5, 1, (10, 1))])
    y = np.repeat([0, 1], [190, 10])
    plain = NetworkClassifier(random_state=0).fit(X, y)
    balanced = NetworkClassifier(random_state=0, class_weight="balanced").fit(X, y)
    assert (balanced.predict(X)[y == 1] == 1).mean() > (plain.predict(X)[y == 1] == 1).mean()


def test_several_labels_for_an_example() -> None:
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = np.column_stack([X[:, 0] > 0, X[:, 1] > 0]).astype(int)
    classifier = NetworkClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
    assert (classifier.predict(X) == y).mean() > 0.97
    assert classifier.predict_proba(X).shape == (300, 2)


def test_several_targets_of_a_regression() -> None:
    X = np.random.default_rng(0).normal(size=(300, 2))
    y = X @ np.array([[1.0, 2.0, 0.0], [0.0, 1.0, -1.0]])
    regressor = NetworkRegressor(learning_rate_init=0.01, random_state=0).fit(X, y)
    assert regressor.predict(X).shape == (300, 3)
    assert regressor.score(X, y) > 0.99


# --- going on ---------------------------------------------------------------------------------


def test_partial_fits_are_the_epochs_of_a_fit(iris: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = iris
    whole = NetworkClassifier(max_iter=4, random_state=0).fit(X, y)
    parts = NetworkClassifier(random_state=0)
    for _ in range(4):
        parts.partial_fit(X, y, classes=[0, 1, 2])
        assert parts.n_iter_ == 1
    np.testing.assert_array_equal(weights(whole), weights(parts))
    assert parts.loss_curve_ == whole.loss_curve_


def test_partial_fits_see_classes_later(iris: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = iris
    classifier = NetworkClassifier(learning_rate_init=0.01, random_state=0)
    classifier.partial_fit(X[:100], y[:100], classes=[0, 1, 2])
    for _ in range(100):
        classifier.partial_fit(X, y)
    assert classifier.score(X, y) > 0.95


def test_a_warm_start_goes_on(iris: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = iris
    whole = NetworkClassifier(max_iter=7, random_state=0).fit(X, y)
    in_two = NetworkClassifier(max_iter=3, random_state=0, warm_start=True).fit(X, y)
    in_two.set_params(max_iter=4).fit(X, y)
    np.testing.assert_array_equal(weights(whole), weights(in_two))
    assert (in_two.n_iter_, len(in_two.loss_curve_)) == (4, 7)


def test_without_a_warm_start_training_begins_afresh(iris: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = iris
    once = NetworkClassifier(max_iter=5, random_state=0).fit(X, y)
    twice = NetworkClassifier(max_iter=5, random_state=0).fit(X, y).fit(X, y)
    np.testing.assert_array_equal(weights(once), weights(twice))


def test_training_ends_where_the_loss_falls_no_further(
    iris: tuple[np.ndarray, np.ndarray],
) -> None:
    X, y = iris
    classifier = NetworkClassifier(learning_rate_init=0.05, max_iter=2000, random_state=0)
    curve = classifier.fit(X, y).loss_curve_
    assert classifier.n_iter_ == len(curve) < 2000
    assert min(curve[:-11]) - min(curve[-11:]) < 11 * classifier.tol


@pytest.mark.filterwarnings("error")
def test_what_has_not_converged_is_said(iris: tuple[np.ndarray, np.ndarray]) -> None:
    with pytest.warns(ConvergenceWarning, match="after 2 epochs .max_iter."):
        NetworkClassifier(max_iter=2, random_state=0).fit(*iris)


def test_early_stopping_goes_back_to_the_best_epoch(iris: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = iris
    classifier = NetworkClassifier(
        learning_rate_init=0.02, early_stopping=True, validation_fraction=0.3, random_state=0
    ).fit(X, y)
    scores = classifier.validation_scores_
    assert len(scores) == classifier.n_iter_ < 200
    assert classifier.best_validation_score_ == max(scores)
    _, X_out, _, y_out = train_test_split(
        X, y, test_size=0.3, stratify=y, random_state=np.random.RandomState(0)
    )
    assert classifier.score(X_out, y_out) == max(scores)
    best = scores.index(max(scores)) + 1
    assert best < len(scores)
    until_then = clone(classifier).set_params(max_iter=best).fit(X, y)
    np.testing.assert_array_equal(weights(classifier), weights(until_then))


# --- within scikit-learn ----------------------------------------------------------------------


def test_a_grid_search_over_a_pipeline() -> None:
    X, y = load_wine(return_X_y=True)
    pipeline = make_pipeline(StandardScaler(), NetworkClassifier(max_iter=100, random_state=0))
    grid = {
        "networkclassifier__hidden_layer_sizes": [(), (20,)],
        "networkclassifier__solver": ["adam", cr.SGD(0.05, momentum=0.9)],
    }
    search = GridSearchCV(pipeline, grid, cv=3).fit(X, y)
    assert search.best_score_ > 0.9


def test_convolutions_in_the_place_of_hidden_layers() -> None:
    X, y = load_digits(return_X_y=True)
    layers = [cr.Reshape((8, 8, 1)), cr.Conv2D(8, 3), cr.ReLU(), cr.MaxPool2D(2), cr.Flatten()]
    classifier = NetworkClassifier(
        layers=layers, learning_rate_init=0.01, max_iter=10, random_state=0
    )
    assert cross_val_score(classifier, X / 16, y, cv=3).min() > 0.85
    classifier.fit(X / 16, y)
    assert not any(layer.is_built for layer in layers)  # an argument stays as it was given


def test_copies_and_pickles_stand_alone(iris: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = iris
    classifier = NetworkClassifier(max_iter=10, random_state=0, warm_start=True).fit(X, y)
    before = classifier.predict_proba(X)
    for twin in (copy.deepcopy(classifier), pickle.loads(pickle.dumps(classifier))):
        np.testing.assert_array_equal(twin.predict_proba(X), before)
        twin.fit(X, y)
        assert (twin.predict_proba(X) != before).any()
        np.testing.assert_array_equal(classifier.predict_proba(X), before)
    assert not hasattr(clone(classifier), "network_")


def test_the_network_is_one_of_chainrule(iris: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = iris
    classifier = NetworkClassifier(max_iter=5, random_state=0).fit(X, y)
    assert isinstance(classifier.network_, cr.Network)
    assert classifier.network_.evaluate(X, y)["loss"] < classifier.loss_curve_[0]


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_numbers_stay_as_precise_as_they_come(
    iris: tuple[np.ndarray, np.ndarray], dtype: str
) -> None:
    X, y = iris
    classifier = NetworkClassifier(max_iter=2, random_state=0).fit(X.astype(dtype), y)
    assert classifier.predict_proba(X.astype(dtype)).dtype == dtype


def test_the_optimizer_has_the_settings_of_the_arguments() -> None:
    of = {
        "sgd": cr.SGD(0.1, momentum=0.5, nesterov=True),
        "adam": cr.Adam(0.1, beta_1=0.8, beta_2=0.99, epsilon=1e-6),
        "lion": cr.Lion(0.1, beta_1=0.8, beta_2=0.99),
        "adam(0.3)": cr.Adam(0.3),
        cr.RMSprop(0.2): cr.RMSprop(0.2),
    }
    settings = {"momentum": 0.5, "beta_1": 0.8, "beta_2": 0.99, "epsilon": 1e-6}
    for solver, optimizer in of.items():
        estimator = NetworkClassifier(solver=solver, learning_rate_init=0.1, **settings)
        assert estimator._optimizer() == optimizer
    for solver, optimizer in {"adadelta": cr.Adadelta(), "Lion": cr.Lion()}.items():
        assert NetworkClassifier(solver=solver)._optimizer() == optimizer
    without_momentum = NetworkClassifier(solver="sgd", momentum=0.0)
    assert without_momentum._optimizer() == cr.SGD(0.001)


# --- what cannot be meant ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"solver": "lbfgs"}, "no optimizer is called 'lbfgs'"),
        ({"activation": "rellu"}, "did you mean 'relu'"),
        ({"learning_rate": "invscaling"}, "no schedule is called 'invscaling'"),
        ({"hidden_layer_sizes": (0,)}, "out_features is a whole number, 1 or more"),
        ({"batch_size": 0}, "batch_size is a whole number, 1 or more"),
        ({"max_iter": 0}, "epochs is a whole number, 1 or more"),
        ({"alpha": -1.0}, "a regularizer's rate is a number in"),
        ({"layers": [cr.Reshape((2, 2, 1))]}, r"put Flatten\(\) before it"),
    ],
)
def test_arguments_that_cannot_be(
    iris: tuple[np.ndarray, np.ndarray], arguments: dict[str, Any], message: str
) -> None:
    with pytest.raises((ArgumentError, UnknownNameError, cr.errors.ShapeError), match=message):
        NetworkClassifier(**arguments).fit(*iris)


def test_labels_that_cannot_be(iris: tuple[np.ndarray, np.ndarray]) -> None:
    X, y = iris
    with pytest.raises(ArgumentError, match=r"y has 1 class, .*: two or more are needed"):
        NetworkClassifier().fit(X, np.zeros(len(X)))
    with pytest.raises(ArgumentError, match="needs classes=…"):
        NetworkClassifier().partial_fit(X, y)
    with pytest.raises(ArgumentError, match="none of the classes of the first fit: 0, 1, 2"):
        NetworkClassifier().partial_fit(X, y, classes=[0, 1, 2]).partial_fit(X, y + 1)
    with pytest.raises(ArgumentError, match="set early_stopping=False"):
        NetworkClassifier(early_stopping=True).partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ArgumentError, match="give a dictionary of weights"):
        NetworkClassifier(class_weight="balanced").partial_fit(X, y, classes=[0, 1, 2])
    with pytest.raises(ArgumentError, match=r"that of the first fit was \(N, 2\)"):
        NetworkRegressor().partial_fit(X, X[:, :2]).partial_fit(X, X[:, 0])


def test_without_scikit_learn_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "chainrule.sklearn")
    monkeypatch.setitem(sys.modules, "sklearn.base", None)
    with pytest.raises(MissingPackageError, match=r"pip install 'chainrule\[sklearn\]'"):
        import_module("chainrule.sklearn")


def test_skops_loads_it_back(iris: tuple[np.ndarray, np.ndarray]) -> None:
    classifier = NetworkClassifier(max_iter=5, random_state=0).fit(*iris)
    stored = dumps(classifier)
    untrusted = get_untrusted_types(data=stored)
    assert all(name.startswith("chainrule.") or name == "numpy.dtype" for name in untrusted)
    loaded = loads(stored, trusted=untrusted)
    np.testing.assert_array_equal(loaded.predict_proba(iris[0]), classifier.predict_proba(iris[0]))
