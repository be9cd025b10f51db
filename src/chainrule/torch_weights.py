"""Weights to and from PyTorch.

PyTorch has images with the channels first, dense weights as (out, in) and kernels as (out, in,
height, width); `layouts` turns one into the other. Layers are paired in their order, and each pair
must have the same arrays in the same shapes: names do not say what comes after what.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.chain import Chain
from chainrule.errors import ArgumentError, ModelFileError
from chainrule.extras import optional
from chainrule.layers import (
    BatchNorm,
    Concatenate,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    Layer,
    LayerNorm,
    Reshape,
)
from chainrule.layers.base import join, walk
from chainrule.layouts import TORCH_NAMES, Layout, layouts
from chainrule.limits import shortened
from chainrule.text import printable
from chainrule.types import Array, Shape

__all__ = ["from_torch", "to_torch"]

WITH_ARRAYS = (Dense, Conv2D, ConvTranspose2D, BatchNorm, LayerNorm)  # on both sides
COUNTER = "num_batches_tracked"  # of batch norm in PyTorch, which counts and computes nothing
SORTED = ".safetensors"  # files that have their arrays in alphabetical order
Groups = dict[str, dict[str, Array]]  # the arrays of each module of PyTorch by name
WHOLE_STATES = ("state_dict", "model_state_dict")  # under which a checkpoint has the weights


@dataclass(frozen=True)
class Place:
    """An array of a network: its values, and where PyTorch has each of them."""

    key: str
    name: str  # in PyTorch, without the module's
    values: Array
    order: Array  # of the values here, as PyTorch's array has them

    @property
    def ours(self) -> Array:
        """The values as PyTorch has them."""
        return self.values.ravel()[self.order]

    def fill(self, theirs: Array) -> None:
        """Take over PyTorch's values."""
        self.values.reshape(-1)[self.order] = theirs


def from_torch(
    weights: Mapping[str, Any] | str | PathLike[str],
    network: Chain,
    names: Sequence[str] | None = None,
) -> dict[str, str]:
    """Fill a network with the weights of the same one in PyTorch.

    Layers are paired in the order in which they stand in `weights`, which is that in which the
    module defines them, and in this network, in which they run. A .safetensors file has them in
    alphabetical order; they are paired by shape, and those of one shape by number (conv1, conv2).
    `cr.explain.compare` tells if the two compute the same.

    Args:
        weights: `module.state_dict()`, or the path of a file that holds one: .safetensors, or .pt
            and .pth, which PyTorch reads.
        network: a network of the same layers; images have the channels last.
        names: the modules with weights in the order in which they run, where that is not the order
            of `weights`: ``["features.0", "classifier.1"]``.
    Returns:
        for each array of the network, the name of the one it has now: ``{"0.W": "fc1.weight"}``.
    Raises:
        ArgumentError: layers or shapes that are not the same on both sides; the network stays as it
            is.
        ModelFileError: no such file, or no weights in it.
    """
    ours = layers_with_arrays(network)
    if not isinstance(weights, (str, PathLike)):
        pairs = matched(ours, weights, names, is_sorted=False)
    else:
        try:
            pairs = matched(ours, read(weights), names, Path(weights).suffix == SORTED)
        except ArgumentError as error:
            raise ArgumentError(f"{weights}: {error}") from None
    for place, _, array in pairs:
        place.fill(array)
    return {place.key: name for place, name, _ in pairs}


def to_torch(network: Chain, like: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """A network's weights as a state_dict: ``module.load_state_dict(cr.to_torch(network))``.

    Args:
        like: a `module.state_dict()`, whose names are taken. Without it, they are those that
            ``nn.Sequential`` gives to the same layers in the same places.
    Raises:
        ArgumentError: layers or shapes that are not the same on both sides.
        MissingPackageError: PyTorch is not installed.
    """
    torch: Any = optional("torch", "to_torch", "pip install torch")
    ours = layers_with_arrays(network)
    if like is None:
        named = {join(h.position, place.name): place.ours for h in ours for place in h.places}
        counters = [join(h.position, COUNTER) for h in ours if isinstance(h.layer, BatchNorm)]
    else:
        named = {name: place.ours for place, name, _ in paired(ours, grouped(like))}
        counters = [name for name in like if name.endswith(COUNTER)]
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in named.items()}
    return tensors | {name: torch.tensor(0) for name in counters}


@dataclass(frozen=True)
class Holder:
    """A layer that has arrays, with their places."""

    position: str
    layer: Layer
    places: list[Place]

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shapes of its arrays in PyTorch, by their names there."""
        return {place.name: place.order.shape for place in self.places}


def layers_with_arrays(network: Chain) -> list[Holder]:
    """The layers that have arrays, in the order in which they run.

    Raises:
        ArgumentError: one has them in an order that PyTorch does not say.
    """
    placed = list(walk(network.root))
    for position, layer in placed:
        check_order(position, layer)
    layers = [(layer, next(iter(shapes(layer)), ())) for _, layer in placed]
    return [
        Holder(position, layer, list(places(position, layer, layout)))
        for (position, layer), layout in zip(placed, layouts("channels first", layers), strict=True)
        if layer._declarations()
    ]


def places(position: str, layer: Layer, layout: Layout) -> Iterator[Place]:
    """The places of a layer's arrays."""
    for name in layer._declarations():
        values: Array = getattr(layer, name)
        numbers = np.arange(values.size).reshape(values.shape)
        yield Place(
            join(position, name), TORCH_NAMES[name], values, layout.parameter(layer, numbers)
        )


def check_order(position: str, layer: Layer) -> None:
    """Refuse a layer whose numbers PyTorch may have in an order that is not known here."""
    if layer._declarations() and type(layer) not in WITH_ARRAYS:
        raise ArgumentError(
            f"layer {position} ({type(layer).__name__}) has arrays whose order in PyTorch is not "
            "known: carry them over yourself"
        )
    if isinstance(layer, Reshape) and any(map(has_channels, (*shapes(layer), layer.shape))):
        raise ArgumentError(
            f"layer {position} (Reshape) reads images channels last, PyTorch channels first: the "
            "weights beside it are in another order there, which is not known"
        )
    within = [inner for _, inner in walk(layer)] if isinstance(layer, Concatenate) else []
    flattened = [shape for inner in within if isinstance(inner, Flatten) for shape in shapes(inner)]
    if any(map(has_channels, flattened)):
        raise ArgumentError(
            f"layer {position} (Concatenate) joins flattened images, whose features PyTorch has in "
            "another order: put Flatten() after it"
        )


def shapes(layer: Layer) -> list[Shape]:
    """The shapes of the examples that a layer is given; the root of a network is given none."""
    return list(dict(vars(layer).get("_shapes", ())))


def has_channels(shape: Shape) -> bool:
    """True if images of this shape are in another order channels first."""
    return len(shape) == 3 and shape[2] > 1 and math.prod(shape[:2]) > 1


def grouped(weights: Mapping[str, Any]) -> Groups:
    """The arrays of each module of PyTorch, by the module's name."""
    groups: Groups = {}
    for key, tensor in weights.items():
        module, _, name = key.rpartition(".")
        if name != COUNTER:
            groups.setdefault(module, {})[name] = as_array(tensor)
    return groups


def matched(
    ours: list[Holder], weights: Mapping[str, Any], names: Sequence[str] | None, is_sorted: bool
) -> list[tuple[Place, str, Array]]:
    """Each place with the name and the values of PyTorch's array.

    Args:
        is_sorted: True if the weights are in alphabetical order.
    """
    theirs = grouped(weights)
    if names is not None:
        theirs = in_order(theirs, names)
    elif is_sorted:
        theirs = by_shape(theirs, ours)
    return paired(ours, theirs)


def in_order(theirs: Groups, names: Sequence[str]) -> Groups:
    """The modules in the order of these names."""
    if sorted(names) != sorted(theirs):
        raise ArgumentError(f"names are {named(names)}, and the weights are of {named(theirs)}")
    return {name: theirs[name] for name in names}


def by_shape(theirs: Groups, ours: list[Holder]) -> Groups:
    """The modules in the order of our layers, as far as shapes and the numbers in names tell it.

    Raises:
        ArgumentError: several have the same shapes, and their names differ in more than numbers.
    """
    left = sorted(theirs, key=numbers_in)
    arranged: Groups = {}
    for holder in ours:
        alike = [name for name in left if array_shapes(theirs[name]) == holder.shapes]
        if len({re.sub(r"\d+", "#", name) for name in alike}) > 1:
            raise ArgumentError(
                f"{named(alike)} have arrays of the same shapes, and the file does not say in "
                "which order they run: give names=[…], all modules with weights in that order"
            )
        arranged |= {name: theirs[name] for name in alike[:1]}
        left = [name for name in left if name not in arranged]
    return arranged | {name: theirs[name] for name in left}


def numbers_in(name: str) -> list[str | int]:
    """What to sort names by, so that ``layer10`` comes after ``layer9``."""
    return [int(part) if part.isdigit() else part for part in re.split(r"(\d+)", name)]


def paired(ours: list[Holder], theirs: Groups) -> list[tuple[Place, str, Array]]:
    """Each place with the name and the values of PyTorch's array, once all are known to fit."""
    if len(ours) != len(theirs):
        raise ArgumentError(
            f"the network has {len(ours)} layers with weights "
            f"({', '.join(f'{h.position} {type(h.layer).__name__}' for h in ours)}), and the "
            f"weights are of {len(theirs)} ({named(theirs)}): make the two alike"
        )
    pairs = []
    for holder, (module, arrays) in zip(ours, theirs.items(), strict=True):
        layer = f"layer {holder.position} ({type(holder.layer).__name__})"
        expected, found = holder.shapes, array_shapes(arrays)
        if expected != found:
            raise ArgumentError(
                f"{layer} should have the weights of {named([module])}, which comes here, but "
                f"PyTorch has {described(expected)} for such a layer, and these are "
                f"{described(found)}"
            )
        pairs += [(p, join(module, p.name), arrays[p.name]) for p in holder.places]
    for place, name, array in pairs:
        check_numbers(place, name, array)
    return pairs


def check_numbers(place: Place, name: str, array: Array) -> None:
    """Refuse numbers that are none, or too large for the network's type."""
    with np.errstate(all="ignore"):
        fits = array.dtype.kind in "iuf" and np.isfinite(array.astype(place.values.dtype)).all()
    if not fits:
        raise ArgumentError(
            f"{named([name])} holds what is no finite number of {place.values.dtype}, which this "
            "network computes with"
        )


def array_shapes(arrays: Mapping[str, Array]) -> dict[str, Shape]:
    """The shapes of arrays by name."""
    return {name: array.shape for name, array in arrays.items()}


def described(shapes: Mapping[str, Shape]) -> str:
    """Arrays by name and shape, in a few words."""
    return shortened(printable(", ".join(f"{name} {shape}" for name, shape in shapes.items())))


def named(names: Iterable[str]) -> str:
    """The names of modules, in a few words."""
    return shortened(printable(", ".join(names)))


def as_array(tensor: Any) -> Array:
    """A tensor of PyTorch, or an array, as an array."""
    if hasattr(tensor, "detach"):
        tensor = tensor.detach().cpu()
        tensor = tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor
    return np.asarray(tensor)


def read(path: str | PathLike[str]) -> Mapping[str, Any]:
    """The weights in a file. Nothing in it is run."""
    if not Path(path).is_file():
        raise ModelFileError(f"{path}: no such file")
    if Path(path).suffix == SORTED:
        return read_safetensors(path)
    torch: Any = optional("torch", f"reading {path}", "pip install torch")
    try:
        state = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # whatever PyTorch and pickle raise for what they cannot read
        reason = str(error).strip().split("\n")[0]
        raise ModelFileError(
            f"{path} holds no weights that PyTorch reads without running code ({reason}): save "
            "module.state_dict()"
        ) from None
    for name in WHOLE_STATES:
        if isinstance(state, Mapping) and isinstance(state.get(name), Mapping):
            state = state[name]
    if not isinstance(state, Mapping) or not all(hasattr(t, "detach") for t in state.values()):
        raise ModelFileError(f"{path} is no state_dict: save module.state_dict()")
    return state


def read_safetensors(path: str | PathLike[str]) -> Mapping[str, Array]:
    """The arrays in a safetensors file, in the order of their names there."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError) as error:
        raise ModelFileError(f"{path} is no safetensors file, or is damaged: {error}") from None
