"""The processes that train one network together, each with its share of every batch.

One process by itself is `Processes`, in which there is nobody to agree with; those that MPI has
started are `MpiProcesses`. What uses them need not know which it has.

Source: data-parallel training with a synchronous sum of gradients, Goyal et al., Accurate, Large
Minibatch SGD (2017), section 3.
"""

from __future__ import annotations

import os
import platform
import sys
import time
import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any, TypeVar

import numpy as np

from chainrule.errors import ArgumentError, ChainruleError, ClusterError
from chainrule.system.environment import processor, versions
from chainrule.types import Array

__all__ = ["ALONE", "MpiProcesses", "Processes"]

Answer = TypeVar("Answer")
SECONDS_TO_FAIL = 5.0  # in which all processes must fail for it to be an error of all


class Processes:
    """One process, which trains alone; and what there is to know of several.

    `count` is how many there are, `rank` the number of this one, from 0.

    >>> ALONE.share(10), ALONE.sum(np.ones(2))
    (slice(0, 10, None), array([1., 1.]))
    """

    rank, count = 0, 1
    communicator: Any = None  # of mpi4py, where there is one

    @property
    def is_first(self) -> bool:
        """True for the process that shows progress, writes files and decides what all must do."""
        return self.rank == 0

    def share(self, examples: int, rank: int | None = None) -> slice:
        """Which of some examples belong to a process, this one unless given: neighbours, as many
        as the others have, or one more.

        Of fewer examples no process has more, so that the last batch of an epoch asks for no more
        memory than the others.
        """
        place = self.rank if rank is None else rank
        each, left = divmod(examples, self.count)
        begin = place * each + min(place, left)
        return slice(begin, begin + each + (place < left))

    def sum(self, values: Array) -> Array:
        """The sum over all processes, the same in each of them."""
        return values

    def gather(self, values: Array) -> list[Array]:
        """What each process has, by its rank."""
        return [values]

    def agree(self, decide: Callable[[], Answer]) -> Answer:
        """What the first process decides. An error of its own becomes one of all."""
        return decide()

    def each(self, act: Callable[[], None]) -> None:
        """What each process does by itself. An error of any of them becomes one of all."""
        act()

    def any(self, flag: bool) -> bool:
        """True if it is true in any of the processes."""
        return flag

    def take_over(self, arrays: Mapping[str, Array]) -> None:
        """Give all processes the numbers that the first has in these arrays."""

    def check_alike(self, settings: Mapping[str, Any]) -> None:
        """Refuse to train together with other settings than the first process has.

        Raises:
            ClusterError: one has; the message says which, and what.
        """

    def check_enough(self, batch_size: int) -> None:
        """Refuse batches that do not have an example for every process.

        Raises:
            ArgumentError: the message says what would do.
        """
        if batch_size < self.count:
            raise ArgumentError(
                f"batches of {batch_size} cannot be shared among {self.count} processes, each of "
                "which needs an example: take larger batches, or start fewer processes"
            )

    def threads(self) -> int | None:
        """The threads that each process may have; None for as many as there are cores."""
        return None

    @contextmanager
    def ending_together(self) -> Iterator[None]:
        """An error within this block ends all processes, in place of leaving some to wait."""
        yield


ALONE = Processes()


class MpiProcesses(Processes):
    """The processes of an MPI communicator, `mpi4py.MPI.COMM_WORLD` for all that were started.

    All of them must come here, and make the same calls in the same order.
    """

    def __init__(self, communicator: Any) -> None:
        if not hasattr(communicator, "Allreduce"):
            raise ArgumentError(
                "comm is a communicator of mpi4py, such as MPI.COMM_WORLD; received "
                f"{type(communicator).__name__}"
            )
        self.communicator = communicator
        self._communicator = communicator.Dup()  # so that no message of the user's is ours
        self._failing = communicator.Dup()
        self.rank, self.count = communicator.Get_rank(), communicator.Get_size()
        self.check_alike({**versions(), "processor": processor()})

    def sum(self, values: Array) -> Array:
        total = np.empty_like(values)
        self._communicator.Allreduce(np.ascontiguousarray(values), total)
        return total

    def gather(self, values: Array) -> list[Array]:
        return self._communicator.allgather(values)

    def agree(self, decide: Callable[[], Answer]) -> Answer:
        answer: tuple[Any, ChainruleError | None] = (None, None)
        if self.is_first:
            try:
                answer = decide(), None
            except ChainruleError as error:
                answer = None, error
        decided, problem = self._communicator.bcast(answer)
        if problem is not None:
            raise problem
        return decided

    def each(self, act: Callable[[], None]) -> None:
        problem = None
        try:
            act()
        except ChainruleError as error:
            problem = error
        for found in self._communicator.allgather(problem):
            if found is not None:
                raise found

    def any(self, flag: bool) -> bool:
        return bool(self.sum(np.array([flag], np.int64))[0])

    def take_over(self, arrays: Mapping[str, Array]) -> None:
        for array in arrays.values():
            self._communicator.Bcast(array)

    def check_alike(self, settings: Mapping[str, Any]) -> None:
        first, *others = self._communicator.allgather(dict(settings))
        for rank, other in enumerate(others, 1):
            for name, value in first.items():
                if other.get(name) != value:
                    raise ClusterError(
                        f"the processes do not do the same: {name} is {value} in process 0 and "
                        f"{other.get(name)} in process {rank}; start all with the same versions "
                        "on like processors, and give all the same settings and data"
                    )

    def threads(self) -> int | None:
        cores = getattr(os, "sched_getaffinity", lambda _: range(os.cpu_count() or 1))(0)
        machines = self._communicator.allgather((platform.node(), set(cores)))
        here = [cores for machine, cores in machines if machine == platform.node()]
        return max(len(set.union(*here)) // len(here), 1)

    @contextmanager
    def ending_together(self) -> Iterator[None]:
        try:
            yield
        except BaseException as error:
            if not self._all_fail():
                self._end_all(error)
            raise
        finally:
            self._communicator.Free()
            self._failing.Free()

    def _all_fail(self) -> bool:
        """True if the other processes come here too, within a few seconds."""
        waiting, began = self._failing.Ibarrier(), time.monotonic()
        while not waiting.Test():
            if time.monotonic() - began > SECONDS_TO_FAIL:
                return False
            time.sleep(0.01)
        return True

    def _end_all(self, error: BaseException) -> None:
        """Say what happened here, and end every process of the communicator."""
        if not isinstance(error, ChainruleError):
            traceback.print_exception(error, file=sys.__stderr__)
        print(
            f"chainrule: process {self.rank} of {self.count} ended, and the others with it: "
            f"{type(error).__name__}: {error}",
            file=sys.__stderr__,
            flush=True,
        )
        self._communicator.Abort(1)
