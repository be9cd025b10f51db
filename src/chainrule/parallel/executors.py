"""Where the runs of a comparison go: to processes of this machine, to those that mpiexec started,
or to a Dask cluster."""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from chainrule import __version__
from chainrule.errors import ClusterError, ConfigError
from chainrule.experiments.workers import worker_processes
from chainrule.extras import optional

LOCAL, MPI, ADDRESS, FILE = "local", "mpi", "dask:", "dask-file:"
SCHEDULER = r"((tcp|tls|ws|wss)://)?([\w.-]+|\[[0-9a-fA-F:.]+\]):\d{1,5}"  # an address
SECONDS_TO_ANSWER = 10  # for a scheduler


@contextmanager
def executor_for(
    place: str, workers: int, tell: Callable[[str], None] = lambda notice: None
) -> Iterator[Executor]:
    """The executor that ``--executor`` asks for.

    Args:
        place: ``local``, ``mpi``, ``dask:ADDRESS`` or ``dask-file:PATH`` of a scheduler's file.
        workers: processes of this machine, where they are asked for.
        tell: called with what the person who waits should know.
    Raises:
        ConfigError: there is no such place.
        ClusterError: its scheduler cannot be reached, or has workers of another version; or this
            process is not the first of several that mpi4py started.
        MissingPackageError: Dask or mpi4py is not installed.
    """
    if place == LOCAL:
        with worker_processes(workers) as pool:
            yield pool
    elif place == MPI:
        with _mpi_pool() as pool:
            yield pool
    elif re.fullmatch(ADDRESS + SCHEDULER, place):
        with _dask_client(place, address=place.removeprefix(ADDRESS)) as client:
            yield _checked(client, place, tell)
    elif place.startswith(FILE):
        file = Path(place.removeprefix(FILE))
        if not file.is_file():
            raise ConfigError(f"{file} is not there: `dask scheduler --scheduler-file` writes it")
        with _dask_client(place, scheduler_file=str(file)) as client:
            yield _checked(client, place, tell)
    else:
        raise ConfigError(
            "write --executor local, mpi, dask:ADDRESS as in dask:tcp://10.0.0.5:8786, or "
            f"dask-file:PATH; received {place!r}"
        )


def is_away(place: str) -> bool:
    """True if runs at a place may share no disk with this process."""
    return place != LOCAL


@contextmanager
def _mpi_pool() -> Iterator[Executor]:
    """The processes that mpi4py started, of which the first is this one and gives out work."""
    futures = optional("mpi4py.futures", "--executor mpi", "pip install 'chainrule[mpi]'")
    if futures.__name__ not in sys.orig_argv:
        raise ClusterError(
            "--executor mpi needs processes that wait for work: start them with "
            "`mpiexec -n 4 python -m mpi4py.futures -m chainrule compare …`"
        )
    with futures.MPIPoolExecutor() as pool:
        yield pool


@contextmanager
def _dask_client(place: str, **where: str) -> Iterator[Any]:
    distributed = optional("distributed", f"--executor {place}", "pip install 'chainrule[dask]'")
    for name in list(logging.root.manager.loggerDict):  # what goes wrong is said once, by us
        if name.partition(".")[0] == "distributed":
            logging.getLogger(name).setLevel(logging.CRITICAL + 1)
    try:
        client = distributed.Client(**where, timeout=SECONDS_TO_ANSWER, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ClusterError(
            f"no Dask scheduler answers at {place}: {error or 'it took too long'}"
        ) from None
    try:
        yield client
    finally:
        client.close(timeout=SECONDS_TO_ANSWER)


def _checked(client: Any, place: str, tell: Callable[[str], None]) -> Executor:
    """The executor of a client whose workers, of which there is one at least, are like us."""
    if not client.scheduler_info()["workers"]:
        tell(f"{place} has no workers yet: waiting for the first one")
        client.wait_for_workers(1)
    for worker, has in client.get_versions(packages=["chainrule"])["workers"].items():
        version = has["packages"].get("chainrule")
        if version != __version__:
            found = f"chainrule {version}" if version else "no chainrule"
            raise ClusterError(
                f"the worker {worker} has {found}, and this process {__version__}: install the "
                "same version for all"
            )
    return client.get_executor()
