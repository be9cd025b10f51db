"""Names, short forms and tables make objects; a misspelt one answers with the nearest."""

from __future__ import annotations

import datetime
import inspect
import itertools
import math
from contextlib import suppress

import pytest

import chainrule as cr
from chainrule.augment.changes import CHANGES
from chainrule.averages import AVERAGES
from chainrule.configurable import build, describe
from chainrule.errors import ArgumentError, ChainruleError, ConfigError, UnknownNameError
from chainrule.initializers import INITIALIZERS
from chainrule.layers import LAYERS
from chainrule.layers.descriptions import build_layers, describe_layers
from chainrule.losses import LOSSES
from chainrule.metrics import as_metric
from chainrule.optimizers import OPTIMIZERS
from chainrule.regularizers import REGULARIZERS
from chainrule.schedules import SCHEDULES

KNOWN = {
    "augmentation": CHANGES,
    "average": AVERAGES,
    "initializer": INITIALIZERS,
    "layer": LAYERS,
    "loss": LOSSES,
    "optimizer": OPTIMIZERS,
    "regularizer": REGULARIZERS,
    "schedule": SCHEDULES,
}


@pytest.mark.parametrize(
    ("kind", "misspelt", "nearest"),
    [
        ("augmentation", "elastc", "elastic"),
        ("average", "emma", "ema"),
        ("initializer", "glorot_unifrom", "glorot_uniform"),
        ("layer", "Con2D", "Conv2D"),
        ("loss", "softmax_crossentropie", "softmax_cross_entropy"),
        ("loss", "mean_sqared_eror", "mean_squared_error"),
        ("loss", "mse", "mean_squared_error"),
        ("optimizer", "adamm", "adam"),
        ("optimizer", "RMS-propp", "rmsprop"),
        ("regularizer", "weight_decy", "weight_decay"),
        ("schedule", "cosin", "cosine"),
    ],
)
def test_a_misspelt_name_answers_with_the_nearest(kind: str, misspelt: str, nearest: str) -> None:
    with pytest.raises(UnknownNameError) as caught:
        build(misspelt, KNOWN[kind], kind)
    assert str(caught.value) == f"no {kind} is called {misspelt!r}; did you mean {nearest!r}?"


def test_a_name_like_no_other_answers_with_all_there_are() -> None:
    with pytest.raises(UnknownNameError, match="choose from: l1, l2, weight_decay"):
        build("xxxxxxxx", REGULARIZERS, "regularizer")


def test_a_misspelt_metric() -> None:
    with pytest.raises(UnknownNameError, match="did you mean 'accuracy'"):
        as_metric("acuracy")


@pytest.mark.parametrize("kind", KNOWN)
def test_case_hyphens_and_underscores_do_not_matter(kind: str) -> None:
    needs_options = {"Constant", "L1", "L2", "WeightDecay"}
    for name, made in KNOWN[kind].items():
        if kind != "layer" and made.__name__ not in needs_options:
            assert type(build(name.upper().replace("_", "-"), KNOWN[kind], kind)) is made


@pytest.mark.parametrize(
    ("short_form", "optimizer"),
    [
        ("adam", cr.Adam()),
        ("adam(0.1)", cr.Adam(0.1)),
        ("sgd(0.1, momentum=0.9, nesterov=True)", cr.SGD(0.1, momentum=0.9, nesterov=True)),
        ("adam(learning_rate=1e-3, clip_norm=1)", cr.Adam(learning_rate=1e-3, clip_norm=1)),
        ("sgd(clip_value=(-1, 2))", cr.SGD(clip_value=(-1, 2))),
    ],
)
def test_short_forms(short_form: str, optimizer: cr.Optimizer) -> None:
    assert build(short_form, OPTIMIZERS, "optimizer") == optimizer


def test_a_schedule_within_a_schedule() -> None:
    schedule = build("warm_up(2, then=step(3, decay=0.5))", SCHEDULES, "schedule")
    assert schedule.then == "step(3, decay=0.5)"
    assert build({"type": "WarmUp", "then": "cosine"}, SCHEDULES, "schedule").then == "cosine"


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ("adam(rate=0.1)", "optimizer adam: .*'rate'; its options are: learning_rate"),
        ("adam(1, 2, 3, 4, 5)", "too many positional arguments"),
        ("adam(", "write a name or name"),
        ("adam(0.1", "cannot read 'adam"),
        ("adam(0.1;2)", "options are numbers or names"),
        ("adam(__import__('os'))", "learning_rate is a number"),
        ("", "cannot read ''"),
        ({"type": "adam", "rate": 1}, "its options are: learning_rate"),
        ({}, "no optimizer is called ''"),
        (None, "optimizer: give a name, a table or an object; received None"),
        (3, "received 3"),
    ],
)
def test_descriptions_that_cannot_be_read(description, message: str) -> None:
    with pytest.raises((ArgumentError, UnknownNameError), match=message):
        build(description, OPTIMIZERS, "optimizer")


ANYTHING = (
    *(5, -1, 1.5, math.nan, math.inf, 2**62, 2j, True, None, ..., "x", "relu", "cosine", b"x"),
    *([], [1], [1, 2], [[1, 2]], ["relu"], [["relu"]], {1}, (1, (2, 3)), datetime.date(2020, 1, 1)),
    *({"a": 1}, {"type": "ReLU"}, {"type": "L2", "strength": 1}, {"type": "shared"}),
)


GOOD = (5, 0.5, "relu", ["relu"], [["relu"]], {"type": "ReLU"})  # one of them for any option


@pytest.mark.parametrize("kind", KNOWN)
def test_whatever_stands_in_a_description_only_chainrules_errors_come_out(kind: str) -> None:
    for name, make in KNOWN[kind].items():
        parameters = inspect.signature(make).parameters
        needed = [key for key, each in parameters.items() if each.default is each.empty]
        for option, value in itertools.product(parameters, ANYTHING):
            for other in (*GOOD, value) if {*needed} - {option} else [None]:
                description = {"type": name, **dict.fromkeys(needed, other), option: value}
                with suppress(ChainruleError):
                    if kind == "layer":
                        build_layers([description])
                    else:
                        build(description, KNOWN[kind], kind)


def test_code_cannot_be_described() -> None:
    with pytest.raises(UnknownNameError, match="no layer is called 'HandWritten'"):
        build_layers([{"type": "HandWritten", "code": "os.system"}])


@pytest.mark.parametrize(
    "thing",
    [
        cr.Adam(0.1, clip_value=(-1.0, 2.0)),
        cr.SGD(momentum=0.5, nesterov=True),
        cr.SoftmaxCrossEntropy(class_weights=(1.0, 2.0), label_smoothing=0.1),
        cr.schedules.WarmUp(2, "step(3)"),
        cr.L2(0.1),
        cr.initializers.Orthogonal(2.0),
    ],
    ids=repr,
)
def test_what_is_described_can_be_rebuilt(thing) -> None:
    known = {type(thing).__name__: type(thing)}
    assert build(describe(thing), known, "thing") == thing


def test_layers_with_their_options_can_be_described_and_rebuilt() -> None:
    shared = cr.Dense(3, regularizer=cr.L2(0.1), initializer=cr.initializers.HeNormal())
    layers = [
        cr.Residual([shared, cr.Dropout(0.2)], shortcut=shared),
        cr.Concatenate([[cr.Dense(2, initializer="he"), cr.LeakyReLU(0.2)], cr.Identity()]),
        shared,
    ]
    rebuilt = build_layers(describe_layers(layers))
    assert repr(rebuilt) == repr(layers)
    assert rebuilt[2] is rebuilt[0].branch.layers[0] is rebuilt[0].shortcut.layers[0]


@pytest.mark.parametrize("thing", [lambda x: x, object(), {1, 2}])
def test_what_lives_in_code_cannot_be_described(thing) -> None:
    with pytest.raises(ConfigError, match="lives in Python code and cannot be written to a file"):
        describe(thing)


@pytest.mark.parametrize(
    ("thing", "text"),
    [
        (cr.Dense(3), "Dense(3)"),
        (cr.Dense(3, bias=False), "Dense(3, bias=False)"),
        (cr.Dropout(), "Dropout()"),
        (cr.L2(0.1), "L2(0.1)"),
        (cr.Adam(0.1), "Adam(learning_rate=0.1)"),
        (cr.Sequential([cr.ReLU()]), "Sequential([ReLU()])"),
    ],
)
def test_repr_is_the_code_that_makes_it(thing, text: str) -> None:
    assert repr(thing) == text


def test_an_attribute_that_chainrule_does_not_have() -> None:
    with pytest.raises(AttributeError, match="module 'chainrule' has no attribute 'Densee'"):
        cr.Densee  # noqa: B018


def test_every_public_name_is_there() -> None:
    assert {"Network", "load", "Dense", "Adam", "L2", "EarlyStopping", "datasets"} <= set(dir(cr))
    for name in dir(cr):
        getattr(cr, name)
