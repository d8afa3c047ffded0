"""Functions of float64 arrays whose bits are the same on every machine.

The C library's exp, log, cos and pow, and numpy's own, differ in the last bit between processors
and versions, and training amplifies it. These are made of addition, multiplication, division, roots
and exact shifts of the exponent alone, one operation of numpy after another, so that no compiler
can contract them.
"""

import math
from functools import lru_cache

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[np.float64]

_LN2_HIGH, _LN2_LOW = 0.693147180369123816490, 1.90821492927058770002e-10


def exp(x: ArrayLike) -> Array:
    """Return the exponential of numbers within ±700; relative error below 5e-16."""
    x = np.asarray(x, dtype=np.float64)
    n = np.rint(x * (1 / math.log(2)))
    r = x - n * _LN2_HIGH - n * _LN2_LOW
    series = _horner([1 / math.factorial(k) for k in range(14)], r)
    return np.asarray(np.ldexp(series, n.astype(np.int64)), dtype=np.float64)


def log(x: ArrayLike) -> Array:
    """Return the natural logarithm of positive numbers; error below 3e-16 (1 + |log x|)."""
    mantissa, exponent = np.frexp(np.asarray(x, dtype=np.float64))
    low = mantissa < math.sqrt(0.5)
    mantissa, n = np.where(low, 2 * mantissa, mantissa), exponent - low
    f = (mantissa - 1) / (mantissa + 1)
    tail = _horner([1 / (2 * k + 1) for k in range(1, 12)], f * f) * f * f
    return np.asarray(n * _LN2_HIGH + (2 * f + (2 * f * tail + n * _LN2_LOW)), dtype=np.float64)


def cos_pi(x: ArrayLike) -> Array:
    """Return the cosine of π times numbers from 0 to 2; absolute error below 4e-16."""
    x = np.asarray(x, dtype=np.float64)
    z = math.pi * (0.5 - np.where(x > 1, 2 - x, x))  # the cosine of πx is the sine of z
    return np.asarray(
        z * _horner([(-1) ** k / math.factorial(2 * k + 1) for k in range(12)], z * z),
        dtype=np.float64,
    )


def powers(base: float, exponents: NDArray[np.integer]) -> Array:
    """Return a number to whole powers from 0 on, by one multiplication after another."""
    count = 1 << int(exponents.max(initial=0)).bit_length()
    return np.asarray(_all_powers(base, count)[exponents], dtype=np.float64)


def standard_normal(generator: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw from the standard normal distribution (Box & Muller 1958).

    numpy draws its own with the C library's exp and log.
    """
    radius, angle = generator.random((2, *shape))
    return np.sqrt(-2 * log(1 - radius)) * cos_pi(2 * angle)


@lru_cache(maxsize=64)
def _all_powers(base: float, count: int) -> Array:
    return np.multiply.accumulate(np.concatenate([[1.0], np.full(count, base)]))


def _horner(coefficients: list[float], x: Array) -> Array:
    """Evaluate a polynomial, lowest power first."""
    value = np.full(x.shape, coefficients[-1])
    for coefficient in reversed(coefficients[:-1]):
        value = value * x + coefficient
    return value
