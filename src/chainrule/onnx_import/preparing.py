"""What a file of chainrule does to the examples before the network sees them: here it is not layers
but the network's preparation. The metadata have all of it, and the first nodes must agree."""

from __future__ import annotations

import json

import numpy as np

from chainrule.data.preparation import Preparation
from chainrule.errors import ModelFileError
from chainrule.onnx_export.preparing import PREPARATION, has_flags, operations, restoring
from chainrule.onnx_import.graph import Graph, Step
from chainrule.types import Array


def stored_preparation(graph: Graph) -> Preparation | None:
    """The preparation in the metadata of a file of chainrule; None where there is none."""
    stored = graph.metadata.get(PREPARATION)
    return None if stored is None else Preparation.from_plain(json.loads(stored))


def after_preparation(graph: Graph, preparation: Preparation | None) -> list[Step]:
    """The way from what the network takes to what it puts out: all steps but the first, which
    prepare x, and the last, which bring y into the unit of the targets.

    Raises:
        ModelFileError: these do something else than the metadata say, or flag missing values.
    """
    if has_flags(preparation):
        raise ModelFileError(
            "its table has flags of missing values, with which ONNX files are written and not "
            "read: load the run's model.safetensors instead"
        )
    if preparation is None:
        return graph.steps()
    *steps, end = graph.steps()
    before, behind = operations(preparation), restoring(preparation.target_scale)
    last = len(steps) - len(behind)
    do_so = [*zip(steps, before, strict=False), *zip(steps[last:], behind, strict=False)]
    if last < len(before) or not all(
        does(step, operator, np.asarray(values, graph.dtype)) for step, (operator, values) in do_so
    ):
        raise ModelFileError(
            f"its metadata say that x is prepared by {preparation}, and its nodes do something "
            f"else: another program has changed it; without the entry {PREPARATION!r} it is read "
            "as that program's"
        )
    return [*steps[len(before) : last], end]


def does(step: Step, operator: str, values: Array) -> bool:
    """True if a step is this operator, with this constant, and nothing more."""
    node = step.node
    constant = node.array(1) if len(node.inputs) > 1 else None
    ways = [[inner.node.operator for inner in way] for way in step.ways]
    return (
        node.operator == operator
        and not node.attributes
        and ways == ([["IsNaN"], []] if operator == "Where" else [])
        and constant is not None
        and np.array_equal(np.ravel(constant), np.ravel(values))
    )
