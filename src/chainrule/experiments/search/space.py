"""What a search may choose from: for each setting a range, or the values written down.

learning_rate=1e-4..1e-1:log    any number between, small and large ones alike often
dropout=0..0.5                  any number between
epochs=5..20                    any whole number between
hidden=32|64|128,64             one of these
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, get_args

from chainrule.errors import ConfigError
from chainrule.experiments.config import TrainConfig, find_option, parse_option
from chainrule.limits import shortened

PANELS = ("Model", "Training")  # of the options that may be searched
JUDGES = ("metrics", "loss")  # they decide by what trials are judged: one way for all of them
FORMS = "learning_rate=1e-4..1e-1:log or hidden=32|64|128"
SWITCH = {"true": True, "false": False}

Number = int | float
Parameters = dict[str, Any]  # what Optuna keeps of a trial: numbers, and values as they are written


@dataclass(frozen=True)
class Range:
    """A number from `low` to `high`; with `log`, every power of ten is as likely as another."""

    name: str
    text: str
    low: Number
    high: Number
    log: bool

    @property
    def ends(self) -> list[str]:
        """The values that show whether the option can have them all."""
        return [str(self.low), str(self.high)]

    def suggest(self, trial: Any) -> Number:
        """Have Optuna choose a value."""
        suggest = trial.suggest_int if isinstance(self.low, int) else trial.suggest_float
        return suggest(self.name, self.low, self.high, log=self.log)

    def describe(self) -> str:
        """In words."""
        log = ", on a logarithmic scale" if self.log else ""
        return f"{self.name} from {self.low:g} to {self.high:g}{log}"


@dataclass(frozen=True)
class Choices:
    """One of several values, as they are written on the command line."""

    name: str
    text: str
    values: tuple[str, ...]

    @property
    def ends(self) -> list[str]:
        """The values that show whether the option can have them all."""
        return list(self.values)

    def suggest(self, trial: Any) -> str:
        """Have Optuna choose a value."""
        return trial.suggest_categorical(self.name, self.values)

    def describe(self) -> str:
        """In words."""
        return f"{self.name} among {' | '.join(self.values)}"


Setting = Range | Choices


def parse_space(texts: Sequence[str]) -> tuple[Setting, ...]:
    """The settings to search, each as `parse_setting` reads it, in the order of their names."""
    settings = [parse_setting(text) for text in texts]
    if not settings:
        raise ConfigError(f"search which settings? --search {FORMS}")
    names = [setting.name for setting in settings]
    for name in names:
        if names.count(name) > 1:
            raise ConfigError(f"{name} is searched twice: write one --search for it")
    return tuple(sorted(settings, key=lambda setting: setting.name))


def parse_setting(text: str) -> Setting:
    """``NAME=LOW..HIGH``, ``NAME=LOW..HIGH:log`` or ``NAME=A|B|C`` as what may be chosen.

    Raises:
        ConfigError: it is none of these, or the option is none that can be searched.

    >>> parse_setting("learning-rate=1e-4..0.1:log")
    Range(name='learning_rate', text='learning_rate=1e-4..0.1:log', low=0.0001, high=0.1, log=True)
    >>> parse_setting("hidden=32|128,64").values
    ('32', '128,64')
    """
    written, equals, values = text.partition("=")
    name, values = written.strip().replace("-", "_"), values.strip()
    if not equals or not values:
        raise ConfigError(f"write --search {FORMS}; received {shortened(repr(text))}")
    _check_searchable(find_option(name))
    text = f"{name}={values}"
    return _range(name, text, values) if ".." in values else _choices(name, text, values)


def options_of(parameters: Parameters) -> dict[str, Any]:
    """What Optuna has chosen as options of `train`.

    >>> options_of({"hidden": "128,64", "learning_rate": 0.01, "batch_norm": "true"})
    {'hidden': [128, 64], 'learning_rate': 0.01, 'batch_norm': True}
    """
    return {name: _option(name, str(value)) for name, value in parameters.items()}


def corners(space: Sequence[Setting]) -> Iterator[dict[str, Any]]:
    """Options that cannot be where a part of the space cannot be, one setting at a time."""
    for setting in space:
        for text in setting.ends:
            yield options_of({setting.name: text})


def _check_searchable(name: str) -> None:
    place = TrainConfig.model_fields[name].json_schema_extra
    if not isinstance(place, dict) or place["panel"] not in PANELS or name in JUDGES:
        raise ConfigError(
            f"{name} cannot be searched: it decides by what trials are judged, and that is the "
            "same for all; search settings of the model or the training"
        )


def _range(name: str, text: str, values: str) -> Range:
    ends, _, scale = values.partition(":")
    kind = _number_kind(name)
    if kind is None:
        raise ConfigError(f"{name} is no number: write its values, as in {name}=A|B; not {text!r}")
    if scale.strip() not in ("", "log"):
        raise ConfigError(f"after the range only :log may stand; received {text!r}")
    try:
        low, high = (kind(end) for end in ends.split("..", 1))
    except ValueError:
        number = "whole number" if kind is int else "number"
        raise ConfigError(
            f"{name} is searched from one {number} to another, as in {FORMS.split(' or ')[0]}; "
            f"received {shortened(repr(text))}"
        ) from None
    if not (math.isfinite(low) and math.isfinite(high) and low < high):
        raise ConfigError(f"a range goes from a smaller number to a larger one; received {text!r}")
    is_log = bool(scale.strip())
    if is_log and low <= 0:
        raise ConfigError(
            f"a logarithmic scale has no 0 and nothing below it: begin above 0, or leave out :log; "
            f"received {text!r}"
        )
    return Range(name, text, low, high, is_log)


def _choices(name: str, text: str, values: str) -> Choices:
    parts = tuple(part.strip() for part in values.split("|"))
    if len(parts) < 2 or not all(parts):
        option = f"--{name.replace('_', '-')}"
        raise ConfigError(
            f"a search needs a range or several values, as in {FORMS}; received "
            f"{shortened(repr(text))}; a single value is given with {option}"
        )
    options = [_option(name, part) for part in parts]
    if any(option in options[:place] for place, option in enumerate(options)):
        raise ConfigError(f"the same value stands twice in {text!r}")
    return Choices(name, text, parts)


def _option(name: str, text: str) -> Any:
    if TrainConfig.model_fields[name].annotation is bool:
        if text not in SWITCH:
            raise ConfigError(f"{name} is true or false; received {shortened(repr(text))}")
        return SWITCH[text]
    return parse_option(name, text)


def _number_kind(name: str) -> type[int] | type[float] | None:
    """What kind of number an option takes, be it in a list; None if it takes none."""
    kinds = set(_types_in(TrainConfig.model_fields[name].annotation))
    return float if float in kinds else int if int in kinds else None


def _types_in(annotation: Any) -> Iterator[Any]:
    yield annotation
    for inner in get_args(annotation):
        yield from _types_in(inner)
