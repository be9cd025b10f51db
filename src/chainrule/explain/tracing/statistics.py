"""An array in a few numbers."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from chainrule.layers import Layer
from chainrule.training.trouble.measures import RANGES, share_saturated
from chainrule.types import Array, Shape


@dataclass(frozen=True)
class Statistics:
    """Numbers of an array; of those that are finite where some are not.

    `zero` is the share of exact zeros, `saturated` the share within 5 % of an end of the
    layer's range, None where it has no ends.
    """

    shape: Shape
    min: float
    max: float
    mean: float
    std: float
    norm: float
    zero: float
    saturated: float | None
    unfinite: int

    @classmethod
    def of(cls, array: Array, layer: Layer | None = None) -> Statistics:
        """The statistics of an array, which may be a layer's output.

        >>> statistics = Statistics.of(np.array([[0.0, 1.0, 2.0, np.inf]]))
        >>> statistics.mean, statistics.zero, statistics.unfinite
        (1.0, 0.25, 1)
        """
        finite = array[np.isfinite(array)].astype(np.float64)
        values = finite if finite.size else np.full(1, np.nan)
        ends = RANGES.get(type(layer)) if layer is not None else None
        return cls(
            shape=array.shape,
            min=float(values.min()),
            max=float(values.max()),
            mean=float(values.mean()),
            std=float(values.std()),
            norm=float(np.linalg.norm(values)),
            zero=float(np.mean(array == 0)),
            saturated=None if ends is None else share_saturated(array, *ends),
            unfinite=array.size - finite.size,
        )

    def cells(self) -> list[str]:
        """As the cells of a table's row."""
        numbers = [short(n) for n in (self.min, self.max, self.mean, self.std)]
        saturated = "" if self.saturated is None else percent(self.saturated)
        return [" × ".join(map(str, self.shape)), *numbers, percent(self.zero), saturated]


def short(number: float) -> str:
    """Four digits.

    >>> short(0.000123456), short(-12.5)
    ('0.0001235', '-12.5')
    """
    return f"{number:.4g}"


def percent(share: float) -> str:
    """A share; nothing where there is none, and never all or none by rounding.

    >>> percent(0), percent(0.0004), percent(0.5), percent(0.9996), percent(1)
    ('', '< 1 %', '50 %', '> 99 %', '100 %')
    """
    if share in (0, 1):
        return "100 %" if share else ""
    if 0.005 <= share < 0.995:
        return f"{100 * share:.0f} %"
    return "< 1 %" if share < 0.5 else "> 99 %"
