"""The sections of the lab's report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

import chainrule as cr
from chainrule.experiments.document import Code, Document
from chainrule.experiments.figures import draw_images
from chainrule.experiments.statistics import difference
from chainrule.labs.emnist.files import check_predictions, check_same, read_files
from chainrule.labs.emnist.networks import CLASS_NAMES, CLASSES, CNN_WHOLE, MLP, MLP_WHOLE, VARIANTS
from chainrule.labs.emnist.readings import Reading
from chainrule.labs.emnist.size import Size
from chainrule.labs.emnist.training import Runs
from chainrule.labs.lab import gain, percent, plain
from chainrule.labs.pictures import draw_curves
from chainrule.presentation.display import counted
from chainrule.types import Array

MISTAKES = 16  # in the picture of them
PAIRS = 10  # in the table of those that are taken for each other
LOOKALIKES = ("0O", "1IL", "2Z", "5S", "9gq", "fF")


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
        minutes = np.mean([run.seconds for run in runs[name]]) / 60
        caption = f"{name}: {len(histories)} seeds, {minutes:.1f} minutes of one processor each"
        document.table(headers, rows, caption)
        for number, curves in panels.items():
            network = name[:3]  # MLP or CNN
            curves[f"{network}, training"] = [h[number] for h in histories]
            curves[f"{network}, validation"] = [h[f"validation_{number}"] for h in histories]
    document.picture(
        "curves",
        draw_curves("Learning 47 characters", panels),
        "Loss and accuracy over the epochs: the mean over the seeds, in a band from lowest to "
        "highest. In training both read warped images, with weights that are not averaged yet, and "
        "their loss counts every class the same: validation is the easier task.",
    )


def show_improvements(document: Document, runs: Runs, size: Size) -> None:
    """What each change gave, alone: of the MLP, and of the recipe for the CNN."""
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
        "Augmentation warps every image anew in every epoch. It and dropout make learning harder, "
        f"and need epochs to pay for that: these are figures after {size.part_epochs}. Counting "
        "every class the same favours those that are rare in training and validation, but as "
        "frequent as the others in the test."
    )


def show_readings(
    document: Document, readings: Sequence[Reading], emnist: cr.datasets.Dataset
) -> None:
    """What the CNNs read right, each alone and all together, in one view of an image and in
    several."""
    document.heading("What an ensemble and several views give")
    y = np.asarray(emnist.y_test)
    document.table(
        ["", "validation, all classes alike", "test accuracy"],
        [
            [each.name, percent(each.validation), percent((each.predictions == y).mean(axis=1))]
            for each in readings
        ],
    )
    document.paragraph(
        "The ensemble answers with the mean of what its networks say. The first of the views is "
        "the image as it is; the others are warped as in training. Validation is given as a mean "
        "over the classes, which are equally frequent in the test. By that number, the answers "
        "that are handed in are chosen: of the ensemble, with or without views."
    )


def show_predictions(
    document: Document, handed_in: bytes, by: str, emnist: cr.datasets.Dataset
) -> float:
    """The file to hand in, checked, and scored with the labels that test.csv does not have; the
    share that is right.

    Args:
        by: what made it.
    """
    document.heading("The file to hand in")
    x, y = np.asarray(emnist.x_test), np.asarray(emnist.y_test)
    predictions = check_predictions(handed_in, len(y))
    wrong = np.flatnonzero(predictions != y)
    right = 1 - len(wrong) / len(predictions)
    document.attach(
        "predictions.csv",
        handed_in,
        f"the classes of the {len(predictions):,} images of test.csv, by: {by}. Checked: the "
        "header, one line for each image, numbered in order, whole numbers from 0 to "
        f"{CLASSES - 1}. {100 * right:.2f} % are right.",
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


def show_lookalikes(document: Document, predictions: Array, y: Array) -> None:
    """How many of the mistakes are between characters that look the same without a word around
    them."""
    document.heading("What bounds it")
    wrong = np.flatnonzero(predictions != y)
    pairs = Counter(
        "".join(sorted((CLASS_NAMES[y[i]], CLASS_NAMES[predictions[i]]))) for i in wrong
    )
    most = pairs.most_common(PAIRS)
    document.table(
        ["taken for each other", "mistakes", "images of both"],
        [
            [" and ".join(pair), str(count), f"{sum(np.isin(y, classes(pair))):,}"]
            for pair, count in most
        ],
        f"The {len(most)} pairs of characters with most of the {counted(len(wrong), 'mistake')}",
    )
    within = sum(
        count for pair, count in pairs.items() if any(set(pair) <= set(g) for g in LOOKALIKES)
    )
    document.paragraph(
        f"{within:,} of them are within the groups {', '.join(map(' '.join, LOOKALIKES))}, whose "
        "characters people write the same, and tell apart by the word around them. If each group "
        f"were one class, {100 * (1 - (len(wrong) - within) / len(y)):.2f} % would be right."
    )


def classes(characters: str) -> list[int]:
    """The numbers of the classes of some characters."""
    return [CLASS_NAMES.index(each) for each in characters]
