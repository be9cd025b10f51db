"""Other people's code in one form: which argument is what, and where the gradients are."""

from __future__ import annotations

import numpy as np
import pytest

from chainrule.errors import ArgumentError
from chainrule.foreign.adopted.code import AdoptedFunctions, AdoptedObject, input_gradient_in


class OnlyX:
    """A layer whose backward pass calls the gradient of its output x."""

    def __init__(self) -> None:
        self.w = np.ones((3, 2))

    def forward(self, x: np.ndarray) -> np.ndarray:
        self.kept = x
        return x @ self.w

    def backward(self, x: np.ndarray, verbose: bool = False) -> np.ndarray:
        self.dw = self.kept.T @ x
        return x @ self.w.T


def test_the_only_argument_is_the_gradient_of_the_output() -> None:
    adopted = AdoptedObject(OnlyX(), None, {})
    assert adopted.roles == {"x": ("dy", False)}
    x, dy = np.arange(6.0).reshape(2, 3), np.ones((2, 2))
    _, memory = adopted.forward(x)
    dx, gradients = adopted.backward(dy, memory)
    np.testing.assert_array_equal(gradients["w"], x.T @ dy)
    np.testing.assert_array_equal(dx, dy @ np.ones((2, 3)))


def test_a_rate_is_known_by_its_name_and_given_by_keyword_where_it_must() -> None:
    class Updates(OnlyX):
        def backward(self, dy: np.ndarray, *, lr: float = 0.1) -> np.ndarray:
            self.w -= lr * self.kept.T @ dy
            return dy @ self.w.T

    adopted = AdoptedObject(Updates(), None, {})
    assert adopted.updates
    assert adopted.roles == {"dy": ("dy", False), "lr": ("rate", True)}
    x, dy = np.ones((2, 3)), np.ones((2, 2))
    _, gradients = adopted.backward(dy, adopted.forward(x)[1])
    np.testing.assert_allclose(gradients["w"], x.T @ dy)


def test_functions_are_given_the_dictionary_by_its_name() -> None:
    def forward(x: np.ndarray, params: dict[str, np.ndarray]) -> np.ndarray:
        return x * params["s"]

    def backward(
        dy: np.ndarray, x: np.ndarray, params: dict[str, np.ndarray]
    ) -> dict[str, np.ndarray]:
        return {"ds": (dy * x).sum(axis=0), "dX": dy * params["s"]}

    adopted = AdoptedFunctions((forward, backward), {"s": np.array([2.0, 3.0])}, {})
    x = np.ones((4, 2))
    _, memory = adopted.forward(x)
    dx, gradients = adopted.backward(np.ones((4, 2)), memory)
    np.testing.assert_array_equal(gradients["s"], [4.0, 4.0])
    np.testing.assert_array_equal(dx, x * [2.0, 3.0])


def test_a_backward_pass_that_takes_no_gradient_is_refused() -> None:
    class Nothing(OnlyX):
        def backward(self) -> None:  # type: ignore[override]
            pass

    with pytest.raises(ArgumentError, match="which argument of backward"):
        AdoptedObject(Nothing(), None, {})


def test_the_gradient_of_the_input_is_found_by_its_name() -> None:
    assert input_gradient_in({"dW": 1, "dx": 2}) == 2
    assert input_gradient_in({"dW": 1}) is None
