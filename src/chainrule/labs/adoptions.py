"""How each lab's own style of writing is adopted, and what the same is in chainrule's layers."""

from __future__ import annotations

import numpy as np

import chainrule as cr
from chainrule.labs.adoption import ByHand, Slip
from chainrule.labs.by_hand import emnist, fully_connected, mnist_mlp, parabola, two_layer
from chainrule.types import Array

DENSE, ACTIVATIONS, LOSSES = (
    {"the fully connected layer": "dense"},
    {"activations": "activations"},
    {"losses": "losses"},
)


def adopt_parabola() -> cr.HandWritten:
    """Two of the lab's layers: 2→3→1."""
    first = parabola.Layer((1, 1, 2), (1, 1, 2, 3), (1, 1), (1, 1, 3))
    second = parabola.Layer((1, 1, 3), (1, 1, 3, 1), (1, 1), (1, 1, 1))
    return cr.HandWritten(parabola.Network([first, second]))


def own_parabola() -> cr.Network:
    """The same of chainrule's layers."""
    layers = [cr.Conv2D(3, 1), cr.Sigmoid(), cr.Conv2D(1, 1), cr.Sigmoid()]
    return cr.Network(layers, (1, 1, 2), dtype="float64")


def adopt_mnist_mlp() -> cr.HandWritten:
    """784-128-64-10: two functions, and the dictionary that they share."""
    params: dict[str, Array] = {}
    for n, (rows, columns) in enumerate([(128, 784), (64, 128), (10, 64)], start=1):
        params |= {f"W{n}": np.zeros((rows, columns)), f"b{n}": np.zeros((rows, 1))}
    passes = (mnist_mlp.forward_pass, mnist_mlp.backward_pass)
    return cr.HandWritten(passes, parameters=params, batch_axis=1)


def own_mnist_mlp() -> cr.Network:
    """The same of chainrule's layers."""
    hidden = [cr.Dense(128), cr.ReLU(), cr.Dense(64), cr.Sigmoid()]
    return cr.Network([*hidden, cr.Dense(10), cr.Softmax()], 784, dtype="float64")


def adopt_two_layer() -> cr.HandWritten:
    """2-4-4-1, with the first of the activations that it can be asked for."""
    return cr.HandWritten(two_layer.two_layer_network(2, 4, 4, 1, 1.0, "normal"))


def own_two_layer() -> cr.Network:
    """The same of chainrule's layers."""
    layers = [layer for units in (4, 4, 1) for layer in (cr.Dense(units, bias=False), cr.Sigmoid())]
    return cr.Network(layers, 2, dtype="float64")


def adopt_emnist() -> cr.HandWritten:
    """784-60-47, whose forward pass asks for the targets as well."""
    return cr.HandWritten(emnist.Network())


def own_emnist() -> cr.Network:
    """The same of chainrule's layers."""
    layers = [cr.Dense(60), cr.ReLU(), cr.Dense(47), cr.Softmax()]
    return cr.Network(layers, 784, dtype="float64")


def adopt_fully_connected() -> cr.HandWritten:
    """2-3-1, as the lab has it for XOR."""
    network = fully_connected.Network()
    for size_in, size_out in ((2, 3), (3, 1)):
        network.add(fully_connected.FCLayer(size_in, size_out))
        network.add(
            fully_connected.ActivationLayer(fully_connected.tanh, fully_connected.tanh_prime)
        )
    network.compute_loss(fully_connected.mse, fully_connected.mse_prime)
    return cr.HandWritten(network)


def own_fully_connected() -> cr.Network:
    """The same of chainrule's layers; an example is a row (1, 2)."""
    layers = [cr.Flatten(), cr.Dense(3), cr.Tanh(), cr.Dense(1), cr.Tanh(), cr.Reshape((1, 1))]
    return cr.Network(layers, (1, 2), dtype="float64")


BY_HAND = {
    "parabola": ByHand(
        parabola,
        adopt_parabola,
        own_parabola,
        cr.BinaryCrossEntropy(from_logits=False, margin=parabola.MARGIN),
        "A layer of the lab in short. Its backward pass is given x again, makes the step itself, "
        "and takes the mean over the examples, so that the gradient it is given must be that of "
        "the sum. `HandWritten` finds this out by trying: a step is made on a copy, and what it "
        "did, divided by its rate, is the gradient.",
        {"convolution": "convolution", **ACTIVATIONS, **LOSSES},
    ),
    "mnist-mlp": ByHand(
        mnist_mlp,
        adopt_mnist_mlp,
        own_mnist_mlp,
        cr.CategoricalCrossEntropy(),
        "The lab's two functions. Softmax and cross-entropy are one: their gradient is the output "
        "less the target, with which the backward pass begins.",
        DENSE | ACTIVATIONS | LOSSES,
        columns=True,
        slip=Slip(
            'grads["db3"] = np.sum(dS3, axis=1, keepdims=True) / n\n',
            'grads["db3"] = np.sum(dS3, axis=1, keepdims=True) / n / n\n',
            "The lab's own code divides the gradient of the output's bias by the batch size once "
            "more. With that line in the file:",
        ),
    ),
    "two-layer": ByHand(
        two_layer,
        adopt_two_layer,
        own_two_layer,
        cr.MeanSquaredError(),
        "One class for the whole network. Activations go by their names, and their derivatives are "
        "taken of the output; gradients are clipped, and a method of its own makes the step.",
        DENSE | ACTIVATIONS | LOSSES,
    ),
    "emnist": ByHand(
        emnist,
        adopt_emnist,
        own_emnist,
        cr.CategoricalCrossEntropy(),
        "The lab's layers and its network, in one file. Layers keep their gradients, the last one "
        "is softmax with its loss, and the network's forward pass takes the targets, so that its "
        "backward pass needs nothing.",
        DENSE | ACTIVATIONS | LOSSES,
    ),
    "fully-connected": ByHand(
        fully_connected,
        adopt_fully_connected,
        own_fully_connected,
        cr.MeanSquaredError(reduction="sum"),
        "The lab's layers and its network. An example is a row, and comes alone: there is no sum "
        "over a batch, and the gradient of the bias is the error itself. The network only has "
        "steps to show: one is made on a copy, and what it did, divided by its rate, is the "
        "gradient.",
        DENSE | ACTIVATIONS | LOSSES,
    ),
}
