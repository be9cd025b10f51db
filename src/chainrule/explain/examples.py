"""Examples to try a network on, where there is no data."""

from __future__ import annotations

import numpy as np

from chainrule.functions import softmax
from chainrule.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Hinge,
    KLDivergence,
    Loss,
    MeanSquaredError,
    SoftmaxCrossEntropy,
    TargetsAsGradient,
)
from chainrule.network import Network
from chainrule.types import Array


def usual_loss(network: Network) -> Loss:
    """The loss that the network's layers were trained with; for one that was not, cross-entropy
    where it has several outputs in a row, else the squared error."""
    if network.loss is not None:
        return network.objective(network.loss).loss
    is_row = len(network.output_shape) == 1 and network.output_shape[0] > 1
    return SoftmaxCrossEntropy() if is_row else MeanSquaredError()


def takes_classes(network: Network, loss: Loss) -> bool:
    """True if the targets are class numbers ``(N,)``."""
    is_row = len(network.output_shape) == 1
    if isinstance(loss, (SoftmaxCrossEntropy, CategoricalCrossEntropy)):
        return is_row
    return isinstance(loss, (BinaryCrossEntropy, Hinge)) and network.output_shape == (1,)


def example_batch(network: Network, loss: Loss, count: int) -> tuple[Array, Array]:
    """Random examples and targets of the right kind."""
    rng = np.random.default_rng(count)
    x = rng.standard_normal((count, *network.input_shape)).astype(network.dtype)
    shape = (count, *network.output_shape)
    if takes_classes(network, loss):
        return x, rng.integers(0, max(2, network.output_shape[0]), count)
    if isinstance(loss, TargetsAsGradient):
        loss = loss.reported
    values: Array = rng.standard_normal(shape)
    if isinstance(loss, (KLDivergence, SoftmaxCrossEntropy, CategoricalCrossEntropy)):
        values = softmax(values)
    elif isinstance(loss, BinaryCrossEntropy):
        values = rng.integers(0, 2, shape)
    elif isinstance(loss, Hinge):
        values = np.sign(values)
    return x, values.astype(network.dtype)
