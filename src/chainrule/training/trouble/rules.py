"""When a training is in trouble, and what helps.

A rule is a function that looks at a training and returns a warning, or None. It should be silent
about every healthy network: a network that has learnt may well be saturated or hand back next to
no gradient, so such rules ask first whether it has.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import numpy as np

from chainrule.callbacks import EarlyStopping, Training
from chainrule.layers import BatchNorm, HardSigmoid, LayerNorm, LogSoftmax, Sigmoid
from chainrule.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    KLDivergence,
    Loss,
    SoftmaxCrossEntropy,
)
from chainrule.passages import Passage, Recording
from chainrule.training.trouble.inputs import range_of, unlike
from chainrule.training.trouble.measures import (
    EXPLODED,
    RANGES,
    SATURATED,
    UNSCALED,
    VANISHED,
    count_dead,
    largest_feature,
    length,
    share_saturated,
)
from chainrule.types import Array

# So much of the loss the outputs save, where they say anything about the targets: on many examples,
# and on few, where it may be chance.
LEARNT, LEARNT_ON_FEW = 0.1, 0.5
EXCHANGES = 7  # outputs are handed on by 1, 2, … places; targets that repeat may fit some of them
# The share of a layer's units, and of its values. With half of its units dead the CNN of the emnist
# lab learns well, and gradients pass through the values that are left.
MOST_DEAD, MOST_SATURATED = 0.75, 0.9
STILL = 0.01  # so little of itself a loss moves, in at least so many epochs and steps:
STILL_EPOCHS, STILL_STEPS = 10, 100
# The validation loss gives back so much of what it had gained, so many epochs after its best.
GIVEN_BACK, RISING_EPOCHS = 0.2, 5
EXAMPLES_FOR_A_CLASS = 10  # with fewer on average, a class may be missing by chance


T = TypeVar("T")


class FirstAsked(Generic[T]):
    """A property that is found out when it is first asked for, and kept.

    `functools.cached_property` holds a lock meanwhile, until Python 3.12 one for all objects: a
    child of a fork waits for ever if another thread had it.
    """

    def __init__(self, find_out: Callable[[Any], T]) -> None:
        self.find_out = find_out
        self.name = find_out.__name__

    def __get__(self, owner: object, kind: type) -> T:
        value = vars(owner)[self.name] = self.find_out(owner)  # found there from now on
        return value


@dataclass(frozen=True)
class Look:
    """What a rule sees: a training, and some of its examples in every layer."""

    training: Training
    recording: Recording
    look_closer: Callable[[], tuple[list[Passage], Array] | None]

    @FirstAsked
    def closer(self) -> tuple[list[Passage], Array] | None:
        """More examples on their way forward, and their targets, for suspicions; None where that
        cannot be: then nothing is suspected."""
        return self.look_closer()

    @FirstAsked
    def has_learnt(self) -> bool:
        """True if the outputs say something about the targets, or if too little is known."""
        few = self.recording
        if saved(self.training.loss, few.outputs, few.targets) >= LEARNT_ON_FEW:
            return True
        if self.closer is None:
            return True
        passages, targets = self.closer
        return saved(self.training.loss, passages[-1].y, targets) >= LEARNT

    @property
    def learning(self) -> list[Passage]:
        """The passages through layers that have parameters."""
        return [passage for passage in self.recording.passages if passage.parameters]

    @FirstAsked
    def dead(self) -> Passage | None:
        """The first layer whose units are mostly dead. In a healthy network many are 0 for most
        examples, so more of them are asked before one is called dead."""
        if not self.may_be_dead or self.closer is None:
            return None
        return next(filter(most_dead, self.closer[0]), None)

    @FirstAsked
    def may_be_dead(self) -> bool:
        """True if there is such a layer for the few examples."""
        return any(map(most_dead, self.recording.passages))

    @FirstAsked
    def saturated(self) -> Passage | None:
        """The first saturated layer, of those that another one learns from: the outputs should end
        at the ends of their range."""
        passages = self.recording.passages
        last = max((n for n, passage in enumerate(passages) if passage.parameters), default=0)
        return next(filter(most_saturated, passages[:last]), None)


Rule = Callable[[Look], str | None]


# --- before training ------------------------------------------------------------------------------


def unscaled_input(look: Look) -> str | None:
    """Inputs of 0 to 255, incomes beside ages: steps that suit one weight are wild for another."""
    if not look.learning or isinstance(look.learning[0].layer, (BatchNorm, LayerNorm)):
        return None
    largest = largest_feature(look.learning[0].x)
    if not largest > UNSCALED:
        return None
    return (
        f"the input is not scaled: values of about {largest:.3g} reach {look.learning[0].place}; "
        "bring x to about 0 to 1 (pixels: x / 255), or to mean 0 and standard deviation 1"
    )


def validation_unlike_training(look: Look) -> str | None:
    """Validation data that was prepared otherwise than the training data."""
    held_out, trained = look.training.held_out, range_of(look.training.data.x)
    difference = trained and held_out and unlike(held_out.x, trained)
    return f"the validation data has {difference}" if difference else None


def missing_classes(look: Look) -> str | None:
    """Classes that the network has an output for, but the training part no example of."""
    y, outputs = np.asarray(look.training.data.y), look.recording.outputs
    classes = outputs.shape[-1]
    if outputs.ndim != 2 or classes < 2 or len(y) < EXAMPLES_FOR_A_CLASS * classes:
        return None
    occurs = np.zeros(classes, bool)
    if y.ndim == 1 and y.dtype.kind in "iub":
        occurs[y[(y >= 0) & (y < classes)].astype(np.intp)] = True  # others are refused in time
    elif isinstance(look.training.loss, (SoftmaxCrossEntropy, CategoricalCrossEntropy)):
        occurs[:] = (y != 0).any(axis=0)
    else:
        return None
    missing = np.flatnonzero(~occurs)
    if not len(missing):
        return None
    named = ", ".join(map(str, missing[:8])) + (", …" if len(missing) > 8 else "")
    subject = f"class {named} occurs" if len(missing) == 1 else f"classes {named} occur"
    return (
        f"{subject} in no training example, though the network has {classes} outputs: check how "
        "the data was split, and that classes are numbered from 0"
    )


def probabilities_for_logits(look: Look) -> str | None:
    """A loss on logits takes the softmax or sigmoid itself: after a second one it learns slowly and
    cannot come near 0."""
    last, loss = look.recording.passages[-1], look.training.loss
    takes_logits = isinstance(loss, SoftmaxCrossEntropy) or (
        isinstance(loss, BinaryCrossEntropy) and loss.from_logits
    )
    squashed = isinstance(last.layer, (LogSoftmax, Sigmoid, HardSigmoid))
    if not takes_logits or not (squashed or are_distributions(last.y)):
        return None
    instead = "CategoricalCrossEntropy()"
    if isinstance(last.layer, (Sigmoid, HardSigmoid)):
        instead = "BinaryCrossEntropy(from_logits=False)"
    elif isinstance(last.layer, LogSoftmax):
        instead = "KLDivergence()"
    return (
        f"{type(loss).__name__} takes logits, but the network ends in {last.place}: leave that "
        f"layer out, or train with the loss {instead}"
    )


def logits_for_probabilities(look: Look) -> str | None:
    """A loss on probabilities holds what is none at the ends of their range, without a gradient."""
    last, loss = look.recording.passages[-1], look.training.loss
    if isinstance(loss, CategoricalCrossEntropy):
        wanted, layer, fits = "probabilities", "Softmax", are_distributions(last.y)
    elif isinstance(loss, BinaryCrossEntropy) and not loss.from_logits:
        inside = bool(((last.y >= 0) & (last.y <= 1)).all())
        wanted, layer, fits = "probabilities", "Sigmoid", inside
    elif isinstance(loss, KLDivergence):
        wanted, layer, fits = "log-probabilities", "LogSoftmax", are_distributions(np.exp(last.y))
    else:
        return None
    if fits:
        return None
    return (
        f"{type(loss).__name__} takes {wanted}, but {last.place} puts out something else: end the "
        f"network with {layer}()"
    )


def batch_norm_of_one(look: Look) -> str | None:
    """A batch with one value for each channel has no variance: all is normalized to 0."""
    plan, available = look.training.plan, len(look.training.data.x)
    batch = plan.examples_in_batch(available)
    in_last = (plan.examples_in_epoch(available) - 1) % batch + 1
    alone = [
        passage
        for passage in look.recording.passages
        if isinstance(passage.layer, BatchNorm) and passage.x[0].size == passage.x.shape[-1]
    ]
    if not alone or in_last > 1:
        return None
    which, remedy = "every batch is", "a larger batch_size, or LayerNorm"
    if batch > 1:
        which, remedy = "the last batch of each epoch is", "another batch_size"
    return (
        f"{alone[0].place} normalizes all to 0 where a batch has one example, and {which} one "
        f"example: use {remedy}"
    )


# --- while it trains ------------------------------------------------------------------------------


def dead_units(look: Look) -> str | None:
    """Units that are 0 for all examples get no gradient, and so stay as they are."""
    if look.dead is None:
        return None
    dead, units = count_dead(look.dead)
    return (
        f"{dead} of {units} units of {look.dead.place} are 0 for all {len(look.dead.x)} examples "
        "looked at, and a dead unit does not learn: lower the learning rate, bring the input to "
        "mean 0, or use LeakyReLU"
    )


def saturated_layer(look: Look) -> str | None:
    """Activations at the ends of their range, where the slope is nearly zero, and little learnt."""
    if look.saturated is None or look.has_learnt:
        return None
    low, high = RANGES[type(look.saturated.layer)]
    return (
        f"{look.saturated.place} is saturated: {share_saturated(look.saturated.y, low, high):.0%} "
        f"of its values lie within {SATURATED:.0%} of an end of [{low:g}, {high:g}], where the "
        "slope is nearly zero: scale the input, begin with smaller weights, or lower the learning "
        "rate"
    )


def vanishing_gradients(look: Look) -> str | None:
    """Gradients that hardly reach the first layers, and little learnt. Where units are dead or
    saturated, that is why."""
    if look.may_be_dead or look.saturated:
        return None
    for passage, ratio in gradients(look):
        if ratio <= VANISHED and not look.has_learnt:
            return (
                f"gradients vanish: at {passage.place} their length is {ratio:.2g} of that at "
                f"{look.learning[-1].place}: use ReLU with initializer='he', BatchNorm, or "
                "Residual around some layers"
            )
    return None


def exploding_gradients(look: Look) -> str | None:
    """Gradients that grow on their way to the first layers, and little learnt."""
    for passage, ratio in gradients(look):
        if EXPLODED <= ratio < np.inf and not look.has_learnt:
            return (
                f"gradients explode: at {passage.place} their length is {ratio:.2g} times that at "
                f"{look.learning[-1].place}: begin with smaller weights, use BatchNorm, or clip "
                "(--clip 1, in Python an optimizer's clip_norm=1)"
            )
    return None


def still_loss(look: Look) -> str | None:
    """A loss that has stayed where it began for half of the training, with nothing learnt."""
    history, plan = look.training.history, look.training.plan
    epochs, in_epoch = len(history), plan.steps_in_epoch(len(look.training.data.x))
    if epochs < max(STILL_EPOCHS, STILL_STEPS / in_epoch, plan.epochs / 2):
        return None
    first, last = history[0]["loss"], history[-1]["loss"]
    margin = STILL * abs(first)
    if any(abs(record["loss"] - first) > margin for record in reversed(history.records)):
        return None
    if look.has_learnt:
        return None
    return (
        f"the loss has not moved in {epochs} epochs, {first:.4g} to {last:.4g}, and the outputs "
        "say nothing about the targets: try another learning rate, scale the input, and check "
        "that each y belongs to its x"
    )


def validation_rises(look: Look) -> str | None:
    """Overfitting: the validation loss rises while the training loss falls. `EarlyStopping` sees to
    that itself."""
    history = look.training.history
    watched = any(isinstance(callback, EarlyStopping) for callback in look.training.callbacks)
    if watched or not history.has("validation_loss"):
        return None
    losses, validation = history["loss"], history["validation_loss"]
    best = int(np.argmin(validation))
    if len(losses) - 1 - best < RISING_EPOCHS:
        return None
    now = float(np.mean(validation[-RISING_EPOCHS:]))
    gained = max(validation[0] - validation[best], abs(validation[best]))
    if now - validation[best] < GIVEN_BACK * gained or losses[-1] >= losses[best]:
        return None
    return (
        f"the validation loss rises, from {validation[best]:.4g} in epoch {best + 1} to "
        f"{validation[-1]:.4g}, while the training loss falls: stop there (--early-stopping, in "
        "Python callbacks=[EarlyStopping()]), or use dropout, weight decay, or more data"
    )


# --- all of them ----------------------------------------------------------------------------------

BEFORE_TRAINING: Sequence[Rule] = (
    unscaled_input,
    validation_unlike_training,
    missing_classes,
    probabilities_for_logits,
    logits_for_probabilities,
    batch_norm_of_one,
)
WHILE_TRAINING: Sequence[Rule] = (
    dead_units,
    saturated_layer,
    vanishing_gradients,
    exploding_gradients,
    still_loss,
    validation_rises,
)


# --- what they measure ----------------------------------------------------------------------------


def saved(loss: Loss, outputs: Array, targets: Array) -> float:
    """How much lower the loss is than with the outputs exchanged between examples, as a part of
    that: about 0 if the outputs say nothing about the targets, 1 if they say all."""
    value = loss.forward(outputs, targets)[0]
    exchanged = [
        loss.forward(np.roll(outputs, places, axis=0), targets)[0]
        for places in range(1, min(len(outputs), EXCHANGES + 1))
    ]
    mean = float(np.mean(exchanged)) if exchanged else value
    return (mean - value) / abs(mean) if mean else 0.0


def most_dead(passage: Passage) -> bool:
    """True if most units of a layer are 0 for all examples."""
    dead, units = count_dead(passage)
    return 0 < dead >= MOST_DEAD * units


def most_saturated(passage: Passage) -> bool:
    """True if most values of a layer lie at the ends of its range."""
    ends = RANGES.get(type(passage.layer))
    return ends is not None and share_saturated(passage.y, *ends) >= MOST_SATURATED


def gradients(look: Look) -> Iterator[tuple[Passage, float]]:
    """The passages through layers that learn, from the last to the first, each with the length of
    the gradient that reaches it, beside that of the last one."""
    lengths = [(passage, length(passage.dy)) for passage in reversed(look.learning)]
    if lengths and lengths[0][1] > 0:
        yield from ((passage, value / lengths[0][1]) for passage, value in lengths)


def are_distributions(rows: Array) -> bool:
    """True if every row holds probabilities that sum to 1."""
    is_row = rows.ndim > 1 and rows.shape[-1] > 1
    return is_row and bool((rows >= 0).all()) and bool((abs(rows.sum(axis=-1) - 1) < 1e-3).all())
