"""The whole ONNX file: x goes in, y comes out, and the file says what they are."""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import Any

from chainrule.chain import Chain
from chainrule.data.preparation import Preparation
from chainrule.errors import ExportError
from chainrule.files import whole_file
from chainrule.losses import BinaryCrossEntropy, Loss, SoftmaxCrossEntropy
from chainrule.onnx_export.containers import sequential
from chainrule.onnx_export.graph import Graph, Value
from chainrule.onnx_export.preparing import described, given_shape, prepared, restored

OPSET = 20  # of 2023: the first with Gelu
MOST_BYTES = 2**31 - 1  # of an ONNX file


def export(network: Chain, path: str | PathLike[str]) -> None:
    """Write a network as an ONNX file, whole or not at all.

    Where the network came with the preparation of its data, the file prepares examples itself,
    gives predictions in the unit of the targets, and has the names of classes and columns in its
    metadata, as JSON.

    Raises:
        ExportError: a layer has no form in ONNX, or the file would be larger than ONNX allows.
        MissingPackageError: the package onnx is not installed.
        OutputError: the file cannot be written.
    """
    if network.parameters.flat.nbytes + network.buffers.flat.nbytes > MOST_BYTES:
        raise ExportError("the network is larger than the 2 GB of an ONNX file")
    content = as_model(network).SerializeToString()
    with whole_file(Path(path)) as file:
        file.write(content)


def as_model(network: Chain) -> Any:
    """The `onnx.ModelProto` of a network, checked."""
    graph = Graph(network)
    onnx, helper = graph.onnx, graph.onnx.helper
    preparation = network.preparation or Preparation()
    x = prepared(graph, Value("x", given_shape(network)), preparation)
    outputs = sequential(graph, network.root, x)
    y = restored(graph, outputs, network.output_shape, preparation.target_scale)
    graph.nodes.append(helper.make_node("Identity", [y], ["y"]))
    kind = helper.np_dtype_to_tensor_dtype(network.dtype)
    opsets = [helper.make_opsetid("", OPSET)]
    model = helper.make_model(
        helper.make_graph(
            graph.nodes,
            "network",
            [helper.make_tensor_value_info("x", kind, ["N", *given_shape(network)])],
            [helper.make_tensor_value_info("y", kind, ["N", *network.output_shape])],
            [onnx.numpy_helper.from_array(array, name) for name, array in graph.arrays.items()],
        ),
        opset_imports=opsets,
        ir_version=helper.find_min_ir_version_for(opsets),
        producer_name="chainrule",
        doc_string=meaning(network.loss),
    )
    helper.set_model_props(model, described(preparation))
    onnx.checker.check_model(model, full_check=True)
    return model


def meaning(loss: Loss | None) -> str:
    """What the outputs stand for, in a sentence."""
    if isinstance(loss, SoftmaxCrossEntropy):
        return "y are logits: the softmax of a row has a probability for each class."
    if isinstance(loss, BinaryCrossEntropy) and loss.from_logits:
        return "y are logits: the sigmoid of each is a probability."
    return "y are the outputs of the network."
