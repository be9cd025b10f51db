"""chainrule as one uses it: `Network.fit`, with the compiled engine and without."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import chainrule as cr
import inside
from peers.base import Peer
from surroundings import blas_kernels
from workload import Workload


class Chainrule(Peer):
    """`Network.fit` with the compiled engine."""

    engine = "compiled"

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        self.network = self.first_network()

    def first_network(self) -> cr.Network:
        return self.workload.network(engine=self.engine, threads=self.threads)

    def unit(self) -> int:
        return self.in_epoch

    def fit(self, epochs: int, callbacks: Sequence[cr.Callback] = ()) -> None:
        workload = self.workload
        self.network.fit(
            self.x,
            self.y,
            loss=workload.loss,
            optimizer=workload.optimizer,
            epochs=epochs,
            batch_size=workload.batch_size,
            callbacks=callbacks,
            quiet=True,
        )

    def losses(self, count: int) -> list[float]:
        found: list[float] = []

        class Watch(cr.Callback):
            def step_ends(self, trainer: Any) -> None:
                found.append(trainer.step_loss)
                if len(found) == count:
                    raise KeyboardInterrupt

        self.fit(epochs=-(-count // self.in_epoch), callbacks=[Watch()])
        self.network = self.first_network()
        return found

    def run(self, steps: int) -> None:
        self.fit(steps // self.in_epoch)

    def kernels(self) -> str:
        return f"vectors of {inside.vector_bits()} bits"


class ChainruleNumpy(Chainrule):
    """The layers themselves, without the engine."""

    engine = "numpy"

    def kernels(self) -> str:
        return blas_kernels()
