"""The arrays of a network, and where other frameworks have each of their numbers."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from chainrule.chain import Chain
from chainrule.errors import ArgumentError
from chainrule.layers import (
    BatchNorm,
    Concatenate,
    Conv1D,
    Conv2D,
    ConvTranspose2D,
    Dense,
    Flatten,
    Layer,
    LayerNorm,
    PReLU,
    Reshape,
    Residual,
)
from chainrule.layers.base import join, walk
from chainrule.layouts import Layout, Order, layouts, turned_examples
from chainrule.limits import shortened
from chainrule.text import printable
from chainrule.types import Array, Shape

WITH_ARRAYS = (Dense, Conv1D, Conv2D, ConvTranspose2D, BatchNorm, LayerNorm, PReLU)  # on both sides
Sizes = list[tuple[str, tuple[Shape, ...]]]  # kinds of layers, with the shapes of their arrays


@dataclass(frozen=True)
class Place:
    """An array of a network: its values, and where another framework has each of them."""

    key: str
    name: str  # of the array in the other framework's layer
    values: Array
    order: Array  # of the values here, as the other framework's array has them

    @property
    def ours(self) -> Array:
        """The values as the other framework has them."""
        return self.values.ravel()[self.order]

    def fill(self, theirs: Array) -> None:
        """Take over the other framework's values."""
        self.values.reshape(-1)[self.order] = theirs


Pair = tuple[Place, str, Array]  # with the other framework's name for it, and its values there


@dataclass(frozen=True)
class Holder:
    """A layer that has arrays, with their places."""

    position: str
    layer: Layer
    places: list[Place]

    @property
    def shapes(self) -> dict[str, Shape]:
        """The shapes of its arrays in the other framework, by their names there."""
        return {place.name: place.order.shape for place in self.places}


def layers_with_arrays(network: Chain, order: Order, names: Mapping[str, str]) -> list[Holder]:
    """The layers that have arrays, in the order in which they run.

    Args:
        order: of the axes in the other framework.
        names: of arrays there, by those here.
    Raises:
        ArgumentError: one has them in an order that is not known.
    """
    placed = list(walk(network.root))
    turned = turned_examples(order, (layer for _, layer in placed))
    for position, layer in placed:
        check_kind(position, layer)
        check_order(position, layer, turned)
    layers = [(layer, next(iter(shapes(layer)), ())) for _, layer in placed]
    return [
        Holder(position, layer, list(places(position, layer, layout, names)))
        for (position, layer), layout in zip(placed, layouts(order, layers), strict=True)
        if layer._declarations()
    ]


def places(
    position: str, layer: Layer, layout: Layout, names: Mapping[str, str]
) -> Iterator[Place]:
    """The places of a layer's arrays."""
    for name in layer._declarations():
        values: Array = getattr(layer, name)
        numbers = np.arange(values.size).reshape(values.shape)
        yield Place(join(position, name), names[name], values, layout.parameter(layer, numbers))


def side_by_side(network: Chain, holders: list[Holder]) -> Iterator[tuple[Sizes, Sizes]]:
    """What the layers hold in any two branches that run side by side."""
    for position, layer in walk(network.root):
        if isinstance(layer, (Residual, Concatenate)):
            branches = [join(position, name) for name in layer.children()]
            yield from combinations([held(holders, branch) for branch in branches], 2)


def held(holders: list[Holder], branch: str) -> Sizes:
    """The kinds of layers in a branch that have arrays, with the shapes of these."""
    return [
        (type(holder.layer).__name__, tuple(holder.shapes.values()))
        for holder in holders
        if holder.position.startswith(f"{branch}.")
    ]


def check_names(names: Sequence[str], theirs: Iterable[str]) -> None:
    """Refuse names that are not those of the layers there."""
    if sorted(names) != sorted(theirs):
        raise ArgumentError(f"names are {named(names)}, and the weights are of {named(theirs)}")


def check_kind(position: str, layer: Layer) -> None:
    """Refuse a layer with arrays that other frameworks do not have."""
    if layer._declarations() and type(layer) not in WITH_ARRAYS:
        raise ArgumentError(
            f"layer {position} ({type(layer).__name__}) has arrays whose order elsewhere is not "
            "known: carry them over yourself"
        )


def check_order(position: str, layer: Layer, turned: tuple[int, ...]) -> None:
    """Refuse a layer whose numbers lie in an order that is not known where channels are first.

    Args:
        turned: how many axes those examples have whose channels are.
    """

    def in_another_order(shape: Shape) -> bool:
        return len(shape) in turned and shape[-1] > 1 and math.prod(shape[:-1]) > 1

    if isinstance(layer, Reshape) and any(map(in_another_order, (*shapes(layer), layer.shape))):
        raise ArgumentError(
            f"layer {position} (Reshape) reads images channels last, PyTorch channels first: the "
            "weights beside it are in another order there, which is not known"
        )
    within = [inner for _, inner in walk(layer)] if isinstance(layer, Concatenate) else []
    flattened = [shape for inner in within if isinstance(inner, Flatten) for shape in shapes(inner)]
    if any(map(in_another_order, flattened)):
        raise ArgumentError(
            f"layer {position} (Concatenate) joins flattened images, whose features PyTorch has in "
            "another order: put Flatten() after it"
        )


def shapes(layer: Layer) -> list[Shape]:
    """The shapes of the examples that a layer is given; the root of a network is given none."""
    return list(dict(vars(layer).get("_shapes", ())))


def checked(matches: Iterable[tuple[Holder, str, Mapping[str, Array]]]) -> list[Pair]:
    """Each place with its array's name and values there, once all are known to fit.

    Args:
        matches: a layer here, the name of the one there, and the arrays of that one by name.
    Raises:
        ArgumentError: they have other arrays, other shapes, or numbers that are none.
    """
    pairs: list[Pair] = []
    for holder, called, arrays in matches:
        expected, found = holder.shapes, array_shapes(arrays)
        if expected != found:
            raise ArgumentError(
                f"layer {holder.position} ({type(holder.layer).__name__}) should have the weights "
                f"of {named([called])}, which comes here, but it has {described(expected)}, as "
                f"they lie there, and these are {described(found)}"
            )
        pairs += [(p, join(called, p.name), arrays[p.name]) for p in holder.places]
    for place, name, array in pairs:
        check_numbers(place, name, array)
    return pairs


def fill(pairs: Iterable[Pair]) -> dict[str, str]:
    """Take over all values; for each array of the network, the name of the one it has now."""
    names = {}
    for place, name, values in pairs:
        place.fill(values)
        names[place.key] = name
    return names


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
