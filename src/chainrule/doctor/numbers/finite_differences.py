"""The true gradients, by central differences in float64.

A derivative along a direction d is (L(v + h d) - L(v - h d)) / 2h; twice, with h and 2h, it gives a
value with an error of h⁴ and shows where a kink lies between: there the two disagree.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from chainrule.foreign.objects.gradients import fit
from chainrule.foreign.objects.state import Values
from chainrule.foreign.running.effort import uncounted
from chainrule.seeding import generator
from chainrule.types import Array

STEP = 1e-4
TOLERANCE = 2e-5  # of the largest entry: ten digits are there, a formula's own epsilon costs some
KINKS = 0.1  # of the entries that have a derivative, as many may have none
EVALUATIONS = 4  # of the loss, for an entry: more where a kink is near
Loss = Callable[[Values], float]


@dataclass(frozen=True)
class Slope:
    """A directional derivative, and true if it can be trusted."""

    value: float
    smooth: bool


@dataclass
class Precision:
    """How fine the code computes: float32 within it needs larger steps and more patience.

    Args:
        step: the longest, of which `shorter` are tried where a kink is near.
        tolerance: of the largest entry.
        epsilon: of the type that it computes in.
        bend: how far the slopes of two steps may differ where there is no kink, of their size.
        turn: the same for the slopes on both sides; the short steps of float64 meet no kink there.
    """

    step: float = STEP
    tolerance: float = TOLERANCE
    epsilon: float = float(np.finfo(np.float64).eps)
    bend: float = 1e-3
    shorter: tuple[float, ...] = (1 / 30, 1 / 1000)
    turn: float = np.inf


FLOAT32 = Precision(2e-2, 2e-2, float(np.finfo(np.float32).eps), 2e-2, (1 / 30,), 0.5)


def slope(
    loss: Loss, values: Values, name: str, direction: Array, precision: Precision, scale: float
) -> Slope:
    """The derivative of the loss along `direction`. Where a kink is near, shorter steps are tried.

    `scale` is the size of derivatives here, which tells noise from kinks.
    """
    best = Slope(np.nan, False)
    looks_for_turns = np.isfinite(precision.turn)
    here = _moved(loss, values, name, 0.0 * direction) if looks_for_turns else 0.0
    for part in (1.0, *precision.shorter):
        h = part * precision.step
        with uncounted():  # their number is limited, and what ends at a point ends beside it
            at = {k: _moved(loss, values, name, k * h * direction) for k in (-2, -1, 1, 2)}
        near, far = (at[1] - at[-1]) / (2 * h), (at[2] - at[-2]) / (4 * h)
        value = float(4 * near - far) / 3
        size = max(abs(at[1]), abs(at[-1]))
        noise = 8 * precision.epsilon * size / h
        if not np.isfinite(value):
            continue
        curvature = part**2 * precision.bend * abs(value)
        # Of a kink right here both steps see half, so that they agree.
        turn = abs(at[1] - 2 * here + at[-1]) / h if looks_for_turns else 0.0
        if turn > precision.turn * abs(value) + precision.tolerance * scale + 4 * noise:
            continue
        if abs(near - far) <= 1e-4 * max(abs(value), scale) + noise + curvature:
            return Slope(float(value), True)
        if not np.isfinite(best.value):
            best = Slope(float(value), False)
    return best


def _moved(loss: Loss, values: Values, name: str, change: Array) -> float:
    return loss({**values, name: values[name] + change})


@dataclass
class Truth:
    """What is known of a true gradient.

    Args:
        shape: of the value it belongs to.
        where: flat positions of the entries that were computed.
        entries: the gradient there.
        kinks: how many entries were looked at and have no derivative.
        directions, slopes: derivatives along whole directions, which see every entry at once.
        precision: how finely the code computes.
        floor: what is too little to be told from rounding.
    """

    shape: tuple[int, ...]
    where: Array = field(default_factory=lambda: np.zeros(0, int))
    entries: Array = field(default_factory=lambda: np.zeros(0))
    kinks: int = 0
    directions: list[Array] = field(default_factory=list)
    slopes: list[float] = field(default_factory=list)
    precision: Precision = field(default_factory=Precision)
    floor: float = 1e-9

    @property
    def is_whole(self) -> bool:
        """True if every entry was computed."""
        return len(self.where) == int(np.prod(self.shape))

    @property
    def is_whole_but_for_kinks(self) -> bool:
        """True if every entry was looked at, and few have no derivative: directions see these."""
        return len(self.where) + self.kinks == int(np.prod(self.shape)) and (
            self.kinks <= KINKS * len(self.where)
        )

    @property
    def is_known(self) -> bool:
        """True if there is anything to compare a gradient with."""
        return bool(self.slopes) or len(self.where) > 0

    @property
    def array(self) -> Array:
        """The gradient, NaN where it was not computed."""
        full = np.full(int(np.prod(self.shape)), np.nan)
        full[self.where] = self.entries
        return full.reshape(self.shape)

    @property
    def scale(self) -> float:
        """The size of the largest entry."""
        if len(self.entries):
            return float(np.abs(self.entries).max())
        return float(np.abs(self.slopes).max()) if self.slopes else 0.0

    def agrees(self, gradient: Array | None) -> bool:
        """True if a gradient has the true entries wherever these are known."""
        fitted = fit(gradient, self.shape)
        if fitted is None or not np.all(np.isfinite(fitted)):
            return False
        if not self._has_entries(fitted):
            return False
        return self.is_whole_but_for_kinks or all(
            abs(float(np.sum(direction * fitted)) - true)
            <= self.precision.tolerance * max(abs(true), _size(fitted, direction)) + self.floor
            for direction, true in zip(self.directions, self.slopes, strict=True)
        )

    def _has_entries(self, fitted: Array) -> bool:
        """True if a gradient in the value's shape has the entries that were computed."""
        ours = fitted.ravel()
        allowed = self.precision.tolerance * max(self.scale, float(np.abs(ours).max(initial=0)))
        off = np.abs(ours[self.where] - self.entries)
        return bool(off.max(initial=0) <= allowed + self.floor)


def _size(gradient: Array, direction: Array) -> float:
    """What a random direction's derivative is like in size."""
    return float(np.linalg.norm(gradient) * np.linalg.norm(direction) / np.sqrt(gradient.size))


def unit_direction(shape: tuple[int, ...], purpose: str, number: int, seed: int = 0) -> Array:
    """A random direction of length one."""
    direction = generator(seed, purpose, number).standard_normal(shape)
    return np.asarray(direction / (np.linalg.norm(direction) or 1.0))


def probe(
    loss: Loss, values: Values, name: str, precision: Precision, count: int = 2, seed: int = 0
) -> Truth:
    """The true gradient along random directions: two say whether a gradient is right."""
    truth = Truth(np.shape(values[name]), precision=precision)
    value = loss(values)
    truth.floor = 1e-10 * max(1.0, abs(value)) if precision is not FLOAT32 else 1e-3
    for number in range(4 * count):
        if len(truth.slopes) == count:
            break
        direction = unit_direction(truth.shape, f"direction {name}", number, seed)
        found = slope(loss, values, name, direction, precision, 1e-3 * truth.scale)
        if found.smooth:
            truth.directions.append(direction)
            truth.slopes.append(found.value)
    return truth


def measure(
    loss: Loss, values: Values, name: str, truth: Truth, gradient: Array | None, count: int
) -> None:
    """Find a true gradient entry by entry.

    Args:
        truth: where the entries are put.
        gradient: what the code gives: of a large one, its largest entries go first.
        count: how many entries, if there are so many.
    """
    size = int(np.prod(truth.shape))
    order = _order(truth, gradient, size)
    where, entries = [], []
    for position in order[:count]:
        direction = np.zeros(size)
        direction[position] = 1.0
        found = slope(
            loss, values, name, direction.reshape(truth.shape), truth.precision, truth.scale
        )
        if found.smooth:
            where.append(position)
            entries.append(found.value)
    truth.where, truth.entries = np.array(where, int), np.array(entries)
    truth.kinks = len(order[:count]) - len(where)


def _order(truth: Truth, gradient: Array | None, size: int) -> Array:
    """All positions at random; in large arrays after entries of a row, of two columns, of all and
    of the largest, in turn."""
    order = generator(0, "entries").permutation(size)
    if size <= 400 or len(truth.shape) < 2:
        return order
    grid = np.arange(size).reshape(truth.shape[0], -1)
    kinds = [grid[:, 0][:40], grid[0][:40], grid[:, 1:2].ravel()[:20], order[:40]]
    if gradient is not None and np.size(gradient) == size:
        kinds.append(np.argsort(-np.abs(np.ravel(gradient)), kind="stable")[:20])
    turns = np.concatenate([np.arange(len(kind)) for kind in kinds])
    first = np.concatenate(kinds)[np.argsort(turns, kind="stable")]
    _, keep = np.unique(first, return_index=True)
    return np.concatenate([first[np.sort(keep)], np.setdiff1d(order, first)])
