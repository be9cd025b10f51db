"""What dropout leaves out, and that the same epoch always leaves out the same."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.errors import ArgumentError
from chainrule.layers import Dense, Dropout, SpatialDropout2D, StochasticDepth
from chainrule.network import Network


@pytest.mark.parametrize("rate", [0.1, 0.5, 0.8])
def test_the_share_left_out_is_the_rate_and_the_mean_stays(rate: float) -> None:
    y, _ = Dropout(rate).forward(np.ones((200, 500)), training=True)
    assert set(np.unique(y).round(12)) == {0, round(1 / (1 - rate), 12)}
    assert (y == 0).mean() == pytest.approx(rate, abs=0.01)
    assert y.mean() == pytest.approx(1, abs=0.02)


def test_evaluation_changes_nothing() -> None:
    x = np.random.default_rng(0).standard_normal((3, 4))
    np.testing.assert_array_equal(Dropout(0.9).forward(x)[0], x)


def test_an_epoch_can_be_repeated_without_those_before_it() -> None:
    network, x = Network([Dense(8), Dropout(), Dropout()], 4), np.ones((2, 4))

    def outputs_of(epoch: int) -> np.ndarray:
        network.start_epoch(epoch)
        return network.forward(x, training=True)[0]

    first, second = outputs_of(1), outputs_of(2)
    assert (first != second).any()
    np.testing.assert_array_equal(outputs_of(2), second)
    np.testing.assert_array_equal(outputs_of(1), first)


@pytest.mark.parametrize(
    ("layer", "together"), [(SpatialDropout2D, (1, 2)), (StochasticDepth, (1, 2, 3))]
)
def test_what_goes_together(layer: type[Dropout], together: tuple[int, ...]) -> None:
    y, _ = layer(0.3).forward(np.ones((100, 3, 4, 50)), training=True)
    assert (y.min(axis=together) == y.max(axis=together)).all()
    one_of_each = y[:, 0, 0] if layer is SpatialDropout2D else y[:, 0, 0, 0]
    assert (one_of_each == 0).mean() == pytest.approx(0.3, abs=0.1)


def test_two_dropouts_of_a_network_draw_apart() -> None:
    network = Network([Dropout(), Dropout()], 1000)
    y, _ = network.forward(np.ones((1, 1000)), training=True)
    assert (y != 0).mean() == pytest.approx(0.25, abs=0.05)


@pytest.mark.parametrize("rate", [-0.1, 1.0, "half"])
def test_rates_that_cannot_be(rate) -> None:
    with pytest.raises(ArgumentError, match=r"rate is a number in \[0, 1\); received"):
        Dropout(rate)
