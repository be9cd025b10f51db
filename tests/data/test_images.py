from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chainrule.data.images import read_image_folder
from chainrule.errors import DataError


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


def test_sixteen_bits_are_refused(tmp_path: Path) -> None:
    save(tmp_path / "cat" / "a.png", np.zeros((4, 5), np.uint16))
    with pytest.raises(DataError, match="save it with 8 bits"):
        read_image_folder(tmp_path)


def test_classes_that_were_not_trained_on(tmp_path: Path) -> None:
    save(tmp_path / "train" / "cat" / "a.png", 1)
    save(tmp_path / "test" / "dgo" / "a.png", 1)
    with pytest.raises(DataError, match="dgo is none of the classes cat"):
        read_image_folder(tmp_path)


def test_a_folder_without_classes_cannot_be_trained_on(tmp_path: Path) -> None:
    save(tmp_path / "a.png", 1)
    with pytest.raises(DataError, match="one folder for each class"):
        read_image_folder(tmp_path)
