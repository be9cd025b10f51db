"""Everything that decides a training run, in one table of plain values.

A `TrainConfig` comes from the command line, from a TOML file, or from both. `resolve` in
`runner` fills in what was left open, so that the `config.toml` of a run is complete.
"""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import pydantic
import tomli_w
from pydantic import Field

from chainrule.configurable import find_name
from chainrule.data.training import BATCH_SIZE
from chainrule.errors import ConfigError, UnknownNameError
from chainrule.limits import check_values, read_text, shortened, too_deep

M = TypeVar("M", bound=pydantic.BaseModel)
Spec = str | dict[str, Any]  # "adam", "adam(epsilon=1e-7)", {"type": "Adam", "epsilon": 1e-7}
Count = Annotated[int, Field(ge=1)]
Part = Annotated[float, Field(ge=0)] | Annotated[int, Field(ge=0)] | str  # the last is a file

NO_NUMBER = {  # what is said of text where a number belongs
    "int_parsing": "should be a whole number",
    "float_parsing": "should be a number",
}
MOST_DOTS = 200  # on a line of TOML: reading a key takes as long as its parts are many, squared


def option(
    default: Any, panel: str, metavar: str, description: str, also: str = "", **checks: Any
) -> Any:
    """A field of `TrainConfig`, and how the command line shows it; `also` is a shorter name."""
    place: dict[str, Any] = {"panel": panel, "metavar": metavar, "also": also}
    return Field(default, description=description, json_schema_extra=place, **checks)


class TrainConfig(pydantic.BaseModel):
    """The options of ``chainrule train``; the description of each is its help text."""

    model_config = pydantic.ConfigDict(extra="forbid", validate_default=True, allow_inf_nan=False)

    data: str = Field(description="a data set's name, or a file or folder")
    data_dir: str | None = option(
        None, "Data", "DIR", "Where to look for data first; CHAINRULE_DATA if left out."
    )
    samples: Count | None = option(None, "Data", "N", "Draw N synthetic points; 1000 if left out.")
    fresh_data: bool = option(False, "Data", "", "Draw new synthetic points for each epoch.")
    label_column: int | str | None = option(
        None, "Data", "NAME", "Label column of a table: its name or position."
    )
    image_size: str | None = option(
        None,
        "Data",
        "WxH",
        "Scale files of images to this size, as in 28x28, and crop what is over.",
    )
    grayscale: bool = option(False, "Data", "", "Make files of images grey.")
    flag_missing: bool = option(
        False, "Data", "", "Tell the network which values of a table were missing."
    )
    validation: Part | None = option(
        None,
        "Data",
        "PART",
        "What to validate on: a fraction or a count to hold out, a FILE, or 0 for nothing; if left "
        "out, train holds out a tenth of 500 examples or more, compare and tune a fifth.",
        also="--val",
    )
    test: Part | None = option(
        None,
        "Data",
        "PART",
        "What to test on at the end: a fraction or a count to hold out, or a FILE.",
    )
    group_column: int | str | None = option(
        None, "Data", "NAME", "Keep rows with the same value in this column in the same part."
    )

    model: str = option("mlp", "Model", "NAME", "mlp, cnn, or FILE.toml; mlp if left out.")
    hidden: list[Count] = option(
        [128], "Model", "SIZES", "Hidden dense layers, as in 128,64; 128 if left out."
    )
    channels: list[Count] | None = option(
        None, "Model", "SIZES", "Convolutions of the cnn, as in 32,64,128; 32,64 if left out."
    )
    activation: Spec = option("relu", "Model", "NAME", "relu, tanh, gelu, …; relu if left out.")
    init: Spec | None = option(
        None,
        "Model",
        "NAME",
        "First weights: he, 'normal(0.01)', …; each layer's own if left out.",
    )
    dropout: float | None = option(
        None, "Model", "RATE", "Leave out this share of every hidden dense layer.", ge=0, lt=1
    )
    batch_norm: bool = option(False, "Model", "", "Normalize before every hidden activation.")
    weight_decay: float | None = option(
        None,
        "Model",
        "RATE",
        "Shrink weights by this, times the learning rate, in a step; 0.1 for tables if left out.",
        ge=0,
    )
    no_bias: bool = option(False, "Model", "", "Leave out the biases.")
    output_activation: Spec | None = option(
        None,
        "Model",
        "NAME",
        "Activation after the last layer, such as sigmoid; if left out, what the loss needs.",
    )
    layers: list[Spec] | None = None
    input_shape: list[Count] | None = None
    dtype: Literal["float32", "float64"] = option(
        "float32", "Model", "TYPE", "float32 or float64; float32 if left out."
    )

    loss: Spec | None = option(
        None, "Training", "NAME", "What to minimize; if left out, what fits the data."
    )
    optimizer: Spec = option(
        "adam", "Training", "NAME", "adam, 'sgd(momentum=0.9)', …; adam if left out."
    )
    learning_rate: float | None = option(
        None,
        "Training",
        "RATE",
        "Size of a step; if left out, one that suits the optimizer.",
        gt=0,
    )
    clip: float | None = option(
        None,
        "Training",
        "MOST",
        "Limit each number of a gradient to the range from -MOST to MOST.",
        gt=0,
    )
    schedule: Spec = option(
        "cosine", "Training", "NAME", "constant, cosine, 'step(10)', …; cosine if left out."
    )
    class_weights: Literal["balanced"] | None = option(
        None, "Training", "HOW", "balanced: classes count alike, however many examples they have."
    )
    augment: Spec | None = option(
        None, "Training", "HOW", "affine, 'affine(shift=2) + elastic + mix_up', …: change examples."
    )
    average: Spec | None = option(
        None, "Training", "HOW", "ema, swa, 'ema(0.99)': end with an average of the weights."
    )
    epochs: Count | None = option(
        None, "Training", "N", "Passes over the data; if left out 10, and more of small sets."
    )
    batch_size: Count | Literal["full"] = option(
        BATCH_SIZE, "Training", "N", "Examples in a step, or full; 32 if left out."
    )
    samples_per_epoch: Count | None = option(
        None, "Training", "N", "Draw N random examples for each epoch."
    )
    early_stopping: Count | None = option(
        None, "Training", "N", "Stop after N epochs without improvement, and keep the best."
    )
    on_nan: Literal["stop", "roll_back"] = option(
        "stop",
        "Training",
        "WHAT",
        "If a number is not finite: stop, or roll_back to the last good weights and halve the "
        "rate; stop if left out.",
    )
    metrics: list[str] | None = option(
        None, "Training", "NAMES", "What to report besides the loss, as in accuracy,f1."
    )
    test_each_epoch: bool = option(
        False, "Training", "", "Measure the test part after every epoch; it chooses nothing."
    )
    seed: Annotated[int, Field(ge=0)] = option(
        0, "Run", "N", "The same seed gives the same numbers; 0 if left out."
    )
    data_seed: Annotated[int, Field(ge=0)] | None = option(
        None, "Run", "N", "Seed of drawn points and held-out parts; that of the run if left out."
    )
    ensemble: Annotated[int, Field(ge=2)] | None = option(
        None, "Run", "N", "Train N networks with different seeds, which then answer together."
    )
    engine: Literal["auto", "compiled", "numpy"] = option(
        "auto", "Run", "NAME", "auto, compiled or numpy; auto if left out."
    )
    threads: Count | None = option(
        None, "Run", "N", "Threads of the compiled engine; all cores if left out."
    )
    local_steps: Count | None = option(
        None,
        "Run",
        "N",
        "With several processes: make N steps in each before they average their weights.",
    )

    @property
    def seed_of_data(self) -> int:
        """What points are drawn with, and parts held out."""
        return self.seed if self.data_seed is None else self.data_seed

    @pydantic.field_validator("*")
    @classmethod
    def _is_text(cls, value: Any) -> Any:
        """What comes from the command line may hold bytes that are no text, and files may not."""
        if isinstance(value, str) and not value.isprintable():
            try:
                value.encode()
            except UnicodeEncodeError:
                raise ValueError("is not text in UTF-8: rename the file") from None
        return value


def read_config(path: Path) -> dict[str, Any]:
    """The values in a TOML file, their names checked.

    Raises:
        ConfigError: no such file, not TOML, or a name that is no option.
    """
    values = read_toml(path)
    for name in values:
        find_option(name, f"option in {path}")
    return values


def read_whole_config(path: Path) -> TrainConfig:
    """The configuration in a TOML file that is complete, such as that of a run.

    Raises:
        ConfigError: as `read_config`; or an option is missing or has a value that cannot be.
    """
    try:
        return make_config(read_config(path))
    except ConfigError as error:
        raise error if str(path) in str(error) else ConfigError(f"{path}: {error}") from None


def find_option(name: str, kind: str = "option of train") -> str:
    """`name`, if an option is called exactly so. Raises UnknownNameError with the nearest."""
    nearest = find_name(name, TrainConfig.model_fields, kind)
    if nearest != name:
        raise UnknownNameError(f"no {kind} is called {shortened(repr(name))}; write {nearest!r}")
    return name


def read_toml(path: Path) -> dict[str, Any]:
    """A TOML file as a dictionary.

    Raises:
        ConfigError: no such file, not TOML, or more than `limits` allow.
    """
    text = read_text(path, ConfigError)
    for number, line in enumerate(text.split("\n"), start=1):
        if line.count(".") > MOST_DOTS:
            raise ConfigError(f"{path}, line {number} has over {MOST_DOTS} dots: make it two lines")
    try:
        values = tomllib.loads(text)
    except ValueError as error:  # TOMLDecodeError, or a number of too many digits
        raise ConfigError(f"{path} is not a TOML file: {shortened(str(error))}") from None
    except RecursionError:
        raise too_deep(path, ConfigError) from None
    check_values(values, path, ConfigError)
    return values


def make_config(values: dict[str, Any]) -> TrainConfig:
    """A checked configuration. Raises ConfigError, which names the option and its value."""
    return validated(TrainConfig, values)


def validated(kind: type[M], values: dict[str, Any]) -> M:
    """Values as an object of a kind. Raises ConfigError, which names each that cannot be."""
    try:
        return kind(**values)
    except pydantic.ValidationError as error:
        raise ConfigError(_say(error)) from None


def parse_option(name: str, text: str) -> Any:
    """What an option's text on the command line stands for: lists are separated by commas.

    >>> parse_option("hidden", "128,64"), parse_option("learning_rate", "1e-3")
    ([128, 64], 0.001)
    >>> parse_option("image_size", "16")
    '16'
    """
    kind = str(TrainConfig.model_fields[name].annotation)
    if "list" in kind:
        return [_number_or_text(part) for part in text.strip("[]").split(",") if part.strip()]
    return _number_or_text(text) if "int" in kind or "float" in kind else text


def _number_or_text(text: str) -> int | float | str:
    for kind in (int, float):
        try:
            return kind(text)
        except ValueError:
            continue
    return text


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
        name = str(detail["loc"][0]) if detail["loc"] else "configuration"
        given = shortened(repr(detail["input"]))
        received = "" if detail["type"] == "missing" else f"; received {given}"
        problem = NO_NUMBER.get(detail["type"]) or detail["msg"].removeprefix("Value error, ")
        problem = problem.replace("Input should", "should").replace("Field", "is")
        problems.setdefault(name, f"{name} {problem}{received}")
    return "; ".join(problems.values())
