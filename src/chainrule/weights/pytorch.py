"""Weights to and from PyTorch.

PyTorch has images with the channels first, dense weights as (out, in) and kernels as (out, in,
height, width); `layouts` turns one into the other. Layers are paired in their order, and each pair
must have the same arrays in the same shapes: names do not say what comes after what.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.chain import Chain
from chainrule.errors import ArgumentError, ModelFileError
from chainrule.extras import optional, packages_for
from chainrule.layers import BatchNorm
from chainrule.layers.base import join
from chainrule.layouts import TORCH_NAMES
from chainrule.presentation.display import counted
from chainrule.types import Array
from chainrule.weights.places import (
    Holder,
    Pair,
    array_shapes,
    check_names,
    checked,
    fill,
    layers_with_arrays,
    named,
    side_by_side,
)

COUNTER = "num_batches_tracked"  # of batch norm in PyTorch, which counts and computes nothing
SORTED = ".safetensors"  # files that have their arrays in alphabetical order
Groups = dict[str, dict[str, Array]]  # the arrays of each module of PyTorch by name
WHOLE_STATES = ("state_dict", "model_state_dict")  # under which a checkpoint has the weights


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
    ours = layers_with_arrays(network, "channels first", TORCH_NAMES)
    if names is None:
        check_branches(network, ours)
    if not isinstance(weights, (str, PathLike)):
        pairs = matched(ours, weights, names, is_sorted=False)
    else:
        try:
            pairs = matched(ours, read(weights), names, Path(weights).suffix == SORTED)
        except ArgumentError as error:
            raise ArgumentError(f"{weights}: {error}") from None
    return fill(pairs)


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
    ours = layers_with_arrays(network, "channels first", TORCH_NAMES)
    if like is None:
        arrays = {join(h.position, place.name): place.ours for h in ours for place in h.places}
        counters = [join(h.position, COUNTER) for h in ours if isinstance(h.layer, BatchNorm)]
    else:
        check_branches(network, ours)
        arrays = {name: place.ours for place, name, _ in paired(ours, grouped(like))}
        counters = [name for name in like if name.endswith(COUNTER)]
    tensors = {name: torch.from_numpy(np.array(array)) for name, array in arrays.items()}
    return tensors | {name: torch.tensor(0) for name in counters}


def check_branches(network: Chain, ours: list[Holder]) -> None:
    """Refuse branches that could stand in a state_dict in either order, unnoticed."""
    for one, other in side_by_side(network, ours):
        if one and other and one + other == other + one:
            raise ArgumentError(
                "the network has branches side by side with the same layers, and it is not known "
                "which of them PyTorch's module defines first: give from_torch names=[…], all "
                "modules with weights in the order in which they run here; to_torch has the "
                "network's own names without like"
            )


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
) -> list[Pair]:
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
    check_names(names, theirs)
    return {name: theirs[name] for name in names}


def by_shape(theirs: Groups, ours: list[Holder]) -> Groups:
    """The modules in the order of our layers, found by their shapes and by the numbers in their
    names.

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


def paired(ours: list[Holder], theirs: Groups) -> list[Pair]:
    """Each place with the name and the values of PyTorch's array, once all are known to fit."""
    if len(ours) != len(theirs):
        raise ArgumentError(
            f"the network has {counted(len(ours), 'layer')} with weights "
            f"({', '.join(f'{h.position} {type(h.layer).__name__}' for h in ours)}), and the "
            f"weights are of {len(theirs)} ({named(theirs)}): make the two alike"
        )
    return checked(zip(ours, theirs, theirs.values(), strict=True))


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
    with packages_for("a safetensors file"):
        from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="numpy") as file:
            return {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, TypeError) as error:
        raise ModelFileError(f"{path} is no safetensors file, or is damaged: {error}") from None
