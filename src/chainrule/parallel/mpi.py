"""The processes that ``mpiexec``, or a cluster's own starter, began for one command."""

from __future__ import annotations

import os

from chainrule.errors import ClusterError, MissingPackageError
from chainrule.extras import optional
from chainrule.system.processes import ALONE, MpiProcesses, Processes

# What starters tell each process: MPICH's and Intel's, Open MPI's, and those that speak PMIx.
RANKS = ("PMI_RANK", "OMPI_COMM_WORLD_RANK", "PMIX_RANK")
COUNTS = ("PMI_SIZE", "OMPI_COMM_WORLD_SIZE", "SLURM_NTASKS")
INSTALL = "pip install 'chainrule[mpi]'"


def told(names: tuple[str, ...]) -> int | None:
    """The first of some numbers that the process was started with; None where there is none."""
    return next((int(os.environ[name]) for name in names if os.environ.get(name)), None)


def is_follower() -> bool:
    """True in all of the processes that were started together but the first."""
    return bool(told(RANKS))


def started_processes() -> Processes:
    """The processes that were started together with this one, which may be alone.

    Raises:
        MissingPackageError: there are several, and mpi4py is not installed.
        ClusterError: there is no MPI library, another one than the starter's, or the processes
            have other versions.
    """
    if told(RANKS) is None:
        return ALONE
    try:
        mpi = optional("mpi4py.MPI", "training in several processes", INSTALL)
    except MissingPackageError:
        raise
    except (ImportError, RuntimeError) as error:
        raise ClusterError(
            f"mpi4py finds no MPI library ({error}): load your cluster's, or pip install mpich"
        ) from None
    count = mpi.COMM_WORLD.Get_size()
    if count != (told(COUNTS) or count):
        library = " ".join(mpi.Get_library_version().splitlines()[0].split())
        raise ClusterError(
            f"{told(COUNTS)} processes were started, but the MPI that mpi4py uses ({library}) "
            f"knows of {count}: start them with the mpiexec of that MPI"
        )
    return MpiProcesses(mpi.COMM_WORLD) if count > 1 else ALONE
