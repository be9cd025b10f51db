"""Every layer in the engine is the layer in NumPy: outputs, every gradient, ten steps."""

from __future__ import annotations

import math

import numpy as np
import pytest
from engine.pairs import assert_close, assert_equal_networks, spread, train_twice
from layer_cases import LAYER_CASES, LayerCase

import chainrule as cr
from chainrule.engine.operations import sequential
from chainrule.engine.plan.assembly import lower_network, prediction_plan
from chainrule.engine.program.instructions import Tensor
from chainrule.engine.program.lowering import Lowering
from chainrule.engine.program.obstacles import Unlowerable
from chainrule.engine.program.registry import INTERLEAVABLE, LOWERINGS
from chainrule.errors import ArgumentError

EXAMPLES = 5
NOT_COMPILED = {cr.Activation, cr.HandWritten}  # they hold code of the user's own


def can_be_lowered(case: LayerCase) -> bool:
    try:
        lower_network(case.network(), Lowering(training=True))
    except Unlowerable:
        return False
    return True


COMPILED = [case for case in LAYER_CASES if can_be_lowered(case)]
OTHERS = [case for case in LAYER_CASES if not can_be_lowered(case)]
# In every run of the tests each type with one number of threads; the others take as long again.
TYPES_AND_THREADS = [("float64", 2), ("float32", 1), ("float64", 1), ("float32", 3)]
of_both_types = pytest.mark.parametrize(
    ("dtype", "threads"),
    [
        *TYPES_AND_THREADS[:2],
        *(pytest.param(*e, marks=pytest.mark.long) for e in TYPES_AND_THREADS[2:]),
    ],
)
each_compiled = pytest.mark.parametrize("case", COMPILED, ids=str)


def behind_a_dense_layer(case: LayerCase) -> list[cr.Layer]:
    """The layer after one with weights, whose gradient shows the layer's own dx."""
    size = math.prod(case.input_shape)
    first = cr.Dense(size, initializer="normal(0.5)")
    return [cr.Flatten(), first, cr.Reshape(case.input_shape), case.make()]


def data(case: LayerCase) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    x = rng.standard_normal((EXAMPLES, *case.input_shape))
    return x, rng.standard_normal((EXAMPLES, *case.network().output_shape))


def test_every_layer_has_a_compiled_form_unless_it_holds_the_users_code() -> None:
    from chainrule.layers import LAYERS

    assert set(LAYERS.values()) - NOT_COMPILED == set(LOWERINGS)


@each_compiled
@of_both_types
def test_steps_agree(case: LayerCase, dtype: str, threads: int) -> None:
    x, y = data(case)
    for steps in (1, 10):
        plain, compiled = train_twice(
            lambda: behind_a_dense_layer(case), case.input_shape, x, y, dtype, threads,
            loss="mean_squared_error", optimizer="sgd(learning_rate=0.01)", epochs=steps,
            batch_size="full",
        )  # fmt: skip
        assert_equal_networks(plain, compiled, dtype)


IMAGE_CASES = [case for case in COMPILED if type(case.make()) in INTERLEAVABLE]
IMAGE_CASES = [case for case in IMAGE_CASES if len(case.input_shape) > 1]
POINTWISE = {2: cr.Conv1D, 3: cr.Conv2D}  # by the number of axes


@pytest.mark.parametrize("case", IMAGE_CASES, ids=str)
@of_both_types
def test_steps_agree_with_interleaved_examples(
    case: LayerCase, dtype: str, threads: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def always(to: Lowering, parts: list[tuple[cr.Layer, object]], x: object) -> bool:
        return to.interleaving > 1 and type(parts[0][0]) in POINTWISE.values()

    # However many channels fill one of the processor's vectors.
    monkeypatch.setattr(sequential, "worth_interleaving", always)

    def layers() -> list[cr.Layer]:
        channels = case.input_shape[-1]
        first = POINTWISE[len(case.input_shape)](channels, 1)
        return [first, case.make(), cr.Flatten(), cr.Dense(2)]

    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((53, *case.input_shape)), rng.standard_normal((53, 2))
    plain, compiled = train_twice(
        layers, case.input_shape, x, y, dtype, threads, loss="mean_squared_error", epochs=3,
        batch_size=37, optimizer="sgd(learning_rate=0.01)",
    )  # fmt: skip
    assert_equal_networks(plain, compiled, dtype)
    assert "interleave" in prediction_plan(compiled, rows=37, threads=1).listing()
    assert_close(compiled.predict(x), plain.predict(x), dtype, "predictions")


WIDE = {
    "stride 2": (lambda: cr.Conv2D(70, 3, stride=2, padding="same"), (9, 8, 40)),
    "5x5": (lambda: cr.Conv2D(64, 5, padding="same"), (11, 11, 33)),
    "packed": (lambda: cr.Conv2D(130, 3, padding="same"), (17, 16, 64)),
    "kernel rows that are too long": (lambda: cr.Conv2D(40, 3), (4, 5, 150)),
    "dilation": (lambda: cr.Conv2D(40, 3, dilation=2, padding="same"), (7, 7, 40)),
    "groups": (lambda: cr.Conv2D(128, 3, groups=2), (5, 5, 80)),
    "1x1": (lambda: cr.Conv2D(40, 1), (6, 5, 500)),
    "1x1, stride 2": (lambda: cr.Conv2D(40, 1, stride=2), (6, 5, 40)),
    "depthwise": (lambda: cr.Conv2D(50, 3, padding="same", groups=50), (6, 7, 50)),
    "depthwise, stride 2": (
        lambda: cr.Conv2D(64, 5, stride=2, padding="same", groups=64), (7, 8, 64),
    ),
    "depthwise, dilation": (lambda: cr.Conv2D(40, 3, groups=40, dilation=2), (7, 6, 40)),
    "depthwise, transposed": (
        lambda: cr.ConvTranspose2D(40, 3, stride=2, groups=40), (4, 3, 40),
    ),
    "transposed": (lambda: cr.ConvTranspose2D(40, 3, stride=2), (4, 3, 70)),
    "transposed, groups": (lambda: cr.ConvTranspose2D(80, 3, groups=2), (4, 3, 80)),
}  # fmt: skip


@pytest.mark.parametrize("case", WIDE)
@of_both_types
def test_wide_convolutions_agree(case: str, dtype: str, threads: int) -> None:
    make, shape = WIDE[case]
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((5, *shape)), rng.standard_normal((5, 2))

    def layers() -> list[cr.Layer]:
        return [cr.Conv2D(shape[-1], 1), make(), cr.Flatten(), cr.Dense(2)]

    plain, compiled = train_twice(
        layers, shape, x, y, dtype, threads, loss="mean_squared_error", epochs=1, batch_size=3,
        optimizer="sgd(learning_rate=1e-6)",
    )  # fmt: skip
    assert_equal_networks(plain, compiled, dtype)
    assert "interleave" not in prediction_plan(compiled, rows=3, threads=1).listing()


FEWER_MULTIPLICATIONS = {
    "4x4 outputs": (lambda: cr.Conv2D(64, 3, padding="same"), (12, 8, 32)),
    "2x2 outputs": (lambda: cr.Conv2D(64, 3, padding="same"), (10, 8, 32)),
    "no border, no bias": (lambda: cr.Conv2D(32, 3, bias=False), (6, 10, 48)),
    "wider than a row of tiles at a time": (lambda: cr.Conv2D(32, 3, padding="same"), (2, 140, 32)),
    "5x5": (lambda: cr.Conv2D(64, 5, padding="same"), (8, 6, 32)),
    "5x5, no border, no bias": (lambda: cr.Conv2D(32, 5, bias=False), (8, 10, 48)),
}


@pytest.mark.parametrize("case", FEWER_MULTIPLICATIONS)
@of_both_types
def test_convolutions_with_fewer_multiplications_agree(case: str, dtype: str, threads: int) -> None:
    make, shape = FEWER_MULTIPLICATIONS[case]
    rng = np.random.default_rng(0)
    x = 0.1 * rng.standard_normal((17, *shape))  # so that tanh is not nearly all at its ends
    y = rng.standard_normal((17, 2))

    def layers() -> list[cr.Layer]:
        return [cr.Conv2D(shape[-1], 1), make(), cr.Tanh(), cr.Flatten(), cr.Dense(2)]

    plain, compiled = train_twice(
        layers, shape, x, y, dtype, threads, loss="mean_squared_error", epochs=2, batch_size=7,
        optimizer="sgd(learning_rate=1e-4)",
    )  # fmt: skip
    assert_equal_networks(plain, compiled, dtype)
    to = Lowering(training=True)
    lowered = lower_network(compiled, to)
    lowered.pull(Tensor(2, owned=True))
    assert [i.name for i in to.code].count("winograd") == 2
    assert "winograd_dw" in [i.name for i in to.code]


@pytest.mark.parametrize("sizes", [(500, 410, 330), (2000, 150, 5)], ids=str)
def test_large_dense_layers_of_small_batches_agree(sizes: tuple[int, ...]) -> None:
    """Threads share out their weights, as far as there are columns for each."""
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal((30, sizes[0])), rng.integers(0, sizes[-1], 30)

    def layers() -> list[cr.Layer]:
        return [cr.Dense(sizes[0]), cr.Tanh(), *map(cr.Dense, sizes[1:])]

    plain, compiled = train_twice(
        layers, (sizes[0],), x, y, threads=2, epochs=2, batch_size=13,
        optimizer="sgd(learning_rate=1e-3)",
    )  # fmt: skip
    assert_equal_networks(plain, compiled, "float64")
    to = Lowering(training=True, sharing_threads=2)
    lower_network(compiled, to).pull(Tensor(sizes[-1], owned=True))
    assert {"dense_by_columns", "dense_dx_by_columns"} <= {i.name for i in to.code}


@each_compiled
def test_predictions_agree(case: LayerCase) -> None:
    x, _ = data(case)
    for dtype in ("float64", "float32"):
        for rows in (1, EXAMPLES, 70):
            examples = np.resize(x, (rows, *case.input_shape))
            plain, compiled = (
                cr.Network([case.make()], case.input_shape, dtype=dtype, engine=engine)
                for engine in ("numpy", "compiled")
            )
            spread(plain)
            spread(compiled)
            assert_close(compiled.predict(examples), plain.predict(examples), dtype, str(rows))


@pytest.mark.parametrize("case", OTHERS, ids=str)
def test_code_of_the_users_own_runs_in_numpy(case: LayerCase) -> None:
    x, y = data(case)
    network = cr.Network([case.make()], case.input_shape)
    history = network.fit(x, y, loss="mean_squared_error", epochs=1, quiet=True)
    assert history.engine == "NumPy"
    with pytest.raises(ArgumentError, match="no compiled form"):
        network.fit(x, y, loss="mean_squared_error", engine="compiled", quiet=True)
    network.engine = "compiled"
    with pytest.raises(ArgumentError, match="no compiled form"):
        cr.Network([case.make()], case.input_shape, engine="compiled").predict(x)
