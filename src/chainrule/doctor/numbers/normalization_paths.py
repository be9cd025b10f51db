"""Which paths the gradient of a normalization goes through: directly, by the mean, by the variance.

A normalization needs no name to be known: its output shows it.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from chainrule.doctor.numbers.evidence import Evidence, Signature
from chainrule.types import Array

CLOSE = 0.02  # to 0 or 1, for the factor of a path


def normalization(
    evidence: Evidence, x: Array, y: Array, dy: Array, given: Array
) -> Signature | None:
    """dx = (g - mean(g) - x̂ mean(g x̂)) / σ with g = γ dy: which of the three are there."""
    for axes, features in _groups(x.ndim):
        fitted = _as_normalized(x, y, axes, features)
        if fitted is None:
            continue
        x_hat, sigma, gamma = fitted
        g = gamma * dy
        basis = [
            g,
            g.mean(axis=axes, keepdims=True) + 0 * g,
            x_hat * (g * x_hat).mean(axis=axes, keepdims=True),
        ]
        truth = _coefficients(evidence.truth.array * sigma, basis)
        if truth is None or not np.allclose(truth, [1, -1, -1], atol=CLOSE):
            continue
        ours = _coefficients(given * sigma, basis)
        return None if ours is None else _paths(ours)
    return None


def _groups(ndim: int) -> Iterator[tuple[tuple[int, ...], tuple[int, ...]]]:
    """(axes averaged over, axes along which the scale differs) for batch and layer norm."""
    if ndim == 2:
        yield (0,), (1,)
        yield (1,), (1,)
        yield (1,), (0,)
        yield (0,), (0,)
    if ndim == 3:
        yield (0, 1), (2,)
        yield (2,), (2,)
        yield (0, 2), (1,)
    if ndim == 4:
        yield (0, 2, 3), (1,)
        yield (0, 1, 2), (3,)
        yield (1, 2, 3), (1,)


def _as_normalized(
    x: Array, y: Array, axes: tuple[int, ...], features: tuple[int, ...]
) -> tuple[Array, Array, Array] | None:
    """(x̂, σ, γ) if y = γ x̂ + β with one γ and β for each feature."""
    mean, sigma = x.mean(axis=axes, keepdims=True), x.std(axis=axes, keepdims=True)
    if not (sigma > 0).all():
        return None
    x_hat = (x - mean) / sigma
    others = tuple(axis for axis in range(x.ndim) if axis not in features)
    centred_x = x_hat - x_hat.mean(axis=others, keepdims=True)
    centred_y = y - y.mean(axis=others, keepdims=True)
    gamma = (centred_x * centred_y).sum(axis=others, keepdims=True) / (
        (centred_x**2).sum(axis=others, keepdims=True) + 1e-300
    )
    off = np.abs(centred_y - gamma * centred_x).max()
    if off > 2e-3 * np.abs(centred_y).max(initial=1e-300):
        return None
    return x_hat, sigma, gamma


def _coefficients(target: Array, basis: list[Array]) -> Array | None:
    """The numbers that make up `target` from the basis, where they do."""
    matrix = np.stack([part.ravel() for part in basis], axis=1)
    found, *_ = np.linalg.lstsq(matrix, target.ravel(), rcond=None)
    off = np.abs(matrix @ found - target.ravel()).max()
    return found if off <= 0.01 * np.abs(target).max() else None


def _paths(coefficients: Array) -> Signature | None:
    """Which paths are missing or wrong, by the factors of g, mean(g) and x̂ mean(g x̂)."""
    first, mean, variance = coefficients
    is_missing = abs(mean) < CLOSE or abs(variance) < CLOSE
    words = []
    for path, factor in (("mean", mean), ("variance", variance)):
        if abs(factor) < CLOSE:
            words.append(f"the path through the {path} is missing")
        elif abs(factor + 1) > CLOSE:
            words.append(f"the path through the {path} has the factor {factor:.3g} in place of -1")
    if abs(first - 1) > CLOSE or not words:
        return None
    return Signature(
        "norm-path",
        " and ".join(words),
        "dx = (g - mean(g) - x̂ mean(g x̂)) / σ, with g = γ dy and means over the batch",
        alone=is_missing,
    )
