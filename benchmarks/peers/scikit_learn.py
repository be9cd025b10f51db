"""scikit-learn's MLPClassifier, which draws weights of its own: it has no losses to compare."""

from __future__ import annotations

import numpy as np
from sklearn.neural_network import MLPClassifier

import chainrule as cr
from peers.base import Peer
from surroundings import blas_kernels
from workload import Workload


class ScikitLearn(Peer):
    """Rows of dense layers with ReLU that classify."""

    def __init__(self, workload: Workload, threads: int) -> None:
        super().__init__(workload, threads)
        network = workload.network()
        sizes = [layer.out_features for layer in network.layers if isinstance(layer, cr.Dense)]
        optimizer = workload.made_optimizer
        self.model = MLPClassifier(
            sizes[:-1],
            solver="adam" if isinstance(optimizer, cr.Adam) else "sgd",
            learning_rate_init=optimizer.learning_rate,
            momentum=getattr(optimizer, "momentum", 0.0),
            nesterovs_momentum=False,
            alpha=0.0,
            batch_size=workload.batch_size,
        )
        self.cycle = self.batches()
        self.classes = np.arange(sizes[-1])

    def losses(self, count: int) -> list[float]:
        return []

    def run(self, steps: int) -> None:
        for _ in range(steps):
            x, y = next(self.cycle)
            self.model.partial_fit(x, y, classes=self.classes)

    def kernels(self) -> str:
        return blas_kernels()
