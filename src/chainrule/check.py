"""The gradient doctor: which line of a hand-written backward pass is wrong, and why.

    import chainrule as cr

    cr.check.diagnose(layer, x)

This is the door; `chainrule.doctor` is the house.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import redirect_stdout
from io import StringIO
from os import PathLike
from pathlib import Path
from typing import Any

from chainrule.doctor.findings import Diagnosis, Finding
from chainrule.doctor.verdict import Verdict
from chainrule.errors import CheckError
from chainrule.rewrites.causes import CODES

__all__ = ["CODES", "Diagnosis", "Finding", "Verdict", "diagnose"]


def diagnose(
    subject: Any,
    x: Any = None,
    y: Any = None,
    *,
    loss: Callable[..., Any] | None = None,
    learning_rate: float | None = None,
    **more: Any,
) -> Diagnosis:
    """What is wrong with hand-written gradients, why, and on which line.

    Args:
        subject: a layer or network (an object, chainrule's own or any other), a pair of functions
            (forward and backward, or an activation or a loss and its derivative), a dictionary as
            `example(rng)` returns it, or the path of a file.
        x, y: a batch, and its targets where the code asks for them.
        loss: the loss that the backward pass begins with: loss(y, params) or loss(y_true, y_pred).
        learning_rate: for code that updates its own weights.
        more: further entries of the example: params, predict, axis, of, grads.
    Returns:
        the diagnosis; its `verdict` is right, wrong or partly checked.
    Raises:
        CheckError: it is not checked; the message says why.

    The code runs in this process. `chainrule check` runs it in one of its own, with limits.

    >>> import numpy as np
    >>> class Double:
    ...     def forward(self, x):
    ...         return 2 * x
    ...     def backward(self, dy):
    ...         return -2 * dy
    >>> diagnosis = diagnose(Double(), np.ones((3, 2)))
    >>> diagnosis.ok, diagnosis.findings[0].code
    (False, 'sign')
    """
    from chainrule.doctor.diagnosis import answered, diagnose_case, diagnose_file
    from chainrule.doctor.intake.examples import from_example
    from chainrule.foreign.errors import CannotCheckError, EndlessError
    from chainrule.foreign.running.randomness import Randomness

    try:
        with redirect_stdout(StringIO()):  # what the code prints is not asked for
            if isinstance(subject, (str, PathLike)):
                return diagnose_file(Path(subject))
            given = {"x": x, "y": y, "loss": loss, "learning_rate": learning_rate, **more}
            example = _as_example(subject, {k: v for k, v in given.items() if v is not None})
            return answered(diagnose_case(from_example(example, Randomness([]))))
    except (CannotCheckError, EndlessError) as error:
        raise CheckError(str(error)) from None


def _as_example(subject: Any, given: dict[str, Any]) -> dict[str, Any]:
    """The dictionary that `example(rng)` would return."""
    if isinstance(subject, Mapping):
        return {**subject, **given}
    if isinstance(subject, tuple) and len(subject) == 2:
        first, second = subject
        if "params" in given or "axis" in given:
            return {"forward": first, "backward": second, **given}
        if "y" in given:
            return {"loss": first, "derivative": second, **given}
        return {"function": first, "derivative": second, **given}
    return {"layer": subject, **given}
