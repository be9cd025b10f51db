"""The readers that are tortured. To add one, say how it reads a file, what valid files look like,
and what means something in the format."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Mapping
from functools import cache
from pathlib import Path
from unittest import mock

import numpy as np

import chainrule as cr
from chainrule.data.catalog import load_catalog
from chainrule.data.loading import load, load_inputs
from chainrule.data.preparation import Preparation
from chainrule.experiments import models
from chainrule.experiments.comparison import PLAN, read_comparison
from chainrule.experiments.config import read_whole_config
from chainrule.experiments.recording import read_layers
from chainrule.experiments.results import read_results
from chainrule.experiments.run_folder import read_history, read_run
from chainrule.grading.grader import Solution
from chainrule.limits import is_plain
from tests.torture import run_seeds, seeds, tokens
from tests.torture.cases import Reader, Seed
from tests.torture.seeds import (
    CONFIGURATIONS,
    IMAGES,
    LABELS,
    MAPPINGS,
    MODELS,
    RECORDS,
    SOLUTIONS,
    TABLES,
    TABLES_OF_WORDS,
    idx_bytes,
    npy_bytes,
    texts,
)


def train_on(path: Path, **options: object) -> None:
    """Load data for training, and look at what comes of it."""
    dataset = load(path, **options)  # type: ignore[arg-type]
    x, y = np.asarray(dataset.x_train[:4]), np.asarray(dataset.y_train)
    assert x.dtype == np.float32
    assert np.isfinite(x).all()
    assert len(dataset.x_train) == len(y) > 0
    assert np.isfinite(y).all()
    assert dataset.class_names is None or 0 <= y.min() <= y.max() < len(dataset.class_names)


def predict_on(path: Path) -> None:
    """Load data for prediction by a network that takes three features."""
    inputs = load_inputs(path, Preparation(shape=(3,), class_names=("a", "b")))
    assert np.isfinite(inputs.x).all()
    assert inputs.y is None or len(inputs.x) == len(inputs.y)


@cache
def preparation_of_words() -> Preparation:
    """Of a network that was trained on a table of numbers and words."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        path.write_text(TABLES_OF_WORDS[0])
        return load(path).preparation


def match_columns(path: Path) -> None:
    """Load a table for prediction by a network that was trained on another."""
    inputs = load_inputs(path, preparation_of_words())
    assert np.isfinite(inputs.x).all()
    assert inputs.ids is None or len(inputs.ids) == len(inputs.x)


def read_mapping(path: Path) -> None:
    """Load a set of the catalog whose class names stand in a file."""
    names = load_catalog("emnist47", path.parent).class_names
    assert names is not None
    assert all(map(is_plain, names))


def build_network(path: Path) -> None:
    """Build what a file describes. A user may have more memory than a case: what is let through
    here takes a tenth of that at the most."""
    with mock.patch.object(models, "LARGEST_NETWORK", 6_000_000):
        models.read_network(path)


def fill_network(path: Path) -> None:
    """Fill a network with weights of PyTorch."""
    cr.from_torch(path, seeds.small_network())


def fill_from_keras(path: Path) -> None:
    """Fill a network with weights of Keras."""
    cr.from_keras(path, seeds.small_network())


def beside(files: Mapping[str, bytes]) -> Callable[[Path], None]:
    """Puts valid files beside the mutated one."""

    def write(folder: Path) -> None:
        for name, content in files.items():
            (folder / name).write_bytes(content)

    return write


EMNIST = {
    f"emnist47-{part}-{kind}-ubyte": idx_bytes(array)
    for part in ("train", "test")
    for kind, array in (("images-idx3", np.zeros((6, 28, 28), np.uint8)), ("labels-idx1", LABELS))
}


def read_whole_run(path: Path) -> None:
    """Read all that is in a run folder, as a report does before it draws."""
    run, history = read_run(path.parent), read_history(path.parent)
    read_layers(path.parent / "layers.jsonl", len(run.network.layers))
    assert len(history) == len(history["loss"])


def read_whole_comparison(path: Path) -> None:
    """Read a comparison, and say in words what it gave."""
    comparison, results = read_comparison(path.parent / PLAN), read_results(path.parent)
    assert comparison.tasks()
    results.judgement()
    results.costs()
    results.sentences()


def run_reader(name: str) -> Reader:
    """Of one file of a run folder, beside the others."""
    return Reader(
        read_whole_run,
        name,
        lambda: [Seed(run_seeds.run_files()[name])],
        tokens.TOML if name.endswith("toml") else tokens.JSON,
        lambda folder: beside(run_seeds.run_files())(folder),
    )


def comparison_reader(name: str) -> Reader:
    """Of one file of a comparison, beside the others."""
    return Reader(
        read_whole_comparison,
        name,
        lambda: [Seed(run_seeds.comparison_files()[name])],
        tokens.TOML if name.endswith("toml") else tokens.JSON,
        whole_comparison,
    )


def whole_comparison(folder: Path) -> None:
    """Write a comparison with its runs."""
    for name, content in run_seeds.comparison_files().items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(content)


READERS = {
    "idx-images": Reader(
        train_on,
        "mine-images-idx3-ubyte",
        lambda: seeds.idx(IMAGES),
        tokens.IDX,
        beside({"mine-labels-idx1-ubyte": idx_bytes(LABELS)}),
    ),
    "idx-labels": Reader(
        lambda path: train_on(path.with_name("mine-images-idx3-ubyte")),
        "mine-labels-idx1-ubyte",
        lambda: seeds.idx(LABELS),
        tokens.IDX,
        beside({"mine-images-idx3-ubyte": idx_bytes(IMAGES)}),
    ),
    "npy": Reader(
        lambda path: train_on(path.parent),
        "x.npy",
        lambda: seeds.npy(IMAGES),
        tokens.NPY,
        beside({"y.npy": npy_bytes(LABELS)}),
    ),
    "npy-labels": Reader(
        lambda path: train_on(path.parent),
        "y.npy",
        lambda: seeds.npy(LABELS),
        tokens.NPY,
        beside({"x.npy": npy_bytes(IMAGES)}),
    ),
    "npz": Reader(train_on, "set.npz", seeds.npz, (*tokens.NPY, *tokens.ZIP)),
    "csv": Reader(train_on, "table.csv", texts(*TABLES), tokens.CSV),
    "csv-numbers": Reader(
        lambda path: train_on(path, label_column=-1, task="regression"),
        "table.csv",
        texts(*TABLES),
        tokens.CSV,
    ),
    "csv-words": Reader(train_on, "table.csv", texts(*TABLES_OF_WORDS), tokens.CSV),
    "csv-zstd": Reader(train_on, "table.csv.zst", seeds.zstd, (*tokens.ZSTD, *tokens.CSV)),
    "csv-columns": Reader(match_columns, "table.csv", texts(*TABLES_OF_WORDS), tokens.CSV),
    "json-lines": Reader(train_on, "table.jsonl", texts(*RECORDS), tokens.JSON),
    "csv-inputs": Reader(predict_on, "table.csv", texts(*TABLES), tokens.CSV),
    "images": Reader(
        lambda path: train_on(path.parent.parent), "cat/a.png", seeds.images, tokens.IMAGE
    ),
    "mapping": Reader(read_mapping, "emnist47-mapping.txt", texts(*MAPPINGS), (), beside(EMNIST)),
    "configuration": Reader(
        read_whole_config,
        "train.toml",
        texts(*CONFIGURATIONS),
        (*tokens.TOML, *tokens.DESCRIPTIONS),
    ),
    "model": Reader(
        build_network, "model.toml", texts(*MODELS), (*tokens.TOML, *tokens.DESCRIPTIONS)
    ),
    "solution": Reader(Solution.read, "solution.py", texts(*SOLUTIONS), tokens.PYTHON),
    "weights": Reader(
        cr.load,
        "model.safetensors",
        lambda: [
            Seed(model := run_seeds.run_files()["model.safetensors"]),
            Seed(run_seeds.in_the_first_format(model)),
        ],
    ),
    "architecture": Reader(
        cr.load,
        "model.safetensors",
        lambda: run_seeds.documents(run_seeds.run_files()["model.safetensors"]),
        tokens.JSON,
    ),
    "checkpoint": Reader(
        run_seeds.resume_from,
        "checkpoint-00003-000000.safetensors",
        lambda: [
            Seed(run_seeds.checkpoint_bytes()),
            *run_seeds.documents(run_seeds.checkpoint_bytes()),
            *run_seeds.documents(run_seeds.checkpoint_bytes(), "settings", "environment"),
        ],
        tokens.JSON,
    ),
    "onnx": Reader(cr.from_onnx, "model.onnx", seeds.onnx_models, tokens.ONNX),
    "torch-weights": Reader(fill_network, "weights.safetensors", seeds.torch_weights, tokens.JSON),
    "keras-weights": Reader(fill_from_keras, "model.weights.h5", seeds.keras_weights, tokens.HDF5),
    **{name: run_reader(name) for name in ("summary.json", "metrics.jsonl", "layers.jsonl")},
    "config.toml": run_reader("config.toml"),
    **{name: comparison_reader(name) for name in ("results.json", "comparison.toml")},
}
