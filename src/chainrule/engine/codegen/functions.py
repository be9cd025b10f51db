"""exp and what is made of it, as polynomials that the compiler can do for many numbers at once.

exp(x) = 2^n · exp(r) with n the whole number nearest to x / ln 2 and |r| <= ln 2 / 2, where
exp(r) - 1 is its Taylor polynomial: to the 7th power for float32, to the 13th for float64, a
relative error below the type's own.
"""

from __future__ import annotations

import math
from typing import Any

from chainrule.engine.codegen.kernel import kernel
from chainrule.engine.codegen.native import (
    by_type,
    constant,
    multiply_add,
    nearest,
    polynomial,
    power_of_two,
)

LN2_HIGH, LN2_LOW = 0.693145751953125, 1.42860682030941723212e-6  # sum ln 2; HIGH has 16 bits
TAYLOR = tuple(1 / math.factorial(n) for n in range(1, 14))  # of (exp(r) - 1) / r


@kernel
def split(x: Any) -> Any:
    """(2^n, exp(r) - 1) for x <= 0."""
    n = nearest(x * constant(1 / math.log(2), x))
    lowest = by_type(-126.0, -1022.0, x)
    n = n if n > lowest else lowest  # numbers below are held to be zero; NaN lives on in r
    r = multiply_add(-n, constant(LN2_HIGH, x), x)
    r = multiply_add(-n, constant(LN2_LOW, x), r)
    return power_of_two(n), r * polynomial(r, TAYLOR)


@kernel
def too_low(x: Any) -> Any:
    """True if exp(x) is below the smallest normal number."""
    return x < by_type(-87.3, -708.3, x)


@kernel
def exp_minus_1_of_negative(x: Any) -> Any:
    """exp(x) - 1 for x <= 0, exact near zero too: 2^n (exp(r) - 1) + (2^n - 1)."""
    scale, rest = split(x)
    one = constant(1.0, x)
    return -one if too_low(x) else scale * rest + (scale - one)


@kernel
def exp_of_negative(x: Any) -> Any:
    """exp(x) for x <= 0."""
    scale, rest = split(x)
    return constant(0.0, x) if too_low(x) else scale * rest + scale


@kernel
def sigmoid(x: Any) -> Any:
    """1 / (1 + exp(-x))."""
    one = constant(1.0, x)
    e = exp_of_negative(-abs(x))
    of_size = one / (one + e)
    return of_size if x >= 0 else e * of_size


@kernel
def tanh(x: Any) -> Any:
    """(1 - exp(-2x)) / (1 + exp(-2x))."""
    e = exp_minus_1_of_negative(constant(-2.0, x) * abs(x))
    size = -e / (constant(2.0, x) + e)
    return size if x >= 0 else -size


@kernel
def softplus(x: Any) -> Any:
    """log(1 + exp(x))."""
    e = exp_of_negative(-abs(x))
    return max(x, constant(0.0, x)) + math.log1p(e)


@kernel
def normal_below(x: Any) -> Any:
    """The normal distribution's Φ(x)."""
    return constant(0.5, x) * math.erfc(-x * constant(math.sqrt(0.5), x))


@kernel
def normal_density(x: Any) -> Any:
    """The normal distribution's φ(x)."""
    return exp_of_negative(constant(-0.5, x) * x * x) * constant(1 / math.sqrt(2 * math.pi), x)
