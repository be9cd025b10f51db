"""The lab asks for a network that reads 47 kinds of handwritten characters, 28x28 pixels each, from
two files: train.csv with the label first, and test.csv without labels. 8,000 images of the first
are held out for validation; training goes by mini-batches, ends in softmax with its loss, and
reports loss and accuracy of training and validation in every epoch. What is handed in is
predictions.csv, with the header Id,Category and a whole number for each image of test.csv, in its
order. More than 80 % are required; a rate of 6e-4 is given.

The lab's sample output has 69.9 % of the validation set after epoch 1 and 80.9 % after epoch 2, of
a network 784-60-47. The rate of 6e-4 belongs to it: to plain gradient descent on pixels from 0 to
255, which the sample never scales. It is run again here as it stands, in its own classes. The other
networks take pixels from 0 to 1 and Adam, for which 6e-4 is a usual rate; those that are trained on
all images follow the recipe of `chainrule train --recipe best`. The sample has slips of
its own: it drops the last batch, it hands the one-hot labels of the training set in as the targets
of the test, and 69.9333 % of 8,000 images is not a whole number of them. Here the images are those
of `emnist47`, which has the 47 classes of EMNIST Balanced in another selection: accuracies are
close to those on the lab's files, not the same. It has as many test images of each class, but not
as many training images.
"""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

import chainrule as cr
from chainrule.experiments.document import Document
from chainrule.labs.adoption import show_by_hand
from chainrule.labs.adoptions import BY_HAND
from chainrule.labs.emnist.claims import claims
from chainrule.labs.emnist.files import as_csv, load_emnist, read_files
from chainrule.labs.emnist.mnist import run_mnist, show_mnist
from chainrule.labs.emnist.networks import CNN_WHOLE, MLP_WHOLE
from chainrule.labs.emnist.readings import all_readings, best
from chainrule.labs.emnist.sample import run_sample, show_sample
from chainrule.labs.emnist.sections import (
    show_files,
    show_improvements,
    show_lookalikes,
    show_predictions,
    show_readings,
    show_training,
)
from chainrule.labs.emnist.size import FULL, QUICK, Size
from chainrule.labs.emnist.training import run_once
from chainrule.labs.lab import Lab, Setting, close_report, open_report, run_all, run_variants

TITLE = "EMNIST: 47 characters, from CSV files to a file to hand in"


def run(setting: Setting) -> Document:
    """The whole lab."""
    return report(setting, QUICK if setting.quick else FULL)


def report(setting: Setting, size: Size) -> Document:
    """The lab in a certain size."""
    document = open_report("emnist", TITLE, __doc__, setting)
    show_by_hand(document, BY_HAND["emnist"], setting.workers)
    seeds, emnist = setting.seeds[: size.seeds], load_emnist(size, setting.data_dir)
    tried_seeds = seeds[: size.tried_seeds]
    with TemporaryDirectory() as name:
        folder = Path(name)
        cr.datasets.export_csv(emnist, "train", folder / "train.csv")
        cr.datasets.export_csv(emnist, "test", folder / "test.csv", labels=False)
        show_files(document, folder, size, emnist)
        shared = (setting.workers, folder, size, emnist.y_test)
        samples = run_all(run_sample, [(seed, folder, size) for seed in seeds], setting.workers)
        runs = run_variants(run_once, size.improvements, tried_seeds, *shared)
        runs |= run_variants(run_once, (MLP_WHOLE, CNN_WHOLE), seeds, *shared)
        files = read_files(folder, size.validation)
    tasks = [(seed, size, setting.data_dir) for seed in tried_seeds]
    digits = run_all(run_mnist, tasks, setting.workers) if size.mnist else []
    networks = [run.network for run in runs[CNN_WHOLE]]
    readings = all_readings(networks, files.validation, files.x_test)
    handed_in = best(readings)
    (predictions,) = handed_in.predictions
    show_sample(document, samples)
    show_training(document, runs)
    show_improvements(document, runs, size)
    show_readings(document, readings, emnist)
    right = show_predictions(document, as_csv(predictions), handed_in.name, emnist)
    show_lookalikes(document, predictions, np.asarray(emnist.y_test))
    if digits:
        show_mnist(document, digits, size)
    return close_report(document, claims(runs, samples, handed_in, right, digits, setting))


LAB = Lab("emnist", TITLE, run)
