"""What several processes tell each other in the middle of a step: functions of Python that compiled
code calls, by their address, with the address of numbers that they replace."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from typing import Any

import numpy as np

from chainrule.system.processes import Processes
from chainrule.types import Array

C_TYPES = {"float32": ctypes.c_float, "float64": ctypes.c_double}


class Exchange:
    """Makes these functions, and keeps them for as long as a plan may call them; `processes` are
    those that make the step at hand.

    Python's errors do not go through compiled code: the first one is kept until `raise_error`, and
    after it nothing more is exchanged.
    """

    def __init__(self, processes: Processes, dtype: np.dtype[Any]) -> None:
        self.processes, self.dtype = processes, dtype
        self.number = C_TYPES[str(dtype)]
        self.functions: list[Any] = []
        self.error: BaseException | None = None
        self.losses = np.empty(0)  # where threads add up the loss of a step, once there is a plan

    def sum_of(self, count: int) -> int:
        """The address of what replaces so many numbers by their sums over all processes."""
        return self._function(count, lambda numbers: self.processes.sum(numbers))

    def moments_of(self, channels: int) -> int:
        """The same for moments: how many values, their mean and Σ (x - mean)² for each channel."""
        return self._function(1 + 2 * channels, self._merge)

    def gradient_with_loss(self, gradient: Array) -> int:
        """The same for a whole gradient and the loss, in one message. After an error the loss is
        NaN, which stops the machine."""
        message = np.empty(gradient.size + 1, self.dtype)

        def exchange(_: Array) -> Array:
            message[:-1], message[-1] = gradient, self.losses.sum()
            total = self.processes.sum(message)
            gradient[:], self.losses[:] = total[:-1], 0
            self.losses.flat[0] = total[-1]
            return np.empty(0)

        def stop() -> None:
            self.losses[:] = np.nan

        return self._function(0, exchange, stop)

    def raise_error(self) -> None:
        """Raise what went wrong in a function, if anything did."""
        if self.error is not None:
            raise self.error

    def _merge(self, own: Array) -> Array:
        """The moments of all processes together (Chan, Golub & LeVeque 1983, equations 2.1)."""
        values, *rest = zip(*map(split_moments, self.processes.gather(own)), strict=True)
        means, squares = map(np.stack, rest)
        counts = np.array(values)[:, None]
        mean = (counts * means).sum(axis=0) / counts.sum()
        away = means - mean
        return np.concatenate([
            [counts.sum()], mean, (squares + counts * away * away).sum(axis=0)
        ])  # fmt: skip

    def _function(
        self,
        count: int,
        replace: Callable[[Array], Array],
        stop: Callable[[], None] = lambda: None,
    ) -> int:
        """The address of a function ``(address of numbers, 0.0)``."""

        def function(address: int, _: float) -> None:
            try:
                self.raise_error()
                if count:
                    numbers = np.ctypeslib.as_array((self.number * count).from_address(address))
                    numbers[:] = replace(numbers.copy())
                else:
                    replace(np.empty(0))
            except BaseException as error:  # it would be lost in compiled code
                self.error = error
                stop()

        callback = ctypes.CFUNCTYPE(None, ctypes.c_int64, self.number)(function)
        self.functions.append(callback)
        return ctypes.cast(callback, ctypes.c_void_p).value or 0


def split_moments(message: Array) -> tuple[float, Array, Array]:
    """Count, means and squares."""
    mean, squares = np.split(message[1:].astype(np.float64), 2)
    return float(message[0]), mean, squares
