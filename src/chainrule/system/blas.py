"""How many threads NumPy's BLAS multiplies matrices with."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from functools import cache
from typing import Any


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Within this block NumPy multiplies matrices on the thread that asks for it.

    OpenBLAS keeps its other threads spinning for a tenth of a second after a product, and so takes
    the cores away from whoever works next. Without threadpoolctl, NumPy does as it always does.

    >>> import numpy as np
    >>> with one_blas_thread():
    ...     np.ones((2, 3)) @ np.ones((3, 2))
    array([[3., 3.],
           [3., 3.]])
    """
    controller = _controller()
    with nullcontext() if controller is None else controller.limit(limits=1, user_api="blas"):
        yield


@cache
def _controller() -> Any:
    """What finds NumPy's BLAS among the loaded libraries, in a millisecond; None where nothing
    can."""
    try:
        from threadpoolctl import ThreadpoolController
    except ModuleNotFoundError:
        return None
    return ThreadpoolController()
