"""The processes of workers: how they start, with nothing of this one's, and how they end."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import IO, Protocol

ONE_THREAD = ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS")
KEPT = (
    *("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "LD_LIBRARY_PATH"),  # how this machine runs NumPy
    "SYSTEMROOT",  # without which no Python starts on Windows
)
HOMES = ("HOME", "USERPROFILE", "TMPDIR", "TEMP", "TMP", "MPLCONFIGDIR")
APART = ("unshare", "--user", "--map-current-user", "--net", "--ipc", "--uts")


class Process(Protocol):
    """What a worker needs of its process, as `subprocess.Popen` has it."""

    stdin: IO[bytes] | None
    stdout: IO[bytes] | None
    stderr: IO[bytes] | None

    @property
    def pid(self) -> int: ...

    def wait(self, timeout: float | None = None) -> int:
        """Its exit code, or the number of the signal that ended it, below zero.

        Raises:
            subprocess.TimeoutExpired: it goes on.
        """

    def send_signal(self, sig: int) -> None: ...

    def kill(self) -> None: ...


def new_process(module: str, home: Path, folder: Path) -> subprocess.Popen[bytes]:
    """A new Python that runs a module.

    Args:
        home: an empty folder.
        folder: where it works.
    """
    return subprocess.Popen(  # noqa: S603  the module is chainrule's own
        [*apart(), sys.executable, "-P", "-m", module],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        bufsize=0,
        cwd=folder,
        env=environment(home),
        start_new_session=True,
    )


def environment(home: Path) -> dict[str, str]:
    """An environment that tells nothing of this one, and a home that is empty."""
    kept = {name: os.environ[name] for name in KEPT if name in os.environ}
    return {
        **kept,
        **dict.fromkeys(ONE_THREAD, "1"),
        **dict.fromkeys(HOMES, str(home)),
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONHASHSEED": "0",
        "PYTHONUTF8": "1",
        "MPLBACKEND": "agg",
    }


@cache
def apart() -> tuple[str, ...]:
    """How a process is started without a network, where this system lets its users do so."""
    if not sys.platform.startswith("linux") or shutil.which(APART[0]) is None:
        return ()
    tried = subprocess.run([*APART, "true"], capture_output=True, check=False)  # noqa: S603  fixed
    return APART if tried.returncode == 0 else ()


def kill_group(process: Process | subprocess.Popen[str]) -> None:
    """End a process that was started as a new session, and those that it has started."""
    if hasattr(os, "killpg"):
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        return
    if taskkill := shutil.which("taskkill"):  # on Windows, which has no groups to end
        command = [taskkill, "/F", "/T", "/PID", str(process.pid)]
        subprocess.run(command, capture_output=True, check=False)  # noqa: S603  fixed
    process.kill()


def remove(folder: Path) -> None:
    """Remove a folder; one whose folders lie too deep in each other for Python, by `rm`."""
    with suppress(RecursionError):
        shutil.rmtree(folder, ignore_errors=True)
    if folder.exists() and (rm := shutil.which("rm")):
        subprocess.run([rm, "-rf", folder], capture_output=True, check=False)  # noqa: S603  fixed
