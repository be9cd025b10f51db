"""The lab asks for two layers, FCLayer and ActivationLayer with (function, derivative). Networks of
them learn one example at a time, with mean squared error at rate 0.1: first XOR with 3 hidden units
for 1,000 epochs, then MNIST with 784-100-50-10 and tanh, for 500 epochs of 256 random samples each.

The report finds that XOR is learnt with tanh but not with sigmoid, and 92.1 % on MNIST, the average
of five runs. Then it changes one thing at a time, one run each: one more layer, 512 samples, rate
0.25. Which of these changes are real?
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.experiments.document import Document
from chainrule.experiments.statistics import difference
from chainrule.labs.adoption import show_by_hand
from chainrule.labs.adoptions import BY_HAND
from chainrule.labs.lab import (
    Claim,
    Lab,
    Setting,
    close_report,
    gain,
    load_parts,
    open_report,
    percent,
    plain,
    run_variants,
    share_reaching,
)
from chainrule.labs.pictures import draw_curves
from chainrule.seeding import generator
from chainrule.types import Array

Function = Callable[[Array], Array]
XorRuns = dict[str, list[tuple[list[float], bool]]]  # by activation and seed: errors, solved

TITLE = "Fully connected: which improvements are real"
REPORTED_RUNS = (0.912, 0.903, 0.9347, 0.9265, 0.9282)
REPORTED_BEST = 0.9411  # with 512 samples


def sigmoid(x: Array) -> Array:
    """1 / (1 + exp(-x))."""
    return 1 / (1 + np.exp(-x))


def sigmoid_derivative(x: Array) -> Array:
    """σ(x) (1 - σ(x))."""
    return sigmoid(x) * (1 - sigmoid(x))


def tanh_derivative(x: Array) -> Array:
    """1 - tanh²(x)."""
    return 1 - np.tanh(x) ** 2


ACTIVATIONS: dict[str, tuple[Function, Function]] = {
    "sigmoid": (sigmoid, sigmoid_derivative),
    "tanh": (np.tanh, tanh_derivative),
}


def fc_network(
    sizes: tuple[int, ...], activation: str, input_shape: tuple[int, ...], seed: int
) -> cr.Network:
    """The lab's network: an activation after every layer, and all weights and biases uniform on
    [-0.5, 0.5] at first."""
    layers: list[cr.Layer] = [cr.Flatten()]
    for size in sizes:
        layers += [cr.Dense(size), cr.Activation(*ACTIVATIONS[activation])]
    network = cr.Network(layers, input_shape, seed)
    values = network.parameters.flat
    values[:] = generator(seed, "first weights").uniform(-0.5, 0.5, values.size)
    return network


def convolutional_network(seed: int) -> cr.Network:
    """chainrule's own: two convolutions in steps of two pixels, and a layer of 64."""
    return cr.Network(
        [
            *(cr.Conv2D(16, 5, stride=2, initializer="he"), cr.ReLU()),
            *(cr.Conv2D(32, 3, stride=2, initializer="he"), cr.ReLU(), cr.Flatten()),
            *(cr.Dense(64, initializer="he"), cr.ReLU(), cr.Dense(10)),
        ],
        input_shape=(28, 28, 1),
        seed=seed,
    )


@dataclass(frozen=True)
class Variant:
    """How MNIST is learnt; the defaults are the lab's. Without `sizes`, with convolutions."""

    sizes: tuple[int, ...] = (100, 50, 10)
    samples: int = 256  # in an epoch
    loss: str = "mean_squared_error"
    optimizer: str = "sgd(learning_rate=0.1)"
    schedule: str = "constant"
    batch_size: int = 1


OWN = Variant((), 256, "softmax_cross_entropy", "adam(learning_rate=0.003)", "cosine", 32)
BASE, DEEPER, MORE, FASTER = "784-100-50-10", "one more layer", "512 samples", "rate 0.25"
SAME_SAMPLES, IN_TIME = "convolutions, same samples", "convolutions, within the time"
VARIANTS = {
    BASE: Variant(),
    DEEPER: Variant((100, 50, 100, 10)),
    MORE: Variant(samples=512),
    FASTER: Variant(optimizer="sgd(learning_rate=0.25)"),
    SAME_SAMPLES: OWN,
    IN_TIME: replace(OWN, samples=512),
}
REPORTED = {BASE: 0.9299, DEEPER: 0.9275, MORE: REPORTED_BEST, FASTER: 0.9267}


@dataclass(frozen=True)
class Size:
    """How much of the lab is run; a test after every so many epochs."""

    xor_epochs: int = 1000
    epochs: int = 500
    test: int = 10_000
    every: int = 20


FULL, QUICK = Size(), Size(epochs=15, test=2_000, every=3)


class TestAccuracy(cr.Callback):
    """The accuracy on the test images, after every so many epochs, and the processor time of
    training between the tests: unlike the clock's, it hardly depends on what else the machine does.
    """

    def __init__(self, x: Array, y: Array, every: int) -> None:
        self.x, self.y, self.every = x, y, every
        self.values: list[float] = []
        self.seconds = 0.0

    def training_starts(self, training: cr.Training) -> None:
        self.began = time.process_time()

    def epoch_ends(self, training: cr.Training) -> None:
        if len(training.history) % self.every == 0:
            self.seconds += time.process_time() - self.began
            tested = training.network.evaluate(self.x, self.y, metrics=["accuracy"])
            self.values.append(tested["accuracy"])
            self.began = time.process_time()


@dataclass(frozen=True)
class Run:
    """What one training gave: test accuracy on the way and in the end, processor seconds of
    training."""

    curve: list[float]
    accuracy: float
    seconds: float

    @property
    def settled(self) -> float:
        """The mean of the last five tests: one example at a time, the last step alone can cost a
        point or two."""
        return float(np.mean(self.curve[-5:]))


def run_xor(activation: str, seed: int, size: Size) -> tuple[list[float], bool]:
    """The error of each epoch, and whether all four points are right in the end."""
    x, y = cr.datasets.xor(4, generator(seed, "xor"))
    network = fc_network((3, 1), activation, (2,), seed)
    history = network.fit(
        x,
        y,
        loss="mean_squared_error",
        optimizer=cr.SGD(learning_rate=0.1),
        epochs=size.xor_epochs,
        batch_size=1,
        quiet=True,
    )
    return history["loss"], network.evaluate(x, y, metrics=["accuracy"])["accuracy"] == 1


def run_mnist(name: str, seed: int, size: Size, data_dir: Path | None) -> Run:
    """Train one variant."""
    variant, digits = VARIANTS[name], load_parts("mnist", data_dir)
    tests = TestAccuracy(digits.x_test[: size.test], digits.y_test[: size.test], size.every)
    network = (
        fc_network(variant.sizes, "tanh", (28, 28, 1), seed)
        if variant.sizes
        else convolutional_network(seed)
    )
    network.fit(
        digits.x_train,
        digits.y_train,
        loss=variant.loss,
        optimizer=variant.optimizer,
        schedule=variant.schedule,
        epochs=size.epochs,
        samples_per_epoch=variant.samples,
        batch_size=variant.batch_size,
        callbacks=[tests],
        quiet=True,
    )
    return Run(tests.values, tests.values[-1], tests.seconds)


def run(setting: Setting) -> Document:
    """The whole lab."""
    return report(setting, QUICK if setting.quick else FULL)


def report(setting: Setting, size: Size) -> Document:
    """The lab in a certain size."""
    seeds, workers = setting.seeds, setting.workers
    xor = run_variants(run_xor, ACTIVATIONS, seeds, workers, size)
    runs = run_variants(run_mnist, VARIANTS, seeds, workers, size, setting.data_dir)
    document = open_report("fully-connected", TITLE, __doc__, setting)
    show_by_hand(document, BY_HAND["fully-connected"], workers)
    show_xor(document, xor)
    show_mnist(document, runs, size)
    return close_report(document, [*xor_claims(xor), *mnist_claims(runs, setting)])


def show_xor(document: Document, xor: XorRuns) -> None:
    """The error over the epochs with either activation."""
    document.heading("XOR")
    rows = [
        [name, ", ".join(f"{errors[-1]:.4f}" for errors, _ in of), count_solved(of)]
        for name, of in xor.items()
    ]
    document.table(
        ["activation", "error in the last epoch, seed by seed", "seeds with all four right"], rows
    )
    curves = {name: [errors for errors, _ in of] for name, of in xor.items()}
    document.picture(
        "xor",
        draw_curves("XOR, 2-3-1, one point at a time", {"mean squared error": curves}),
        "The error over the epochs: the mean over the seeds, in a band from lowest to highest. "
        "Where the band is wide, some seeds have learnt and others have not.",
    )


def show_mnist(document: Document, runs: dict[str, list[Run]], size: Size) -> None:
    """Accuracy of each variant, and its difference from the lab's network seed by seed."""
    document.heading("MNIST")
    base = [run.accuracy for run in runs[BASE]]
    settled = [run.settled for run in runs[BASE]]
    rows = []
    for name, of in runs.items():
        accuracies = [run.accuracy for run in of]
        gaps = [
            gain(difference(accuracies, base)),
            gain(difference([run.settled for run in of], settled)),
        ]
        samples, seconds = size.epochs * VARIANTS[name].samples, [run.seconds for run in of]
        shown = ["", ""] if name == BASE else gaps
        rows.append([name, f"{samples:,}", plain(seconds), percent(accuracies), *shown])
    document.table(
        [
            *("", "samples seen", "processor seconds of training", "test accuracy"),
            *(f"against {BASE}", "the same, last five tests averaged"),
        ],
        rows,
        f"Over {len(base)} seeds, the same for each row",
    )
    document.paragraph(
        "A change is called real where the 95 % interval of the paired differences excludes zero. "
        f"The report's own five runs are {percent(REPORTED_RUNS)}: against such a spread, one run "
        "that is half a point better says nothing. One example at a time and at a fixed rate, the "
        f"accuracy still jumps near the end. The mean of the last five tests, {size.every} epochs "
        "apart, depends less on where the training happens to stop, and tells more."
    )
    curves = {name: [run.curve for run in of] for name, of in runs.items()}
    document.picture(
        "mnist",
        draw_curves("MNIST, test accuracy on the way", {"accuracy": curves}, size.every),
        "Test accuracy over the epochs: the mean over the seeds, in a band from lowest to highest.",
    )


def count_solved(of: list[tuple[list[float], bool]]) -> str:
    """How many of the seeds have all four points right."""
    return f"{sum(solved for _, solved in of)} of {len(of)}"


def xor_claims(xor: XorRuns) -> list[Claim]:
    """XOR in the closing table."""
    reported = {"sigmoid": "does not learn: error about 0.256, then flat", "tanh": "learns"}
    why = {
        "sigmoid": "the derivative of sigmoid is at most 1/4, so that a step moves little",
        "tanh": "one run; with 3 hidden units some first weights end in a poor place",
    }
    last = {name: [errors[-1] for errors, _ in of] for name, of in xor.items()}
    return [
        Claim(
            f"XOR with {name}",
            reported[name],
            f"error {min(last[name]):.4f} to {max(last[name]):.4f}; all four points right with "
            f"{count_solved(of)} seeds",
            why[name],
        )
        for name, of in xor.items()
    ]


def mnist_claims(runs: dict[str, list[Run]], setting: Setting) -> list[Claim]:
    """MNIST in the closing table."""
    accuracies = {name: [run.accuracy for run in of] for name, of in runs.items()}
    settled = {name: [run.settled for run in of] for name, of in runs.items()}
    changes = [
        Claim(
            f"MNIST, {name}",
            percent([REPORTED[name]]),
            f"{percent(accuracies[name])}: "
            f"{share_reaching(REPORTED[name], accuracies[name], setting)}; in the last epoch "
            f"{gain(difference(accuracies[name], accuracies[BASE]))}; last five tests averaged "
            f"{gain(difference(settled[name], settled[BASE]))}",
            why,
        )
        for name, why in (
            (DEEPER, "one run; 784-100-50-100-10"),
            (MORE, "one run; twice as many samples are twice the training"),
            (FASTER, "one run"),
        )
    ]
    seconds = {name: np.mean([run.seconds for run in of]) for name, of in runs.items()}
    own = [
        Claim(
            f"MNIST, {name}",
            f"{percent([REPORTED_BEST])} (its best)",
            f"{percent(accuracies[name])} in {seconds[name]:.1f} processor seconds: "
            f"{share_reaching(REPORTED_BEST, accuracies[name], setting)}; against {BASE} "
            f"{gain(difference(accuracies[name], accuracies[BASE]))}",
            f"Adam, batches of 32, softmax with cross-entropy; the lab's way took "
            f"{seconds[BASE]:.1f}",
        )
        for name in (SAME_SAMPLES, IN_TIME)
    ]
    return [
        Claim(
            f"MNIST, {BASE}",
            f"{percent([REPORTED[BASE]])}; five runs {percent(REPORTED_RUNS)}",
            f"{percent(accuracies[BASE])}: "
            f"{share_reaching(REPORTED[BASE], accuracies[BASE], setting)}",
            "first weights and samples drawn from other seeds",
        ),
        *changes,
        *own,
    ]


LAB = Lab("fully-connected", TITLE, run)
