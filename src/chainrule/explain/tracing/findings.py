"""Where something is wrong inside a network, and by which measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainrule.explain.tracing.statistics import percent, short
from chainrule.passages import Passage, Recording
from chainrule.training.trouble.measures import (
    EXPLODED,
    MANY_DEAD,
    MANY_SATURATED,
    RANGES,
    SATURATED,
    VANISHED,
    count_dead,
    first_unfinite,
    gradient_lengths,
    share_saturated,
)
from chainrule.types import Array


@dataclass(frozen=True)
class Finding:
    """Something worth looking at: what kind, at which layer, and what was measured."""

    kind: str
    layer: str
    evidence: str

    def __str__(self) -> str:
        return f"{self.layer}: {self.evidence}"


def find(recording: Recording) -> list[Finding]:
    """All findings, the gravest first."""
    return [
        *_unfinite(recording),
        *(finding for passage in recording.passages for finding in _saturated(passage)),
        *(finding for passage in recording.passages for finding in _dead(passage)),
        *_lengths(recording),
    ]


def _unfinite(recording: Recording) -> Iterator[Finding]:
    """The first place where a NaN or an infinity appears: on the way forward, else in the loss,
    else on the way back."""
    place = first_unfinite(recording)
    if place is None:
        return
    if place.name == "x":
        yield Finding("not finite", "the input", _counted(recording.x))
    elif place.passage is None:
        yield Finding("not finite", "the loss", f"is {recording.value}, the outputs are finite")
    else:
        way = "the first" if place.name == "y" else "the first on the way back"
        evidence = f"{place.name} holds {_counted(place.values)}, {way}"
        yield Finding("not finite", place.passage.name, evidence)


def _counted(array: Array) -> str:
    """``3 NaN and 1 infinite numbers``."""
    nan, infinite = int(np.isnan(array).sum()), int(np.isinf(array).sum())
    parts = [f"{nan:,} NaN"] * bool(nan) + [f"{infinite:,} infinite"] * bool(infinite)
    return f"{' and '.join(parts)} number{'s' if nan + infinite > 1 else ''} of {array.size:,}"


def _saturated(passage: Passage) -> Iterator[Finding]:
    ends = RANGES.get(type(passage.layer))
    if ends is None:
        return
    share = share_saturated(passage.y, *ends)
    if share >= MANY_SATURATED:
        yield Finding(
            "saturated",
            passage.name,
            f"{percent(share)} of the outputs lie within {percent(SATURATED)} of an end of "
            f"[{ends[0]:g}, {ends[1]:g}], where the slope is nearly zero "
            f"(reported from {percent(MANY_SATURATED)})",
        )


def _dead(passage: Passage) -> Iterator[Finding]:
    """Units of a rectifier that pass nothing on, for any of the examples."""
    dead, units = count_dead(passage)
    if dead and dead >= MANY_DEAD * units:
        examples = "this example" if len(passage.x) == 1 else f"all {len(passage.x)} examples"
        yield Finding(
            "dead",
            passage.name,
            f"{dead:,} of {units:,} units receive nothing above zero, for {examples} "
            f"(reported from {percent(MANY_DEAD)})",
        )


def _lengths(recording: Recording) -> Iterator[Finding]:
    """The first layer, going back, where the gradient is far shorter or longer than it was."""
    ratios = list(gradient_lengths(recording))
    vanished = [(p, "vanishing", ratio, VANISHED) for p, ratio in ratios if ratio <= VANISHED]
    exploded = [(p, "exploding", ratio, EXPLODED) for p, ratio in ratios if ratio >= EXPLODED]
    for passage, kind, ratio, limit in (*vanished[:1], *exploded[:1]):
        if np.isfinite(ratio):
            yield Finding(
                kind,
                passage.name,
                f"hands back a gradient {short(ratio)} times as long as the one at the output "
                f"(reported from {limit:g})",
            )
