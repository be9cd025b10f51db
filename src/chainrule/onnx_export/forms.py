"""The table of forms: how each kind of layer is written in ONNX."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from chainrule.errors import ExportError
from chainrule.layers import Layer
from chainrule.onnx_export.graph import Graph, Value

# (graph, layer, its input) -> the name of its output
Form = Callable[[Graph, Any, Value], str]

FORMS: dict[type[Layer], Form] = {}


def form_of(*kinds: type[Layer]) -> Callable[[Form], Form]:
    """Make a function the form of one or more kinds of layer."""

    def register(form: Form) -> Form:
        FORMS.update(dict.fromkeys(kinds, form))
        return form

    return register


def write(graph: Graph, layer: Layer, x: Value, name: str) -> Value:
    """Add a layer, which its container knows by `name`, to a graph; its output.

    Raises:
        ExportError: there is no form for its kind. That of a parent class is not taken: a class of
            the user's own may compute something else.
    """
    kind = type(layer)
    try:
        if kind not in FORMS:
            raise ExportError(
                f"has no form in ONNX: put layers of chainrule in its place, or write its form, "
                f"a function under @chainrule.onnx_export.form_of({kind.__name__})"
            )
        with graph.within(name):
            return Value(FORMS[kind](graph, layer, x), dict(vars(layer)["_shapes"])[x.shape])
    except ExportError as error:
        error.inside(name, kind.__name__)
        raise
