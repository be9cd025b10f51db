"""Adopted code: what `HandWritten` does with it, line by line.

The user's own object is left alone: its attributes stand in a `Held`, and change there while its
methods are followed.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from chainrule.explain.errors import CannotExplainError
from chainrule.explain.unrolling import adopted_network, arithmetic
from chainrule.explain.unrolling.following import Arguments, Following
from chainrule.explain.unrolling.held import Held
from chainrule.explain.unrolling.spelling import code_of
from chainrule.explain.unrolling.symbols import TRIALS, Symbol, in_trial, shape_text
from chainrule.explain.unrolling.writer import as_target
from chainrule.foreign.adopted.code import (
    RATE,
    AdoptedFunctions,
    AdoptedObject,
    input_gradient_in,
)
from chainrule.foreign.adopted.network import AdoptedNetwork
from chainrule.foreign.calls.calling import arguments_for
from chainrule.layers.handwritten import HandWritten
from chainrule.types import Shape


def forward(session: Following, layer: HandWritten, x: Symbol) -> tuple[Any, Any]:
    """y and what backward needs, as in ``HandWritten.forward``."""
    if any(value.dtype != np.float64 for value in x.trials):
        raise CannotExplainError(
            "adopted code computes in float64, whatever the network's type: explain a network of "
            "dtype='float64'"
        )
    if not layer.one_by_one:
        return _forward(session, layer, x)
    y = _zeros(session, x, layer.output_shape)
    with _examples(session, x) as one:
        result, _ = _forward(session, layer, arithmetic.item(x, one))
        _store(session, y, one, result)
    return y, x


def _forward(session: Following, layer: HandWritten, x: Symbol) -> tuple[Any, Any]:
    """y and what backward needs, for a batch or an example."""
    adopted, x_in = layer.adopted, _turned(session, x, 0, layer.batch_axis)
    values = {name: session.attribute(layer, name) for name in adopted.values}
    if isinstance(adopted, AdoptedNetwork):
        held, y = adopted_network.forward(session, adopted, values, x_in)
        return _turned(session, y, layer.batch_axis, 0), (x_in, held)
    memory: dict[str, Any]
    if isinstance(adopted, AdoptedFunctions):
        memory = {**adopted.others, **values}
        y = session.follow(adopted.forward_function, [x_in, memory], {})
        if y is None or isinstance(y, dict):
            y = list((memory if y is None else y).values())[-1]
        y = y[0] if isinstance(y, tuple) else y
    else:
        held = Held(layer.code, {**vars(layer.code), **values})
        y = session.follow(held.attribute(adopted.forward_name).__func__, [held, x_in], {})
        memory = held.attributes
    return _turned(session, y, layer.batch_axis, 0), (x_in, dict(memory))


def backward(session: Following, layer: HandWritten, dy: Symbol, cache: Any) -> Any:
    """dx, and the gradients added, as in ``HandWritten.backward``."""
    if not layer.one_by_one:
        return _backward(session, layer, dy, cache)
    x = cache
    dx = _zeros(session, x, x.trials[0].shape[1:])
    for name in layer.adopted.values:
        session.attribute(layer, f"d{name}")  # zero, before the loop adds to it
    with _examples(session, x) as one:
        _, memory = _forward(session, layer, arithmetic.item(x, one))
        _store(session, dx, one, _backward(session, layer, arithmetic.item(dy, one), memory))
    return dx


def _backward(session: Following, layer: HandWritten, dy: Symbol, cache: Any) -> Any:
    """dx, and the gradients added, for a batch or an example."""
    x_in, memory = cache
    given = {"x": x_in, "dy": _turned(session, dy, 0, layer.batch_axis), "rate": 1.0}
    if isinstance(layer.adopted, AdoptedFunctions):
        given["parameters"] = memory
        dx, gradients = _of_functions(session, layer.adopted, given)
    elif isinstance(layer.adopted, AdoptedNetwork):
        dx, gradients = adopted_network.backward(session, layer.adopted, given, memory)
    else:
        given["rate"] = RATE
        dx, gradients = _of_object(session, layer.adopted, given, memory)
    means = layer.averages.means
    for name, gradient in gradients.items():
        if name in means:
            gradient = arithmetic.binary(ast.Mult(), gradient, arithmetic.sizes(dy)[0])
        session.add_to_gradient(layer, f"d{name}", _fitted(session, layer, name, gradient))
    if dx is None:
        return session.call(np.full_like, Arguments([x_in, np.nan], {}))
    if "x" in means:
        dx = arithmetic.binary(ast.Mult(), dx, arithmetic.sizes(dy)[0])
    return _turned(session, dx, layer.batch_axis, 0)


# --- one example at a time ------------------------------------------------------------------


@contextmanager
def _examples(session: Following, x: Symbol) -> Iterator[slice]:
    """A loop over the examples, within which stands the part of a batch that is one of them."""
    counter = session.writer.counter("n", tuple(0 for _ in TRIALS))
    count = code_of(arithmetic.sizes(x)[0])
    loop = ast.Call(ast.Name("range", ast.Load()), [count], [])
    with session.writer.block(ast.For(as_target(counter.code), loop, [], [], lineno=0)):
        yield slice(counter, arithmetic.binary(ast.Add(), counter, 1))


def _zeros(session: Following, x: Symbol, rest: Shape) -> Symbol:
    """An array for what is computed example by example."""
    made = session.call(np.zeros, Arguments([(arithmetic.sizes(x)[0], *rest)], {}))
    return session.assign("y", made)


def _store(session: Following, array: Symbol, one: slice, value: Any) -> None:
    for trial in TRIALS:
        array.trials[trial][in_trial(one, trial)] = in_trial(value, trial)
    filled = tuple(array.trials[trial][in_trial(one, trial)] for trial in TRIALS)
    session.writer.store(array, one, value, shape_text(filled), False)


# --- each kind of code ----------------------------------------------------------------------


def _of_object(
    session: Following, adopted: AdoptedObject, given: dict[str, Any], memory: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    held = Held(adopted.code, dict(memory))
    for name in adopted.values:
        if adopted.updates:  # the update is made on a copy
            copied = session.call_method(memory[name], "copy", Arguments([], {}))
            held.attributes[name] = session.assign(name, copied)
        for holder in adopted.holders_of(name):  # code that accumulates must start from zero
            if isinstance(held.attributes.get(holder), (np.ndarray, Symbol)):
                zeros = session.call(np.zeros_like, Arguments([memory[name]], {}))
                held.attributes[holder] = session.assign(holder, zeros)
    method = held.attribute(adopted.backward_name).__func__
    values, keywords = arguments_for(adopted.roles, given)
    dx = session.follow(method, [held, *values], keywords)
    gradients = {}
    for name in adopted.values:
        if adopted.updates:
            moved = arithmetic.binary(ast.Sub(), memory[name], held.attributes[name])
            gradients[name] = arithmetic.binary(ast.Div(), moved, RATE)
        else:
            gradients[name] = _first(held.attributes, adopted.holders_of(name), name)
    return dx, gradients


def _of_functions(
    session: Following, adopted: AdoptedFunctions, given: dict[str, Any]
) -> tuple[Any, dict[str, Any]]:
    values, keywords = arguments_for(adopted.roles, given)
    result = session.follow(adopted.backward_function, values, keywords)
    parts = result if isinstance(result, tuple) else (result,)
    found = next((part for part in parts if isinstance(part, dict)), {})
    dx = next((part for part in parts if isinstance(part, Symbol)), None)
    if dx is None:
        dx = input_gradient_in(found)
    gradients = {}
    for name in adopted.values:
        gradients[name] = _first(found, adopted.keys_of(name), name)
    return dx, gradients


def _first(found: dict[str, Any], keys: list[str], name: str) -> Any:
    """What stands under the first of the keys that is there."""
    for key in keys:
        if key in found:
            return found[key]
    raise CannotExplainError(f"its backward pass leaves no gradient for {name!r}")


def _turned(session: Following, value: Any, source: int, target: int) -> Any:
    """The axis of the examples moved to where it belongs."""
    if source == target:
        return value
    return session.call(np.moveaxis, Arguments([value, source, target], {}))


def _fitted(session: Following, layer: HandWritten, name: str, gradient: Any) -> Any:
    """A gradient in its parameter's shape."""
    shape = layer.adopted.values[name].shape
    if isinstance(gradient, Symbol) and gradient.trials[0].shape == shape:
        return gradient
    return session.call(np.reshape, Arguments([gradient, shape], {}))
