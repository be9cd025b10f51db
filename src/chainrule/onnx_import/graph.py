"""The graph of an ONNX file: nodes, arrays, and the ways from x to y."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from os import PathLike
from typing import Any

import numpy as np

from chainrule.errors import ModelFileError
from chainrule.extras import optional
from chainrule.onnx_import.growing import MOST_NUMBERS
from chainrule.onnx_import.node import Node
from chainrule.types import Array, Shape

DOMAINS = ("", "ai.onnx")  # of ONNX's own operators
TYPES = {"FLOAT": "float32", "DOUBLE": "float64"}
CONSTANTS = ("value_float", "value_floats", "value_int", "value_ints")


@dataclass(frozen=True)
class Step:
    """A node, and, where it joins several ways, the steps of each since they parted."""

    node: Node
    ways: list[list[Step]] = field(default_factory=list)


class Graph:
    """What an ONNX model says, in the order in which it is computed."""

    def __init__(self, model: Any) -> None:
        self._onnx: Any = model_reader()
        graph = model.graph
        if graph.sparse_initializer:
            raise ModelFileError("it holds sparse arrays, which chainrule does not have")
        self.constants: dict[str, Array] = {
            tensor.name: self._onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer
        }
        self.x, described = self._only_input(graph)
        self.shape, self.dtype, self.batch_size = self._describe(described)
        self.y = self._only_output(graph)
        self.metadata = {entry.key: entry.value for entry in model.metadata_props}
        self.nodes = list(self._read_nodes(model))
        self._producers = {name: node for node in self.nodes for name in node.outputs}
        self._before: dict[str, str] = {}
        for node in self.nodes:
            self._note_before(node)

    def steps(self) -> list[Step]:
        """The way from x to y."""
        if self.y != self.x and self.y not in self._before:
            raise ModelFileError(f"its output {self.y!r} does not depend on its input")
        return self._way(self.x, self.y)

    # --- input and output -----------------------------------------------------------------

    def _only_input(self, graph: Any) -> tuple[str, Any]:
        inputs = [value for value in graph.input if value.name not in self.constants]
        if len(inputs) != 1:
            names = ", ".join(value.name for value in inputs) or "none"
            raise ModelFileError(f"its inputs are {names}; a network has one")
        return inputs[0].name, inputs[0].type.tensor_type

    def _only_output(self, graph: Any) -> str:
        if len(graph.output) != 1:
            names = ", ".join(value.name for value in graph.output)
            raise ModelFileError(f"its outputs are {names}; a network has one")
        return str(graph.output[0].name)

    def _describe(self, described: Any) -> tuple[Shape, str, int]:
        """The shape of an example, the type of its numbers, and how many examples there must be (0
        for any number)."""
        kind = self._onnx.TensorProto.DataType.Name(described.elem_type)
        if kind not in TYPES:
            raise ModelFileError(f"its input is of type {kind}; a network takes FLOAT or DOUBLE")
        batch, *sizes = described.shape.dim or [None]
        if batch is None:
            raise ModelFileError("its input has no axis for the examples")
        for size in sizes:
            if not size.dim_value:
                called = f" ({size.dim_param})" if size.dim_param else ""
                raise ModelFileError(
                    f"its input {self.x!r} has an axis of open size{called}: export the model for "
                    "inputs of one size"
                )
        shape = tuple(size.dim_value for size in sizes)
        if min(shape, default=1) < 1 or math.prod(shape) > MOST_NUMBERS:
            raise ModelFileError(f"its input has examples of shape {shape}, which cannot be meant")
        return shape, TYPES[kind], batch.dim_value

    @property
    def kind(self) -> int:
        """The number that ONNX has for the type of x."""
        return int(self._onnx.helper.np_dtype_to_tensor_dtype(np.dtype(self.dtype)))

    # --- nodes ----------------------------------------------------------------------------

    def _read_nodes(self, model: Any) -> Iterator[Node]:
        """The nodes that compute something; constants among them join the arrays."""
        opset = next((o.version for o in model.opset_import if o.domain in DOMAINS), 0)
        for proto in model.graph.node:
            attributes = {a.name: self._value(a) for a in proto.attribute}
            operator = (
                proto.op_type if proto.domain in DOMAINS else f"{proto.domain}.{proto.op_type}"
            )
            inputs, outputs = tuple(proto.input), tuple(proto.output)
            places = (operator, proto.name, inputs, outputs, attributes)
            node = Node(*places, self.constants, opset, self.batch_size)
            if operator == "Constant":
                self.constants[outputs[0]] = self._constant(node)
            elif operator == "Identity" and inputs[0] in self.constants:
                self.constants[outputs[0]] = self.constants[inputs[0]]
            elif operator == "Transpose" and inputs[0] in self.constants:
                self.constants[outputs[0]] = node.weights(0).transpose(node.attribute("perm"))
            else:
                yield node

    def _value(self, attribute: Any) -> Any:
        value = self._onnx.helper.get_attribute_value(attribute)
        if isinstance(value, bytes):
            return value.decode()
        if isinstance(value, float):  # in single precision: 0.01 is meant, not 0.0099999998
            return float(str(np.float32(value)))
        return list(value) if hasattr(value, "extend") else value

    def _constant(self, node: Node) -> Array:
        if "value" in node.attributes:
            return np.asarray(self._onnx.numpy_helper.to_array(node.attributes["value"]))
        for name in CONSTANTS:
            if name in node.attributes:
                return np.asarray(node.attributes[name])
        node.refuse("is of a kind that chainrule does not have")

    # --- ways -----------------------------------------------------------------------------

    def _note_before(self, node: Node) -> None:
        """Note the last value that all ways to this node pass through."""
        known = [name for name in node.computed if name == self.x or name in self._before]
        if known and len(known) == len(node.computed):
            for output in node.outputs:
                self._before[output] = self._parting(known)

    def _parting(self, names: list[str]) -> str:
        """The last value that lies on the ways to all of these."""
        ways = [list(self._back(name)) for name in dict.fromkeys(names)]
        return next(name for name in ways[0] if all(name in way for way in ways))

    def _back(self, name: str) -> Iterator[str]:
        """A value, and those that all ways to it pass through, back to x."""
        yield name
        while name != self.x:
            name = self._before[name]
            yield name

    def _way(self, start: str, end: str) -> list[Step]:
        """The steps from one value to another."""
        steps: list[Step] = []
        while end != start:
            node, before = self._producer(end), self._before[end]
            joins = len(node.computed) > 1
            steps.append(Step(node, [self._way(before, name) for name in node.computed * joins]))
            end = before
        return steps[::-1]

    def _producer(self, name: str) -> Node:
        node = self._producers[name]
        if node.outputs[0] != name:
            node.refuse(f"has a second output, {name!r}, for which chainrule has nothing")
        return node


def model_reader() -> Any:
    """The package onnx."""
    return optional("onnx", "an ONNX file", "pip install 'chainrule[onnx]'")


def read_graph(path: str | PathLike[str]) -> Graph:
    """The graph in a file.

    Raises:
        ModelFileError: no ONNX file, a damaged one, or one that is no network.
    """
    onnx = model_reader()
    damage = optional("google.protobuf.message", "an ONNX file", "pip install protobuf")
    try:
        model = onnx.load(path)
        onnx.checker.check_model(model)
    except FileNotFoundError as error:
        raise ModelFileError(f"no such file: {error.filename}") from None
    except (OSError, ValueError, onnx.checker.ValidationError, damage.DecodeError) as error:
        reason = str(error).strip().split("\n")[0]
        raise ModelFileError(f"this is no ONNX file, or is damaged: {reason}") from None
    return Graph(model)
