"""Networks of layers that nobody has put together: from the layers of the same file."""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from typing import Any

from chainrule.doctor.intake.usual.sizes import RULES, arguments, needed_arguments
from chainrule.foreign.naming.gradient_names import pairs_among, says_derivative
from chainrule.foreign.naming.roles import FORWARD_METHODS
from chainrule.foreign.reading.source import methods_called_of_each
from chainrule.foreign.running.loading import classes_in, functions_in

ADDS = ("add", "add_layer", "append", "addLayer", "push")
SETS_LOSS = (
    "use",
    "use_loss",
    "set_loss",
    "compute_loss",
    "compile",
    "loss_function",
    "setup_loss",
)


def argument_for_layers(kind: type) -> str | None:
    """The argument of a constructor that is the layers of a network, if one is: by its name, or by
    a forward pass through each element."""
    needed = needed_arguments(kind)
    if "layers" in needed:
        return "layers"
    passes = set(FORWARD_METHODS)
    return next((n for n in needed if passes & methods_called_of_each(kind, n)), None)


def chains(module: types.ModuleType, network: type) -> Iterator[list[Any]]:
    """Layers of a file, one behind the other, as a network of layers takes them."""
    kinds = [
        kind
        for kind in classes_in(module).values()
        if kind is not network and _has_passes(kind) and not _is_network(kind)
    ]
    dense = next((kind for kind in kinds if _takes_sizes(kind)), None)
    activation = next((kind for kind in kinds if _takes_functions(kind)), None)
    if dense is not None:
        between = [activation(*next(arguments(activation, module)))] if activation else []
        yield [dense(4, 5), *between, dense(5, 3)]
    for kind in kinds:
        if not needed_arguments(kind):
            yield [kind()]


def fill(network: Any, module: types.ModuleType) -> Iterator[Any]:
    """A network that begins empty, with the layers of its file added, and with its loss."""
    add = next((getattr(network, name) for name in ADDS if hasattr(network, name)), None)
    if add is None:
        return
    for layers in chains(module, type(network)):
        for layer in layers:
            add(layer)
        _set_loss(network, module)
        yield network
        return


def begins_empty(thing: Any) -> bool:
    """True if an object keeps an empty list of layers."""
    attributes = getattr(thing, "__dict__", {})
    return any(isinstance(v, list) and not v and "layer" in n for n, v in attributes.items())


def _set_loss(network: Any, module: types.ModuleType) -> None:
    """Hand a network a loss of the file, and its derivative."""
    functions = functions_in(module)
    for loss, derivative in pairs_among(functions):
        if not re.search(r"loss|cost|entropy|mse|error", loss):
            continue
        for name in SETS_LOSS:
            method = getattr(network, name, None)
            if callable(method) and len(needed_arguments(method)) == 2:
                method(functions[loss], functions[derivative])
                return


def _has_passes(kind: type) -> bool:
    names = dir(kind)
    return any(n.startswith("forward") for n in names) and any(
        n.startswith(("back", "bprop")) for n in names
    )


def _is_network(kind: type) -> bool:
    has_methods = any(hasattr(kind, name) for name in ("fit", "train", *ADDS))
    return has_methods or argument_for_layers(kind) is not None


def _takes_sizes(kind: type) -> bool:
    """True if a layer is made with the numbers of its inputs and outputs alone."""
    needed = needed_arguments(kind)
    return len(needed) == 2 and all(_is_size(name) for name in needed)


def _is_size(name: str) -> bool:
    plain = name.lower().strip("_")
    return next((v for pattern, v in RULES if re.fullmatch(pattern, plain)), None) in (3, 4)


def _takes_functions(kind: type) -> bool:
    needed = needed_arguments(kind)
    return bool(needed) and all(
        re.search(r"activ|func", name) or says_derivative(name) for name in needed
    )
