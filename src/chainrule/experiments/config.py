"""Everything that decides a training run, in one table of plain values.

A `TrainConfig` comes from the command line, from a TOML file, or from both. `resolve` in
`runner` fills in what was left open, so that the `config.toml` of a run is complete.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

import pydantic
import tomli_w
from pydantic import Field

from chainrule.configurable import find_name
from chainrule.errors import ConfigError

Spec = str | dict[str, Any]  # "adam", "adam(epsilon=1e-7)", {"type": "Adam", "epsilon": 1e-7}
Count = Annotated[int, Field(ge=1)]


class TrainConfig(pydantic.BaseModel):
    """The options of ``chainrule train``; each one's meaning is its description."""

    model_config = pydantic.ConfigDict(extra="forbid", validate_default=True)

    data: str = Field(description="a data set's name, or a file or folder")
    data_dir: str | None = Field(None, description="where to look for data sets first")
    samples: Count | None = Field(None, description="how many synthetic points to draw")
    fresh_data: bool = Field(False, description="draw new synthetic points for each epoch")
    label_column: int | str | None = Field(None, description="of a CSV file, its name or place")

    model: str = Field("mlp", description="mlp, cnn, or a TOML file with the layers")
    hidden: list[Count] = Field([128], description="sizes of the hidden dense layers")
    activation: Spec = Field("relu", description="after each hidden layer")
    init: Spec | None = Field(None, description="first weights; he or glorot, as activation asks")
    layers: list[Spec] | None = Field(None, description="the layers themselves, from model")
    input_shape: list[Count] | None = Field(None, description="the shape of one example")
    dtype: Literal["float32", "float64"] = Field("float32", description="of all numbers")

    loss: Spec | None = Field(None, description="what to minimize; fits the data unless given")
    optimizer: Spec = Field("adam", description="how to step")
    learning_rate: float | None = Field(
        None, gt=0, description="size of a step; the optimizer's own unless given"
    )
    schedule: Spec = Field("cosine", description="how the rate changes with time")
    epochs: Count = Field(10, description="passes over the data")
    batch_size: Count | Literal["full"] = Field(32, description="examples in a step, or full")
    samples_per_epoch: Count | None = Field(None, description="random examples in an epoch")
    validation: float | int | None = Field(
        None, ge=0, description="how much to hold out: a fraction, a count, or 0 for none"
    )
    early_stopping: Count | None = Field(None, description="epochs to wait for improvement")
    metrics: list[str] | None = Field(None, description="what to report besides the loss")
    seed: Annotated[int, Field(ge=0)] = Field(0, description="of all random draws")


def read_config(path: Path) -> dict[str, Any]:
    """The values in a TOML file, their names checked.

    Raises:
        ConfigError: no such file, not TOML, or a name that is no option.
    """
    values = read_toml(path)
    for name in values:
        if name not in TrainConfig.model_fields:
            find_name(name, TrainConfig.model_fields, f"option in {path}")
            raise ConfigError(f"{path}: write {find_name(name, TrainConfig.model_fields, '')!r}")
    return values


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dictionary."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{path} cannot be read: {error.strerror or error}") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path} is not a TOML file: {error}") from None


def make_config(values: dict[str, Any]) -> TrainConfig:
    """A checked configuration. Raises ConfigError, which names the option and its value."""
    try:
        return TrainConfig(**values)
    except pydantic.ValidationError as error:
        raise ConfigError(_say(error)) from None


def to_toml(config: TrainConfig) -> str:
    """The configuration as the text of a TOML file; options that do not apply are left out."""
    values = {name: value for name, value in config.model_dump().items() if value is not None}
    return (
        "# The whole configuration of a run; `chainrule train --config config.toml` repeats it.\n"
        + tomli_w.dumps(values)
    )


def _say(error: pydantic.ValidationError) -> str:
    problems: dict[str, str] = {}
    for detail in error.errors():
        option = str(detail["loc"][0]) if detail["loc"] else "configuration"
        description = TrainConfig.model_fields[option].description
        received = "" if detail["type"] == "missing" else f"; received {detail['input']!r}"
        problem = detail["msg"].replace("Input should", "should").replace("Field", "is")
        problems.setdefault(option, f"{option} ({description}) {problem}{received}")
    return "; ".join(problems.values())
