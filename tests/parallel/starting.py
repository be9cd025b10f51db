"""Processes that the tests start: those of MPI, and a Dask cluster."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import time
from contextlib import ExitStack
from pathlib import Path

MPIEXEC = shutil.which(
    "mpiexec", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
)
SETTINGS = {  # a worker that is lost is noticed at once; a run is tried three times
    "DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "2",
    "DASK_DISTRIBUTED__LOGGING__DISTRIBUTED": "error",
}


def begin(count: int, *command: str, cwd: Path | None = None) -> subprocess.Popen[str]:
    assert MPIEXEC is not None
    return subprocess.Popen(
        [MPIEXEC, "-n", str(count), sys.executable, *command],
        cwd=cwd,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


class Cluster:
    """A scheduler and its workers, each a process of its own; all end with the test."""

    def __init__(self, place: Path, ending: ExitStack) -> None:
        self.place, self.ending = place, ending
        self.file = place / "scheduler.json"
        options = ["--port", "0", "--no-dashboard", "--scheduler-file", str(self.file)]
        self.scheduler = self.start("scheduler", *options, "--host", "127.0.0.1")
        while not self.file.exists():
            assert self.scheduler.poll() is None
            time.sleep(0.05)

    def start(self, *what: str) -> subprocess.Popen[bytes]:
        process = subprocess.Popen(
            [sys.executable, "-m", "dask", *what],
            cwd=self.place,
            env={**os.environ, **SETTINGS},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        self.ending.callback(process.wait)
        self.ending.callback(lambda: process.poll() is None and process.kill())
        return process

    def worker(self, name: str) -> subprocess.Popen[bytes]:
        options = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name]
        return self.start("worker", "--scheduler-file", str(self.file), *options)

    @property
    def executor(self) -> list[str]:
        return ["--executor", f"dask-file:{self.file}"]
