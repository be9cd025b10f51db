"""What judge and worker tell each other: JSON, and beside it arrays as safetensors.

Both formats hold data alone, so that reading a message runs nothing, and both are read within
bounds. A message is two lengths of eight bytes each, the JSON, and the arrays.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save

from chainrule.errors import ChainruleError
from chainrule.types import Array

LENGTHS = struct.Struct(">QQ")
LONGEST_TEXT = 4 * 2**20  # bytes
LARGEST_ARRAYS = 256 * 2**20


class MessageError(ChainruleError):
    """What was received is no message, or one that is too large."""


@dataclass(frozen=True)
class Message:
    """One message.

    Args:
        body: what JSON can hold.
        arrays: of numbers, by name.
    """

    body: dict[str, Any]
    arrays: Mapping[str, Array] = field(default_factory=dict)

    def packed(self) -> bytes:
        """The message as bytes."""
        text = json.dumps(self.body).encode()
        arrays = {name: np.asarray(array, order="C") for name, array in self.arrays.items()}
        data = save(arrays) if arrays else b""
        return LENGTHS.pack(len(text), len(data)) + text + data


def read_message(read: Callable[[int], bytes]) -> Message:
    """The next message.

    Args:
        read: gives the next so many bytes.
    Raises:
        MessageError: what comes is none.
    """
    text_length, data_length = LENGTHS.unpack(read(LENGTHS.size))
    if text_length > LONGEST_TEXT or data_length > LARGEST_ARRAYS:
        raise MessageError(
            f"a message of {text_length + data_length:,} bytes, where {LONGEST_TEXT:,} of text and "
            f"{LARGEST_ARRAYS:,} of arrays are the most"
        )
    return Message(_body(read(text_length)), _arrays(read(data_length)) if data_length else {})


def _body(text: bytes) -> dict[str, Any]:
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):  # the latter for brackets in brackets
        raise MessageError("what was received is no JSON") from None
    if not isinstance(body, dict):
        raise MessageError(f"JSON with a {type(body).__name__} in the place of an object")
    return body


def _arrays(data: bytes) -> dict[str, Array]:
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, TypeError, KeyError):
        raise MessageError("what was received are no arrays") from None
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise MessageError(f"{name!r} holds no real numbers, but {array.dtype}")
    return arrays
