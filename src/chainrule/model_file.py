"""A network in one safetensors file: weights by name, and in its header, as JSON, the
architecture and what the outputs mean. Nothing in the file is code."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from chainrule.arguments import shape
from chainrule.chain import Chain
from chainrule.configurable import build, describe
from chainrule.errors import ChainruleError, ModelFileError
from chainrule.files import whole_file
from chainrule.layers.base import Layer, declared, set_up
from chainrule.layers.containers import Sequential
from chainrule.layers.descriptions import build_layers, describe_layers
from chainrule.losses import LOSSES
from chainrule.metrics import METRICS
from chainrule.parameters import Array, Shape

C = TypeVar("C", bound=Chain)

FORMAT = 1
HEADER = "chainrule"
# What reading a file raises when its bytes are not what they were.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


def save(network: Chain, path: str | PathLike[str]) -> None:
    """Write `network` to `path`, whole or not at all.

    Raises:
        ConfigError: a layer holds Python functions, which no file can carry.
    """
    from safetensors.numpy import save as to_bytes

    tensors = {**network.parameters, **network.buffers}
    content = to_bytes(tensors, {HEADER: json.dumps(architecture(network))})
    with whole_file(Path(path)) as file:
        file.write(content)


def architecture(network: Chain) -> dict[str, Any]:
    """All of a network but its weights, as plain data."""
    return {
        "format": FORMAT,
        "layers": describe_layers(network.layers),
        "input_shape": list(network.input_shape),
        "dtype": network.dtype.name,
        "seed": network.seed,
        "loss": describe(network.loss) if type(network.loss) in LOSSES.values() else None,
        "metrics": [metric.name for metric in network.metrics if metric.name in METRICS],
    }


def load(path: str | PathLike[str], own_layers: Sequence[type[Layer]], kind: type[C]) -> C:
    """The network in a file that `save` wrote.

    Args:
        own_layers: the user's own Layer classes that it may contain.
        kind: what to make of it, such as `Network`.
    Raises:
        ModelFileError: no such file, not a model of chainrule, a damaged one, or one with a
            layer that is not among chainrule's or `own_layers`.
    """
    tensors, described = _read(Path(path))
    try:
        layers = build_layers(described["layers"], own_layers)
        _check_sizes(layers, tuple(described["input_shape"]), tensors, path)
        network = _rebuild(layers, described, kind)
    except ModelFileError:
        raise
    except (*DAMAGE, ChainruleError) as error:
        raise ModelFileError(f"{path}: the architecture cannot be rebuilt: {error}") from error
    _fill(network, tensors, path)
    return network


def _read(path: Path) -> tuple[dict[str, Array], dict[str, Any]]:
    from safetensors import SafetensorError, safe_open

    if not path.exists():
        raise ModelFileError(f"{path}: no such file")
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            header = (file.metadata() or {}).get(HEADER)
            names = file.keys()
            tensors = {name: file.get_tensor(name) for name in names}
    except (SafetensorError, OSError, *DAMAGE) as error:
        raise ModelFileError(f"{path} is not a model file, or is damaged: {error}") from None
    if header is None:
        raise ModelFileError(f"{path} is a safetensors file, but was not saved by chainrule")
    try:
        described = json.loads(header)
        format_number = described["format"]
    except DAMAGE as error:
        raise ModelFileError(f"{path} is damaged: its header cannot be read: {error}") from None
    if format_number != FORMAT:
        raise ModelFileError(
            f"{path} has format {format_number}, this version reads {FORMAT}: "
            "open it with the version of chainrule that wrote it"
        )
    return tensors, described


def _check_sizes(
    layers: list[Layer],
    input_shape: Shape,
    tensors: dict[str, Array],
    path: str | PathLike[str],
) -> None:
    """Refuse layers that the tensors are not of, before there is any memory for them: a damaged
    header may ask for more than there is."""
    root = Sequential(layers)
    set_up(root, shape(input_shape, "input_shape"))
    shapes = {key: declaration.shape for key, declaration in declared(root).items()}
    if shapes.keys() != tensors.keys():
        raise ModelFileError(
            f"{path}: weights and architecture do not belong together: "
            f"{', '.join(sorted(shapes.keys() ^ tensors.keys()))}"
        )
    for name, expected in shapes.items():
        if tensors[name].shape != expected:
            raise ModelFileError(
                f"{path}: {name} should be of shape {expected}, is of shape {tensors[name].shape}"
            )


def _rebuild(layers: list[Layer], described: dict[str, Any], kind: type[C]) -> C:
    input_shape = tuple(described["input_shape"])
    network = kind(layers, input_shape, described["seed"], described["dtype"])
    if described["loss"] is not None:
        network.loss = build(described["loss"], LOSSES, "loss")
    network.metrics = [METRICS[name] for name in described["metrics"]]
    return network


def _fill(network: Chain, tensors: dict[str, Array], path: str | PathLike[str]) -> None:
    for name, place in {**network.parameters, **network.buffers}.items():
        if tensors[name].dtype != place.dtype:
            raise ModelFileError(
                f"{path}: {name} should be {place.dtype}, is {tensors[name].dtype}"
            )
        place[...] = tensors[name]
