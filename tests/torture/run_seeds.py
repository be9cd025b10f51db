"""Valid files of a run and of a comparison, made by chainrule itself."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import safe_open
from safetensors.numpy import save

import chainrule as cr
from chainrule.checkpoint import Checkpoints, read_checkpoint
from chainrule.experiments.comparison import Comparison, run_comparison
from chainrule.tensor_file import CHECKSUM, DOCUMENT, checksum
from tests.torture.cases import Seed

X, Y = np.eye(4, dtype=np.float32), np.array([0, 1, 1, 0])
OPTIONS: dict[str, Any] = {"epochs": 2, "batch_size": 2, "metrics": ["accuracy"], "quiet": True}


@cache
def comparison_files() -> Mapping[str, bytes]:
    """The files of a comparison of two runs, by their places in its folder."""
    with tempfile.TemporaryDirectory() as folder, ThreadPoolExecutor(1) as pool:
        variants = {"small": {"hidden": [2]}, "large": {"hidden": [3]}}
        base = {"data": "xor", "epochs": 2, "samples": 20, "engine": "numpy"}
        run_comparison(Comparison(base, variants, (0,)), Path(folder), pool)
        files = (path for path in Path(folder).rglob("*") if path.is_file())
        return {str(path.relative_to(folder)): path.read_bytes() for path in files}


@cache
def run_files() -> Mapping[str, bytes]:
    """The files of one of its runs, by name."""
    place = "runs/small/seed-0/"
    files = comparison_files().items()
    return {name.removeprefix(place): data for name, data in files if name.startswith(place)}


def network() -> cr.Network:
    """A network with something of everything that a file holds."""
    layers = [cr.Dense(3), cr.BatchNorm(), cr.Residual([cr.ReLU(), cr.Dense(3)]), cr.Dense(2)]
    return cr.Network(layers, 4, engine="numpy")


@cache
def checkpoint_bytes() -> bytes:
    """The checkpoint at the end of a small training."""
    with tempfile.TemporaryDirectory() as folder:
        network().fit(X, Y, **OPTIONS, checkpoint=folder)
        return Checkpoints(folder).files()[0].read_bytes()


def resume_from(path: Path) -> None:
    """Go on from a checkpoint, which is the newest in its folder."""
    read_checkpoint(path)
    network().fit(X, Y, **OPTIONS, checkpoint=path.parent, resume=True)


def in_the_first_format(content: bytes) -> bytes:
    """A model file as it was before there were checksums."""
    tensors, document = opened(content)
    del document[CHECKSUM]
    return save(tensors, {DOCUMENT: json.dumps({**document, "format": 1})})


def documents(content: bytes, *kept: str) -> list[Seed]:
    """The document of a file, to be mutated by itself, but for what is kept; the file is then made
    whole again, its checksum too, so that nothing but its meaning is wrong."""
    tensors, document = opened(content)
    del document[CHECKSUM]
    right = {name: document.pop(name) for name in kept}
    return [Seed(json.dumps(document).encode(), packer(tensors, right))]


def packer(tensors: Mapping[str, np.ndarray], right: Mapping[str, Any]) -> Callable[[bytes], bytes]:
    """Makes a file of a document and these arrays."""

    def pack(text: bytes) -> bytes:
        try:
            document = json.loads(text) | right
            document[CHECKSUM] = checksum(tensors, document)
            text = json.dumps(document).encode()
        except (ValueError, TypeError, RecursionError):
            pass  # no document any more: its text stands in its place
        return save(dict(tensors), {DOCUMENT: text.decode("utf-8", "replace")})

    return pack


def opened(content: bytes) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """The arrays and the document of a file."""
    with tempfile.NamedTemporaryFile() as stored:
        stored.write(content)
        stored.flush()
        with safe_open(stored.name, framework="numpy") as file:
            document = json.loads(file.metadata()[DOCUMENT])
            return {name: file.get_tensor(name) for name in list(file.keys())}, document
