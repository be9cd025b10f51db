"""Names as people spell them: what a misspelt one may have meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from itertools import islice

from chainrule.limits import shortened

SEPARATORS = str.maketrans("", "", "-_ ")  # left out where names are compared
COMPARED = 1000  # names at most; comparing takes long


def plain(name: str) -> str:
    """A name without what does not matter in it: case, ``-``, ``_`` and spaces.

    >>> plain("Soft-Max")
    'softmax'
    """
    return name.translate(SEPARATORS).lower()


def nearest(name: str, names: Iterable[str], likeness: float) -> str | None:
    """The one of some names, from files perhaps, that is most like a name which is none of them.

    Args:
        likeness: how like it must at least be: 1 is the same, 0 is anything.

    >>> nearest("Temprature", ["pressure", "temperature"], 0.6)
    'temperature'
    >>> nearest("x", ["pressure", "temperature"], 0.6)
    """
    compared = {plain(short): short for short in map(shortened, islice(names, COMPARED))}
    found = difflib.get_close_matches(plain(shortened(name)), compared, n=1, cutoff=likeness)
    return compared[found[0]] if found else None
