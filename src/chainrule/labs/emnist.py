"""The lab asks for a network that reads 47 kinds of handwritten characters, 28x28 pixels each, from
two files: train.csv with the label first, and test.csv without labels. 8,000 images of the first
are held out for validation; training goes by mini-batches, ends in softmax with its loss, and
reports loss and accuracy of training and validation in every epoch. What is handed in is
predictions.csv, with the header Id,Category and a whole number for each image of test.csv, in its
order. More than 80 % are required; a rate of 6e-4 is given.

The lab's sample output has 69.9 % of the validation set after epoch 1 and 80.9 % after epoch 2, of
a network 784-60-47. The rate of 6e-4 belongs to it: to plain gradient descent on pixels from 0 to
255, which the sample never scales. The networks here take pixels from 0 to 1 and Adam, for which
6e-4 is a usual rate; the sample's figures are shown beside theirs, not held against them. The
sample has slips of its own: it drops the last batch, it hands the one-hot labels of the training
set in as the targets of the test, and 69.9333 % of 8,000 images is not a whole number of them. Here
the images are those of `emnist47`, which has the 47 classes of
EMNIST Balanced in another selection: accuracies are close to those on the lab's files, not the
same. It has as many test images of each class, but not as many training images.
"""

from __future__ import annotations

import csv
import io
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import lru_cache, partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np

import chainrule as cr
from chainrule.data.splits import split
from chainrule.errors import DataError
from chainrule.experiments.document import Code, Document
from chainrule.experiments.figures import draw_images
from chainrule.experiments.statistics import difference
from chainrule.labs.lab import (
    Claim,
    Lab,
    Setting,
    close_report,
    gain,
    open_report,
    percent,
    plain,
    run_variants,
    share_reaching,
)
from chainrule.labs.pictures import draw_curves
from chainrule.types import Array

Runs = dict[str, "list[Run]"]  # for each variant, a run for each seed

TITLE = "EMNIST: 47 characters, from CSV files to a file to hand in"
CLASS_NAMES = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
CLASSES = len(CLASS_NAMES)
REQUIRED, SAMPLE = 0.80, (0.699, 0.809)  # of the sample: validation after epochs 1 and 2
HEADER = ["Id", "Category"]
MISTAKES = 16  # in the picture of them


def mlp_layers(
    activation: type[cr.Layer] = cr.ReLU,
    normalize: bool = False,
    dropout: float = 0.0,
    probabilities: bool = False,
) -> list[cr.Layer]:
    """784-256-128-47."""
    init = "he" if activation is cr.ReLU else "glorot"
    layers: list[cr.Layer] = [cr.Flatten()]
    for size in (256, 128):
        layers += [cr.Dense(size, initializer=init), *([cr.BatchNorm()] if normalize else [])]
        layers += [activation(), *([cr.Dropout(dropout)] if dropout else [])]
    return [*layers, cr.Dense(CLASSES), *([cr.Softmax()] if probabilities else [])]


def cnn_layers(normalize: bool = False, dropout: float = 0.0) -> list[cr.Layer]:
    """Three convolutions in steps of two pixels, 28 -> 14 -> 7 -> 4, and a layer of 256."""
    layers: list[cr.Layer] = []
    for channels, size in ((32, 5), (64, 3), (128, 3)):
        layers += [cr.Conv2D(channels, size, stride=2, padding="same", initializer="he")]
        layers += [*([cr.BatchNorm()] if normalize else []), cr.ReLU()]
    layers += [cr.Flatten(), cr.Dense(256, initializer="he"), cr.ReLU()]
    return [*layers, *([cr.Dropout(dropout)] if dropout else []), cr.Dense(CLASSES)]


@dataclass(frozen=True)
class Variant:
    """A network and how it is trained.

    Args:
        against: the variant that this one improves on, or tries to.
        balanced: whether every class counts the same, however many images it has.
        shift: how many pixels images are moved by at most, anew in every epoch.
        whole: whether it is trained on all images, and longer.
    """

    layers: Callable[[], list[cr.Layer]]
    against: str = ""
    loss: str = "softmax_cross_entropy"
    balanced: bool = False
    shift: int = 0
    rate: float = 6e-4
    schedule: str = "constant"
    whole: bool = False


MLP, CNN = "MLP 256-128", "network: CNN"
BEST_LAYERS = partial(cnn_layers, normalize=True, dropout=0.3)
MLP_IMPROVEMENTS = {
    MLP: Variant(mlp_layers),
    "loss: mean squared error": Variant(
        partial(mlp_layers, probabilities=True), MLP, loss="mean_squared_error"
    ),
    "loss: every class counts the same": Variant(mlp_layers, MLP, balanced=True),
    "activation: tanh": Variant(partial(mlp_layers, activation=cr.Tanh), MLP),
    "activation: sigmoid": Variant(partial(mlp_layers, activation=cr.Sigmoid), MLP),
    "augmentation": Variant(mlp_layers, MLP, shift=1),
    "batch norm": Variant(partial(mlp_layers, normalize=True), MLP),
    "dropout 0.2": Variant(partial(mlp_layers, dropout=0.2), MLP),
    CNN: Variant(cnn_layers, MLP),
}
CNN_IMPROVEMENTS = {
    "CNN, every class counts the same": Variant(cnn_layers, CNN, balanced=True),
    "CNN, augmentation": Variant(cnn_layers, CNN, shift=1),
    "CNN, batch norm": Variant(partial(cnn_layers, normalize=True), CNN),
    "CNN, dropout 0.3": Variant(partial(cnn_layers, dropout=0.3), CNN),
    "CNN, all four": Variant(BEST_LAYERS, CNN, balanced=True, shift=1),
}
MLP_WHOLE, CNN_WHOLE = "MLP 256-128, all images", "CNN with all four, all images"
VARIANTS = {
    **MLP_IMPROVEMENTS,
    **CNN_IMPROVEMENTS,
    MLP_WHOLE: Variant(mlp_layers, whole=True),
    CNN_WHOLE: Variant(
        BEST_LAYERS, balanced=True, shift=1, rate=1e-3, schedule="cosine", whole=True
    ),
}


@dataclass(frozen=True)
class Size:
    """How much of the lab is run.

    Args:
        images, test: in train.csv, those for validation included, and in test.csv; None for all.
        validation: held out from those in train.csv.
        part: images that the improvements are tried on.
        part_epochs, whole_epochs: for these, and for the networks trained on all images.
        improvements: those that are tried.
        seeds: how many.
    """

    images: int | None = None
    test: int | None = None
    validation: int = 8_000
    part: int = 12_000
    part_epochs: int = 8
    whole_epochs: int = 8
    improvements: tuple[str, ...] = (*MLP_IMPROVEMENTS, *CNN_IMPROVEMENTS)
    seeds: int = 3


FULL = Size()
QUICK = Size(6_000, 1_000, 1_000, 1_500, 3, 3, tuple(MLP_IMPROVEMENTS), seeds=2)


class Files(NamedTuple):
    """What train.csv and test.csv hold."""

    x: Array
    y: Array
    validation: tuple[Array, Array]
    x_test: Array


@dataclass(frozen=True)
class Run:
    """What one training gave: loss and accuracy by epoch, the classes of the test images, the
    share of them that is right, and the seconds it took."""

    history: cr.History
    predictions: Array
    test: float
    seconds: float

    @property
    def validation(self) -> float:
        """The validation accuracy in the end."""
        return self.history["validation_accuracy"][-1]


def load_emnist(size: Size, data_dir: Path | None) -> cr.datasets.Dataset:
    """As many images as the size asks for."""
    emnist = cr.datasets.load("emnist47", data_dir=data_dir)
    return replace(
        emnist,
        x_train=emnist.x_train[: size.images],
        y_train=emnist.y_train[: size.images],
        x_test=np.asarray(emnist.x_test)[: size.test],
        y_test=np.asarray(emnist.y_test)[: size.test],
    )


@lru_cache(maxsize=1)
def read_files(folder: Path, validation: int) -> Files:
    """Both files, read once by each process that trains."""
    train = cr.datasets.load(folder / "train.csv")
    test = cr.datasets.load_inputs(folder / "test.csv", train.preparation, labels=False)
    (x, y), held_out = split(train.x_train, train.y_train, validation)
    return Files(x, y, held_out, test.x)


def run_once(name: str, seed: int, folder: Path, size: Size, y_test: Array) -> Run:
    """Train one variant, and classify the test images."""
    variant, files = VARIANTS[name], read_files(folder, size.validation)
    images = len(files.x) if variant.whole else size.part
    x, y = files.x[:images], files.y[:images]
    network = cr.Network(variant.layers(), x.shape[1:], seed=seed)
    began = time.perf_counter()
    history = network.fit(
        x,
        y,
        augment=cr.Affine(variant.shift, rotation=0, scale=0) if variant.shift else None,
        loss=balanced_loss(y) if variant.balanced else variant.loss,
        optimizer=cr.Adam(variant.rate),
        schedule=variant.schedule,
        epochs=size.whole_epochs if variant.whole else size.part_epochs,
        batch_size=32,
        validation=files.validation,
        metrics=["accuracy"],
        quiet=True,
    )
    seconds = time.perf_counter() - began
    predictions = network.predict(files.x_test).argmax(axis=1)
    return Run(history, predictions, float((predictions == y_test).mean()), seconds)


def balanced_loss(y: Array) -> cr.Loss:
    """Cross-entropy in which a class counts the same, however many examples it has."""
    counts = np.maximum(np.bincount(y, minlength=CLASSES), 1)
    return cr.SoftmaxCrossEntropy(class_weights=tuple(len(y) / (CLASSES * counts)))


def run(setting: Setting) -> Document:
    """The whole lab."""
    return report(setting, QUICK if setting.quick else FULL)


def report(setting: Setting, size: Size) -> Document:
    """The lab in a certain size."""
    document = open_report("emnist", TITLE, __doc__, setting)
    seeds, emnist = setting.seeds[: size.seeds], load_emnist(size, setting.data_dir)
    with TemporaryDirectory() as name:
        folder = Path(name)
        cr.datasets.export_csv(emnist, "train", folder / "train.csv")
        cr.datasets.export_csv(emnist, "test", folder / "test.csv", labels=False)
        show_files(document, folder, size, emnist)
        variants = (*size.improvements, MLP_WHOLE, CNN_WHOLE)
        shared = (folder, size, emnist.y_test)
        runs = run_variants(run_once, variants, seeds, setting.workers, *shared)
    show_training(document, runs)
    show_improvements(document, runs, size)
    handed_in = as_csv(runs[CNN_WHOLE][0].predictions)
    right = show_predictions(document, handed_in, emnist)
    return close_report(document, claims(runs, right, setting))


def show_files(document: Document, folder: Path, size: Size, emnist: cr.datasets.Dataset) -> None:
    """What the two files hold, and that it is what was written."""
    document.heading("The files")
    files, train = read_files(folder, size.validation), cr.datasets.load(folder / "train.csv")
    check_same(train.x_train, emnist.x_train)
    check_same(train.y_train, emnist.y_train)
    check_same(files.x_test, emnist.x_test)
    rows = []
    for name, count in (("train.csv", len(train.x_train)), ("test.csv", len(files.x_test))):
        with (folder / name).open(encoding="utf-8") as file:
            first, second, *_ = file.readline().split(",")
        megabytes = (folder / name).stat().st_size / 1e6
        rows.append([name, f"{count:,}", f"{megabytes:.0f} MB", f"{first}, {second}, …"])
    document.table(["file", "images", "size", "columns"], rows)
    fewest, *_, most = sorted(np.bincount(files.y, minlength=CLASSES))
    document.paragraph(
        "Read back, both hold the images of ",
        Code("emnist47"),
        f" to the bit. Of those in train.csv {size.validation:,} are held out for validation and "
        f"{len(files.x):,} are for training: {fewest:,} of the rarest class, {most:,} of the most "
        "frequent.",
    )


def check_same(read: Array, written: Array | None) -> None:
    """Refuse a file from which something else is read than was written."""
    if not np.array_equal(read, np.asarray(written)):
        raise DataError("a CSV file does not hold what was written to it: is the disk full?")


def show_training(document: Document, runs: Runs) -> None:
    """Loss and accuracy in every epoch, of the two networks that are trained on all images."""
    document.heading("Training and validation, epoch by epoch")
    columns = ("loss", "accuracy", "validation_loss", "validation_accuracy")
    headers = ["epoch", *(column.replace("_", " ") for column in columns)]
    panels: dict[str, dict[str, list[list[float]]]] = {"loss": {}, "accuracy": {}}
    for name in (MLP_WHOLE, CNN_WHOLE):
        histories = [run.history for run in runs[name]]
        rows = [
            [str(epoch + 1)]
            + [
                (percent if "accuracy" in column else plain)([h[column][epoch] for h in histories])
                for column in columns
            ]
            for epoch in range(len(histories[0]))
        ]
        document.table(headers, rows, f"{name} ({len(histories)} seeds)")
        for number, curves in panels.items():
            network = name.split()[0]
            curves[f"{network}, training"] = [h[number] for h in histories]
            curves[f"{network}, validation"] = [h[f"validation_{number}"] for h in histories]
    document.picture(
        "curves",
        draw_curves("Learning 47 characters", panels),
        "Loss and accuracy over the epochs: the mean over the seeds, in a band from lowest to "
        "highest. In training the CNN reads moved images with dropout on, and its loss counts "
        "every class the same: its validation is the easier task.",
    )


def show_improvements(document: Document, runs: Runs, size: Size) -> None:
    """What each change gave, alone."""
    document.heading("What each improvement gave")
    rows = []
    for name in size.improvements:
        variant = VARIANTS[name]
        test = [run.test for run in runs[name]]
        base = [run.test for run in runs[variant.against]] if variant.against else test
        rows.append(
            [
                name,
                percent([run.validation for run in runs[name]]),
                percent(test),
                gain(difference(test, base)) if variant.against else "",
                variant.against.removeprefix("network: "),
            ]
        )
    seeds = len(runs[MLP])
    document.table(
        ["", "validation accuracy", "test accuracy", "difference in the test", "from"],
        rows,
        f"Each trained on {size.part:,} images for {size.part_epochs} epochs, {seeds} seeds",
    )
    document.paragraph(
        "Augmentation moves every image by up to one pixel up or down and to a side, anew in "
        "every epoch. It and dropout make learning harder, and need epochs to pay for that: these "
        f"are figures after {size.part_epochs}. Counting every class the same favours those that "
        "are rare in training and validation, but as frequent as the others in the test."
    )


def as_csv(predictions: Array) -> bytes:
    """The file to hand in: a header, then number and class of each test image."""
    lines = [",".join(HEADER), *(f"{number},{label}" for number, label in enumerate(predictions))]
    return ("\n".join(lines) + "\n").encode()


def check_predictions(content: bytes, count: int) -> Array:
    """The classes in a file that is ready to be handed in.

    Raises:
        DataError: it has another header, another number of lines than `count`, numbers out of
            order, or what is no whole number of a class.
    """
    header, *rows = csv.reader(io.StringIO(content.decode())) if content else [[]]
    if header != HEADER:
        raise DataError(f"predictions begin with {','.join(HEADER)}, received {','.join(header)!r}")
    if len(rows) != count:
        raise DataError(f"expected {count} predictions, one for each image, received {len(rows)}")
    for number, row in enumerate(rows):
        if len(row) != 2 or row[0] != str(number):
            raise DataError(f"line {number + 2} should begin with {number}, received {row}")
        if not row[1].isdecimal() or int(row[1]) >= CLASSES:
            raise DataError(
                f"line {number + 2}: expected a class from 0 to {CLASSES - 1}, received {row[1]!r}"
            )
    return np.array([int(label) for _, label in rows])


def show_predictions(document: Document, handed_in: bytes, emnist: cr.datasets.Dataset) -> float:
    """The file to hand in, checked, and scored with the labels that test.csv does not have; the
    share that is right."""
    document.heading("The file to hand in")
    x, y = np.asarray(emnist.x_test), np.asarray(emnist.y_test)
    predictions = check_predictions(handed_in, len(y))
    wrong = np.flatnonzero(predictions != y)
    right = 1 - len(wrong) / len(predictions)
    document.attach(
        "predictions.csv",
        handed_in,
        f"the classes of the {len(predictions):,} images of test.csv, by the CNN of the first "
        "seed; checked: the header, one line for each image, numbered in order, whole numbers "
        f"from 0 to {CLASSES - 1}. {100 * right:.2f} % are right.",
    )
    examples = [
        (x[i], f"{CLASS_NAMES[y[i]]} as {CLASS_NAMES[predictions[i]]}") for i in wrong[:MISTAKES]
    ]
    document.picture(
        "mistakes",
        draw_images([("", examples[: MISTAKES // 2]), ("", examples[MISTAKES // 2 :])], 8),
        "The first mistakes: the true class, and the one it was taken for.",
    )
    return right


def claims(runs: Runs, right: float, setting: Setting) -> list[Claim]:
    """The closing table."""
    mlp, cnn = runs[MLP_WHOLE], runs[CNN_WHOLE]
    mlp_test, cnn_test = ([run.test for run in trained] for trained in (mlp, cnn))
    after_two = [run.history["validation_accuracy"][1] for run in cnn]
    best = max(
        (name for name in runs if VARIANTS[name].against == MLP),
        key=lambda name: np.mean([run.test for run in runs[name]]),
    )
    return [
        *(
            Claim(
                f"Sample: validation after epoch {epoch}",
                f"{100 * reported:.1f} %",
                percent([run.history["validation_accuracy"][epoch - 1] for run in mlp]),
                "784-256-128-47, Adam, pixels from 0 to 1; there 784-60-47, plain gradient "
                "descent, pixels from 0 to 255: only the rate's figure is the same",
            )
            for epoch, reported in enumerate(SAMPLE, start=1)
        ),
        Claim(
            "Validation after epoch 2 with the CNN",
            f"{100 * SAMPLE[1]:.1f} %",
            percent(after_two),
            "convolutions, batch norm, Adam at 1e-3: another network, not a better run of the same",
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
            "Which improvement of the MLP gives most",
            "asked, with no figure",
            f"{best}: {gain(difference(*([r.test for r in runs[n]] for n in (best, MLP))))}",
            "each measured alone, on a part of the images",
        ),
        Claim(
            "predictions.csv",
            "Id,Category, whole numbers, in test order",
            f"the same, checked; {100 * right:.2f} % right",
            "scored with labels that test.csv does not have",
        ),
    ]


LAB = Lab("emnist", TITLE, run)
