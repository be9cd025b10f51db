"""What the lab's report says beside what was measured."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from chainrule.experiments.statistics import difference
from chainrule.labs.emnist.mnist import Digits
from chainrule.labs.emnist.networks import CNN_WHOLE, MLP, MLP_WHOLE, VARIANTS
from chainrule.labs.emnist.readings import Reading
from chainrule.labs.emnist.sample import REPORTED, Epoch, validation_by_epoch
from chainrule.labs.emnist.training import Runs
from chainrule.labs.lab import Claim, Setting, gain, percent, share_reaching
from chainrule.presentation.display import counted

REQUIRED = 0.80


def claims(
    runs: Runs,
    samples: Sequence[list[Epoch]],
    handed_in: Reading,
    right: float,
    digits: Sequence[Digits],
    setting: Setting,
) -> list[Claim]:
    """The closing table."""
    mlp, cnn = runs[MLP_WHOLE], runs[CNN_WHOLE]
    mlp_test, cnn_test = ([run.test for run in trained] for trained in (mlp, cnn))
    best = max(
        (name for name in runs if VARIANTS[name].against == MLP),
        key=lambda name: np.mean([run.validation for run in runs[name]]),
    )
    return [
        *(
            Claim(
                f"Sample: validation after epoch {epoch}",
                f"{100 * reported:.1f} %",
                f"{percent(accuracies)}: {share_reaching(reported, accuracies, setting)}",
                "the same network and rate; other images, and batches of a size that is not known",
            )
            for epoch, (reported, accuracies) in enumerate(
                zip(REPORTED, validation_by_epoch(samples), strict=True), start=1
            )
        ),
        Claim(
            "Test accuracy, MLP",
            "over 80 %",
            f"{percent(mlp_test)}: {share_reaching(REQUIRED, mlp_test, setting)}",
            f"{len(mlp[0].history)} epochs on all images",
        ),
        Claim(
            "Test accuracy, CNN",
            "over 80 %",
            f"{percent(cnn_test)}: {share_reaching(REQUIRED, cnn_test, setting)}",
            f"{len(cnn[0].history)} epochs on all images; over the MLP "
            f"{gain(difference(cnn_test, mlp_test))}",
        ),
        Claim(
            "Test accuracy, ensemble",
            "over 80 %",
            f"{100 * right:.2f} %, {100 * (right - np.mean(cnn_test)):+.2f} points over its "
            f"{counted(len(cnn), 'member')}",
            f"{handed_in.name}, chosen by validation; it is a single one",
        ),
        *mnist_claim(digits),
        Claim(
            "Which improvement of the MLP gives most",
            "asked, with no figure",
            f"{best}: {gain(difference(*([r.test for r in runs[n]] for n in (best, MLP))))}",
            "each alone, on a part of the images; chosen by validation, measured in the test",
        ),
        Claim(
            "predictions.csv",
            "Id,Category, whole numbers, in test order",
            f"the same, checked; {100 * right:.2f} % right",
            "scored with labels that test.csv does not have",
        ),
    ]


def mnist_claim(digits: Sequence[Digits]) -> list[Claim]:
    """The row on MNIST, where the lab was run on it too."""
    if not digits:
        return []
    test = [one.test for one in digits]
    why = "the same recipe on another set, for which published figures are many"
    return [Claim("MNIST: test accuracy, CNN", "not asked", percent(test), why)]
