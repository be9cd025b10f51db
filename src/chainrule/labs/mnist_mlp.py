"""The lab asks for a network that reads handwritten digits, written from nothing: 784-128-64-10
with ReLU, then sigmoid, then softmax; cross-entropy; Xavier's first weights, normal · sqrt(1 / in);
gradient descent on all 60,000 images at once, rate 0.5, 100 epochs. Then it is to be improved: the
report tries 256-32 at rate 1 for 50 epochs.

The report has 87.1 % in training and 71 % in test at epoch 84. Nothing is wrong with MNIST: its
forward pass in the test is not that of the network it trained. Training has ReLU, sigmoid, softmax;
the test has sigmoid, softmax, softmax. Besides, the gradient of the output's bias is a mean over
the batch that is divided by the batch size once more. Here each of these slips is switched on, one
at a time and together: they hide one another.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import chainrule as cr
from chainrule.experiments.document import Document
from chainrule.experiments.statistics import difference
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
from chainrule.types import Array

Runs = dict[str, "list[Run]"]  # for each variant, a run for each seed

TITLE = "MNIST with an MLP: why 71 % was not the network's fault"
XAVIER = cr.initializers.LeCunNormal()  # normal · sqrt(1 / in)


class TwiceDivided(cr.Dense):
    """A slip: db is a mean over the batch already, and is divided by the batch size once more."""

    def backward(self, dy: Array, x: Array) -> Array:
        dx = super().backward(dy, x)
        self.db /= len(x)
        return dx


def lab_layers(
    hidden: tuple[int, int],
    first: type[cr.Layer] = cr.ReLU,
    second: type[cr.Layer] = cr.Sigmoid,
    output: type[cr.Dense] = cr.Dense,
) -> list[cr.Layer]:
    """The lab's network; the slips are other arguments than the defaults."""
    return [
        cr.Flatten(),
        cr.Dense(hidden[0], initializer=XAVIER),
        first(),
        cr.Dense(hidden[1], initializer=XAVIER),
        second(),
        output(10, initializer=XAVIER),
        cr.Softmax(),
    ]


def rectified_layers() -> list[cr.Layer]:
    """256-32 as one would build it today."""
    return [
        cr.Flatten(),
        *(cr.Dense(256, initializer="he"), cr.ReLU(), cr.Dropout(0.2)),
        *(cr.Dense(32, initializer="he"), cr.ReLU(), cr.Dense(10)),
    ]


def convolutional_layers() -> list[cr.Layer]:
    """Two convolutions in steps of two pixels, and a layer of 64."""
    return [
        *(cr.Conv2D(16, 5, stride=2, initializer="he"), cr.ReLU()),
        *(cr.Conv2D(32, 3, stride=2, initializer="he"), cr.ReLU(), cr.Flatten()),
        *(cr.Dense(64, initializer="he"), cr.ReLU(), cr.Dropout(0.2), cr.Dense(10)),
    ]


HONEST, AS_THE_LAB = "the network that was trained", "both, as the lab does"
SIGMOID, SOFTMAX = "sigmoid in the place of ReLU", "softmax in the place of the hidden sigmoid"
TESTS: dict[str, dict[str, Any]] = {  # forward passes of the test, by the slips in them
    HONEST: {},
    SIGMOID: {"first": cr.Sigmoid},
    SOFTMAX: {"second": cr.Softmax},
    AS_THE_LAB: {"first": cr.Sigmoid, "second": cr.Softmax},
}
REPORTED, REPORTED_LOSS = 0.7107, 2.2364  # in the lab's test at epoch 84


@dataclass(frozen=True)
class Variant:
    """A network and how it is trained; the defaults are the lab's."""

    layers: Callable[[], list[cr.Layer]]
    hidden: tuple[int, int] | None = None  # those of the lab's networks, tested with every slip
    loss: str = "categorical_cross_entropy"
    optimizer: str = "sgd(learning_rate=0.5)"
    schedule: str = "constant"
    epochs: int = 100
    batch_size: int | str = "full"


LAB_NETWORK, BIAS_SLIP, WIDER = "128-64", "128-64, bias slip", "256-32, rate 1"
ADAM, CNN = "256-32, ReLU, Adam", "convolutions, Adam"
MODERN: dict[str, Any] = {
    "loss": "softmax_cross_entropy",
    "optimizer": "adam(learning_rate=0.002)",
    "schedule": "cosine",
    "batch_size": 64,
}
VARIANTS = {
    LAB_NETWORK: Variant(partial(lab_layers, (128, 64)), (128, 64)),
    BIAS_SLIP: Variant(partial(lab_layers, (128, 64), output=TwiceDivided), (128, 64)),
    WIDER: Variant(
        partial(lab_layers, (256, 32)), (256, 32), optimizer="sgd(learning_rate=1.0)", epochs=50
    ),
    ADAM: Variant(rectified_layers, epochs=20, **MODERN),
    CNN: Variant(convolutional_layers, epochs=10, **MODERN),
}


@dataclass(frozen=True)
class Size:
    """How much of the lab is run: images for training and test, a factor on the epochs, and how
    many epochs lie between two tests; `reported` is the epoch of the report's figures."""

    train: int = 60_000
    test: int = 10_000
    part: float = 1.0
    every: int = 2
    reported: int = 84

    @property
    def place(self) -> int:
        """Where the test at the reported epoch stands among the tests."""
        return self.reported // self.every - 1

    def epochs(self, variant: Variant) -> int:
        """How many epochs a variant is trained for."""
        return round(self.part * variant.epochs)


FULL, QUICK = Size(), Size(train=3_000, test=2_000, part=0.4, every=4, reported=40)


class Tests(cr.Callback):
    """Tests the weights with every forward pass of TESTS, after every so many epochs; `loss` and
    `accuracy` have a list for each."""

    def __init__(self, hidden: tuple[int, int], x: Array, y: Array, every: int) -> None:
        self.x, self.y, self.every = x, y, every
        self.networks = {
            name: cr.Network(lab_layers(hidden, **slips), x.shape[1:])
            for name, slips in TESTS.items()
        }
        self.loss: dict[str, list[float]] = {name: [] for name in TESTS}
        self.accuracy: dict[str, list[float]] = {name: [] for name in TESTS}

    def epoch_ends(self, training: cr.Training) -> None:
        if len(training.history) % self.every:
            return
        for name, network in self.networks.items():
            network.parameters.flat[:] = training.network.parameters.flat
            tested = network.evaluate(
                self.x, self.y, loss="categorical_cross_entropy", metrics=["accuracy"]
            )
            self.loss[name].append(tested["loss"])
            self.accuracy[name].append(tested["accuracy"])


@dataclass(frozen=True)
class Run:
    """What one training gave: loss and accuracy of each epoch before its step, those of the tests
    on the way, and the test accuracy in the end."""

    loss: list[float]
    accuracy: list[float]
    test_loss: dict[str, list[float]]
    test_accuracy: dict[str, list[float]]
    final: float


def run_once(name: str, seed: int, size: Size, data_dir: Path | None) -> Run:
    """Train one variant."""
    variant = VARIANTS[name]
    x, y, x_test, y_test = load_parts("mnist", data_dir)
    x_test, y_test = x_test[: size.test], y_test[: size.test]
    network = cr.Network(variant.layers(), x.shape[1:], seed=seed)
    tests = [Tests(variant.hidden, x_test, y_test, size.every)] if variant.hidden else []
    history = network.fit(
        x[: size.train],
        y[: size.train],
        loss=variant.loss,
        optimizer=variant.optimizer,
        schedule=variant.schedule,
        epochs=size.epochs(variant),
        batch_size=variant.batch_size,
        metrics=["accuracy"],
        callbacks=tests,
        quiet=True,
    )
    final = network.evaluate(x_test, y_test)["accuracy"]
    return Run(
        history["loss"],
        history["accuracy"],
        tests[0].loss if tests else {},
        tests[0].accuracy if tests else {},
        final,
    )


def run(setting: Setting) -> Document:
    """The whole lab."""
    return report(setting, QUICK if setting.quick else FULL)


def report(setting: Setting, size: Size) -> Document:
    """The lab in a certain size."""
    runs = run_variants(run_once, VARIANTS, setting.seeds, setting.workers, size, setting.data_dir)
    document = open_report("mnist-mlp", TITLE, __doc__, setting)
    document.paragraph(
        f"{size.train:,} images to train on, {size.test:,} to test with, {len(setting.seeds)} "
        f"seeds. Figures “at epoch {size.reported}” are those that the report gives at epoch 84."
    )
    show_slips(document, runs, size)
    show_curves(document, runs, size)
    show_improvements(document, runs, size)
    return close_report(document, claims(runs, size, setting))


def at_reported(runs: list[Run], test: str, size: Size) -> list[float]:
    """The test accuracy of each seed at the epoch of the report's figures."""
    return [run.test_accuracy[test][size.place] for run in runs]


def losses_at_reported(runs: list[Run], test: str, size: Size) -> list[float]:
    """The test loss of each seed at the epoch of the report's figures."""
    return [run.test_loss[test][size.place] for run in runs]


def show_slips(document: Document, runs: Runs, size: Size) -> None:
    """Each slip alone, and all together, beside the honest test."""
    document.heading("The slips, one at a time")
    honest = at_reported(runs[LAB_NETWORK], HONEST, size)
    rows = []
    for training in (LAB_NETWORK, BIAS_SLIP):
        for test in TESTS:
            accuracies = at_reported(runs[training], test, size)
            losses = losses_at_reported(runs[training], test, size)
            is_honest = training == LAB_NETWORK and test == HONEST
            gap = "" if is_honest else gain(difference(accuracies, honest))
            slip = "yes" if training == BIAS_SLIP else "no"
            rows.append([test, slip, percent(accuracies), plain(losses), gap])
    document.table(
        ["tested with", "bias slip in training", "test accuracy", "test loss", "against the first"],
        rows,
        f"Tests at epoch {size.reported}",
    )
    with_slip, without = (
        at_reported(runs[training], AS_THE_LAB, size) for training in (BIAS_SLIP, LAB_NETWORK)
    )
    document.paragraph(
        "The test's second layer has learnt what ReLU hands it and is given numbers between 0 and "
        "1; its own answers are then made to add up to 1, so that the output sees 64 numbers near "
        "1/64 in the place of 64 near 1/2. What is left is hardly more than the output's bias, and "
        "the loss is close to ln 10 = 2.303, that of knowing nothing. Here the slips hide one "
        "another: divided by the batch size once more, the bias stays next to zero and cannot "
        f"decide, and the wrong test is right for {percent(with_slip)}; with the bias trained as "
        f"it should be, the same test is right for {percent(without)}. In the test of the network "
        "that was trained, the bias slip hardly shows."
    )


def show_curves(document: Document, runs: Runs, size: Size) -> None:
    """Accuracy over the epochs, in training, in the honest test and in the report's."""
    lab, slipped, every = runs[LAB_NETWORK], runs[BIAS_SLIP], size.every
    panels = {
        "accuracy": {
            "training": [run.accuracy[every - 1 :: every] for run in lab],
            "test, the same network": [run.test_accuracy[HONEST] for run in lab],
            "the lab's test": [run.test_accuracy[AS_THE_LAB] for run in lab],
            "the lab's test, bias slip": [run.test_accuracy[AS_THE_LAB] for run in slipped],
        },
        "cross-entropy": {
            "training": [run.loss[every - 1 :: every] for run in lab],
            "test, the same network": [run.test_loss[HONEST] for run in lab],
            "the lab's test": [run.test_loss[AS_THE_LAB] for run in lab],
            "the lab's test, bias slip": [run.test_loss[AS_THE_LAB] for run in slipped],
        },
    }
    document.picture(
        "curves",
        draw_curves("784-128-64-10, gradient descent on all images", panels, every),
        "One training, tested with the network that was trained and with the slips: the mean over "
        "the seeds, in a band from lowest to highest.",
    )


def show_improvements(document: Document, runs: Runs, size: Size) -> None:
    """The improvement task: the report's, and chainrule's own within its passes."""
    document.heading("The improvement task")
    equal = at_passes_of(WIDER, runs, size)
    passes = size.epochs(VARIANTS[WIDER])
    finals = {LAB_NETWORK: equal} | {n: [r.final for r in runs[n]] for n in (WIDER, ADAM, CNN)}
    rows = []
    for name, final in finals.items():
        count = passes if name == LAB_NETWORK else size.epochs(VARIANTS[name])
        gap = "" if name == LAB_NETWORK else gain(difference(final, equal))
        rows.append([name, f"{count}", percent(final), gap])
    document.table(["network", "passes over the data", "test accuracy", "against 128-64"], rows)
    step = difference(finals[WIDER], equal)
    document.paragraph(
        "What was improved, and why? Wider at twice the rate, after as many passes as the lab's "
        f"network: {gain(step)}. Full-batch descent takes one step for a pass over the data, and a "
        "rate that is doubled does not make up for hundreds of steps that are not taken. In "
        f"batches of 64, with Adam and ReLU, {size.epochs(VARIANTS[ADAM])} passes give "
        f"{gain(difference(finals[ADAM], equal))}; convolutions, which know that pixels have "
        f"neighbours, give over that {gain(difference(finals[CNN], finals[ADAM]))}."
    )


def at_passes_of(name: str, runs: Runs, size: Size) -> list[float]:
    """The accuracy of the lab's network after as many passes as another variant has."""
    place = size.epochs(VARIANTS[name]) // size.every - 1
    return [run.test_accuracy[HONEST][place] for run in runs[LAB_NETWORK]]


def claims(runs: Runs, size: Size, setting: Setting) -> list[Claim]:
    """The closing table."""
    lab, slipped = runs[LAB_NETWORK], runs[BIAS_SLIP]
    epoch = f"Epoch {FULL.reported}" + (f", here {size.reported}" if setting.quick else "")
    honest, lab_test = (at_reported(of, HONEST, size) for of in (lab, slipped))
    as_lab, without = (at_reported(of, AS_THE_LAB, size) for of in (slipped, lab))
    equal, wider = at_passes_of(WIDER, runs, size), [run.final for run in runs[WIDER]]
    best = [run.final for run in runs[CNN]]
    return [
        Claim(
            "Epoch 1: loss, accuracy",
            "2.3047, 12.3 %",
            f"{plain([r.loss[1] for r in lab])}, {percent([r.accuracy[1] for r in lab])}",
            "after the first step, where the report's figures lie; before it "
            f"{plain([r.loss[0] for r in lab])}, {percent([r.accuracy[0] for r in lab])}",
        ),
        Claim(
            f"{epoch}: training accuracy",
            "87.1 %",
            percent([r.accuracy[size.reported - 1] for r in lab]),
            "one run against several seeds",
        ),
        Claim(
            f"{epoch}: test accuracy, all slips",
            percent([REPORTED]),
            f"{percent(as_lab)}, {100 * min(as_lab):.1f} to {100 * max(as_lab):.1f} %; "
            f"{share_reaching(REPORTED, as_lab, setting)}",
            "the lab's test is sigmoid, softmax, softmax; how much that costs depends on the first "
            "weights",
        ),
        Claim(
            "The same: test loss",
            f"{REPORTED_LOSS}",
            plain(losses_at_reported(slipped, AS_THE_LAB, size)),
            "the output sees 64 numbers near 1/64, and its answers are nearly all alike",
        ),
        Claim(
            "The same without the bias slip",
            "not told apart",
            f"{percent(without)}; {gain(difference(without, as_lab))}",
            "a bias held near zero is what lets the wrong test look half right",
        ),
        Claim(
            "The bias slip, tested with the network that was trained",
            "not told apart",
            f"{percent(lab_test)}; {gain(difference(lab_test, honest))}",
            "10 numbers of 109,386",
        ),
        Claim(
            "Tested with the network that was trained, no slip",
            "not measured",
            percent(honest),
            "what the lab's network is worth",
        ),
        Claim(
            f"Improvement: 256-32, rate 1, {size.epochs(VARIANTS[WIDER])} passes",
            "tried",
            f"{percent(wider)}; against 128-64 after as many {gain(difference(wider, equal))}",
            "tested with the network that was trained",
        ),
        Claim(
            f"Own best, after {size.epochs(VARIANTS[CNN])} passes",
            "none within 50 passes",
            f"{percent(best)}; over 128-64 after {size.epochs(VARIANTS[WIDER])} "
            f"{gain(difference(best, equal))}",
            f"{CNN}; without convolutions {percent([run.final for run in runs[ADAM]])}",
        ),
    ]


LAB = Lab("mnist-mlp", TITLE, run)
