from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from chainrule.data.preparation import Preparation, PreparedArray
from chainrule.datasets import load, load_inputs, names
from chainrule.errors import ArgumentError, DataError, UnknownNameError

Write = Callable[[Path, np.ndarray], Path]


def write_table(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def write_images(folder: Path, classes: dict[str, int], suffix: str = ".png") -> Path:
    for name, grey in classes.items():
        (folder / name).mkdir(parents=True)
        Image.new("L", (3, 2), grey).save(folder / name / f"1{suffix}")
    return folder


def test_every_synthetic_set_loads_by_name() -> None:
    for name in names()[:9]:
        dataset = load(name, samples=30)
        assert dataset.name == name
        assert dataset.task == ("regression" if name == "sine" else "classification")


def test_table(tmp_path: Path) -> None:
    path = write_table(tmp_path / "flowers.csv", "a,b,species\n1,0.5,0\n2,0.25,1\n3,1,1\n")
    dataset = load(path, label_column="species")
    assert dataset.name == "flowers"
    x = np.array([[1, 0.5], [2, 0.25], [3, 1]])
    assert np.allclose(dataset.x_train, (x - x.mean(axis=0)) / x.std(axis=0))
    assert dataset.x_train.dtype == np.float32
    assert dataset.y_train.tolist() == [0, 1, 1]
    assert dataset.class_names == ("0", "1")
    assert dataset.x_test is None


def test_table_of_images(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 64))
    lines = [f"{label}," + ",".join(map(str, row)) for label, row in enumerate(pixels.tolist())]
    dataset = load(write_table(tmp_path / "images.csv", "\n".join(lines)))
    assert dataset.input_shape == (8, 8, 1)
    assert np.allclose(dataset.x_train.reshape(4, 64) * 255, pixels)


def test_table_for_regression(tmp_path: Path) -> None:
    path = write_table(tmp_path / "prices.csv", "1,0.5\n2,-0.25\n")
    dataset = load(path, label_column=-1, task="regression")
    assert dataset.class_names is None
    assert dataset.y_train.tolist() == [[0.5], [-0.25]]
    assert load(path, label_column=-1).class_names is None
    with pytest.raises(
        DataError, match=r"labels from column 1\): the label of example 0 is 0.5; .* choose a loss"
    ):
        load(path, label_column=-1, task="classification")


def test_idx_npz_npy_and_images(tmp_path: Path, write_idx: Write) -> None:
    x, y = np.full((2, 8, 8), 51, np.uint8), np.array([1, 0], np.uint8)
    images = write_idx(tmp_path / "idx" / "train-images-idx3-ubyte.gz", x)
    write_idx(tmp_path / "idx" / "train-labels-idx1-ubyte.gz", y)
    np.savez(tmp_path / "set.npz", x=x, y=y)
    (tmp_path / "npy").mkdir()
    np.save(tmp_path / "npy" / "x_train.npy", x)
    np.save(tmp_path / "npy" / "y_train.npy", y)
    for source in (images, tmp_path / "idx", tmp_path / "set.npz", tmp_path / "npy"):
        dataset = load(source)
        assert dataset.preparation == Preparation(255.0, (8, 8, 1), ("0", "1"))
        assert np.allclose(dataset.x_train[:], 0.2)
        assert dataset.y_train.tolist() == [1, 0]
    assert isinstance(load(tmp_path / "npy").x_train, PreparedArray)
    by_class = load(write_images(tmp_path / "images", {"dog": 102, "cat": 51}))
    assert by_class.class_names == ("cat", "dog")
    assert by_class.x_train.shape == (2, 2, 3, 1)
    assert np.allclose(by_class.x_train[:, 0, 0, 0], [0.2, 0.4])


def test_a_file_is_read_by_what_it_is(tmp_path: Path, write_idx: Write) -> None:
    np.savez(tmp_path / "set.npz", x=np.eye(2), y=np.arange(2))
    (tmp_path / "set.npz").rename(tmp_path / "set.csv")
    assert load(tmp_path / "set.csv").x_train.shape == (2, 2)
    images = write_idx(tmp_path / "digits", np.zeros((2, 4, 4), np.uint8))
    assert load_inputs(images, Preparation(255.0, (4, 4, 1))).x.shape == (2, 4, 4, 1)
    table = write_table(tmp_path / "table.dat", "1,2\n")
    assert load_inputs(table, Preparation(shape=(2,))).x.tolist() == [[1, 2]]


def test_a_path_may_be_called_like_a_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    write_images(Path("moons"), {"a": 1, "b": 2})
    assert load("moons").input_shape == (2,)
    assert load(Path("moons")).class_names == ("a", "b")
    assert load("./moons").class_names == ("a", "b")


@pytest.mark.parametrize(
    ("source", "error", "message"),
    [
        ("mnits", UnknownNameError, "no data set is called 'mnits'; did you mean 'mnist'"),
        ("train.csv", DataError, "train.csv does not exist: check the path$"),
        ("folder/mnist", DataError, "folder/mnist does not exist"),
        (Path("mnist"), DataError, "mnist does not exist: check the path, or give one of the"),
    ],
)
def test_nothing_of_that_name(source: str | Path, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        load(source)


def test_bad_arguments() -> None:
    with pytest.raises(ArgumentError, match="samples=10 is for synthetic data"):
        load("digits", samples=10)
    with pytest.raises(UnknownNameError, match="did you mean 'regression'"):
        load("xor", task="regresion")


def test_bad_files(tmp_path: Path, write_idx: Write) -> None:
    empty = tmp_path / "empty"
    empty.mkdir()
    with pytest.raises(DataError, match="empty holds no data: expected IDX files"):
        load(empty)
    with pytest.raises(DataError, match="single image: give the folder"):
        load(write_images(tmp_path / "images", {"a": 1}) / "a" / "1.png")
    with pytest.raises(DataError, match="has one column: expected features and a label"):
        load(write_table(tmp_path / "one.csv", "1\n2\n"))
    with pytest.raises(DataError, match="holds examples without labels: to train on it, put"):
        load(write_idx(tmp_path / "a-images-idx3-ubyte", np.zeros((2, 3, 3), np.uint8)))
    with pytest.raises(DataError, match="which column is the label"):
        load(write_table(tmp_path / "labels.csv", "0,1.5\n9,2.5\n"))
    with pytest.raises(DataError, match="line 3, column `label` holds 'cat', expected a number"):
        load(write_table(tmp_path / "text.csv", "label,a\n1,2\ncat,2.5\n2,2\n"))
    (tmp_path / "broken.npz").write_bytes(b"")
    with pytest.raises(DataError, match=r"broken.npz is damaged"):
        load(tmp_path / "broken.npz")
    (tmp_path / "noise.bin").write_bytes(b"\xff\xd8\xfe\x00")
    with pytest.raises(DataError, match="is not text in UTF-8"):
        load(tmp_path / "noise.bin")


def test_labels_are_checked_in_the_test_part_too(tmp_path: Path) -> None:
    x = np.zeros((3, 2))
    np.savez(tmp_path / "a.npz", x_train=x, y_train=[0, 1, 1], x_test=x, y_test=[0, 1, 2])
    with pytest.raises(DataError, match="label of example 2 is `2`; the classes are `0`, `1`"):
        load(tmp_path / "a.npz")
    np.savez(tmp_path / "b.npz", x_train=x, y_train=[0, 1, 1], x_test=x[:, :1], y_test=[0, 1, 1])
    with pytest.raises(DataError, match=r"b.npz: each example has shape \(1,\)"):
        load(tmp_path / "b.npz")
    np.savez(tmp_path / "c.npz", x_train=x, y_train=[0, 1, 1], x_test=x)
    with pytest.raises(DataError, match="holds examples without labels"):
        load(tmp_path / "c.npz")


def test_unreadable_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_table(tmp_path / "secret.csv", "1,2\n")

    def refuse(*arguments: object, **options: object) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(DataError, match=r"secret.csv cannot be read: Permission denied"):
        load(path)


def test_inputs_from_tables(tmp_path: Path) -> None:
    preparation = Preparation(shape=(2,), class_names=("0", "1"))
    without = write_table(tmp_path / "test.csv", "a,b\n1,2\n3,4\n")
    inputs = load_inputs(without, preparation)
    assert inputs.x.tolist() == [[1, 2], [3, 4]]
    assert inputs.y is None
    labelled = write_table(tmp_path / "labelled.csv", "a,b,c\n1,2,0\n3,4,1\n")
    inputs = load_inputs(labelled, preparation, label_column="c")
    assert inputs.x.tolist() == [[1, 2], [3, 4]]
    assert inputs.y is not None
    assert inputs.y.tolist() == [0, 1]
    values = load_inputs(labelled, Preparation(shape=(2,)), label_column="c").y
    assert values is not None
    assert values.tolist() == [[0], [1]]
    numbered = write_table(tmp_path / "numbered.csv", "customer_id,a,b,c,d\n1,2,3,4,5\n")
    with pytest.raises(DataError, match="has 4 columns besides `customer_id`, but the network"):
        load_inputs(numbered, preparation)
    wide = write_table(tmp_path / "wide.csv", "1,2,3,4\n")
    with pytest.raises(DataError, match="has 4 columns, but the network takes 2 features"):
        load_inputs(wide, preparation)
    with pytest.raises(DataError, match="label of example 0 is `2`; the classes are `0`, `1`"):
        load_inputs(labelled, preparation, label_column="b")


def test_inputs_are_scaled_as_in_training_whatever_the_file_holds(tmp_path: Path) -> None:
    path = write_table(tmp_path / "x.csv", ",".join(["1"] * 64) + "\n")
    x = load_inputs(path, Preparation(255.0, (8, 8, 1))).x
    assert np.allclose(x, 1 / 255)


def test_inputs_from_names() -> None:
    digits = load("digits")
    inputs = load_inputs("digits", digits.preparation)
    assert np.array_equal(inputs.x, digits.x_test)
    assert inputs.y is not None
    assert np.array_equal(inputs.y, digits.y_test)
    with pytest.raises(DataError, match=r"linear: each example has shape \(2,\), .* \(8, 8, 1\)"):
        load_inputs("linear", digits.preparation)


def test_inputs_from_images(tmp_path: Path) -> None:
    preparation = Preparation(255.0, (2, 3, 1), ("cat", "dog"))
    folder = write_images(tmp_path / "classes", {"dog": 51})
    inputs = load_inputs(folder, preparation)
    assert np.allclose(inputs.x, 0.2)
    assert inputs.y is not None
    assert inputs.y.tolist() == [1]
    inputs = load_inputs(folder / "dog", preparation)
    assert inputs.x.shape == (1, 2, 3, 1)
    assert inputs.y is None


def test_inputs_from_npy_stay_on_disk(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.full((3, 8, 8), 255, np.uint8))
    inputs = load_inputs(tmp_path / "x.npy", Preparation(255.0, (8, 8, 1)))
    assert isinstance(inputs.x, PreparedArray)
    assert np.array_equal(inputs.x[:], np.ones((3, 8, 8, 1)))
    assert inputs.y is None


def test_a_large_file_is_never_read_whole(tmp_path: Path) -> None:
    """A sparse file of 4 GB: it would not go through memory within this test's time."""
    rows = 2_000_000
    stored = np.lib.format.open_memmap(
        tmp_path / "x_train.npy", mode="w+", dtype=np.uint8, shape=(rows, 2048, 1)
    )
    stored[rows - 1] = 255
    del stored
    np.save(tmp_path / "y_train.npy", np.zeros(rows, np.uint8))
    dataset = load(tmp_path)
    assert dataset.x_train.shape == (rows, 2048, 1, 1)
    assert dataset.x_train[rows - 2 :].sum() == 2048


def test_emnists_own_files_are_stood_upright(tmp_path: Path, write_idx: Write) -> None:
    x = np.random.default_rng(0).integers(0, 256, (4, 28, 28), np.uint8)
    for prefix in ("emnist-letters-", "emnist47-", ""):
        folder = tmp_path / f"folder {prefix}"
        for part in ("train", "test"):
            images = write_idx(folder / f"{prefix}{part}-images-idx3-ubyte.gz", x)
            write_idx(
                folder / f"{prefix}{part}-labels-idx1-ubyte.gz", np.array([1, 2, 26, 1], "u1")
            )
        lies = prefix == "emnist-letters-"
        expected = x.transpose(0, 2, 1) if lies else x
        for source in (images, folder):
            dataset = load(source)
            assert np.allclose(dataset.x_train[..., 0] * 255, expected)
            assert dataset.class_names == ("1", "2", "26")
            assert dataset.y_train.tolist() == [0, 1, 2, 0]
            assert any("stood upright" in note for note in dataset.notes) == lies
            inputs = load_inputs(source, dataset.preparation)
            assert np.allclose(inputs.x[..., 0] * 255, expected)
            assert inputs.y is not None
            assert inputs.y.tolist() == [0, 1, 2, 0]


def test_real_mnist(shared_data: Path) -> None:
    dataset = load("mnist", data_dir=shared_data)
    assert dataset.x_test is not None
    assert dataset.x_train.shape == (60_000, 28, 28, 1)
    assert dataset.x_test.shape == (10_000, 28, 28, 1)
    assert np.bincount(dataset.y_train).tolist() == [
        *(5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)
    ]
    assert abs(dataset.x_train.mean() - 0.1307) < 1e-4
    assert abs(dataset.x_train.std() - 0.3081) < 1e-4


def test_real_emnist47(shared_data: Path) -> None:
    dataset = load("emnist47", data_dir=shared_data)
    assert dataset.x_test is not None
    assert dataset.x_train.shape == (92_952, 28, 28, 1)
    assert dataset.x_test.shape == (6_157, 28, 28, 1)
    assert dataset.class_names is not None
    assert "".join(dataset.class_names) == "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabdefghnqrt"
    letter_l = dataset.x_train[dataset.y_train == dataset.class_names.index("L")].mean(axis=0)
    assert letter_l[18:].sum() > 1.5 * letter_l[:10].sum(), "an upright L is heavy at its foot"
