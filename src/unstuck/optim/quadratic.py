"""Closed forms of gradient descent and of the heavy ball on a quadratic, at their best."""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


class Optimum(NamedTuple):
    """The best coefficients on a quadratic, and the share of the distance that an update leaves."""

    rate: float
    momentum: float
    contraction: float


def best_descent(low: float, high: float) -> Optimum:
    """Give the best rate of gradient descent between curvatures ``0 < low <= high``.

    2/(low + high), at which an update leaves (κ − 1)/(κ + 1) of the distance, κ = high/low.
    """
    _require_curvatures(low, high)
    return Optimum(2 / (low + high), 0.0, (high - low) / (high + low))


def best_heavy_ball(low: float, high: float) -> Optimum:
    """Give the best rate and momentum of the heavy ball between curvatures ``0 < low <= high``.

    4/(√low + √high)² and ((√κ − 1)/(√κ + 1))², at which an update leaves (√κ − 1)/(√κ + 1) of the
    distance in the long run.

    References
    ----------
    Polyak, B. T. (1964). Some methods of speeding up the convergence of iteration methods.
    """
    _require_curvatures(low, high)
    small, large = math.sqrt(low), math.sqrt(high)
    contraction = (large - small) / (large + small)
    return Optimum(4 / (small + large) ** 2, contraction**2, contraction)


def heavy_ball_shares(low: float, high: float, updates: int) -> Floats:
    """Give what the best heavy ball leaves of the two coordinates of curvature low and high.

    Both have a double root r = ±(√κ − 1)/(√κ + 1), so that the share is a line in t times rᵗ;
    from rest it starts 1, 1 − rate · curvature, which fixes the line.

    Returns
    -------
    Shares after 0, 1, ..., `updates` updates, [updates + 1, 2].
    """
    best = best_heavy_ball(low, high)
    t = np.arange(updates + 1, dtype=np.float64)[:, None]
    if best.contraction == 0:
        return np.repeat(np.where(t == 0, 1.0, 0.0), 2, axis=1)
    roots = best.contraction * np.array([1.0, -1.0])
    first = 1 - best.rate * np.array([low, high])
    shares: Floats = (1 + (first / roots - 1) * t) * roots**t
    return shares


def _require_curvatures(low: float, high: float) -> None:
    if not 0 < low <= high:
        raise ValueError(f"curvatures must be 0 < low <= high, but are {low} and {high}")
