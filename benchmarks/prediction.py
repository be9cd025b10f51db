"""Predicting one example at a time: chainrule, PyTorch and ONNX Runtime, in turn.

python benchmarks/prediction.py [--repeats 7] [--threads 2]
"""

from __future__ import annotations

import argparse
import os
import statistics
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import onnx
import onnxruntime
import torch
from rich.console import Console
from rich.table import Table

import chainrule as cr
from peers.pytorch_layers import as_tensor, model_of
from workload import Array
from workloads import WORKLOADS

GOALS = {"W3": 10.0, "W7": 3.0}
CALLS = 300


def onnx_model(network: cr.Network) -> bytes:
    """The network for ONNX Runtime, images with channels first."""
    helper, nodes, weights = onnx.helper, [], []

    def weight(name: str, values: Array) -> str:
        weights.append(onnx.numpy_helper.from_array(np.ascontiguousarray(values), name))
        return name

    shape, image, at = network.input_shape, None, "x"
    for i, (layer, after) in enumerate(
        zip(network.layers, network.root.output_shapes, strict=True)
    ):
        to = f"y{i}"
        if isinstance(layer, cr.Dense):
            W = layer.W
            if image is not None:
                W = W.reshape(*image, -1).transpose(2, 0, 1, 3).reshape(W.shape)
            inputs = [at, weight(f"W{i}", W), weight(f"b{i}", layer.b)]
            nodes.append(helper.make_node("Gemm", inputs, [to]))
        elif isinstance(layer, cr.Conv2D):
            W = layer.W.transpose(3, 2, 0, 1)
            inputs = [at, weight(f"W{i}", W), weight(f"b{i}", layer.b)]
            nodes.append(helper.make_node("Conv", inputs, [to]))
        elif isinstance(layer, cr.MaxPool2D):
            nodes.append(
                helper.make_node("MaxPool", [at], [to], kernel_shape=[2, 2], strides=[2, 2])
            )
        else:
            nodes.append(helper.make_node(type(layer).__name__.replace("ReLU", "Relu"), [at], [to]))
        image = shape if isinstance(layer, cr.Flatten) else None
        at, shape = to, after
    kind = onnx.TensorProto.FLOAT
    first = list(network.input_shape)
    if len(first) == 3:
        first = [first[2], first[0], first[1]]
    graph = helper.make_graph(
        nodes,
        "network",
        [helper.make_tensor_value_info("x", kind, [1, *first])],
        [helper.make_tensor_value_info(at, kind, [1, *shape])],
        weights,
    )
    opset = [helper.make_opsetid("", 17)]
    model = helper.make_model(graph, opset_imports=opset, ir_version=9)
    return bytes(model.SerializeToString())


def predictors(name: str, threads: int) -> dict[str, Callable[[], Array]]:
    """Each a function that predicts the same example."""
    workload = WORKLOADS[name]
    network = workload.network(threads=threads)
    x = workload.data()[0][:1]
    torch.set_num_threads(threads)
    model, tensor = model_of(workload.network()).eval(), as_tensor(x)
    first = tensor.numpy()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(
        onnx_model(network), options, providers=["CPUExecutionProvider"]
    )

    def with_torch() -> Array:
        with torch.inference_mode():
            return np.asarray(model(tensor))

    return {
        "chainrule": lambda: network.predict(x),
        "PyTorch": with_torch,
        "ONNX Runtime": lambda: np.asarray(session.run(None, {"x": first})[0]),
    }


def seconds(predict: Callable[[], Any]) -> float:
    """Of one prediction."""
    began = time.perf_counter()
    for _ in range(CALLS):
        predict()
    return (time.perf_counter() - began) / CALLS


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    given = parser.parse_args()
    table = Table(title=f"W9, predicting one example, {given.threads} threads")
    for heading in ("network", "chainrule", "PyTorch", "ONNX Runtime", "goal"):
        table.add_column(heading, justify="right")
    for name, goal in GOALS.items():
        made = predictors(name, given.threads)
        outputs = [predict() for predict in made.values()]
        for output in outputs[1:]:
            np.testing.assert_allclose(output, outputs[0], rtol=1e-3, atol=1e-5)
        times: dict[str, list[float]] = {peer: [] for peer in made}
        for _ in range(given.repeats):
            for peer, predict in made.items():
                times[peer].append(seconds(predict))
        own, *others = (statistics.median(found) for found in times.values())
        ratios = [f"{other / own:.3g}" for other in others]
        table.add_row(f"of {name}", f"{own * 1e6:.3g} µs", *ratios, f"{goal:g}, at least 1")
    Console().print(table)


if __name__ == "__main__":
    main()
