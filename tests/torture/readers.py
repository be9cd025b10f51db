"""The readers that are tortured. To add one, say how it reads a file, what valid files look like,
and what means something in the format."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from unittest import mock

import numpy as np

from chainrule.check.grading import Solution
from chainrule.data.catalog import load_catalog
from chainrule.data.loading import load, load_inputs
from chainrule.data.preparation import Preparation
from chainrule.experiments import models
from chainrule.experiments.config import read_whole_config
from chainrule.limits import is_plain
from tests.torture import seeds
from tests.torture.cases import Reader
from tests.torture.seeds import (
    CONFIGURATIONS,
    IMAGES,
    LABELS,
    MAPPINGS,
    MODELS,
    SOLUTIONS,
    TABLES,
    idx_bytes,
    npy_bytes,
    texts,
)

IDX_TOKENS = (b"\x1f\x8b", b"\0\0\x08\1", b"\0\0\x08\3", b"\0\0\x0e\xff", b"\xff\xff\xff\xff")
NPY_TOKENS = (
    *(b"\x93NUMPY", b"\1\0", b"\2\0", b"\3\0", b"'descr'", b"'shape'", b"True", b"(", b")", b"{"),
    *(b"'|O'", b"'<M8[ns]'", b"'<f2'", b"'<c16'", b"'|V8'", b"('<f4', (1000000000,))", b"'<f16'"),
    *(b"(-1,)", b"(9223372036854775807,)", b"(0, 9223372036854775807)", b"(4294967296,) * 2"),
    *(b"[" * 300, b"-" * 3000, b"(4L, 3L)", b"\\N{x}", b"# -*- coding: x -*-\n"),
)
ZIP_TOKENS = (b"PK\3\4", b"PK\1\2", b"PK\5\6", b"PK\6\6", b"PK\6\7", b"../x.npy", b"\x01\0\x1c\0")
CSV_TOKENS = (
    *(b",", b"\n", b"\r", b'"', b'""', b";", b"\t", b"\0", b"\xef\xbb\xbf", b"\xff\xfe", b"\xc3"),
    *(b"nan", b"-inf", b"1e308", b"1e-400", b"0x10", b"1_0", b"label", b"=1+1", b" ", b"-", b"+1"),
    *("\u0661\u0662".encode(), "\u2028".encode(), b"9" * 400, b"," * 5000, b"1," * 5000),
)
IMAGE_TOKENS = (
    *(b"IHDR", b"IDAT", b"IEND", b"PLTE", b"tRNS", b"iCCP", b"zTXt", b"iTXt", b"eXIf", b"acTL"),
    *(b"\xff\xd8", b"\xff\xd9", b"\xff\xc0", b"\xff\xc2", b"\xff\xda", b"\xff\xe1", b"\xff\xdd"),
    *(b"\x7f\xff\xff\xff", b"\0\0\x80\0", b"Exif\0\0", b"MPF\0", b"GIF89a", b"BM"),
)
TOML_TOKENS = (
    *(b"[", b"]", b"[[", b"{", b"}", b"=", b".", b",", b"\n", b'"', b"'", b'"""', b"'''", b"#"),
    *(b"\\u0000", b"\\uD800", b"\\UFFFFFFFF", b"nan", b"-inf", b"1979-05-27", b"07:32:00", b"true"),
    *(b"[" * 2000, b"{a=" * 2000, b"a." * 2000, b"[" + b"a." * 2000 + b"a]\n", b"a=[[[[1]]]]\n"),
    *(b"''", b"[]", b"{}", b"[1.5]", b'["x"]', b"{type = 'ReLU'}", b"{type = 'L2'}", b"'dense(2)'"),
)
SPEC_TOKENS = (
    *(b"dense(", b"conv2d(", b"residual(", b"relu", b")", b"type", b"shared", b"layer", b"=", b"*"),
    *(b"(" * 150, b"-" * 900, b"()" * 400, b"1e400", b"2j", b"b'x'", b"...", b"{[]: 1}", b"**x"),
    *(b"initializer", b"normal(", b"l2(", b"padding", b"'same'", b"kernel_size", b"None", b"False"),
)
PYTHON_TOKENS = (
    *(
        b"def ",
        b"backward",
        b"class ",
        b"return ",
        b"lambda ",
        b":\n",
        b"    ",
        b"\t",
        b"\f",
        b"\\\n",
    ),
    *(b"(" * 300, b"-" * 5000, b"x." * 5000, b"not " * 5000, b"\0", b"9" * 5000, b"# coding: x\n"),
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
    x, y = load_inputs(path, Preparation(shape=(3,)), class_names=("a", "b"))
    assert np.isfinite(x).all()
    assert y is None or len(x) == len(y)


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

READERS = {
    "idx images": Reader(
        train_on,
        "mine-images-idx3-ubyte",
        lambda: seeds.idx(IMAGES),
        IDX_TOKENS,
        beside({"mine-labels-idx1-ubyte": idx_bytes(LABELS)}),
    ),
    "idx labels": Reader(
        lambda path: train_on(path.with_name("mine-images-idx3-ubyte")),
        "mine-labels-idx1-ubyte",
        lambda: seeds.idx(LABELS),
        IDX_TOKENS,
        beside({"mine-images-idx3-ubyte": idx_bytes(IMAGES)}),
    ),
    "npy": Reader(
        lambda path: train_on(path.parent),
        "x.npy",
        lambda: seeds.npy(IMAGES),
        NPY_TOKENS,
        beside({"y.npy": npy_bytes(LABELS)}),
    ),
    "npy labels": Reader(
        lambda path: train_on(path.parent),
        "y.npy",
        lambda: seeds.npy(LABELS),
        NPY_TOKENS,
        beside({"x.npy": npy_bytes(IMAGES)}),
    ),
    "npz": Reader(train_on, "set.npz", seeds.npz, (*NPY_TOKENS, *ZIP_TOKENS)),
    "csv": Reader(train_on, "table.csv", texts(*TABLES), CSV_TOKENS),
    "csv numbers": Reader(
        lambda path: train_on(path, label_column=-1, task="regression"),
        "table.csv",
        texts(*TABLES),
        CSV_TOKENS,
    ),
    "csv inputs": Reader(predict_on, "table.csv", texts(*TABLES), CSV_TOKENS),
    "images": Reader(
        lambda path: train_on(path.parent.parent), "cat/a.png", seeds.images, IMAGE_TOKENS
    ),
    "mapping": Reader(read_mapping, "emnist47-mapping.txt", texts(*MAPPINGS), (), beside(EMNIST)),
    "configuration": Reader(
        read_whole_config,
        "train.toml",
        texts(*CONFIGURATIONS),
        (*TOML_TOKENS, *SPEC_TOKENS),
    ),
    "model": Reader(build_network, "model.toml", texts(*MODELS), (*TOML_TOKENS, *SPEC_TOKENS)),
    "solution": Reader(Solution.read, "solution.py", texts(*SOLUTIONS), PYTHON_TOKENS),
}
