"""Claim 3.1.7 on planted differences in curvature and in speed."""

from pathlib import Path

import numpy as np
import pytest
from made_up.batch_normalisation_smoothing import smoothing_tables

from unstuck.claims.batch_normalisation_smoothing import at_loss
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["3.1.7"]
TWICE = 1.5**2


def judged(tables):
    found = decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, tables)])
    contrasts = found.contrasts[found.contrasts["role"] == "effect"]
    return found.claims.iloc[0], contrasts


@pytest.mark.parametrize(
    ("factor", "verdict"),
    [(TWICE, "supported"), (1.0, "no effect"), (1 / TWICE, "contradicted")],
)
def test_planted_effects_are_found(factor, verdict):
    claim, contrasts = judged(smoothing_tables(factor, factor, factor, factor))
    assert set(contrasts["verdict"]) == {verdict}
    assert (claim.verdict, claim.control) == (verdict, "passed"), claim.reason


def test_a_gain_that_noise_takes_away_is_named():
    claim, contrasts = judged(smoothing_tables(noisy=1.0))
    assert claim.verdict == "depends"
    assert "no effect for speed-up" in claim.reason
    assert "with noise of 0.25 and 0.5" in claim.reason
    speed = contrasts[contrasts["measure"] == "speed"].set_index("condition")["verdict"]
    assert set(speed["noise=0"]) == {"supported"}


def test_whether_a_noisy_path_is_smooth_too_is_judged_by_itself():
    claim, contrasts = judged(smoothing_tables(noisy_curved=1.0))
    curvature = contrasts[contrasts["measure"] == "curvature"]
    noisy = ~curvature["condition"].str.contains("noise=0$|noise=0;")
    assert set(curvature[noisy]["verdict"]) == {"no effect"}
    assert set(curvature[~noisy]["verdict"]) == {"supported"}
    assert claim.verdict == "depends"


@pytest.mark.parametrize(("taken", "verdict"), [(150.0, "no effect"), (200.0, "inconclusive")])
def test_noisy_runs_that_never_arrive_are_no_evidence_of_no_speed_up(taken, verdict):
    # the target is where the arm without is after 128 of 160 updates
    _, contrasts = judged(smoothing_tables(faster=140 / 30, noisy=140 / taken))
    speed = contrasts[contrasts["measure"] == "speed"]
    noisy = speed[speed["condition"] != "noise=0"]
    assert set(noisy["verdict"]) == {verdict}
    assert noisy["note"].str.contains("do not arrive").all() == (taken > 160)


def test_noise_that_moves_inputs_no_more_than_no_normalisation_fails_the_control():
    # still five times as much as batch normalisation without noise
    claim, _ = judged(smoothing_tables(drift=1.0))
    assert (claim.verdict, claim.control) == ("invalid", "failed")


def test_a_leak_between_seeds_fails_the_control():
    tables = smoothing_tables()
    path = tables["path"]
    plain = path["batchnorm"] == "off"
    path.loc[plain & (path["seed"] >= 5), "lambda_max"] /= 4
    path.loc[~plain & (path["seed"] % 2 == 1), "lambda_max"] *= 4
    claim, _ = judged(tables)
    assert (claim.verdict, claim.control) == ("invalid", "failed")


def test_a_path_without_partner_is_refused():
    tables = smoothing_tables(seeds=2)
    path = tables["path"]
    with pytest.raises(DataError, match="no arm with batchnorm 'off'"):
        evaluate(CLAIM, tables | {"path": path[path["batchnorm"] == "before"]})


def test_values_are_taken_where_the_loss_first_falls_to_a_level():
    losses, values = np.array([3.0, 2.0, 1.0, 1.5]), np.array([0.0, 10.0, 30.0, 99.0])
    assert at_loss(losses, values, 2.5) == pytest.approx(5.0)
    assert at_loss(losses, values, 1.25) == pytest.approx(25.0)
    assert at_loss(losses, values, 1.0) == 30.0
    assert at_loss(losses, values, 3.5) == 0.0
