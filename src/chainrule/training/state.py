"""All that changes while a network is trained: what a checkpoint holds and a later `fit` goes on
from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from chainrule.chain import Chain
from chainrule.history import History
from chainrule.optimizers import OptimizerState
from chainrule.training.epoch import Steps
from chainrule.training.last_good import copy_exactly, trained_arrays
from chainrule.types import Array

REPORT = ("losses", "weights", "outputs", "targets")  # arrays of the steps of an unfinished epoch


@dataclass
class TrainingState:
    """The optimizer's memory, the history, and how far the present epoch has come.

    The weights are the network's, which keeps this state for a later `fit`: it is given where they
    are needed, since two objects that hold each other stay in memory longer than either is used.
    `steps` are those made in an epoch that is not finished, None between two epochs; `rate_factor`
    scales every learning rate: below 1 where training was rolled back.
    """

    optimizer: OptimizerState
    history: History = field(default_factory=History)
    steps: Steps | None = None
    examples_seen: int = 0
    rate_factor: float = 1.0

    @property
    def epoch(self) -> int:
        """The number of the present epoch, counted from 1."""
        return len(self.history) + 1

    def arrays(self, chain: Chain) -> dict[str, Array]:
        """The arrays by name, as they are in use; those of an unfinished epoch too."""
        report = {f"steps.{name}": getattr(self.steps, name, None) for name in REPORT}
        return {
            **self._in_use(chain),
            **{name: np.asarray(array) for name, array in report.items() if array is not None},
        }

    def document(self, chain: Chain) -> dict[str, Any]:
        """The rest, as plain data."""
        layers, steps = chain.random_layers(), self.steps
        return {
            "optimizer": [self.optimizer.step, self.optimizer.momentum_product],
            "records": self.history.records,
            "stopped": self.history.stopped,
            "warnings": self.history.warnings,
            "steps": steps and {"last": steps.last, "examples": steps.examples},
            "draws": {place: layer.rng.bit_generator.state for place, layer in layers.items()},
            "examples_seen": self.examples_seen,
            "rate_factor": self.rate_factor,
        }

    def restore(
        self, chain: Chain, arrays: Mapping[str, Array], document: Mapping[str, Any]
    ) -> None:
        """Take over what `arrays` and `document` gave, in another process perhaps.

        Raises KeyError, TypeError or ValueError where they are of another training.
        """
        for name, array in self._in_use(chain).items():
            copy_exactly(arrays[name], array)
        self.optimizer.step, self.optimizer.momentum_product = document["optimizer"]
        self.history.records = list(document["records"])
        self.history.stopped = document["stopped"]
        self.history.warnings = list(document["warnings"])
        self.examples_seen = document["examples_seen"]
        self.rate_factor = document["rate_factor"]
        self.steps = None
        if document["steps"] is not None:
            self._restore_epoch(chain, arrays, document)

    def _restore_epoch(
        self, chain: Chain, arrays: Mapping[str, Array], document: Mapping[str, Any]
    ) -> None:
        """Take over what an unfinished epoch has given so far."""
        made = document["steps"]
        self.steps = Steps(
            made["last"],
            arrays["steps.losses"],
            arrays["steps.weights"],
            made["examples"],
            arrays.get("steps.outputs"),
            arrays.get("steps.targets"),
        )
        for place, layer in chain.random_layers().items():
            layer.rng.bit_generator.state = document["draws"][place]

    def _in_use(self, chain: Chain) -> dict[str, Array]:
        return {
            **trained_arrays(chain, self.optimizer),
            "gradients": chain.gradients.flat,
        }
