"""Claim 3.1.6 on planted differences in speed and in usable rates."""

from pathlib import Path

import numpy as np
import pytest
from made_up.batch_normalisation_depth import default_shape, depth_tables

from unstuck.claims.batch_normalisation_arms import crossing, usable_width
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["3.1.6"]


def planted(factor, decades, *, deep=True):
    """Plain arms that need `factor` times the updates and have `decades` fewer usable rates."""

    def shape(dataset, activation, depth, batchnorm):
        if deep and activation == "sigmoid" and depth == 10 and batchnorm == "off":
            return 0.0, 0.0
        if batchnorm == "before":
            return 2.5, 40.0
        return 2.5 - decades, 40.0 * factor

    return shape


def judged(tables):
    found = decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, tables)])
    return found.claims.iloc[0], found.contrasts[found.contrasts["role"] == "effect"]


def of(contrasts, measure, activation="tanh"):
    chosen = contrasts[contrasts["measure"] == measure]
    return set(chosen[chosen["condition"].str.contains(activation)]["verdict"])


def test_what_the_claim_says_supports_it():
    claim, _ = judged(depth_tables(planted(1.5**2, 1.0)))
    assert (claim.verdict, claim.control) == ("supported", "passed"), claim.reason


@pytest.mark.parametrize(
    ("factor", "decades", "verdict"),
    [(1.5**2, 1.0, "supported"), (1.0, 0.0, "no effect"), (1.5**-2, -1.0, "contradicted")],
)
def test_planted_effects_are_found(factor, decades, verdict):
    _, contrasts = judged(depth_tables(planted(factor, decades)))
    assert of(contrasts, "speed") == {verdict}
    assert of(contrasts, "range") == {verdict}


def test_sigmoids_that_train_without_contradict_that_part():
    claim, contrasts = judged(depth_tables(planted(1.5**2, 1.0, deep=False)))
    by_measure = contrasts.set_index("measure")["verdict"]
    assert set(by_measure["chance"]) == {"contradicted"}
    assert set(by_measure["trainable"]) != {"supported"}
    assert claim.verdict in ("depends", "inconclusive")


def test_an_edge_matters_only_where_some_rate_trains():
    _, contrasts = judged(depth_tables(planted(1.5**2, 1.0), edge=True))
    speed = contrasts[contrasts["measure"] == "speed"]
    assert not speed["usable"].any()

    def dead(dataset, activation, depth, batchnorm):
        return (2.5, 40.0) if activation == "tanh" else (0.0, 0.0)

    _, contrasts = judged(depth_tables(dead))
    assert of(contrasts, "speed", "relu") == {"inconclusive"}
    assert (
        "no rate is usable"
        in contrasts[contrasts["condition"].str.contains("relu")]["note"].iloc[0]
    )


def test_a_budget_that_ends_too_soon_for_a_speed_up_is_no_evidence_of_none():
    def slow(dataset, activation, depth, batchnorm):
        # of a budget of 160: the ratio that can be seen is 1.2 at most
        return 2.5, 130.0 if batchnorm == "before" else 130.0 if depth == 2 else 260.0

    _, contrasts = judged(depth_tables(slow))
    speed = contrasts[contrasts["measure"] == "speed"]
    both = speed["condition"].str.contains("=2")
    assert set(speed[both]["verdict"]) == {"no effect"}
    assert set(speed[~both]["verdict"]) == {"inconclusive"}
    assert speed[~both]["reason"].str.contains("could not have shown").all()


def test_a_range_that_is_cut_may_only_be_the_longer_one():
    def wide(longer):
        return lambda dataset, activation, depth, batchnorm: (
            (9.0 if batchnorm == longer else 8.0) if depth == 2 else 2.0,
            40.0,
        )

    tables = depth_tables(wide("before"))
    _, contrasts = judged(tables)
    chosen = contrasts[
        (contrasts["measure"] == "range") & contrasts["condition"].str.contains("=2")
    ]
    assert not chosen["usable"].any()
    assert "beyond the grid" in chosen["note"].iloc[0]


def test_a_loss_at_rates_that_train_badly_is_told_beside_the_verdict():
    tables = depth_tables(planted(1.0, 0.0))
    rates = tables["rates"]
    # half the way up, from 1 on, without batch normalisation
    badly = (rates["batchnorm"] == "off") & (rates["lr"] >= 1)
    badly &= (rates["activation"] == "tanh") & (rates["repeat"] == 2)
    rates.loc[badly, "train_accuracy"] = 0.1 + 0.85 / 2
    gains = evaluate(CLAIM, tables).tables["gains"]
    gains = gains[(gains["activation"] == "tanh") & (gains["depth"] == 2)]
    lenient, strict = (gains[np.isclose(gains["share"], share)] for share in (1 / 3, 2 / 3))
    assert (lenient["high"] < -0.5).all()
    assert np.allclose(strict["gain"], 0.0, atol=0.1)
    # the tent is half as wide at two thirds of its height as at one
    assert np.allclose(strict["with"], 2.5 / 2, atol=0.1)


def test_a_small_difference_to_a_range_that_is_cut_is_no_evidence_of_none():
    def alike(dataset, activation, depth, batchnorm):
        return (4.3 if batchnorm == "before" else 3.9) if depth == 2 else 2.0, 40.0

    _, contrasts = judged(depth_tables(alike))
    ranges = contrasts[contrasts["measure"] == "range"]
    whole = ranges["condition"].str.contains("=2")
    assert ranges["usable"].all()
    assert set(ranges[~whole]["verdict"]) == {"no effect"}
    assert set(ranges[whole]["verdict"]) == {"inconclusive"}


def test_a_leak_between_seeds_fails_the_control():
    tables = depth_tables(planted(1.5**2, 1.0))
    late = tables["runs"]["seed"].between(5, 999)
    tables["runs"].loc[late, "train_accuracy"] -= 0.2
    claim, _ = judged(tables)
    assert (claim.verdict, claim.control) == ("invalid", "failed")


def test_a_leak_between_seeds_of_the_guesses_fails_the_control():
    tables = depth_tables(planted(1.5**2, 1.0))
    # final accuracies are split in the middle, guesses by every other seed
    for name, leaks in (("runs", lambda seed: seed < 5), ("curves", lambda seed: seed % 2 == 1)):
        table = tables[name]
        leak = (table["activation"] == "sigmoid") & (table["repeat"] == 10) & leaks(table["seed"])
        leak &= table["batchnorm"] == "off"
        if name == "curves":
            leak &= table["update"] == 0
        table.loc[leak, "train_accuracy"] += 0.2
    claim, _ = judged(tables)
    assert (claim.verdict, claim.control) == ("invalid", "failed")
    assert "at the start" in claim.reason


def test_an_arm_without_partner_is_refused():
    tables = depth_tables(default_shape, seeds=2)
    runs = tables["runs"]
    one = (runs["activation"] == "tanh") & (runs["batchnorm"] == "before")
    with pytest.raises(DataError, match="needs a partner"):
        evaluate(CLAIM, tables | {"runs": runs[~one]})


def test_the_width_is_the_length_above_the_threshold():
    places = np.array([-2.0, -1.0, 0.0, 1.0, 2.0])
    assert usable_width(places, np.array([0.0, 1.0, 1.0, 0.0, 0.0]), 0.5) == pytest.approx(2.0)
    assert usable_width(places, np.array([0.0, 1.0, 0.0, 1.0, 0.0]), 0.75) == pytest.approx(1.0)
    assert usable_width(places, np.zeros(5), 0.5) == 0.0
    assert usable_width(places, np.ones(5), 0.5) == 4.0


def test_a_crossing_lies_on_the_line_between_evaluations():
    updates = np.array([0.0, 8.0, 16.0])
    assert crossing(updates, np.array([10.0, 20.0, 60.0]), 40.0) == pytest.approx(12.0)
    assert crossing(updates, np.array([50.0, 20.0, 60.0]), 40.0) == 0.0
    assert np.isnan(crossing(updates, np.array([10.0, 20.0, 30.0]), 40.0))
