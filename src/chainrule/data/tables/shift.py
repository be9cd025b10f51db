"""Tables unlike the one that a network was trained on: columns whose values lie elsewhere, by more
than two random parts of one table ever differ.

Each test asks how likely so large a difference were if training and later values had been dealt out
at random, and bounds that, whatever the distribution of the values is. Of n later values and m of
training, together n + m,

- k later ones lie outside the range of training, and are thus the outermost of all: at most
  (k + 1) C(n, k) / C(n + m, k);
- the shares below some value are D apart: at most e exp(-2 D² n m / (n + m)), Smirnov's test (Wei &
  Dudley, Two-sample Dvoretzky-Kiefer-Wolfowitz inequalities, 2012);
- k later ones are in some of c categories, and none of training is: at most
  2^c C(n, k) / C(n + m, k);
- a share q of the later ones is missing, and p of all: at most exp(-n KL(q, p)) (Hoeffding,
  Probability inequalities for sums of bounded random variables, 1963).
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence

import numpy as np

from chainrule.data.tables.columns import SHARES, CategoryColumn, Column, NumberColumn, as_texts
from chainrule.data.tables.table import quoted
from chainrule.types import Array

CHANCE = 1e-4  # of a warning without cause, for a whole table
TESTS = 3  # of a column, at most
OUTSIDE = 0.5  # of the values beyond the range
APART = 0.4  # on either side of a quartile: a normal column moved by a deviation
MUCH = 0.2  # of the values in new categories, or missing that were not
NAMED = 5  # columns in a warning

Difference = tuple[float, str]  # the logarithm of how likely it is by chance; what it is


def shifted(columns: Sequence[Column], rows: int, cells: Sequence[Array]) -> list[str]:
    """A warning of columns that lie elsewhere than in the `rows` they were learnt on.

    >>> sizes = NumberColumn.learn("size", np.arange(100.0))
    >>> len(shifted([sizes], 100, [np.arange(5) + 1000.0])), shifted([sizes], 100, [np.arange(5)])
    (1, [])
    """
    allowed = math.log(CHANCE / (TESTS * max(1, len(columns))))
    told = []
    for column, values in zip(columns, cells, strict=True):
        chance, difference = min(_differences(column, rows, values), default=(0.0, ""))
        if chance < allowed:
            told.append(f"{quoted(column.name)} ({difference})")
    if not told:
        return []
    more = f", … ({len(told):,} columns in all)" if len(told) > NAMED else ""
    return [
        f"warning: far from the training data, by more than chance: {', '.join(told[:NAMED])}"
        f"{more}; check units and origin, for predictions may be far off"
    ]


def _differences(column: Column, rows: int, cells: Array) -> Iterator[Difference]:
    """In what a column differs much, if in anything."""
    texts = None if isinstance(column, NumberColumn) else as_texts(cells)
    present = cells[~np.isnan(cells)] if texts is None else [t for t in texts if t is not None]
    yield from _missing(column, rows, len(cells), len(cells) - len(present))
    if not len(present):
        return
    if isinstance(column, NumberColumn):
        yield from _outside(column, rows - column.missing, np.asarray(present))
        yield from _moved(column, rows - column.missing, np.asarray(present))
    else:
        yield from _new(column, rows - column.missing, list(map(str, present)))


def _outside(column: NumberColumn, rows: int, values: Array) -> Iterator[Difference]:
    """Values beyond the range of training."""
    least, *_, largest = column.quartiles
    outside = int(np.sum((values < least) | (values > largest)))
    if outside >= OUTSIDE * len(values):
        given, trained = f"{values.min():g} to {values.max():g}", f"{least:g} to {largest:g}"
        chance = math.log(outside + 1) + _all_later(outside, len(values), rows)
        yield chance, f"{given}, in training {trained}"


def _moved(column: NumberColumn, rows: int, values: Array) -> Iterator[Difference]:
    """Values on the other side of a quartile of training."""
    apart = max(
        max(share - np.mean(values <= quartile), np.mean(values < quartile) - share)
        for share, quartile in zip(SHARES, column.quartiles, strict=True)
    )
    if apart >= APART:
        count = len(values)
        chance = 1 - 2 * float(apart) ** 2 * count * rows / (count + rows)
        yield chance, f"mean {values.mean():g}, in training {column.mean:g}"


def _new(column: CategoryColumn, rows: int, values: Sequence[str]) -> Iterator[Difference]:
    """Values in categories that training did not have."""
    known, new = {*column.categories}, [value for value in values if value not in column.categories]
    if len(new) >= MUCH * len(values):
        categories = len(known | {*values})
        chance = categories * math.log(2) + _all_later(len(new), len(values), rows)
        yield chance, f"{len(new):,} of {len(values):,} in categories that training did not have"


def _missing(column: Column, rows: int, count: int, missing: int) -> Iterator[Difference]:
    """Values that are missing, where training had them."""
    now, before = missing / count, column.missing / rows
    if now - before >= MUCH:
        of_all = (missing + column.missing) / (count + rows)
        chance = math.log(2) - max(count * _kl(now, of_all), rows * _kl(before, of_all))
        yield chance, f"{now:.0%} missing, in training {before:.0%}"


def _all_later(some: int, count: int, rows: int) -> float:
    """How likely all of `some` values are among the `count` later ones, as a logarithm."""
    return _log_choices(count, some) - _log_choices(count + rows, some)


def _log_choices(count: int, some: int) -> float:
    """The logarithm of the number of ways to choose some of so many."""
    return math.lgamma(count + 1) - math.lgamma(some + 1) - math.lgamma(count - some + 1)


def _kl(share: float, expected: float) -> float:
    """The Kullback-Leibler divergence of two shares.

    >>> _kl(0.5, 0.5), _kl(0.0, 0.5) == math.log(2)
    (0.0, True)
    """
    parts = ((share, expected), (1 - share, 1 - expected))
    return sum(part * math.log(part / whole) for part, whole in parts if part)
