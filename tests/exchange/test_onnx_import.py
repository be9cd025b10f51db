"""Networks from ONNX files: chainrule's own, those of other programs, and ONNX's node tests."""

from __future__ import annotations

import json
import re
import warnings
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from layer_cases import LAYER_CASES, LayerCase
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests
from onnx.reference import ReferenceEvaluator

import chainrule as cr
from chainrule.data.preparation import Preparation
from chainrule.errors import ModelFileError
from chainrule.onnx_export import as_model
from chainrule.onnx_export.preparing import PREPARATION
from chainrule.onnx_import.graph import Graph
from chainrule.onnx_import.operators import JOINS, READERS
from chainrule.onnx_import.reading import read

OWN_CODE = (cr.Activation, cr.HandWritten)
rng = np.random.default_rng(0)


# --- there and back ---------------------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "case", [c for c in LAYER_CASES if type(c.make()) not in OWN_CODE], ids=str
)
def test_every_layer_comes_back(case: LayerCase, dtype: str, tmp_path: Path) -> None:
    network, path = case.network(dtype), tmp_path / "network.onnx"
    network.to_onnx(path)
    found = cr.from_onnx(path)
    assert (found.input_shape, found.output_shape) == (network.input_shape, network.output_shape)
    assert found.dtype == dtype
    x = np.random.default_rng(1).standard_normal((3, *case.input_shape)).astype(dtype)
    tolerance = 1e-6 if dtype == "float32" else 1e-12
    np.testing.assert_allclose(
        found.forward(x)[0], network.forward(x)[0], rtol=tolerance, atol=tolerance
    )


def test_what_comes_back_is_the_same_layers(tmp_path: Path) -> None:
    layers = [
        *(cr.Conv2D(4, 3, 2, "same"), cr.BatchNorm(epsilon=0.1), cr.ReLU(), cr.MaxPool2D(2)),
        *(cr.Residual([cr.Conv2D(4, 3, padding=1), cr.SiLU()]), cr.Flatten(), cr.LayerNorm()),
        *(cr.Dense(5, bias=False), cr.GELU("tanh"), cr.Concatenate([cr.Dense(2), cr.Tanh()])),
    ]
    network = cr.Network(layers, (8, 8, 3))
    network.to_onnx(tmp_path / "network.onnx")
    found = cr.from_onnx(tmp_path / "network.onnx")
    kinds = [type(layer) for layer in network.layers]
    assert [type(layer) for layer in found.layers] == kinds
    for name, values in network.parameters.items():
        np.testing.assert_array_equal(found.parameters[name], values)


def test_it_can_be_trained_further(tmp_path: Path) -> None:
    x = rng.standard_normal((64, 2))
    y = x[:, :1] * x[:, 1:]
    network = cr.Network([cr.Dense(16), cr.Tanh(), cr.Dense(1)], 2)
    network.to_onnx(tmp_path / "network.onnx")
    found = cr.from_onnx(tmp_path / "network.onnx")
    history = found.fit(x, y, loss="mean_squared_error", epochs=50, quiet=True)
    assert history["loss"][-1] < history["loss"][0]


# --- with the preparation of the data ---------------------------------------------------------


def of_pixels() -> tuple[cr.Network, list[Any]]:
    """A network that takes pixels, and examples raw and prepared."""
    layers = [cr.Conv2D(3, 3), cr.ReLU(), cr.Flatten(), cr.Dense(3)]
    network = cr.Network(layers, (6, 6, 1))
    network.preparation = Preparation(255.0, (6, 6, 1), ("a", "b", "c"), ink="dark")
    pixels = rng.integers(0, 256, (5, 6, 6), dtype=np.uint8)
    return network, [pixels, pixels.reshape(5, 36), pixels[..., None] / 255]


def of_columns(folder: Path) -> tuple[cr.Network, list[Any]]:
    """A network that takes the columns of a table, and examples raw and prepared."""
    rows = [f"{size},{colour},{colour}" for size in range(2000, 2010) for colour in ("red", "blue")]
    (folder / "table.csv").write_text("\n".join(["size,colour,label", *rows]))
    network = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(2)], 3)
    network.preparation = cr.datasets.load(folder / "table.csv").preparation
    frame = pd.DataFrame({"colour": ["blue", None], "size": [2003.0, np.nan]})
    return network, [frame, rng.standard_normal((4, 3))]


def of_flags(folder: Path) -> tuple[cr.Network, list[Any]]:
    """A network that is shown which values of two columns were missing; a third had all."""
    rows = [f"{n},{colour},{n % 3},{colour}" for n in range(20) for colour in ("red", "blue")]
    rows += [",red,1,red", "7,,2,blue"]
    (folder / "table.csv").write_text("\n".join(["size,colour,kind,label", *rows]))
    preparation = cr.datasets.load(folder / "table.csv", flag_missing=True).preparation
    network = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(2)], 2 + 3 + 1)
    network.preparation = preparation
    frame = pd.DataFrame(
        {"kind": [1.0, np.nan, 2], "colour": ["blue", None, "red"], "size": [np.nan, 3.0, 4]}
    )
    return network, [frame, rng.standard_normal((4, 6))]


def of_targets(folder: Path) -> tuple[cr.Network, list[Any]]:
    """A network that predicts a column of numbers in its own unit."""
    rows = [f"{size},{3 * size}" for size in range(2000, 2010)]
    (folder / "table.csv").write_text("\n".join(["size,price", *rows]))
    network = cr.Network([cr.Dense(4), cr.Tanh(), cr.Dense(1)], 1)
    dataset = cr.datasets.load(folder / "table.csv", label_column="price", task="regression")
    network.preparation = dataset.preparation
    return network, [pd.DataFrame({"size": [2003.0, np.nan]}), rng.standard_normal((4, 1))]


@pytest.mark.parametrize("kind", ["pixels", "columns", "flags", "targets"])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_predictions_are_equal_raw_and_prepared(kind: str, dtype: str, tmp_path: Path) -> None:
    network, examples = {
        "pixels": of_pixels,
        "columns": lambda: of_columns(tmp_path),
        "flags": lambda: of_flags(tmp_path),
        "targets": lambda: of_targets(tmp_path),
    }[kind]()
    written = cr.Network(network.layers, network.input_shape, dtype=dtype)
    written.parameters.flat[:] = network.parameters.flat
    written.preparation = network.preparation
    written.to_onnx(tmp_path / "network.onnx")
    found = cr.from_onnx(tmp_path / "network.onnx")
    assert [type(layer) for layer in found.layers] == [type(layer) for layer in written.layers]
    assert found.preparation == written.preparation
    for x in examples:
        np.testing.assert_array_equal(found.predict(x), written.predict(x))


def test_a_network_that_came_back_is_written_and_read_again(tmp_path: Path) -> None:
    network, (pixels, *_) = of_pixels()
    for _ in range(2):
        network.to_onnx(tmp_path / "network.onnx")
        expected, network = network.predict(pixels), cr.from_onnx(tmp_path / "network.onnx")
        np.testing.assert_array_equal(network.predict(pixels), expected)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_flags_come_back_as_the_runtime_has_them(dtype: str, tmp_path: Path) -> None:
    """Also of a file that was read and written again."""
    network, (frame, _) = of_flags(tmp_path)
    written = cr.Network(network.layers, network.input_shape, dtype=dtype)
    written.preparation = network.preparation
    #           size, colour=blue, colour=red, kind
    raw = [[np.nan, 1, 0, 1], [3, np.nan, np.nan, np.nan], [4, 0, 1, 2]]
    for _ in range(2):
        written.to_onnx(tmp_path / "network.onnx")
        session = onnxruntime.InferenceSession(tmp_path / "network.onnx")
        (expected,) = session.run(None, {"x": np.array(raw, dtype)})
        found = cr.from_onnx(tmp_path / "network.onnx")
        assert (found.input_shape, found.dtype) == ((6,), dtype)
        np.testing.assert_allclose(found.predict(frame), expected, rtol=1e-5, atol=1e-6)
        written = found


OTHERS = {"Div": "Mul", "Sub": "Add", "IsNaN": "IsInf"}
OTHER_ATTRIBUTES = {"to": onnx.TensorProto.DOUBLE, "axis": 0}


@pytest.mark.parametrize(
    ("kind", "count", "nodes"), [("pixels", 1, 1), ("columns", 3, 4), ("flags", 4, 8)]
)
def test_nodes_that_prepare_otherwise_than_the_metadata_say_are_refused(
    kind: str, count: int, nodes: int, tmp_path: Path
) -> None:
    network, _ = {
        "pixels": of_pixels,
        "columns": lambda: of_columns(tmp_path),
        "flags": lambda: of_flags(tmp_path),
    }[kind]()
    graph = as_model(network).graph
    constants = [t.name.startswith("constant#") for t in graph.initializer]
    changes = [*np.flatnonzero(constants)[:count], *(n.name for n in graph.node[:nodes])]
    for place in changes:
        changed = as_model(network)
        if isinstance(place, str):
            node = next(node for node in changed.graph.node if node.name == place)
            if node.op_type == "Where":
                continue
            node.op_type = OTHERS.get(node.op_type, node.op_type)
            for attribute in node.attribute:
                attribute.i = OTHER_ATTRIBUTES[attribute.name]
        else:
            tensor = changed.graph.initializer[place]
            tensor.CopyFrom(numpy_helper.from_array(numpy_helper.to_array(tensor) + 1, tensor.name))
        onnx.save(changed, tmp_path / "changed.onnx")
        with pytest.raises(ModelFileError, match="its nodes do something else"):
            cr.from_onnx(tmp_path / "changed.onnx")


@pytest.mark.parametrize(
    "stored", ["{", "[]", "{}", '"x"', '{"scale": -1}', "[" * 5000, "PREPARATION OF (5, 5, 1)"]
)
def test_damaged_metadata_are_refused(stored: str, tmp_path: Path) -> None:
    network, _ = of_pixels()
    changed = as_model(network)
    if stored.startswith("PREPARATION"):
        stored = json.dumps(Preparation(255.0, (5, 5, 1)).as_plain())
    for entry in changed.metadata_props:
        entry.value = stored if entry.key == PREPARATION else entry.value
    onnx.save(changed, tmp_path / "changed.onnx")
    with pytest.raises(ModelFileError, match="is damaged: no network comes of it"):
        cr.from_onnx(tmp_path / "changed.onnx")


def test_scaling_of_another_program_is_refused(tmp_path: Path) -> None:
    network, _ = of_pixels()
    changed = as_model(network)
    del changed.metadata_props[:]
    onnx.save(changed, tmp_path / "changed.onnx")
    with pytest.raises(ModelFileError, match=r"node 'Div#0' \(Div\) is an operator"):
        cr.from_onnx(tmp_path / "changed.onnx")


# --- ONNX's own tests -------------------------------------------------------------------------

OURS = {*READERS, *JOINS}


def node_tests() -> dict[str, Any]:
    """Tests of a single node whose operator is among those that are read: a model, its inputs, and
    its outputs, of which the first is compared."""
    with warnings.catch_warnings(action="ignore"):  # those of ONNX, which makes the cases here
        cases = load_model_tests(kind="node")
    found = {}
    for case in cases:
        nodes = case.model.graph.node
        if len(nodes) == 1 and nodes[0].op_type in OURS and nodes[0].domain == "":
            inputs, outputs = case.data_sets[0]
            found[case.name] = (with_weights_in_it(case.model, inputs), inputs[0], outputs[0])
    return found


def with_weights_in_it(given: Any, inputs: list[np.ndarray]) -> Any:
    """A model with all inputs but the first in the file itself: there, weights are inputs."""
    made = onnx.ModelProto()
    made.CopyFrom(given)
    _, *weights = made.graph.input
    for value, array in zip(weights, inputs[1:], strict=True):
        made.graph.initializer.append(numpy_helper.from_array(array, value.name))
    del made.graph.input[1:]
    del made.graph.output[1:]
    return made


def pytorch_tests() -> dict[str, Any]:
    """Modules of PyTorch that were written as ONNX files, with all that is in them."""
    found = {}
    for kind in ("pytorch-converted", "pytorch-operator"):
        for case in load_model_tests(kind=kind):
            folder = Path(case.model_dir)
            made = onnx.load(folder / "model.onnx")
            if not {node.op_type for node in made.graph.node} <= {*OURS, "Constant"}:
                continue
            arrays = []
            for name in ("input_0", "output_0"):
                tensor = onnx.TensorProto()
                tensor.ParseFromString((folder / "test_data_set_0" / f"{name}.pb").read_bytes())
                arrays.append(numpy_helper.to_array(tensor))
            found[case.name] = (made, *arrays)
    return found


def outcome(made: Any, x: np.ndarray, expected: np.ndarray) -> str:
    """What becomes of a test: "right", or why it is refused. Anything else fails."""
    try:
        reading = read(Graph(made))
    except ModelFileError as error:
        return str(error)
    ours = reading.network.forward(x.transpose(np.argsort(reading.axes_of_x)))[0]
    y = ours.transpose(reading.axes_of_y)
    np.testing.assert_allclose(y, expected, rtol=1e-3, atol=1e-6)
    return "right"


# How many are right with onnx 1.23; all others are refused, since no layer does what they ask for.
@pytest.mark.parametrize(
    ("tests", "right"),
    [
        (pytorch_tests, 52),
        pytest.param(node_tests, 91, marks=pytest.mark.long),  # onnx makes all of them first
    ],
)
def test_those_of_onnx_are_right_or_refused(tests: Any, right: int) -> None:
    outcomes = [outcome(*test) for test in tests().values()]
    assert outcomes.count("right") >= right, "\n".join(outcomes)


# --- files of other programs ------------------------------------------------------------------


def model(text: str, opset: int = 20, **shapes: tuple[int, ...]) -> Any:
    """A model in ONNX's text form, with random arrays of these shapes."""
    head = f'<ir_version: 9, opset_import: ["": {opset}]> network '
    made = onnx.parser.parse_model(head + text)
    for name, shape in shapes.items():
        array = rng.standard_normal(shape).astype("float32")
        array = np.abs(array) if name == "variance" else array
        made.graph.initializer.append(numpy_helper.from_array(array, name))
    return made


def assert_equal_in_both(made: Any, x: np.ndarray, tmp_path: Path) -> cr.Network:
    """The network gives what ONNX's reference evaluator gives, images with the channels last."""
    onnx.save(made, tmp_path / "model.onnx")
    network = cr.from_onnx(tmp_path / "model.onnx")
    expected = ReferenceEvaluator(made).run(None, {"x": x})[0]
    is_turned = x.ndim == 4 and network.input_shape != x.shape[1:]
    found = network.predict(x.transpose(0, 2, 3, 1) if is_turned else x)
    found = found.transpose(0, 3, 1, 2) if found.ndim == 4 and is_turned else found
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4)
    return network


IMAGES = rng.standard_normal((3, 2, 6, 8), "float32")


def test_a_network_with_channels_first(tmp_path: Path) -> None:
    """As PyTorch writes it; features of the flattened images are put in order."""
    made = model(
        """(float[N, 2, 6, 8] x) => (float[N, 3] y) {
            c = Conv <pads = [1, 1, 1, 1]> (x, W, b)
            n = BatchNormalization (c, gamma, beta, mean, variance)
            r = Relu (n)
            p = MaxPool <kernel_shape = [2, 2], strides = [2, 2]> (r)
            f = Flatten (p)
            y = Gemm <transB = 1> (f, V, v)
        }""",
        **{"W": (4, 2, 3, 3), "b": (4,), "gamma": (4,), "beta": (4,), "mean": (4,)},
        **{"variance": (4,), "V": (3, 48), "v": (3,)},
    )
    network = assert_equal_in_both(made, IMAGES, tmp_path)
    assert network.input_shape == (6, 8, 2)
    kinds = ["Conv2D", "BatchNorm", "ReLU", "MaxPool2D", "Flatten", "Dense"]
    assert [type(layer).__name__ for layer in network.layers] == kinds


def test_residual_blocks_and_branches(tmp_path: Path) -> None:
    made = model(
        """(float[N, 2, 6, 8] x) => (float[N, 3] y) {
            a = Conv <pads = [1, 1, 1, 1]> (x, W)
            s = Sigmoid (a)
            swish = Mul (a, s)
            i = Add (swish, x)
            l = Conv (i, V)
            r = Relu (l)
            m = Conv (i, U)
            both = Concat <axis = 1> (r, i, m)
            g = GlobalAveragePool (both)
            f = Flatten (g)
            p = MatMul (f, D)
            q = Add (d, p)
            e = Tanh (q)
            y = Add (e, q)
        }""",
        **{"W": (2, 2, 3, 3), "V": (3, 2, 1, 1), "U": (1, 2, 1, 1), "D": (6, 3), "d": (3,)},
    )
    network = assert_equal_in_both(made, IMAGES, tmp_path)
    kinds = ["Residual", "Concatenate", "GlobalAveragePool2D", "Reshape", "Flatten"]
    assert [type(layer).__name__ for layer in network.layers] == [*kinds, "Dense", "Residual"]
    assert repr(network.layers[0].branch.layers[1]) == "SiLU()"


@pytest.mark.parametrize(("reduction", "kind"), [("Mean", "Average"), ("Max", "Max")])
@pytest.mark.parametrize("keepdims", [0, 1])
def test_a_reduction_of_images_is_a_pool(
    reduction: str, kind: str, keepdims: int, tmp_path: Path
) -> None:
    pooled = f"Reduce{reduction} <keepdims = {keepdims}>"
    made = model(
        f"""(float[N, 2, 6, 8] x) => (float[N, 3] y) {{
            axes = Constant <value = int64[2] {{2, 3}}> ()
            p = {pooled} (x, axes)
            f = Flatten (p)
            y = MatMul (f, D)
        }}""",
        D=(2, 3),
    )
    network = assert_equal_in_both(made, IMAGES, tmp_path)
    assert type(network.layers[0]).__name__ == f"Global{kind}Pool2D"


def test_squeeze_and_excitation_with_channels_first(tmp_path: Path) -> None:
    """As PyTorch writes it, with dense layers and with convolutions in the gate."""
    made = model(
        """(float[N, 2, 6, 8] x) => (float[N, 3, 6, 8] y) {
            c = Conv (x, K)
            a = PRelu (c, alpha)
            g = GlobalAveragePool (a)
            f = Flatten (g)
            d = MatMul (f, V)
            s = Sigmoid (d)
            shape = Constant <value = int64[4] {0, -1, 1, 1}> ()
            r = Reshape (s, shape)
            b = Mul (a, r)
            p = GlobalMaxPool (b)
            e = Conv (p, U)
            h = HardSigmoid <alpha = 0.16666667, beta = 0.5> (e)
            y = Mul (h, b)
        }""",
        **{"K": (3, 2, 1, 1), "alpha": (3, 1, 1), "V": (3, 3), "U": (3, 3, 1, 1)},
    )
    network = assert_equal_in_both(made, IMAGES, tmp_path)
    kinds = [type(layer).__name__ for layer in network.layers]
    assert kinds == ["Conv2D", "PReLU", "Gated", "Gated"]


@pytest.mark.parametrize(
    ("nodes", "problem"),
    [
        ("y = PRelu (i, slopes)", "has several slopes for a channel"),
        ("c = Conv (i, K)\ny = Mul (i, c)", "by a gate of shape"),
        ("c = Relu (i)\nd = Tanh (i)\ny = Mul (c, d)", "multiplies two computed values"),
    ],
)
def test_slopes_and_products_that_no_layer_has(nodes: str, problem: str, tmp_path: Path) -> None:
    made = model(
        f"(float[N, 2, 6, 8] x) => (float[N, 2, 6, 8] y) {{ i = Conv (x, I)\n{nodes} }}",
        **{"I": (2, 2, 1, 1), "K": (1, 2, 1, 1), "slopes": (2, 6, 8)},
    )
    onnx.save(made, tmp_path / "model.onnx")
    with pytest.raises(ModelFileError, match=problem):
        cr.from_onnx(tmp_path / "model.onnx")


def test_a_convolution_of_sequences_with_channels_first(tmp_path: Path) -> None:
    made = model(
        """(float[N, 2, 9] x) => (float[N, 3] y) {
            c = Conv <pads = [1, 1], strides = [2]> (x, K, k)
            a = PRelu (c, alpha)
            f = Flatten (a)
            y = MatMul (f, D)
        }""",
        **{"K": (4, 2, 3), "k": (4,), "alpha": (4, 1), "D": (20, 3)},
    )
    onnx.save(made, tmp_path / "model.onnx")
    network, x = cr.from_onnx(tmp_path / "model.onnx"), rng.standard_normal((3, 2, 9), "float32")
    expected = ReferenceEvaluator(made).run(None, {"x": x})[0]
    np.testing.assert_allclose(
        network.predict(x.transpose(0, 2, 1)), expected, rtol=1e-4, atol=1e-4
    )
    assert network.input_shape == (9, 2)


def test_a_network_with_channels_last(tmp_path: Path) -> None:
    made = model(
        """(float[N, 6, 8, 2] x) => (float[N, 4, 6, 4] y) {
            t = Transpose <perm = [0, 3, 1, 2]> (x)
            c = Conv <pads = [1, 1, 1, 1]> (t, W)
            y = Transpose <perm = [0, 2, 3, 1]> (c)
        }""",
        W=(4, 2, 3, 3),
    )
    x = rng.standard_normal((3, 6, 8, 2), "float32")
    assert assert_equal_in_both(made, x, tmp_path).input_shape == (6, 8, 2)


def test_images_for_dense_layers_stay_as_they_are(tmp_path: Path) -> None:
    made = model(
        """(float[N, 2, 6, 8] x) => (float[N, 3] y) {
            r = Relu (x)
            f = Flatten (r)
            y = Gemm (f, W)
        }""",
        W=(96, 3),
    )
    assert assert_equal_in_both(made, IMAGES, tmp_path).input_shape == (2, 6, 8)


REFUSED = [
    ("(float[N, 4] x) => (float[N, 4] y) { y = Sin (x) }", "(Sin) is an operator for which"),
    ("(float[N, 4] x) => (float[4, N] y) { y = Transpose (x) }", "the axis of the examples"),
    ("(float[N, 4] x) => (float[N, 4] y) { y = Softmax <axis = 0> (x) }", "goes over axis 0"),
    ("(float[N, 4] x) => (float[N, 4] y) { y = HardSigmoid (x) }", "has alpha=0.2, and chainrule"),
    ("(float[N, 4] x) => (float[N, 4] y) { y = Add (x, c) }", "adds a constant"),
    ("(float[N, c] x) => (float[N, c] y) { y = Relu (x) }", "has an axis of open size (c)"),
    ("(int64[N, 4] x) => (int64[N, 4] y) { y = Identity (x) }", "its input is of type INT64"),
    ("(float[N, 4] x, float[N, 4] z) => (float[N, 4] y) { y = Add (x, z) }", "its inputs are x, z"),
    (
        "(float[N, 4] x) => (float[N, 4] y, float[N, 4] z) { y, z = Dropout (x) }",
        "outputs are y, z",
    ),
    (
        "(float[N, 2, 4, 4] x) => (float[N, 32] y) { r = MaxPool <kernel_shape = [1, 1]> (x)"
        " y = Flatten (r) }",
        "its output lies in an order of axes",
    ),
    (
        "(float[N, 2, 4, 4] x) => (float[N, 2, 4, 4] y)"
        " { y = AveragePool <kernel_shape = [3, 3], pads = [2, 2, 0, 0]> (x) }",
        "pads 2 rows above and 0 below",
    ),
    (
        "(float[N, 2, 4, 4] x) => (float[N, 2, 2, 2] y)"
        " { y = MaxPool <kernel_shape = [3, 3], strides = [2, 2], ceil_mode = 1> (x) }",
        "has ceil_mode=1",
    ),
]


@pytest.mark.parametrize(("text", "message"), REFUSED)
def test_what_no_layer_does_is_refused(text: str, message: str, tmp_path: Path) -> None:
    onnx.save(model(text, c=(4,)), tmp_path / "model.onnx")
    with pytest.raises(ModelFileError, match=re.escape(message)) as refused:
        cr.from_onnx(tmp_path / "model.onnx")
    assert str(refused.value).startswith(f"{tmp_path / 'model.onnx'}: ")


def test_an_attribute_that_nobody_reads_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = model("(float[N, 4] x) => (float[N, 4] y) { y = Elu <alpha = 0.5> (x) }")
    monkeypatch.setitem(READERS, "Elu", lambda node, row: row.add(cr.ELU()))
    with pytest.raises(ModelFileError, match="has alpha, for which chainrule has nothing"):
        read(Graph(made))


@pytest.mark.parametrize("content", [b"", b"no model at all", bytes(range(256))])
def test_files_that_are_none(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(content)
    with pytest.raises(ModelFileError, match="this is no ONNX file, or is damaged"):
        cr.from_onnx(tmp_path / "model.onnx")
    with pytest.raises(ModelFileError, match="no such file"):
        cr.from_onnx(tmp_path / "another.onnx")


@pytest.mark.filterwarnings("default")
def test_what_pytorch_writes(tmp_path: Path) -> None:
    torch = import_module("torch")
    nn = torch.nn

    class Block(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.first, self.norm = nn.Conv2d(8, 8, 3, padding=1, bias=False), nn.BatchNorm2d(8)

        def forward(self, x: Any) -> Any:
            return torch.relu(x + nn.functional.silu(self.norm(self.first(x))))

    module = nn.Sequential(
        *(nn.Conv2d(3, 8, 3, stride=2, padding=1), nn.GELU(), Block(), nn.MaxPool2d(2)),
        *(nn.Conv2d(8, 6, 3, padding=1), nn.LeakyReLU(0.1), nn.Flatten(), nn.Dropout(0.3)),
        *(nn.Linear(96, 16, bias=False), nn.Hardsigmoid(), nn.LayerNorm(16), nn.Linear(16, 5)),
    ).eval()
    x = torch.randn(4, 3, 16, 16, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        torch.onnx.export(module, (x,), tmp_path / "module.onnx", dynamo=False)
        expected = module(x).numpy()
    network = cr.from_onnx(tmp_path / "module.onnx")
    assert network.input_shape == (16, 16, 3)
    found = network.predict(x.numpy().transpose(0, 2, 3, 1))
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)
