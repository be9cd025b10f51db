"""What run folders and comparisons keep as JSON: one description of each file, by which it is
written, and by which it is read as if a stranger had sent it."""

from __future__ import annotations

import json
import math
from contextlib import suppress
from pathlib import Path
from typing import Annotated, Any, TypeVar

import pydantic
from pydantic import BeforeValidator, TypeAdapter

from chainrule.errors import ChainruleError
from chainrule.files import whole_file
from chainrule.limits import shortened

T = TypeVar("T")
MOST_BYTES = 1 << 28  # of a file: that of a million epochs has half as many

# JSON knows no NaN and no infinity: they are written as null, and null is read as NaN.
Number = Annotated[float, BeforeValidator(lambda value: math.nan if value is None else value)]
Numbers = dict[str, Number]


class Stored(pydantic.BaseModel):
    """The base of everything that is kept as JSON."""

    model_config = pydantic.ConfigDict(extra="ignore", frozen=True, strict=True)


class RunSummary(Stored):
    """The content of `summary.json`."""

    data: str
    last_epoch: Numbers
    kept_epoch: Numbers | None = None  # whose weights the model has; not known of earlier versions
    epochs: int
    stopped: str | None
    parameters: int
    seed: int
    versions: dict[str, str]
    processor: str | None = None  # of runs of earlier versions it is not known
    test: Numbers | None = None
    predict_seconds: float | None = None
    seconds: float = 0.0
    finished: bool = True
    warnings: list[str] = []


class LayerRecord(Stored):
    """What one layer looked like after an epoch; None for what it does not have."""

    gradient_norm: float | None
    mean: Number
    std: Number
    zero: Number
    saturated: float | None


class LayersRecord(Stored):
    """A line of `layers.jsonl`."""

    epoch: int
    layers: list[LayerRecord]


def as_json(value: Any, indent: int | None = None) -> bytes:
    """Plain data or something stored as JSON, without NaN and infinity."""
    plain = value.model_dump() if isinstance(value, Stored) else value
    return json.dumps(storable(plain), indent=indent, allow_nan=False).encode() + b"\n"


def storable(value: Any) -> Any:
    """Plain data without what JSON does not have: NaN and infinity become None, and bytes of a name
    that are no UTF-8 are spelt out."""
    if isinstance(value, dict):
        return {storable(key): storable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [storable(item) for item in value]
    if isinstance(value, str):
        return value.encode("utf-8", "backslashreplace").decode()
    return None if isinstance(value, float) and not math.isfinite(value) else value


def write_json(path: Path, value: Any) -> None:
    """Write a JSON file, whole or not at all. Raises OutputError."""
    with whole_file(path) as file:
        file.write(as_json(value, indent=2))


def read_json(path: Path, kind: type[T], error: type[ChainruleError]) -> T:
    """What a JSON file holds. Raises `error` where it is missing, damaged, or of another kind."""
    return parse(path, kind, read_bytes(path, error), error)


def read_lines(path: Path, kind: type[T], error: type[ChainruleError]) -> list[T]:
    """What each line of a file holds. Raises `error` as `read_json` does."""
    lines = read_bytes(path, error).splitlines()
    adapter = TypeAdapter(list[kind])  # type: ignore[valid-type]
    return parse(path, adapter, b"[" + b",".join(lines) + b"]", error)


def read_whole_lines(path: Path, kind: type[T]) -> list[T]:
    """What each line holds that was written whole: a process that was killed, or whose disk was
    full, may have left the last one half-written."""
    found = []
    for line in path.read_bytes().splitlines() if path.exists() else ():
        with suppress(pydantic.ValidationError):
            found.append(TypeAdapter(kind).validate_json(line))
    return found


def parse(
    path: Path, kind: type[T] | TypeAdapter[T], content: bytes, error: type[ChainruleError]
) -> T:
    """JSON as an object of the kind expected."""
    adapter = kind if isinstance(kind, TypeAdapter) else TypeAdapter(kind)
    try:
        return adapter.validate_json(content)
    except pydantic.ValidationError as problem:
        first = problem.errors(include_url=False, include_input=False)[0]
        place = shortened(".".join(map(str, first["loc"])))
        where = f" at {place}" if place else ""
        raise error(
            f"{path} is damaged, or was written by another version: {first['msg']}{where}"
        ) from None


def read_bytes(path: Path, error: type[ChainruleError]) -> bytes:
    """The content of a file of a size that can be meant."""
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise error(f"{path} has {size:,} bytes, and at most {MOST_BYTES:,} are read")
        return path.read_bytes()
    except OSError as problem:
        if isinstance(problem, ChainruleError):
            raise
        raise error(f"{path} cannot be read: {problem.strerror or problem}") from None
