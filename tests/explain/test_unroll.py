"""A network written out gives the network's own bits: outputs, loss, gradients, updated
parameters and running means, over several steps."""

from __future__ import annotations

import ast
import copy
import re
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from handwritten_code import (
    InPieces,
    KeepsGradients,
    ListOfLayers,
    LossInside,
    PredictsAndFits,
    TakesOneExample,
)
from layer_cases import LAYER_CASES, LayerCase

import chainrule as cr
from chainrule.explain.examples import example_batch
from chainrule.losses import LOSSES
from chainrule.optimizers import OPTIMIZERS
from tests.explain.idioms import IDIOMS, RefusesOneExample
from tests.explain.networks import NETWORKS, lenet, mlp, with_dropout

BATCHES = (4, 1, 7)


def assert_same_bits(
    network: cr.Network, program: cr.explain.Program, sizes: tuple[int, ...] = BATCHES
) -> None:
    """Train the network and run the program, on the same batches."""
    network, epoch = copy.deepcopy(network), 2
    optimizer = program.optimizer
    state = optimizer.start(network.parameters.flat)
    given = program.start(network, epoch)
    network.start_epoch(epoch)
    for size in sizes:
        x, y = example_batch(network, program.loss, size)
        outputs, caches = network.forward(x, training=True)
        outputs = outputs.copy()
        loss = network.backward_from_loss(outputs, caches, y, program.loss)
        gradients = {name: gradient.copy() for name, gradient in network.gradients.items()}
        network.decay_weights(optimizer.learning_rate)
        optimizer.step(network.parameters.flat, network.gradients.flat, state)
        if optimizer.clip_value is not None or optimizer.clip_norm is not None:
            gradients = network.gradients
        its_outputs, its_loss, its_gradients = program.train_step(**given, x=x, y=y)
        assert its_loss == loss
        assert_equal(its_outputs, outputs, "outputs")
        for key, gradient in gradients.items():
            assert_equal(its_gradients[program.names[key]], gradient, f"gradient of {key}")
            assert_equal(given["params"][program.names[key]], network.parameters[key], key)
        for key, buffer in network.buffers.items():
            assert_equal(given["buffers"][program.names[key]], buffer, key)


def assert_equal(found: np.ndarray, expected: np.ndarray, what: str) -> None:
    """The same bits; adding 0 turns -0 into 0, which are the same number."""
    assert (found.shape, found.dtype) == (expected.shape, expected.dtype), what
    assert (found + 0).tobytes() == (expected + 0).tobytes(), f"{what} differs"


@pytest.mark.parametrize("case", LAYER_CASES, ids=str)
def test_every_layer(case: LayerCase) -> None:
    network = case.network()
    program = cr.explain(network, loss="mean_squared_error", optimizer="adam")
    assert_same_bits(network, program)


@pytest.mark.parametrize("make", NETWORKS, ids=lambda make: make.__name__)
def test_networks(make: Callable[[], cr.Network]) -> None:
    network = make()
    assert_same_bits(network, cr.explain(network))


@pytest.mark.parametrize("idiom", IDIOMS)
def test_turns_of_phrase(idiom: type[cr.Layer]) -> None:
    network = cr.Network([cr.Dense(4), idiom(), cr.Dense(3)], 5, dtype="float64")
    sizes = (4, 7) if idiom is RefusesOneExample else BATCHES
    assert_same_bits(network, cr.explain(network), sizes)


def test_networks_in_single_precision_too() -> None:
    network = cr.Network(
        [
            cr.Conv2D(3, 3),
            cr.AveragePool2D(3),
            cr.BatchNorm(),
            cr.GELU(),
            cr.Flatten(),
            cr.Dense(4),
        ],
        (8, 8, 1),
    )
    assert_same_bits(network, cr.explain(network, "huber", "rmsprop"))


def last_layer(loss: str) -> list[cr.Layer]:
    """What turns outputs into what the loss takes."""
    return {
        "categorical_cross_entropy": [cr.Softmax()],
        "kl_divergence": [cr.LogSoftmax()],
    }.get(loss, [])


@pytest.mark.parametrize("reduction", ["mean", "sum"])
@pytest.mark.parametrize("loss", [name for name in LOSSES if name != "targets_as_gradient"])
def test_every_loss(loss: str, reduction: str) -> None:
    layers = [cr.Dense(5), cr.Tanh(), cr.Dense(3), *last_layer(loss)]
    network = cr.Network(layers, 4, dtype="float64")
    assert_same_bits(network, cr.explain(network, f"{loss}(reduction={reduction})"))


@pytest.mark.parametrize(
    "loss",
    [
        cr.SoftmaxCrossEntropy(label_smoothing=0.1, class_weights=(1, 2, 0.5)),
        cr.BinaryCrossEntropy(from_logits=False),
        cr.Huber(delta=0.3),
    ],
    ids=repr,
)
def test_options_of_losses(loss: cr.Loss) -> None:
    network = cr.Network([cr.Dense(3), cr.Sigmoid()], 4, dtype="float64")
    assert_same_bits(network, cr.explain(network, loss))


@pytest.mark.parametrize("loss", ["binary_cross_entropy", "hinge", "mean_squared_error"])
def test_a_single_output(loss: str) -> None:
    network = cr.Network([cr.Dense(5), cr.Tanh(), cr.Dense(1)], 4, dtype="float64")
    assert_same_bits(network, cr.explain(network, loss))


@pytest.mark.parametrize("options", ["", "clip_value=0.01", "clip_norm=0.05"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_every_optimizer(optimizer: str, options: str) -> None:
    layers = [cr.Dense(5, regularizer=cr.WeightDecay(0.1)), cr.BatchNorm(), cr.ReLU(), cr.Dense(3)]
    network = cr.Network(layers, 4, dtype="float64")
    assert_same_bits(network, cr.explain(network, optimizer=f"{optimizer}({options})"))


@pytest.mark.parametrize(
    "optimizer", ["sgd(momentum=0.9)", "sgd(momentum=0.9, nesterov=True)", "lion(weight_decay=0.1)"]
)
def test_options_of_optimizers(optimizer: str) -> None:
    network = cr.Network([cr.Dense(5), cr.Tanh(), cr.Dense(3)], 4, dtype="float64")
    assert_same_bits(network, cr.explain(network, optimizer=optimizer))


def test_the_loss_of_training_is_the_one_explained() -> None:
    network = cr.Network([cr.Dense(2)], 3)
    network.fit(np.ones((4, 3)), np.ones((4, 2)), loss="huber", epochs=1, quiet=True)
    assert cr.explain(network).loss == cr.Huber()


def test_the_network_stays_as_it_was() -> None:
    network = with_dropout()
    before = network.parameters.flat.copy()
    network.start_epoch(1)
    cr.explain(network)
    np.testing.assert_array_equal(network.parameters.flat, before)
    assert not network.gradients.flat.any()
    x = np.ones((2, 8))
    after = network.forward(x, training=True)[0]
    network.start_epoch(1)
    np.testing.assert_array_equal(network.forward(x, training=True)[0], after)


# --- how it reads ---------------------------------------------------------------------------


@pytest.mark.parametrize("make", NETWORKS, ids=lambda make: make.__name__)
def test_the_program_knows_nothing_of_chainrule(make: Callable[[], cr.Network]) -> None:
    tree = ast.parse(cr.explain(make()).source)
    imported = {
        alias.name if isinstance(node, ast.Import) else node.module
        for node in ast.walk(tree)
        if isinstance(node, (ast.Import, ast.ImportFrom))
        for alias in node.names
    }
    assert imported <= {"numpy", "zlib", "math", "scipy.special"}
    names = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name)}
    assert not names & {"self", "layer", "training"}


@pytest.mark.parametrize("make", NETWORKS, ids=lambda make: make.__name__)
def test_every_line_that_computes_says_its_shape(make: Callable[[], cr.Network]) -> None:
    source = cr.explain(make()).source
    step = source[source.index("def train_step") :]
    tree = ast.parse(step)
    lines = step.splitlines()
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AugAssign)) and not _keeps_count(node):
            last = lines[(node.end_lineno or 0) - 1]
            assert re.search(r"  # (\(|as )|  #  +\d", last), last


def _keeps_count(node: ast.Assign | ast.AugAssign) -> bool:
    """Whether a statement counts steps, which have no shape."""
    return isinstance(node, ast.AugAssign) and "state" in ast.unparse(node.target)


MLP = """
    # forward
    f0 = x.reshape(N, -1)
    z1 = f0 @ W1 + b1
    a1 = np.maximum(z1, 0)
    z2 = a1 @ W2 + b2
    a2 = np.maximum(z2, 0)
    z3 = a2 @ W3 + b3
"""

MLP_BACKWARD = """
    # backward
    dz3 = derivative / N
    dW3 = a2.T @ dz3
    db3 = dz3.sum(axis=0)
    da2 = dz3 @ W3.T
    dz2 = da2 * (z2 > 0)
    dW2 = a1.T @ dz2
    db2 = dz2.sum(axis=0)
    da1 = dz2 @ W2.T
    dz1 = da1 * (z1 > 0)
    dW1 = f0.T @ dz1
    db1 = dz1.sum(axis=0)
"""


def test_it_reads_as_one_writes_it_on_a_blackboard() -> None:
    source = cr.explain(mlp()).source
    code = "\n".join(re.sub(r"(?<=\S)  +# .*", "", line) for line in source.splitlines())
    assert MLP in code
    assert MLP_BACKWARD in code
    assert "z1 = f0 @ W1 + b1  " in source
    assert "# (N, 128)            1 Dense" in source


def test_the_page_shows_what_is_written() -> None:
    page = (Path(__file__).parents[2] / "docs" / "explain.md").read_text(encoding="utf-8")
    quoted = page.partition("```text\n")[2].partition("```")[0]
    assert quoted.startswith("    # forward\n")
    assert quoted in cr.explain(mlp()).source


def test_convolutions_read_as_products_of_patches() -> None:
    source = cr.explain(lenet()).source
    assert "    z1 = np.tensordot(patches1, W1, axes=3) + b1 " in source
    assert "    dpatches2 = np.tensordot(dz2, W2, axes=(-1, -1)) " in source
    assert "patches[:, :, :, i, j] = padded[:, i : i + 28, j : j + 28]" in source
    assert "fold_conv1" not in source, "the gradient of the pixels is nobody's business"


def test_what_comes_back_through_a_branch_is_called_so() -> None:
    network = cr.Network([cr.Dense(4), cr.ReLU(), cr.Residual(cr.Dense(4)), cr.Dense(2)], 3)
    source = cr.explain(network).source
    assert "    r1 = z2 + a1 " in source
    assert "    da1 = da1_branch + dr1 " in source


def test_the_smallest_update_stands_in_the_program() -> None:
    source = cr.explain(mlp(), optimizer="sgd").source
    assert "    W1 -= learning_rate * dW1 " in source
    assert "state" not in source


# --- what cannot be written out ---------------------------------------------------------------


class DecidesByNumbers(cr.Layer):
    def forward(self, x, training=False):
        if x.mean() > 0:
            x = 2 * x
        return x, None

    def backward(self, dy, cache):
        return dy


class KeepsState(cr.Layer):
    def forward(self, x, training=False):
        self.mask = x > 0
        return x * self.mask, None

    def backward(self, dy, cache):
        return dy * self.mask


class GoesThroughRows(cr.Layer):
    def forward(self, x, training=False):
        return np.stack([row / np.abs(row).sum() for row in x]), x

    def backward(self, dy, x):
        return dy


class TriesThings(cr.Layer):
    def forward(self, x, training=False):
        try:
            return x / 2, None
        except ValueError:
            return x, None

    def backward(self, dy, cache):
        return dy / 2


class TreatsOneExampleApart(cr.Layer):
    def forward(self, x, training=False):
        if len(x) == 1:
            return x * 2, 2
        return x * 3, 3

    def backward(self, dy, factor):
        return dy * factor


class RunsLong(cr.Layer):
    def forward(self, x, training=False):
        for _ in range(1000):
            x = x * 0.999
        return x, None

    def backward(self, dy, cache):
        return dy


class ReturnsNoCache(cr.Layer):
    def forward(self, x, training=False):
        return x

    def backward(self, dy, cache):
        return dy


class HoldsALargeConstant(cr.Layer):
    def __init__(self):
        self.projection = np.arange(900.0).reshape(30, 30)

    def forward(self, x, training=False):
        return x @ self.projection, None

    def backward(self, dy, cache):
        return dy @ self.projection.T


def without_source() -> cr.Layer:
    def double(x):
        return 2 * x

    double.__code__ = double.__code__.replace(co_filename="<typed in>")
    return cr.Activation(double, np.ones_like)


REFUSED = {
    "decides by numbers": (
        DecidesByNumbers,
        r"layer 1 \(DecidesByNumbers\): line \d+ of forward, `x.mean\(\) > 0`, decides by the "
        "numbers it is given",
    ),
    "keeps state": (KeepsState, r"layer 1 \(KeepsState\): .*`self.mask`, keeps something on the"),
    "goes through rows": (GoesThroughRows, r"layer 1 \(GoesThroughRows\): .* row by row"),
    "tries": (TriesThings, r"layer 1 \(TriesThings\): .* is a Try, which has no straight-line"),
    "one example apart": (TreatsOneExampleApart, "treating some sizes of batch in its own way"),
    "runs long": (RunsLong, r"layer 1 \(RunsLong\): .* goes round 1000 times"),
    "no cache": (ReturnsNoCache, r"layer 1 \(ReturnsNoCache\): its forward returns no pair"),
    "a large constant": (HoldsALargeConstant, "declare it with declare_buffer"),
    "a lambda": (
        lambda: cr.Activation(lambda x: x**3, lambda x: 3 * x**2),
        r"layer 1 \(Activation\): .*lambda.* is not a plain function: write it as a `def`",
    ),
    "without a source": (
        without_source,
        r"layer 1 \(Activation\): .*the source of .*double is not to be had: write it as a plain",
    ),
}


@pytest.mark.parametrize(("make", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_what_cannot_be_written_out_says_which_layer_and_why(make, message: str) -> None:
    network = cr.Network([cr.Dense(30), make(), cr.Dense(2)], 3, dtype="float64")
    with pytest.raises(cr.explain.CannotExplainError, match=message):
        cr.explain(network)


@pytest.mark.parametrize("make", [ListOfLayers, InPieces, LossInside, PredictsAndFits])
def test_adopted_networks_are_written_out(make) -> None:
    network = cr.Network([cr.HandWritten(make())], 4, dtype="float64")
    loss = cr.losses.TargetsAsGradient(loss="mean_squared_error")
    assert_same_bits(network, cr.explain.unroll(network, loss))


def test_adopted_code_for_one_example_is_a_loop() -> None:
    network = cr.Network([cr.HandWritten(TakesOneExample(4, 3))], 4, dtype="float64")
    program = cr.explain.unroll(network, "mean_squared_error")
    assert "for n in range(N):" in str(program)
    assert_same_bits(network, program)


def test_adopted_code_computes_in_float64() -> None:
    network = cr.Network([cr.HandWritten(KeepsGradients(4, 3))], 4, dtype="float32")
    with pytest.raises(cr.explain.CannotExplainError, match=r"\(HandWritten\): adopted code comp"):
        cr.explain(network)


def test_a_misspelt_loss() -> None:
    with pytest.raises(cr.errors.UnknownNameError, match="did you mean 'hinge'"):
        cr.explain(mlp(), loss="hing")


def test_a_loss_that_does_not_fit_says_why() -> None:
    network = cr.Network([cr.Dense(1)], 3)
    with pytest.raises(
        cr.explain.CannotExplainError, match=r"the loss: .* needs an output for each"
    ):
        cr.explain(network, loss="softmax_cross_entropy")
