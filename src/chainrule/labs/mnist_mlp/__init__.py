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

from chainrule.experiments.document import Document
from chainrule.labs.adoption import show_by_hand
from chainrule.labs.adoptions import BY_HAND
from chainrule.labs.lab import Lab, Setting, close_report, open_report, run_variants
from chainrule.labs.mnist_mlp.claims import claims
from chainrule.labs.mnist_mlp.networks import VARIANTS
from chainrule.labs.mnist_mlp.sections import show_curves, show_improvements, show_slips
from chainrule.labs.mnist_mlp.training import FULL, QUICK, Size, run_once

TITLE = "MNIST with an MLP: why 71 % was not the network's fault"


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
    show_by_hand(document, BY_HAND["mnist-mlp"], setting.workers)
    show_slips(document, runs, size)
    show_curves(document, runs, size)
    show_improvements(document, runs, size)
    return close_report(document, claims(runs, size, setting))


LAB = Lab("mnist-mlp", TITLE, run)
