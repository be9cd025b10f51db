"""What a network learns, as one flat vector of values and one of gradients.

Layers see arrays with shapes (`layer.W`), everyone else (optimizers, clipping, checkpoints)
sees one vector; both look at the same memory.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from chainrule.errors import ShapeError, UnknownNameError
from chainrule.types import Array, Shape

if TYPE_CHECKING:
    from chainrule.initializers import Initializer
    from chainrule.regularizers import Regularizer


CACHE_LINE = 64  # bytes


@dataclass(frozen=True)
class Declaration:
    """What a layer says of one of its arrays before there is any memory for it."""

    shape: Shape
    initializer: Initializer
    regularizer: Regularizer | None = None
    trained: bool = True


class FlatArrays(Mapping[str, Array]):
    """Named arrays that lie one after the other in a single vector, `flat`.

    Reading gives a view; assigning copies the values in, so that the view stays a view.

    >>> arrays = FlatArrays({"0.W": (2, 3), "0.b": (3,)}, "float64")
    >>> arrays["0.b"] = [1, 2, 3]
    >>> arrays.flat
    array([0., 0., 0., 0., 0., 0., 1., 2., 3.])
    """

    def __init__(self, shapes: Mapping[str, Shape], dtype: npt.DTypeLike) -> None:
        self._flat = aligned_zeros(sum(math.prod(shape) for shape in shapes.values()), dtype)
        self._shapes = dict(shapes)
        self._views: dict[str, Array] = {}
        self._view()

    @property
    def flat(self) -> Array:
        """The vector; change it in place, ``flat[:] = values``."""
        return self._flat

    def _view(self) -> None:
        start = 0
        for name, shape in self._shapes.items():
            stop = start + math.prod(shape)
            self._views[name] = self.flat[start:stop].reshape(shape)
            start = stop

    def __getitem__(self, name: str) -> Array:
        try:
            return self._views[name]
        except KeyError:
            raise UnknownNameError(
                f"there is no array {name!r}; the names are: {', '.join(self._views) or 'none'}"
            ) from None

    def __setitem__(self, name: str, value: npt.ArrayLike) -> None:
        view = self[name]
        if np.shape(value) != view.shape:
            raise ShapeError(f"{name} has shape {view.shape}, received {np.shape(value)}")
        view[...] = value

    def __contains__(self, name: object) -> bool:
        return name in self._views

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def __len__(self) -> int:
        return len(self._views)

    def __repr__(self) -> str:
        rows = [f"  {name}: {view.shape}" for name, view in self.items()]
        return "\n".join([f"{self.flat.size} numbers, {self.flat.dtype}", *rows])

    def __deepcopy__(self, memo: dict[int, Any]) -> FlatArrays:
        twin = FlatArrays(self._shapes, self._flat.dtype)
        twin.flat[:] = self._flat
        return twin

    def __getstate__(self) -> dict[str, Any]:
        # Pickles hold the vector alone: a copied view would no longer be a view.
        return {"_flat": self._flat, "_shapes": self._shapes}

    def __setstate__(self, state: dict[str, Any]) -> None:
        flat = aligned_zeros(state["_flat"].size, state["_flat"].dtype)
        flat[:] = state["_flat"]
        self.__dict__.update(state, _flat=flat, _views={})
        self._view()


def aligned_zeros(count: int, dtype: npt.DTypeLike) -> Array:
    """Zeros that begin with a cache line: a processor then reads no vector from two of them."""
    kind = np.dtype(dtype)
    memory = np.zeros(count * kind.itemsize + CACHE_LINE, np.uint8)
    begin = -memory.ctypes.data % CACHE_LINE
    return memory[begin : begin + count * kind.itemsize].view(kind)
