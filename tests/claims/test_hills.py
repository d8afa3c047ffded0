"""Claim 1.2.8 on planted walks over hills and departures from saddles."""

from pathlib import Path

import numpy as np
import pytest
from made_up.batch_momentum_hills import tables

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.2.8"]


def verdicts(given):
    evidence = evaluate(CLAIM, given)
    return evidence, decide({CLAIM.id: CLAIM}, [evidence])


def effects(found, measure):
    table = found.contrasts
    return table[(table["role"] == "effect") & (table["measure"] == measure)]


@pytest.mark.parametrize(
    ("ball", "expected"), [(0.8, "supported"), (0.5, "no effect"), (0.2, "contradicted")]
)
def test_a_planted_share_is_found(ball, expected):
    _, found = verdicts(tables(plain=0.5, ball=ball))
    assert found.claims["control"].iloc[0] == "passed"
    small = effects(found, "hills")
    small = small[~small["condition"].str.contains("best")]
    assert len(small) == 6
    assert set(small["verdict"]) == {expected}


@pytest.mark.parametrize(
    ("gain", "expected"), [(4.0, "supported"), (1.0, "no effect"), (0.25, "contradicted")]
)
def test_a_planted_gain_at_saddles_is_found(gain, expected):
    _, found = verdicts(tables(gain=gain))
    assert found.claims["control"].iloc[0] == "passed"
    saddles = effects(found, "saddles")
    assert len(saddles) == 6
    assert set(saddles["verdict"]) == {expected}
    assert np.exp(saddles["effect"].mean()) == pytest.approx(gain, rel=0.05)


def test_where_all_cross_without_momentum_no_effect_could_have_shown():
    _, found = verdicts(tables(best=1.0))
    best = effects(found, "hills")
    best = best[best["condition"].str.contains("best")]
    assert set(best["verdict"]) == {"inconclusive"}
    assert "could not have shown" in best["reason"].iloc[0]
    assert found.claims["verdict"].iloc[0] == "inconclusive"


def test_walks_that_do_not_arrive_without_a_hill_make_it_invalid():
    given = tables()
    stuck = (given["walks"]["surface"] == "none") & (given["walks"]["walker"] == "momentum_0")
    given["walks"].loc[stuck & (given["walks"]["seed"] < 20), "settled"] = np.nan
    _, found = verdicts(given)
    assert found.claims["verdict"].iloc[0] == "invalid"


def test_a_ball_without_momentum_that_is_not_descent_makes_it_invalid():
    given = tables()
    given["walks"].loc[given["walks"]["walker"] == "ball_0", "end_x"] = 1e-12
    assert verdicts(given)[1].claims["verdict"].iloc[0] == "invalid"


def test_a_saddle_that_nothing_left_carries_no_verdict():
    given = tables()
    given["times"]["updates"] = np.nan
    evidence, _ = verdicts(given)
    saddles = [each for each in evidence.contrasts if each.measure == "saddles"]
    assert not any(each.usable for each in saddles if each.role == "effect")
    assert evidence.tables["departures"]["updates"].eq(2000).all()


def test_shares_have_wilson_intervals():
    evidence, _ = verdicts(tables(plain=0.0))
    shares = evidence.tables["shares"].query("hill == 'low' and momentum == 0 and policy == 'same'")
    assert shares["crossed"].item() == 0
    assert shares["low"].item() == pytest.approx(0.0, abs=1e-9)
    # z² / (n + z²) for none of n
    assert shares["high"].item() == pytest.approx(100 * 3.8415 / (40 + 3.8415), rel=1e-3)
