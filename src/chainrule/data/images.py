"""Folders of PNG and JPEG images, one folder for each class."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from chainrule.data.raw import Examples, RawDataset
from chainrule.errors import DataError

Array = npt.NDArray[Any]

SUFFIXES = (".png", ".jpg", ".jpeg")
GREY = ("1", "L", "LA")
COLOUR = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr")


def read_image_folder(
    folder: Path, class_names: Sequence[str] | None = None, needs_labels: bool = True
) -> RawDataset:
    """The images in ``folder/CLASS/``, or in ``folder/train/CLASS/`` and
    ``folder/test/CLASS/``; without labels, those in the folder itself.

    The classes are the names of the folders, in alphabetical order, or `class_names` where
    they are known already. All images are of one size, all grey ``(N, height, width, 1)`` or
    all in colour ``(N, height, width, 3)``.

    Raises:
        DataError: an image cannot be read, is of another size, or belongs to no class.
    """
    if not needs_labels and list_images(folder):
        files = list_images(folder)
        return RawDataset(Examples(_read_images(files), None, str(folder)))
    if not (folder / "train").is_dir():
        names = tuple(class_names or _find_classes(folder))
        return RawDataset(_read_part(folder, names), class_names=names)
    names = tuple(class_names or _find_classes(folder / "train"))
    train = _read_part(folder / "train", names)
    if not (folder / "test").is_dir():
        return RawDataset(train, class_names=names)
    return RawDataset(train, _read_part(folder / "test", names), names)


def holds_images(folder: Path) -> bool:
    """Whether there are images in the folder, in its folders or in theirs."""
    folders = [folder, *_subfolders(folder)]
    folders += [inner for outer in folders[1:] for inner in _subfolders(outer)]
    return any(list_images(each) for each in folders)


def list_images(folder: Path) -> list[Path]:
    """The image files in the folder itself, sorted by name."""
    return sorted(file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)


def _subfolders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir())


def _find_classes(folder: Path) -> list[str]:
    classes = [entry.name for entry in _subfolders(folder) if list_images(entry)]
    if not classes:
        raise DataError(
            f"{folder} holds no folders of images: expected one folder for each class, "
            f"as in {folder / 'cat' / 'first.png'}"
        )
    return classes


def _read_part(folder: Path, class_names: Sequence[str]) -> Examples:
    files: list[Path] = []
    labels: list[int] = []
    for name in _find_classes(folder):
        if name not in class_names:
            raise DataError(
                f"{folder / name} is none of the classes {', '.join(class_names)}: "
                "rename or remove the folder"
            )
        images = list_images(folder / name)
        files += images
        labels += [class_names.index(name)] * len(images)
    return Examples(_read_images(files), np.array(labels), str(folder))


def _read_images(files: Sequence[Path]) -> Array:
    first = _read_image(files[0])
    images = np.empty((len(files), *first.shape), dtype=np.uint8)
    for position, file in enumerate(files):
        image = _read_image(file)
        if image.shape != first.shape:
            raise DataError(
                f"{file} is {_describe(image)}, but {files[0]} is {_describe(first)}: "
                "bring all images to one size, all grey or all in colour"
            )
        images[position] = image
    return images


def _read_image(file: Path) -> Array:
    from PIL import Image

    try:
        with Image.open(file, formats=("PNG", "JPEG")) as image:
            if image.mode not in GREY + COLOUR:
                raise DataError(f"{file} has pixels of type {image.mode}: save it with 8 bits")
            pixels = np.asarray(image.convert("L" if image.mode in GREY else "RGB"))
    except (OSError, SyntaxError, Image.DecompressionBombError) as error:
        raise DataError(f"{file} cannot be read as an image: {error}") from None
    return pixels.reshape(*pixels.shape[:2], -1)


def _describe(image: Array) -> str:
    height, width, channels = image.shape
    return f"{width}x{height} {'grey' if channels == 1 else 'colour'}"
