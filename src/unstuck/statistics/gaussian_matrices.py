"""Random symmetric matrices: how rarely all eigenvalues are positive."""

import math

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import DataError

Array = NDArray[np.float64]

LARGEST = 8
"""Rows of the largest matrices; beyond it the determinants lose too many digits."""


def orthogonal_ensemble(rng: np.random.Generator, count: int, size: int) -> Array:
    """Draw ``[count, size, size]`` symmetric matrices: off-diagonal variance 1/2, diagonal 1."""
    entries = rng.standard_normal((count, size, size))
    return 0.5 * (entries + entries.swapaxes(1, 2))


def probability_positive(size: int) -> float:
    """Give the exact probability that a matrix of the ensemble has positive eigenvalues alone.

    By de Bruijn's formula the integral of |Vandermonde| exp(-sum x^2 / 2) over a box is a Pfaffian
    of double integrals; the probability is that over the positive reals by that over all reals.

    Raises
    ------
    DataError
        If the size is not in 1...8.

    References
    ----------
    de Bruijn, N. G. (1955). On some multiple integrals involving determinants. J. Indian Math. Soc.
    19, 133-151.
    """
    if not 1 <= size <= LARGEST:
        raise DataError(f"size is {size}; exact probabilities are given for 1 to {LARGEST}.")
    half, whole = (np.linalg.slogdet(_moments(size, low))[1] for low in (0.0, -_END))
    return math.exp(0.5 * (half - whole))


_END = 14.0  # the weight exp(-x^2 / 2) is below 1e-42 there


def _moments(size: int, low: float) -> Array:
    """Give the antisymmetric matrix of the integrals of sgn(y - x) f_i(x) f_j(y) from ``low``.

    f_i is a Hermite polynomial over the square root of its factorial, times exp(-x^2 / 2), whose
    integral is known; for odd sizes the matrix is bordered by the integrals of the f_i.
    """
    from scipy import special

    nodes, weights = np.polynomial.legendre.leggauss(240)
    x = 0.5 * (_END - low) * (nodes + 1) + low
    weights = 0.5 * (_END - low) * weights
    orders = range(size)
    scale = 1 / np.sqrt(special.factorial(np.arange(size)))
    values = scale[:, None] * np.array([_function(order, x) for order in orders])
    beyond = scale[:, None] * np.array([_tail(order, x) for order in orders])
    total = scale * np.array([_tail(order, np.array([low]))[0] for order in orders])
    # above x minus below x
    matrix = (values * weights) @ (2 * beyond - total[:, None]).T
    matrix = 0.5 * (matrix - matrix.T)
    if size % 2 == 0:
        return np.asarray(matrix)
    bordered = np.zeros((size + 1, size + 1))
    bordered[:size, :size] = matrix
    bordered[:size, size], bordered[size, :size] = total, -total
    return bordered


def _function(order: int, x: Array) -> Array:
    from scipy import special

    return np.asarray(special.eval_hermitenorm(order, x) * np.exp(-0.5 * x**2))


def _tail(order: int, x: Array) -> Array:
    """Integral of the function of ``order`` from x to infinity."""
    from scipy import special

    if order == 0:
        return np.asarray(math.sqrt(math.pi / 2) * special.erfc(x / math.sqrt(2)))
    return _function(order - 1, x)
