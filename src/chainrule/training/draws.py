"""What random layers draw, such as the masks of dropout, where a process has a share of a batch.

Numbers are drawn for the whole batch, so that each example has those that it would have in a single
process.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from chainrule.chain import Chain
from chainrule.errors import ArgumentError
from chainrule.training.epoch import Epoch
from chainrule.types import Array


@contextmanager
def own_draws(chain: Chain, epoch: Epoch, step: int) -> Iterator[None]:
    """Within this block, random layers draw for a whole step, and use what belongs to this
    process's examples."""
    examples, share = epoch.places(step)
    is_whole = share == slice(0, examples)
    generators = {} if is_whole else {layer: layer.rng for layer in chain.random_layers().values()}
    for layer, rng in generators.items():
        layer.__dict__["rng"] = OwnDraws(rng, examples, share)
    try:
        yield
    finally:
        for layer, rng in generators.items():
            layer.rng = rng


class OwnDraws:
    """A generator that draws for every example of a batch, and gives those of one process."""

    def __init__(self, rng: np.random.Generator, examples: int, share: slice) -> None:
        self._rng, self._examples, self._share = rng, examples, share

    def random(self, size: tuple[int, ...]) -> Array:
        """Numbers in [0, 1) for the process's examples: `size` begins with their count."""
        own = self._share.stop - self._share.start
        if np.ndim(size) != 1 or size[0] != own:
            raise ArgumentError(
                f"a random layer asked for {size} numbers for {own} examples: among several "
                "processes it must draw rng.random(size) with the examples along the first axis"
            )
        return self._rng.random((self._examples, *size[1:]))[self._share]

    def __getattr__(self, name: str) -> Any:
        raise ArgumentError(
            f"a random layer used rng.{name}: among several processes it can use rng.random(size) "
            "alone, with the examples along the first axis"
        )
