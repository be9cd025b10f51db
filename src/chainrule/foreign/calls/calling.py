"""Calls functions and methods whose arguments are known by what they stand for."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Collection, Mapping
from functools import lru_cache, update_wrapper
from types import FunctionType, MethodType
from typing import Any

import numpy as np

from chainrule.foreign.errors import UnknownArgumentError
from chainrule.foreign.naming.gradient_names import looks_like_a_gradient
from chainrule.foreign.naming.roles import roles_named
from chainrule.foreign.running.effort import counted

Environment = Mapping[str, Any]
"""What each role stands for now: ``x``, ``y``, ``dy``, ``output``, ``parameters``, …"""
Roles = dict[str, tuple[str, bool]]
"""What each argument stands for, and true if it must be given by keyword."""


def call(
    function: Callable[..., Any],
    environment: Environment,
    named: Mapping[str, Any],
    fill: tuple[str, ...],
) -> Any:
    """Call `function` with what its arguments stand for.

    Args:
        environment: values by role.
        named: values by the name that an argument has, where no role fits.
        fill: the roles of arguments whose names say nothing, in order.
    Raises:
        UnknownArgumentError: an argument that stands for nothing known.
        EndlessError: it does not come to an end.
    """
    words = {name for name, value in named.items() if isinstance(value, str)}
    # one of several dictionaries of parameters, or arrays, goes by its own name
    words |= {
        name
        for name, value in named.items()
        if isinstance(value, (dict, np.ndarray)) and "parameters" in roles_named(name)
    }
    roles = roles_of(function, set(environment), set(named), fill, words)
    values, keywords = arguments_for(roles, environment, named)
    return counted(function, *values, **keywords)


def arguments_for(
    roles: Roles, environment: Environment, named: Mapping[str, Any] | None = None
) -> tuple[list[Any], dict[str, Any]]:
    """What a function is called with, in order and by keyword; arguments as for `call`."""
    values, keywords = [], {}
    for name, (role, by_keyword) in roles.items():
        value = (named or {})[name] if role == "named" else environment[role]
        if by_keyword:
            keywords[name] = value
        else:
            values.append(value)
    return values, keywords


def roles_of(
    function: Callable[..., Any],
    known: set[str],
    named: set[str],
    fill: tuple[str, ...],
    words: Collection[str] = (),
) -> Roles:
    """The role of each argument; parameters as for `call`, of which the names are enough.

    Args:
        words: those of `named` that are a word for one of several, whatever role the name has.
    """
    roles: Roles = {}
    open_arguments: list[str] = []
    skipped = False  # an argument left to its default: those after it go by keyword
    for name, parameter in _parameters(function).items():
        by_keyword = skipped or parameter.kind is parameter.KEYWORD_ONLY
        taken = {role for role, _ in roles.values()}
        role = next((r for r in roles_named(name) if r in known and r not in taken), None)
        is_word = name in words or isinstance(parameter.default, str)
        if role is not None and not is_word:
            roles[name] = (role, by_keyword)
        elif name in named:
            roles[name] = ("named", by_keyword)
        elif parameter.default is parameter.empty:
            roles[name] = ("", by_keyword)
            open_arguments.append(name)
        else:
            skipped = True
    _fill(function, roles, open_arguments, [role for role in fill if role in known])
    return roles


def _fill(
    function: Callable[..., Any],
    roles: Roles,
    open_arguments: list[str],
    fill: list[str],
) -> None:
    """Give roles to arguments whose names say nothing: gradients first, then in order."""
    used = {role for role, _ in roles.values()}
    if "dy" in fill and "dy" not in used and not open_arguments:
        # backward(x) alone: the only argument must be what comes back from the layer after it
        taken = [
            name
            for name, (role, _) in roles.items()
            if role in ("x", "output", "y") or name == "eta"
        ]
        if len(taken) == 1:
            roles[taken[0]] = ("dy", roles[taken[0]][1])
        return
    open_arguments.sort(key=lambda name: not looks_like_a_gradient(name))
    for name in open_arguments:
        # what an activation is handed again is z, and not what it gave
        likeliest = sorted(fill, key=lambda role: role != "x") if name.lower() == "z" else fill
        role = next((role for role in likeliest if role not in used), None)
        if role is None:
            raise UnknownArgumentError(
                f"cannot tell what {name!r} stands for in {_name(function)}"
                f"{inspect.signature(function)}: name it as is usual (x, y, params, learning_rate, "
                "cache), or give it a default"
            )
        roles[name] = (role, roles[name][1])
        used.add(role)


def _parameters(function: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    if isinstance(function, np.ufunc):
        only = inspect.Parameter("x", inspect.Parameter.POSITIONAL_ONLY)
        return {"x": only}
    try:
        parameters = _in_order(function)
    except (TypeError, ValueError):
        raise UnknownArgumentError(f"cannot read the arguments of {_name(function)}") from None
    variable = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    return {p.name: p for p in parameters if p.kind not in variable}


def _in_order(function: Callable[..., Any]) -> tuple[inspect.Parameter, ...]:
    if isinstance(function, FunctionType):
        return _of_function(function)
    if isinstance(function, MethodType) and isinstance(function.__func__, FunctionType):
        _, *others = _of_function(function.__func__)  # each copy of an object has other methods
        return tuple(others)
    return tuple(inspect.signature(function).parameters.values())


@lru_cache(maxsize=64)  # to read them takes longer than to run a layer
def _of_function(function: FunctionType) -> tuple[inspect.Parameter, ...]:
    return tuple(inspect.signature(function).parameters.values())


def required(function: Callable[..., Any]) -> list[str]:
    """The names of the arguments that have no default."""
    return [name for name, p in _parameters(function).items() if p.default is p.empty]


def optional(function: Callable[..., Any]) -> dict[str, Any]:
    """The arguments that have a default, with it."""
    arguments = _parameters(function).items()
    return {name: p.default for name, p in arguments if p.default is not p.empty}


def _name(function: Callable[..., Any]) -> str:
    return getattr(function, "__qualname__", repr(function))


def in_the_place_of(function: Callable[..., Any], made: Callable[..., Any]) -> Any:
    """A function, with its own arguments, whose source is looked up where another one stands."""
    signature = inspect.signature(made)
    update_wrapper(made, function)
    vars(made)["__signature__"] = signature
    return made
