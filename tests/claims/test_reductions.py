"""Reductions against numbers worked out by hand and closed forms."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from unstuck.claims.lines import known_reduction
from unstuck.claims.reductions import base, brought_code, names, reduction
from unstuck.claims.reductions.summaries import at_common_level
from unstuck.errors import DataError, RegistryError


def made(name, rows, runs=None, **arguments):
    """What a reduction gives of a table whose rows are runs, unless they say so themselves."""
    table = pd.DataFrame(rows)
    if "run" not in table:
        table["run"] = range(len(table))
    return reduction(name)(table, table if runs is None else pd.DataFrame(runs), **arguments)


def curve(run, side, unit, accuracies, **more):
    return [
        {"run": run, "side": side, "unit": unit, "update": 10 * step, "train_accuracy": each} | more
        for step, each in enumerate(accuracies)
    ]


def test_a_common_level_is_the_least_that_both_arms_come_to():
    rows = pd.DataFrame(
        {
            "unit": 0,
            "run": ["a"] * 3 + ["b"] * 3,
            "update": [0, 1, 2] * 2,
            "loss": [3.0, 2.0, 1.0, 3.0, 1.5, 0.5],
            "size": [1.0, math.e, math.e**2, 5.0, 6.0, 7.0],
        }
    )
    found = at_common_level(rows, rows, column="size", level="loss", along="update")
    # `a` ends at 1; `b` passes it half-way between its last two points
    assert found["a"] == pytest.approx(math.e**2)
    assert found["b"] == pytest.approx(math.sqrt(6 * 7))


def test_updates_until_counts_the_budget_of_what_does_not_arrive():
    found = made("updates_until", {"there": [5.0, np.nan, 0.0], "updates": 9}, arrived="there")
    assert found["value"].tolist() == [5, 9, 1]
    assert found["arrived"].tolist() == [True, False, True]
    assert found["score"].tolist() == pytest.approx(np.log([5, 9, 1]))


def test_the_target_is_that_of_the_better_arm_on_the_units_of_the_heat():
    rows = [
        *curve(0, "arm", 0, [0.1, 0.3, 0.5]),
        *curve(1, "reference", 0, [0.1, 0.9, 0.9]),
        # a unit that ran after the heat sets no target
        *curve(2, "arm", 7, [0.5, 0.5, 0.5]),
        *curve(3, "reference", 7, [0.5, 1.0, 1.0]),
    ]
    runs = [
        {"side": side, "role": role, "seed": unit, "chosen": chosen, "train_accuracy": final}
        for side, role, unit, chosen, final in (
            ("arm", "heat", 0, True, 0.5),
            ("reference", "heat", 0, True, 0.9),
            # neither does a rate that was not chosen
            ("reference", "heat", 0, False, 1.0),
            ("reference", "finalist", 7, True, 1.0),
        )
    ]
    found = made("updates_to_target", rows, runs, share=0.5)
    # half-way from 0.1 to 0.9, on straight lines between measurements
    assert found["value"].to_dict() == pytest.approx({0: 20, 1: 5, 2: 1, 3: 1})
    assert made("updates_to_target", rows, runs, share=0.9)["arrived"].to_dict() == {
        0: False,
        1: True,
        2: False,
        3: True,
    }


def test_a_diverged_run_has_not_arrived_whatever_its_curve_says():
    rows = curve(0, "arm", 0, [0.1, 0.9], diverged_at=3.0, goal=0.5)
    found = made("updates_to_target", rows, target="goal")
    assert found.loc[0].tolist() == [10, False, pytest.approx(np.log(10))]


@pytest.mark.parametrize("share", [None, 0.0, 1.0])
def test_a_target_is_some_of_the_way(share):
    with pytest.raises(DataError, match="between 0 and 1"):
        made("updates_to_target", curve(0, "arm", 0, [0.1, 0.9]), share=share)


def test_the_ratio_of_two_groups_is_that_of_their_geometric_means():
    rows = {
        "run": 0,
        "batch": ["16", "16", "full", "full", "48"],
        "loss": [1.0, 4.0, 1.0, 9.0, 7.0],
    }
    found = made("ratio_of_groups", rows, column="loss", by="batch", of=16, to="full")
    assert found.tolist() == pytest.approx([2 / 3])


def test_flags():
    kinds = {"kind": ["saddle", "minimum", "none"]}
    assert made("equals", kinds, column="kind", value="saddle").tolist() == [1, 0, 0]
    assert made("equals", kinds, column="kind", value=["saddle", "none"]).tolist() == [1, 0, 1]
    sizes = {"norm": [2.0, 1.0], "start": [10.0, 20.0]}
    assert made("exceeds", sizes, column="norm", times=0.1, of="start").tolist() == [1, 0]
    assert made("exceeds", sizes, column="norm", times=1).tolist() == [1, 0]
    many = {"run": [0, 0, 1, 1], "kind": ["saddle", "none", "saddle", "saddle"]}
    assert made("share_of_rows", many, column="kind", value="saddle").tolist() == [0.5, 1]
    found = {"kind": ["minimum", "minimum", "none"], "end": [0.995, 0.9, 1.0], "loss": 1.0}
    given = {"loss": "loss", "reached": "end", "within": 0.01}
    assert made("not_arrived", found, **given).tolist() == [0, 1, 1]
    left = made("left_before_arrival", found | {"low": [0.9, 0.8, 0.6]}, least="low", **given)
    assert left.isna().tolist() == [True, False, False]
    assert left[1:].tolist() == pytest.approx([0.2, 0.4])


def over_rates(values, **more):
    rates = [0.01, 0.1, 1.0, 10.0]
    return [
        {"run": 0, "side": "arm", "lr": rate, "train_accuracy": value} | more
        for rate, value in zip(rates, values, strict=True)
    ]


@pytest.mark.parametrize(
    ("values", "rate", "inside"),
    [
        ([0.1, 0.9, 0.9, 0.1], 1.0, True),
        # learns again beyond a rate at which it does not
        ([0.9, 0.1, 0.9, 0.9], 0.01, True),
        ([0.9, 0.9, 0.9, 0.9], 10.0, False),
        ([0.1, 0.1, 0.1, 0.1], 0.01, False),
    ],
)
def test_the_largest_stable_rate(values, rate, inside):
    found = made("largest_stable_rate", over_rates(values), above=0.5)
    assert found.loc[0].tolist() == [rate, inside]


def test_usable_decades_are_the_length_of_a_broken_line():
    # threshold 0.1 + 0.5 * 0.8 = 0.5: one whole decade, and half of one on either side
    found = made("usable_decades", over_rates([0.1, 0.9, 0.9, 0.1]), share=0.5, start=0.1)
    assert found[0] == pytest.approx(2)
    diverged = over_rates([0.1, 0.9, 0.9, 0.9])
    diverged[-1]["diverged_at"] = 3.0
    assert made("usable_decades", diverged, share=0.5, start=0.1)[0] == pytest.approx(2)


def test_the_largest_over_rates_and_the_gain_at_best_rates():
    rates = over_rates([0.1, 0.7, 0.3, 0.2])
    assert made("largest", rates, column="train_accuracy", rates="lr")[0] == 0.7
    rows = [
        {"run": 0, "walker": walker, "rate": rate, "seed": seed, "settled": taken, "updates": 100}
        for walker, rate, seed, taken in (
            ("slow", 1.0, 0, 40.0),
            ("slow", 1.0, 1, 90.0),
            ("slow", 2.0, 0, np.nan),
            ("slow", 2.0, 1, np.nan),
            ("fast", 1.0, 0, 10.0),
            ("fast", 1.0, 1, 30.0),
        )
    ]
    several = {"of": "slow", "to": "fast", "starts": "seed", "rate": "rate"}
    assert made("gain_at_best_rates", rows, **several)[0] == pytest.approx(3)
    starts = [row | {"run": row["seed"], "surface": "bowl", "lr": row["rate"]} for row in rows]
    gains = made("gain_at_best_rates", starts, of="slow", to="fast")
    assert gains.tolist() == pytest.approx([4, 3])


def test_numbers_of_rows():
    rows = {"run": [0, 0, 1], "x": [1.0, 4.0, 9.0], "y": [2.0, 8.0, 3.0]}
    assert made("mean", rows, column="x").tolist() == [2.5, 9]
    assert made("geometric_mean", rows, column="x").tolist() == pytest.approx([2, 9])
    assert made("largest", rows, column="x").tolist() == [4, 9]
    assert made("largest_over_least", rows, column="x").tolist() == [4, 1]
    one = {"x": [1.0, 4.0], "y": [2.0, 5.0]}
    assert made("ratio", one, of="x", to="y", less=0.5).tolist() == pytest.approx([0, 0.3])
    assert made("ratio", one, of="x", less=1).tolist() == pytest.approx([x - 1 for x in one["x"]])
    assert made("product", one, of="x", by="y", times=0.5).tolist() == [1, 10]
    assert made("share_saved", one, of="x", to="y").tolist() == pytest.approx([0.5, 0.2])
    assert made("exp_minus", {"x": [0.0, math.log(2)]}, column="x").tolist() == pytest.approx(
        [1, 0.5]
    )


def test_exponents():
    x = np.logspace(-3, -1, 9)
    rows = {"run": 0, "x": x, "y": 2 * x**3 * (1 + 5 * x), "rounding": 1e-16}
    order = {"x": "x", "y": "y", "rounding": "rounding"}
    assert made("leading_order", rows, **order)[0] == pytest.approx(3, abs=1e-3)
    assert math.isnan(made("leading_order", rows | {"y": 0.0}, **order)[0])
    slope = made("log_slope", rows | {"y": 2 * x**-0.5}, x="x", y="y")
    assert slope[0] == pytest.approx(-0.5)
    bent = np.where(x < 0.01, 1.0, x**2)
    assert made("log_slope", rows | {"y": bent}, x="x", y="y", largest=3)[0] == pytest.approx(2)


def test_the_knee_is_where_what_grows_equals_what_does_not():
    size = np.array([1.0, 10.0, 100.0, 10_000.0])
    lines = {"run": np.repeat([0, 1], 4), "size": np.tile(size, 2)}
    seconds = np.concatenate([3 + 0.02 * size, 5 * size])
    found = made("knee", lines | {"seconds": seconds}, x="size", y="seconds")
    assert found.tolist() == pytest.approx([150, 1])


def test_the_correlation_of_ranks_is_that_of_scipy():
    rng = np.random.default_rng(2)
    rows = {"run": 0, "x": rng.normal(size=40), "y": rng.normal(size=40)}
    expected = stats.spearmanr(rows["x"], rows["y"]).statistic
    assert made("rank_correlation", rows, of="x", to="y", sign=-1)[0] == pytest.approx(-expected)


def test_every_reduction_is_explained():
    for name in names():
        text = reduction(name).__doc__
        assert text
        assert text.split("\n")[0].strip()


TIMES = """
def times_over(rows, runs, *, column, by=2):
    return by * rows.set_index('run')[column]
"""


def bring(folder, monkeypatch, entries):
    """Put a package on the path that names reductions as its entry points."""
    metadata = folder / "brought-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: brought\nVersion: 1.0\n")
    (metadata / "entry_points.txt").write_text(f"[unstuck.reductions]\n{entries}\n")
    (folder / "brought_reductions.py").write_text(TIMES)
    monkeypatch.syspath_prepend(folder)
    # without what earlier calls remember
    monkeypatch.setattr(base, "_known", base._known.__wrapped__)


def test_an_installed_package_brings_reductions(tmp_path, monkeypatch):
    assert brought_code() == ""
    bring(tmp_path, monkeypatch, "times_over = brought_reductions:times_over")
    assert "times_over" in names()
    assert made("times_over", {"x": [1.0, 2.0]}, column="x", by=3).tolist() == [3, 6]
    assert brought_code() == TIMES
    with pytest.raises(ValueError, match="times_over takes no argument 'colum'; it takes column, "):
        known_reduction({"times_over": {"colum": "x"}}, "primary")


@pytest.mark.parametrize(
    ("entries", "said"),
    [
        ("mean = brought_reductions:times_over", "a reduction 'mean' exists already"),
        ("other = brought_reductions:other", "'other', .*:other, cannot be loaded: "),
    ],
)
def test_a_brought_reduction_that_cannot_be_had(tmp_path, monkeypatch, entries, said):
    bring(tmp_path, monkeypatch, entries)
    with pytest.raises(RegistryError, match=said):
        names()
