"""Known sets by name: bundled with chainrule, found on this machine, or downloaded.

A set is looked for in the data folder (the argument, or the environment variable
CHAINRULE_DATA), in ``FOLDER/NAME/`` and then in ``FOLDER`` itself; then in the cache; then it
is downloaded there. Local copies may be compressed or not, and recompressed, so they are
held to the checks of the IDX reader; what is downloaded is held to its checksum.
"""

from __future__ import annotations

import os
import shutil
import string
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from chainrule.configurable import find_name
from chainrule.data.dataset import Dataset
from chainrule.data.download import Remote, fetch
from chainrule.data.preparation import Preparation
from chainrule.data.readers.idx import FILE_NAME, USUAL_NAMES, find_idx_files, read_idx_parts
from chainrule.data.readers.raw import Examples
from chainrule.data.tables.labels import class_numbers
from chainrule.errors import DataError, DownloadError, OutputError
from chainrule.files import cache_folder, make_folder, whole_file
from chainrule.limits import is_plain, read_text
from chainrule.seeding import generator
from chainrule.types import Array

BUNDLED_DIGITS = Path(__file__).with_name("bundled") / "digits.npz"
DIGIT_PIXELS = 16

DIGITS = tuple(string.digits)
LETTERS = tuple(string.ascii_uppercase)
BY_CLASS = DIGITS + LETTERS + tuple(string.ascii_lowercase)
BY_MERGE = DIGITS + LETTERS + tuple("abdefghnqrt")
"""15 lower-case letters look like their capitals and share their class."""

FASHION = (
    *("T-shirt/top", "Trouser", "Pullover", "Dress", "Coat"),
    *("Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"),
)


@dataclass(frozen=True)
class CatalogEntry:
    """A set that is known by name. `source` says whose it is, and under what terms.

    The files are IDX files whose names begin with `prefix`, to be had one by one from
    `remotes`, or together in an `archive`. EMNIST's images are stored
    `transposed`, and the classes of its letters are numbered from 1, the `first_label`.
    """

    name: str
    summary: str
    source: str
    sizes: tuple[int, int]
    class_names: tuple[str, ...]
    side: int = 28
    prefix: str = ""
    remotes: tuple[Remote, ...] = ()
    archive: Remote | None = None
    transposed: bool = False
    first_label: int = 0

    @property
    def bundled(self) -> bool:
        """True if it comes with chainrule."""
        return self.name == "digits"

    @property
    def local_only(self) -> bool:
        """True if there is no place to download it from."""
        return not (self.bundled or self.remotes or self.archive)


def _idx_remotes(mirrors: tuple[str, ...], checksums: dict[str, str]) -> tuple[Remote, ...]:
    return tuple(
        Remote(name, tuple(mirror + name for mirror in mirrors), checksum)
        for name, checksum in checksums.items()
    )


# The checksums are those that TensorFlow Datasets publishes for the same files.
MNIST_REMOTES = _idx_remotes(
    (
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
    ),
    {
        "train-images-idx3-ubyte.gz": (
            "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609"
        ),
        "train-labels-idx1-ubyte.gz": (
            "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6"
        ),
    },
)
FASHION_REMOTES = _idx_remotes(
    (
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://raw.githubusercontent.com/zalandoresearch/fashion-mnist/master/data/fashion/",
    ),
    {
        "train-images-idx3-ubyte.gz": (
            "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84"
        ),
        "train-labels-idx1-ubyte.gz": (
            "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845"
        ),
        "t10k-images-idx3-ubyte.gz": (
            "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073"
        ),
        "t10k-labels-idx1-ubyte.gz": (
            "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5"
        ),
    },
)
EMNIST_ARCHIVE = Remote(
    "emnist-gzip.zip",
    (
        "https://biometrics.nist.gov/cs_links/EMNIST/gzip.zip",
        "https://www.itl.nist.gov/iaui/vip/cs_links/EMNIST/gzip.zip",
    ),
    "fb9bb67e33772a9cc0b895e4ecf36d2cf35be8b709693c3564cea2a019fcda8e",
)


def _emnist(
    split: str,
    summary: str,
    sizes: tuple[int, int],
    class_names: tuple[str, ...],
    first_label: int = 0,
) -> CatalogEntry:
    return CatalogEntry(
        name=f"emnist-{split}",
        summary=summary,
        source=(
            "G. Cohen, S. Afshar, J. Tapson, A. van Schaik, EMNIST: an extension of MNIST to "
            "handwritten letters, arXiv:1702.05373; from NIST Special Database 19. One archive "
            "of 562 MB holds all six EMNIST splits"
        ),
        sizes=sizes,
        class_names=class_names,
        prefix=f"emnist-{split}-",
        archive=EMNIST_ARCHIVE,
        transposed=True,
        first_label=first_label,
    )


_ENTRIES = (
    CatalogEntry(
        name="digits",
        summary="handwritten digits, small: the one to start with",
        source=(
            "E. Alpaydin, C. Kaynak, Optical Recognition of Handwritten Digits, UCI Machine "
            "Learning Repository, doi:10.24432/C50P49 (its test part, as in scikit-learn); "
            "CC BY 4.0"
        ),
        sizes=(1437, 360),
        class_names=DIGITS,
        side=8,
    ),
    CatalogEntry(
        name="mnist",
        summary="handwritten digits",
        source="Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database; CC BY-SA 3.0",
        sizes=(60_000, 10_000),
        class_names=DIGITS,
        remotes=MNIST_REMOTES,
    ),
    CatalogEntry(
        name="fashion-mnist",
        summary="pictures of clothes",
        source="H. Xiao, K. Rasul, R. Vollgraf, Fashion-MNIST, arXiv:1708.07747; MIT licence",
        sizes=(60_000, 10_000),
        class_names=FASHION,
        remotes=FASHION_REMOTES,
    ),
    _emnist("balanced", "digits and letters, as many of each", (112_800, 18_800), BY_MERGE),
    _emnist("byclass", "digits, capital and small letters", (697_932, 116_323), BY_CLASS),
    _emnist("bymerge", "the same, look-alike letters merged", (697_932, 116_323), BY_MERGE),
    _emnist("letters", "letters, capital and small as one", (124_800, 20_800), LETTERS, 1),
    _emnist("digits", "handwritten digits, many", (240_000, 40_000), DIGITS),
    _emnist("mnist", "handwritten digits, in MNIST's sizes", (60_000, 10_000), DIGITS),
    CatalogEntry(
        name="emnist47",
        summary="a part of EMNIST in the classes of EMNIST Balanced, upright",
        source="drawn from EMNIST ByMerge and ByClass, arXiv:1702.05373; not to be downloaded",
        sizes=(92_952, 6_157),
        class_names=BY_MERGE,
        prefix="emnist47-",
    ),
)
CATALOG = {entry.name: entry for entry in _ENTRIES}


def find_entry(name: str) -> CatalogEntry:
    """The entry that `name` means; a misspelt name is answered with the nearest.

    >>> find_entry("Fashion_MNIST").name
    'fashion-mnist'
    """
    return CATALOG[find_name(name, CATALOG, "data set of the catalog")]


def load_catalog(name: str, data_dir: str | Path | None = None) -> Dataset:
    """The set `name`, downloaded if it is not on this machine.

    >>> load_catalog("digits").x_train.shape
    (1437, 8, 8, 1)

    Raises:
        DownloadError: it is not here and cannot be downloaded; the message says what to place
            where.
        DataError: its files are damaged or do not belong together.
    """
    entry = find_entry(name)
    if entry.bundled:
        return _load_digits(entry)
    folder = obtain(entry, data_dir)
    raw = read_idx_parts(find_idx_files(folder, entry.prefix), folder)
    mapping = folder / f"{entry.prefix}mapping.txt"
    names = _read_mapping(mapping) if mapping.is_file() else entry.class_names
    x_train, y_train = _prepare(entry, raw.train, names)
    x_test, y_test = _prepare(entry, raw.held_out, names)
    return Dataset(
        name=entry.name,
        x_train=x_train,
        y_train=y_train,
        x_test=x_test,
        y_test=y_test,
        preparation=_preparation(entry, names),
        source=str(folder),
    )


def locate(entry: CatalogEntry, data_dir: str | Path | None = None) -> Path | None:
    """The folder on this machine that holds the set's files; None where there is none.

    Raises:
        DataError: the data folder does not exist.
    """
    given = data_dir or os.environ.get("CHAINRULE_DATA")
    for folder in _local_folders(entry, Path(given)) if given else []:
        if folder.is_dir() and find_idx_files(folder, entry.prefix):
            return folder
    return cached_folder(entry)


def cached_folder(entry: CatalogEntry) -> Path | None:
    """The folder in the cache that holds all of the set's files; None where there is none."""
    try:
        cached = cache_folder() / entry.name
    except OutputError:
        return None
    complete = cached.is_dir() and len(find_idx_files(cached, entry.prefix)) == len(USUAL_NAMES)
    return cached if complete else None


def obtain(entry: CatalogEntry, data_dir: str | Path | None = None) -> Path:
    """The folder that holds the set's files, downloaded to the cache if need be.

    Raises:
        DownloadError: it is not here and cannot be downloaded.
    """
    folder = locate(entry, data_dir)
    if folder is not None:
        return folder
    try:
        folder = cache_folder() / entry.name
    except OutputError as error:
        raise DownloadError(f"{error}; name a folder with CHAINRULE_CACHE") from None
    if entry.local_only:
        raise DownloadError(
            f"{entry.name} is not on this machine, and there is no place to download it from\n"
            + _instructions(entry, folder)
        )
    try:
        make_folder(folder.parent)  # closed to others: compiled code is kept there too
        if entry.archive:
            _unpack(fetch(entry.archive, folder.parent))
        for remote in entry.remotes:
            fetch(remote, folder)
    except (DownloadError, OutputError) as error:
        raise DownloadError(f"{error}\n{_instructions(entry, folder)}") from None
    return folder


def _local_folders(entry: CatalogEntry, base: Path) -> list[Path]:
    if not base.is_dir():
        raise DataError(f"the data folder {base} does not exist: check its name")
    # A folder named after another set may hold files of the same names.
    is_of_another = base.name in CATALOG and base.name != entry.name
    return [base / entry.name] if is_of_another else [base / entry.name, base]


def _instructions(entry: CatalogEntry, cached: Path) -> str:
    names = [f"{entry.prefix}{name}.gz" for name in _usual_names(entry)]
    return (
        f"To use {entry.name} offline, place these files in FOLDER/{entry.name} and name FOLDER "
        f"with --data-dir or CHAINRULE_DATA, or place them in {cached}:\n  " + "\n  ".join(names)
    )


def _usual_names(entry: CatalogEntry) -> list[str]:
    """MNIST's own files call the test part t10k, EMNIST's call it test."""
    names = USUAL_NAMES.values()
    return [name.replace("t10k", "test") if entry.prefix else name for name in names]


def _unpack(archive: Path) -> None:
    """Take the IDX files of every EMNIST split out of the archive, each into the folder of its
    set, and remove the archive. No other file is taken out, and nothing leaves these folders."""
    folders = {entry.prefix: archive.parent / entry.name for entry in _ENTRIES if entry.archive}
    with zipfile.ZipFile(archive) as members:
        for member in members.namelist():
            match = FILE_NAME.fullmatch(member.rpartition("/")[2])
            if match and match["prefix"] in folders:
                folder = folders[match["prefix"]]
                folder.mkdir(parents=True, exist_ok=True)
                with members.open(member) as source, whole_file(folder / match[0]) as target:
                    shutil.copyfileobj(source, target)
    archive.unlink()


def _load_digits(entry: CatalogEntry) -> Dataset:
    """Every fifth image, in random order within each class, is for testing."""
    with np.load(BUNDLED_DIGITS, allow_pickle=False) as stored:
        x = stored["x"][..., None] / np.float32(DIGIT_PIXELS)
        y = stored["y"].astype(np.int64)
    order = generator(0, "digits split").permutation(len(y))
    order = order[np.argsort(y[order], kind="stable")]
    test = np.sort(order[::5])
    train = np.setdiff1d(order, test)
    return Dataset(
        name=entry.name,
        x_train=x[train],
        y_train=y[train],
        x_test=x[test],
        y_test=y[test],
        preparation=_preparation(entry, entry.class_names),
        source="bundled with chainrule",
    )


def _preparation(entry: CatalogEntry, class_names: tuple[str, ...]) -> Preparation:
    """How files of such images are prepared: pixels there go to 255, for `digits` too."""
    return Preparation(255.0, (entry.side, entry.side, 1), class_names, ink="light")


def _prepare(
    entry: CatalogEntry, examples: Examples, class_names: tuple[str, ...]
) -> tuple[Array, Array]:
    expected = (entry.side, entry.side)
    if examples.x.shape[1:] != expected or examples.y is None:
        raise DataError(
            f"{examples.origin} holds images of shape {examples.x.shape[1:]}, but those of "
            f"{entry.name} have shape {expected}: is it another set?"
        )
    images = examples.x.transpose(0, 2, 1) if entry.transposed else examples.x
    labels = examples.y.astype(np.int64) - entry.first_label
    x = _preparation(entry, class_names).apply(images)
    return x, class_numbers(labels, examples.origin, class_names)


def _read_mapping(path: Path) -> tuple[str, ...]:
    """Class names from lines such as ``10 65``: class 10 is the character with code 65."""
    lines = read_text(path, DataError).splitlines()
    try:
        names = [chr(int(line.split()[1])) for line in lines]
    except (ValueError, IndexError, OverflowError):
        names = []
    if not names or not all(map(is_plain, names)):
        raise DataError(
            f"{path} is not a mapping file: expected a class number and a character code a line"
        )
    return tuple(names)
