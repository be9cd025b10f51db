from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from chainrule.data.preparation import Preparation
from chainrule.data.readers.images import ORIENTATION, ImageOptions, read_image_folder
from chainrule.datasets import load, load_inputs
from chainrule.errors import ArgumentError, DataError


def save(path: Path, pixels: np.ndarray | int, mode: str = "L") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    if isinstance(pixels, int):
        image = Image.new(mode, (5, 4), pixels if mode == "L" else (pixels,) * len(mode))
    else:
        image = Image.fromarray(pixels)
    image.save(path)
    return path


def test_grey_images_by_class(tmp_path: Path) -> None:
    pixels = np.arange(20, dtype=np.uint8).reshape(4, 5)
    save(tmp_path / "dog" / "b.png", 7)
    save(tmp_path / "cat" / "a.PNG", pixels)
    save(tmp_path / "cat" / "b.jpeg", 9)
    (tmp_path / "cat" / "notes.txt").write_text("not an image")
    raw = read_image_folder(tmp_path)
    assert raw.class_names == ("cat", "dog")
    assert raw.train.x.shape == (3, 4, 5, 1)
    assert np.array_equal(raw.train.x[0, :, :, 0], pixels)
    assert raw.train.y is not None
    assert raw.train.y.tolist() == [0, 0, 1]
    assert raw.test is None


def test_colour_images_with_a_test_part(tmp_path: Path) -> None:
    save(tmp_path / "train" / "cat" / "a.png", 1, "RGB")
    save(tmp_path / "train" / "dog" / "a.png", 2, "RGBA")
    save(tmp_path / "test" / "dog" / "a.png", 3, "RGB")
    raw = read_image_folder(tmp_path)
    assert raw.train.x.shape == (2, 4, 5, 3)
    assert raw.test is not None
    assert raw.test.y is not None
    assert raw.test.y.tolist() == [1]
    assert raw.test.x.max() == 3


def test_capital_and_small_letters_are_two_classes(tmp_path: Path) -> None:
    for name in "aA":
        save(tmp_path / "train" / name / "1.png", 1)
        save(tmp_path / "test" / name / "1.png", 1)
    raw = read_image_folder(tmp_path)
    assert raw.class_names == ("A", "a")
    assert raw.test is not None
    assert raw.test.y is not None
    assert raw.test.y.tolist() == [0, 1]


def test_images_without_classes(tmp_path: Path) -> None:
    for name in ("2.png", "1.png"):
        save(tmp_path / name, int(name[0]))
    raw = read_image_folder(tmp_path, needs_labels=False)
    assert raw.train.y is None
    assert raw.train.x[:, 0, 0, 0].tolist() == [1, 2]


def test_two_sizes_name_both_files(tmp_path: Path) -> None:
    first = save(tmp_path / "cat" / "a.png", 1)
    second = save(tmp_path / "dog" / "b.png", np.zeros((4, 6), np.uint8))
    with pytest.raises(DataError) as caught:
        read_image_folder(tmp_path)
    assert f"{second} is 6x4 grey, but {first} is 5x4 grey" in str(caught.value)


def test_grey_and_colour_name_both_files(tmp_path: Path) -> None:
    first = save(tmp_path / "cat" / "a.png", 1)
    second = save(tmp_path / "dog" / "b.png", 1, "RGB")
    with pytest.raises(DataError) as caught:
        read_image_folder(tmp_path)
    assert f"{second} is 5x4 colour, but {first} is 5x4 grey" in str(caught.value)


@pytest.mark.parametrize("name", ["a.png", "a.jpg"])
def test_unreadable_images_are_named(tmp_path: Path, name: str) -> None:
    path = save(tmp_path / "cat" / name, 1)
    content = path.read_bytes()
    for damaged in (b"", b"not an image", content[:40], content[: len(content) // 2]):
        path.write_bytes(damaged)
        with pytest.raises(DataError, match="cannot be read as an image") as caught:
            read_image_folder(tmp_path)
        assert str(path) in str(caught.value)


def test_sixteen_bits_are_known_by_their_range(tmp_path: Path) -> None:
    grey = np.arange(20).reshape(4, 5)
    save(tmp_path / "cat" / "a.png", (grey * 257).astype(np.uint16))
    save(tmp_path / "cat" / "b.png", grey.astype(np.uint8))
    assert np.array_equal(read_image_folder(tmp_path).train.x[..., 0], [grey, grey])
    save(tmp_path / "cat" / "a.png", grey.astype(np.uint16))  # 8 bits in the place of 16
    assert np.array_equal(read_image_folder(tmp_path).train.x[..., 0], [grey, grey])


def test_pictures_of_zero_and_one_are_not_divided(tmp_path: Path) -> None:
    bits = np.random.default_rng(0).integers(0, 2, (3, 4, 5), np.uint8)
    for number, image in enumerate(bits):
        save(tmp_path / "ab"[number % 2] / f"{number}.png", image)
    dataset = load(tmp_path)
    assert dataset.x_train.max() == 1
    assert dataset.preparation.scale == 1
    later = load_inputs(tmp_path, dataset.preparation)
    assert np.array_equal(later.x, dataset.x_train)


def test_black_ink_on_nothing_lies_on_white(tmp_path: Path) -> None:
    ink = np.zeros((4, 5), np.uint8)
    ink[1:3, 2] = 255
    expected = 255 - ink
    drawing = np.zeros((4, 5, 4), np.uint8)
    drawing[..., 3] = ink
    save(tmp_path / "rgba" / "c" / "a.png", drawing)
    Image.fromarray(drawing).convert("LA").save(save(tmp_path / "la" / "c" / "a.png", 0))
    Image.fromarray(drawing).quantize(2).save(save(tmp_path / "p" / "c" / "a.png", 0))
    for kind in ("rgba", "la", "p"):
        x = read_image_folder(tmp_path / kind).train.x
        assert np.array_equal(x, np.repeat(expected[None, ..., None], x.shape[-1], axis=-1)), kind


def test_images_are_turned_as_the_camera_was_held(tmp_path: Path) -> None:
    upright = np.zeros((4, 8), np.uint8)
    upright[:, 4:] = 200
    exif = Image.Exif()
    exif[ORIENTATION] = 6  # to be turned to the right
    path = save(tmp_path / "cat" / "a.jpg", 0)
    Image.fromarray(np.rot90(upright)).save(path, exif=exif, quality=100)
    x = read_image_folder(tmp_path).train.x[0, :, :, 0]
    assert x.shape == upright.shape
    assert np.abs(x.astype(int) - upright).max() < 9


def test_hidden_files_and_folders_are_passed_over(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "a.png", 1)
    save(tmp_path / "cat" / "._a.png", 2)
    save(tmp_path / "cat" / ".ipynb_checkpoints" / "a.png", 2)
    save(tmp_path / ".ipynb_checkpoints" / "a.png", 2)
    save(tmp_path / "__MACOSX" / "a.png", 2)
    raw = read_image_folder(tmp_path)
    assert raw.class_names == ("cat",)
    assert raw.train.x.max() == 1
    assert raw.notes == ()


def test_folders_that_are_not_read_are_named(tmp_path: Path) -> None:
    for name in ("cat", "owl/2024"):  # whose images lie deeper
        save(tmp_path / "train" / name / "a.png", 1)
        save(tmp_path / "valid" / name / "a.png", 1)
    whole, part = (read_image_folder(folder) for folder in (tmp_path, tmp_path / "train"))
    assert whole.class_names == part.class_names == ("cat",)
    assert whole.notes[0].endswith("as the parts are train and test; --val takes another: valid")
    assert whole.notes[1:] == part.notes
    assert part.notes[0].endswith("not read, as they hold no images themselves: owl")


@pytest.mark.parametrize("suffix", [".gif", ".bmp", ".tiff", ".webp", ".pgm"])
def test_other_formats(tmp_path: Path, suffix: str) -> None:
    path = save(tmp_path / "cat" / f"a{suffix}", 7)
    assert path.suffix == suffix
    assert read_image_folder(tmp_path).train.x.max() == 7


def test_images_of_all_kinds_are_made_alike(tmp_path: Path) -> None:
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 255
    save(tmp_path / "a" / "1.png", wide)
    save(tmp_path / "b" / "1.png", 255, "RGB")
    save(tmp_path / "b" / "2.png", np.full((20, 20), 65535, np.uint16))
    dataset = load(tmp_path, image_size="4x5", grayscale=True)
    assert dataset.x_train.shape == (3, 5, 4, 1)
    assert dataset.x_train.min() > 0.99  # the middle of the wide one is white
    assert dataset.preparation.images == ImageOptions((5, 4), True)
    later = save(tmp_path / "later" / "1.webp", 255, "RGB").parent
    inputs = load_inputs(later, dataset.preparation)
    assert inputs.x.shape == (1, 5, 4, 1)
    assert inputs.ids == ("1.webp",)
    assert Preparation.from_plain(dataset.preparation.as_plain()) == dataset.preparation


@pytest.mark.parametrize("size", ["28", "0x5", "28x", "-1x2", "99999x2", "axb"])
def test_a_size_that_cannot_be(tmp_path: Path, size: str) -> None:
    save(tmp_path / "a" / "1.png", 1)
    with pytest.raises(ArgumentError, match="image_size is WIDTHxHEIGHT in pixels, as in 28x28"):
        load(tmp_path, image_size=size)


@pytest.mark.parametrize("options", [{"image_size": "8x8"}, {"grayscale": True}])
def test_only_files_of_images_can_be_made_alike(tmp_path: Path, options: dict[str, Any]) -> None:
    np.savez(tmp_path / "a.npz", x=np.zeros((2, 8, 8), np.uint8), y=[0, 1])
    for source in ("digits", tmp_path / "a.npz"):
        with pytest.raises(ArgumentError, match="are for folders of images, not for"):
            load(source, **options)


def test_inverted_ink_is_noticed(tmp_path: Path) -> None:
    drawings = np.zeros((6, 8, 8), np.uint8)
    drawings[:, 2:6, 3] = 255
    for number, drawing in enumerate(drawings):
        save(tmp_path / "train" / "ab"[number % 2] / f"{number}.png", drawing)
        save(tmp_path / "other" / f"{number}.png", 255 - drawing)
    preparation = load(tmp_path / "train").preparation
    assert preparation.ink == "light"
    assert load_inputs(tmp_path / "train", preparation).notes == ()
    (note,) = load_inputs(tmp_path / "other", preparation).notes
    assert "these images are dark on light, but those of training are light on dark" in note
    assert load("digits").preparation.ink == "light"


def test_classes_that_were_not_trained_on(tmp_path: Path) -> None:
    save(tmp_path / "train" / "cat" / "a.png", 1)
    save(tmp_path / "test" / "dgo" / "a.png", 1)
    with pytest.raises(DataError, match="dgo is none of the classes cat"):
        read_image_folder(tmp_path)


def test_a_folder_without_classes_cannot_be_trained_on(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1)
    with pytest.raises(DataError, match="one folder for each class"):
        read_image_folder(tmp_path)
