"""Mutants made by wrapping: what a function gives is made wrong after it has run.

They reach gradients that the source does not show, because a library or a compiled function
computes them. A first run with `watch` tells what each function gives: what it returns, and the
attributes of its object that it changes.
"""

from __future__ import annotations

import functools
import inspect
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import numpy as np

from chainrule.foreign.naming.gradient_names import looks_like_a_gradient
from chainrule.foreign.naming.roles import BACKWARD_METHODS, result_name, role_of
from chainrule.types import Array

Function = Callable[..., Any]

OF_OUTPUTS: dict[str, tuple[str, Callable[[Array, int], Array]]] = {
    "sign": ("has the wrong sign", lambda gradient, n: -gradient),
    "batch-scale": ("is divided by the batch size once more", lambda gradient, n: gradient / n),
    "missing-gradient": ("is zero", lambda gradient, n: 0 * gradient),
    "unknown": ("is wrong in its last entry", lambda gradient, n: _last_entry_wrong(gradient)),
}
UNCHANGED = "unchanged"  # the code of a wrapping that leaves all as it was
OF_CALLS = {
    "partial-sum": "sees the first example of a batch and no other",
    "mutates-input": "changes the gradient that it is given",
}


@dataclass(frozen=True)
class Wrapping:
    """One mistake made by wrapping.

    Args:
        function: ``Linear.backward``.
        output: which of its outputs becomes wrong; "" for the whole call.
        code: how, one of `OF_OUTPUTS` or of `OF_CALLS`.
    """

    function: str
    output: str
    code: str

    @property
    def description(self) -> str:
        """What is wrong, in words."""
        if self.output:
            return f"{self.output} of {self.function} {OF_OUTPUTS[self.code][0]}"
        return f"{self.function} {OF_CALLS[self.code]}"


def wrappings(outputs: Mapping[str, list[str]]) -> Iterator[Wrapping]:
    """All that can be made wrong, given what each function was seen to give."""
    for function, names in outputs.items():
        for name in names:
            if name in OF_CALLS:
                yield Wrapping(function, "", name)
            else:
                yield from (Wrapping(function, name, code) for code in OF_OUTPUTS)


def watch(module: ModuleType, functions: Iterable[str], seen: dict[str, list[str]]) -> None:
    """Note in `seen` the names of all outputs of the functions, as they are called, and which of
    `OF_CALLS` make sense for them."""

    def watching(name: str, function: Function) -> Function:
        @functools.wraps(function)
        def run(*arguments: Any, **keywords: Any) -> Any:
            before = _attributes(arguments)
            returned = function(*arguments, **keywords)
            outputs = dict.fromkeys(seen.setdefault(name, []))
            outputs.update(dict.fromkeys(_returned(returned, name)))
            outputs.update(dict.fromkeys(_changed(before, _attributes(arguments))))
            if _from_above(function, arguments) is not None:
                outputs["partial-sum"] = None
                if sys._getframe(1).f_code.co_filename != module.__file__:
                    outputs["mutates-input"] = None  # another's array, not one of its own
            seen[name] = list(outputs)
            return returned

        return run

    for name in functions:
        _wrap(module, name, watching)


def make_wrong(module: ModuleType, wrapping: Wrapping) -> None:
    """Put a wrong function in the place of a right one."""
    wrong = _wrong_output if wrapping.output else _wrong_call
    _wrap(module, wrapping.function, lambda _, function: wrong(function, wrapping))


def _wrap(module: ModuleType, name: str, wrap: Callable[[str, Function], Function]) -> None:
    owner: Any = module
    *path, last = name.split(".")
    for part in path:
        owner = getattr(owner, part, None)
    function = vars(owner).get(last) if owner is not None else None
    if inspect.isfunction(function):
        setattr(owner, last, wrap(name, function))


def _wrong_output(function: Function, wrapping: Wrapping) -> Function:
    change = OF_OUTPUTS[wrapping.code][1]

    @functools.wraps(function)
    def run(*arguments: Any, **keywords: Any) -> Any:
        count = _batch_size(arguments)
        before = _attributes(arguments)
        returned = function(*arguments, **keywords)
        if wrapping.output in _changed(before, _attributes(arguments)):
            _change_attribute(arguments[0], wrapping.output, before, lambda g: change(g, count))
            return returned
        return _change_returned(returned, wrapping, lambda g: change(g, count))

    return run


def _wrong_call(function: Function, wrapping: Wrapping) -> Function:
    @functools.wraps(function)
    def run(*arguments: Any, **keywords: Any) -> Any:
        place = _from_above(function, arguments)
        if place is None or wrapping.code == UNCHANGED:
            return function(*arguments, **keywords)
        if wrapping.code == "mutates-input":
            returned = function(*arguments, **keywords)
            arguments[place][...] *= 2
            return returned
        first = np.zeros_like(arguments[place])
        first[:1] = arguments[place][:1]
        return function(*arguments[:place], first, *arguments[place + 1 :], **keywords)

    return run


def _from_above(function: Function, arguments: tuple[Any, ...]) -> int | None:
    """Which argument is the gradient that comes from above."""
    for place, name in enumerate(list(inspect.signature(function).parameters)[: len(arguments)]):
        is_array = isinstance(arguments[place], np.ndarray)
        if is_array and role_of(name) is None and function.__name__ in BACKWARD_METHODS:
            return place
    return None


def _attributes(arguments: tuple[Any, ...]) -> dict[str, tuple[Array, Array]]:
    """The float arrays of the object whose method is called, and copies of them."""
    attributes = getattr(arguments[0], "__dict__", {}) if arguments else {}
    return {
        name: (value, value.copy()) for name, value in attributes.items() if _is_gradient(value)
    }


def _changed(
    before: dict[str, tuple[Array, Array]], after: dict[str, tuple[Array, Array]]
) -> Iterator[str]:
    for name, (_, values) in after.items():
        if name not in before or not np.array_equal(before[name][1], values, equal_nan=True):
            yield name


def _returned(returned: Any, function: str) -> Iterator[str]:
    """The names of returned gradients: their keys, their places, or what a single one is called."""
    if _is_gradient(returned):
        yield result_name(function)
    elif isinstance(returned, dict):
        yield from (str(key) for key, value in returned.items() if _is_gradient(value))
    elif isinstance(returned, (tuple, list)):
        yield from (f"result {i}" for i, value in enumerate(returned) if _is_gradient(value))


def _change_attribute(
    owner: Any,
    name: str,
    before: dict[str, tuple[Array, Array]],
    change: Callable[[Array], Array],
) -> None:
    """Change what a call did to an attribute: where it added to an array, what it added."""
    array = vars(owner)[name]
    if name in before and before[name][0] is array:
        array[...] = before[name][1] + change(array - before[name][1])
    elif name in before and before[name][1].shape == array.shape and _is_an_update(name):
        setattr(owner, name, before[name][1] + change(array - before[name][1]))
    else:
        setattr(owner, name, change(array))


def _is_an_update(name: str) -> bool:
    """True if a new value of this attribute is the old one, moved."""
    return not looks_like_a_gradient(name)


def _change_returned(returned: Any, wrapping: Wrapping, change: Callable[[Array], Array]) -> Any:
    output = wrapping.output
    if output == result_name(wrapping.function) and _is_gradient(returned):
        return change(returned)
    if isinstance(returned, dict) and output in returned:
        return {**returned, output: change(returned[output])}
    if isinstance(returned, (tuple, list)) and output.startswith("result "):
        place = int(output.removeprefix("result "))
        return type(returned)(change(v) if i == place else v for i, v in enumerate(returned))
    return returned


def _is_gradient(value: Any) -> bool:
    return isinstance(value, np.ndarray) and value.dtype.kind == "f" and value.size > 0


def _batch_size(arguments: tuple[Any, ...]) -> int:
    first = next((a for a in arguments if isinstance(a, np.ndarray) and a.ndim), None)
    return 1 if first is None else len(first)


def _last_entry_wrong(gradient: Array) -> Array:
    wrong = gradient.copy()
    wrong.flat[-1] += 1
    return wrong
