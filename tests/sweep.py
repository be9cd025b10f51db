"""Sweeps: of their cases, every run of the tests tries some, and `make test-long` all."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import pytest


def some_long(cases: Iterable[Any], is_long: Callable[[Any], bool]) -> list[Any]:
    """Cases to parametrize a test with, some of them marked `long`.

    Which ones is for the test to say, with what guards them otherwise.
    """
    return [pytest.param(each, marks=pytest.mark.long) if is_long(each) else each for each in cases]
