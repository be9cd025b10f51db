"""Objects that can be described and rebuilt: layers, losses, optimizers, schedules, …

An object is its class name and its constructor's arguments, each kept under the argument's
own name. From that one convention come the `repr`, the architecture in a model file, the
tables of a configuration file and the short form of the command line::

    Adam(learning_rate=0.01)
    {"type": "Adam", "learning_rate": 0.01}
    "adam(learning_rate=0.01)"
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeVar, cast

from chainrule.errors import ArgumentError, ConfigError, UnknownNameError
from chainrule.limits import shortened
from chainrule.spelling import nearest, plain

T = TypeVar("T")
Description = str | Mapping[str, Any]  # what `build` makes an object from

LONGEST_SHORT_FORM = 1000  # characters
# What Python's parser raises; the last two for brackets or signs that are nested too deeply.
UNREADABLE = (SyntaxError, ValueError, TypeError, RecursionError, MemoryError)


class Configurable:
    """The base of everything that can stand in a configuration."""

    def options(self) -> dict[str, Any]:
        """The constructor's arguments that differ from their defaults."""
        return {
            name: value
            for name, parameter in inspect.signature(type(self)).parameters.items()
            if not _equal(value := getattr(self, name), parameter.default)
        }

    def __repr__(self) -> str:
        parameters = inspect.signature(type(self)).parameters
        arguments = [
            repr(value)
            if parameters[name].default is inspect.Parameter.empty
            else f"{name}={value!r}"
            for name, value in self.options().items()
        ]
        return f"{type(self).__name__}({', '.join(arguments)})"


def describe(thing: Any) -> Any:
    """`thing` as plain data (dictionaries, lists, numbers, text) that `build` turns back."""
    if isinstance(thing, Configurable):
        options = {name: describe(value) for name, value in thing.options().items()}
        return {"type": type(thing).__name__, **options}
    if isinstance(thing, (list, tuple)):
        return [describe(item) for item in thing]
    if thing is None or isinstance(thing, (bool, int, float, str)):
        return thing
    raise ConfigError(
        f"{thing!r} lives in Python code and cannot be written to a file: "
        "use a layer, loss or initializer that chainrule knows by name"
    )


def build(description: Any, known: Mapping[str, Callable[..., T]], kind: str) -> T:
    """The object that `description` stands for: one already built, a name such as
    ``"adam"``, a short form such as ``"adam(learning_rate=0.01)"``, or a table with a type.

    Raises:
        UnknownNameError: no such name among `known`; the message offers the nearest.
        ArgumentError: the options do not fit, or their values cannot be.

    >>> from chainrule.optimizers import OPTIMIZERS
    >>> build("sgd(momentum=0.9)", OPTIMIZERS, "optimizer")
    SGD(momentum=0.9)
    """
    if isinstance(description, str):
        name, positional, options = _parse_short_form(description)
    elif isinstance(description, Mapping):
        options = {key: _tuples(value) for key, value in description.items()}
        name, positional = str(options.pop("type", "")), []
    elif isinstance(description, Configurable):
        return cast(T, description)
    else:
        if isinstance(description, type):
            raise ArgumentError(f"{kind}: write {description.__name__}(), not the class itself")
        raise ArgumentError(f"{kind}: give a name, a table or an object; received {description!r}")
    make = known[find_name(name, known, kind)]
    try:
        inspect.signature(make).bind(*positional, **options)
    except TypeError as error:
        accepted = ", ".join(inspect.signature(make).parameters) or "none"
        raise ArgumentError(f"{kind} {name}: {error}; its options are: {accepted}") from None
    return make(*positional, **options)


def find_name(name: str, known: Iterable[str], kind: str) -> str:
    """The entry of `known` that `name` means; case, ``-`` and ``_`` do not matter.

    >>> find_name("Soft-Max", ["softmax", "relu"], "activation")
    'softmax'
    """
    names = list(known)
    by_spelling = {plain(candidate): candidate for candidate in names}
    if plain(name) in by_spelling:
        return by_spelling[plain(name)]
    initials = {
        "".join(word[:1] for word in each.split("_")): each for each in names if "_" in each
    }
    meant = initials.get(name.lower()) or nearest(name, names, likeness=0.5)
    hint = f"did you mean {meant!r}?" if meant else f"choose from: {', '.join(names)}"
    raise UnknownNameError(f"no {kind} is called {shortened(repr(name))}; {hint}")


def is_known(name: str, known: Iterable[str]) -> bool:
    """True if `find_name` would find it."""
    return plain(name) in map(plain, known)


def _equal(value: Any, default: Any) -> bool:
    return type(value) is type(default) and bool(value == default)


def _tuples(value: Any) -> Any:
    """Lists of plain numbers are tuples in a constructor; files only have lists."""
    if isinstance(value, list) and all(isinstance(item, (int, float)) for item in value):
        return tuple(value)
    return value


def _parse_short_form(text: str) -> tuple[str, list[Any], dict[str, Any]]:
    """``"step(10, factor=0.5)"`` as name, positional values and named values."""
    if len(text) > LONGEST_SHORT_FORM:
        raise ArgumentError(
            f"cannot read {shortened(repr(text))}: {len(text):,} characters are too many; write a "
            "table with a type"
        )
    match = re.fullmatch(r"\s*([\w-]+)\s*(\(.*\))?\s*", text, flags=re.DOTALL)
    if match is None:
        raise ArgumentError(
            f"cannot read {shortened(repr(text))}: write a name or name(option=value, …)"
        )
    name, arguments = match.groups()
    if arguments is None:
        return name, [], {}
    try:
        call = ast.parse(f"f{arguments}", mode="eval").body
        if not isinstance(call, ast.Call):
            raise ValueError
        positional = [_literal(argument) for argument in call.args]
        options = {str(word.arg): _literal(word.value) for word in call.keywords}
    except UNREADABLE:
        raise ArgumentError(
            f"cannot read {shortened(repr(text))}: options are numbers or names, as in "
            f"{shortened(name)}(option=0.5)"
        ) from None
    return name, positional, options


def _literal(node: ast.expr) -> Any:
    """A number, text or tuple; a bare word such as ``mean`` or ``cosine(0.1)`` is text."""
    if isinstance(node, (ast.Name, ast.Call)):
        return ast.unparse(node)
    return ast.literal_eval(node)
