"""Values for the arguments of constructors that nobody has given: by their names."""

from __future__ import annotations

import inspect
import re
import types
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import numpy as np

from chainrule.doctor.intake.activations import DERIVATIVE_METHODS
from chainrule.doctor.intake.usual.inputs import IMAGE_WORDS
from chainrule.doctor.intake.usual.parameters import KERNELS
from chainrule.foreign.calls.calling import optional
from chainrule.foreign.naming.gradient_names import (
    is_derivative_argument,
    pairs_among,
    says_derivative,
)
from chainrule.foreign.naming.offered_words import ACTIVATION, words_compared
from chainrule.foreign.naming.parameter_names import is_bias, is_weight
from chainrule.foreign.naming.roles import NAMES_LOSS, role_of
from chainrule.foreign.reading.source import (
    is_sequence,
    keys_of,
    likeliest_option,
    methods_called,
    parts_of,
    parts_of_each,
    source_of,
    string_options,
)
from chainrule.foreign.running.loading import authors_classes, classes_in, functions_in
from chainrule.foreign.running.randomness import random_like
from chainrule.seeding import generator

STRENGTH = re.compile(
    r"lambda_?|lamb?_?da|lam|lambd|l2(_lambda|_reg)?|reg(ularization)?|weight_decay|lmbd"
)
# The value for an argument by its name, or what makes it; the first rule that fits counts.
RULES: tuple[tuple[str, Any], ...] = (
    (r"rng|random_?(state|generator)|generator", lambda: generator(0, "argument")),
    (r"seed", 0),
    (r"in_?(put)?_?channels?|channels(_in)?|input_depth|c_in|n_channels|num_channels", 2),
    (r"out_?(put)?_?channels?|n?u?m?_?n?_?filters|n_kernels|channels_out|(layer_?)?depth|c_out", 3),
    (r"(kernel|filter)_?(shape|dims?)", (3, 2)),
    (r"(pool|window)_?(shape|dims?)", (2, 2)),
    (r"pool(_?size)?|window(_size)?", 2),
    (r"kernel(_?size|_?shape|_?width|_?height)?|filter_?(size|dim)?|k|ks|f(size)?|size_kernel", 3),
    (r"strides?|step|s", 2),
    (r"pad(ding)?", 1),
    (r"keep_?(prob|p|rate)?", 0.6),
    (r"p|(drop(out)?_?)?(rate|prob(ability)?|p)|dropout", 0.4),
    (r"eps(ilon)?", 1e-5),
    (r"momentum|beta1?", 0.9),
    (r"beta2", 0.999),
    (r"(learning_?rate|lr|eta|alpha)", 0.1),
    (r"(neg(ative)?_?)?slope", 0.1),
    (STRENGTH.pattern, 0.1),
    (
        r"(layer_?)?(sizes|dims|dimensions|shapes|structure|neurons|units)|layers(_dims|_sizes)?",
        lambda: [4, 5, 3],
    ),
    (r"(n_?|num_?)?hidden_?(1|size1|dim1)|h1|hidden_layer_1|n_h1", 5),
    (r"(n_?|num_?)?hidden_?(2|size2|dim2)|h2|hidden_layer_2|n_h2", 6),
    (r"(n_?|num_?)?hidden.*|h|n_h", 5),
    (
        r"(n_?|num_?)?in(put)?s?(_?(size|dim|features|units|nodes|neurons|n))?|fan_in|n_?in|n_x|d_in",
        4,
    ),
    (r"size_in|dim_in|features_in|in_dim|(num_?|n_?)inputs|input_layer(_size)?|d", 4),
    (r"(n_?|num_?)?out(put)?s?(_?(size|dim|features|units|nodes|neurons|n))?|fan_out|n_?out", 3),
    (r"size_out|dim_out|features_out|n_y|d_out|units|neurons|n_?units|(n_?|num_?)?classes|m", 3),
    (r"(num|n|number)_?(of_?)?layers", 3),
    (r"(num_?|n_?)?features|dim|size|n", 4),
    (r"batch_size", 5),
    (r"(use_?|is_?)?(adam|rmsprop|adagrad|nesterov)", False),  # whose steps hide the gradients
    (r"epochs?|iterations|n_iter", 1),
)


COUNTS_LAYERS = re.compile(r"(n|num|number)_?(of_?)?(hidden_?)?(layers?|hidden)")
OPTIMIZER = re.compile(r"optim|^opt$", re.IGNORECASE)
SETTINGS = re.compile(
    r"(hyper_?)?(settings?|conf(ig)?s?|cfg|args|opts?|options|params|parameters|hparam(eter)?s|dict)"
    r"|.*_(settings|config|dict|params?)"
)
OF_PASSES = re.compile(  # settings that functions are handed beside arrays; d_out is none
    r"(kernel|filter|pool|window)(_?size)?|strides?|pad(ding)?|eps(ilon)?|momentum|keep_?prob|"
    r"drop(out)?_?(rate|prob)|(neg(ative)?_?)?slope"
)
IS_SIZE = re.compile(r"size|dim|units|features|nodes|neurons|classes")
PLAIN_STEP = re.compile(r"sgd|descent", re.IGNORECASE)
ARRAYS = re.compile(r"(w|weights?|theta|b|bias|biases)_?\d*", re.IGNORECASE)
WIDTHS = (4, 5, 3, 6)  # of the layers of a network that is handed its arrays


# Targets for a class that is handed its data, each with the axis of the examples.
UNPACKED = {2: (3, 2), 3: (2, 7, 6)}  # by the number of parts: a kernel's size, an image's
CLASSES = [0, 1, 2, 1, 0]
TARGETS = (
    (0, np.eye(3)[CLASSES]),
    (0, np.array([[0.0], [1.0], [1.0], [0.0], [1.0]])),
    (0, np.array(CLASSES)),
    (1, np.eye(3)[CLASSES].T),
    (1, np.array([[0.0, 1.0, 1.0, 0.0, 1.0]])),
)


def arguments(function: Callable[..., Any], module: types.ModuleType) -> Iterator[list[Any]]:
    """Values for the required arguments of `function`, the likeliest first.

    What the file has is taken from there: an activation and its derivative, an optimizer, layers.
    """
    needed = needed_arguments(function)

    def values(**others: Any) -> list[Any]:
        return [
            others[name] if name in others else _value(name, function, module, number)
            for number, name in enumerate(needed)
        ]

    if IMAGE_WORDS.search(getattr(function, "__name__", "")):
        for kernels in _kernels(needed):
            yield values(**kernels)
    yield values(**_arrays(needed, are_rows=True))
    if any(ARRAYS.fullmatch(name) for name in needed):
        yield values(**_arrays(needed, are_rows=False))
    plain = {"stride": 1, "strides": 1, "padding": 0, "pad": 0}
    if any(name.lower() in plain for name in needed):
        yield values(**{n: plain[n.lower()] for n in needed if n.lower() in plain})
    sizes = next((value for value in values() if isinstance(value, list)), None)
    counts = [name for name in needed if COUNTS_LAYERS.fullmatch(name.lower())]
    if sizes is not None:
        for besides in (0, 1, 2) if counts else ():  # hidden ones, or all that there are
            yield values(**dict.fromkeys(counts, len(sizes) + besides))
        yield [3 if isinstance(value, list) else value for value in values()]
    shaped = [n for n in needed if "shape" in n.lower() and not re.search("kernel|filter|pool", n)]
    if shaped:
        for shape in ((7, 6, 2), (2, 7, 6), (4,)):
            yield values(**dict.fromkeys(shaped, shape))


def settings_of(*functions: Callable[..., Any]) -> dict[str, float]:
    """Numbers for the required arguments of functions that are settings by their names, such as
    the strength of a regularizer."""
    return {
        name: value
        for function in functions
        for name in needed_arguments(function)
        if role_of(name) is None and isinstance(value := _by_name(name), float)
    }


def settings_asked(function: Callable[..., Any], module: types.ModuleType) -> dict[str, Any]:
    """What a pass that is a function asks for besides arrays, by the names of its arguments: sizes,
    ``stride``, and dictionaries of them, ``conv_param``."""
    given: dict[str, Any] = {}
    for name in needed_arguments(function):
        if role_of(name) or string_options(function, name):
            continue
        keys = keys_of(function, name)
        if SETTINGS.fullmatch(name.lower()) and keys:
            given[name] = Settings(function, module)
        elif OF_PASSES.fullmatch(name.lower()) and not keys:
            given[name] = _by_name(name)
    return given


def strengths_of(function: Callable[..., Any]) -> dict[str, float]:
    """Numbers for the arguments of a function that are strengths of regularizers and 0 by default,
    which would hide mistakes in the gradients of regularizers."""
    return {
        name: value
        for name, default in optional(function).items()
        if default == 0 and STRENGTH.fullmatch(name.lower()) and (value := _by_name(name))
    }


def data_arguments(function: Callable[..., Any], module: types.ModuleType) -> Iterator[list[Any]]:
    """Values for the required arguments of a class that is handed its data: ``network(x, y)``."""
    needed = needed_arguments(function)
    by_role = {role_of(name): name for name in needed[::-1]}
    if not {"x", "y"} <= by_role.keys():
        return
    for values in arguments(function, module):
        given = dict(zip(needed, values, strict=True))
        for axis, y in TARGETS:
            x = random_like(np.empty((5, 4) if axis == 0 else (4, 5)), "x")
            yield list({**given, by_role["x"]: x, by_role["y"]: y.copy()}.values())


def needed_arguments(function: Callable[..., Any]) -> list[str]:
    """The names of the arguments that must be given."""
    try:
        signature = inspect.signature(function)
    except (TypeError, ValueError):
        return []
    return [
        name
        for name, p in signature.parameters.items()
        if p.default is p.empty and p.kind in (p.POSITIONAL_OR_KEYWORD, p.POSITIONAL_ONLY)
    ]


def keywords(function: Callable[..., Any], module: types.ModuleType) -> dict[str, Any]:
    """Values for arguments that must be given by keyword, for sizes that are 0 by default, and an
    optimizer, or the derivative of an activation, where none is given."""
    parameters = inspect.signature(function).parameters
    given = {
        name: _value(name, function, module, 0)
        for name, p in parameters.items()
        if p.kind is p.KEYWORD_ONLY and p.default is p.empty
    }
    for name, p in parameters.items():
        if p.default is None and OPTIMIZER.search(name):
            given[name] = _optimizer(module)
        elif p.default is None and says_derivative(name):
            given[name] = _activation(functions_in(module))[1]
        elif type(p.default) is int and p.default == 0 and IS_SIZE.search(name.lower()):
            given[name] = _by_name(name) or 0
    return given


def _value(name: str, function: Callable[..., Any], module: types.ModuleType, number: int) -> Any:
    """The likeliest value for an argument: by its name, else by its place."""
    plain, functions = name.lower().strip("_"), functions_in(module)
    if (parts := parts_of(function, name)) in UNPACKED:
        return UNPACKED[parts]
    if options := string_options(function, name):
        return likeliest_option(options)
    if OPTIMIZER.search(plain):
        return _optimizer(module)
    if SETTINGS.fullmatch(plain) and keys_of(function, name):
        return Settings(function, module)
    if re.search(r"activ|function|func|nonlin|fn$|^act(_|$)", plain):
        if (made := object_for(function, name, module)) is not None:
            return made
        return _activation(functions)[is_derivative_argument(plain)]
    if says_derivative(plain):
        return _activation(functions)[1]
    if (made := object_for(function, name, module)) is not None:
        return made
    if each := parts_of_each(function, name):
        return _each_taken_apart(each, module)
    usual = _by_name(name)
    usual = (4, 3, 5, 6, 7)[number % 5] if usual is None else usual
    if isinstance(usual, int) and is_sequence(function, name):
        return [5] if "hidden" in plain else [4, 5, 3]
    return usual


class Settings(dict[str, Any]):
    """Settings that nobody has given: each is made by its name, once it is asked for."""

    def __init__(self, function: Callable[..., Any], module: types.ModuleType) -> None:
        super().__init__()
        vars(self).update({"function": function, "module": module})

    def __missing__(self, key: str) -> Any:
        words = string_options(self.function, key)
        made = likeliest_option(words) if words else _value(key, self.function, self.module, 0)
        self[key] = made
        return made

    def __deepcopy__(self, memo: dict[int, Any]) -> Settings:
        return self  # nothing in it is trained

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__"):
            raise AttributeError(name)
        return self[name]


def _by_name(name: str) -> Any:
    """The value for an argument that its name alone suggests; None where it suggests none."""
    plain = name.lower().strip("_")
    for pattern, value in RULES:
        if re.fullmatch(pattern, plain):
            return value() if callable(value) else value
    return None


def object_for(function: Callable[..., Any], name: str, module: types.ModuleType) -> Any:
    """An object of the author's own class that has the methods which are called of an argument;
    None where there is none."""
    called = methods_called(function, name)
    fitting = [
        kind
        for kind in authors_classes(module)
        if called and kind is not function and called <= set(dir(kind))
    ]
    if NAMES_LOSS.search(name.lower()):
        fitting.sort(key=lambda kind: not NAMES_LOSS.search(kind.__name__.lower()))
    return _first_made(fitting, module)


def _first_made(kinds: list[type], module: types.ModuleType) -> Any:
    """An object of the first class of which one can be made."""
    for kind in kinds:
        with suppress(Exception):  # the constructor may raise anything for a wrong guess
            return kind(*next(arguments(kind, module)))
    return None


def _each_taken_apart(parts: list[str], module: types.ModuleType) -> list[Any]:
    """Descriptions of two layers: a dictionary for each, or a tuple."""
    rows = [[_part(part.strip('"'), layer, module) for part in parts] for layer in (0, 1)]
    if parts[0].startswith('"'):
        keys = [part.strip('"') for part in parts]
        return [dict(zip(keys, row, strict=True)) for row in rows]
    return [tuple(row) for row in rows]


def _part(name: str, layer: int, module: types.ModuleType) -> Any:
    """The value for one name in the description of the first or the second layer."""
    plain = name.lower()
    if re.search(r"act|func|nonlin", plain):
        known = words_compared(source_of(str(module.__file__)))
        if words := [word for word in known if ACTIVATION.fullmatch(word)]:
            return [*words, "sigmoid"][layer]  # another word at the output
        kinds = [k for k in authors_classes(module) if set(DERIVATIVE_METHODS) & set(dir(k))]
        return _first_made(kinds, module) or _activation(functions_in(module))[0]
    usual = 3 if isinstance(_by_name(name), list) else _by_name(name)
    if usual in (4, 3):  # a number of inputs, or of outputs
        return WIDTHS[layer + (usual == 3)]
    return usual


def _activation(functions: dict[str, Callable[..., Any]]) -> tuple[Any, Any]:
    """An activation of the file and its derivative; tanh, where it has none."""
    for name, derivative in pairs_among(functions):
        if len(needed_arguments(functions[name])) == 1:
            return functions[name], functions[derivative]
    return np.tanh, lambda x: 1 - np.tanh(x) ** 2


def _arrays(needed: list[str], are_rows: bool) -> dict[str, Any]:
    """Arrays for arguments that are called as weights and biases, one layer after the other."""
    named = [name for name in needed if ARRAYS.fullmatch(name) and is_weight(name)]
    if not any(not is_bias(name) for name in named):
        return {}
    last = sum(not is_bias(name) for name in named)
    widths = (WIDTHS[0], WIDTHS[2]) if last == 1 else WIDTHS
    made: dict[str, Any] = {}
    counts = {True: 0, False: 0}
    for name in named:
        layer = counts[is_bias(name)]
        counts[is_bias(name)] += 1
        fan_in, fan_out = widths[layer % len(widths)], widths[(layer + 1) % len(widths)]
        shape: tuple[int, ...] = (fan_in, fan_out)
        if is_bias(name):
            shape = (fan_out,) if are_rows else (1, fan_out)
        made[name] = random_like(np.empty(shape if are_rows else shape[::-1]), name)
    return made


def _kernels(needed: list[str]) -> Iterator[dict[str, Any]]:
    """Arrays for arguments that are called as weights and biases, of a convolution."""
    weights = [n for n in needed if ARRAYS.fullmatch(n) and is_weight(n) and not is_bias(n)]
    biases = [name for name in needed if is_bias(name)]
    for of_kernels, of_bias in KERNELS if len(weights) == 1 else ():
        shapes = {**dict.fromkeys(weights, of_kernels), **dict.fromkeys(biases, of_bias)}
        yield {name: random_like(np.empty(shape), name) for name, shape in shapes.items()}


def _optimizer(module: types.ModuleType) -> Any:
    """A plain optimizer of the file's own."""
    for name, kind in classes_in(module).items():
        if PLAIN_STEP.search(name):
            for values in arguments(kind, module):
                with suppress(Exception):  # the constructor may raise anything for a wrong guess
                    return kind(*values)
    return None
