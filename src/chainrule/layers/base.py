"""What a layer is.

A layer has three methods. `setup` receives the shape of one example, declares the arrays the
layer needs and returns the shape of its output. `forward` computes the output and returns it
with a cache: whatever `backward` will need. `backward` receives the gradient of the loss with
respect to the output and returns the gradient with respect to the input; on the way it adds
the gradients of its parameters to `dW`, `db`, …

The cache is returned, never kept on the layer, so that one layer can stand at two places in a
network, and be looked at and checked alone.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt

from chainrule.arguments import float_type, is_integer, shape
from chainrule.configurable import Configurable, Description, build
from chainrule.errors import ChainruleError, LayerError, ParameterError, PlacedError, ShapeError
from chainrule.initializers import INITIALIZERS, Initializer
from chainrule.layers.supervision import describe_error, supervise
from chainrule.parameters import Declaration, FlatArrays
from chainrule.regularizers import REGULARIZERS, Regularizer
from chainrule.seeding import generator
from chainrule.types import Array, Shape

# What containers and networks keep on a layer, besides what its own setup does.
NOT_OF_SETUP = ("_arrays", "_place", "_shapes", "forward", "backward")


class Layer(Configurable):
    """The base of every layer.

    >>> class Scale(Layer):
    ...     '''y = s x, one learnt factor for each feature'''
    ...     def setup(self, input_shape):
    ...         self.declare("s", input_shape, "ones")
    ...         return input_shape
    ...     def forward(self, x, training=False):
    ...         return x * self.s, x
    ...     def backward(self, dy, x):
    ...         self.ds += (dy * x).sum(axis=0)
    ...         return dy * self.s
    >>> layer = Scale()
    >>> layer.build((3,))
    (3,)
    >>> y, cache = layer.forward(np.array([[1.0, 2.0, 3.0]]))
    >>> layer.backward(np.ones_like(y), cache), layer.ds
    (array([[1., 1., 1.]]), array([1., 2., 3.], dtype=float32))
    """

    random: ClassVar[bool] = False  # a random layer draws from `rng`, set anew each epoch
    rng: np.random.Generator
    users_own: ClassVar[bool] = False  # True if what runs in it is code of the user's own

    def __init_subclass__(cls) -> None:
        cls.users_own = cls.users_own or not cls.__module__.startswith("chainrule.")

    def setup(self, input_shape: Shape) -> Shape:
        """Declare parameters for examples of `input_shape` (no batch axis) and return the
        shape of the output. Raises ShapeError where the input does not fit."""
        return input_shape

    @abstractmethod
    def forward(self, x: Array, training: bool = False) -> tuple[Array, Any]:
        """The output for a batch ``x`` of shape ``(N, *input_shape)``, and the cache."""

    @abstractmethod
    def backward(self, dy: Array, cache: Any) -> Array:
        """The gradient with respect to x, given `dy`, the gradient with respect to the
        output. Adds to the parameters' gradients; changes neither `dy` nor the cache."""

    def children(self) -> Mapping[str, Layer]:
        """The layers inside this one, by the name each has in a parameter's key."""
        return {}

    def declare(
        self,
        name: str,
        shape: Shape,
        initializer: Initializer | Description = "zeros",
        regularizer: Regularizer | Description | None = None,
    ) -> None:
        """Ask for a parameter: `self.NAME`, with its gradient in `self.dNAME`."""
        self._declarations()[name] = Declaration(
            shape,
            build(initializer, INITIALIZERS, "initializer"),
            None if regularizer is None else build(regularizer, REGULARIZERS, "regularizer"),
        )

    def declare_buffer(self, name: str, shape: Shape, initializer: str = "zeros") -> None:
        """Ask for an array that is kept and saved but not trained, such as a running mean."""
        first_values = build(initializer, INITIALIZERS, "initializer")
        self._declarations()[name] = Declaration(shape, first_values, trained=False)

    def build(
        self, input_shape: int | Shape, seed: int = 0, dtype: npt.DTypeLike = "float32"
    ) -> Shape:
        """Make this layer ready to run on its own, outside a network; the output's shape."""
        output_shape = set_up(self, shape(input_shape, "input_shape"))
        State.allocate(self, seed, dtype)
        return output_shape

    @property
    def is_built(self) -> bool:
        """True if this layer or one inside it has been given memory for its parameters."""
        return "_arrays" in self.__dict__

    def _declarations(self) -> dict[str, Declaration]:
        declared: dict[str, Declaration] = self.__dict__.setdefault("_declared", {})
        return declared

    def _bind(self, arrays: dict[str, Array]) -> None:
        self.__dict__.update(arrays)
        self.__dict__["_arrays"] = arrays

    def __setattr__(self, name: str, value: Any) -> None:
        # `layer.dW += …` assigns the view to itself, which is fine. Anything else would leave
        # the optimizer looking at an array that the layer no longer uses.
        arrays = self.__dict__.get("_arrays", {})
        if name in arrays and value is not arrays[name]:
            raise ParameterError(
                f"{type(self).__name__}.{name} is a view into the network's flat vector and "
                f"cannot be replaced: write layer.{name}[...] = value, or layer.{name} += value"
            )
        super().__setattr__(name, value)


@dataclass
class State:
    """All arrays of a layer and of those inside it, in three flat vectors."""

    parameters: FlatArrays
    gradients: FlatArrays
    buffers: FlatArrays
    regularizers: dict[str, Regularizer]

    @classmethod
    def allocate(cls, root: Layer, seed: int, dtype: npt.DTypeLike) -> State:
        """Give every declared array its place and its first values, and every layer its views.

        The draw depends on (seed, the array's name) alone, so that changing one layer leaves
        the first weights of the others as they were.
        """
        declarations = declared(root)
        trained = {key: d.shape for key, d in declarations.items() if d.trained}
        buffers = {key: d.shape for key, d in declarations.items() if not d.trained}
        kind = float_type(dtype)
        state = cls(
            FlatArrays(trained, kind),
            FlatArrays(trained, kind),
            FlatArrays(buffers, kind),
            {key: d.regularizer for key, d in declarations.items() if d.regularizer is not None},
        )
        for key, declaration in declarations.items():
            values = declaration.initializer(
                declaration.shape, generator(seed, f"initialize {key}")
            )
            (state.parameters if declaration.trained else state.buffers)[key] = values
        state.bind(root)
        return state

    def bind(self, root: Layer) -> None:
        """Point every layer's `W`, `dW`, … at its part of the flat vectors."""
        for position, layer in walk(root):
            arrays = {}
            for name, declaration in layer._declarations().items():
                key = join(position, name)
                if declaration.trained:
                    arrays[name] = self.parameters[key]
                    arrays[f"d{name}"] = self.gradients[key]
                else:
                    arrays[name] = self.buffers[key]
            layer._bind(arrays)
            if layer.users_own:
                supervise(layer, position)


def walk(root: Layer, position: str = "") -> Iterator[tuple[str, Layer]]:
    """Every layer with its position (``""`` for the root, ``"3.branch.0"``), each once, even
    where it is used in several places."""
    seen: set[int] = set()

    def visit(layer: Layer, position: str) -> Iterator[tuple[str, Layer]]:
        if id(layer) in seen:
            return
        seen.add(id(layer))
        yield position, layer
        for name, child in layer.children().items():
            yield from visit(child, join(position, name))

    return visit(root, position)


def join(position: str, name: str) -> str:
    """``join("3.branch", "W")`` is ``"3.branch.W"``; at the root the name stands alone."""
    return f"{position}.{name}" if position else name


def declared(root: Layer) -> dict[str, Declaration]:
    """What a layer and those inside it have asked for, by key."""
    return {
        join(position, name): declaration
        for position, layer in walk(root)
        for name, declaration in layer._declarations().items()
    }


def set_up(root: Layer, input_shape: Shape) -> Shape:
    """Set up a layer and all inside it afresh: what an earlier network had them declare, for
    another input shape perhaps, is forgotten."""
    for _, layer in walk(root):
        layer._declarations().clear()
        layer.__dict__.pop("_place", None)
        layer.__dict__.pop("_shapes", None)
    return root.setup(input_shape)


def setup_child(name: str, layer: Layer, input_shape: Shape) -> Shape:
    """Set up a layer inside another; an error then names its position. A layer that stands in
    two places must come out of both alike."""
    first_place = layer.__dict__.get("_place")
    try:
        output_shape = _setup(layer, input_shape)
    except PlacedError as error:
        error.inside(name, type(layer).__name__)
        raise
    place = _memory_of(layer)
    if first_place not in (None, place):
        raise ShapeError(
            f"is used in two places, whose inputs differ in shape (here {input_shape}), and it "
            "cannot serve both: use two layers"
        ).inside(name, type(layer).__name__)
    layer.__dict__["_place"] = place
    layer.__dict__.setdefault("_shapes", []).append((input_shape, output_shape))
    return output_shape


def _setup(layer: Layer, input_shape: Shape) -> Shape:
    """The output's shape, or, from a layer of the user's own, an error that says what failed."""
    if not layer.users_own:
        return layer.setup(input_shape)
    try:
        output_shape: Any = layer.setup(input_shape)
    except ChainruleError:
        raise
    except Exception as error:
        problem = f"failed in setup, given input_shape {input_shape}: {describe_error(error)}"
        raise LayerError(problem) from error
    if not isinstance(output_shape, tuple) or not all(map(is_integer, output_shape)):
        raise LayerError(
            f"returned {output_shape!r} from setup: return the shape of an example's output, a "
            f"tuple without the batch axis; {input_shape} if it is that of the input"
        )
    return output_shape


def _memory_of(layer: Layer) -> str:
    """All that a layer keeps from its setup, to be compared."""
    return repr({key: value for key, value in vars(layer).items() if key not in NOT_OF_SETUP})


def expect_flat(input_shape: Shape) -> int:
    """The number of features of a flat input."""
    if len(input_shape) != 1:
        raise ShapeError(f"expects a flat input, received {input_shape}: put Flatten() before it")
    return input_shape[0]


def expect_sequence(input_shape: Shape) -> tuple[int, int]:
    """(length, channels) of a sequence input."""
    if len(input_shape) != 2:
        raise ShapeError(
            f"expects sequences of shape (length, channels), received {input_shape}: put "
            "Reshape((length, channels)) before it, or give that input_shape"
        )
    return input_shape[0], input_shape[1]


def expect_image(input_shape: Shape) -> Shape:
    """(height, width, channels) of an image input."""
    if len(input_shape) != 3:
        raise ShapeError(
            f"expects images of shape (height, width, channels), received {input_shape}: "
            "put Reshape((height, width, channels)) before it, or give that input_shape"
        )
    return input_shape
