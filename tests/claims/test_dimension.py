"""Claim 1.1.5 on planted searches."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.critical_points_dimension import distinct
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError
from unstuck.statistics.gaussian_matrices import probability_positive

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.1.5"]
SEEDS, SEARCHES = 10, 12
LADDER = pd.DataFrame({"converged": [True, True, False], "kind": ["saddle", "minimum", "saddle"]})


def searches(shares, *, seeds=SEEDS, same=False):
    """Searches with some `shares[width]` minima; with `same` all points of a kind are one."""
    rng = np.random.default_rng([0, 7505])
    rows = []
    for dataset in ("digits", "mnist1d"):
        for start in ("random", "training"):
            for width, share in shares.items():
                for seed in range(seeds):
                    number = round(share * SEARCHES) + rng.integers(-1, 2) * (share > 0.05)
                    minima = rng.permutation(SEARCHES) < number
                    for search, minimum in enumerate(minima):
                        rows.append(
                            {
                                "dataset": dataset,
                                "start": start,
                                "width": width,
                                "seed": seed,
                                "search": search,
                                "parameters": 10 * width,
                                "converged": True,
                                "kind": "minimum" if minimum else "saddle",
                                "negative": 0 if minimum else 2,
                                "loss": 1.0 if same else 1.0 + 0.01 * search,
                                "path": [0.1, 1e-16],
                            }
                        )
    return pd.DataFrame(rows)


def matrices(factor=1.0):
    """Shares of matrices at their exact probability, times a factor."""
    rows = []
    for size in (1, 2, 3):
        for seed in range(SEEDS):
            positive = round(factor * 10_000 * probability_positive(size))
            rows.append({"size": size, "seed": seed, "matrices": 10_000, "positive": positive})
    return pd.DataFrame(rows)


def minimised(found, *, flat):
    """The norm minimised from each seed's first start; the first `flat` seeds are caught."""
    first = found[found["search"] == 0].reset_index(drop=True)
    caught = (first["seed"] < flat).to_numpy()
    return first.assign(
        converged=~caught,
        kind=np.where(caught, "gradient-flat", "saddle"),
        path=[[0.1, 0.05, 0.04 if each else 1e-15] for each in caught],
    )


def tables(shares, flat=3, **options):
    found = searches(shares, **options)
    contrast = minimised(found, flat=flat)
    return {"searches": found, "contrast": contrast, "matrices": matrices(), "ladder": LADDER}


def verdict(given):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, given)]).claims.iloc[0]


@pytest.mark.parametrize(
    ("shares", "expected"),
    [
        ({1: 0.7, 2: 0.4, 4: 0.1}, "supported"),
        ({1: 0.1, 4: 0.7}, "contradicted"),
        ({1: 0.02, 4: 0.02}, "no effect"),
    ],
)
def test_planted_shares(shares, expected):
    found = verdict(tables(shares))
    assert found.verdict == expected, found.reason
    assert found.control == "passed"


def test_the_effect_is_the_difference_of_the_shares_by_hand():
    given = tables({1: 0.7, 4: 0.1})
    evidence = evaluate(CLAIM, given)
    contrast = next(
        each
        for each in evidence.contrasts
        if each.dataset == "mnist1d"
        and each.condition == {"count": "searches", "start": "training"}
        and each.role == "effect"
    )
    part = given["searches"].query("dataset == 'mnist1d' and start == 'training' and seed == 3")
    share = (part["kind"] == "minimum").groupby(part["width"]).mean()
    assert contrast.values[3] == pytest.approx(share[1] - share[4])


def test_counting_each_point_once_can_change_the_verdict():
    found = verdict(tables({1: 0.7, 4: 0.3}, same=True))
    # one minimum and one saddle at either width, however often each was found
    assert found.verdict == "depends"
    assert "with each point counted once" in found.reason


def test_equal_points_are_told_by_loss_and_index():
    key = {"dataset": "digits", "width": 1, "seed": 0, "start": "random", "kind": "saddle"}
    rows = [(1.0, 2), (1.0 + 1e-12, 2), (1.0, 3), (1.0 + 1e-6, 2)]
    points = pd.DataFrame([key | {"loss": loss, "negative": index} for loss, index in rows])
    assert list(distinct(points)["negative"]) == [2, 3, 2]


def test_searches_without_a_certificate_do_not_count():
    given = tables({1: 0.7, 4: 0.1})
    lost = given["searches"].assign(converged=False, kind="minimum", search=99)
    whole = evaluate(CLAIM, given)
    given["searches"] = pd.concat([given["searches"], lost], ignore_index=True)
    with_lost = evaluate(CLAIM, given)
    assert with_lost.contrasts == whole.contrasts
    kinds = with_lost.tables["kinds"]
    assert (kinds["searches"] == 2 * kinds["certified"]).all()


def test_a_seed_without_certified_points_is_left_out_and_leaves_it_undecided():
    given = tables({1: 0.9, 4: 0.1})
    found = given["searches"]
    found.loc[(found["seed"] == 4) & (found["width"] == 4), "converged"] = False
    evidence = evaluate(CLAIM, given)
    assert "1 seeds without a certified point" in evidence.contrasts[0].note
    assert verdict(given).verdict == "inconclusive"


def test_matrices_that_break_their_law_invalidate():
    given = tables({1: 0.7, 4: 0.1}) | {"matrices": matrices(factor=0.9)}
    found = verdict(given)
    assert (found.verdict, found.control) == ("invalid", "failed")
    assert "symmetric Gaussian matrices" in found.reason


def test_an_effect_that_some_seeds_alone_have_is_a_fault():
    given = tables({1: 1.0, 4: 0.0})
    assert verdict(given).verdict == "supported"
    found = given["searches"]
    found.loc[(found["seed"] < 4) & (found["width"] == 1), "kind"] = "saddle"
    late = verdict(given)
    assert (late.verdict, late.control) == ("invalid", "failed")
    assert "the negative control failed" in late.reason


def test_where_the_gradient_norm_leads_is_counted_by_method_and_decides_nothing():
    few, many = (evaluate(CLAIM, tables({1: 0.7, 4: 0.1}, flat=flat)) for flat in (3, 8))
    assert few.contrasts == many.contrasts
    assert few.checks == many.checks
    ends = few.tables["methods"].set_index(["dataset", "method", "width"])
    row = ends.loc[("digits", "gradient norm", 4)]
    # two kinds of start, three of ten seeds each
    assert (row["searches"], row["flat"], row["critical"], row["unfinished"]) == (20, 6, 14, 0)
    assert row["low"] < 0.3 < row["high"]
    assert (ends.xs("following", level="method")["flat"] == 0).all()
    assert few.numbers["minimised_flat"] == 2 * 2 * 2 * 3
    assert few.numbers["minimised_certified"] == 2 * 2 * 2 * 7
    paths = few.tables["paths"].query("dataset == 'digits' and seed == 0 and width == 1")
    caught = paths.query("method == 'gradient norm' and start == 'random'")
    assert list(caught["gradient_norm"]) == [0.1, 0.05, 0.04]
    assert set(caught["ended"]) == {"gradient-flat"}
    assert list(caught["step"]) == [0, 1, 2]


def test_a_search_that_only_ran_out_of_steps_is_neither_critical_nor_flat():
    given = tables({1: 0.7, 4: 0.1}, flat=0)
    given["contrast"]["converged"] = False
    given["contrast"]["kind"] = "none"
    ends = evaluate(CLAIM, given).tables["methods"].query("method == 'gradient norm'")
    assert (ends["unfinished"] == ends["searches"]).all()


def test_a_contrast_from_other_starts_is_refused():
    given = tables({1: 0.7, 4: 0.1})
    given["contrast"]["search"] = 99
    with pytest.raises(DataError, match="was not searched from"):
        evaluate(CLAIM, given)


def test_the_ladder_decides_nothing():
    given = tables({1: 0.7, 4: 0.1})
    other = given | {"ladder": LADDER.assign(kind="minimum")}
    first, second = evaluate(CLAIM, given), evaluate(CLAIM, other)
    assert first.contrasts == second.contrasts
    assert first.checks == second.checks
    assert first.numbers["ladder_saddles"] == 1


def test_a_single_width_is_refused():
    with pytest.raises(DataError, match="all searches have width 1"):
        evaluate(CLAIM, tables({1: 0.5}))
