"""Weights to and from Keras: files by hand, and beside real models."""

from __future__ import annotations

import os
from importlib import import_module
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

import chainrule as cr
from chainrule.errors import ArgumentError, ModelFileError

rng = np.random.default_rng(0)


def write(path: Path, layers: dict[str, list[np.ndarray]]) -> Path:
    """A .weights.h5 file as Keras 3 lays it out."""
    with h5py.File(path, "w") as file:
        for name, arrays in layers.items():
            stored = file.create_group(f"layers/{name}/vars")
            for number, array in enumerate(arrays):
                stored[str(number)] = array
    return path


def test_layers_of_a_kind_come_in_their_order(tmp_path: Path) -> None:
    """12 after 9, not after 1; and the first has no number."""
    names = ["dense", *(f"dense_{n}" for n in range(1, 13))]
    arrays = {name: [np.full((2, 2), n), np.full(2, n)] for n, name in enumerate(names)}
    path = write(tmp_path / "model.weights.h5", {"flatten": [], **arrays})
    network = cr.Network([layer for _ in names for layer in (cr.Dense(2), cr.ReLU())], 2)
    found = cr.from_keras(path, network)
    for n, name in enumerate(names):
        assert (network.parameters[f"{2 * n}.W"] == n).all()
        assert found[f"{2 * n}.W"] == f"{name}.kernel"


def test_a_transposed_kernel_is_turned(tmp_path: Path) -> None:
    kernel = rng.standard_normal((3, 2, 5, 4))  # (height, width, out, in)
    path = write(tmp_path / "model.weights.h5", {"conv2d_transpose": [kernel, np.zeros(5)]})
    network = cr.Network([cr.ConvTranspose2D(5, (3, 2))], (4, 4, 4), dtype="float64")
    cr.from_keras(path, network)
    np.testing.assert_array_equal(network.parameters["0.W"], kernel.swapaxes(2, 3))
    np.testing.assert_array_equal(cr.to_keras(network)[0], kernel)


def test_norms_have_their_four_arrays(tmp_path: Path) -> None:
    arrays = [np.full(3, n, "float32") for n in (1, 2, 3, 4)]
    path = write(tmp_path / "model.weights.h5", {"batch_normalization": arrays})
    network = cr.Network([cr.BatchNorm()], 3)
    assert cr.from_keras(path, network)["0.running_variance"] == (
        "batch_normalization.moving_variance"
    )
    for name, n in (("gamma", 1), ("beta", 2)):
        assert (network.parameters[f"0.{name}"] == n).all()
    for name, n in (("running_mean", 3), ("running_variance", 4)):
        assert (network.buffers[f"0.{name}"] == n).all()


def test_slopes_of_images_are_shared_by_their_pixels(tmp_path: Path) -> None:
    network = cr.Network(
        [cr.Conv2D(4, 3), cr.PReLU(), cr.Flatten(), cr.Dense(3), cr.PReLU()], (4, 4, 1)
    )
    network.parameters["1.alpha"], network.parameters["4.alpha"] = [1, 2, 3, 4], [5, 6, 7]
    stored = cr.to_keras(network)
    assert [stored[2].shape, stored[5].shape] == [(1, 1, 4), (3,)]  # shared_axes=[1, 2], and none
    layers = {"conv2d": stored[:2], "p_re_lu": stored[2:3], "dense": stored[3:5]}
    path = write(tmp_path / "model.weights.h5", {**layers, "p_re_lu_1": stored[5:]})
    again = cr.Network(network.layers, (4, 4, 1), seed=1)
    assert cr.from_keras(path, again)["1.alpha"] == "p_re_lu.alpha"
    np.testing.assert_array_equal(again.parameters["4.alpha"], [5, 6, 7])


def test_branches_with_layers_alike_need_their_names(tmp_path: Path) -> None:
    block = cr.Residual([cr.Dense(3), cr.BatchNorm(), cr.Dense(2), cr.BatchNorm()], cr.BatchNorm())
    network = cr.Network([block], 2)
    layers = {
        **{"dense": [np.ones((2, 3)), np.ones(3)], "dense_1": [np.ones((3, 2)), np.ones(2)]},
        "batch_normalization": [np.full(3, 1.0)] * 4,
        **{f"batch_normalization_{n}": [np.full(2, n)] * 4 for n in (1.0, 2.0)},
    }
    layers = {name.removesuffix(".0"): arrays for name, arrays in layers.items()}
    path = write(tmp_path / "model.weights.h5", layers)
    for call in (lambda: cr.from_keras(path, network), lambda: cr.to_keras(network)):
        with pytest.raises(ArgumentError, match="each with a BatchNorm of the same shapes"):
            call()
    norms = ["batch_normalization", "batch_normalization_2", "batch_normalization_1"]
    cr.from_keras(path, network, names=["dense", norms[0], "dense_1", *norms[1:]])
    assert (network.parameters["0.branch.3.gamma"] == 2).all()
    assert (network.parameters["0.shortcut.0.gamma"] == 1).all()
    with pytest.raises(ArgumentError, match="and the weights are of"):
        cr.from_keras(path, network, names=["dense"])


@pytest.mark.parametrize(
    ("layers", "message"),
    [
        ({"dense": [np.ones((4, 3)), np.ones(3)]}, r"kernel \(2, 3\), .* kernel \(4, 3\)"),
        ({"dense": [np.ones((2, 3))]}, r"bias \(3,\), .* these are kernel \(2, 3\)$"),
        ({"dense": [np.ones((2, 3)), np.full(3, np.nan)]}, "dense.bias holds what is no finite"),
        ({"dense": [np.ones((2, 3)), np.ones(3), np.ones(3)]}, r"2 \(3,\)$"),
        ({}, "1 layer of kind Dense, and the weights are of 0"),
        ({"lstm": [np.ones((2, 3))]}, "lstm is a layer of Keras whose weights no layer here has"),
    ],
)
def test_layers_that_differ_leave_the_network_as_it_is(
    tmp_path: Path, layers: dict[str, list[np.ndarray]], message: str
) -> None:
    network = cr.Network([cr.Dense(3)], 2)
    before = network.parameters.flat.copy()
    path = write(tmp_path / "model.weights.h5", {"flatten": [], **layers})
    with pytest.raises(ArgumentError, match=message) as refused:
        cr.from_keras(path, network)
    assert str(refused.value).startswith(f"{path}: ")
    np.testing.assert_array_equal(network.parameters.flat, before)


def test_files_that_are_none(tmp_path: Path) -> None:
    network, path = cr.Network([cr.Dense(3)], 2), tmp_path / "model.weights.h5"
    with pytest.raises(ModelFileError, match="no such file"):
        cr.from_keras(path, network)
    for content in (b"", b"no HDF5 at all", b"\x89HDF\r\n\x1a\n" + bytes(500)):
        path.write_bytes(content)
        with pytest.raises(ModelFileError, match=r"is no \.weights\.h5 file"):
            cr.from_keras(path, network)
    with h5py.File(path, "w") as file:
        file.create_group("layers/functional/layers/dense/vars")
    with pytest.raises(ModelFileError, match="a model within a model"):
        cr.from_keras(path, network)
    with pytest.raises(ArgumentError, match="takes a model of Keras or the path"):
        cr.from_keras([np.ones(2)], network)


# --- with Keras -------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def keras() -> Any:
    os.environ.setdefault("KERAS_BACKEND", "torch")
    return import_module("keras")


def model_of(keras: Any) -> Any:
    layers = keras.layers
    model = keras.Sequential(
        [
            keras.Input((12, 12, 2)),
            *(layers.Conv2D(4, 3, padding="same", name="stem"), layers.BatchNormalization()),
            *(layers.Activation("relu"), layers.MaxPooling2D(2), layers.Conv2D(6, 3)),
            *(layers.Conv2DTranspose(5, 2, 2), layers.Flatten(), layers.Dense(10)),
            *(layers.LayerNormalization(epsilon=1e-5), layers.Dense(10), layers.Dense(3)),
        ]
    )
    model.set_weights([rng.uniform(0.1, 0.5, w.shape) for w in model.get_weights()])
    return model


def network_of() -> cr.Network:
    layers = [
        *(cr.Conv2D(4, 3, padding="same"), cr.BatchNorm(epsilon=1e-3), cr.ReLU(), cr.MaxPool2D(2)),
        *(cr.Conv2D(6, 3), cr.ConvTranspose2D(5, 2, 2), cr.Flatten(), cr.Dense(10)),
        *(cr.LayerNorm(), cr.Dense(10), cr.Dense(3)),
    ]
    return cr.Network(layers, (12, 12, 2))


IMAGES = rng.standard_normal((4, 12, 12, 2)).astype("float32")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("is_file", [True, False])
def test_a_network_computes_what_the_model_computes(
    keras: Any, tmp_path: Path, is_file: bool
) -> None:
    model, network = model_of(keras), network_of()
    path = tmp_path / "model.weights.h5"
    model.save_weights(path)
    names = cr.from_keras(path if is_file else model, network)
    assert names["0.W"] == ("conv2d.kernel" if is_file else "stem.kernel")
    expected = model.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(network.predict(IMAGES), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.filterwarnings("default")
def test_a_model_computes_what_the_network_computes(keras: Any) -> None:
    model, network = model_of(keras), network_of()
    network.fit(IMAGES, [0, 1, 2, 0], epochs=5, quiet=True)
    model.set_weights(cr.to_keras(network))
    expected = model.predict(IMAGES, verbose=0)
    np.testing.assert_allclose(network.predict(IMAGES), expected, rtol=1e-4, atol=1e-4)
