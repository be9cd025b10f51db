"""From an example, as `example(rng)` returns it, to what can be examined."""

from __future__ import annotations

import types
from collections.abc import Mapping
from typing import Any

import numpy as np

from chainrule.doctor.intake.activations import activation_pair
from chainrule.doctor.intake.cases import KEYS, Case, Example
from chainrule.doctor.intake.objects import from_object, from_targets
from chainrule.doctor.intake.programs import as_part, loss_in, make_program
from chainrule.doctor.intake.unwritten import refuse_unwritten, refuse_unwritten_passes
from chainrule.doctor.subjects.pairs import LossPair
from chainrule.doctor.subjects.subject import Subject
from chainrule.foreign.calls.conventions import Code
from chainrule.foreign.errors import CannotCheckError
from chainrule.foreign.naming.gradient_names import is_about_gradients, pairs_among
from chainrule.foreign.naming.roles import NAMES_CROSS_ENTROPY, NAMES_LOSS
from chainrule.foreign.running.loading import functions_in, random_sources
from chainrule.foreign.running.randomness import Randomness

OWN = ("chainrule.layers.base", "chainrule.network")  # takes long to import, for most code in vain


def from_example(
    example: Example, randomness: Randomness, module: types.ModuleType | None = None
) -> Case:
    """A case from the dictionary that `example(rng)` returns.

    Raises:
        CannotCheckError: it has nothing that is understood, or is still to be written; what the
            code itself raises passes through.
    """
    if "layer" in example:
        refuse_unwritten_passes(type(example["layer"]))
        subject = _from_layer(example, randomness, module)
        names = [name.lower() for name in (vars(module) if module else ())]
        subject.has_cross_entropy = any(map(NAMES_CROSS_ENTROPY.search, names))
        subject.has_loss = module is None or any(map(NAMES_LOSS.search, names))
        return Case(subject, example, module)
    if "forward" in example and "backward" in example:
        refuse_unwritten(example["forward"], example["backward"])
        return Case(_from_functions(example, randomness, module), example, module)
    if "optimizer" in example:
        return Case(None, example, module)
    if "function" in example and "derivative" in example:
        x = _needed(example, "x")
        pair = activation_pair(example["function"], example["derivative"], x, example.get("of"))
        return Case(pair, example, module)
    if "loss" in example and "derivative" in example:
        x, y = _needed(example, "x"), _needed(example, "y")
        both = example["loss"], example["derivative"]
        return Case(LossPair(*both, x, y, _has_plain_softmax(module)), example, module)
    raise CannotCheckError(
        "the example has neither a layer, nor forward and backward, nor a function and its "
        f"derivative, nor an optimizer; its keys are {', '.join(map(str, example)) or 'none'}, "
        f"those that are understood {', '.join(KEYS)}"
    )


def _needed(example: Example, key: str) -> Any:
    if key not in example:
        raise CannotCheckError(f'the example has no "{key}"')
    return example[key]


def _has_plain_softmax(module: types.ModuleType | None) -> bool:
    """True if a file has a softmax and no derivative of it."""
    functions = functions_in(module) if module else {}
    with_derivative = {function for function, _ in pairs_among(functions)}
    named = {n for n in functions if "softmax" in n.lower() and not is_about_gradients(n)}
    return any(not NAMES_LOSS.search(n.lower()) for n in named - with_derivative)


def _from_layer(
    example: Example, randomness: Randomness, module: types.ModuleType | None
) -> Subject:
    layer = example["layer"]
    if any(base.__module__ in OWN for base in type(layer).__mro__):
        from chainrule.doctor.subjects.chainrule_network import ChainruleNetwork

        return ChainruleNetwork(layer, example.get("x"), example.get("y"), example.get("loss"))
    if isinstance(layer, type):
        raise CannotCheckError(
            f'"layer" is the class {layer.__name__}: give an object of it, {layer.__name__}(…)'
        )
    return from_object(layer, _needed(example, "x"), example, randomness, module)


def object_case(module: types.ModuleType, example: Example) -> Case:
    """The case of an object, which may hold its data itself: then x is `NO_INPUT`."""
    randomness = Randomness(random_sources(module))
    if np.ndim(example["x"]) or "y" not in example:
        return from_example(example, randomness, module)
    subject = from_targets(example["layer"], example["x"], example, randomness, module)
    return Case(subject, example, module)


def _from_functions(
    example: Example, randomness: Randomness, module: types.ModuleType | None
) -> Subject:
    forward, backward = example["forward"], example["backward"]
    params = example.get("params", example.get("parameters", {}))
    loss = example.get("loss") or loss_in(module)
    thing = getattr(forward, "__self__", None)
    if thing is not None and thing is getattr(backward, "__self__", None):
        named = forward.__name__, backward.__name__
        code = Code(
            thing,
            lambda state: getattr(state, named[0]),
            lambda state: getattr(state, named[1]),
            as_part(thing, loss),
        )
    else:
        code = Code(
            params if isinstance(params, Mapping) else {"params": params},
            lambda state: forward,
            lambda state: backward,
            as_part(params, loss),
            is_dictionary=True,
        )
    name = getattr(backward, "__name__", "a function")
    return make_program(name, code, _needed(example, "x"), example, randomness)
