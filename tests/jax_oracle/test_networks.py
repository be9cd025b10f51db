"""Whole networks agree with JAX: loss and gradients, and training step after training step."""

from __future__ import annotations

from typing import Any

import jax
import jax.numpy as jnp
import jax_layers
import numpy as np
import pytest

import chainrule as cr
from chainrule.layers import Layer
from chainrule.network import Network

rng = np.random.default_rng(0)
IMAGES = rng.standard_normal((8, 8, 8, 1))
LABELS = rng.integers(0, 3, 8)
ONE_HOT = np.eye(3)[LABELS]


def perceptron() -> list[Layer]:
    return [cr.Flatten(), cr.Dense(16), cr.GELU(), cr.Dense(8), cr.Tanh(), cr.Dense(3)]


def convolutional() -> list[Layer]:
    return [
        *[cr.Conv2D(4, 3, padding="same", bias=False), cr.BatchNorm(), cr.ReLU(), cr.MaxPool2D(2)],
        cr.Residual([cr.Conv2D(4, 3, padding="same", groups=2), cr.SiLU(), cr.Conv2D(4, 1)]),
        cr.Concatenate([cr.Conv2D(2, 3, stride=2, padding=1), cr.AveragePool2D(2)]),
        *[cr.Flatten(), cr.LayerNorm(), cr.Dense(3)],
    ]


def expected_loss(network: Network, x: Any) -> Any:
    """The mean cross-entropy as a function of the parameters, in JAX."""

    def loss(parameters: dict[str, Any]) -> Any:
        values = jax_layers.by_layer(network.root, {**parameters, **network.buffers})
        logits = jax_layers.forward(network.root, values, x, training=True)
        return -(ONE_HOT * jax.nn.log_softmax(logits)).sum(axis=1).mean()

    return jax.jit(jax.value_and_grad(loss))


@pytest.mark.parametrize("layers", [perceptron, convolutional])
def test_loss_and_gradients(layers: Any) -> None:
    network = Network(layers(), (8, 8, 1), dtype="float64")
    value, gradients = network.loss_and_gradients(IMAGES, LABELS, "softmax_cross_entropy")
    theirs, their_gradients = expected_loss(network, IMAGES)(dict(network.parameters))
    jax_layers.agree(value, theirs, "loss")
    for name, gradient in gradients.items():
        jax_layers.agree(gradient, their_gradients[name], f"d{name}")


@pytest.mark.parametrize("layers", [perceptron, convolutional])
def test_twenty_epochs_of_training(layers: Any) -> None:
    """`fit` on the full batch is gradient descent with momentum, as JAX computes it."""
    network = Network(layers(), (8, 8, 1), dtype="float64")
    evaluate = expected_loss(network, IMAGES)
    parameters = {name: jnp.asarray(values.copy()) for name, values in network.parameters.items()}
    velocity = jax.tree.map(jnp.zeros_like, parameters)
    losses = []
    for _ in range(20):
        value, gradients = evaluate(parameters)
        velocity = jax.tree.map(lambda v, g: 0.9 * v + g, velocity, gradients)
        parameters = jax.tree.map(lambda w, v: w - 0.01 * v, parameters, velocity)
        losses.append(float(value))
    history = network.fit(
        IMAGES,
        LABELS,
        optimizer=cr.SGD(0.01, momentum=0.9),
        epochs=20,
        batch_size="full",
        quiet=True,
    )
    jax_layers.agree(history["loss"], losses, "losses")
    for name, values in network.parameters.items():
        jax_layers.agree(values, parameters[name], name)


def test_running_statistics_of_batch_norm() -> None:
    """running <- 0.9 running + 0.1 batch, the variance unbiased (Bessel's correction)."""
    network = Network([cr.BatchNorm()], (2, 3, 4), dtype="float64")
    mean, variance = jnp.zeros(4), jnp.ones(4)
    for step in range(5):
        x = 3 + 2 * np.random.default_rng(step).standard_normal((6, 2, 3, 4))
        network.forward(x, training=True)
        network.forward(x)  # evaluation does not count
        mean = 0.9 * mean + 0.1 * jnp.mean(x, axis=(0, 1, 2))
        variance = 0.9 * variance + 0.1 * jnp.var(x, axis=(0, 1, 2), ddof=1)
    jax_layers.agree(network.buffers["0.running_mean"], mean, "running_mean")
    jax_layers.agree(network.buffers["0.running_variance"], variance, "running_variance")
