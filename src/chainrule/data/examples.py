"""Sets that are no tables as training and prediction take them: images and arrays, prepared."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from chainrule.data.dataset import Dataset, Inputs
from chainrule.data.pixels import find_ink
from chainrule.data.preparation import Preparation
from chainrule.data.readers.images import ImageOptions
from chainrule.data.readers.raw import Examples, RawDataset
from chainrule.data.splits import HoldOut
from chainrule.data.tables.labels import class_numbers, name_classes
from chainrule.data.tables.target_scale import TargetScale
from chainrule.errors import DataError
from chainrule.types import Array


def learn_examples(
    raw: RawDataset, path: Path, task: str, images: ImageOptions, held_out: HoldOut
) -> Dataset:
    """Images or arrays to train on, in parts. `images` says how files of images were read."""
    y_train = _require_labels(raw.train)
    class_names = None
    if task == "classification":
        class_names = raw.class_names or name_classes(y_train, raw.train.origin)
    preparation = replace(
        _infer(raw.train),
        class_names=class_names,
        images=None if raw.train.ids is None else images,
    )
    x_train = prepare(preparation, raw.train)
    preparation = replace(preparation, ink=find_ink(x_train))
    test = raw.test
    if test is not None:
        _require_labels(test)
    dataset = held_out.apply(
        Dataset(
            name=path.stem,
            x_train=x_train,
            y_train=_targets(raw, raw.train, preparation),
            x_test=None if test is None else prepare(preparation, test),
            y_test=None if test is None else _targets(raw, test, preparation),
            preparation=preparation,
            source=str(path),
            notes=raw.notes,
        )
    )
    if class_names is not None:
        return dataset
    scale = TargetScale.learn(dataset.y_train)
    return replace(dataset, preparation=replace(preparation, target_scale=scale))


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
