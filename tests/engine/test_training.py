"""Losses, optimizers, regularizers, schedules, dropout and batches, in the engine as in NumPy."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from engine.pairs import assert_close, assert_equal_networks, train_twice
from hypothesis import given, settings
from hypothesis import strategies as st

import chainrule as cr
from chainrule.errors import DataError, TargetError, TrainingError
from chainrule.losses import LOSSES
from chainrule.optimizers import OPTIMIZERS
from chainrule.schedules import SCHEDULES

RNG = np.random.default_rng(0)
X = RNG.standard_normal((103, 6))
LABELS = RNG.integers(0, 3, 103)
VALUES = RNG.random((103, 3))
IMAGES = RNG.standard_normal((37, 8, 8, 2))


def mlp() -> list[cr.Layer]:
    return [cr.Dense(9), cr.Tanh(), cr.Dense(3)]


def agree(make: Any = mlp, x: Any = X, y: Any = LABELS, dtype: str = "float64", **options: Any):
    shape = x.shape[1:] if x is not None else 6
    settings = {"epochs": 3, "batch_size": 16, **options}
    plain, compiled = train_twice(make, shape, x, y, dtype, **settings)
    assert_equal_networks(plain, compiled, dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "targets_as_gradient"])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("weighted", [False, True])
def test_losses(loss: str, dtype: str, reduction: str, weighted: bool) -> None:
    last = {"categorical_cross_entropy": cr.Softmax, "kl_divergence": cr.LogSoftmax}
    targets = VALUES / VALUES.sum(axis=1, keepdims=True)
    takes_classes = "cross_entropy" in loss or loss == "kl_divergence"
    for y in (targets, LABELS) if takes_classes else (np.round(targets),):
        agree(
            lambda: [*mlp(), last.get(loss, cr.Identity)()],
            y=y, dtype=dtype, loss=f"{loss}(reduction='{reduction}')",
            optimizer="sgd(learning_rate=0.01)",
            weights=RNG.random(len(X)) if weighted else None,
        )  # fmt: skip


@pytest.mark.parametrize(
    "loss",
    [
        "huber(delta=0.3)",
        "binary_cross_entropy(from_logits=False, margin=0.2)",
        "softmax_cross_entropy(label_smoothing=0.2, class_weights=(0.5, 2.0, 0.0))",
    ],
)
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_with_options(loss: str, weighted: bool) -> None:
    weights = RNG.integers(0, 2, len(X)).astype(float) if weighted else None
    agree(lambda: [*mlp(), cr.Sigmoid()], loss=loss, weights=weights, batch_size=3)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(
    "optimizer",
    [
        *OPTIMIZERS,
        "sgd(momentum=0.9)",
        "sgd(momentum=0.9, nesterov=True)",
        "adam(beta_1=0.0, beta_2=0.5, epsilon=0.001)",
        "lion(weight_decay=0.1)",
        "adam(clip_norm=0.05)",
        "sgd(learning_rate=0.1, clip_value=0.01)",
        "rmsprop(clip_value=(-0.01, 0.02), clip_norm=0.02)",
    ],
)
def test_optimizers(optimizer: str, dtype: str) -> None:
    agree(optimizer=optimizer, dtype=dtype)


@pytest.mark.parametrize(
    "schedule",
    [
        *SCHEDULES,
        "reduce_on_plateau(patience=0, threshold=0.5)",
        "warm_up(2, then='reduce_on_plateau(patience=0, threshold=0.5)')",
    ],
)
@pytest.mark.parametrize("batch_size", [16, "full"])
def test_schedules(schedule: str, batch_size: Any) -> None:
    agree(schedule=schedule, batch_size=batch_size, optimizer="sgd(learning_rate=0.5)", epochs=6)


@pytest.mark.parametrize("regularizer", ["l1(0.01)", "l2(0.01)", "weight_decay(0.3)"])
@pytest.mark.parametrize("batch_size", [16, "full"])
def test_regularizers(regularizer: str, batch_size: Any) -> None:
    agree(
        lambda: [
            cr.Dense(9, regularizer=regularizer), cr.ReLU(), cr.Dense(3, regularizer="l2(0.1)")
        ],
        batch_size=batch_size, optimizer="adam",
    )  # fmt: skip


@pytest.mark.parametrize("batch_size", [1, 2, 3, 5, 16, 100, 103, 1000, "full"])
@pytest.mark.parametrize("samples", [None, 50, 200])
def test_batches_of_any_size(batch_size: Any, samples: int | None) -> None:
    agree(
        batch_size=batch_size, samples_per_epoch=samples, metrics=["accuracy"], validation=0.2,
        weights=None,
    )  # fmt: skip


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_dropout_draws_the_masks_that_the_layer_draws(threads: int) -> None:
    shared = cr.Dropout(0.3)
    plain, compiled = train_twice(
        lambda: [cr.Dense(8), shared, cr.ReLU(), shared, cr.Dropout(0.5), cr.Dense(3)],
        6, X, LABELS, threads=threads, epochs=3, batch_size=16, optimizer="adam",
    )  # fmt: skip
    assert_equal_networks(plain, compiled, "float64")


def test_channels_and_branches_are_left_out_as_the_layers_do() -> None:
    shared = cr.SpatialDropout2D(0.3)
    branch = [cr.Conv2D(4, 3, padding="same"), cr.PReLU(), shared, cr.StochasticDepth(0.4)]
    plain, compiled = train_twice(
        lambda: [cr.Conv2D(4, 3), shared, cr.Residual(branch), cr.Flatten(), cr.Dense(3)],
        IMAGES.shape[1:], IMAGES, LABELS[:37], threads=3, epochs=3, batch_size=10,
    )  # fmt: skip
    assert_equal_networks(plain, compiled, "float64")


def test_a_batch_in_several_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    from chainrule.engine.plan import plan

    monkeypatch.setattr(plan, "CHUNK_BYTES", 1)
    monkeypatch.setattr(plan, "LEAST_CHUNK", 10)
    agree(batch_size="full", metrics=["accuracy"])
    agree(batch_size=25, weights=RNG.random(len(X)))
    agree(
        lambda: [cr.Conv2D(4, 3), cr.ReLU(), cr.Dropout(0.3), cr.Flatten(), cr.Dense(3)],
        x=IMAGES, y=LABELS[:37], batch_size=30,
    )  # fmt: skip


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_a_convolutional_network_with_batch_norm(dtype: str) -> None:
    agree(
        lambda: [
            cr.Conv2D(4, 3, padding="same", bias=False), cr.BatchNorm(), cr.ReLU(),
            cr.MaxPool2D(2), cr.Residual([cr.Conv2D(4, 3, padding="same"), cr.Tanh()]),
            cr.Dropout(0.2), cr.Flatten(), cr.Dense(3),
        ],
        x=IMAGES, y=LABELS[:37], dtype=dtype, optimizer="sgd(momentum=0.9)",
    )  # fmt: skip


def test_data_of_other_types_and_places(tmp_path: Any) -> None:
    np.save(tmp_path / "x.npy", X)
    on_disk = np.load(tmp_path / "x.npy", mmap_mode="r")
    for x in (X.astype(np.float32), X.tolist(), X[:, ::-1], on_disk, np.asfortranarray(X)):
        agree(x=np.asarray(x) if isinstance(x, list) else x, validation=20)
    agree(x=(X * 10).astype(np.uint8), batch_size="full")


def test_fresh_data_in_each_epoch() -> None:
    def draw(epoch: int) -> tuple[Any, Any]:
        rng = np.random.default_rng(epoch)
        return rng.standard_normal((40, 6)), rng.integers(0, 3, 40)

    for batch_size in (16, "full"):
        plain, compiled = train_twice(mlp, 6, draw, None, epochs=4, batch_size=batch_size)
        assert_equal_networks(plain, compiled, "float64")


LAYERS = st.sampled_from(
    [
        lambda: cr.Dense(5), lambda: cr.Dense(3, bias=False), cr.ReLU, cr.Tanh, cr.Sigmoid, cr.GELU,
        cr.Mish, cr.LayerNorm, cr.BatchNorm, lambda: cr.Dropout(0.4), cr.Softmax, cr.SELU,
        lambda: cr.Residual([cr.Dense(4), cr.ReLU(), cr.LayerNorm()], cr.Dense(4)),
        lambda: cr.Concatenate([[cr.Dense(2), cr.SiLU()], cr.Identity()]),
        lambda: cr.Sequential([cr.Dense(4), cr.PReLU(), cr.Gated([cr.Dense(4), cr.Sigmoid()])]),
        lambda: cr.Residual([cr.Gated(cr.Tanh()), cr.StochasticDepth(0.3)]),
        lambda: cr.Residual(cr.Sequential([cr.Softplus(), cr.Identity()])),
    ]
)  # fmt: skip
IMAGE_LAYERS = st.sampled_from(
    [
        lambda: cr.Conv2D(4, 3, padding="same"), lambda: cr.Conv2D(2, 2, stride=2, groups=2),
        cr.ReLU, lambda: cr.MaxPool2D(2, stride=1), lambda: cr.AveragePool2D(2, padding="same"),
        cr.BatchNorm, lambda: cr.ConvTranspose2D(4, 3, padding=1), cr.ELU,
        lambda: cr.Concatenate([cr.MaxPool2D(3, 1, "same"), cr.Conv2D(2, 1)]),
        lambda: cr.Residual([cr.ReLU(), cr.Conv2D(4, 3, padding="same")], cr.Conv2D(4, 1)),
    ]
)  # fmt: skip


@settings(max_examples=25)
@given(st.lists(LAYERS, max_size=6), st.integers(1, 3), st.integers(1, 40))
def test_random_dense_networks(makers: list[Any], threads: int, batch_size: int) -> None:
    compare_random(makers, (6,), X[:40], threads, batch_size)


@settings(max_examples=25)
@given(st.lists(IMAGE_LAYERS, max_size=4), st.integers(1, 3), st.integers(1, 20))
def test_random_image_networks(makers: list[Any], threads: int, batch_size: int) -> None:
    makers = [lambda: cr.Conv2D(4, 3), *makers, cr.Flatten]
    compare_random(makers, (8, 8, 2), IMAGES[:20], threads, batch_size)


def compare_random(makers: list[Any], shape: Any, x: Any, threads: int, batch_size: int) -> None:
    plain, compiled = train_twice(
        lambda: [*(make() for make in makers), cr.Dense(3)], shape, x, LABELS[: len(x)],
        threads=threads, batch_size=batch_size, epochs=2, optimizer="sgd(learning_rate=0.01)",
    )  # fmt: skip
    assert_equal_networks(plain, compiled, "float64")
    assert_close(compiled.predict(x), plain.predict(x), "float64", "predictions")


# --- mistakes -----------------------------------------------------------------------------


def test_mistakes_in_the_data_are_told_as_in_numpy() -> None:
    network = cr.Network(mlp(), 6, engine="compiled")
    with pytest.raises(TargetError, match="class 3 is out of range"):
        network.fit(X, LABELS + 1, epochs=1, quiet=True)
    with pytest.raises(TargetError, match="do not fit predictions"):
        network.fit(X, VALUES[:, :2], loss="mean_squared_error", epochs=1, quiet=True)
    with pytest.raises(DataError, match="has NaN in x"):
        network.fit(np.where(X > 2, np.nan, X), LABELS, epochs=1, quiet=True)


def test_a_loss_that_is_no_longer_finite_ends_training_before_the_weights_are_lost() -> None:
    network = cr.Network([cr.Dense(3)], 6, engine="compiled")
    with pytest.raises(TrainingError, match=r"in step \d+ \(epoch \d+\)"):
        network.fit(X * 1e3, VALUES, loss="mean_squared_error", optimizer="sgd(learning_rate=1.0)",
                    epochs=99, quiet=True)  # fmt: skip
    assert np.isfinite(network.parameters.flat).all()


def test_what_predictions_need_is_compiled_before_training_starts(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    events = []

    class Watch(cr.Callback):
        def training_starts(self, training: cr.Training) -> None:
            events.append("training starts")

    def prepare(*arguments: object) -> None:
        events.append("compiled")

    monkeypatch.setattr("chainrule.engine.running.session.CompiledPredictor._prepare", prepare)
    x, y = np.random.default_rng(0).normal(size=(40, 4)), np.arange(40) % 2
    net = cr.Network([cr.Dense(2)], 4, seed=0)
    net.fit(x, y, epochs=1, validation=(x[:8], y[:8]), callbacks=[Watch()], quiet=True)
    assert events[:2] == ["compiled", "training starts"]
