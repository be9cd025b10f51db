"""The networks that are measured by name, and what is aimed at."""

from __future__ import annotations

import chainrule as cr
import networks
from networks import dense
from workload import CROSS_ENTROPY, SQUARES, Workload

IMAGE, COLOUR = (28, 28, 1), (32, 32, 3)
MOMENTUM = "sgd(learning_rate=0.05, momentum=0.9)"
WORKLOADS = {
    "W1": Workload(
        "2-4-4-1 sigmoid, MSE, full batch of 100, SGD",
        dense(4, 4, 1, activation=cr.Sigmoid, last=cr.Sigmoid),
        (2,), 100, 100, SQUARES, "sgd(learning_rate=0.1)", (60, 8),
    ),
    "W2": Workload(
        "784-100-50-10 tanh, MSE, one sample at a time, SGD",
        dense(100, 50, 10, activation=cr.Tanh, last=cr.Tanh),
        (784,), 2000, 1, SQUARES, "sgd(learning_rate=0.1)", (12, 4),
    ),
    "W3": Workload(
        "784-128-64-10 ReLU, cross-entropy, batch 128, Adam",
        dense(128, 64, 10), (784,), 59904, 128, CROSS_ENTROPY, "adam", (3, 1.7), 2.0,
    ),
    "W4": Workload(
        "784-256-128-47 ReLU, cross-entropy, batch 512, SGD with momentum",
        dense(256, 128, 47), (784,), 20480, 512, CROSS_ENTROPY, MOMENTUM, (1.5, 1.2), 2.0,
    ),
    "W5": Workload(
        "784-128-64-10 ReLU, cross-entropy, full batch of 60,000, SGD",
        dense(128, 64, 10), (784,), 60000, 60000, CROSS_ENTROPY, "sgd(learning_rate=0.5)",
        (1.5, 1.1),
    ),
    "W6": Workload(
        "LeNet-5, cross-entropy, batch 128, Adam",
        networks.lenet, IMAGE, 3840, 128, CROSS_ENTROPY, "adam", (4, 2),
    ),
    "W7": Workload(
        "conv32-pool-conv64-pool-128-47, cross-entropy, batch 128, Adam",
        networks.small_cnn, IMAGE, 12800, 128, CROSS_ENTROPY, "adam", (2, 1.5), 2.0,
    ),
    "W8": Workload(
        "32x32x3: conv32, conv32, pool, conv64, pool, dense10, batch norm, batch 128, Adam",
        networks.colour_cnn, COLOUR, 6400, 128, CROSS_ENTROPY, "adam", (1.8, 1.3),
    ),
    "W11": Workload(
        "64-512-512-10 ReLU, batch norm, dropout, cross-entropy, batch 64, Adam",
        networks.with_batch_norm_and_dropout,
        (64,), 6400, 64, CROSS_ENTROPY, "adam", (2.5, None),
    ),
    "W12": Workload(
        "autoencoder 784-256-32-256-784 ReLU, MSE, batch 128, Adam",
        dense(256, 32, 256, 784, last=cr.Sigmoid),
        (784,), 12800, 128, SQUARES, "adam", (1.5, None), reconstructs=True,
    ),
    "W13": Workload(
        "32x32x3: four residual blocks at 16 and 32 channels, batch norm, batch 64, Adam",
        networks.resnet, COLOUR, 3200, 64, CROSS_ENTROPY, "adam", (2, None),
    ),
    "W14": Workload(
        "32x32x3: two 5x5 convolutions of 64 channels, average pooling, batch 32, Adam",
        networks.average_pooled_cnn, COLOUR, 1600, 32, CROSS_ENTROPY, "adam", (1.5, None),
    ),
    "W15": Workload(
        "32x32x3: depthwise-separable convolutions, batch norm, batch 64, Adam",
        networks.separable_cnn, COLOUR, 3200, 64, CROSS_ENTROPY, "adam", (2, None),
    ),
    "W16": Workload(
        "2048-2048-2048-10 ReLU, cross-entropy, batch 256, SGD with momentum",
        dense(2048, 2048, 10), (2048,), 12800, 256, CROSS_ENTROPY, MOMENTUM, (1.2, None),
    ),
    "W17": Workload(
        "32x32x3: 3x3 convolutions 64-64-pool-128-128-pool-256-10, batch 32, Adam",
        networks.vgg, COLOUR, 1600, 32, CROSS_ENTROPY, "adam", (1.3, None), compared_in="float64",
    ),
    "W18": Workload(
        "784-256-256-256-10 SiLU, layer norm, cross-entropy, batch 128, AdamW",
        networks.with_layer_norm, (784,), 12800, 128, CROSS_ENTROPY, "adamw", (2.5, None),
    ),
    "W19": Workload(
        "20-32-32-3 ReLU in float64, cross-entropy, batch 16, Adam",
        dense(32, 32, 3), (20,), 3200, 16, CROSS_ENTROPY, "adam", (12, None), dtype="float64",
    ),
}  # fmt: skip


def named(name: str) -> Workload:
    """A workload by its name: one of these, or one that `architectures` draws."""
    if name in WORKLOADS:
        return WORKLOADS[name]
    from architectures import drawn

    return drawn(name)
