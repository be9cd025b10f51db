"""Activation functions, each a layer with its derivative.

All but the softmaxes act value by value, y = f(x), so that dx = f'(x) dy. Some derivatives are
shortest in terms of the output (sigmoid: y (1 - y)), others of the input; the cache holds
whichever the derivative uses. Softmax mixes the values of an example, and its backward pass is
the full Jacobian.
"""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from chainrule.arguments import choice, number
from chainrule.errors import ArgumentError
from chainrule.functions import log_softmax, normal_cdf, sigmoid, softmax, softplus
from chainrule.initializers import Constant
from chainrule.layers.base import Layer
from chainrule.types import Array, Shape

SELU_ALPHA = 1.6732632423543772848170429916717
SELU_SCALE = 1.0507009873554804934193349852946
SQRT_2_OVER_PI = math.sqrt(2 / math.pi)  # a Python float, which keeps float32 as it is
GELU_CUBIC = 0.044715


class Identity(Layer):
    """y = x. Backward: dx = dy.

    >>> Identity().forward(np.array([-1.0, 2.0]))[0]
    array([-1.,  2.])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, None]:
        return x, None

    def backward(self, dy: Array, cache: None) -> Array:
        return dy


class Sigmoid(Layer):
    """y = 1 / (1 + exp(-x)). Backward: dx = y (1 - y) dy.

    >>> Sigmoid().forward(np.array([-1e4, 0.0, 1e4]))[0]
    array([0. , 0.5, 1. ])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        y = sigmoid(x)
        return y, y

    def backward(self, dy: Array, y: Array) -> Array:
        return dy * y * (1 - y)


class Tanh(Layer):
    """y = tanh(x). Backward: dx = (1 - y²) dy.

    >>> Tanh().forward(np.array([-1e4, 0.0, 1e4]))[0]
    array([-1.,  0.,  1.])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        y = np.tanh(x)
        return y, y

    def backward(self, dy: Array, y: Array) -> Array:
        return dy * (1 - y * y)


class ReLU(Layer):
    """y = max(x, 0). Backward: dx = dy where x > 0, else 0.

    Source: Nair & Hinton, Rectified Linear Units Improve Restricted Boltzmann Machines (2010).

    >>> ReLU().forward(np.array([-1.0, 2.0]))[0]
    array([0., 2.])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        return np.maximum(x, 0), x > 0

    def backward(self, dy: Array, positive: Array) -> Array:
        return dy * positive


class LeakyReLU(Layer):
    """y = x where x > 0, else slope · x. Backward: dx = dy where x > 0, else slope · dy.

    Source: Maas, Hannun & Ng, Rectifier Nonlinearities Improve Neural Network Acoustic Models
        (2013); the slope is PyTorch's.

    >>> LeakyReLU().forward(np.array([-1.0, 2.0]))[0]
    array([-0.01,  2.  ])
    """

    def __init__(self, slope: float = 0.01) -> None:
        self.slope = number(slope, "slope", "[0, inf)")

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        return np.where(x > 0, x, self.slope * x), x > 0

    def backward(self, dy: Array, positive: Array) -> Array:
        return np.where(positive, dy, self.slope * dy)


class PReLU(Layer):
    """y = x where x > 0, else α x, with a slope α for each channel, which is learnt.

    Shapes: x and y (N, …, channels), α (channels,).
    Backward: dx = dy where x > 0, else α dy; dα = Σ dy min(x, 0).

    Args:
        slope: first value of every α.
    Source: He et al., Delving Deep into Rectifiers (2015), eq. 1 to 3.

    >>> layer = PReLU()
    >>> layer.build(2)
    (2,)
    >>> y, x = layer.forward(np.array([[-4.0, 2.0]]))
    >>> y
    array([[-1.,  2.]])
    >>> layer.backward(np.ones_like(y), x), layer.dalpha
    (array([[0.25, 1.  ]]), array([-4.,  0.], dtype=float32))
    """

    alpha: Array
    dalpha: Array

    def __init__(self, slope: float = 0.25) -> None:
        self.slope = number(slope, "slope", "[0, inf)")

    def setup(self, input_shape: Shape) -> Shape:
        self.declare("alpha", input_shape[-1:], Constant(self.slope))
        return input_shape

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        return np.where(x > 0, x, self.alpha * x), x

    def backward(self, dy: Array, x: Array) -> Array:
        axes = tuple(range(dy.ndim - 1))
        self.dalpha += (dy * np.minimum(x, 0)).sum(axis=axes)
        return np.where(x > 0, dy, self.alpha * dy)


class ELU(Layer):
    """y = x where x > 0, else α (exp(x) - 1). Backward: dx = dy where x > 0, else (y + α) dy.

    Source: Clevert, Unterthiner & Hochreiter, Fast and Accurate Deep Network Learning by
        Exponential Linear Units (2016), eq. 15.

    >>> ELU().forward(np.array([-1e4, 2.0]))[0]
    array([-1.,  2.])
    """

    def __init__(self, alpha: float = 1.0) -> None:
        self.alpha = number(alpha, "alpha", "(0, inf)")

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array]]:
        y = np.where(x > 0, x, self.alpha * np.expm1(np.minimum(x, 0)))
        return y, (y, x > 0)

    def backward(self, dy: Array, cache: tuple[Array, Array]) -> Array:
        y, positive = cache
        return np.where(positive, dy, (y + self.alpha) * dy)


class SELU(Layer):
    """y = λ x where x > 0, else λ α (exp(x) - 1), with λ ≈ 1.0507 and α ≈ 1.6733.

    Backward: dx = λ dy where x > 0, else (y + λ α) dy.
    Source: Klambauer et al., Self-Normalizing Neural Networks (2017), eq. 2 and 14.

    >>> SELU().forward(np.array([-1e4, 1.0]))[0].round(4)
    array([-1.7581,  1.0507])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array]]:
        y = SELU_SCALE * np.where(x > 0, x, SELU_ALPHA * np.expm1(np.minimum(x, 0)))
        return y, (y, x > 0)

    def backward(self, dy: Array, cache: tuple[Array, Array]) -> Array:
        y, positive = cache
        return np.where(positive, SELU_SCALE * dy, (y + SELU_SCALE * SELU_ALPHA) * dy)


class GELU(Layer):
    """y = x Φ(x), with Φ the normal distribution: Φ(x) = (1 + erf(x / √2)) / 2.

    Backward: dx = (Φ(x) + x φ(x)) dy, with φ(x) = exp(-x²/2) / √(2π).
    `approximate="tanh"` puts (1 + tanh(u)) / 2 in the place of Φ, with
    u = √(2/π) (x + 0.044715 x³), whose derivative is (1 - tanh²(u)) u' / 2.

    Source: Hendrycks & Gimpel, Gaussian Error Linear Units (2016), section 2.

    >>> GELU().forward(np.array([-1e4, 0.0, 1.0]))[0].round(4)
    array([-0.    ,  0.    ,  0.8413])
    """

    def __init__(self, approximate: str = "none") -> None:
        self.approximate = choice(approximate, "approximate", ["none", "tanh"])

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array]]:
        if self.approximate == "tanh":
            tanh = np.tanh(SQRT_2_OVER_PI * (x + GELU_CUBIC * x**3))
            below = (1 + tanh) / 2
            du = SQRT_2_OVER_PI * (1 + 3 * GELU_CUBIC * x**2)
            density = (1 - tanh * tanh) * du / 2
        else:
            below = normal_cdf(x)
            density = np.exp(-x * x / 2) / math.sqrt(2 * math.pi)
        return x * below, (below, x * density)

    def backward(self, dy: Array, cache: tuple[Array, Array]) -> Array:
        below, x_density = cache
        return dy * (below + x_density)


class SiLU(Layer):
    """y = x σ(x), with σ the sigmoid; also called swish. Backward: dx = σ (1 + x (1 - σ)) dy.

    Source: Elfwing, Uchibe & Doya, Sigmoid-Weighted Linear Units (2018), eq. 6.

    >>> SiLU().forward(np.array([-1e4, 0.0, 1e4]))[0]
    array([   -0.,     0., 10000.])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array]]:
        s = sigmoid(x)
        return x * s, (x, s)

    def backward(self, dy: Array, cache: tuple[Array, Array]) -> Array:
        x, s = cache
        return dy * s * (1 + x * (1 - s))


class Mish(Layer):
    """y = x tanh(softplus(x)), with softplus(x) = log(1 + exp(x)).

    Backward: dx = (t + x (1 - t²) σ(x)) dy, with t = tanh(softplus(x)) and σ the sigmoid.

    Source: Misra, Mish: A Self Regularized Non-Monotonic Activation Function (2020), eq. 1.

    >>> Mish().forward(np.array([-1e4, 0.0, 1.0]))[0].round(4)
    array([-0.    ,  0.    ,  0.8651])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, tuple[Array, Array]]:
        t = np.tanh(softplus(x))
        return x * t, (x, t)

    def backward(self, dy: Array, cache: tuple[Array, Array]) -> Array:
        x, t = cache
        return dy * (t + x * (1 - t * t) * sigmoid(x))


class Softplus(Layer):
    """y = log(1 + exp(x)). Backward: dx = σ(x) dy, with σ the sigmoid.

    Source: Dugas et al., Incorporating Second-Order Functional Knowledge for Better Option
        Pricing (2001).

    >>> Softplus().forward(np.array([0.0]))[0].round(4)
    array([0.6931])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        return softplus(x), x

    def backward(self, dy: Array, x: Array) -> Array:
        return dy * sigmoid(x)


class HardSigmoid(Layer):
    """y = x / 6 + 1/2, held within [0, 1]. Backward: dx = dy / 6 where -3 < x < 3, else 0.

    Source: Howard et al., Searching for MobileNetV3 (2019), 5.2; PyTorch's Hardsigmoid.

    >>> HardSigmoid().forward(np.array([-4.0, 0.0, 4.0]))[0]
    array([0. , 0.5, 1. ])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        return np.clip(x / 6 + 0.5, 0, 1), np.abs(x) < 3

    def backward(self, dy: Array, inside: Array) -> Array:
        return dy * inside / 6


class Softmax(Layer):
    """y_i = exp(x_i) / Σ_j exp(x_j) over the last axis.

    Backward, with the Jacobian ∂y_j/∂x_i = y_j (δ_ij - y_i):
    dx_i = Σ_j dy_j y_j (δ_ij - y_i) = y_i (dy_i - Σ_j dy_j y_j).
    To train a classifier, leave this layer out and use SoftmaxCrossEntropy on the logits: the
    two together are more accurate than one after the other.

    Source: Bridle, Probabilistic Interpretation of Feedforward Classification Network Outputs
        (1990).

    >>> Softmax().forward(np.array([[0.0, 0.0, -1e4]]))[0]
    array([[0.5, 0.5, 0. ]])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        y = softmax(x)
        return y, y

    def backward(self, dy: Array, y: Array) -> Array:
        return y * (dy - (dy * y).sum(axis=-1, keepdims=True))


class LogSoftmax(Layer):
    """y_i = x_i - log Σ_j exp(x_j) over the last axis.

    Backward, with the Jacobian ∂y_j/∂x_i = δ_ij - exp(y_i):
    dx_i = dy_i - exp(y_i) Σ_j dy_j.

    >>> LogSoftmax().forward(np.array([[0.0, -1e4]]))[0]
    array([[     0., -10000.]])
    """

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        y = log_softmax(x)
        return y, y

    def backward(self, dy: Array, y: Array) -> Array:
        return dy - np.exp(y) * dy.sum(axis=-1, keepdims=True)


class Activation(Layer):
    """y = f(x) for a function of your own, with its derivative. Backward: dx = f'(x) dy.

    Args:
        function: f, on arrays, value by value.
        derivative: f', a function of x, or with `of="output"` of y = f(x).
    Raises:
        ArgumentError: one of the two is not a function.

    >>> Activation(np.sin, np.cos).forward(np.array([0.0]))[0]
    array([0.])
    """

    users_own = True

    def __init__(
        self,
        function: Callable[[Array], Array],
        derivative: Callable[[Array], Array],
        *,
        of: str = "input",
    ) -> None:
        if not callable(function) or not callable(derivative):
            raise ArgumentError(
                f"Activation takes two functions, f and its derivative; received {function!r} "
                f"and {derivative!r}"
            )
        self.function = function
        self.derivative = derivative
        self.of = choice(of, "of", ["input", "output"])

    def forward(self, x: Array, training: bool = False) -> tuple[Array, Array]:
        y = self.function(x)
        return y, x if self.of == "input" else y

    def backward(self, dy: Array, cache: Array) -> Array:
        return dy * self.derivative(cache)
