"""Claims 2.1.3, 2.1.4, 2.1.8 and 2.1.9 on planted walks."""

from pathlib import Path

import numpy as np
import pytest
from made_up.walks import paths, updates_to_arrive, walks

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.claims.walks import fixed, tuned
from unstuck.errors import DataError

CLAIMS = load_registry(Path(__file__).parents[2] / "workflow" / "claims")


@pytest.fixture(scope="module")
def points():
    return paths()


def verdict(claim, table, points):
    evidence = evaluate(CLAIMS[claim], {"walks": table, "paths": points})
    return decide({claim: CLAIMS[claim]}, [evidence]).claims.iloc[0]


def faster(factor):
    """Adagrad as fast as gradient descent times a factor, on every bowl."""

    def arrive(surface, walker, rate):
        if walker == "sgd":
            return updates_to_arrive(surface, walker, rate)
        return 40_000 / factor * (1 + abs(np.log(rate / 0.316)))

    return arrive


def arriving(table):
    """Gradient descent that arrives on the surfaces of 2.1.4 as it does on the turned bowl."""
    given = table.copy()
    turned = given[(given["surface"] == "turned_10000") & (given["walker"] == "sgd")]
    for surface in ("regression", "ellipse_10000"):
        rows = (given["surface"] == surface) & (given["walker"] == "sgd")
        for name in ("settled", "late"):
            given.loc[rows, name] = turned[name].to_numpy()
    return given


@pytest.mark.parametrize(
    ("factor", "expected"), [(4, "supported"), (1, "no effect"), (0.25, "contradicted")]
)
def test_a_planted_gain_of_adagrad_is_found(factor, expected, points):
    found = verdict("2.1.4", arriving(walks(arrive=faster(factor))), points)
    assert found.verdict == expected, found.reason
    assert found.control == "passed"
    assert np.exp(found.effect) == pytest.approx(factor, rel=0.3)


def test_adagrad_on_a_turned_bowl_is_told_apart(points):
    def arrive(surface, walker, rate):
        return faster(1.0 if surface == "turned_10000" else 8.0)(surface, walker, rate)

    found = verdict("2.1.4", arriving(walks(arrive=arrive)), points)
    assert found.verdict == "depends"
    assert "no effect on a bowl turned by 45°" in found.reason


def test_a_rate_on_the_edge_carries_no_verdict(points):
    def arrive(surface, walker, rate):
        return 40_000.0 if walker == "sgd" else 100 / rate

    found = verdict("2.1.4", arriving(walks(arrive=arrive)), points)
    assert found.verdict == "inconclusive"
    assert "edge" in found.reason


def test_a_path_with_curvature_in_it_fails_the_control_of_2_1_4(points):
    bent = points.copy()
    bent.loc[bent["surface"] == "ellipse_10000", "y"] *= 1.01
    assert verdict("2.1.4", walks(), bent).verdict == "invalid"


@pytest.mark.parametrize(
    ("more", "expected"), [(10.0, "supported"), (0.0, "no effect"), (-10.0, "contradicted")]
)
def test_planted_bursts_are_found(more, expected, points):
    found = verdict(
        "2.1.8",
        walks(bursts=lambda surface, walker, rate: 20 + more * (walker == "adagrad_mean")),
        points,
    )
    assert found.verdict == expected, found.reason
    assert found.control == "passed"


@pytest.mark.parametrize(
    ("sign", "expected"), [(1, "supported"), (0, "no effect"), (-1, "contradicted")]
)
def test_a_planted_cure_is_found(sign, expected, points):
    def bursts(surface, walker, rate):
        return 20 + 10 * sign * (walker == "adagrad_mean")

    def late(surface, walker, rate):
        return 0.01 * 4.0 ** (sign * (walker == "adagrad_mean"))

    evidence = evaluate(
        CLAIMS["2.1.9"], {"walks": walks(bursts=bursts, late=late), "paths": points}
    )
    found = decide({"2.1.9": CLAIMS["2.1.9"]}, [evidence])
    assert found.claims["control"].iloc[0] == "passed"
    effects = found.contrasts[found.contrasts["role"] == "effect"]
    assert set(effects["verdict"]) == {expected}
    # the identity holds whatever the measured part says
    assert all(check.holds for check in evidence.checks)


def test_a_decay_that_is_not_the_sum_contradicts_2_1_9():
    evidence = evaluate(CLAIMS["2.1.9"], {"walks": walks(), "paths": paths(apart=0.01)})
    assert [check.holds for check in evidence.checks if check.role == "effect"] == [False] * 3


def test_2_1_3_says_where_each_part_holds(points):
    table = walks()
    evidence = evaluate(CLAIMS["2.1.3"], {"walks": table, "paths": points})
    assert evidence.numbers["kappa"] == pytest.approx(308_540.67, abs=0.01)
    found = decide({"2.1.3": CLAIMS["2.1.3"]}, [evidence]).claims.iloc[0]
    assert (found.verdict, found.control) == ("depends", "passed")
    assert "contradicted in that the notes' large rate, 0.01" in found.reason


def test_2_1_3_can_be_supported_and_can_fail_its_controls(points):
    table = walks()
    stated = (table["walker"] == "sgd_stated") & (table["rate"] == 1e-2)
    table.loc[stated, ["diverged_at", "late"]] = [np.nan, 0.5]
    assert verdict("2.1.3", table, points).verdict == "supported"
    turning = table.copy()
    turning.loc[(turning["walker"] == "sgd") & (turning["rate"] == 0.1), "turns"] = 0.5
    assert verdict("2.1.3", turning, points).verdict == "invalid"
    slow = table.copy()
    slow.loc[(slow["surface"] == "round") & (slow["rate"] == 1.0), "settled"] = 2.0
    assert verdict("2.1.3", slow, points).verdict == "invalid"


def test_rates_are_chosen_on_tuning_starts_alone():
    table = walks()
    mine = (table["walker"] == "adagrad") & (table["surface"] == "regression")
    table.loc[mine & (table["rate"] == 1.0) & (table["role"] == "evaluation"), "settled"] = 1.0
    assert tuned(table, "regression", "adagrad").rate == 0.316
    table.loc[mine & (table["rate"] == 1.0) & (table["role"] == "tuning"), "settled"] = 1.0
    arm = tuned(table, "regression", "adagrad")
    assert (arm.rate, arm.edge, arm.settled) == (1.0, False, 10)


def test_a_walk_that_never_arrives_counts_its_budget():
    arm = fixed(walks(), "regression", "sgd_stated", 1e-7)
    assert arm.updates().tolist() == [100_000.0] * 10


def test_a_walk_that_bursts_out_again_has_not_arrived():
    table = walks()
    mine = (table["walker"] == "adagrad_mean") & (table["surface"] == "ellipse_10000")
    soon = mine & (table["rate"] == 1.0)
    # there after three updates, and never to stay
    table.loc[soon, ["arrived", "settled"]] = [3.0, np.nan]
    assert fixed(table, "ellipse_10000", "adagrad_mean", 1.0).updates().tolist() == [1e5] * 10
    arm = tuned(table, "ellipse_10000", "adagrad_mean")
    assert (arm.rate, arm.settled) == (0.316, 10)


def test_a_missing_walk_is_named():
    with pytest.raises(DataError, match="nothing called adam walked on regression"):
        tuned(walks(), "regression", "adam")
    with pytest.raises(DataError, match="has no walk at rate 7"):
        fixed(walks(), "regression", "sgd", 7.0)
