"""What the lab varies: comparisons, each of a few trainings by name."""

from __future__ import annotations

from dataclasses import dataclass, replace

import chainrule as cr
from chainrule.labs.two_layer.training import EPOCHS, Training

TEN_TIMES = "rate 0.1, 10 times the epochs"
LONGER = 4  # times as many epochs, where training for too long is asked about


@dataclass(frozen=True)
class Question:
    """One comparison: trainings by name, the first of which the others are held against."""

    title: str
    text: str
    trainings: dict[str, Training]


def questions(epochs: int) -> dict[str, Question]:
    """What the lab varies."""
    xor = Training(epochs)
    linear = replace(xor, data="linear")
    return {
        "both": Question(
            "Both sets",
            "The network of the lab on the points that a line separates, and on those of XOR.",
            {"linear": linear, "XOR": xor},
        ),
        "rates": Question(
            "Learning rates, on XOR",
            "A tenth of the rate needs ten times the epochs: what counts is their product. At rate "
            "0.01 the network is still near its start, where it answers nearly the same for "
            "every point. The best constant answer is 10/21, with a loss of 0.2494; it calls all "
            "points class 0 and is right for 11 of 21, 52.4 %.",
            {
                "rate 1": xor,
                "rate 0.1": replace(xor, optimizer=cr.SGD(0.1)),
                TEN_TIMES: replace(xor, optimizer=cr.SGD(0.1), epochs=10 * epochs),
                "rate 0.01": replace(xor, optimizer=cr.SGD(0.01)),
            },
        ),
        "rates, linear": Question(
            "Learning rates, on linear points",
            "What counts is rate times epochs here as well.",
            {
                "rate 1": linear,
                "rate 0.1": replace(linear, optimizer=cr.SGD(0.1)),
                "rate 0.01": replace(linear, optimizer=cr.SGD(0.01)),
            },
        ),
        "units": Question(
            "Hidden units, on XOR",
            "Without biases, two units a layer can only bend the plane so far.",
            {f"{n} units": replace(xor, hidden=n) for n in (4, 2, 8)},
        ),
        "units, linear": Question(
            "Hidden units, on linear points",
            "One line is enough here, and two units can draw it.",
            {f"{n} units": replace(linear, hidden=n) for n in (4, 2, 8)},
        ),
        "activations": Question(
            "Activations, on XOR",
            "Without an activation the hidden layers are one linear map. Its gradients vanish, "
            "because it stands at the lowest loss that a linear map can reach, with "
            "nearly the same answer for all points: they vanish where the learning ends. "
            "Where the output has no sigmoid either, the rate of 1 is far too large, gradients "
            "grow without end, and the clipping acts: the only time it does.",
            {
                "sigmoid": xor,
                "tanh": replace(xor, activation="tanh"),
                "ReLU": replace(xor, activation="relu"),
                "none": replace(xor, activation="identity"),
                "none, no sigmoid at the output": replace(
                    xor, activation="identity", output="identity"
                ),
            },
        ),
        "outputs": Question(
            "Activations at the output, on XOR",
            "Targets are 0 and 1. Where a ReLU at the output is 0 for all points, every gradient "
            "is 0 as well, and the training is over.",
            {
                "sigmoid": xor,
                "tanh": replace(xor, output="tanh"),
                "ReLU": replace(xor, output="relu"),
            },
        ),
        "activations, linear": Question(
            "Activations, on linear points",
            "Here a linear map is all it takes. A ReLU unit that is 0 for all points stays so, and "
            "without biases few are left: some seeds lose.",
            {
                "sigmoid": linear,
                "tanh": replace(linear, activation="tanh"),
                "ReLU": replace(linear, activation="relu"),
                "none": replace(linear, activation="identity"),
            },
        ),
        "first weights": Question(
            "First weights, on XOR",
            "Sigmoid units whose weights start near 0 all say 0.5, whatever the point: they have "
            "hardly a gradient to tell them apart.",
            {
                "sigmoid, normal(0, 1)": xor,
                "sigmoid, 0.01 · normal(0, 1)": replace(xor, std=0.01),
                "tanh, normal(0, 1)": replace(xor, activation="tanh"),
                "tanh, 0.01 · normal(0, 1)": replace(xor, activation="tanh", std=0.01),
            },
        ),
        "optimizers": Question(
            "Optimizers, on XOR",
            "Optimizers that scale each step by the gradients of the past cross the plateau.",
            {
                "gradient descent, rate 1": xor,
                "momentum 0.9, rate 0.1": replace(xor, optimizer=cr.SGD(0.1, momentum=0.9)),
                "Adagrad, rate 0.1": replace(xor, optimizer=cr.Adagrad(0.1)),
                "RMSprop, rate 0.01": replace(xor, optimizer=cr.RMSprop(0.01)),
                "Adam, rate 0.01": replace(xor, optimizer=cr.Adam(0.01)),
                "Adam, rate 0.03": replace(xor, optimizer=cr.Adam(0.03)),
            },
        ),
        "fresh": Question(
            "New linear points in every epoch",
            "Unseen points are 1,000 others, as in all tables on linear points. New points in "
            "every epoch show more of the line than 100 can.",
            {
                "the same 100 points": linear,
                "100 new points": replace(linear, fresh=True),
                "8 units, the same 100 points": replace(linear, hidden=8),
                "8 units, 100 new points": replace(linear, hidden=8, fresh=True),
            },
        ),
        "longer": Question(
            "Training for longer, on linear points",
            "At rate 1 the lab's report finds that training for too long costs accuracy on linear "
            f"points, and stops after {EPOCHS:,} epochs.",
            {
                f"{epochs:,} epochs": linear,
                f"{LONGER * epochs:,} epochs": replace(linear, epochs=LONGER * epochs),
            },
        ),
    }
