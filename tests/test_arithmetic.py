"""Functions that are the same on every machine, against wider numbers and known moments."""

import os
import subprocess
import sys

import numpy as np
import pytest

from unstuck.arithmetic import cos_pi, exp, log, powers, standard_normal

RANDOM = np.random.default_rng(0)
WIDE = np.longdouble


def test_exp() -> None:
    x = np.concatenate([RANDOM.uniform(-700, 700, 100_000), RANDOM.normal(size=100_000), [0]])
    exact = np.exp(x.astype(WIDE))
    assert np.abs(exp(x) / exact - 1).max() < 5e-16
    assert exp(0) == 1


def test_log() -> None:
    x = np.concatenate([RANDOM.random(100_000), np.exp(RANDOM.uniform(-600, 600, 100_000)), [1]])
    exact = np.log(x.astype(WIDE))
    assert (np.abs(log(x) - exact) / (1 + np.abs(exact))).max() < 3e-16
    assert log(1) == 0


def test_cos_pi() -> None:
    x = RANDOM.uniform(0, 2, 200_000)
    exact = np.cos(4 * np.arctan(WIDE(1)) * x)
    assert np.abs(cos_pi(x) - exact).max() < 4e-16
    np.testing.assert_allclose(cos_pi([0, 0.5, 1, 1.5, 2]), [1, 0, -1, 0, 1], atol=4e-16)


def test_powers() -> None:
    exponents = np.array([0, 1, 2, 7, 1000])
    np.testing.assert_allclose(powers(0.999, exponents), 0.999**exponents, rtol=1e-12)
    assert powers(0.9, np.array([1]))[0] == 0.9


def test_normal_numbers_have_the_moments_and_the_tails_of_the_normal_distribution() -> None:
    stats = pytest.importorskip("scipy.stats")
    x = standard_normal(np.random.default_rng(1), (100_000,))
    assert stats.kstest(x, "norm").pvalue > 0.01
    assert np.corrcoef(x[:-1], x[1:])[0, 1] == pytest.approx(0, abs=0.01)
    assert 4 < np.abs(x).max() < 6


SCRIPT = """
import hashlib, numpy as np
from unstuck.arithmetic import cos_pi, exp, log, standard_normal
x = np.linspace(0, 1, 10001)
held = [cos_pi(x), exp(x), log(1 + x), standard_normal(np.random.default_rng(0), (3, 1000))]
print(hashlib.sha256(np.concatenate([each.ravel() for each in held]).tobytes()).hexdigest())
"""


def test_bits_do_not_depend_on_what_numpy_makes_of_the_processor() -> None:
    """In processes of their own: numpy chooses its loops when it is loaded."""
    found = np.show_config(mode="dicts")["SIMD Extensions"].get("found", [])
    digests = set()
    for disabled in ("", " ".join(found)):
        environment = {**os.environ, "NPY_DISABLE_CPU_FEATURES": disabled}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT], env=environment, capture_output=True, check=True
        )
        digests.add(done.stdout)
    assert len(digests) == 1
