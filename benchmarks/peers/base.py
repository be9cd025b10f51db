"""What every peer has: weights to begin with, and batches in chainrule's order.

Peers other than chainrule find their batches laid out ready; chainrule shuffles and gathers its
own.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator

from chainrule.data.training import Plan
from workload import Array, Workload

COMPARED = 10  # steps whose losses must agree


class Peer:
    """A library, or a way to use it, that trains a workload."""

    def __init__(self, workload: Workload, threads: int) -> None:
        self.workload, self.threads = workload, threads
        self.x, self.y = workload.data()

    @property
    def in_epoch(self) -> int:
        """The steps of an epoch."""
        return -(-len(self.x) // self.workload.batch_size)

    def batches(self) -> Iterator[tuple[Array, Array]]:
        """The batches as chainrule deals them: an epoch of them, and as many more as losses are
        compared in; then again from the first."""
        plan, count = Plan(1, self.workload.batch_size), len(self.x)
        enough = -(-max(COMPARED, self.in_epoch) // self.in_epoch)
        orders = [plan.order(count, epoch, 0) for epoch in range(1, enough + 1)]
        if orders[0] is None:  # one batch of all
            return itertools.repeat((self.x, self.y))
        size = self.workload.batch_size
        parts = [order[i : i + size] for order in orders for i in range(0, count, size)]
        return itertools.cycle([(self.x[part], self.y[part]) for part in parts[: self.laid_out]])

    @property
    def laid_out(self) -> int:
        """How many different batches there are."""
        return 1 if self.in_epoch == 1 else max(COMPARED, self.in_epoch)

    def unit(self) -> int:
        """The least number of steps that it makes at a time."""
        return 1

    def losses(self, count: int) -> list[float]:
        """The losses of the first steps; none where they cannot be compared."""
        raise NotImplementedError

    def run(self, steps: int) -> None:
        """Train on for so many steps."""
        raise NotImplementedError

    def kernels(self) -> str:
        """Which machine code it runs on this processor, in a few words."""
        raise NotImplementedError
