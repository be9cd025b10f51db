"""Layers as plain data, for model files and configuration files, and back.

    [{"type": "Dense", "out_features": 128}, {"type": "ReLU"}]

A layer that stands in two places is written once; the second place says which one it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from itertools import count
from typing import Any

from chainrule.configurable import build, describe, is_known
from chainrule.errors import ConfigError
from chainrule.initializers import INITIALIZERS
from chainrule.layers import LAYERS
from chainrule.layers.base import Layer
from chainrule.layers.handwritten import HandWritten
from chainrule.limits import shortened
from chainrule.regularizers import REGULARIZERS

PARTS = {**INITIALIZERS, **REGULARIZERS}  # what a layer's options hold besides layers
MOST_LAYERS, DEEPEST = 4_000, 40  # that a file may ask for
WITHOUT_CODE = {name: layer for name, layer in LAYERS.items() if layer is not HandWritten}
SHARED = "shared"  # {"type": "shared", "layer": 0}: the layer that was described first


def describe_layers(layers: Sequence[Layer]) -> list[dict[str, Any]]:
    """The layers as plain data. Raises ConfigError where one holds Python functions."""
    seen: dict[int, int] = {}

    def visit(value: Any) -> Any:
        if isinstance(value, Layer):
            if id(value) in seen:
                return {"type": SHARED, "layer": seen[id(value)]}
            seen[id(value)] = len(seen)
            options = {name: visit(option) for name, option in value.options().items()}
            return {"type": type(value).__name__, **options}
        if isinstance(value, list):
            return [visit(item) for item in value]
        return describe(value)

    return [visit(layer) for layer in layers]


def build_layers(
    descriptions: Sequence[Any], own_layers: Sequence[type[Layer]] = ()
) -> list[Layer]:
    """New layers from `descriptions`: tables, names such as ``"relu"``, or short forms such as
    ``"dense(128)"``.

    Args:
        own_layers: classes of the user's own that the descriptions may name.
    Raises:
        ConfigError: no description of layers; or more layers than a file may ask for, each counted
            at every place where it stands: a few lines of shared layers can stand for millions.

    >>> build_layers(["flatten", "dense(10)", {"type": "Dropout", "rate": 0.2}])
    [Flatten(), Dense(10), Dropout(rate=0.2)]
    """
    known = {**WITHOUT_CODE, **{layer.__name__: layer for layer in own_layers}}
    places = count()  # numbered as `describe_layers` does: the outer layer before the inner
    made: dict[int, Layer] = {}
    counts: dict[int, int] = {}  # layers at and within each place
    total, depth = 0, 0

    def visit(value: Any) -> Layer:
        nonlocal total, depth
        if isinstance(value, Mapping) and value.get("type") == SHARED:
            place = check_shared(value.get("layer"), made)
            total = check_count(total + counts[place])
            return made[place]
        place, before = next(places), total
        total, depth = check_count(total + 1), check_depth(depth + 1)
        if isinstance(value, Mapping) and "type" in value:
            value = {name: inner(option) for name, option in value.items()}
        elif not isinstance(value, str):
            raise ConfigError(
                f"a layer is a name or a table with a type, received {shortened(repr(value))}"
            )
        made[place] = build(value, known, "layer")
        counts[place], depth = total - before, depth - 1
        return made[place]

    def inner(option: Any) -> Any:
        if isinstance(option, Mapping):
            if is_known(str(option.get("type")), [*known, SHARED]):
                return visit(option)
            return build(option, PARTS, "initializer or regularizer")
        if isinstance(option, list) and not all(isinstance(item, (int, float)) for item in option):
            return [inner(item) if isinstance(item, list) else visit(item) for item in option]
        return option

    return [visit(description) for description in descriptions]


def check_shared(place: Any, made: Collection[int]) -> int:
    """Refuse a layer that is the same as none before it."""
    if not isinstance(place, int) or place not in made:
        raise ConfigError(
            f"layer {shortened(repr(place))} cannot be shared: only one that is described before, "
            "by its number from 0"
        )
    return place


def check_count(layers: int) -> int:
    """Refuse more layers than a file may ask for."""
    if layers > MOST_LAYERS:
        raise ConfigError(f"more than {MOST_LAYERS:,} layers are described: build them in Python")
    return layers


def check_depth(depth: int) -> int:
    """Refuse layers that lie too deep within others."""
    if depth > DEEPEST:
        raise ConfigError(
            f"layers lie within layers more than {DEEPEST} deep: build them in Python"
        )
    return depth
