"""Model files: complete, bit-exact, and never another error than ModelFileError when damaged."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import load_file, save_file

import chainrule as cr
from chainrule.data.preparation import Preparation
from chainrule.errors import ConfigError, ModelFileError, OutputError
from chainrule.tensor_file import read_tensors, write_tensors

X = np.random.default_rng(0).standard_normal((40, 5, 5, 1))
LABELS = np.arange(40) % 3


@pytest.fixture
def network() -> cr.Network:
    layers = [
        cr.Conv2D(2, 3, padding="same", regularizer=cr.L2(0.01)),
        cr.BatchNorm(),
        cr.Residual([cr.ReLU(), cr.Conv2D(2, 1)]),
        cr.Flatten(),
        cr.Dropout(0.1),
        cr.Dense(3, initializer="he"),
    ]
    return cr.Network(layers, (5, 5, 1), seed=4)


@pytest.fixture
def path(network: cr.Network, tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    network.save(path)
    return path


class Doubled(cr.Layer):
    """A layer of the user's own."""

    def forward(self, x, training=False):
        return 2 * x, None

    def backward(self, dy, cache):
        return 2 * dy


def edit(path: Path, change: Any) -> None:
    """Rewrite a model file, its checksum too, after `change(description, tensors)`."""
    tensors, description = read_tensors(path)
    change(description, tensors)
    write_tensors(path, tensors, description)


def test_a_loaded_network_is_the_one_that_was_saved(network: cr.Network, path: Path) -> None:
    loaded = cr.load(path)
    assert repr(loaded) == repr(network)
    assert (loaded.seed, loaded.dtype, loaded.input_shape) == (4, np.float32, (5, 5, 1))
    np.testing.assert_array_equal(loaded.predict(X), network.predict(X))


def test_what_the_outputs_mean_is_saved_too(network: cr.Network, path: Path) -> None:
    loss = cr.SoftmaxCrossEntropy(label_smoothing=0.1, class_weights=(1, 2, 3))
    network.fit(X, LABELS, loss=loss, metrics=["accuracy"], epochs=1, quiet=True)
    network.save(path)
    loaded = cr.load(path)
    assert loaded.loss == loss
    assert loaded.evaluate(X, LABELS) == network.evaluate(X, LABELS)


def test_a_loaded_network_knows_the_inputs_of_its_training(
    network: cr.Network, path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING, "chainrule")
    network.fit(X, LABELS, epochs=1, quiet=True)
    network.save(path)
    loaded = cr.load(path)
    loaded.predict(X)
    assert not caplog.records
    loaded.predict(255 * X)
    assert "but the network was trained on" in caplog.text


def test_a_network_keeps_the_preparation_of_its_data(network: cr.Network, path: Path) -> None:
    network.preparation = Preparation(255.0, (5, 5, 1), ("cat", "dog", "Ä"))
    network.save(path)
    loaded = cr.load(path)
    assert loaded.preparation == network.preparation
    raw = np.random.default_rng(0).integers(0, 256, (4, 5, 5), np.uint8)
    expected = network.predict((raw / np.float32(255))[..., None])
    np.testing.assert_array_equal(loaded.predict(raw), expected)
    np.testing.assert_array_equal(loaded.predict(raw.reshape(4, 25).astype(int)), expected)


@pytest.mark.parametrize(
    "change",
    [
        {"scale": 0},
        {"scale": float("nan")},
        {"scale": "a"},
        {"shape": [0]},
        {"shape": [25]},
        {"class_names": "abc"},
        {"class_names": ["a\nb", "c", "d"]},
        {"class_names": ["a", "b"]},
        {"layout": {}},
        {"images": {"size": [0, 1], "grayscale": True}},
        {"ink": "red"},
    ],
)
def test_a_preparation_that_cannot_be(path: Path, change: dict[str, Any]) -> None:
    right = Preparation(255.0, (5, 5, 1), ("a", "b", "c")).as_plain()
    edit(path, lambda description, tensors: description.update(preparation=right))
    cr.load(path)
    wrong = {**right, **change}
    edit(path, lambda description, tensors: description.update(preparation=wrong))
    with pytest.raises(ModelFileError, match="architecture cannot be rebuilt"):
        cr.load(path)


@pytest.mark.parametrize("stored", [{}, [], 5, "ab"])
def test_what_is_no_preparation(path: Path, stored: Any) -> None:
    edit(path, lambda description, tensors: description.update(preparation=stored))
    with pytest.raises(ModelFileError, match="architecture cannot be rebuilt"):
        cr.load(path)


@pytest.mark.parametrize("stored", [[1], [2, 1], [0, float("nan")], "ab", ["a", "b"], 5])
def test_a_range_that_cannot_be(path: Path, stored: Any) -> None:
    edit(path, lambda description, tensors: description.update(input_range=stored))
    with pytest.raises(ModelFileError, match="architecture cannot be rebuilt"):
        cr.load(path)


def test_training_goes_on_from_a_file_as_it_would_have(network: cr.Network, path: Path) -> None:
    losses = [
        each.fit(X, LABELS, optimizer="sgd", epochs=2, quiet=True)["loss"]
        for each in (network, cr.load(path))
    ]
    assert losses[0] == losses[1]


def test_a_file_opens_with_safetensors_alone(network: cr.Network, path: Path) -> None:
    tensors = load_file(path)
    assert tensors.keys() == {*network.parameters, *network.buffers}
    np.testing.assert_array_equal(tensors["0.W"], network.parameters["0.W"])


def test_own_layers_are_named_when_loading(tmp_path: Path) -> None:
    network = cr.Network([Doubled(), cr.Dense(2)], 3)
    network.save(tmp_path / "own.safetensors")
    with pytest.raises(ModelFileError, match="no layer is called 'Doubled'"):
        cr.load(tmp_path / "own.safetensors")
    loaded = cr.load(tmp_path / "own.safetensors", own_layers=[Doubled])
    np.testing.assert_array_equal(loaded.predict(np.ones((1, 3))), network.predict(np.ones((1, 3))))


def test_python_functions_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    network = cr.Network([cr.Activation(np.sin, np.cos)], 3)
    with pytest.raises(ConfigError, match="lives in Python code"):
        network.save(tmp_path / "model.safetensors")
    assert not list(tmp_path.iterdir())


def test_a_folder_that_is_not_there(network: cr.Network, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot write .*nowhere"):
        network.save(tmp_path / "nowhere" / "model.safetensors")


def test_a_failed_write_leaves_the_file_that_was_there(
    network: cr.Network, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def disk_is_full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    before = path.read_bytes()
    network.parameters.flat[:] = 0
    monkeypatch.setattr("os.replace", disk_is_full)
    with pytest.raises(OutputError, match="No space left on device"):
        network.save(path)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


# --- damaged files ------------------------------------------------------------------------


def refuse(path: Path, message: str = "") -> None:
    """Loading fails with ModelFileError, which names the file."""
    with pytest.raises(ModelFileError) as caught:
        cr.load(path)
    assert str(path) in str(caught.value)
    assert message in str(caught.value)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is not a model file, or is damaged"),
        (b"hello", "is not a model file, or is damaged"),
        (b"PK\x03\x04" + bytes(100), "is not a model file, or is damaged"),
        (b"\xff" * 64, "is not a model file, or is damaged"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00{}", "was not saved by chainrule"),
        (b"\x02\x00\x00\x00\x00\x00\x00\x00[]", "is not a model file, or is damaged"),
    ],
)
def test_a_file_of_another_kind(tmp_path: Path, content: bytes, message: str) -> None:
    (tmp_path / "model").write_bytes(content)
    refuse(tmp_path / "model", message)


def test_no_file_and_a_folder(tmp_path: Path) -> None:
    refuse(tmp_path / "nothing", "no such file")
    refuse(tmp_path)


def test_a_safetensors_file_of_someone_else(tmp_path: Path) -> None:
    save_file({"0.W": np.zeros((2, 2))}, tmp_path / "other")
    refuse(tmp_path / "other", "is a safetensors file, but was not saved by chainrule")
    save_file({"0.W": np.zeros((2, 2))}, tmp_path / "other", {"format": "pt"})
    refuse(tmp_path / "other", "is a safetensors file, but was not saved by chainrule")


@pytest.mark.parametrize(
    "content", ["", "{", "[]", "3", "null", '"text"', "{}", "[[[[", 99999 * "["], ids=range(9)
)
def test_a_header_that_is_no_description(path: Path, content: str) -> None:
    save_file(load_file(path), path, {"chainrule": content})
    refuse(path)


def test_another_format_number(path: Path) -> None:
    edit(path, lambda description, _: description.update(format=3))
    refuse(path, "has format 3, this version reads up to 2")


def test_a_file_of_the_first_format_has_no_checksum(network: cr.Network, path: Path) -> None:
    with safe_open(path, framework="numpy") as file:
        description = json.loads(file.metadata()["chainrule"]) | {"format": 1}
    del description["sha256"]
    save_file(load_file(path), path, {"chainrule": json.dumps(description)})
    np.testing.assert_array_equal(cr.load(path).predict(X), network.predict(X))


def test_every_flipped_bit_is_noticed(path: Path) -> None:
    content, rng = path.read_bytes(), np.random.default_rng(0)
    for place in rng.choice(8 * len(content), 400, replace=False):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        path.write_bytes(damaged)
        with pytest.raises(ModelFileError):
            cr.load(path)


def test_weights_and_architecture_that_do_not_belong_together(path: Path) -> None:
    edit(path, lambda _, tensors: tensors.__delitem__("0.W"))
    refuse(path, "weights and architecture do not belong together: 0.W")


def nested(depth: int, twice: bool) -> dict[str, Any]:
    """Sequential layers within each other; each level may stand twice in the one around it."""
    layer: dict[str, Any] = {"type": "ReLU"}
    for place in range(depth, 0, -1):  # layers are numbered from the outermost
        again = [{"type": "shared", "layer": place}] if twice else []
        layer = {"type": "Sequential", "layers": [layer, *again]}
    return layer


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ([{"type": "ReLU"}] * 4_001, "more than 4,000 layers"),
        ([nested(41, twice=False)], "more than 40 deep"),
        ([nested(20, twice=True)], "more than 4,000 layers"),  # a million of them
    ],
    ids=["many", "deep", "shared"],
)
def test_a_small_file_that_asks_for_very_many_layers(
    path: Path, layers: list[Any], message: str
) -> None:
    edit(path, lambda description, tensors: (description.update(layers=layers), tensors.clear()))
    refuse(path, message)


def test_a_tensor_too_many(path: Path) -> None:
    edit(path, lambda _, tensors: tensors.update({"9.W": np.zeros(3)}))
    refuse(path, "do not belong together: 9.W")


@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (np.zeros((9, 3), np.float32), "0.b should be of shape (2,), is of shape (9, 3)"),
        (np.zeros(2, np.float64), "0.b should be float32, is float64"),
        (np.zeros(2, np.int32), "0.b should be float32, is int32"),
    ],
)
def test_a_tensor_of_another_shape_or_type(path: Path, tensor: np.ndarray, message: str) -> None:
    edit(path, lambda _, tensors: tensors.update({"0.b": tensor}))
    refuse(path, message)


STRANGE = [None, True, -1, 0, 1.5, 10**13, 1e300, "", "x", [], [0], ["x"], [[1, 2]], {}, {"a": 1}]


@pytest.mark.parametrize("value", STRANGE, ids=repr)
@pytest.mark.parametrize(
    "place",
    [
        ("layers",),
        ("input_shape",),
        ("dtype",),
        ("seed",),
        ("loss",),
        ("metrics",),
        ("format",),
        ("layers", 0),
        ("layers", 0, "type"),
        ("layers", 0, "out_channels"),
        ("layers", 0, "kernel_size"),
        ("layers", 0, "padding"),
        ("layers", 0, "regularizer"),
        ("layers", 2, "branch"),
        ("layers", 5, "out_features"),
        ("layers", 5, "initializer"),
    ],
    ids=lambda place: ".".join(map(str, place)),
)
def test_a_strange_value_in_the_header(path: Path, place: tuple[Any, ...], value: Any) -> None:
    """It loads, if the value happens to be possible there, or raises ModelFileError."""

    def change(description: dict[str, Any], tensors: dict[str, np.ndarray]) -> None:
        inner: Any = description
        for step in place[:-1]:
            inner = inner[step]
        inner[place[-1]] = value

    edit(path, change)
    load_or_refuse(path)


@pytest.mark.parametrize("key", ["layers", "input_shape", "dtype", "seed", "loss", "metrics"])
def test_a_header_with_a_part_missing(path: Path, key: str) -> None:
    edit(path, lambda description, _: description.__delitem__(key))
    refuse(path)


def load_or_refuse(path: Path) -> None:
    try:
        cr.load(path)
    except ModelFileError as error:
        assert str(path) in str(error)  # noqa: PT017


def test_a_file_cut_off_anywhere(path: Path) -> None:
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        refuse(path, "is not a model file, or is damaged")


def test_a_file_with_any_byte_changed(path: Path) -> None:
    """Numbers cannot be told from other numbers; all else is refused."""
    content = path.read_bytes()
    rng = np.random.default_rng(0)
    header_end = 8 + int.from_bytes(content[:8], "little")
    for place in [*range(8), *range(8, header_end, 3)]:
        damaged = bytearray(content)
        damaged[place] ^= int(rng.integers(1, 256))
        path.write_bytes(damaged)
        load_or_refuse(path)
