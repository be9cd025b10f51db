"""Folders of images, one folder for each class."""

from __future__ import annotations

import math
import mmap
import re
import struct
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

import numpy as np

from chainrule.data.readers.raw import Examples, RawDataset
from chainrule.errors import ArgumentError, DataError
from chainrule.extras import packages_for
from chainrule.limits import MEGABYTE, check_unpacked, is_plain, listed, shortened
from chainrule.types import Array

if TYPE_CHECKING:
    from PIL.Image import Image


FORMATS = ("PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM")
PARTS = ("train", "test")
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".gif", ".bmp", ".tif", ".tiff", ".webp", ".pgm", ".ppm", ".pbm"),
)
DEEP = ("I;16", "I;16B", "I;16L", "I")  # grey with 16 bits
GREY = ("1", "L", "LA", "La", *DEEP)
COLOUR = ("RGB", "RGBA", "RGBa", "P", "PA", "CMYK", "YCbCr")
TRANSPARENT = ("LA", "La", "RGBA", "RGBa", "PA")
ORIENTATION = 0x0112  # among the EXIF data: how the camera was held
LYING = range(5, 9)  # of its values, those that exchange width and height
STEP = 257  # of 16-bit grey, from one of 8 bits to the next

MOST_PIXELS = 4096 * 4096  # of one image
FOLDER = 1024 * MEGABYTE  # that a folder of images may always take: drawings compress well

# What Pillow raises when the bytes of an image are not what they were.
DAMAGED = (OSError, SyntaxError, ValueError, LookupError, EOFError, OverflowError, struct.error)


@dataclass(frozen=True)
class ImageOptions:
    """What is made of images of several kinds: `size` is (height, width), to which each is scaled
    and, where its sides have another proportion, cropped around its middle."""

    size: tuple[int, int] | None = None
    grayscale: bool = False

    @classmethod
    def parse(cls, size: str | None, grayscale: bool) -> ImageOptions:
        """From the options of a command: a size is WIDTHxHEIGHT.

        >>> ImageOptions.parse("32x28", grayscale=True)
        ImageOptions(size=(28, 32), grayscale=True)
        """
        if size is None:
            return cls(None, grayscale)
        match = re.fullmatch(r"([1-9]\d{0,3})x([1-9]\d{0,3})", size.strip().lower())
        if not match:
            raise ArgumentError(
                f"image_size is WIDTHxHEIGHT in pixels, as in 28x28; received {size!r}"
            )
        return cls((int(match[2]), int(match[1])), grayscale)

    @classmethod
    def from_plain(cls, stored: Mapping[str, Any]) -> ImageOptions:
        """From a file. Raises ValueError, TypeError or LookupError where it is damaged."""
        size = stored["size"]
        if size is not None:
            height, width = map(int, size)
            if not (0 < height < 10_000 and 0 < width < 10_000):
                raise ValueError(f"the size of images should be positive, is {size}")
            size = height, width
        return cls(size, bool(stored["grayscale"]))


AS_THEY_ARE = ImageOptions()


def read_image_folder(
    folder: Path,
    class_names: Sequence[str] | None = None,
    needs_labels: bool = True,
    options: ImageOptions = AS_THEY_ARE,
) -> RawDataset:
    """The images in ``folder/CLASS/``, or in ``folder/train/CLASS/`` and
    ``folder/test/CLASS/``; without labels, those in the folder itself.

    The classes are the names of the folders, in alphabetical order, or `class_names` where
    they are known already. All images are of one size, all grey ``(N, height, width, 1)`` or
    all in colour ``(N, height, width, 3)``, unless `options` make them so. They are turned as the
    camera was held, and what is transparent is laid on white. Hidden files and folders are passed
    over.

    Raises:
        DataError: an image cannot be read, is of another size, or belongs to no class.
    """
    if not needs_labels and list_images(folder):
        files = list_images(folder)
        ids = tuple(file.name for file in files)
        return RawDataset(Examples(_read_images(files, folder, options), None, str(folder), ids))
    if not (folder / "train").is_dir():
        names = tuple(class_names or _find_classes(folder))
        notes = _note_unread(folder, names, "they hold no images themselves")
        return RawDataset(_read_part(folder, names, options), class_names=names, notes=notes)
    names = tuple(class_names or _find_classes(folder / "train"))
    notes = (
        *_note_unread(folder, PARTS, "the parts are train and test; --val takes another"),
        *_note_unread(folder / "train", names, "they hold no images themselves"),
    )
    train = _read_part(folder / "train", names, options)
    if not (folder / "test").is_dir():
        return RawDataset(train, class_names=names, notes=notes)
    return RawDataset(train, _read_part(folder / "test", names, options), names, notes)


def holds_images(folder: Path) -> bool:
    """True if there are images in the folder, in its folders or in theirs."""
    folders = [folder, *_subfolders(folder)]
    folders += [inner for outer in folders[1:] for inner in _subfolders(outer)]
    return any(list_images(each) for each in folders)


def list_images(folder: Path) -> list[Path]:
    """The image files in the folder itself, sorted by name."""
    files = (file for file in folder.iterdir() if file.suffix.lower() in SUFFIXES)
    return sorted(file for file in files if file.is_file() and not _is_hidden(file))


def _subfolders(folder: Path) -> list[Path]:
    return sorted(entry for entry in folder.iterdir() if entry.is_dir() and not _is_hidden(entry))


def _note_unread(folder: Path, read: Sequence[str], reason: str) -> tuple[str, ...]:
    """What to say of folders within another that were not read."""
    unread = [entry.name for entry in _subfolders(folder) if entry.name not in read]
    if not unread:
        return ()
    return (f"warning: folders of {folder} that were not read, as {reason}: {listed(unread)}",)


def _is_hidden(path: Path) -> bool:
    """True of what systems and programs leave beside the user's own: .ipynb_checkpoints."""
    return path.name.startswith((".", "__MACOSX"))


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


def _read_part(folder: Path, class_names: Sequence[str], options: ImageOptions) -> Examples:
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
    ids = tuple(file.relative_to(folder).as_posix() for file in files)
    return Examples(_read_images(files, folder, options), np.array(labels), str(folder), ids)


def _read_images(files: Sequence[Path], folder: Path, options: ImageOptions) -> Array:
    with _open(files[0]) as image:
        expected = _shape(image, options)
    total = len(files) * math.prod(expected)
    stored = sum(file.stat().st_size for file in files)
    what = f"{folder}, with {len(files):,} images of {_describe(expected)},"
    check_unpacked(total, stored, what, "save them as arrays in an NPY file", at_least=FOLDER)
    images = np.empty((len(files), *expected), dtype=np.uint8)
    deep: dict[int, Array] = {}
    for position, file in enumerate(files):
        with _open(file) as image:
            if _shape(image, options) != expected:
                raise DataError(
                    f"{file} is {_describe(_shape(image, options))}, but {files[0]} is "
                    f"{_describe(expected)}: bring all images to one size, all grey or all in "
                    "colour, as --image-size and --grayscale do (image_size= and grayscale= in "
                    "Python)"
                )
            pixels = _pixels(image, expected, options)
        if pixels.dtype == np.uint16:
            deep[position] = pixels
        else:
            images[position] = pixels
    divisor = STEP if any(pixels.max() > 255 for pixels in deep.values()) else 1
    for position, pixels in deep.items():
        images[position] = np.rint(pixels / divisor)
    return images


def _pixels(image: Image, shape: tuple[int, int, int], options: ImageOptions) -> Array:
    """The pixels ``(height, width, channels)``, of 8 bits or of 16."""
    from PIL import Image, ImageOps

    upright = ImageOps.exif_transpose(image)
    if upright.mode in DEEP:
        whole = np.asarray(upright).astype(np.int64)
        if whole.min() < 0 or whole.max() >= 2**16:
            raise ValueError("its pixels have more than 16 bits: save it with 8")
        upright = Image.fromarray(whole.astype(np.float32))
    elif upright.mode in TRANSPARENT or "transparency" in upright.info:
        upright = Image.alpha_composite(
            Image.new("RGBA", upright.size, "white"), upright.convert("RGBA")
        )
    if upright.mode != "F":
        upright = upright.convert("L" if shape[-1] == 1 else "RGB")
    if options.size is not None:
        upright = ImageOps.fit(upright, options.size[::-1])
    pixels = np.asarray(upright)
    if upright.mode == "F":
        pixels = np.clip(np.rint(pixels), 0, 2**16 - 1).astype(np.uint16)
    return pixels.reshape(shape)


@contextmanager
def _open(file: Path) -> Iterator[Image]:
    """An image of which so far only the header was read; what Pillow raises on the way is told as
    a DataError."""
    with packages_for("an image file"):
        from PIL import Image, UnidentifiedImageError

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of metadata that is damaged, of transparency
            # A map reads like a file, but is never asked for more memory than there are bytes.
            with (
                file.open("rb") as stream,
                mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content,
                Image.open(cast(IO[bytes], content), formats=FORMATS) as image,
            ):
                _check(image, file)
                yield image
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(
            f"{file} cannot be read as an image: it is none of {', '.join(FORMATS)}"
        ) from None
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


def _shape(image: Image, options: ImageOptions) -> tuple[int, int, int]:
    """(height, width, channels), as it will be read."""
    channels = 1 if options.grayscale or image.mode in GREY else 3
    if options.size is not None:
        return *options.size, channels
    if image.getexif().get(ORIENTATION) in LYING:
        return image.width, image.height, channels
    return image.height, image.width, channels


def _describe(shape: tuple[int, int, int]) -> str:
    height, width, channels = shape
    return f"{width}x{height} {'grey' if channels == 1 else 'colour'}"
