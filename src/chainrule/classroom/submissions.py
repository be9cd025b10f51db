"""From what a learning platform gives an instructor to one folder of files for each student.

Platforms rename what students hand in, so that names do not clash; here the files get their own
names back, since they import each other by these.
"""

from __future__ import annotations

import re
import shutil
import stat
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from zipfile import BadZipFile, ZipFile, ZipInfo

from chainrule.errors import DataError
from chainrule.limits import check_unpacked

CODE = (".py", ".ipynb")
LARGEST = 64 * 2**20  # bytes of a file that is copied
MOST_FILES = 500  # of a submission
LEFT_OUT = {"__MACOSX", "__pycache__", "node_modules", "venv", "site-packages"}

NAMES = tuple(
    re.compile(pattern)
    for pattern in (
        # Canvas: leeann_LATE_12345_678901_layers-1.py, or without the word
        r"(?P<student>[^_]+)_(?:LATE_)?\d+_\d+_(?P<file>.+?)(?:-\d+)?(?P<ending>\.\w+)",
        # Blackboard: Lab 1_alee_attempt_2026-11-26-10-15-00_layers.py
        r".+?_(?P<student>[^_]+)_attempt_[\d-]+(?:_(?P<file>.+?))?(?P<ending>\.\w+)",
        # Moodle, downloaded without folders: Ann Lee_12345_assignsubmission_file_layers.py
        r"(?P<student>.+?)_\d+_assignsubmission_file_(?P<file>.+?)(?P<ending>\.\w+)",
        # Brightspace: 12345-678901 - Ann Lee - Nov 26, 2026 1015 AM - layers.py
        r"\d+-\d+ - (?P<student>.+?) - .+? - (?P<file>.+?)(?P<ending>\.\w+)",
    )
)
FOLDER = re.compile(r"(?P<student>.+?)_\d+_assignsubmission_(file|onlinetext)_?")  # Moodle


@dataclass(frozen=True)
class Submission:
    """What one student has handed in.

    Args:
        student: the name by which the platform calls the student.
        files: where each lies, by the path it had.
    """

    student: str
    files: dict[PurePosixPath, Path]

    def copy_to(self, folder: Path) -> None:
        """Copy the files, each under its own name; what is too large, and links, stay behind."""
        for name, path in sorted(self.files.items())[:MOST_FILES]:
            is_file = stat.S_ISREG(path.lstat().st_mode)
            if is_file and path.stat().st_size <= LARGEST:
                target = folder / name
                target.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(path, target)


def submissions_in(place: Path, unpacked: Path) -> list[Submission]:
    """The submissions in a folder or a zip file, by student.

    Args:
        unpacked: a folder for what is unpacked from zip files.
    Raises:
        DataError: there are none, or a zip file cannot be read.
    """
    if place.is_file():
        unpack(place, unpacked / "all")
        place = _inner(unpacked / "all")
    found: dict[str, dict[PurePosixPath, Path]] = defaultdict(dict)
    for entry in sorted(place.iterdir()):
        if _is_left_out(entry.name):
            continue
        student, name = named(entry.name) if entry.is_file() else (_of_folder(entry.name), "")
        if entry.is_dir():
            found[student] |= dict(_files_below(entry, unpacked / student))
        elif entry.suffix == ".zip":
            found[student] |= dict(_unpacked(entry, unpacked / student))
        elif entry.suffix in CODE:
            found[student][PurePosixPath(name)] = entry
    if not found:
        raise DataError(
            f"{place} has no submissions: neither folders nor files that end in {', '.join(CODE)}"
        )
    return [Submission(student, files) for student, files in sorted(found.items())]


def submission_in(folder: Path) -> Submission:
    """One submission, which a platform has put into a folder as it was handed in."""
    return Submission("submission", dict(_files_below(folder, folder / ".unpacked")))


def named(name: str) -> tuple[str, str]:
    """The student and the file that a platform has put into one name.

    >>> named("leeann_LATE_12345_678901_layers-1.py")
    ('leeann', 'layers.py')
    >>> named("layers_ann.py")
    ('layers_ann', 'layers_ann.py')
    """
    for pattern in NAMES:
        if match := pattern.fullmatch(name):
            file = match["file"] or match["student"]
            return match["student"], file + match["ending"]
    return name.rpartition(".")[0], name


def _of_folder(name: str) -> str:
    match = FOLDER.fullmatch(name)
    return match["student"] if match else name


def _is_left_out(name: str) -> bool:
    return name.startswith(".") or name in LEFT_OUT


def _inner(folder: Path) -> Path:
    """The folder itself, or the only one within it, as zip files often have it."""
    entries = [entry for entry in folder.iterdir() if not _is_left_out(entry.name)]
    holds_all = len(entries) == 1 and entries[0].is_dir() and not FOLDER.fullmatch(entries[0].name)
    has_files = holds_all and any(each.is_file() for each in entries[0].iterdir())
    has_folders = holds_all and any(each.is_dir() for each in entries[0].iterdir())
    return entries[0] if has_files or has_folders else folder


def _files_below(folder: Path, unpacked: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """The files of a folder, those in zip files too, by their paths within it."""
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if any(map(_is_left_out, inner.parts)) or not path.is_file() or path.is_symlink():
            continue
        if path.suffix == ".zip":
            yield from _unpacked(path, unpacked / inner.with_suffix(""))
        else:
            yield PurePosixPath(named(inner.name)[1] if len(inner.parts) == 1 else inner), path


def _unpacked(file: Path, folder: Path) -> Iterator[tuple[PurePosixPath, Path]]:
    """The files of a zip file that a student has handed in; a damaged one counts as a file."""
    try:
        unpack(file, folder)
    except DataError:
        yield PurePosixPath(file.name), file
        return
    inner = _inner(folder)
    for path in sorted(inner.rglob("*")):
        if path.is_file() and not any(map(_is_left_out, path.relative_to(inner).parts)):
            yield PurePosixPath(path.relative_to(inner)), path


def unpack(file: Path, folder: Path) -> None:
    """Unpack a zip file, with nothing outside the folder and no more than its size lets expect.

    Raises:
        DataError: it cannot be read, or would fill the disk.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with ZipFile(file) as archive:
            entries = [entry for entry in archive.infolist() if _is_plain(entry)]
            size = sum(entry.file_size for entry in entries)
            check_unpacked(size, file.stat().st_size, str(file), "unpack it yourself")
            for entry in entries:
                archive.extract(entry, folder)
    except (BadZipFile, OSError, NotImplementedError, RuntimeError, ValueError) as error:
        raise DataError(f"{file} cannot be unpacked: {error}") from None


def _is_plain(entry: ZipInfo) -> bool:
    """True for a file or folder that stays within; `extract` itself takes .. and / out of names."""
    return (
        not stat.S_ISLNK(entry.external_attr >> 16)
        and ".." not in PurePosixPath(entry.filename).parts
    )
