"""Arrays and a JSON document in one safetensors file: written whole or not at all, with a checksum,
and read as if a stranger had sent it. Nothing in the file is code."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from chainrule.errors import ChainruleError, ModelFileError
from chainrule.extras import packages_for
from chainrule.files import whole_file
from chainrule.types import Array

FORMAT = 2
DOCUMENT = "chainrule"  # the entry of the file's metadata
CHECKSUM = "sha256"  # and an entry of the document
# What reading a file raises when its bytes are not what they were.
DAMAGE = (
    ArithmeticError,
    AttributeError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
)


def write_tensors(path: Path, tensors: Mapping[str, Array], document: Mapping[str, Any]) -> None:
    """Write named arrays and a document of plain data.

    Raises:
        OutputError: the file cannot be written.
    """
    with packages_for("a model file"):
        from safetensors.numpy import save

    described = {"format": FORMAT, **document}
    described[CHECKSUM] = checksum(tensors, described)
    # A single entry: the order of several is another in every process.
    metadata = {DOCUMENT: json.dumps(described)}
    content = save({name: np.ascontiguousarray(array) for name, array in tensors.items()}, metadata)
    with whole_file(path) as file:
        file.write(content)


def read_tensors(
    path: Path, error: type[ChainruleError] = ModelFileError
) -> tuple[dict[str, Array], dict[str, Any]]:
    """The arrays and the document in a file that `write_tensors` wrote.

    Args:
        error: what to raise where the file is missing, of another kind, or damaged.
    """
    with packages_for("a model file"):
        from safetensors import SafetensorError, safe_open

    if not path.is_file():
        raise error(f"{path}: no such file")
    try:
        with safe_open(os.fspath(path), framework="numpy") as file:
            metadata = file.metadata() or {}
            tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    except (SafetensorError, OSError, *DAMAGE) as damage:
        raise error(f"{path} is not a model file, or is damaged: {damage}") from None
    if DOCUMENT not in metadata:
        raise error(f"{path} is a safetensors file, but was not saved by chainrule")
    try:
        document = json.loads(metadata[DOCUMENT])
        version = int(document["format"])
        is_newer = version > FORMAT
    except DAMAGE as damage:
        raise error(f"{path} is damaged: its header cannot be read: {damage}") from None
    if is_newer:
        raise error(
            f"{path} has format {version}, this version reads up to {FORMAT}: "
            "open it with the version of chainrule that wrote it"
        )
    expected = document.pop(CHECKSUM, None)
    # Files of the first format had no checksum.
    if (expected is not None or version != 1) and expected != checksum(tensors, document):
        raise error(
            f"{path} is damaged: its content is not what was written (the checksum differs); "
            "use another copy"
        )
    return tensors, document


def checksum(tensors: Mapping[str, Array], document: Mapping[str, Any]) -> str:
    """SHA-256 of a document's text and of every array with its name, type and shape."""
    digest = hashlib.sha256(json.dumps(document).encode())
    for name, array in sorted(tensors.items()):
        digest.update(f"{name} {array.dtype.str} {array.shape}".encode())
        digest.update(np.ascontiguousarray(array).data.cast("B") if array.size else b"")
    return digest.hexdigest()
