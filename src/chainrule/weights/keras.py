"""Weights to and from Keras.

Keras has the channels last, as chainrule; of the kernels, that of a transposed convolution alone is
in another order, (height, width, out, in). Layers of one kind are paired in their order, which the
names in a .weights.h5 file say: ``dense``, ``dense_1``, ``dense_2``.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.chain import Chain
from chainrule.errors import ArgumentError, ModelFileError
from chainrule.extras import optional
from chainrule.layers import (
    BatchNorm,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Layer,
    LayerNorm,
    PReLU,
)
from chainrule.presentation.display import counted
from chainrule.types import Array
from chainrule.weights.places import (
    Holder,
    check_names,
    checked,
    fill,
    layers_with_arrays,
    named,
    side_by_side,
)

NAMES = {  # of arrays
    "W": "kernel",
    "b": "bias",
    "gamma": "gamma",
    "beta": "beta",
    "alpha": "alpha",
    "running_mean": "moving_mean",
    "running_variance": "moving_variance",
}
KINDS: dict[str, type[Layer]] = {  # as classes of Keras are called in its files
    "dense": Dense,
    "conv1d": Conv1D,
    "conv2d": Conv2D,
    "conv2d_transpose": ConvTranspose2D,
    "batch_normalization": BatchNorm,
    "layer_normalization": LayerNorm,
    "p_re_lu": PReLU,  # with shared_axes=[1, 2] on images
}
Theirs = tuple[str, str, list[Array]]  # the kind of a layer, its name, its arrays in order


def from_keras(weights: Any, network: Chain, names: Sequence[str] | None = None) -> dict[str, str]:
    """Fill a network with the weights of the same one in Keras.

    Args:
        weights: a model of Keras, or the path of a ``.weights.h5`` file.
        network: a network of the same layers. Keras's BatchNormalization has an epsilon of 1e-3
            unless told otherwise: here, write `BatchNorm(epsilon=1e-3)`.
        names: the layers with weights, as the file or the model calls them, in the order in which
            they run here, where branches lie side by side: ``["conv2d", "conv2d_1"]``.
    Returns:
        for each array of the network, the one that it has now: ``{"0.W": "dense.kernel"}``.
    Raises:
        ArgumentError: layers or shapes that are not the same on both sides; the network stays as it
            is.
        ModelFileError: no such file, or one without weights of Keras.
    """
    ours = layers_with_arrays(network, "channels last", NAMES)
    if names is None:
        check_branches(network, ours)
    if not isinstance(weights, (str, PathLike)):
        return fill(checked(matched(ours, in_order(of_model(weights), names))))
    try:
        return fill(checked(matched(ours, in_order(read(Path(weights)), names))))
    except ArgumentError as error:
        raise ArgumentError(f"{weights}: {error}") from None


def to_keras(network: Chain) -> list[Array]:
    """A network's weights as Keras takes them: ``model.set_weights(cr.to_keras(network))``.

    Raises:
        ArgumentError: a layer has arrays that Keras does not have.
    """
    holders = layers_with_arrays(network, "channels last", NAMES)
    check_branches(network, holders)
    return [place.ours for holder in holders for place in holder.places]


def check_branches(network: Chain, ours: list[Holder]) -> None:
    """Refuse branches whose layers Keras may have in another order, unnoticed."""
    for one, other in side_by_side(network, ours):
        alike = [kind for kind, shapes in one if (kind, shapes) in other]
        if alike:
            raise ArgumentError(
                f"the network has branches side by side, each with a {alike[0]} of the same "
                "shapes, and it is not known which of them comes first in Keras: give from_keras "
                "names=[…], all its layers with weights in the order in which they run here"
            )


def in_order(theirs: list[Theirs], names: Sequence[str] | None) -> list[Theirs]:
    """The layers in the order of these names, where they are given."""
    if names is None:
        return theirs
    by_name = {called: (kind, called, arrays) for kind, called, arrays in theirs}
    check_names(names, by_name)
    return [by_name[name] for name in names]


def matched(
    ours: list[Holder], theirs: list[Theirs]
) -> Iterator[tuple[Holder, str, dict[str, Array]]]:
    """The layers of both sides, kind by kind in their order."""
    for kind in dict.fromkeys(kind for kind, _, _ in theirs):
        if kind not in KINDS:
            raise ArgumentError(
                f"{named([kind])} is a layer of Keras whose weights no layer here has; there are: "
                f"{', '.join(KINDS)}"
            )
    for kind, layer in KINDS.items():
        mine = [holder for holder in ours if type(holder.layer) is layer]
        others = [(called, arrays) for their, called, arrays in theirs if their == kind]
        if len(mine) != len(others):
            raise ArgumentError(
                f"the network has {counted(len(mine), 'layer')} of kind {layer.__name__}, and the "
                f"weights are of {len(others)} ({named(called for called, _ in others) or 'none'})"
            )
        for holder, (called, arrays) in zip(mine, others, strict=True):
            yield holder, called, by_name(holder, arrays)


def by_name(holder: Holder, arrays: list[Array]) -> dict[str, Array]:
    """Keras's arrays by name; those beyond ours by their number."""
    names = [place.name for place in holder.places]
    return {names[n] if n < len(names) else str(n): array for n, array in enumerate(arrays)}


def of_model(model: Any) -> list[Theirs]:
    """The layers of a model of Keras that have weights."""
    if not hasattr(model, "layers") or not hasattr(model, "get_weights"):
        raise ArgumentError(
            f"from_keras takes a model of Keras or the path of a .weights.h5 file; received "
            f"{type(model).__name__}"
        )
    return [
        (in_words(type(layer).__name__), layer.name, [np.asarray(w) for w in layer.get_weights()])
        for layer in model.layers
        if layer.get_weights()
    ]


def in_words(name: str) -> str:
    """The name of a class as Keras writes it in files.

    >>> in_words("BatchNormalization"), in_words("Conv2DTranspose")
    ('batch_normalization', 'conv2d_transpose')
    """
    name = re.sub(r"(.)([A-Z][a-z]+)", r"\1_\2", name)
    return re.sub(r"([a-z])([A-Z])", r"\1_\2", name).lower()


def read(path: Path) -> list[Theirs]:
    """The layers in a .weights.h5 file that have weights, those of one kind in their order."""
    h5py: Any = optional("h5py", f"reading {path}", "pip install 'chainrule[keras]'")
    if not path.is_file():
        raise ModelFileError(f"{path}: no such file")
    try:
        with h5py.File(path) as file:
            layers = file["layers"]
            found = {name: arrays_of(layers[name]) for name in layers}
    except (OSError, KeyError, RuntimeError, TypeError, ValueError, AttributeError) as error:
        raise ModelFileError(
            f"{path} is no .weights.h5 file of Keras 3, or is damaged ({error}): write it with "
            "model.save_weights(…)"
        ) from None
    counted = [(*parted(name), name, arrays) for name, arrays in found.items() if arrays]
    return [(kind, name, arrays) for kind, _, name, arrays in sorted(counted, key=lambda c: c[:2])]


def arrays_of(group: Any) -> list[Array]:
    """The arrays of a layer, which are numbered."""
    if "layers" in group:
        raise ValueError("it has a model within a model")
    stored = group.get("vars", {})
    return [np.asarray(stored[str(number)]) for number in range(len(stored))]


def parted(name: str) -> tuple[str, int]:
    """The kind and the number of a layer by its name in a file.

    >>> parted("dense"), parted("conv2d_12")
    (('dense', 0), ('conv2d', 12))
    """
    kind, _, number = name.rpartition("_")
    return (kind, int(number)) if kind and number.isdecimal() else (name, 0)
