"""Gradients are compared as they are before they are clipped."""

from __future__ import annotations

import linecache
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from chainrule.foreign.naming.gradient_names import may_hold_a_gradient

CLIPPED = re.compile(r"clip\(\s*(?:\w+\.)*(\w+)")  # the name of what is clipped
UNCLIPPED = "gradients that are clipped were compared as they are before"


@contextmanager
def without_clipping() -> Iterator[list[str]]:
    """Within, ``np.clip(dW, -c, c)`` gives back dW, whatever its size, and ``np.clip(each, -c, c,
    out=each)`` changes nothing.

    Returns:
        the names of what would have been clipped.
    """
    clip, clipped = np.clip, []

    def passed_on(array: Any, *values: Any, **keywords: Any) -> Any:
        frame = sys._getframe(1)
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        found = CLIPPED.search(line)
        is_named = found is not None and may_hold_a_gradient(found[1])
        if not is_named and not _is_in_place(array, values, keywords):
            return clip(array, *values, **keywords)
        clipped.append(found[1] if found else "")
        return array

    vars(np)["clip"] = passed_on
    try:
        yield clipped
    finally:
        vars(np)["clip"] = clip


def _is_in_place(array: Any, values: tuple[Any, ...], keywords: dict[str, Any]) -> bool:
    """True if an array is held between -c and c where it lies, as a backward pass does with its
    gradients, whatever it calls them."""
    is_own = keywords.get("out") is array
    return is_own and len(values) == 2 and np.array_equal(values[0], np.negative(values[1]))
