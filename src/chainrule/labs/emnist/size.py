"""How much of the lab is run: all of it, or in seconds."""

from __future__ import annotations

from dataclasses import dataclass

from chainrule.labs.emnist.networks import CNN_IMPROVEMENTS, MLP_IMPROVEMENTS


@dataclass(frozen=True)
class Size:
    """How much of the lab is run.

    Args:
        images, test: in train.csv, those for validation included, and in test.csv; None for all.
        validation: held out from those in train.csv.
        part: images that the improvements are tried on.
        part_epochs, whole_epochs: for these, and for the networks trained on all images.
        mnist, mnist_epochs: images of MNIST's training part, none for 0, and epochs on them.
        improvements: those that are tried.
        seeds: how many networks of each kind are trained on all images.
        tried_seeds: the same for improvements and MNIST.
    """

    images: int | None = None
    test: int | None = None
    validation: int = 8_000
    part: int = 12_000
    part_epochs: int = 8
    whole_epochs: int = 12
    mnist: int = 55_000
    mnist_epochs: int = 16
    improvements: tuple[str, ...] = (*MLP_IMPROVEMENTS, *CNN_IMPROVEMENTS)
    seeds: int = 5
    tried_seeds: int = 3


FULL = Size()

QUICK = Size(6_000, 1_000, 1_000, 1_500, 3, 3, 0, 0, tuple(MLP_IMPROVEMENTS), 2, 2)
