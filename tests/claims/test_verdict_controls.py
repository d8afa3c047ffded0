"""What controls do to a verdict."""

import numpy as np
import pytest
from hand_made import NOISE, SEEDS, contrast, entry, null, row

from unstuck.claims.evidence import Contrast, Evidence
from unstuck.claims.verdicts import decide


@pytest.mark.parametrize("mean", [3, -3])
def test_an_effect_in_the_negative_control_invalidates(mean):
    found = row(entry(), contrast(5), null(), contrast(mean, name="null", role="negative control"))
    assert found.verdict == "invalid"
    assert found.control == "failed"
    assert "null" in found.reason


def test_an_inconclusive_negative_control_passes_only_around_zero():
    few = {"size": 6, "noise": np.array([-0.3, 0.3, -0.2, 0.2, -0.1, 0.1])}
    assert row(entry(), contrast(5), null(**few)).verdict == "supported"
    shifted = contrast(0.8, name="null", role="negative control", **few)
    assert row(entry(), contrast(5), shifted).verdict == "invalid"


def test_a_claim_without_negative_control_is_invalid():
    found = row(entry(), contrast(5))
    assert (found.verdict, found.control) == ("invalid", "none")


def test_the_positive_control_must_be_supported():
    assert row(entry(), contrast(5), null(), contrast(3, role="positive control")).verdict == (
        "supported"
    )
    found = row(entry(), contrast(5), null(), contrast(0, role="positive control"))
    assert found.verdict == "invalid"
    assert "positive control failed" in found.reason


def test_a_positive_control_of_too_few_seeds_decides_nothing():
    found = row(entry(), contrast(5), null(), contrast(3, size=5, role="positive control"))
    assert (found.verdict, found.control) == ("inconclusive", "undecided")


def test_negative_controls_are_corrected_for_their_number():
    rng = np.random.default_rng([2, 9])
    failures = 0
    for _ in range(8):
        controls = [
            Contrast(
                str(i), "digits", {}, SEEDS[:5], tuple(rng.normal(0, 1, 5)), "negative control"
            )
            for i in range(8)
        ]
        failures += row(entry(), contrast(5), *controls).verdict == "invalid"
    assert failures <= 2


def test_a_control_that_does_not_vouch_leaves_its_own_place_undecided():
    claim = entry(conditions={"rate": {"a": "with a", "b": "with b", "c": "with c"}})
    places = [({"rate": rate}, mean) for rate, mean in (("a", 4), ("b", 0), ("c", 4))]
    effects = [contrast(mean, condition=place) for place, mean in places]
    controls = [null(condition=place) for place, _ in places]
    fine = row(claim, *effects, *controls)
    assert (fine.verdict, fine.control) == ("depends", "passed")
    assert fine.reason == "supported with a and c; no effect with b"
    coarse = null(condition={"rate": "c"}, noise=100 * NOISE)
    found = row(claim, *effects, *controls[:2], coarse)
    assert (found.verdict, found.control) == ("depends", "undecided")
    assert found.reason == "supported with a; no effect with b; inconclusive with c"
    assert row(claim, *effects, null(noise=100 * NOISE)).verdict == "inconclusive"


def test_what_a_control_does_not_vouch_for_is_undecided_in_the_table_of_contrasts():
    evidence = Evidence("1.2.5", (contrast(3), null(noise=100 * NOISE)))
    found = decide({"1.2.5": entry()}, [evidence]).contrasts.iloc[0]
    assert found.verdict == "inconclusive"
    assert np.isnan(found.p)
    assert found.reason.startswith("the negative control does not rule out that an effect of 3")
