"""The table of operators: how each is read."""

from __future__ import annotations

from collections.abc import Callable

from chainrule.errors import ArgumentError, ShapeError
from chainrule.onnx_import.graph import Step
from chainrule.onnx_import.growing import Growing
from chainrule.onnx_import.node import Node

Reader = Callable[[Node, Growing], None]  # adds the layers that a node stands for
Join = Callable[[Node, Growing, list[Growing]], None]  # the same, for the rows that it joins

READERS: dict[str, Reader] = {}
JOINS: dict[str, Join] = {}


def reads(*operators: str) -> Callable[[Reader], Reader]:
    """Make a function the reader of one or more operators."""

    def register(reader: Reader) -> Reader:
        READERS.update(dict.fromkeys(operators, reader))
        return reader

    return register


def joins(operator: str) -> Callable[[Join], Join]:
    """Make a function the reader of an operator that takes two values or more."""

    def register(join: Join) -> Join:
        JOINS[operator] = join
        return join

    return register


def follow(steps: list[Step], row: Growing) -> Growing:
    """A row with the layers that these steps stand for.

    Raises:
        ModelFileError: one of them is none of chainrule's layers.
    """
    for step in steps:
        node, ways = step.node, [follow(way, row.branch()) for way in step.ways]
        if node.operator not in (JOINS if ways else READERS):
            given = " of two computed values" if ways and node.operator in READERS else ""
            node.refuse(f"is an operator{given} for which chainrule has no layer")
        try:
            if ways:
                JOINS[node.operator](node, row, ways)
            else:
                READERS[node.operator](node, row)
        except (ArgumentError, ShapeError) as error:
            node.refuse(str(error))
        node.check_all_asked()
    return row
