"""exp, log(1 + x) and the normal distribution, as polynomials that the compiler can do for many
numbers at once, where the C library's functions take one at a time.

- exp(x) = 2^n · exp(r) with n the whole number nearest to x / ln 2 and |r| <= ln 2 / 2, where
  exp(r) - 1 is its Taylor polynomial.
- log(1 + x) = 2 artanh(x / (2 + x)), a series in the square of a number of at most 1/3.
- Φ(-x) = φ(x) R(x) for x >= 0, where R is Mills' ratio, a smooth function without an exponential.

Each polynomial has as many terms as its type needs: what is left out is below its rounding.
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
TAYLOR_SINGLE = TAYLOR[:8]
ARTANH = tuple(1 / (2 * n + 1) for n in range(17))  # of artanh(s) / s, in powers of s²
ARTANH_SINGLE = ARTANH[:8]
FAR = 40.0  # Φ(-FAR) is zero in either type

# (x + 4) R(x) in powers of q = 1 - 8 / (x + 4), which goes from -1 to 1: interpolated at the
# Chebyshev nodes of q. Evaluated in its type, R is off by 7e-16 of itself at most, and by 3e-7.
MILLS = (
    1.8932190633084853, -1.5237709108199855, 0.9704095548675924, -0.4675409629981585,
    0.15139176231205376, -0.018900450866100364, -0.008722295263838522, 0.004087855732516909,
    0.0003342444896278021, -0.0005792696390945318, -4.7824148557878045e-06, 8.8097066448958e-05,
    1.7929254081847195e-06, -1.4846708706118606e-05, -1.5696678628944616e-06,
    2.5745450687200353e-06, 6.673466387680481e-07, -4.068738380935788e-07,
    -2.0027585806454338e-07, 4.915081730923273e-08, 4.144971738484859e-08,
    -3.2199692790143122e-09, -4.446108100174536e-09,
)  # fmt: skip
MILLS_SINGLE = (
    1.8932191, -1.5237708, 0.9704099, -0.4675468, 0.1513886, -0.018852992, -0.008713532,
    0.0039498247, 0.00032420762, -0.00040761865,
)  # fmt: skip


@kernel
def split(x: Any) -> Any:
    """(2^n, exp(r) - 1) for x <= 0."""
    n = nearest(x * constant(1 / math.log(2), x))
    lowest = by_type(-126.0, -1022.0, x)
    n = n if n > lowest else lowest  # numbers below are held to be zero; NaN lives on in r
    r = multiply_add(-n, constant(LN2_HIGH, x), x)
    r = multiply_add(-n, constant(LN2_LOW, x), r)
    return power_of_two(n), r * polynomial(r, TAYLOR_SINGLE, TAYLOR)


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
    """exp(x) for x <= 0, in one rounding: the product alone may be a denormal number."""
    scale, rest = split(x)
    return constant(0.0, x) if too_low(x) else multiply_add(scale, rest, scale)


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
    zero = constant(0.0, x)
    positive = zero if x <= zero else x
    return positive + log_1_plus(exp_of_negative(-abs(x)))


@kernel
def log_1_plus(x: Any) -> Any:
    """log(1 + x) for 0 <= x <= 1: 2 artanh(s) with s = x / (2 + x)."""
    two = constant(2.0, x)
    s = x / (two + x)
    return two * s * polynomial(s * s, ARTANH_SINGLE, ARTANH)


@kernel
def normal_below(x: Any) -> Any:
    """The normal distribution's Φ(x)."""
    size = abs(x)
    tail = normal_density(x) * mills_ratio(constant(FAR, x) if size > constant(FAR, x) else size)
    return tail if x <= constant(0.0, x) else constant(1.0, x) - tail


@kernel
def mills_ratio(x: Any) -> Any:
    """R(x) = Φ(-x) / φ(x) for x >= 0."""
    inverse = constant(1.0, x) / (x + constant(4.0, x))
    q = constant(1.0, x) - constant(8.0, x) * inverse
    return inverse * polynomial(q, MILLS_SINGLE, MILLS)


@kernel
def normal_density(x: Any) -> Any:
    """The normal distribution's φ(x), with what rounding x² leaves."""
    far, minus_half = constant(FAR, x), constant(-0.5, x)
    size = far if abs(x) > far else abs(x)
    square = size * size
    rest = multiply_add(size, size, -square)
    e = exp_of_negative(minus_half * square)
    return multiply_add(e, minus_half * rest, e) * constant(1 / math.sqrt(2 * math.pi), x)
