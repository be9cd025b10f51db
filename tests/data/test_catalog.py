from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from chainrule.data.catalog import BUNDLED_DIGITS, CATALOG, find_entry, load_catalog, locate
from chainrule.data.readers.idx import USUAL_NAMES
from chainrule.errors import DataError, DownloadError, UnknownNameError

IMAGES_SHA256 = "8f26b2bd9d135c256808f68f14fdabddde6d9c7f869ae419704b051f0f14b3b3"
LABELS_SHA256 = "8ba4f891220f5e4c9c819638d1602d74b83618f167043c6da52a2a247841ddf0"

Write = Callable[[Path, np.ndarray], Path]


@pytest.fixture
def make_set(write_idx: Write) -> Callable[..., None]:
    def make(
        folder: Path, prefix: str = "", *, labels: tuple[int, ...] = (1, 2), suffix: str = ".gz"
    ) -> None:
        images = np.zeros((len(labels), 28, 28), np.uint8)
        images[:, 0, 27] = 255
        for kind, name in USUAL_NAMES.items():
            array = np.array(labels, np.uint8) if "labels" in kind else images
            name = name.replace("t10k", "test") if prefix else name
            write_idx(folder / f"{prefix}{name}{suffix}", array)

    return make


def test_digits_are_those_of_uci() -> None:
    digits = load_catalog("digits")
    assert digits.x_test is not None
    assert digits.y_test is not None
    assert digits.x_train.shape == (1437, 8, 8, 1)
    assert digits.x_test.shape == (360, 8, 8, 1)
    assert digits.x_train.dtype == np.float32
    assert digits.x_train.min() == 0
    assert digits.x_train.max() == 1


def test_digits_are_bundled_as_published() -> None:
    """The checksums are those of the arrays in scikit-learn's copy, as bytes."""
    with np.load(BUNDLED_DIGITS, allow_pickle=False) as bundled:
        images, labels = bundled["x"], bundled["y"]
    assert hashlib.sha256(images.tobytes()).hexdigest() == IMAGES_SHA256
    assert hashlib.sha256(labels.tobytes()).hexdigest() == LABELS_SHA256
    digits = load_catalog("digits")
    assert digits.x_test is not None
    assert digits.y_test is not None
    shown = [
        (int(label), (image * 16).astype(np.uint8).tobytes())
        for x, y in ((digits.x_train, digits.y_train), (digits.x_test, digits.y_test))
        for image, label in zip(x, y, strict=True)
    ]
    stored = [(int(y), x.tobytes()) for x, y in zip(images, labels, strict=True)]
    assert sorted(shown) == sorted(stored)


def test_digits_are_split_evenly_and_always_alike() -> None:
    digits = load_catalog("digits")
    assert digits.y_test is not None
    share = np.bincount(digits.y_test) / np.bincount(
        np.concatenate([digits.y_train, digits.y_test])
    )
    assert np.abs(share - 0.2).max() < 0.005
    assert digits.y_test[:12].tolist() == load_catalog("digits").y_test[:12].tolist()


@pytest.mark.parametrize("suffix", ["", ".gz"])
@pytest.mark.parametrize("own_folder", [True, False])
def test_local_sets(
    tmp_path: Path, make_set: Callable[..., None], suffix: str, own_folder: bool
) -> None:
    folder = tmp_path / "data" / "mnist" if own_folder else tmp_path / "data"
    make_set(folder, suffix=suffix)
    dataset = load_catalog("MNIST", tmp_path / "data")
    assert dataset.name == "mnist"
    assert dataset.source == str(folder)
    assert dataset.y_train.tolist() == [1, 2]
    assert dataset.preparation.scale == 255


def test_data_folder_from_the_environment(
    tmp_path: Path, make_set: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    make_set(tmp_path / "data")
    monkeypatch.setenv("CHAINRULE_DATA", str(tmp_path / "data"))
    assert locate(CATALOG["mnist"]) == tmp_path / "data"
    monkeypatch.setenv("CHAINRULE_DATA", str(tmp_path / "nowhere"))
    with pytest.raises(DataError, match=r"the data folder .*nowhere does not exist"):
        locate(CATALOG["mnist"])


def test_the_folder_of_another_set_is_not_taken(
    tmp_path: Path, make_set: Callable[..., None]
) -> None:
    make_set(tmp_path / "fashion-mnist")
    assert locate(CATALOG["fashion-mnist"], tmp_path / "fashion-mnist") is not None
    assert locate(CATALOG["mnist"], tmp_path / "fashion-mnist") is None


def test_half_a_set_in_the_cache_is_not_taken(
    tmp_path: Path, make_set: Callable[..., None]
) -> None:
    make_set(tmp_path / "cache" / "mnist")
    assert locate(CATALOG["mnist"]) == tmp_path / "cache" / "mnist"
    (tmp_path / "cache" / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    assert locate(CATALOG["mnist"]) is None


def test_a_local_set_with_a_file_missing(tmp_path: Path, make_set: Callable[..., None]) -> None:
    make_set(tmp_path / "mnist")
    (tmp_path / "mnist" / "t10k-labels-idx1-ubyte.gz").unlink()
    with pytest.raises(DataError, match="holds no test labels: put the file"):
        load_catalog("mnist", tmp_path)


def test_emnist_is_made_upright(tmp_path: Path, make_set: Callable[..., None]) -> None:
    make_set(tmp_path, "emnist-balanced-")
    make_set(tmp_path, "emnist47-")
    stored_transposed = load_catalog("emnist-balanced", tmp_path)
    assert np.argwhere(stored_transposed.x_train[0]).tolist() == [[27, 0, 0]]
    assert stored_transposed.x_train.flags.c_contiguous
    stored_upright = load_catalog("emnist47", tmp_path)
    assert np.argwhere(stored_upright.x_train[0]).tolist() == [[0, 27, 0]]


def test_letters_are_numbered_from_0(tmp_path: Path, make_set: Callable[..., None]) -> None:
    make_set(tmp_path, "emnist-letters-", labels=(1, 26))
    dataset = load_catalog("emnist-letters", tmp_path)
    assert dataset.y_train.tolist() == [0, 25]
    assert dataset.class_names is not None
    assert dataset.class_names[25] == "Z"
    make_set(tmp_path, "emnist-letters-", labels=(0, 26))
    with pytest.raises(DataError, match="label of example 0 is -1"):
        load_catalog("emnist-letters", tmp_path)


def test_class_names() -> None:
    assert "".join(CATALOG["emnist-balanced"].class_names) == (
        "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
    )
    assert CATALOG["emnist-bymerge"].class_names == CATALOG["emnist47"].class_names
    assert len(CATALOG["emnist-byclass"].class_names) == 62
    assert CATALOG["emnist-byclass"].class_names[36] == "a"
    assert CATALOG["fashion-mnist"].class_names[9] == "Ankle boot"


def test_class_names_from_a_mapping_file(tmp_path: Path, make_set: Callable[..., None]) -> None:
    make_set(tmp_path, "emnist47-")
    mapping = tmp_path / "emnist47-mapping.txt"
    mapping.write_text("0 120\n1 121\n2 122\n")
    assert load_catalog("emnist47", tmp_path).class_names == ("x", "y", "z")
    for damaged in ("", "0\n", "0 x\n", "0 99999999999\n", "0 27\n", "0 55296\n"):
        mapping.write_text(damaged)
        with pytest.raises(DataError, match="is not a mapping file"):
            load_catalog("emnist47", tmp_path)


def test_another_set_under_the_same_name(
    tmp_path: Path, make_set: Callable[..., None], write_idx: Write
) -> None:
    make_set(tmp_path / "mnist")
    write_idx(tmp_path / "mnist" / "train-images-idx3-ubyte.gz", np.zeros((2, 8, 8), np.uint8))
    with pytest.raises(DataError, match=r"images of shape \(8, 8\), but those of mnist have"):
        load_catalog("mnist", tmp_path)
    make_set(tmp_path / "mnist", labels=(3, 47))
    with pytest.raises(DataError, match="label of example 1 is 47; there are 10 classes, 0 to 9"):
        load_catalog("mnist", tmp_path)


def test_misspelt_names() -> None:
    assert find_entry("emnist_ByClass").name == "emnist-byclass"
    with pytest.raises(UnknownNameError, match="did you mean 'emnist-letters'"):
        find_entry("emnist-leters")


def test_nothing_is_downloaded_to_find_out_where_a_set_is() -> None:
    assert all(locate(entry) is None for entry in CATALOG.values())
    with pytest.raises(DownloadError):
        load_catalog("emnist47")
