"""How often a study's controls raise a false alarm, and how often they miss a fault."""

from collections import Counter

import numpy as np
import pytest

from unstuck.claims.controls import control_contrasts
from unstuck.claims.evidence import Contrast
from unstuck.statistics import judgement
from unstuck.statistics.intervals import Interval
from unstuck.statistics.judgement import judge

CLAIMS, CONTROLS, PAIRS, MARGIN, EFFECT = 31, 8, 10, 1.0, 4.0
# the 97.5 % point of Student's t with 9 degrees of freedom, over √10
HALF_WIDTH = 2.262 / np.sqrt(PAIRS)
NOISE = {
    "normal": lambda rng, shape: rng.normal(0, 1, shape),
    "heavy": lambda rng, shape: rng.standard_t(3, shape) / np.sqrt(3),
    "alike": lambda rng, shape: (
        (rng.normal(0, 1, shape) + rng.normal(0, 1, shape[1:])) / np.sqrt(2)
    ),
    "counts": lambda rng, shape: rng.binomial(4, 0.5, shape) - 2.0,
}


@pytest.fixture(autouse=True)
def _intervals_without_resampling(monkeypatch):
    """The bootstrap is tested elsewhere; here it would be drawn ten thousand times."""

    def interval(values):
        half = HALF_WIDTH * np.std(values, ddof=1)
        return Interval(np.mean(values) - half, np.mean(values) + half)

    monkeypatch.setattr(judgement, "bootstrap_interval", interval)


def contrast(number, values, role):
    return Contrast(str(number), "digits", {}, range(PAIRS), tuple(values), role)


EFFECTS = [contrast("effect", np.full(PAIRS, EFFECT), "effect")]


def outcome(controls, family):
    """Give the state of a claim whose negative controls came out as ``controls`` [C, N]."""
    each = EFFECTS + [contrast(i, v, "negative control") for i, v in enumerate(controls)]
    return control_contrasts(each, [judge(e.values, MARGIN) for e in each], family).state


def states(rng, number, noise="normal", spread=1.0, fault=0.0, faulty=CONTROLS, family=CLAIMS):
    """Count how the controls of claims come out of which ``faulty`` are off by ``fault``."""
    off = np.where(np.arange(CONTROLS) < faulty, fault, 0.0)[:, None]
    return Counter(
        outcome(off + spread * NOISE[noise](rng, (CONTROLS, PAIRS)), family) for _ in range(number)
    )


@pytest.mark.parametrize("noise", NOISE)
def test_in_a_study_without_fault_a_control_fails_in_one_of_twenty_at_most(noise):
    rng = np.random.default_rng([9, 1, list(NOISE).index(noise)])
    studies = 6
    found = states(rng, studies * CLAIMS, noise, spread=1.2)
    # 0.3 are expected at most, and 9 where each claim is corrected by itself
    assert found["failed"] <= 2


def test_the_controls_of_a_study_of_one_claim_are_corrected_for_their_number():
    found = states(np.random.default_rng([9, 6]), 60, spread=1.2, family=1)
    # 3 are expected, and 20 without correction
    assert found["failed"] <= 8


def test_in_a_study_without_fault_the_controls_of_few_claims_stray():
    found = states(np.random.default_rng([9, 5]), 200, spread=0.8)
    assert found["passed"] >= 0.92 * 200


@pytest.mark.parametrize("faulty", [1, CONTROLS])
@pytest.mark.parametrize("spread", [0.4, 1.0, 2.0, 4.0, 8.0])
def test_a_fault_as_large_as_the_effect_is_never_passed(spread, faulty):
    rng = np.random.default_rng([9, 2, int(10 * spread), faulty])
    found = states(rng, 100, spread=spread, fault=EFFECT, faulty=faulty)
    assert found["passed"] <= 2
    if spread <= 1:
        assert found["failed"] >= 0.95 * 100
    if spread >= 4:
        # too weak to accuse the claim, too weak to vouch for it
        assert found["undecided"] >= 0.6 * 100


@pytest.mark.parametrize("faulty", [1, CONTROLS])
def test_a_fault_of_the_size_of_the_margin_is_found_by_a_control_as_fine(faulty):
    rng = np.random.default_rng([9, 3, faulty])
    found = states(rng, 100, spread=MARGIN / 5, fault=MARGIN, faulty=faulty)
    assert found["failed"] >= 0.9 * 100
    # a coarser one finds it too little to accuse the claim, and too much to vouch for it
    found = states(rng, 100, spread=MARGIN / 2, fault=MARGIN, faulty=faulty)
    assert found["failed"] + found["undecided"] >= 0.9 * 100


def test_a_control_too_coarse_for_the_effect_is_undecided_without_any_fault():
    found = states(np.random.default_rng([9, 4]), 100, spread=EFFECT)
    assert found["undecided"] >= 99
