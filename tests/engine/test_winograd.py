"""The matrices of Winograd's filtering, in exact fractions, and the errors of their rounding."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from chainrule.engine.codegen.winograd_transforms import (
    FILTERINGS,
    OF_DY,
    OF_IMAGE,
    OF_KERNEL,
    TO_OUTPUT,
    Filtering,
)

each_filtering = pytest.mark.parametrize("filtering", FILTERINGS, ids=lambda f: f"F{f[:2]}")


def matrices(filtering: Filtering, dtype: Any = object) -> list[Any]:
    """Bᵀ, G and Aᵀ."""
    kinds = (OF_IMAGE, OF_KERNEL, TO_OUTPUT)
    return [np.array([list(row) for row in filtering.matrix(kind)]).astype(dtype) for kind in kinds]


@each_filtering
def test_a_filter_is_what_it_is_without_them(filtering: Filtering) -> None:
    rng = np.random.default_rng(0)
    d, g = (
        np.array([Fraction(int(n)) for n in rng.integers(-99, 99, count)])
        for count in (filtering.side, filtering.taps)
    )
    of_image, of_kernel, to_output = matrices(filtering)
    y = to_output @ ((of_kernel @ g) * (of_image @ d))
    assert list(y) == [d[i : i + filtering.taps] @ g for i in range(filtering.outputs)]
    assert np.array_equal(np.array(filtering.matrix(OF_DY)), to_output.T)


@each_filtering
def test_rounding_stays_within_what_the_engine_keeps_to(filtering: Filtering) -> None:
    """64 channels in float32, beside float64; 2e-5 of the largest output is the engine's bound."""
    rng, side, taps = np.random.default_rng(0), filtering.side, filtering.taps
    d, g = rng.standard_normal((20, 64, side, side)), rng.standard_normal((64, taps, taps))
    windows = np.lib.stride_tricks.sliding_window_view(d, (taps, taps), axis=(2, 3))
    expected = np.einsum("ncijab,cab->nij", windows, g)
    of_image, of_kernel, to_output = matrices(filtering, np.float32)
    d, g = d.astype(np.float32), g.astype(np.float32)
    places = (of_image @ d @ of_image.T) * (of_kernel @ g @ of_kernel.T)
    found = to_output @ places.sum(axis=1) @ to_output.T
    assert np.abs(found - expected).max() < 1e-5 * np.abs(expected).max()
