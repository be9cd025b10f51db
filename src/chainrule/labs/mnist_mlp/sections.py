"""The sections of the lab's report."""

from __future__ import annotations

from chainrule.experiments.document import Document
from chainrule.experiments.statistics import difference
from chainrule.labs.lab import gain, percent, plain
from chainrule.labs.mnist_mlp.networks import (
    ADAM,
    AS_THE_LAB,
    BIAS_SLIP,
    CNN,
    HONEST,
    LAB_NETWORK,
    TESTS,
    VARIANTS,
    WIDER,
)
from chainrule.labs.mnist_mlp.training import (
    Runs,
    Size,
    at_passes_of,
    at_reported,
    losses_at_reported,
)
from chainrule.labs.pictures import draw_curves


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
