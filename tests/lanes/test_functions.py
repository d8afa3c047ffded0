"""The kernel's exp, log, tanh and logistic function against those of wider numbers."""

import ctypes

import numpy as np
import pytest

from unstuck.lanes.library import load
from unstuck.lanes.members import _aligned, _pointer

#: functions that the kernel has polynomials for
FUNCTIONS = ("exp", "log", "tanh", "logistic")

#: relative errors that kernel.cpp states, float and double
STATED = {"exp": (2e-7, 5e-16), "tanh": (4e-7, 1e-15), "logistic": (2e-7, 6e-16)}
EXACT = {"exp": np.exp, "tanh": np.tanh, "logistic": lambda x: 1 / (1 + np.exp(-x))}


def apply(function, x, library):
    """One of `FUNCTIONS` of numbers, element by element, as the kernel computes it."""
    dtype = np.dtype(np.float64 if library.double else np.float32)
    registers = -(-x.size // library.lanes)
    given, result = (_aligned((registers * library.lanes,), dtype) for _ in range(2))
    given[: x.size] = x.ravel()
    library.function("lanes_function")(
        ctypes.c_int64(FUNCTIONS.index(function)),
        ctypes.c_int64(registers),
        _pointer(given),
        _pointer(result),
    )
    return result[: x.size].reshape(x.shape)


def spread(double: bool, least: float, most: float) -> np.ndarray:
    """Numbers of both signs, dense on a linear and on a logarithmic scale."""
    random = np.random.default_rng(0)
    size = 200_000
    small = np.exp(random.uniform(np.log(1e-30), np.log(most), size)) * random.choice([-1, 1], size)
    numbers = np.concatenate([random.uniform(least, most, size), small, [0.0, -0.0, least, most]])
    return numbers.clip(least, most).astype(np.float64 if double else np.float32)


@pytest.mark.parametrize("double", [False, True])
@pytest.mark.parametrize("name", EXACT)
def test_errors_are_those_stated(name, double):
    x = spread(double, *((-43, 88) if name == "logistic" else (-87, 88)))
    exact = EXACT[name](x.astype(np.longdouble))
    got = apply(name, x, load(double=double))
    errors = np.abs((got - exact) / np.where(exact == 0, 1, exact))
    assert errors.max() < STATED[name][double]


@pytest.mark.parametrize("double", [False, True])
def test_logarithm_of_sums_of_exponentials(double):
    random = np.random.default_rng(1)
    x = np.concatenate([1 + random.random(200_000), np.exp(random.uniform(-80, 80, 200_000)), [1]])
    x = x.astype(np.float64 if double else np.float32)
    exact = np.log(x.astype(np.longdouble))
    got = apply("log", x, load(double=double))
    errors = np.abs(got - exact) / (1 + np.abs(exact))
    assert errors.max() < (3e-16 if double else 1e-7)
    assert got[-1] == 0


@pytest.mark.parametrize("double", [False, True])
def test_far_out_and_no_number(double):
    library = load(double=double)
    x = np.array([-np.inf, -1e4, 1e4, np.inf, np.nan])
    low, lower, high, higher, none = apply("exp", x, library)
    assert (low, lower) == (0, 0)
    assert high == higher > 1e38
    assert np.isnan(none)
    np.testing.assert_array_equal(apply("tanh", x, library), [-1, -1, 1, 1, np.nan])
    logistic = apply("logistic", x, library)
    np.testing.assert_array_equal(logistic[2:], [1, 1, np.nan])
    assert (logistic[:2] < 1e-18).all()
