"""Follows a network forward and backward and writes what it does, line by line."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np

from chainrule.explain.errors import CannotExplainError
from chainrule.explain.unrolling import adopted, arithmetic
from chainrule.explain.unrolling.arithmetic import takes_all
from chainrule.explain.unrolling.calls import Calls
from chainrule.explain.unrolling.following import Arguments, Following
from chainrule.explain.unrolling.helpers import Helpers
from chainrule.explain.unrolling.names import letter_of, numbered
from chainrule.explain.unrolling.spelling import call
from chainrule.explain.unrolling.statements import Statements
from chainrule.explain.unrolling.symbols import TRIALS, Symbol, shape_text
from chainrule.explain.unrolling.writer import Variable, Writer
from chainrule.layers.base import Layer, join, walk
from chainrule.layers.containers import Sequential
from chainrule.layers.handwritten import HandWritten
from chainrule.network import Network
from chainrule.seeding import generator


@dataclass(frozen=True, eq=False)
class Kept:
    """What a layer's forward pass leaves for its backward pass: its cache, and the names of its
    input and output."""

    layer: Layer
    cache: Any
    input: Symbol
    output: Symbol
    number: int


class Session(Following):
    """One network on its way to becoming a program."""

    def __init__(self, network: Network, writer: Writer) -> None:
        self.network = network
        self.writer = writer
        self.helpers = Helpers(self)
        self.calls = Calls(self, self.helpers)
        self.positions = {id(layer): position for position, layer in walk(network.root)}
        self.arrays: dict[str, Symbol] = {}  # parameters and buffers, by their keys
        self.gradients: dict[str, Symbol] = {}
        self.streams: dict[str, Symbol] = {}  # of random numbers, by the layer's position
        self.layer: Layer = network.root
        self.place = "the network"
        self.number: int | None = 0

    # --- following code -----------------------------------------------------------------------

    def follow(
        self, function: Callable[..., Any], positional: list[Any], named: dict[str, Any]
    ) -> Any:
        given = inspect.signature(function).bind(*positional, **named)
        given.apply_defaults()
        return Statements(self, function, given.arguments).result()

    def call(self, function: Any, given: Arguments) -> Any:
        return self.calls.function(function, given)

    def call_method(self, owner: Any, name: str, given: Arguments) -> Any:
        return self.calls.method(owner, name, given)

    def assign(self, name: str, value: Symbol) -> Symbol:
        made = self.writer.assign(numbered(name, self.number), value, self._is_random(value))
        if self.number is not None and not self.layer.children():
            letter = letter_of(self.layer, self._has_weights(self.layer))
            self._variable(made).other_name = f"{name}_{letter}{self.number}"
        return made

    @contextmanager
    def writing(self, writer: Writer) -> Iterator[None]:
        before = self.writer, self.number
        self.writer, self.number = writer, None
        try:
            yield
        finally:
            self.writer, self.number = before

    @contextmanager
    def at(self, place: str) -> Iterator[None]:
        """Errors meanwhile name this place."""
        before, self.place = self.place, place
        try:
            yield
        except CannotExplainError as error:
            raise error if error.place else CannotExplainError(str(error), place) from None
        finally:
            self.place = before

    # --- layers -------------------------------------------------------------------------------

    def forward(self, layer: Layer, x: Any, training: Any = False) -> tuple[Any, Kept]:
        with self._within(layer):
            x = self._as_name("x", x)
            self._begin(layer)
            number = self.number or 0
            first = len(self.writer.variables)
            if isinstance(layer, HandWritten):
                result: Any = adopted.forward(self, layer, x)
            else:
                result = self.follow(type(layer).forward, [layer, x, training], {})
            if not isinstance(result, tuple) or len(result) != 2:
                raise CannotExplainError("its forward returns no pair (y, cache)")
            y, cache = result
            name = f"{letter_of(layer, self._has_weights(layer))}{number}"
            y = self._claim(y, first, name)
            return y, Kept(layer, self._fixed(cache), x, y, number)

    def backward(self, layer: Layer, dy: Any, kept: Any) -> Any:
        with self._within(layer):
            if not isinstance(kept, Kept) or kept.layer is not layer:
                raise CannotExplainError("backward is given another layer's cache")
            self.number = kept.number
            dy = self._as_name("dy", dy, self.writer.variable_of(kept.output))
            first = len(self.writer.variables)
            if isinstance(layer, HandWritten):
                dx = adopted.backward(self, layer, dy, kept.cache)
            else:
                dx = self.follow(type(layer).backward, [layer, dy, kept.cache], {})
            return self._claim(dx, first, "dx", self.writer.variable_of(kept.input))

    @contextmanager
    def _within(self, layer: Layer) -> Iterator[None]:
        """What is written meanwhile belongs to this layer."""
        before = self.layer, self.place, self.writer.branch, self.writer.title
        position = self.positions.get(id(layer), "")
        self.writer.branch = self._branch(layer)
        self.layer = layer
        if layer is not self.network.root:
            self.place = f"layer {position} ({type(layer).__name__})"
            self.writer.title = f"{position} {type(layer).__name__}"
        try:
            with self.at(self.place):
                yield
        finally:
            self.layer, self.place, self.writer.branch, self.writer.title = before

    def _branch(self, layer: Layer) -> str:
        """The branch that a layer of a container belongs to: ``branch``, ``branch2``."""
        if isinstance(self.layer, Sequential):
            return self.writer.branch
        inner = [name for name, child in self.layer.children().items() if child is layer]
        if not inner:
            return self.writer.branch
        name = f"branch{int(inner[0]) + 1}" if inner[0].isdigit() else inner[0]
        return f"{self.writer.branch}_{name}".lstrip("_")

    def _begin(self, layer: Layer) -> None:
        """Number a layer, and name its arrays where it is met for the first time."""
        if layer.children():
            return
        has_matrix = any(d.trained and len(d.shape) > 1 for d in layer._declarations().values())
        has_arrays = bool(layer._declarations())
        if has_matrix or (has_arrays and not self.number):
            self.number = (self.number or 0) + 1
        for name in layer._declarations():
            key = self._key(layer, name)
            if key not in self.arrays:
                self._declare(key, name)
        if layer.random and self._key(layer, "rng") not in self.streams:
            position = self.positions[id(layer)]
            stream = tuple(generator(self.network.seed, f"layer {position}", 0) for _ in TRIALS)
            variable = self.writer.variable(numbered("rng", self.number), stream)
            self.streams[self._key(layer, "rng")] = variable

    def declare_rest(self) -> None:
        """Name the arrays of layers that no other layer has used."""
        for key in (*self.network.parameters, *self.network.buffers):
            if key not in self.arrays:
                self._declare(key, key.split(".")[-1])

    def parameters(self) -> dict[str, Symbol]:
        """The trained arrays, by their keys, in the order of the flat vector."""
        return {key: self.arrays[key] for key in self.network.parameters}

    def titles(self) -> dict[str, str]:
        """What a line says of the layer at each position."""
        return {position: _title(position, layer) for position, layer in walk(self.network.root)}

    def _declare(self, key: str, name: str) -> None:
        network = self.network
        values = (network.parameters if key in network.parameters else network.buffers)[key]
        trials = tuple(values.copy() for _ in TRIALS)
        self.arrays[key] = self.writer.variable(numbered(name, self.number), trials)
        self._variable(self.arrays[key]).is_named = True

    def _has_weights(self, layer: Layer) -> bool:
        return any(declaration.trained for declaration in layer._declarations().values())

    def _as_name(self, name: str, value: Any, gradient_of: Variable | None = None) -> Any:
        """A value that a layer is given, under a name."""
        if not isinstance(value, Symbol):
            raise CannotExplainError("is given something that is no array")
        if value.is_atomic:
            return value
        made = self.assign(name, value)
        if gradient_of is not None:
            self._name_gradient(self._variable(made), gradient_of)
        return made

    def _claim(
        self, value: Any, first: int, name: str, gradient_of: Variable | None = None
    ) -> Symbol:
        """A layer's result under the name that it shall have, unless an earlier layer made it."""
        if not isinstance(value, Symbol):
            raise CannotExplainError("returns something that is no array")
        made = value if value.is_atomic else self.assign(name, value)
        variable = self._variable(made)
        if not variable.is_named and int(variable.id[1:]) >= first:
            variable.name, variable.is_named = name, True
            if gradient_of is not None:
                self._name_gradient(variable, gradient_of)
        return made

    def _name_gradient(self, variable: Variable, of: Variable) -> None:
        variable.gradient_of, variable.branch = of, self.writer.branch
        variable.is_named = True

    def _variable(self, symbol: Symbol) -> Variable:
        variable = self.writer.variable_of(symbol)
        if variable is None:
            raise CannotExplainError("a value has no name of its own")
        return variable

    def _fixed(self, cache: Any) -> Any:
        """A cache in which nothing is left to be drawn at random later."""
        if isinstance(cache, (tuple, list)):
            return type(cache)([self._fixed(item) for item in cache])
        if isinstance(cache, Symbol) and not cache.is_atomic and self._is_random(cache):
            return self.assign("cache", cache)
        return cache

    def _is_random(self, value: Symbol) -> bool:
        """True if an expression draws random numbers."""
        streams = {ast.unparse(stream.code) for stream in self.streams.values()}
        names = {node.id for node in ast.walk(value.code) if isinstance(node, ast.Name)}
        return bool(names & streams)

    # --- arrays -------------------------------------------------------------------------------

    def attribute(self, layer: Layer, name: str) -> Any:
        if self.is_gradient(layer, name):
            return self._gradient(layer, name)
        if name in layer._declarations():
            return self.arrays[self._key(layer, name)]
        if name == "rng" and layer.random:
            return self.streams[self._key(layer, name)]
        of_class = inspect.getattr_static(type(layer), name, None)
        if isinstance(of_class, property) and of_class.fget is not None:
            return self.follow(of_class.fget, [layer], {})
        return getattr(layer, name)

    def is_gradient(self, layer: Layer, name: str) -> bool:
        declaration = layer._declarations().get(name[1:])
        return name.startswith("d") and declaration is not None and declaration.trained

    def begin_gradient(self, layer: Layer, name: str, index: Any, value: Any) -> bool:
        key = self._key(layer, name[1:])
        if key in self.gradients:
            return False
        weights = self.arrays[key]
        fits = isinstance(value, Symbol) and all(
            isinstance(v, np.ndarray) and (v.shape, v.dtype) == (w.shape, w.dtype)
            for v, w in zip(value.trials, weights.trials, strict=True)
        )
        if not fits or not (index is ... or takes_all(weights, index)):
            self._gradient(layer, name)
            return False
        if not self.writer.is_new(value):
            copied = ast.Call(ast.Attribute(value.code, "copy", ast.Load()), [], [])
            value = Symbol(copied, tuple(v.copy() for v in value.trials))
        self._keep_gradient(key, value)
        return True

    def add_to_gradient(self, layer: Layer, name: str, value: Any) -> None:
        if not self.begin_gradient(layer, name, ..., value):
            gradient = self._gradient(layer, name)
            keeps_type = arithmetic.update(ast.Add(), gradient, value)
            shape = shape_text(gradient.trials)
            self.writer.update(gradient.code, ast.Add(), value, shape, keeps_type)

    def _gradient(self, layer: Layer, name: str) -> Symbol:
        key = self._key(layer, name[1:])
        return self.gradients[key] if key in self.gradients else self.zero_gradient(key)

    def zero_gradient(self, key: str) -> Symbol:
        """A gradient to which nothing has been added yet."""
        weights = self.arrays[key]
        zeros = tuple(map(np.zeros_like, weights.trials))
        return self._keep_gradient(key, Symbol(call("np.zeros_like", [weights]), zeros))

    def _keep_gradient(self, key: str, value: Symbol) -> Symbol:
        gradient = self.writer.assign("dW", value)
        self._name_gradient(self._variable(gradient), self._variable(self.arrays[key]))
        self.gradients[key] = gradient
        return gradient

    def _key(self, layer: Layer, name: str) -> str:
        return join(self.positions[id(layer)], name)


def _title(position: str, layer: Layer) -> str:
    """A layer as the lines that name its arrays show it; of a container the class alone."""
    name = type(layer).__name__ if layer.children() else repr(layer).replace("'", '"')
    return f"{position} {name}"
