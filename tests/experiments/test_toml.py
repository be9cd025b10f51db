"""Configurations and models in TOML, from strangers too."""

from __future__ import annotations

import math
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import tomli_w
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chainrule.errors import ConfigError
from chainrule.experiments.config import TrainConfig, read_toml, read_whole_config
from chainrule.experiments.models import read_network
from chainrule.layers import LAYERS

fuzzed = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=100)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "file.toml"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a = [", "is not a TOML file: Invalid value"),
        ("a = 1\nb = x\n", "is not a TOML file: .*line 2, column 5"),
        (b"a = '\xff'", "is not text in UTF-8: byte 5 is not"),
        ("a = " + "[" * 50 + "]" * 50, "in each other more than 40 deep: flatten them"),
        ("a = " + "[" * 9000, "in each other more than 40 deep: flatten them"),
        ("a = " + "{a = " * 9000, "in each other more than 40 deep: flatten them"),
        ("a." * 150 + "a = 1", "in each other more than 40 deep: flatten them"),
        ("a = 1\n" + "a." * 201 + "a = 1", "line 2 has over 200 dots"),
        ("a." * 400_000 + "a = 1", "line 1 has over 200 dots"),
        ("[" + "a." * 400_000 + "a]\n", "line 1 has over 200 dots"),
        ("a = 0x" + "f" * 17, "a whole number of more than 64 bits"),
        ("a = [{b = -9223372036854775809}]", "a whole number of more than 64 bits"),
        ("a = " + "9" * 5000, "is not a TOML file: .*4300 digits"),
        ("# " + "x" * 2**20, "holds more than 1,048,576 bytes of text: is it the right file"),
    ],
    ids=range(14),
)
def test_what_is_refused(path: Path, text: str | bytes, message: str) -> None:
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ConfigError, match=message) as caught:
        read_toml(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1000


def test_what_is_read(path: Path) -> None:
    path.write_text("a = " + "[" * 39 + "]" * 39 + "\nb = -9223372036854775807\nc = [0.1]\r\n")
    assert read_toml(path)["b"] == -(2**63) + 1


@pytest.mark.parametrize("value", ["nan", "inf"])
@pytest.mark.parametrize("option", ["learning_rate", "validation"])
def test_options_are_finite(path: Path, option: str, value: str) -> None:
    path.write_text(f'data = "xor"\n{option} = {value}\n')
    with pytest.raises(ConfigError, match=f"{option} should be a finite number"):
        read_whole_config(path)


def test_a_value_that_fills_the_screen(path: Path) -> None:
    path.write_text(f'data = "xor"\ndtype = "{"x" * 100_000}"\n')
    with pytest.raises(ConfigError, match=r"received 'xxx.*…x+'") as caught:
        read_whole_config(path)
    assert len(str(caught.value)) < 1000
    assert str(path) in str(caught.value)


SHARED = "[[layers]]\ntype = 'Sequential'\nlayers = [{type = 'shared', layer = %d}, %s]\n"


def doubling(times: int) -> str:
    """Layers each of which is the one before, twice."""
    twice = [SHARED % (place, f"{{type = 'shared', layer = {place}}}") for place in range(times)]
    return "input_shape = [4]\n[[layers]]\ntype = 'ReLU'\n" + "".join(twice)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (doubling(60), "more than 4,000 layers"),
        ("input_shape = [4]\nlayers = [%s]" % ("'relu'," * 4001), "more than 4,000 layers"),
        ("input_shape = [4]\nlayers = [{type = 'shared', layer = 7}]", "layer 7 cannot be shared"),
        (
            "input_shape = [4]\nlayers = [{type = 'shared', layer = []}]",
            r"layer \[\] cannot be shared",
        ),
        ("input_shape = [784]\nlayers = ['dense(1000000000)']", "785,000,000,000 parameters"),
        ("input_shape = [9000000000, 9000000000]\nlayers = ['layer_norm']", "parameters, more"),
        ("input_shape = [4]\nlayers = ['dense(%s)']" % ("(" * 900), "options are numbers or names"),
        ("input_shape = [4]\nlayers = ['dense(%s1)']" % ("-" * 900), "cannot read|whole number"),
        ("input_shape = [4]\nlayers = ['dense(%s)']" % (" " * 99_000), "characters are too many"),
        ("input_shape = [4]\nlayers = ['%s']" % ("x" * 900), "no layer is called 'xxx"),
    ],
    ids=range(10),
)
def test_networks_that_are_refused(path: Path, text: str, message: str) -> None:
    path.write_text(text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_network(path)
    assert str(path) in str(caught.value)
    assert len(str(caught.value)) < 1200


def test_a_layer_may_be_shared(path: Path) -> None:
    path.write_text(doubling(3))
    assert read_network(path).output_shape == (4,)


NAMES = st.sampled_from(list(LAYERS)) | st.sampled_from(["he", "normal", "L2", "shared", "same"])
SCALARS = st.one_of(
    *(st.integers(-2, 5), st.integers(-(2**62), 2**62), st.floats(), st.booleans(), NAMES),
    *(st.text(max_size=5), st.dates(), st.times()),
)
OPTION_NAMES = st.sampled_from(
    [
        *("type", "layer", "layers", "branch", "shortcut", "branches", "out_features"),
        *("out_channels", "kernel_size", "stride", "padding", "shape", "rate", "momentum"),
        *("epsilon", "initializer", "regularizer", "activation", "bias"),
    ]
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(OPTION_NAMES, inner, max_size=4),
    max_leaves=8,
)


@fuzzed
@given(
    layers=st.lists(
        st.builds(
            lambda name, options: {**options, "type": name},
            NAMES,
            st.dictionaries(OPTION_NAMES, VALUES, max_size=3),
        )
        | VALUES,
        max_size=3,
    ),
    input_shape=st.lists(st.integers(1, 4), min_size=1, max_size=3) | VALUES,
)
def test_layers_of_any_kind(path: Path, layers: list[Any], input_shape: Any) -> None:
    path.write_text(tomli_w.dumps({"input_shape": input_shape, "layers": layers}))
    with suppress(ConfigError):
        read_network(path)


@fuzzed
@given(st.dictionaries(st.sampled_from(list(TrainConfig.model_fields)), VALUES, max_size=6))
def test_options_of_any_kind(path: Path, values: dict[str, Any]) -> None:
    path.write_text(tomli_w.dumps({"data": "xor", **values}))
    with suppress(ConfigError):
        config = read_whole_config(path)
        assert config.learning_rate is None or math.isfinite(config.learning_rate)
