"""Stand-ins for well-known data sets that a run reads and that are not there: arrays, or files, in
their shapes and formats, with random numbers."""

from __future__ import annotations

import builtins
import gzip
import importlib
import io
import os
import re
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path, PurePath
from typing import Any

import numpy as np

from chainrule.foreign.stand_ins.made_up_tables import table_for
from chainrule.seeding import generator
from chainrule.types import Array

TRAINING, TEST = 1200, 300  # examples
WHOLE_TRAINING, WHOLE_TEST = 60_000, 10_000  # of MNIST
WHOLE = re.compile(r"\b[56]0_?000\b")  # in code that counts on them
CLASSES = 10
IMAGES = {
    **dict.fromkeys(("mnist", "fashion_mnist", "kmnist", "emnist"), (28, 28)),
    **dict.fromkeys(("cifar10", "cifar100"), (32, 32, 3)),
}
IDX = re.compile(r"(images|labels)[-._]idx[13][-._]ubyte", re.IGNORECASE)
ABOUT_DIGITS = re.compile(r"mnist|digit|\b784\b|\b28 ?\* ?28\b", re.IGNORECASE)
TABLE_OF_DIGITS = re.compile(r"(mnist.*|train|test)\.csv", re.IGNORECASE)
HAS_HEADING = re.compile(r"""['"]label['"]|\.label\b|skiprows|skip_header|next\(|\[1:""")
PICKLED = re.compile(r"mnist(_expanded)?\.pkl\.gz", re.IGNORECASE)
FLOWERS = re.compile(r"iris\.(csv|data|txt)", re.IGNORECASE)
SPECIES = ("Iris-setosa", "Iris-versicolor", "Iris-virginica")

PICTURES = re.compile(r"(train|test)_(catvnoncat|signs|happy)\.h5", re.IGNORECASE)
DIGITS_H5 = re.compile(r"mnist.*\.(h5|hdf5)", re.IGNORECASE)
PICTURE_CLASSES = {"catvnoncat": 2, "signs": 6, "happy": 2}
PICTURE_COUNTS = {"train": 209, "test": 50}
HOUSES = (600, 8)  # rows and columns of prices of houses, in place of 20,640
OF_CHARACTERS = re.compile(r"set\(\w*(data|text|content|corpus)\w*\)|\bchars\b|char_to|vocab")
TEXT = (
    "The tide came in over the flat sand, and the birds that had waited all morning rose at once.\n"
    "Nobody had told them when it would turn. They knew it by the sound of the water.\n"
) * 30  # for networks that learn to write
POINTER = b"version https://git-lfs"  # how a file begins whose content Git has left elsewhere

Said = Callable[[str], None]

_RUNNING: list[_StandIns] = []
"""What stands in while a file runs, the last one of several."""


def images(count: int, shape: tuple[int, ...]) -> Array:
    """Images of random numbers, each around the level of its class, so that there is something to
    learn."""
    rng = generator(0, "stand-in images")
    drawn = min(count, TRAINING)
    levels = 20 * (np.arange(drawn) % CLASSES).reshape(-1, *(1 for _ in shape))
    made = np.asarray(rng.integers(0, 56, (drawn, *shape)) + levels, np.uint8)
    return np.resize(made, (count, *shape))


def labels(count: int) -> Array:
    """Class numbers, each as often as the others."""
    return np.asarray(np.arange(count) % CLASSES, np.uint8)


def data_from(function: str, values: Sequence[Any]) -> Any:
    """What a function of a module that is not installed would load; None for another one.

    Args:
        function: with its module, as ``keras.datasets.mnist.load_data``.
        values: what it is called with.
    """
    first = function.partition(".")[0]
    *modules, last = function.split(".")
    source = _RUNNING[-1].source if _RUNNING else ""
    name = modules[-1] if modules else ""
    found: Any = None
    if last == "load_data" and name in IMAGES:
        found = _loaded(IMAGES[name])
    elif re.fullmatch(r"(train|test)_(images|labels)", last):
        count = _count_of(last, source)
        found = images(count, IMAGES["mnist"]) if last.endswith("images") else labels(count)
    elif last == "convert_from_file" and values and (named := IDX.search(str(values[0]))):
        name, count = str(values[0]), _count_of(str(values[0]), source)
        found = images(count, IMAGES["mnist"]) if named[1] == "images" else labels(count)
    elif last in ("load_dataset", "load_data") and re.search(r"^lr_|_utils", first):
        training, test = (pictures_in(f"{part}_catvnoncat.h5") for part in PICTURE_COUNTS)
        found = tuple(
            array.reshape(1, -1) if array.ndim == 1 and array.dtype.kind != "S" else array
            for array in [*list(training.values())[:2], *test.values()]
        )
    elif last == "load_planar_dataset":
        found = generator(0, "stand-in flower").normal(size=(2, 400)), np.arange(400)[None] // 200
    if found is not None and _RUNNING:
        _RUNNING[-1].say(f"the data set {name}")
    return found


def pictures_in(name: str) -> dict[str, Array]:
    """What a course's file of pictures holds: pictures, their classes, the names of the classes."""
    part, kind = name.lower().split(".")[0].split("_")
    count, classes = PICTURE_COUNTS[part], PICTURE_CLASSES[kind]
    return {
        f"{part}_set_x": np.asarray(images(count, (64, 64, 3))),
        f"{part}_set_y": np.arange(count) % classes,
        "list_classes": np.array([f"class {n}" for n in range(classes)], "S10"),
    }


def digits_by_part(source: str) -> dict[str, Array]:
    """What a file of digits in HDF5 holds: rows between 0 and 1, and a column of class numbers."""
    held: dict[str, Array] = {}
    for part in ("train", "test"):
        count = _count_of(part, source)
        held[f"x_{part}"] = np.asarray(images(count, (784,)) / np.float32(255))
        held[f"y_{part}"] = np.asarray(labels(count).reshape(-1, 1), np.int32)
    return held


def _loaded(shape: tuple[int, ...]) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
    """Training and test data with images of a shape."""
    training, test = (
        (images(count, shape), _labels_as_given(count, shape)) for count in (TRAINING, TEST)
    )
    return training, test


def _labels_as_given(count: int, shape: tuple[int, ...]) -> Array:
    return labels(count) if len(shape) == 2 else labels(count).reshape(-1, 1)


# --- files ----------------------------------------------------------------------------------


def content_of(path: str, source: str) -> bytes | None:
    """What a well-known data file would hold, or a table that the code asks for; None for another
    file.

    Args:
        source: of the code that reads it, which may tell what it expects.
    """
    name = PurePath(path.replace("\\", "/")).name
    count = _count_of(name, source)
    content: bytes | None = None
    if found := IDX.search(name):
        content = _as_idx(
            images(count, (28, 28)) if found[1].lower() == "images" else labels(count)
        )
    elif name.lower() == "mnist.npz":
        content = _as_npz()
    elif TABLE_OF_DIGITS.fullmatch(name) and ABOUT_DIGITS.search(path + source):
        content = _table_of_digits(name, min(count, TRAINING), bool(HAS_HEADING.search(source)))
    elif PICKLED.fullmatch(name):
        content = b"digits"  # what reads it is handed the digits themselves
    elif FLOWERS.fullmatch(name):
        content = _table_of_flowers(name)
    elif name.endswith(".txt") and OF_CHARACTERS.search(source):
        content = TEXT.encode()
    elif "." in name:
        content = table_for(name, source)
    return gzip.compress(content, 1) if content and name.endswith(".gz") else content


def _count_of(name: str, source: str) -> int:
    """How many examples a file of this name gets: all where the code that reads it counts on them,
    else few."""
    is_test = bool(re.search(r"t10k|test", name, re.IGNORECASE))
    if WHOLE.search(source):
        return WHOLE_TEST if is_test else WHOLE_TRAINING
    return TEST if is_test else TRAINING


def _as_idx(array: Array) -> bytes:
    """The format of MNIST's files: a type, the number of axes, their lengths, the bytes."""
    lengths = b"".join(size.to_bytes(4, "big") for size in array.shape)
    return bytes([0, 0, 8, array.ndim]) + lengths + array.tobytes()


def _as_npz() -> bytes:
    stream = io.BytesIO()
    held: dict[str, Any] = {}
    for part, count in (("train", TRAINING), ("test", TEST)):
        held |= {f"x_{part}": images(count, (28, 28)), f"y_{part}": labels(count)}
    np.savez(stream, **held)
    return stream.getvalue()


def _table_of_digits(name: str, count: int, has_heading: bool) -> bytes:
    """A row for each image: its label, and its pixels; without labels in ``test.csv``."""
    pixels = images(count, (784,))
    has_labels = name.lower() != "test.csv"
    heading = [*(["label"] if has_labels else []), *(f"pixel{n}" for n in range(784))]
    rows = np.column_stack([labels(count), pixels]) if has_labels else pixels
    lines = [",".join(map(str, row)) for row in ([heading] if has_heading else []) + rows.tolist()]
    return ("\n".join(lines) + "\n").encode()


def _table_of_flowers(name: str) -> bytes:
    """The lengths and widths of sepals and petals, and the species."""
    numbers = generator(0, "stand-in flowers").normal(3.0, 1.0, (150, 4)).clip(0.1)
    lines = [
        ",".join([*(f"{number:.1f}" for number in row), SPECIES[i // 50]])
        for i, row in enumerate(numbers)
    ]
    if name.endswith(".csv"):
        lines.insert(0, "sepal_length,sepal_width,petal_length,petal_width,species")
    return ("\n".join(lines) + "\n").encode()


# --- while a file runs ----------------------------------------------------------------------


@contextmanager
def stand_in_for_data(source: str, say: Said) -> Iterator[None]:
    """Within, well-known data files that are not there are read as stand-ins.

    Args:
        source: of the file that runs.
        say: receives the name of each file that a stand-in replaces.
    """
    stand_ins = _StandIns(source, say)
    with ExitStack() as changed:
        _RUNNING.append(stand_ins)
        changed.callback(_RUNNING.remove, stand_ins)
        _put(changed, builtins, "open", stand_ins.reading(builtins.open))
        for pickles in filter(None, map(sys.modules.get, ("pickle", "_pickle"))):
            _put(changed, pickles, "load", _unpacking(pickles.load))
        for name in ("loadtxt", "genfromtxt", "fromfile"):
            _put(changed, np, name, stand_ins.parsing(getattr(np, name)))
        with suppress(ImportError):  # here, since files beside this one may use it as well
            request = importlib.import_module("urllib.request")
            _put(changed, request, "urlopen", stand_ins.downloading(request.urlopen))
        if "requests" in source:
            with suppress(ImportError):
                requests = importlib.import_module("requests")
                _put(changed, requests, "get", stand_ins.downloading(requests.get))
        if re.search("fetch_openml|fetch_california_housing", source):
            with suppress(ImportError):
                importlib.import_module("sklearn.datasets")
        datasets = sys.modules.get("sklearn.datasets")
        if datasets is not None:
            _put(changed, datasets, "fetch_openml", stand_ins.fetching())
            _put(changed, datasets, "fetch_california_housing", stand_ins.fetching_houses())
        if "h5py" in source:
            with suppress(ImportError):
                h5py = importlib.import_module("h5py")
                _put(changed, h5py, "File", stand_ins.opening_pictures(h5py.File))
                if not hasattr(h5py.Dataset, "value"):  # as it was called before version 3
                    h5py.Dataset.value = property(lambda dataset: dataset[()])
        yield


def _put(changed: ExitStack, owner: Any, name: str, value: Any) -> None:
    """Have a name stand for something else, until it is put back."""
    before = getattr(owner, name)
    setattr(owner, name, value)
    changed.callback(setattr, owner, name, before)


def _unpacking(read: Callable[..., Any]) -> Callable[..., Any]:
    """``pickle.load``, which gives the digits where their file is not there: training, validation
    and test data, rows between 0 and 1 with class numbers."""

    def unpacked(file: Any, *values: Any, **keywords: Any) -> Any:
        place = str(getattr(file, "name", ""))
        if not PICKLED.fullmatch(PurePath(place).name) or _is_there(place):
            return read(file, *values, **keywords)
        counts = (TRAINING, TEST, TEST)
        rows = [(images(n, (784,)) / 255).astype(np.float32) for n in counts]
        return tuple(zip(rows, [labels(n).astype(int) for n in counts], strict=True))

    return unpacked


def _is_there(file: str | os.PathLike[str]) -> bool:
    """True if a file can be read, and is no pointer that Git LFS has left in its place."""
    if not os.path.isfile(file):
        return os.path.exists(file)
    try:
        with Path(file).open("rb") as stream:
            return stream.read(len(POINTER)) != POINTER
    except OSError:
        return False


class _StandIns:
    """Makes functions that read stand-ins where a file is not there."""

    def __init__(self, source: str, say: Said) -> None:
        self.source, self.say = source, say

    def reading(self, read: Callable[..., Any]) -> Callable[..., Any]:
        """`open`, also for what is not there."""

        def opened(file: Any, mode: str = "r", *values: Any, **keywords: Any) -> Any:
            is_read = isinstance(file, (str, os.PathLike)) and not set(mode) & set("wax+")
            content = self.content(file) if is_read and not _is_there(file) else None
            if content is None:
                return read(file, mode, *values, **keywords)
            return _as_file(content, is_text="b" not in mode)

        return opened

    def parsing(self, parse: Callable[..., Any]) -> Callable[..., Any]:
        """`np.loadtxt`, or `np.fromfile`, also for what is not there."""
        is_text = parse is not np.fromfile

        def parsed(file: Any, *values: Any, **keywords: Any) -> Any:
            is_missing = isinstance(file, (str, os.PathLike)) and not _is_there(file)
            content = self.content(file) if is_missing else None
            if content is None:
                return parse(file, *values, **keywords)
            with _as_file(content, is_text) as stand_in:
                return parse(stand_in, *values, **keywords)

        return parsed

    def downloading(self, download: Callable[..., Any]) -> Callable[..., Any]:
        """`urlopen`, or `requests.get`, also without a network."""

        def downloaded(url: Any, *values: Any, **keywords: Any) -> Any:
            try:
                return download(url, *values, **keywords)
            except OSError:  # what both raise where nothing answers
                content = self.content(getattr(url, "full_url", url))
                if content is None:
                    raise
                return _Response(content)

        return downloaded

    def fetching(self) -> Callable[..., Any]:
        """`fetch_openml`: the digits, whatever is asked for."""

        def fetched(*values: Any, **keywords: Any) -> Any:
            self.say("what fetch_openml would load")
            data, target = images(TRAINING, (784,)).astype(float), labels(TRAINING).astype(str)
            if keywords.get("as_frame", True):
                data, target = _as_frame(data, target)
            if keywords.get("return_X_y"):
                return data, target
            return _Bunch(data=data, target=target)

        return fetched

    def fetching_houses(self) -> Callable[..., Any]:
        """`fetch_california_housing`: fewer rows."""

        def fetched(*_: Any, **keywords: Any) -> Any:
            self.say("what fetch_california_housing would load")
            rng = generator(0, "stand-in houses")
            data, target = rng.normal(3.0, 1.0, HOUSES), rng.normal(2.0, 1.0, HOUSES[0])
            if keywords.get("as_frame"):
                data, target = _as_frame(data, target)
            if keywords.get("return_X_y"):
                return data, target
            return _Bunch(data=data, target=target, feature_names=list(map(str, range(HOUSES[1]))))

        return fetched

    def opening_pictures(self, opened: Callable[..., Any]) -> Callable[..., Any]:
        """`h5py.File`, also for a course's pictures that are not there."""

        def found(file: Any, *values: Any, **keywords: Any) -> Any:
            name = PurePath(str(file).replace("\\", "/")).name
            is_of_digits = DIGITS_H5.fullmatch(name)
            if _is_there(file) or not (is_of_digits or PICTURES.fullmatch(name)):
                return opened(file, *values, **keywords)
            self.say(str(file))
            return _Opened(digits_by_part(self.source) if is_of_digits else pictures_in(name))

        return found

    def content(self, file: Any) -> bytes | None:
        """What a file would hold, said to be a stand-in."""
        if not isinstance(file, (str, os.PathLike)):
            return None
        content = content_of(str(file), self.source)
        if content is not None:
            self.say(str(file))
        return content


class _Response(io.BytesIO):
    """An answer from the network, as `urllib` and `requests` give it."""

    status = status_code = 200
    ok = True

    def __init__(self, content: bytes) -> None:
        super().__init__(content)
        self.content = content
        self.headers: dict[str, str] = {}

    @property
    def text(self) -> str:
        return self.content.decode()

    def info(self) -> dict[str, str]:
        return self.headers

    def raise_for_status(self) -> None:
        """Nothing went wrong."""

    def iter_content(self, chunk_size: int = 1024) -> Iterator[bytes]:
        yield from iter(lambda: self.read(chunk_size), b"")


def _as_file(content: bytes, is_text: bool) -> Any:
    """A real file with a content, which is gone once it is closed."""
    file = tempfile.TemporaryFile("w+b")  # noqa: SIM115  closed by the code that reads it
    file.write(content)
    file.seek(0)
    return io.TextIOWrapper(file) if is_text else file


def _as_frame(data: Array, target: Array) -> tuple[Any, Any]:
    try:
        import pandas as pd
    except ImportError:
        return data, target
    return pd.DataFrame(data), pd.Series(target)


class _Opened(dict[str, Any]):
    """Arrays by name, as an open file gives them."""

    def __enter__(self) -> _Opened:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def close(self) -> None:
        """Nothing is open."""


class _Bunch(dict[str, Any]):
    """What scikit-learn gives: entries that are attributes, too."""

    def __getattr__(self, name: str) -> Any:
        try:
            return self[name]
        except KeyError:
            raise AttributeError(name) from None
