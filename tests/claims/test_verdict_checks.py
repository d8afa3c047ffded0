"""Verdicts of exact checks, alone and beside contrasts."""

import numpy as np
import pytest
from hand_made import CONDITIONS, NOISE, contrast, entry, null, row

from unstuck.claims.evidence import Check


def exact(*checks, **changes):
    return row(entry("1.1.3", kind="exact", **changes), checks=checks)


def test_exact_claims_hold_if_every_check_does():
    found = exact(Check("a", 1.0, 1.0, 0.0), Check("b", 2.05, 2.0, 0.1))
    assert found.verdict == "supported"
    assert found.control == "not needed"


def test_exact_claims_are_contradicted_by_one_check():
    found = exact(Check("a", 1.0, 1.0, 0.0), Check("b", 3.0, 2.0, 0.1))
    assert found.verdict == "contradicted"
    assert "1 of 2 checks fail, the first being b: 3 instead of 2" in found.reason


def test_exact_claims_whose_conditions_disagree_depend():
    conditions = {"as": {"ratio": "as a ratio", "difference": "as a difference"}}
    found = exact(
        Check("a", 1.0, 1.0, 0.0, {"as": "ratio"}),
        Check("b", 0.0, 1.0, 0.0, {"as": "difference"}),
        conditions=conditions,
    )
    assert found.verdict == "depends"
    assert found.reason == "supported as a ratio; contradicted as a difference"


def test_a_failed_common_check_contradicts_under_every_condition():
    conditions = {"as": {"ratio": "as a ratio", "difference": "as a difference"}}
    found = exact(
        Check("a", 1.0, 1.0, 0.0, {"as": "ratio"}),
        Check("b", 1.0, 1.0, 0.0, {"as": "difference"}),
        Check("c", np.nan, 1.0, 0.0),
        conditions=conditions,
    )
    assert found.verdict == "contradicted"


def test_a_failed_control_check_invalidates():
    found = exact(Check("a", 1.0, 1.0, 0.0), Check("c", 0.0, 1.0, 0.0, role="negative control"))
    assert found.verdict == "invalid"
    assert "negative control failed" in found.reason


def test_a_measured_claim_may_have_exact_parts_which_must_hold_too():
    good, bad = Check("parity", 0.0, 0.0, 1e-6), Check("parity", 1.0, 0.0, 1e-6)
    assert row(entry(), contrast(3), null(), checks=[good]).verdict == "supported"
    assert row(entry(), contrast(3), null(), checks=[bad]).verdict == "depends"


@pytest.mark.parametrize(
    ("mean", "verdict"), [(0, "no effect"), (-3, "contradicted"), (1, "inconclusive")]
)
def test_a_check_that_holds_does_not_soften_a_measured_verdict(mean, verdict):
    good = Check("parity", 0.0, 0.0, 1e-6)
    found = row(entry(), contrast(mean), null(), checks=[good])
    assert found.verdict == verdict
    assert "parity" not in found.reason
    bad = Check("parity", 1.0, 0.0, 1e-6)
    if mean < 0:
        assert row(entry(), contrast(mean), null(), checks=[bad]).verdict == "contradicted"


def test_a_failed_check_is_not_hidden_by_contrasts_that_are_undecided():
    bad = Check("parity", 1.0, 0.0, 1e-6)
    found = row(entry(), contrast(1), null(), checks=[bad])
    assert found.verdict == "contradicted"
    assert "1 of 1 checks fail, the first being parity" in found.reason
    part = {"part": {"exact": "in the exact part", "measured": "in what was measured"}}
    bad = Check("parity", 1.0, 0.0, 1e-6, {"part": "exact"})
    measured = contrast(1, condition={"part": "measured"})
    found = row(entry(conditions=part), measured, null(), checks=[bad])
    assert found.verdict == "contradicted"
    assert found.reason.startswith("contradicted in the exact part: 1 of 1 checks fail")
    assert "inconclusive in what was measured" in found.reason
    assert np.isnan(found.p)


def test_a_failed_check_leaves_what_one_dataset_supports():
    bad = Check("parity", 1.0, 0.0, 1e-6)
    found = row(entry(), contrast(3), contrast(1, dataset="mnist1d"), null(), checks=[bad])
    assert found.verdict == "depends"
    assert "supported on digits" in found.reason
    assert "inconclusive on mnist1d" in found.reason


def test_a_failed_check_is_not_hidden_by_a_control_that_is_undecided():
    bad = Check("parity", 1.0, 0.0, 1e-6)
    coarse = null(noise=100 * NOISE)
    found = row(entry(), contrast(3), coarse, checks=[bad])
    assert (found.verdict, found.control) == ("contradicted", "undecided")
    assert found.reason.startswith("contradicted: 1 of 1 checks fail, the first being parity")
    assert "; inconclusive: the negative control does not rule out" in found.reason


def test_a_condition_that_a_holding_check_covers_has_evidence():
    check = Check("parity", 0.0, 0.0, 1e-6, {"rate": "fixed"})
    tuned = contrast(3, condition={"rate": "tuned"})
    assert row(entry(conditions=CONDITIONS), tuned, null(), checks=[check]).verdict == "supported"
