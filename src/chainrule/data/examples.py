"""Sets that are no tables as training and prediction take them: images and arrays, prepared."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

from chainrule.data.dataset import Dataset, Inputs
from chainrule.data.pixels import find_ink, holds_pixels
from chainrule.data.preparation import Preparation
from chainrule.data.readers.images import ImageOptions
from chainrule.data.readers.raw import Examples, RawDataset
from chainrule.data.splits import HoldOut
from chainrule.data.tables.labels import (
    class_numbers,
    guess_task,
    name_classes,
    odd_classes,
    say_regression,
)
from chainrule.data.tables.target_scale import TargetScale
from chainrule.errors import DataError
from chainrule.types import Array


def learn_examples(
    raw: RawDataset, path: Path, task: str | None, images: ImageOptions, held_out: HoldOut
) -> Dataset:
    """Images or arrays to train on, in parts. `images` says how files of images were read."""
    y_train = _require_labels(raw.train)
    preparation, class_names = _infer(raw.train), None
    if (task or _guess_task(raw, y_train)) == "classification":
        class_names = raw.class_names or name_classes(y_train, raw.train.origin)
    preparation = replace(
        preparation,
        class_names=class_names,
        images=None if raw.train.ids is None else images,
    )
    x_train = prepare(preparation, raw.train)
    preparation = replace(preparation, ink=find_ink(x_train))
    test = raw.test
    if test is not None:
        _require_labels(test)
    targets = _targets(raw, raw.train, preparation)
    if class_names is not None:
        notes = odd_classes(targets, class_names)
    else:
        notes = [] if task else [say_regression(f"y in {raw.train.origin}", y_train)]
    dataset = held_out.apply(
        Dataset(
            name=path.stem,
            x_train=x_train,
            y_train=targets,
            x_test=None if test is None else prepare(preparation, test),
            y_test=None if test is None else _targets(raw, test, preparation),
            preparation=preparation,
            source=str(path),
            notes=(*raw.notes, *notes),
        )
    )
    if class_names is not None:
        return dataset
    scale = TargetScale.learn(dataset.y_train)
    return replace(dataset, preparation=replace(preparation, target_scale=scale))


def _guess_task(raw: RawDataset, y: Array) -> str:
    """Classes where files name them; else what `guess_task` says of one label for each example."""
    if raw.class_names is not None or math.prod(y.shape[1:]) > 1:
        return "classification"
    x = raw.train.x
    return guess_task(y, are_pixels=x.ndim > 2 or holds_pixels(x))


def example_inputs(raw: RawDataset, preparation: Preparation, labels: bool) -> Inputs:
    """Images or arrays to predict or evaluate on; the arguments are those of `load_inputs`."""
    examples = raw.held_out
    x = prepare(preparation, examples)
    notes = (*raw.notes, *preparation.compare_ink(x))
    if examples.y is None or not labels:
        return Inputs(x, None, examples.ids, notes=notes)
    return Inputs(x, _targets(raw, examples, preparation), examples.ids, notes=notes)


def prepare(preparation: Preparation, examples: Examples) -> Array:
    """The examples as the network takes them. Raises DataError, which names their file."""
    try:
        return preparation.apply(examples.x)
    except DataError as error:
        raise DataError(f"{examples.origin}: {error}") from None


def _targets(raw: RawDataset, examples: Examples, preparation: Preparation) -> Array:
    """What the examples' labels are to a loss. Where the files name the classes, they number these
    already."""
    y, names = _require_labels(examples), preparation.class_names
    if names is not None and raw.class_names is not None:
        return class_numbers(y, examples.origin, names)
    return preparation.targets(y, examples.origin)


def _require_labels(examples: Examples) -> Array:
    if examples.y is None:
        raise DataError(
            f"{examples.origin} holds examples without labels: to train on it, put the labels "
            "file beside an IDX file, or y_train (and y_test) beside x_train (and x_test)"
        )
    return examples.y


def _infer(examples: Examples) -> Preparation:
    try:
        return Preparation.infer(examples.x)
    except DataError as error:
        raise DataError(f"{examples.origin}: {error}") from None
