"""From what a file holds to what a network takes: pixels scaled to [0, 1], rows shaped, the columns
of tables turned into numbers; and what the classes are called.

Decided once, on the training data, and kept in the model's file, so that whatever comes later is
treated in the same way.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from chainrule.arguments import shape as as_shape
from chainrule.data.pixels import INKS, find_ink, find_white, holds_pixels
from chainrule.data.readers.frames import from_frame, is_frame
from chainrule.data.readers.images import ImageOptions
from chainrule.data.tables.columns import Column
from chainrule.data.tables.labels import match_classes, regression_targets
from chainrule.data.tables.layout import Layout, Places, find_by_count, pixel_matrix
from chainrule.data.tables.table import Table, listed_in_order, quoted
from chainrule.data.tables.target_scale import TargetScale
from chainrule.errors import DataError
from chainrule.limits import is_plain
from chainrule.types import Array

NAMES_SHOWN = 10  # of classes


@dataclass(frozen=True, repr=False)
class Preparation:
    """Divide by `scale` and shape each example to `shape` (None: leave as it is); the outputs stand
    for the classes called `class_names` (None: for numbers). Before that, the columns of a table
    become numbers as `layout` says, where the training data was a table; and files of images are
    read as `images` says, where it was a folder of them. `ink` is "light" or "dark", where the
    training images have ink of that kind on a ground of the other. The targets of a regression are
    standardized for the layers as `target_scale` says; all others see them in their own unit."""

    scale: float = 1.0
    shape: tuple[int, ...] | None = None
    class_names: tuple[str, ...] | None = None
    layout: Layout | None = None
    images: ImageOptions | None = None
    ink: str | None = None
    target_scale: TargetScale | None = None

    @classmethod
    def infer(cls, x: Array) -> Preparation:
        """What the training examples `x`, as their file holds them, need.

        Whole numbers from 0 to 255 are pixels where they come as images
        ``(N, height, width[, channels])``, and where a table has a square number of columns,
        64 or more, and a value above 1: they are divided by 255, or by the largest one where that
        is 1, 15 or 16, and given a channel axis. All else is left as it is.

        >>> Preparation.infer(np.zeros((10, 28, 28), dtype=np.uint8))
        Preparation(255.0, (28, 28, 1))
        >>> Preparation.infer(np.zeros((10, 2)))
        Preparation(1.0, (2,))

        Raises:
            DataError: `x` is empty, or has no axis for the features.
        """
        if x.ndim < 2:
            raise DataError(
                f"x has shape {x.shape}; expected (examples, features) or (examples, height, "
                "width, channels): reshape a single feature with x.reshape(-1, 1)"
            )
        if x.size == 0:
            raise DataError(f"x has shape {x.shape}: at least one example is needed")
        example = tuple(x.shape[1:])
        if not holds_pixels(x):
            return cls(1.0, example)
        if len(example) == 1:
            side = math.isqrt(example[0])
            example = (side, side)
        return cls(find_white(x), (*example, 1) if len(example) == 2 else example)

    @classmethod
    def from_plain(cls, stored: Mapping[str, Any]) -> Preparation:
        """What `as_plain` gave, read as if a stranger had written it.

        Raises:
            ValueError, TypeError, LookupError: it is damaged.
        """
        scale, shape, names = float(stored["scale"]), stored["shape"], stored["class_names"]
        layout, images, ink = stored["layout"], stored["images"], stored["ink"]
        target_scale = stored.get("target_scale")
        if ink not in (None, *INKS):
            raise ValueError(f"ink should be dark or light, is {ink!r}")
        if not 0 < scale < math.inf:
            raise ValueError(f"scale should be a positive number, is {scale}")
        return cls(
            scale,
            None if shape is None else as_shape(shape, "shape"),
            None if names is None else plain_names(names),
            None if layout is None else Layout.from_plain(layout),
            None if images is None else ImageOptions.from_plain(images),
            ink,
            None if target_scale is None else TargetScale.from_plain(target_scale),
        )

    def as_plain(self) -> dict[str, Any]:
        """Everything in it as plain data, for a file."""
        layout = None if self.layout is None else self.layout.as_plain()
        images = None if self.images is None else vars(self.images)
        scale = None if self.target_scale is None else self.target_scale.as_plain()
        return {**vars(self), "layout": layout, "images": images, "target_scale": scale}

    def __repr__(self) -> str:
        """Of scale and shape, and of what else there is."""
        others = [item for item in vars(self).items() if item[0] not in ("scale", "shape")]
        told = [f"{name}={value!r}" for name, value in others if value is not None]
        return f"Preparation({', '.join([str(self.scale), str(self.shape), *told])})"

    @property
    def label_name(self) -> str | None:
        """What the column of labels or targets is called; None where it has no name."""
        return None if self.layout is None else self.layout.label_name

    @property
    def columns(self) -> tuple[Column, ...] | None:
        """What becomes of each column of a table; None where it was none, or one of pixels."""
        return None if self.layout is None else self.layout.columns

    def describe(self) -> str:
        """What becomes of the data, in a line or two; nothing where that was no table."""
        scaled = "" if self.target_scale is None else f" {self.target_scale.describe()}"
        if self.layout is None:
            return f"targets{scaled}" if scaled else ""
        name = self.label_name
        kind = "target" if self.class_names is None else "label"
        column = f"column {self.layout.label}" if name is None else quoted(name)
        classes = "" if self.class_names is None else f": {_shown(self.class_names)}"
        return f"{self.layout.describe()}, {kind} {column}{classes}{scaled}"

    def compare_ink(self, x: Array) -> list[str]:
        """A warning of prepared images whose ink is not as in training."""
        ink = find_ink(x) if self.ink is not None else None
        if ink in (None, self.ink):
            return []
        grounds = {"dark": "dark on light", "light": "light on dark"}
        return [
            f"warning: these images are {grounds[str(ink)]}, but those of training are "
            f"{grounds[str(self.ink)]}: invert them, as PIL.ImageOps.invert does"
        ]

    def apply(self, x: Array) -> Array:
        """`x`, as a file holds it, scaled and shaped, in float32. Columns stand in the order of
        training.

        Examples may come flat, shaped, or shaped without a last axis of 1. A memory-mapped
        `x` is answered with a `PreparedArray`, which reads and prepares one batch at a time.

        >>> images = np.full((10, 64), 255, dtype=np.uint8)
        >>> Preparation(255.0, (8, 8, 1)).apply(images).shape
        (10, 8, 8, 1)

        Raises:
            DataError: the examples are of another size.
        """
        if self.layout is not None and self.layout.columns is not None:
            if x.ndim != 2 or x.shape[1] != len(self.layout.features):
                raise DataError(
                    f"each example has shape {x.shape[1:]}, but the network was trained on a table "
                    f"with the columns {listed_in_order(self.layout.features)}: give these"
                )
            return self.apply_to_table(Table("x", self.layout.features, True, np.asarray(x)))
        return self.finish(x)

    def finish(self, x: Array) -> Array:
        """Numbers from whatever source scaled and shaped, in float32."""
        self._check(x)
        if not isinstance(x, np.memmap):
            return self._prepare(x)
        if self.scale == 1.0 and x.dtype == np.float32 and self.shape in (None, x.shape[1:]):
            return x
        # Stands in for an array wherever examples are counted and batches are drawn.
        return cast(Array, PreparedArray(x, self))

    def complete(self, x: Any) -> Any:
        """`x` as a network takes it, from the user's hands. Raw are a frame of pandas or polars,
        whose columns are found by their names, and whole numbers, where they must be scaled; they
        are prepared. Real numbers are prepared already.

        >>> Preparation(255.0).complete(np.array([[51]])), Preparation(255.0).complete([[0.2]])
        (array([[0.2]], dtype=float32), [[0.2]])

        Raises:
            DataError: the examples are of another size.
        """
        if is_frame(x):
            return self.apply_to_table(from_frame(x))
        is_raw = hasattr(x, "dtype") and np.dtype(x.dtype).kind in "ui"
        changes = self.scale != 1.0 or self.columns is not None
        return self.apply(x) if is_raw and changes else x

    def targets(self, y: Array, origin: str) -> Array:
        """Labels or numbers from a file as losses take them. Where it was no table, whole numbers
        from 0 may stand for classes that are called otherwise.

        Raises:
            DataError: one cannot be a target; the message names `origin` and the example.
        """
        if self.class_names is None:
            return regression_targets(y, origin)
        return match_classes(y, origin, self.class_names, may_be_numbered=self.layout is None)

    def seems_missing(self, x: Array) -> bool:
        """True if the columns of a table were given as they stand, though they are standardized."""
        return self.layout is not None and self.layout.seems_unprepared(x)

    def places(self, table: Table, label_column: int | str | None = None) -> Places:
        """Where a table has the features, the labels and the ids. `label_column` counts where the
        training data was no table.

        Raises:
            DataError: columns are missing.
        """
        if self.layout is not None:
            return self.layout.find(table)
        if self.shape is None:
            return Places(list(range(len(table.names))))
        return find_by_count(table, math.prod(self.shape), label_column)

    def apply_to_table(self, table: Table) -> Array:
        """The features of a table, found by their names, in float32."""
        return self.encode(table, self.places(table))[0]

    def encode(self, table: Table, places: Places) -> tuple[Array, list[str]]:
        """The features of a table in float32, and what to say of them."""
        if self.layout is None:
            return self.finish(pixel_matrix(table, places.features)), []
        matrix, notes = self.layout.encode(table, places)
        return self.finish(matrix), notes

    def compare(self, table: Table, places: Places) -> list[str]:
        """A warning of columns far from those of the training data."""
        return [] if self.layout is None else self.layout.compare(table, places)

    def compare_frame(self, frame: Any) -> list[str]:
        """The same of a frame."""
        table = from_frame(frame)
        return self.compare(table, self.places(table))

    def _check(self, x: Array) -> None:
        example = tuple(x.shape[1:])
        if self.shape is None or example in _accepted(self.shape):
            return
        expected = " or ".join(str(shape) for shape in _accepted(self.shape))
        raise DataError(
            f"each example has shape {example}, but the network was given {expected} to train "
            "on: give data of that shape, or train a network on data of this one"
        )

    def _prepare(self, x: Array) -> Array:
        if self.scale == 1.0:
            prepared: Array = x.astype(np.float32, order="C", copy=False)
        else:
            prepared = np.divide(x, np.float32(self.scale), dtype=np.float32, order="C")
        return prepared if self.shape is None else prepared.reshape(len(x), *self.shape)


class PreparedArray:
    """A memory-mapped array seen through a `Preparation`: indexing reads only what is asked
    for, so that a set larger than memory can be trained on.

    It offers `shape`, `dtype`, `ndim`, `len` and indexing by examples (a number, a slice, an
    array of indices or of booleans); ``np.asarray`` reads it whole.
    """

    dtype = np.dtype(np.float32)

    def __init__(self, stored: Array, preparation: Preparation) -> None:
        self._stored = stored
        self._preparation = preparation
        self.shape: tuple[int, ...] = (len(stored), *(preparation.shape or stored.shape[1:]))

    @property
    def ndim(self) -> int:
        """How many axes, that of the examples included."""
        return len(self.shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, index: int | slice | Array) -> Array:
        if isinstance(index, (int, np.integer)):
            return self[np.array([index])][0]
        return self._preparation._prepare(np.asarray(self._stored[index]))

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> Array:
        whole: Array = self[:].astype(dtype or self.dtype, copy=False)
        return whole


def plain_names(stored: Any) -> tuple[str, ...]:
    """Names from a file. Raises ValueError where they are no list of plain text."""
    if not isinstance(stored, (list, tuple)):
        raise ValueError("names should be a list")
    if not all(isinstance(name, str) and is_plain(name) for name in stored):
        raise ValueError("names should be plain text")
    return tuple(stored)


def _shown(class_names: tuple[str, ...]) -> str:
    """The names of the classes; of many, the first and the last ones."""
    if len(class_names) <= NAMES_SHOWN:
        return ", ".join(class_names)
    return f"{', '.join(class_names[: NAMES_SHOWN - 1])}, …, {class_names[-1]}"


def _accepted(shape: tuple[int, ...]) -> list[tuple[int, ...]]:
    """The shapes in which one example may come, without repeats."""
    without_channel = [shape[:-1]] if len(shape) > 1 and shape[-1] == 1 else []
    return list(dict.fromkeys([shape, *without_channel, (math.prod(shape),)]))
