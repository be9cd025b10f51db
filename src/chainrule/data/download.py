"""Downloads: from the first mirror that answers, checksummed, written whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from chainrule.errors import DownloadError
from chainrule.extras import packages_for
from chainrule.text import printable

if TYPE_CHECKING:
    from requests import RequestException
    from rich.progress import Progress, TaskID

TIMEOUT = 30.0
"""Seconds to wait for a mirror to go on before the next one is tried."""

LARGEST = 1_000_000_000
"""Bytes of a download; the archive of EMNIST, the largest, has 562 million."""


@dataclass(frozen=True)
class Remote:
    """A file that is the same at each of `urls`, and the SHA-256 of its bytes."""

    name: str
    urls: tuple[str, ...]
    sha256: str


def fetch(remote: Remote, folder: Path) -> Path:
    """Download `remote` into `folder`, unless it is there already and intact.

    Raises:
        DownloadError: no mirror has it, or it cannot be written; the message says of each
            mirror what went wrong.
    """
    with packages_for("a download"):
        import pooch
        from requests import RequestException

    pooch.get_logger().setLevel("WARNING")
    problems = []
    for url in remote.urls:
        try:
            with _progress_bar(remote.name, url) as bar:
                return Path(
                    pooch.retrieve(
                        url,
                        known_hash=f"sha256:{remote.sha256}",
                        fname=remote.name,
                        path=folder,
                        downloader=pooch.HTTPDownloader(progressbar=bar, timeout=TIMEOUT),
                    )
                )
        except RequestException as error:
            problems.append(f"{url}: {_explain(error)}")
        except DownloadError as error:
            problems.append(f"{url}: {error}")
        except ValueError:
            problems.append(f"{url}: not the file expected: its checksum differs")
        except OSError as error:
            raise DownloadError(
                f"{remote.name} cannot be written to {folder}: {error.strerror or error}; "
                "name another folder with CHAINRULE_CACHE"
            ) from None
    raise DownloadError(f"{remote.name} could not be downloaded:\n  " + "\n  ".join(problems))


class _Bar:
    """A bar of rich's, under the names by which pooch reports; it ends a download that has no
    end."""

    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task
        self._received = 0

    @property
    def total(self) -> float | None:
        return self._progress.tasks[self._task].total

    @total.setter
    def total(self, total: float) -> None:
        self._progress.update(self._task, total=total or None)

    def update(self, count: int) -> None:
        self._received += count
        if self._received > LARGEST:
            raise DownloadError(f"sends more than {LARGEST:,} bytes: not the file expected")
        self._progress.advance(self._task, count)

    def reset(self) -> None:
        self._received = 0
        self._progress.reset(self._task)

    def close(self) -> None:
        self._progress.stop_task(self._task)


@contextmanager
def _progress_bar(name: str, url: str) -> Iterator[_Bar]:
    """A bar on a terminal, one plain line elsewhere; on the error stream, so that what a
    command prints can be piped on."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )
    from rich.text import Text

    console = Console(stderr=True)
    if not console.is_terminal:
        console.print(Text(f"downloading {printable(url)}"), soft_wrap=True)
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=console, disable=not console.is_terminal) as progress:
        yield _Bar(progress, progress.add_task(name, total=None))


def _explain(error: RequestException) -> str:
    from requests import ConnectionError, HTTPError, Timeout

    if isinstance(error, HTTPError) and error.response is not None:
        return f"answered {error.response.status_code} {error.response.reason}"
    if isinstance(error, Timeout):
        return f"no answer within {TIMEOUT:g} seconds"
    if isinstance(error, ConnectionError):
        return "no connection"
    return "the connection was cut"
