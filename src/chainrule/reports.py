"""A report of any training: of a network with layers of one's own, and of a loop that knows nothing
of chainrule."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from chainrule.errors import ArgumentError
from chainrule.history import History
from chainrule.metrics import r2, root_mean_squared_error, true_classes
from chainrule.presentation.display import counted, describe_numbers
from chainrule.types import Array

if TYPE_CHECKING:
    from chainrule.experiments.document import Document
    from chainrule.experiments.judged import Judged

__all__ = ["report"]

REGRESSION = (root_mean_squared_error, r2)
SUM_TO_ONE = 1e-3  # how far the probabilities of an example may be from it, by rounding


def report(
    history: History,
    x: Any = None,
    y: Any = None,
    predict: Callable[[Array], Any] | None = None,
    *,
    title: str = "Training",
    part: str = "test",
    class_names: Sequence[str] | None = None,
) -> Document:
    """The report of a training: learning curves, and what is predicted right and wrong.

    Args:
        history: of `fit`, or one's own, filled by `record`.
        x, y: examples to judge by, and their class numbers ``(N,)`` or their numbers ``(N, …)``.
            Images ``(N, height, width)`` or ``(N, height, width, channels)`` are shown.
        predict: what the network makes of such examples: class numbers ``(N,)``, scores
            ``(N, classes)`` of which the largest counts, or for a regression numbers like `y`.
        part: which examples these are, in a word.
        class_names: what the classes are called; their numbers unless given.
    Returns:
        A document: `write("folder")` makes report.html, and report.md with its pictures.
    Raises:
        ArgumentError: nothing was recorded, or x, y and predictions do not fit together.

    >>> history = History()
    >>> for loss in (0.9, 0.4):
    ...     history.record(loss=loss)
    >>> x, y = np.array([[0.0, 1.0], [1.0, 0.0]]), np.array([1, 0])
    >>> document = report(history, x, y, predict=lambda x: x, title="Two points")
    >>> print(document.parts[1].text)
    After 2 epochs, 100.00 % of the 2 test examples are classified correctly.
    """
    from chainrule.experiments.document import Document
    from chainrule.experiments.features import Feature
    from chainrule.experiments.report import (
        add_judgement,
        describe_best,
        describe_classes,
        draw_history,
    )

    if not len(history):
        raise ArgumentError("the history has no epochs: train, or call record(loss=…) first")
    given = [each is not None for each in (x, y, predict)]
    if any(given) != all(given):
        raise ArgumentError("x, y and predict go together: give all three, or none")
    document = Document(title)
    trained = f"After {counted(len(history), 'epoch')}"
    judged = _judge(x, y, predict, part, class_names) if predict is not None else None
    if judged is None:
        last = {name: values[-1] for name, values in history.measured().items()}
        document.paragraph(f"{trained}: {_in_words(last)}.")
    elif judged.class_names is not None:
        document.paragraph(f"{trained}, {describe_classes(judged)}.")
    else:
        numbers = {metric.__name__: metric(judged.answers, judged.y) for metric in REGRESSION}
        examples = counted(len(judged.x), f"{part} example")
        document.paragraph(f"{trained}, on the {examples}: {_in_words(numbers)}.")
    for warning in history.warnings:
        document.paragraph(f"Warning: {warning}.")
    losses = history.measured().get("validation_loss", [])
    draw_history(document, history, f"What was measured after each epoch.{describe_best(losses)}")
    if judged is not None:
        inputs = int(np.prod(judged.x.shape[1:]))
        features = [Feature(f"x{number}") for number in range(1, inputs + 1)]
        add_judgement(document, judged, features, "y")
    return document


def _in_words(numbers: dict[str, float]) -> str:
    return describe_numbers(numbers).replace("   ", ", ")


def _judge(
    x: Any, y: Any, predict: Callable[[Array], Any], part: str, class_names: Sequence[str] | None
) -> Judged:
    """The examples with what is predicted for them."""
    from chainrule.experiments.judged import Judged

    x, y = np.asarray(x), np.asarray(y)
    outputs = np.asarray(predict(x))
    if not len(x) == len(y) == len(outputs) or not len(x):
        raise ArgumentError(
            f"x has {counted(len(x), 'example')}, y {len(y)} and predict gives {len(outputs)}: "
            "expected the same number, at least 1"
        )
    is_regression = class_names is None and y.dtype.kind == "f"
    if is_regression and outputs.size != y.size:
        raise ArgumentError(
            f"y has shape {y.shape} and predict gives {outputs.shape}: expected the same numbers; "
            "classes are whole numbers, y.astype(int) or y.argmax(axis=1)"
        )
    if is_regression:
        return Judged(part, x, y.reshape(outputs.shape), outputs, lambda x: np.asarray(predict(x)))
    true = true_classes(y)
    answers = _classes(outputs)
    count = 1 + int(max(true.max(), answers.max(), outputs.shape[1] - 1 if outputs.ndim > 1 else 0))
    names = tuple(map(str, range(count) if class_names is None else class_names))
    if len(names) < count:
        raise ArgumentError(f"there are {count} classes, but {len(names)} class_names")
    probabilities = _probabilities(outputs)
    return Judged(
        part,
        _shown(x),
        true,
        answers,
        lambda x: _classes(np.asarray(predict(x))),
        names,
        probabilities,
        None if probabilities is None else -np.log(probabilities[np.arange(len(x)), true] + 1e-12),
    )


def _classes(outputs: Array) -> Array:
    """The class numbers that outputs stand for."""
    if outputs.ndim == 2 and outputs.shape[1] > 1:
        return outputs.argmax(axis=1)
    if outputs.dtype.kind in "iub" and outputs.size == len(outputs):
        return outputs.reshape(-1).astype(np.int64)
    raise ArgumentError(
        f"predict gives numbers of type {outputs.dtype} and shape {outputs.shape}, which are no "
        "classes: expected whole numbers (N,), as (outputs > 0.5).astype(int) are, or a score for "
        "each class (N, classes)"
    )


def _probabilities(outputs: Array) -> Array | None:
    """Outputs that are probabilities of classes; None where they are none."""
    if outputs.ndim != 2 or outputs.shape[1] < 2 or outputs.dtype.kind != "f":
        return None
    are = (outputs >= 0).all() and np.allclose(outputs.sum(axis=1), 1, atol=SUM_TO_ONE)
    return outputs if are else None


def _shown(x: Array) -> Array:
    """Examples as they are drawn: images have a last axis for their channels, and lie in [0, 1]."""
    if x.ndim == 3:
        x = x[..., None]
    if x.ndim != 4 or (x.min() >= 0 and x.max() <= 1):
        return x
    low, high = float(x.min()), float(x.max())
    return (x - low) / (high - low)
