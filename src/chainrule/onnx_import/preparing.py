"""What a file of chainrule does to the examples before the network sees them: here it is not layers
but the network's preparation. The metadata have all of it, and the first nodes must agree."""

from __future__ import annotations

import json

import numpy as np

from chainrule.data.preparation import Preparation
from chainrule.errors import ModelFileError
from chainrule.onnx_export.preparing import (
    PREPARATION,
    columns_of,
    has_flags,
    input_names,
    operations,
    restoring,
    with_flags,
)
from chainrule.onnx_import.graph import Graph, Step
from chainrule.types import Array, Shape

Operations = list[tuple[str, Array]]


def stored_preparation(graph: Graph) -> Preparation | None:
    """The preparation in the metadata of a file of chainrule; None where there is none."""
    stored = graph.metadata.get(PREPARATION)
    return None if stored is None else Preparation.from_plain(json.loads(stored))


def shape_taken(graph: Graph, preparation: Preparation | None) -> Shape:
    """The shape of an example as the layers take it: with the flags of missing values, which are
    not in the input of the file."""
    return (len(with_flags(columns_of(preparation))),) if has_flags(preparation) else graph.shape


def after_preparation(graph: Graph, preparation: Preparation | None) -> list[Step]:
    """The way from what the layers take to what they put out: all steps but the first, which
    prepare x, and the last, which bring y into the unit of the targets.

    Raises:
        ModelFileError: these do something else than the metadata say.
    """
    if preparation is None:
        return graph.steps()
    *steps, end = graph.steps()
    behind = restoring(preparation.target_scale)
    last = len(steps) - len(behind)
    layers = after_preparing(steps[: max(last, 0)], preparation, graph)
    if layers is None or not do(steps[last:], behind, graph):
        raise ModelFileError(
            f"its metadata say that x is prepared by {preparation}, and its nodes do something "
            f"else: another program has changed it; without the entry {PREPARATION!r} it is read "
            "as that program's"
        )
    return [*layers, end]


def after_preparing(steps: list[Step], preparation: Preparation, graph: Graph) -> list[Step] | None:
    """The steps behind those that prepare x; None where these do not do what is said."""
    before = operations(preparation)
    if has_flags(preparation):
        is_prepared = begins_with_flags(steps, before, preparation, graph)
        return steps[2:] if is_prepared else None
    return steps[len(before) :] if do(steps[: len(before)], before, graph) else None


def begins_with_flags(
    steps: list[Step], before: Operations, preparation: Preparation, graph: Graph
) -> bool:
    """True if the first step puts prepared numbers and flags of NaN side by side, and the second
    one each flag beside its column."""
    if len(steps) < 2 or len(steps[0].ways) != 2:
        return False
    both, chosen = steps[:2]
    numbers, flags = both.ways
    columns = columns_of(preparation)
    return (
        graph.shape == (sum(len(input_names(column)) for column in columns),)
        and do(numbers, before, graph)
        and [step.node.operator for step in flags] == ["IsNaN", "Cast"]
        and flags[1].node.attributes == {"to": graph.kind}
        and does(both, "Concat", None, axis=1)
        and does(chosen, "Gather", np.array(with_flags(columns)), axis=1)
    )


def do(steps: list[Step], operations: Operations, graph: Graph) -> bool:
    """True if these steps are these operators, each with its constant, and nothing more."""
    return len(steps) == len(operations) and all(
        does(step, operator, np.asarray(values, graph.dtype))
        for step, (operator, values) in zip(steps, operations, strict=True)
    )


def does(step: Step, operator: str, constant: Array | None, **attributes: int) -> bool:
    """True if a step is this operator, with this constant as its second input."""
    node = step.node
    ways = [[inner.node.operator for inner in way] for way in step.ways]
    if node.operator != operator or node.attributes != attributes:
        return False
    if constant is None:
        return len(node.computed) == len(node.inputs)
    given = node.array(1) if len(node.inputs) > 1 else None
    return (
        ways == ([["IsNaN"], []] if operator == "Where" else [])
        and given is not None
        and np.array_equal(np.ravel(given), np.ravel(constant))
    )
