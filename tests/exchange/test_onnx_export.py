"""Networks as ONNX files, run by ONNX's reference evaluator and by ONNX Runtime."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnxruntime
import pandas as pd
import pytest
from layer_cases import LAYER_CASES, LayerCase
from onnx.reference import ReferenceEvaluator

import chainrule as cr
from chainrule.data.preparation import Preparation
from chainrule.errors import ExportError, MissingPackageError
from chainrule.layers import LAYERS
from chainrule.onnx_export import as_model, form_of
from chainrule.onnx_export.forms import FORMS

OWN_CODE = (cr.Activation, cr.HandWritten)


def in_reference(path: Path, x: np.ndarray) -> np.ndarray:
    return ReferenceEvaluator(str(path)).run(None, {"x": x})[0]


def in_runtime(path: Path, x: np.ndarray) -> np.ndarray:
    return onnxruntime.InferenceSession(path).run(None, {"x": x})[0]


RUNNERS = (in_reference, in_runtime)
WRONG_IN_REFERENCE = (  # in onnx 1.23; ONNX Runtime, and JAX in other tests, agree with chainrule
    *("ConvTranspose2D groups", "ConvTranspose2D depthwise"),  # one channel of each, first biases
    "MaxPool2D padding (1, 0)",  # takes the padding of the rows for the columns
)
EXPORTED = [case for case in LAYER_CASES if type(case.make()) not in OWN_CODE]
RUNS = [
    pytest.param(run, case, id=f"{case}, {run.__name__}")
    for run in RUNNERS
    for case in EXPORTED
    if run is in_runtime or case.name not in WRONG_IN_REFERENCE
]


@pytest.mark.parametrize(("run", "case"), RUNS)
def test_every_layer_gives_the_same_outputs(
    run: Callable[[Path, np.ndarray], np.ndarray], case: LayerCase, tmp_path: Path
) -> None:
    network, path = case.network("float32"), tmp_path / "network.onnx"
    network.to_onnx(path)
    for examples in (1, 3):
        x = np.random.default_rng(examples).standard_normal(
            (examples, *case.input_shape), "float32"
        )
        expected, _ = network.forward(x)
        found = run(path, x)
        assert (found.shape, found.dtype) == (expected.shape, np.float32)
        np.testing.assert_allclose(found, expected, rtol=1e-5, atol=1e-5)


def test_every_layer_has_a_form() -> None:
    own = {kind for kind in FORMS if kind.__module__.startswith("chainrule.")}  # not a page's
    assert own == set(LAYERS.values()) - set(OWN_CODE)


@pytest.mark.parametrize("case", [c for c in LAYER_CASES if type(c.make()) in OWN_CODE], ids=str)
def test_code_of_ones_own_is_refused_by_name(case: LayerCase, tmp_path: Path) -> None:
    with pytest.raises(
        ExportError, match=rf"^layer 0 \({type(case.make()).__name__}\) has no form"
    ):
        case.network("float32").to_onnx(tmp_path / "network.onnx")
    assert not list(tmp_path.iterdir())


class Square(cr.Layer):
    """y = x²"""

    def forward(self, x, training=False):
        return x * x, x

    def backward(self, dy, x):
        return 2 * x * dy


class LouderReLU(cr.ReLU):
    """y = 2 max(x, 0): not what its parent class computes."""

    def forward(self, x, training=False):
        return 2 * np.maximum(x, 0), x > 0


@pytest.mark.parametrize("kind", [Square, LouderReLU])
def test_a_layer_of_ones_own_within_others_is_named_with_its_place(
    kind: type[cr.Layer], tmp_path: Path
) -> None:
    network = cr.Network([cr.Dense(3), cr.Residual([cr.Tanh(), kind()])], 2)
    expected = rf"layer 1\.branch\.1 \({kind.__name__}\) .*form_of\({kind.__name__}\)"
    with pytest.raises(ExportError, match=expected):
        network.to_onnx(tmp_path / "network.onnx")


def test_a_form_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(FORMS, Square, FORMS[cr.ReLU])  # so that the table is put back

    @form_of(Square)
    def square(graph: Any, layer: Square, x: Any) -> str:
        return graph.node("Mul", x.name, x.name)

    network = cr.Network([cr.Dense(3), Square()], 2)
    network.to_onnx(tmp_path / "network.onnx")
    x = np.random.default_rng(0).standard_normal((4, 2), "float32")
    for run in RUNNERS:
        np.testing.assert_allclose(run(tmp_path / "network.onnx", x), network.predict(x), 1e-5)


def test_double_precision_stays_double(tmp_path: Path) -> None:
    network = cr.Network([cr.Dense(5), cr.Tanh(), cr.Dense(2)], 3, dtype="float64")
    network.to_onnx(tmp_path / "network.onnx")
    x = np.random.default_rng(0).standard_normal((4, 3))
    np.testing.assert_allclose(
        in_runtime(tmp_path / "network.onnx", x), network.predict(x), rtol=1e-12
    )


def test_the_preparation_goes_with_the_network(tmp_path: Path) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (5, 4, 4, 1)).astype("float32")
    preparation = Preparation(255.0, (4, 4, 1), ("a", "b", "c"))
    network = cr.Network([cr.Flatten(), cr.Dense(3)], (4, 4, 1))
    network.preparation = preparation
    network.to_onnx(tmp_path / "network.onnx")
    expected = network.predict(preparation.apply(pixels))
    for run in RUNNERS:
        np.testing.assert_allclose(
            run(tmp_path / "network.onnx", pixels), expected, rtol=1e-5, atol=1e-6
        )
    stored = onnx.load(tmp_path / "network.onnx").metadata_props
    said = {entry.key: json.loads(entry.value) for entry in stored}
    assert said == {
        "class_names": ["a", "b", "c"],
        "chainrule.preparation": json.loads(json.dumps(preparation.as_plain())),
    }


@pytest.mark.parametrize("flag_missing", [False, True])
def test_columns_of_tables_are_prepared_in_the_file(tmp_path: Path, flag_missing: bool) -> None:
    table = tmp_path / "table.csv"
    rows = [f"{size},{colour},{colour}" for size in range(2000, 2010) for colour in ("red", "blue")]
    table.write_text("\n".join(["size,colour,label", *rows, ",red,red", "2000,,blue"]))
    data = cr.datasets.load(table, flag_missing=flag_missing)
    assert data.x_train.shape[1] == (5 if flag_missing else 3)
    network = cr.Network([cr.Dense(2)], data.input_shape)
    network.preparation = data.preparation
    network.to_onnx(tmp_path / "network.onnx")
    frame = pd.DataFrame({"size": [2003.0, np.nan, 2005], "colour": ["blue", "red", None]})
    expected = network.predict(frame)
    for run in RUNNERS:
        raw = np.array([[2003, 1, 0], [np.nan, 0, 1], [2005, np.nan, np.nan]], "float32")
        np.testing.assert_allclose(run(tmp_path / "network.onnx", raw), expected, rtol=1e-5)
    stored = onnx.load(tmp_path / "network.onnx").metadata_props
    said = {entry.key: json.loads(entry.value) for entry in stored}
    assert said["class_names"] == ["blue", "red"]
    assert said["columns"] == ["size", "colour=blue", "colour=red"]


def test_predictions_are_in_the_unit_of_the_targets(tmp_path: Path) -> None:
    table = tmp_path / "table.csv"
    rows = [f"{size},{size % 3},{1000 + 3.5 * size}" for size in range(2000, 2030)]
    table.write_text("\n".join(["size,kind,price", *rows]))
    data = cr.datasets.load(table, label_column="price")
    network = cr.Network([cr.Dense(1)], 2)
    network.preparation = data.preparation
    network.to_onnx(tmp_path / "network.onnx")
    raw = np.array([[2003, 1], [2020, 2]], "float32")
    expected = network.predict(data.preparation.apply(raw))
    assert (expected > 5000).all()  # prices are 8000 and more
    for run in RUNNERS:
        np.testing.assert_allclose(run(tmp_path / "network.onnx", raw), expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("loss", "meaning"),
    [
        ("softmax_cross_entropy", "the softmax of a row"),
        ("binary_cross_entropy", "the sigmoid of each"),
        ("mean_squared_error", "the outputs of the network"),
    ],
)
def test_the_file_says_what_the_outputs_are(loss: str, meaning: str) -> None:
    network = cr.Network([cr.Dense(2)], 2)
    y = np.eye(2)
    network.fit(np.eye(2), y, loss=loss, epochs=1, quiet=True)
    assert meaning in as_model(network).doc_string


def test_names_say_where_in_the_network_they_belong() -> None:
    graph = as_model(cr.Network([cr.Dense(3), cr.Residual(cr.Dense(3))], 2)).graph
    arrays = {tensor.name for tensor in graph.initializer}
    assert arrays == {"0.W", "0.b", "1.branch.0.W", "1.branch.0.b"}
    assert graph.node[0].name.startswith("0.Gemm")
    assert graph.node[1].name.startswith("1.branch.0.Gemm")


def test_without_onnx_it_is_said_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(MissingPackageError, match=r"needs onnx: pip install 'chainrule\[onnx\]'"):
        cr.Network([cr.Dense(1)], 1).to_onnx(tmp_path / "network.onnx")
