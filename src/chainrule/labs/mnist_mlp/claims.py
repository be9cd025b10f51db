"""What the lab's report says beside what was measured."""

from __future__ import annotations

from chainrule.experiments.statistics import difference
from chainrule.labs.lab import Claim, Setting, gain, percent, plain, share_reaching
from chainrule.labs.mnist_mlp.networks import (
    ADAM,
    AS_THE_LAB,
    BIAS_SLIP,
    CNN,
    HONEST,
    LAB_NETWORK,
    VARIANTS,
    WIDER,
)
from chainrule.labs.mnist_mlp.training import (
    FULL,
    Runs,
    Size,
    at_passes_of,
    at_reported,
    losses_at_reported,
)

REPORTED, REPORTED_LOSS = 0.7107, 2.2364  # in the lab's test at epoch 84


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
