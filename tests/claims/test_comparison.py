"""From tables to comparisons, against what small made-up tables must give."""

import numpy as np
import pandas as pd
import pytest
from small_tables import UNITS, runs

from unstuck.claims.comparison import compare
from unstuck.claims.lines import Comparison
from unstuck.errors import DataError


def spec(**given):
    usual = {
        "label": "x",
        "tables": ("e.runs",),
        "value": "train_accuracy",
        "unit": "percentage points",
        "margin": 1,
        "arm": {"batch": 8},
        "reference": {"batch": "full"},
        "over": {"dataset": "mean"},
    }
    return Comparison.model_validate(usual | given)


def test_the_effect_is_the_mean_over_places_of_paired_differences_at_the_chosen_rate():
    table = runs()
    found = compare(spec(), {"e.runs": table})
    best = table[table["lr"] == 0.1].pivot(
        index=["dataset", "seed"], columns="batch", values="train_accuracy"
    )
    by_hand = 100 * (best["8"] - best["full"]).groupby("dataset").mean().mean()
    assert found.estimate().effect == pytest.approx(by_hand, abs=1e-12)
    assert found.units == UNITS
    assert found.places == ("easy", "hard")


def test_a_finalist_keeps_its_heat_and_a_rate_that_was_beaten_there_is_no_finalist():
    found = compare(spec(), {"e.runs": runs()})
    assert found.pairs[0].arm.arm.values.shape == (UNITS, 3)
    values = found.values()
    assert values["rate"].unique().tolist() == [0.03, 0.1, 0.3]
    assert values[values["chosen"]]["rate"].unique().tolist() == [0.1]


def test_a_factor_is_the_ratio_of_geometric_means():
    table = runs()
    found = compare(spec(scale="ratio", unit="times", margin=1.1), {"e.runs": table})
    best = table[table["lr"] == 0.1]
    logs = np.log(best["train_accuracy"]).groupby([best["dataset"], best["batch"]]).mean()
    by_hand = np.mean([logs[place, "8"] - logs[place, "full"] for place in ("easy", "hard")])
    assert found.estimate().effect == pytest.approx(by_hand, abs=1e-12)


def test_a_number_of_updates_chooses_its_rate_itself_by_the_mean_of_its_logarithm():
    # at 0.3 half the units are slow; by what the runs were tuned it is 0.1
    table = runs().assign(there=lambda t: t["lr"].map({0.01: 1.0, 0.03: 9.0, 0.1: 7.0, 0.3: 4.0}))
    slow = (table["lr"] == 0.3) & (table["seed"] % 2 == 0)
    table.loc[slow, "there"] = 10.0
    value = {"updates_until": {"arrived": "there", "budget": "there"}}
    found = compare(spec(value=value, scale="ratio", unit="times", margin=2), {"e.runs": table})
    values = found.values()
    assert values[values["chosen"]]["rate"].unique().tolist() == [0.3]
    np.testing.assert_allclose(values["score"], values["value"])
    table.loc[slow, "there"] = 13.0
    found = compare(spec(value=value, unit="updates"), {"e.runs": table})
    values = found.values()
    assert values[values["chosen"]]["rate"].unique().tolist() == [0.1]


def test_an_arm_against_a_number():
    table = runs()
    found = compare(spec(reference=50), {"e.runs": table})
    best = table[(table["lr"] == 0.1) & (table["batch"] == "8")]
    by_hand = 100 * best.groupby("dataset")["train_accuracy"].mean().mean() - 50
    assert found.estimate().effect == pytest.approx(by_hand, abs=1e-12)


def test_a_condition_is_averaged_within_its_place_and_shares_its_units():
    table = pd.concat([runs().assign(depth=1), runs(effect=0.3).assign(depth=2)], ignore_index=True)
    table["cell"] += table["depth"].astype(str)
    both = compare(spec(over={"dataset": "mean", "depth": "mean"}), {"e.runs": table})
    each = [
        compare(spec(where={"depth": depth}), {"e.runs": table}).estimate().effect
        for depth in (1, 2)
    ]
    assert both.estimate().effect == pytest.approx(np.mean(each), abs=1e-12)
    assert {place.units for place in both.statistics()} == {"easy", "hard"}


def test_a_value_that_is_not_finite_is_refused_with_its_unit():
    table = runs()
    table.loc[(table["batch"] == "full") & (table["seed"] == 3), "train_accuracy"] = np.nan
    with pytest.raises(DataError, match="reference: the value of unit 3 is not finite"):
        compare(spec(), {"e.runs": table})


def test_a_measurement_takes_from_the_runs_what_it_lacks():
    table = runs()
    chosen = table[table["chosen"]]
    sharp = chosen[["run_id", "cell", "role", "lr", "seed", "dataset", "batch"]].assign(
        sharpness=np.where(chosen["batch"] == "8", 1.0, 3.0)
    )
    wanted = spec(
        tables=("e.sharpness",),
        value="sharpness",
        scale="ratio",
        unit="times",
        margin=1.5,
        arm={"batch": "full"},
        reference={"batch": 8},
        where={"lr_policy": "tuned"},
    )
    found = compare(wanted, {"e.sharpness": sharp, "e.runs": table})
    assert found.estimate().effect == pytest.approx(np.log(3))


def test_what_varies_unsaid_is_named():
    table = pd.concat([runs().assign(depth=1), runs().assign(depth=2)], ignore_index=True)
    with pytest.raises(DataError, match=r"several values of unit 0, with depth 1, 2"):
        compare(spec(), {"e.runs": table})


def test_two_cells_of_different_rates_are_no_finalists_of_one():
    first = runs().assign(optimizer="sgd")
    second = runs().assign(optimizer="adam", lr=lambda table: 10 * table["lr"])
    second["cell"] += "adam"
    table = pd.concat([first, second], ignore_index=True)
    with pytest.raises(DataError, match="with optimizer adam, sgd"):
        compare(spec(), {"e.runs": table})


def test_units_of_one_arm_alone_are_refused_unless_some_may_be_missing():
    table = runs()
    table = table[~((table["batch"] == "8") & (table["seed"] == 5))]
    with pytest.raises(DataError, match="unit 5 is in one arm only"):
        compare(spec(), {"e.runs": table})
    found = compare(spec(missing=0.1), {"e.runs": table})
    assert found.units == UNITS - 1
    assert found.missing == pytest.approx(1 / UNITS)


def test_smallest_largest_and_best_stand_for_values_of_the_table():
    table = pd.DataFrame(
        [
            {"width": width, "rate": rate, "seed": unit, "updates": updates * (1 + unit)}
            for width, updates in ((2, 8.0), (16, 2.0))
            for rate, updates in ((0.1, updates), (1.0, 5 * updates))
            for unit in range(6)
        ]
    )
    wanted = spec(
        value="updates",
        scale="ratio",
        unit="times",
        margin=2,
        arm={"width": "smallest"},
        reference={"width": "largest"},
        where={"rate": "best"},
        over={},
        tables=("walks.walks",),
    )
    found = compare(wanted, {"walks.walks": table})
    assert np.exp(found.estimate().effect) == pytest.approx(4)
    values = found.values()
    assert values[values["chosen"]]["rate"].unique().tolist() == [0.1]


def test_shares_of_units_and_of_two_arms():
    table = pd.DataFrame(
        [
            {"arm": arm, "seed": unit, "over": unit < reached}
            for arm, reached in (("slow", 12), ("fast", 18))
            for unit in range(20)
        ]
    )
    share = spec(
        tables=("w.walks",),
        value="over",
        statistic="share",
        arm={"arm": "fast"},
        reference=50,
        over={},
    )
    assert compare(share, {"w.walks": table}).estimate().effect == pytest.approx(40)
    two = spec(
        tables=("w.walks",),
        value="over",
        statistic="share",
        arm={"arm": "fast"},
        reference={"arm": "slow"},
        over={},
    )
    assert compare(two, {"w.walks": table}).estimate().effect == pytest.approx(30)


def test_a_rate_that_half_the_units_lack_is_no_rate_to_choose_where_some_may_be_missing():
    table = runs()
    lost = (table["batch"] == "8") & (table["lr"] == 0.3) & (table["seed"] >= UNITS // 2)
    without = table[~((table["batch"] == "8") & (table["lr"] == 0.3))]
    found = compare(spec(missing=0.1), {"e.runs": table[~lost]}).estimate()
    wanted = compare(spec(missing=0.1), {"e.runs": without}).estimate()
    assert (found.effect, found.low, found.high) == (wanted.effect, wanted.low, wanted.high)
    with pytest.raises(DataError, match="lacks some of the 3 rates"):
        compare(spec(), {"e.runs": table[~lost]})
