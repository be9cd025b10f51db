"""A network in one safetensors file: weights by name, and in its header, as JSON, the
architecture, what the outputs mean, how inputs are prepared, and between which values those of
training lay. Nothing in the file is code."""

from __future__ import annotations

import math
from collections.abc import Sequence
from os import PathLike
from pathlib import Path
from typing import Any, TypeVar

from chainrule.arguments import shape
from chainrule.chain import Chain
from chainrule.configurable import build, describe
from chainrule.data.preparation import Preparation
from chainrule.errors import ChainruleError, ModelFileError
from chainrule.layers.base import Layer, declared, set_up
from chainrule.layers.containers import Sequential
from chainrule.layers.descriptions import build_layers, describe_layers
from chainrule.limits import shortened
from chainrule.losses import LOSSES
from chainrule.metrics import METRICS
from chainrule.presentation.display import counted
from chainrule.tensor_file import DAMAGE, read_tensors, write_tensors
from chainrule.types import Array, Shape

C = TypeVar("C", bound=Chain)


def save(network: Chain, path: str | PathLike[str]) -> None:
    """Write `network` to `path`, whole or not at all.

    Raises:
        ConfigError: a layer holds Python functions, which no file can carry.
    """
    write_tensors(Path(path), {**network.parameters, **network.buffers}, architecture(network))


def architecture(network: Chain) -> dict[str, Any]:
    """All of a network but its weights, as plain data."""
    return {
        "layers": describe_layers(network.layers),
        "input_shape": list(network.input_shape),
        "dtype": network.dtype.name,
        "seed": network.seed,
        "loss": describe(network.loss) if type(network.loss) in LOSSES.values() else None,
        "metrics": [metric.name for metric in network.metrics if metric.name in METRICS],
        "input_range": network.input_range,
        "preparation": None if network.preparation is None else network.preparation.as_plain(),
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
    tensors, described = read_tensors(Path(path))
    try:
        layers = build_layers(described["layers"], own_layers)
        _check_sizes(layers, tuple(described["input_shape"]), tensors, path)
        network = _rebuild(layers, described, kind)
    except ModelFileError:
        raise
    except (*DAMAGE, ChainruleError) as error:
        reason = shortened(str(error))
        raise ModelFileError(f"{path}: the architecture cannot be rebuilt: {reason}") from error
    _fill(network, tensors, path)
    return network


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
    network.input_range = stored_range(described.get("input_range"))
    if described.get("preparation") is not None:
        preparation = Preparation.from_plain(described["preparation"])
        check_preparation(preparation, network)
        network.preparation = preparation
    return network


def check_preparation(preparation: Preparation, network: Chain) -> None:
    """Refuse the preparation of other data than this network takes."""
    if preparation.shape not in (None, network.input_shape):
        raise ValueError(f"its data is prepared to the shape {preparation.shape}")
    scale = preparation.target_scale
    if scale is not None and len(scale.means) != math.prod(network.output_shape):
        raise ValueError(f"its data has {counted(len(scale.means), 'target')}")
    names = preparation.class_names
    if names is not None and network.output_shape not in {(len(names),), (1,) * (len(names) == 2)}:
        raise ValueError(f"its data has {len(names)} classes")


def stored_range(stored: Sequence[float] | None) -> tuple[float, float] | None:
    """The lowest and the highest input of training, where the file says them."""
    if stored is None:
        return None
    lowest, highest = map(float, stored)
    if not -math.inf < lowest <= highest < math.inf:
        raise ValueError(f"input_range should be two finite numbers in order, is {stored}")
    return lowest, highest


def _fill(network: Chain, tensors: dict[str, Array], path: str | PathLike[str]) -> None:
    for name, place in {**network.parameters, **network.buffers}.items():
        if tensors[name].dtype != place.dtype:
            raise ModelFileError(
                f"{path}: {name} should be {place.dtype}, is {tensors[name].dtype}"
            )
        place[...] = tensors[name]
