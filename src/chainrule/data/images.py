"""Folders of PNG and JPEG images, one folder for each class."""

from __future__ import annotations

import math
import mmap
import struct
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import numpy as np

from chainrule.data.raw import Examples, RawDataset
from chainrule.errors import DataError
from chainrule.limits import MEGABYTE, check_unpacked, is_plain, listed, shortened
from chainrule.types import Array

if TYPE_CHECKING:
    from PIL.Image import Image


SUFFIXES = (".png", ".jpg", ".jpeg")
GREY = ("1", "L", "LA")
COLOUR = ("RGB", "RGBA", "P", "PA", "CMYK", "YCbCr")

MOST_PIXELS = 4096 * 4096  # of one image
FOLDER = 1024 * MEGABYTE  # that a folder of images may always take: drawings compress well

# What Pillow raises when the bytes of an image are not what they were.
DAMAGED = (OSError, SyntaxError, ValueError, LookupError, EOFError, OverflowError, struct.error)


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
        return RawDataset(Examples(_read_images(files, folder), None, str(folder)))
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
    files = (file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    return sorted(file for file in files if file.is_file())  # a pipe would never end


def _subfolders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir())


def _find_classes(folder: Path) -> list[str]:
    classes = [entry.name for entry in _subfolders(folder) if list_images(entry)]
    for name in classes:
        if not is_plain(name):
            raise DataError(f"{folder} has a folder called {name!r}: give it a name in plain text")
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
                f"{folder / name} is none of the classes {listed(class_names)}: "
                "rename or remove the folder"
            )
        images = list_images(folder / name)
        files += images
        labels += [class_names.index(name)] * len(images)
    return Examples(_read_images(files, folder), np.array(labels), str(folder))


def _read_images(files: Sequence[Path], folder: Path) -> Array:
    with _open(files[0]) as image:
        expected = _shape(image)
    total = len(files) * math.prod(expected)
    stored = sum(file.stat().st_size for file in files)
    what = f"{folder}, with {len(files):,} images of {_describe(expected)},"
    check_unpacked(total, stored, what, "save them as arrays in an NPY file", at_least=FOLDER)
    images = np.empty((len(files), *expected), dtype=np.uint8)
    for position, file in enumerate(files):
        with _open(file) as image:
            if _shape(image) != expected:
                raise DataError(
                    f"{file} is {_describe(_shape(image))}, but {files[0]} is "
                    f"{_describe(expected)}: bring all images to one size, all grey or all in "
                    "colour"
                )
            pixels = np.asarray(image.convert("L" if expected[-1] == 1 else "RGB"))
        images[position] = pixels.reshape(expected)
    return images


@contextmanager
def _open(file: Path) -> Iterator[Image]:
    """An image of which so far only the header was read; what Pillow raises on the way is told as
    a DataError."""
    from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that is damaged, of transparency
            # A map reads like a file, but is never asked for more memory than there are bytes.
            with (
                file.open("rb") as stream,
                mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
                Image.open(cast(IO[bytes], content), formats=("PNG", "JPEG")) as image,
            ):
                _check(image, file)
                yield image
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"{file} cannot be read as an image: it is no PNG and no JPEG") from None
    except (*DAMAGED, Image.DecompressionBombError) as error:
        problem = shortened(str(error))
        raise DataError(f"{file} cannot be read as an image: {problem}") from None


def _check(image: Image, file: Path) -> None:
    """Refuse what is not read, before there is memory for its pixels."""
    if image.mode not in GREY + COLOUR:
        raise DataError(f"{file} has pixels of type {image.mode}: save it with 8 bits")
    if image.width * image.height > MOST_PIXELS:
        raise DataError(
            f"{file} is {image.width}x{image.height}, more than {MOST_PIXELS:,} pixels: make it "
            "smaller"
        )


def _shape(image: Image) -> tuple[int, int, int]:
    """(height, width, channels)."""
    return image.height, image.width, 1 if image.mode in GREY else 3


def _describe(shape: tuple[int, int, int]) -> str:
    height, width, channels = shape
    return f"{width}x{height} {'grey' if channels == 1 else 'colour'}"
