"""Networks as estimators of scikit-learn, for its pipelines, grid searches and cross-validation.

    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import StandardScaler

    make_pipeline(StandardScaler(), cr.sklearn.NetworkClassifier()).fit(X, y)

The arguments are those of MLPClassifier and MLPRegressor wherever they mean the same.
"""

from __future__ import annotations

import copy
import math
import warnings
from abc import abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import Any, ClassVar, Self

import numpy as np

from chainrule.arguments import integer
from chainrule.callbacks import Callback, Training
from chainrule.configurable import Description, build, is_known
from chainrule.data.preparation import Preparation
from chainrule.data.tables.target_scale import TargetScale
from chainrule.errors import ArgumentError, MissingPackageError
from chainrule.history import History
from chainrule.layers import ACTIVATIONS, Dense, Layer, Sigmoid
from chainrule.losses import LOSSES, BinaryCrossEntropy, Loss, SoftmaxCrossEntropy
from chainrule.network import Network
from chainrule.optimizers import OPTIMIZERS, SGD, Adam, Optimizer
from chainrule.presentation.display import counted
from chainrule.regularizers import L2
from chainrule.schedules import Schedule
from chainrule.types import Array

try:
    from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin, is_classifier
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.metrics import accuracy_score, r2_score
    from sklearn.model_selection import train_test_split
    from sklearn.utils import check_random_state, column_or_1d
    from sklearn.utils.class_weight import compute_sample_weight
    from sklearn.utils.multiclass import check_classification_targets, type_of_target, unique_labels
    from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data
except ModuleNotFoundError:
    raise MissingPackageError(
        "chainrule.sklearn needs scikit-learn: pip install 'chainrule[sklearn]'"
    ) from None

__all__ = ["NetworkClassifier", "NetworkRegressor"]

SETTINGS = {  # of optimizers, and the arguments that stand for them
    "learning_rate": "learning_rate_init",
    "momentum": "momentum",
    "nesterov": "nesterovs_momentum",
    "beta_1": "beta_1",
    "beta_2": "beta_2",
    "epsilon": "epsilon",
}
AUTO_BATCH = 200  # examples in a batch, as in MLPClassifier


@dataclass(eq=False, repr=False)
class NetworkEstimator(BaseEstimator):
    """What both estimators share: their arguments, and how they are trained.

    Args:
        hidden_layer_sizes: the outputs of each hidden Dense layer.
        activation: what follows each of them: a name such as "relu" or "tanh"; "logistic" is the
            sigmoid.
        layers: layers of chainrule in the place of both, such as convolutions. The last Dense layer
            is added to them.
        solver: the optimizer: "adam", "sgd", another name that chainrule knows, or an object such
            as `cr.AdamW(0.002)`, which is used as it is.
        alpha: the weight of the L2 penalty, alpha / 2 · Σ W² divided by the examples in a batch.
            It is put on all Dense layers; those in `layers` have their own regularizers.
        batch_size: examples in a step; "auto" is 200, or all where there are fewer.
        learning_rate: the schedule: "constant", or one of chainrule's, such as "cosine".
        learning_rate_init: the learning rate at the start. With a solver other than "adam" and
            "sgd", this and the other settings of optimizers count where they are not the defaults:
            it has its own.
        max_iter: the most epochs.
        random_state: where first weights, order of examples and held-out part come from.
        tol, n_iter_no_change: training ends when the loss, or with early stopping the held-out
            score, has got better by less than `tol` for more than so many epochs in a row.
        verbose: True if to show the epochs.
        warm_start: True if `fit` goes on from the weights that there are.
        momentum, nesterovs_momentum: of "sgd".
        early_stopping: True if to hold out `validation_fraction` of the examples, to judge each
            epoch by their score, and to go back to the best weights at the end.
        beta_1, beta_2, epsilon: of "adam" and its relatives.

    Attributes:
        network_: the `Network`, which can be saved, explained and exported.
        history_: its training, epoch by epoch.
        loss_curve_, loss_, best_loss_: the loss of each epoch, the last one and the lowest.
        validation_scores_, best_validation_score_: with early stopping, the same of the score.
        n_iter_: how many epochs the last call made.
    """

    hidden_layer_sizes: int | Sequence[int] = (100,)
    activation: str = "relu"
    layers: Sequence[Layer] | None = None
    solver: Optimizer | Description = "adam"
    alpha: float = 0.0001
    batch_size: int | str = "auto"
    learning_rate: Schedule | Description = "constant"
    learning_rate_init: float = 0.001
    max_iter: int = 200
    random_state: Any = None
    tol: float = 1e-4
    verbose: bool = False
    warm_start: bool = False
    momentum: float = 0.9
    nesterovs_momentum: bool = True
    early_stopping: bool = False
    validation_fraction: float = 0.1
    beta_1: float = 0.9
    beta_2: float = 0.999
    epsilon: float = 1e-8
    n_iter_no_change: int = 10

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on X ``(N, features)`` and y, each example counting as `sample_weight` says."""
        goes_on = self.warm_start and hasattr(self, "network_")
        X, y = self._validated(X, y, reset=not goes_on)
        weights = self._weights(y, sample_weight, X)
        if not goes_on:
            self._learn_targets(y)
        held_out = None
        if self.early_stopping:
            X, y, weights, held_out = self._hold_out(X, y, weights)
        if not goes_on:
            self._begin(X, y, weights)
        plateau = self._plateau(held_out)
        self._train(X, y, weights, self.max_iter, [plateau])
        if isinstance(plateau, ScorePlateau):
            self.validation_scores_ += plateau.scores
            self.best_validation_score_ = max(self.validation_scores_)
        if self.history_.stopped is None:
            warnings.warn(
                f"training has not converged after {counted(self.max_iter, 'epoch')} (max_iter)",
                ConvergenceWarning,
                stacklevel=2,
            )
        return self

    def _partial_fit(
        self, X: Any, y: Any, sample_weight: Any, first: Callable[[Any], None]
    ) -> Self:
        """One epoch on some examples; the first time, `first` learns the targets from them."""
        if self.early_stopping:
            raise ArgumentError("partial_fit holds nothing out: set early_stopping=False")
        is_first = not hasattr(self, "network_")
        X, y = self._validated(X, y, reset=is_first)
        weights = self._weights(y, sample_weight, X)
        if is_first:
            first(y)
            self._begin(X, y, weights)
        self._train(X, y, weights, 1, [])
        return self

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        """X and y as arrays, once they are known to fit together."""
        X, y = validate_data(
            self,
            X,
            y,
            dtype=(np.float64, np.float32),
            multi_output=True,
            y_numeric=not is_classifier(self),
            reset=reset,
        )
        return X, y

    def _weights(self, y: Array, sample_weight: Any, X: Array) -> Array | None:
        """How much each example counts; None where all count alike."""
        if sample_weight is None:
            return None
        return _check_sample_weight(sample_weight, X)

    def _hold_out(
        self, X: Array, y: Array, weights: Array | None
    ) -> tuple[Array, Array, Array | None, tuple[Array, Array, Array | None]]:
        """The examples to train on, and those held out."""
        parts = [X, y] if weights is None else [X, y, weights]
        X, X_out, y, y_out, *both = train_test_split(
            *parts,
            test_size=self.validation_fraction,
            random_state=check_random_state(self.random_state),
            stratify=y if is_classifier(self) and y.ndim == 1 else None,
        )
        if len(X_out) < 2:
            raise ArgumentError(
                f"validation_fraction={self.validation_fraction} holds out {len(X_out)} of "
                f"{counted(len(X_out) + len(X), 'example')}: two or more are needed to judge by"
            )
        weights, weights_out = both or (None, None)
        return X, y, weights, (X_out, y_out, weights_out)

    def _begin(self, X: Array, y: Array, weights: Array | None) -> None:
        """Make the network, with nothing learnt yet."""
        seed = int(check_random_state(self.random_state).randint(2**31 - 1))
        in_batch = self._examples_in_batch(X) * (1.0 if weights is None else float(weights.mean()))
        penalty = L2(self.alpha / in_batch) if self.alpha else None
        layers = [*self._hidden_layers(penalty), Dense(self._outputs(), regularizer=penalty)]
        self.network_ = Network(layers, X.shape[1], seed=seed, dtype=X.dtype)
        self.network_.preparation = self._preparation(y, weights)
        self.history_ = History()
        self.loss_curve_: list[float] = []
        self.validation_scores_: list[float] = []

    def _preparation(self, y: Array, weights: Array | None) -> Preparation | None:
        """What the network does to its targets, where it does anything."""
        return None

    def _hidden_layers(self, penalty: L2 | None) -> list[Layer]:
        if self.layers is not None:
            return copy.deepcopy(list(self.layers))
        known = {**ACTIVATIONS, "logistic": Sigmoid}
        return [
            layer
            for size in np.atleast_1d(self.hidden_layer_sizes)
            for layer in (
                Dense(size, regularizer=penalty),
                build(copy.deepcopy(self.activation), known, "activation"),
            )
        ]

    def _examples_in_batch(self, X: Array) -> int:
        size = AUTO_BATCH if self.batch_size == "auto" else integer(self.batch_size, "batch_size")
        return min(size, len(X))

    def _optimizer(self) -> Optimizer:
        if isinstance(self.solver, Optimizer):
            return self.solver
        optimizer = build(self.solver, OPTIMIZERS, "optimizer")
        is_name = isinstance(self.solver, str) and is_known(self.solver, OPTIMIZERS)
        if not is_name:  # settings of its own, as in "adam(0.01)"
            return optimizer
        arguments = {
            option: argument for option, argument in SETTINGS.items() if hasattr(optimizer, option)
        }
        if type(optimizer) not in (Adam, SGD):  # whose own defaults are not those of the arguments
            defaults = {field.name: field.default for field in fields(self)}
            arguments = {o: a for o, a in arguments.items() if getattr(self, a) != defaults[a]}
        settings = {option: getattr(self, argument) for option, argument in arguments.items()}
        if not settings.get("momentum", True):
            settings["nesterov"] = False  # it is of no use to a momentum of 0
        return type(optimizer)(**settings)

    def _plateau(self, held_out: tuple[Array, Array, Array | None] | None) -> LossPlateau:
        """What ends the training."""
        if held_out is None:
            return LossPlateau(self.tol, self.n_iter_no_change)
        X, y, weights = held_out

        def score() -> float:
            predictions = self._decode(self.network_.predict(X))
            return float(self._score(y, predictions, sample_weight=weights))

        return ScorePlateau(self.tol, self.n_iter_no_change, score)

    def _train(
        self,
        X: Array,
        y: Array,
        weights: Array | None,
        epochs: int,
        callbacks: list[Callback],
    ) -> None:
        before = len(self.history_)
        history = self.network_.fit(
            X,
            self._encode(y),
            loss=self._loss(),
            optimizer=self._optimizer(),
            schedule=self.learning_rate,
            epochs=epochs,
            batch_size=self._examples_in_batch(X),
            weights=weights,
            callbacks=callbacks,
            quiet=not self.verbose,
            warm_start=True,
        )
        # That of a copy, which has nothing of the optimizer's memory, begins afresh.
        losses = history["loss"][before if history is self.history_ else 0 :]
        self.history_, self.n_iter_ = history, len(losses)
        self.loss_curve_ += losses
        self.loss_, self.best_loss_ = self.loss_curve_[-1], min(self.loss_curve_)

    def predict(self, X: Any) -> Array:
        """What the network makes of X ``(N, features)``, in the terms of y."""
        return self._decode(self._network_outputs(X))

    def _network_outputs(self, X: Any) -> Array:
        check_is_fitted(self)
        X = validate_data(self, X, dtype=self.network_.dtype, reset=False)
        return self.network_.predict(X)

    _score: ClassVar[Callable[..., float]]

    @abstractmethod
    def _learn_targets(self, y: Array) -> None:
        """Note what is to be predicted: the classes, the number of outputs."""

    @abstractmethod
    def _outputs(self) -> int:
        """How many outputs the network has."""

    @abstractmethod
    def _loss(self) -> Loss | Description:
        """What training makes small."""

    @abstractmethod
    def _encode(self, y: Array) -> Array:
        """y as the loss takes it."""

    @abstractmethod
    def _decode(self, outputs: Array) -> Array:
        """The network's outputs in the terms of y."""


@dataclass(eq=False, repr=False)
class NetworkClassifier(ClassifierMixin, NetworkEstimator):
    """A network that tells classes apart, by softmax cross-entropy.

    y has a label for each example, of any kind; or a column of 0 and 1 for each of several labels,
    any of which may apply (binary cross-entropy).

    Args:
        class_weight: how much each class counts, by label, or "balanced": classes count alike,
            however many examples they have.
        others: as listed in `NetworkEstimator`.

    Attributes:
        classes_: the labels, in the order of the outputs.

    >>> from sklearn.datasets import load_iris
    >>> X, y = load_iris(return_X_y=True)
    >>> classifier = NetworkClassifier(learning_rate_init=0.01, random_state=0).fit(X, y)
    >>> bool(classifier.score(X, y) > 0.9)
    True
    """

    class_weight: dict[Any, float] | str | None = None

    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Train one epoch more, on these examples; the first call is given all classes that there
        will be."""
        if self.class_weight == "balanced":
            raise ArgumentError(
                'class_weight="balanced" counts the examples of each class, which partial_fit does '
                "not see all of: give a dictionary of weights"
            )

        def first(y: Array) -> None:
            if classes is None:
                raise ArgumentError("the first partial_fit needs classes=…, all that there will be")
            self._learn_targets(y if y.ndim == 2 else np.asarray(classes))

        return self._partial_fit(X, y, sample_weight, first)

    def predict_proba(self, X: Any) -> Array:
        """A probability for each class ``(N, classes)``, in the order of `classes_`; where several
        labels may apply, one for each label."""
        outputs = self._network_outputs(X)
        return self.network_.choose_loss(None).probabilities(outputs)

    def predict_log_proba(self, X: Any) -> Array:
        """The logarithms of `predict_proba`."""
        with np.errstate(divide="ignore"):
            return np.log(self.predict_proba(X))

    def _validated(self, X: Any, y: Any, reset: bool) -> tuple[Array, Array]:
        X, y = super()._validated(X, y, reset)
        check_classification_targets(y)
        if type_of_target(y) == "multiclass-multioutput":
            raise ArgumentError(
                f"y of shape {y.shape} has several columns, which stand for labels and hold 0 and "
                "1; these hold other numbers: train a classifier for each column"
            )
        return X, column_or_1d(y, warn=True) if y.ndim == 2 and y.shape[1] == 1 else y

    def _weights(self, y: Array, sample_weight: Any, X: Array) -> Array | None:
        weights = super()._weights(y, sample_weight, X)
        if self.class_weight is None:
            return weights
        of_classes = compute_sample_weight(self.class_weight, y)
        return of_classes if weights is None else of_classes * weights

    def _learn_targets(self, y: Array) -> None:
        self._has_several_labels = y.ndim == 2
        self.classes_ = np.arange(y.shape[1]) if self._has_several_labels else unique_labels(y)
        if len(self.classes_) < 2:
            raise ArgumentError(f"y has 1 class, {self.classes_[0]!r}: two or more are needed")

    def _outputs(self) -> int:
        return len(self.classes_)

    def _loss(self) -> Loss:
        return BinaryCrossEntropy() if self._has_several_labels else SoftmaxCrossEntropy()

    def _encode(self, y: Array) -> Array:
        if self._has_several_labels:
            return y
        unknown = np.setdiff1d(y, self.classes_)
        if len(unknown):
            raise ArgumentError(
                f"y has {unknown[0]!r}, which is none of the classes of the first fit: "
                f"{', '.join(map(repr, self.classes_.tolist()))}"
            )
        return np.searchsorted(self.classes_, y)

    def _decode(self, outputs: Array) -> Array:
        if self._has_several_labels:
            return (outputs > 0).astype(np.int64)
        return self.classes_[outputs.argmax(axis=1)]

    _score = staticmethod(accuracy_score)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


@dataclass(eq=False, repr=False)
class NetworkRegressor(RegressorMixin, NetworkEstimator):
    """A network that predicts numbers: one for each example, or several. It learns them
    standardized, with the mean of each and one standard deviation for all; predictions and losses
    are in the unit of y.

    Args:
        loss: what training makes small: "mean_squared_error", "mean_absolute_error", "huber", or
            an object. MLPRegressor has half the mean squared error, of y as it is; here `alpha`
            and `tol` count beside the error of the standardized y, whatever its unit.
        others: as listed in `NetworkEstimator`.

    >>> rng = np.random.default_rng(0)
    >>> X = rng.uniform(-1, 1, (200, 2))
    >>> regressor = NetworkRegressor(learning_rate_init=0.01, max_iter=500, random_state=0)
    >>> bool(regressor.fit(X, X[:, 0] * X[:, 1]).score(X, X[:, 0] * X[:, 1]) > 0.9)
    True
    """

    loss: Loss | Description = "mean_squared_error"

    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch more, on these examples."""
        return self._partial_fit(X, y, sample_weight, self._learn_targets)

    def _learn_targets(self, y: Array) -> None:
        self._target_shape = y.shape[1:]

    def _outputs(self) -> int:
        return math.prod(self._target_shape)

    def _loss(self) -> Loss | Description:
        return self.loss

    def _preparation(self, y: Array, weights: Array | None) -> Preparation | None:
        if build(self.loss, LOSSES, "loss").rescaled(1.0) is None:
            return None
        return Preparation(target_scale=TargetScale.learn(y, weights))

    def _encode(self, y: Array) -> Array:
        if y.shape[1:] != self._target_shape:
            raise ArgumentError(
                f"y has the shape {y.shape}, and that of the first fit was "
                f"(N{''.join(f', {size}' for size in self._target_shape)})"
            )
        return y.reshape(len(y), -1)

    def _decode(self, outputs: Array) -> Array:
        return outputs.reshape(len(outputs), *self._target_shape)

    _score = staticmethod(r2_score)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.multi_output = True
        return tags


class LossPlateau(Callback):
    """Ends training when the loss has fallen by less than `tol` for more than `patience` epochs in
    a row."""

    def __init__(self, tol: float, patience: int) -> None:
        self.tol, self.patience = tol, patience
        self.best, self.waited = math.inf, 0

    def epoch_ends(self, training: Training) -> None:
        cost = self.cost(training)
        self.waited = 0 if cost < self.best - self.tol else self.waited + 1
        self.best = min(self.best, cost)
        if self.waited > self.patience:
            training.stop(f"no improvement by {self.tol} for {counted(self.patience, 'epoch')}")

    def cost(self, training: Training) -> float:
        """What should fall; of standardized targets, whatever their unit."""
        return training.history[-1]["loss"] / training.objective.factor


class ScorePlateau(LossPlateau):
    """Ends training when the score of held-out examples no longer rises, and goes back to the
    weights with the highest."""

    def __init__(self, tol: float, patience: int, score: Callable[[], float]) -> None:
        super().__init__(tol, patience)
        self.score, self.scores = score, list[float]()
        self.best_arrays: list[tuple[Array, Array]] = []

    def cost(self, training: Training) -> float:
        score = self.score()
        if score > max(self.scores, default=-math.inf):
            state = training.network.state
            self.best_arrays = [
                (arrays.flat, arrays.flat.copy()) for arrays in (state.parameters, state.buffers)
            ]
        self.scores.append(score)
        return -score

    def training_ends(self, training: Training) -> None:
        for present, best in self.best_arrays:
            present[:] = best
