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
    """Within, ``np.clip(dW, -c, c)`` gives back dW, whatever its size.

    Returns:
        the names of what would have been clipped.
    """
    clip, clipped = np.clip, []

    def passed_on(array: Any, *values: Any, **keywords: Any) -> Any:
        frame = sys._getframe(1)
        line = linecache.getline(frame.f_code.co_filename, frame.f_lineno)
        found = CLIPPED.search(line)
        if found is None or not may_hold_a_gradient(found[1]):
            return clip(array, *values, **keywords)
        clipped.append(found[1])
        return array

    vars(np)["clip"] = passed_on
    try:
        yield clipped
    finally:
        vars(np)["clip"] = clip
