"""Where the trials of a search are kept, and the locks by which processes share them.

A lock is one on a file: it ends with the process that holds it, however that ends.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from chainrule.errors import ConfigError, RunFolderError
from chainrule.extras import optional, packages_for
from chainrule.files import LOCK, cannot_write
from chainrule.history import is_better_larger
from chainrule.limits import shortened

if TYPE_CHECKING:
    from filelock import BaseFileLock
    from optuna import Study
    from optuna.storages import BaseStorage


def import_optuna() -> Any:
    """Optuna, which then only speaks of what is wrong. Raises MissingPackageError."""
    optuna = optional("optuna", "a search", "pip install 'chainrule[tune]'")
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


def open_study(kept: BaseStorage, name: str, metric: str) -> Study:
    """Optuna's study of that name in a journal or a database, begun if need be."""
    direction = "maximize" if is_better_larger(metric) else "minimize"
    return import_optuna().create_study(
        storage=kept, study_name=name, direction=direction, load_if_exists=True
    )


def open_journal(path: Path, study: str) -> BaseStorage:
    """A journal with the study of that name, or without any. The caller holds the folder's lock.

    Raises:
        RunFolderError: it is damaged, or that of another search.
        OutputError: it cannot be written.
    """
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend

    lock: Any = _JournalLock(path)  # Optuna has no public name for what it expects
    try:
        _mend(path)
        kept = JournalStorage(JournalFileBackend(str(path), lock))
    except OSError as error:
        raise cannot_write(path, error) from None
    except (ValueError, KeyError, TypeError, AssertionError):
        raise RunFolderError(
            f"{path} is damaged, or no journal of Optuna's: put back a copy, or choose "
            "another --out"
        ) from None
    names = import_optuna().get_all_study_names(kept)
    if names and study not in names:
        raise RunFolderError(
            f"{path} is the journal of another search: put back the right one, or choose another "
            "--out"
        )
    return kept


def open_database(url: str) -> BaseStorage:
    """A database. Raises ConfigError where it cannot be opened."""
    import_optuna()
    from optuna.exceptions import StorageInternalError
    from optuna.storages import RDBStorage
    from sqlalchemy.exc import SQLAlchemyError

    try:
        return RDBStorage(url)
    except ImportError as error:  # what Optuna says of a driver that is not installed
        driver = error.__cause__ or error.__context__ or error
        raise ConfigError(f"--storage {hide_password(url)} needs its driver: {driver}") from None
    except (SQLAlchemyError, StorageInternalError, ValueError) as error:
        reason = shortened(str(error).split("\n")[0])
        raise ConfigError(f"cannot open --storage {hide_password(url)}: {reason}") from None


def _mend(journal: Path) -> None:
    """Cut off the last line where a full disk or a power failure left half of it: what is written
    after it would make it unreadable. Everything before it stays."""
    content = journal.read_bytes() if journal.exists() else b""
    if content and not content.endswith(b"\n"):
        with journal.open("r+b") as file:
            file.truncate(content.rfind(b"\n") + 1)


def hide_password(url: str) -> str:
    """A database's URL to be shown and kept. Raises ConfigError where it is none."""
    import_optuna()
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        return make_url(url).render_as_string(hide_password=True)
    except (ArgumentError, ValueError):
        raise ConfigError(
            "--storage is the URL of a database, such as sqlite:///trials.db or "
            "postgresql://user@host/name"
        ) from None


class _JournalLock:
    """Optuna's lock around writing, as a lock that ends with its process. Optuna's own stay behind
    when a process is killed, and hold up the others for half a minute."""

    def __init__(self, journal: Path) -> None:
        self._lock = _file_lock(journal.with_name(f".{journal.name}.lock"))

    def acquire(self) -> bool:
        self._lock.acquire()
        return True

    def release(self) -> None:
        self._lock.release()


@contextmanager
def only_here(path: Path) -> Iterator[bool]:
    """A lock that one process holds at a time: true for it, and false for others."""
    from filelock import Timeout

    try:
        held = _file_lock(path).acquire(timeout=0)
    except Timeout:
        yield False
        return
    with held:
        yield True


@contextmanager
def folder_lock(out: Path) -> Iterator[None]:
    """For as long as it lasts, no other process changes which trials are taken in a folder, which
    is made if need be.

    Raises:
        OutputError: it cannot be made or written to.
    """
    try:
        out.mkdir(parents=True, exist_ok=True)
        held = _file_lock(out / LOCK).acquire()
    except OSError as error:
        raise cannot_write(out, error) from None
    with held:
        yield


def trial_lock(out: Path, number: int) -> BaseFileLock:
    """What the process holds that sees to a trial."""
    return _file_lock(out / trial_lock_name(number))


def trial_lock_name(number: int | str) -> str:
    """What its file is called."""
    return f".trial-{number}.lock"


def is_held(lock: BaseFileLock) -> bool:
    """True if a living process holds a lock."""
    from filelock import Timeout

    try:
        lock.acquire(timeout=0).lock.release()
    except Timeout:
        return True
    return False


def _file_lock(path: Path) -> BaseFileLock:
    with packages_for("a folder that several processes work on"):
        from filelock import FileLock
    return FileLock(path)
