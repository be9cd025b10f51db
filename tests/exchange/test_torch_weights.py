"""Weights to and from PyTorch: by hand, and beside real modules."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

import chainrule as cr
from chainrule.errors import ArgumentError, ModelFileError


def lenet() -> cr.Network:
    layers = [
        *(cr.Conv2D(4, 3, padding=1), cr.BatchNorm(), cr.ReLU(), cr.MaxPool2D(2)),
        *(cr.Conv2D(6, 3), cr.ReLU(), cr.Flatten(), cr.Dropout(0.5), cr.Dense(10), cr.Tanh()),
        cr.Dense(3),
    ]
    return cr.Network(layers, (12, 12, 2))


# --- without PyTorch: a state_dict is arrays by name ------------------------------------------


def test_a_dense_layer_is_turned() -> None:
    network = cr.Network([cr.Dense(2)], 3)
    W = np.arange(6.0).reshape(2, 3)  # (out, in)
    state = {"fc.weight": W, "fc.bias": np.array([7.0, 8.0])}
    assert cr.from_torch(state, network) == {"0.W": "fc.weight", "0.b": "fc.bias"}
    np.testing.assert_array_equal(network.parameters["0.W"], W.T)
    np.testing.assert_array_equal(network.parameters["0.b"], [7, 8])
    np.testing.assert_array_equal(network.predict([[1.0, 0.0, 0.0]]), [[0 + 7, 3 + 8]])


def test_a_kernel_has_its_channels_last() -> None:
    network = cr.Network([cr.Conv2D(2, (1, 3), bias=False)], (4, 4, 5))
    kernel = np.random.default_rng(0).standard_normal((2, 5, 1, 3))  # (out, in, height, width)
    cr.from_torch({"weight": kernel}, network)
    for out, channel, column in np.ndindex(2, 5, 3):
        found = network.parameters["0.W"][0, column, channel, out]
        assert found == kernel[out, channel, 0, column].astype("float32")


def test_features_of_flattened_images_are_put_in_order() -> None:
    """PyTorch flattens (channels, height, width), chainrule (height, width, channels)."""
    network = cr.Network([cr.Flatten(), cr.Dense(1, bias=False)], (2, 2, 3))
    by_channel = np.array([[1.0] * 4 + [2.0] * 4 + [3.0] * 4])  # one weight for each channel
    cr.from_torch({"1.weight": by_channel}, network)
    np.testing.assert_array_equal(network.parameters["1.W"][:, 0], [1, 2, 3] * 4)


def test_layers_of_one_shape_are_paired_by_number_in_safetensors(tmp_path: Path) -> None:
    network = cr.Network([layer for _ in range(11) for layer in (cr.Dense(2), cr.ReLU())], 2)
    state = {f"{n}.weight": np.full((2, 2), n, "float32") for n in range(0, 22, 2)}
    state |= {f"{n}.bias": np.full(2, n, "float32") for n in range(0, 22, 2)}
    save_file(state, tmp_path / "weights.safetensors")
    cr.from_torch(tmp_path / "weights.safetensors", network)
    for n in range(0, 22, 2):  # 10 comes after 8, not after 1
        assert (network.parameters[f"{n}.W"] == n).all()


def test_an_order_that_the_file_does_not_say_is_asked_for(tmp_path: Path) -> None:
    network = cr.Network([cr.Dense(2, bias=False), cr.Dense(2, bias=False)], 2)
    state = {"first.weight": np.ones((2, 2), "float32"), "end.weight": np.eye(2, dtype="float32")}
    path = tmp_path / "weights.safetensors"
    save_file(state, path)
    before = network.parameters.flat.copy()
    with pytest.raises(ArgumentError, match="end, first have arrays of the same shapes"):
        cr.from_torch(path, network)
    np.testing.assert_array_equal(network.parameters.flat, before)
    cr.from_torch(path, network, names=["first", "end"])
    np.testing.assert_array_equal(network.parameters["0.W"], np.ones((2, 2)))
    with pytest.raises(ArgumentError, match="and the weights are of"):
        cr.from_torch(path, network, names=["first", "last"])


def test_branches_that_are_alike_need_their_names() -> None:
    layers = [cr.Residual(cr.Dense(2, bias=False), shortcut=cr.Dense(2, bias=False))]
    network = cr.Network(layers, 2)
    state = {"past.weight": np.eye(2), "branch.weight": np.ones((2, 2))}
    with pytest.raises(ArgumentError, match="branches side by side with the same layers"):
        cr.from_torch(state, network)
    cr.from_torch(state, network, names=["branch", "past"])
    np.testing.assert_array_equal(network.parameters["0.shortcut.0.W"], np.eye(2))
    layers = [cr.Residual([cr.Dense(3), cr.Dense(2)], shortcut=cr.Dense(2))]  # only in one order
    state = {
        **{"a.weight": np.ones((3, 2)), "a.bias": np.ones(3)},
        **{"b.weight": np.ones((2, 3)), "b.bias": np.ones(2)},
        **{"c.weight": np.eye(2), "c.bias": np.zeros(2)},
    }
    network = cr.Network(layers, 2)
    cr.from_torch(state, network)
    np.testing.assert_array_equal(network.parameters["0.shortcut.0.W"], np.eye(2))


def test_shapes_that_differ_leave_the_network_as_it_is() -> None:
    network = cr.Network([cr.Dense(2), cr.Dense(3)], 4)
    state = {
        **{"a.weight": np.ones((2, 4)), "a.bias": np.ones(2)},
        **{"b.weight": np.ones((5, 2)), "b.bias": np.ones(5)},
    }
    before = network.parameters.flat.copy()
    with pytest.raises(ArgumentError, match=r"layer 1 \(Dense\) .* of b, .* weight \(3, 2\)"):
        cr.from_torch(state, network)
    np.testing.assert_array_equal(network.parameters.flat, before)


@pytest.mark.parametrize(
    ("layers", "input_shape", "message"),
    [
        ([cr.Dense(2), cr.Dense(2)], 2, r"2 layers with weights \(0 Dense, 1 Dense\), .* of 1"),
        ([cr.Reshape((2, 2, 2)), cr.Conv2D(1, 1)], 8, r"layer 0 \(Reshape\) reads images"),
        (
            [cr.Concatenate([cr.Flatten(), [cr.Flatten(), cr.Dense(2)]]), cr.Dense(1)],
            (2, 2, 2),
            r"layer 0 \(Concatenate\) joins flattened images",
        ),
    ],
)
def test_layers_that_differ(layers: list[cr.Layer], input_shape: Any, message: str) -> None:
    with pytest.raises(ArgumentError, match=message):
        cr.from_torch({"fc.weight": np.ones((2, 2))}, cr.Network(layers, input_shape))


def test_a_layer_of_ones_own_is_refused_by_name() -> None:
    class Scale(cr.Layer):
        def setup(self, input_shape):
            self.declare("s", input_shape, "ones")
            return input_shape

        def forward(self, x, training=False):
            return x * self.s, x

        def backward(self, dy, x):
            return dy * self.s

    with pytest.raises(ArgumentError, match=r"layer 0 \(Scale\) has arrays whose order elsewhere"):
        cr.from_torch({"s": np.ones(2)}, cr.Network([Scale()], 2))


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("missing.safetensors", None, "no such file"),
        ("damaged.safetensors", b"\x08\x00\x00\x00\x00\x00\x00\x00{nothing", "is damaged"),
    ],
)
def test_files_that_cannot_be_read(
    tmp_path: Path, name: str, content: bytes | None, message: str
) -> None:
    if content is not None:
        (tmp_path / name).write_bytes(content)
    with pytest.raises(ModelFileError, match=message):
        cr.from_torch(tmp_path / name, cr.Network([cr.Dense(1)], 1))


# --- with PyTorch -----------------------------------------------------------------------------


@pytest.fixture(scope="module")
def torch() -> Any:
    return import_module("torch")


def torch_lenet(torch: Any) -> Any:
    nn = torch.nn
    module = nn.Sequential(
        *(nn.Conv2d(2, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.MaxPool2d(2)),
        *(nn.Conv2d(4, 6, 3), nn.ReLU(), nn.Flatten(), nn.Dropout(0.5), nn.Linear(96, 10)),
        *(nn.Tanh(), nn.Linear(10, 3)),
    )
    module[1].running_mean += 0.3
    module[1].running_var += 0.5
    return module.eval()


def outputs(torch: Any, module: Any, x: np.ndarray) -> np.ndarray:
    """What a module makes of images, given with the channels last."""
    with torch.no_grad():
        return module(torch.tensor(x.transpose(0, 3, 1, 2))).numpy()


IMAGES = np.random.default_rng(0).standard_normal((4, 12, 12, 2), "float32")


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize("form", ["state_dict", ".pt", ".safetensors", "checkpoint.pt"])
def test_a_network_computes_what_the_module_computes(torch: Any, tmp_path: Path, form: str) -> None:
    module, network = torch_lenet(torch), lenet()
    state, path = module.state_dict(), tmp_path / f"weights{form}"
    if form == ".safetensors":
        import_module("safetensors.torch").save_file(state, path)
    elif form != "state_dict":
        torch.save(state if form == ".pt" else {"state_dict": state, "epoch": 3}, path)
    cr.from_torch(state if form == "state_dict" else path, network)
    np.testing.assert_allclose(
        network.predict(IMAGES), outputs(torch, module, IMAGES), rtol=1e-4, atol=1e-5
    )


@pytest.mark.filterwarnings("default")
def test_a_module_computes_what_the_network_computes(torch: Any) -> None:
    module, network = torch_lenet(torch), lenet()
    network.fit(IMAGES, [0, 1, 2, 0], epochs=5, quiet=True)
    module.load_state_dict(cr.to_torch(network))
    np.testing.assert_allclose(
        network.predict(IMAGES), outputs(torch, module, IMAGES), rtol=1e-4, atol=1e-5
    )


@pytest.mark.filterwarnings("default")
def test_to_torch_takes_the_names_of_a_module(torch: Any) -> None:
    class Small(torch.nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.up = torch.nn.ConvTranspose2d(2, 4, 2, stride=2, groups=2)
            self.norm = torch.nn.BatchNorm2d(4)
            self.head = torch.nn.Linear(4, 3)

        def forward(self, x: Any) -> Any:
            return self.head(torch.relu(self.norm(self.up(x))).mean((2, 3)))

    layers = [cr.ConvTranspose2D(4, 2, 2, groups=2), cr.BatchNorm(), cr.ReLU()]
    network = cr.Network([*layers, cr.GlobalAveragePool2D(), cr.Dense(3)], (12, 12, 2))
    network.buffers.flat[:] = np.random.default_rng(1).uniform(0.5, 2, network.buffers.flat.size)
    module = Small().eval()
    module.load_state_dict(cr.to_torch(network, like=module.state_dict()))
    np.testing.assert_allclose(
        network.predict(IMAGES), outputs(torch, module, IMAGES), rtol=1e-4, atol=1e-5
    )


@pytest.mark.filterwarnings("default")
def test_a_whole_module_in_a_file_is_refused(torch: Any, tmp_path: Path) -> None:
    torch.save(torch_lenet(torch), tmp_path / "module.pt")
    with pytest.raises(ModelFileError, match=r"save module.state_dict\(\)"):
        cr.from_torch(tmp_path / "module.pt", lenet())
    torch.save([1, 2], tmp_path / "list.pt")
    with pytest.raises(ModelFileError, match="is no state_dict"):
        cr.from_torch(tmp_path / "list.pt", lenet())
