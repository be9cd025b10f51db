"""Where something is wrong inside a network, and by which measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from chainrule.experiments.recording import RANGES, SATURATED, share_saturated
from chainrule.explain.tracing.record import Passage, Recording
from chainrule.explain.tracing.statistics import percent, short
from chainrule.layers import ELU, GELU, LeakyReLU, ReLU, SiLU
from chainrule.parameters import Array

MANY_SATURATED = 0.5  # the share of a layer's outputs
MANY_DEAD = 0.5  # the share of a layer's units
VANISHED, EXPLODED = 1e-3, 1e3  # a gradient's length beside its length at the network's output
RECTIFIERS = (ReLU, LeakyReLU, ELU, GELU, SiLU)


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
    if not np.isfinite(recording.x).all():
        yield Finding("not finite", "the input", _counted(recording.x))
        return
    for passage in recording.passages:
        if not np.isfinite(passage.y).all():
            yield Finding("not finite", passage.name, f"y holds {_counted(passage.y)}, the first")
            return
    if not np.isfinite(recording.value):
        yield Finding("not finite", "the loss", f"is {recording.value}, the outputs are finite")
        return
    for passage in reversed(recording.passages):
        gradients = {f"d{name}": pair[1] for name, pair in passage.parameters.items()}
        for name, gradient in {"dy": passage.dy, **gradients, "dx": passage.dx}.items():
            if gradient is not None and not np.isfinite(gradient).all():
                evidence = f"{name} holds {_counted(gradient)}, the first on the way back"
                yield Finding("not finite", passage.name, evidence)
                return


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
    if not isinstance(passage.layer, RECTIFIERS) or passage.y.ndim < 2:
        return
    others = tuple(range(passage.x.ndim - 1))
    dead = int((passage.x <= 0).all(axis=others).sum())
    units = passage.x.shape[-1]
    if dead >= MANY_DEAD * units:
        examples = "this example" if len(passage.x) == 1 else f"all {len(passage.x)} examples"
        yield Finding(
            "dead",
            passage.name,
            f"{dead:,} of {units:,} units receive nothing above zero, for {examples} "
            f"(reported from {percent(MANY_DEAD)})",
        )


def _lengths(recording: Recording) -> Iterator[Finding]:
    """The first layer, going back, where the gradient is far shorter or longer than it was."""
    back = [p for p in reversed(recording.passages) if p.dy is not None and p.dx is not None]
    start = _length(back[0].dy) if back else 0.0
    ratios = [(passage, _length(passage.dx) / start) for passage in back if start]
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


def _length(array: Array | None) -> float:
    return 0.0 if array is None else float(np.linalg.norm(array.astype(np.float64)))
