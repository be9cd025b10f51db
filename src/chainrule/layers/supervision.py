"""Layers of the user's own under supervision: what goes wrong in one names it, with the shapes.

Code of the user's own may raise anything, or return what only the next layer stumbles over, which
would then be blamed. So when such a layer is given its arrays, its `forward` and its `backward` are
put behind a check, for all containers to call. The layers of chainrule go unchecked, at no cost.
"""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np

from chainrule.errors import ChainruleError, LayerError, PlacedError
from chainrule.types import Array, Shape


def supervise(layer: Any, position: str) -> None:
    """Put both passes of a layer behind a check, unless someone else has replaced them already."""
    for check in (CheckedForward, CheckedBackward):
        if isinstance(vars(layer).get(check.name), (Checked, type(None))):
            vars(layer)[check.name] = check(layer, position)


class Checked:
    """One of the two passes of a layer; an error in it names the layer and its position."""

    name: ClassVar[str]
    given: ClassVar[str]  # what the array is called that it takes

    def __init__(self, layer: Any, position: str) -> None:
        self.layer, self.position = layer, position
        self.function = getattr(type(layer), self.name)
        # What `setup` has promised: the shape of the output for that of the input.
        self.shapes: dict[Shape, Shape] = dict(vars(layer).get("_shapes", ()))

    @property
    def method(self) -> Any:
        """The pass without the check."""
        return self.function.__get__(self.layer)

    def call(self, array: Array, other: Any) -> Any:
        """The pass itself, in which an error is given its place."""
        try:
            return self.function(self.layer, array, other)
        except PlacedError as error:
            self.place(error)
            raise
        except ChainruleError:
            raise
        except Exception as error:
            raise self.failure(error, array) from error

    def failure(self, error: Exception, array: Array) -> PlacedError:
        """What to raise for an error that is none of chainrule's."""
        problem = f"failed in {self.name}, given {self.given} of shape {array.shape}"
        return self.refusal(f"{problem}: {describe_error(error)}")

    def refusal(self, problem: str) -> PlacedError:
        """What to raise."""
        return self.place(LayerError(problem))

    def place(self, error: PlacedError) -> PlacedError:
        """The same error with the place of this layer, if no layer inside this one has given it a
        place."""
        return error if error.layer_name else error.inside(self.position, type(self.layer).__name__)


class CheckedForward(Checked):
    """The pass from x to y."""

    name, given = "forward", "x"

    def __call__(self, x: Array, training: bool = False) -> tuple[Array, Any]:
        result = self.call(x, training)
        if not isinstance(result, tuple) or len(result) != 2:
            raise self.refusal(
                f"returned {describe(result)} from forward: return the pair (y, cache), the cache "
                "being what backward needs"
            )
        y, promised = result[0], self.shapes.get(x.shape[1:])
        if promised is not None and shape_of(y) != (len(x), *promised):
            raise self.refusal(
                f"returned {describe(y)} as y from forward, for x of shape {x.shape}: setup has "
                f"promised an array of shape {(len(x), *promised)}"
            )
        return result


class CheckedBackward(Checked):
    """The pass from dy to dx."""

    name, given = "backward", "dy"

    def __call__(self, dy: Array, cache: Any) -> Array:
        dx = self.call(dy, cache)
        if not isinstance(dx, np.ndarray) or (
            dx.shape[:1] != dy.shape[:1] or self.shapes.get(dx.shape[1:]) != dy.shape[1:]
        ):
            self.check_shape(dx, dy)
        return dx

    def check_shape(self, dx: Any, dy: Array) -> None:
        """Refuse what has none of the shapes that the input can have had, if any was promised."""
        shapes = [x for x, promised in self.shapes.items() if promised == dy.shape[1:]]
        if shapes:
            raise self.refusal(
                f"returned {describe(dx)} from backward, for dy of shape {dy.shape}: return dx, "
                f"the gradient with respect to x, in the shape of x, {(len(dy), *shapes[0])}"
            )


def shape_of(thing: Any) -> Shape | None:
    """The shape of an array, and None of anything else."""
    return thing.shape if isinstance(thing, np.ndarray) else None


def describe(thing: Any) -> str:
    """What a layer has returned, in a few words."""
    if isinstance(thing, np.ndarray):
        return f"an array of shape {thing.shape}"
    if isinstance(thing, tuple):
        return f"a tuple of {len(thing)}"
    return "None" if thing is None else f"a {type(thing).__name__}"


def describe_error(error: Exception) -> str:
    """``ValueError: operands could not be broadcast together``."""
    text = str(error)
    return f"{type(error).__name__}: {text}" if text else type(error).__name__
