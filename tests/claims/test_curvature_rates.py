"""Claim 2.1.5 on planted correlations of rate and curvature."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from made_up.adaptive_rates_curvature import coordinates

from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["2.1.5"]


def verdict(table):
    evidence = evaluate(CLAIM, {"coordinates": table})
    return evidence, decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0]


@pytest.mark.parametrize(
    ("strength", "expected"), [(0.4, "supported"), (0.0, "no effect"), (-0.4, "contradicted")]
)
def test_a_planted_correlation_is_found(strength, expected):
    evidence, found = verdict(coordinates(strength))
    assert (found.verdict, found.control) == (expected, "passed"), found.reason
    assert len([each for each in evidence.contrasts if each.role == "effect"]) == 18
    # Spearman's ρ of a normal pair is 6/π asin(r/2)
    mean = evidence.tables["ends"]["all"].mean()
    assert mean == pytest.approx(-6 / np.pi * np.arcsin(strength / 2), abs=0.03)


def test_a_difference_between_layers_is_not_one_within():
    table = coordinates(0.0)
    first = table["layer"] == "linear1.weight"
    table.loc[first, "curvature"] *= 100
    table.loc[first, "rate"] /= 100
    evidence, found = verdict(table)
    ends = evidence.tables["ends"].query("place == 'digits'")
    assert ends["all"].mean() < -0.4
    assert abs(ends["within"].mean()) < 0.1
    assert found.verdict == "depends"


def test_what_other_seeds_show_as_well_is_told():
    """Curvatures that are the same at every end: another seed's foretell the rates as well."""
    table = coordinates(0.4)
    first = table[table["seed"] == 0].set_index(["place", "optimizer", "parameter"])["curvature"]
    keys = pd.MultiIndex.from_frame(table[["place", "optimizer", "parameter"]])
    networks = table["place"].isin(["digits", "mnist1d"])
    own = evaluate(CLAIM, {"coordinates": table}).numbers
    assert abs(own["other_networks"]) < 0.03
    assert abs(own["other_within"]) < 0.03
    shared = first.reindex(keys).to_numpy()
    rates = table["rate"] * table["curvature"] ** 0.4 * shared**-0.4
    table = table.assign(
        curvature=np.where(networks, shared, table["curvature"]),
        rate=np.where(networks, rates, table["rate"]),
    )
    numbers = evaluate(CLAIM, {"coordinates": table}).numbers
    assert numbers["other_networks"] == pytest.approx(numbers["networks"], abs=0.03)
    assert numbers["other_within"] < -0.2


def test_axes_that_other_starts_share_fail_the_control():
    table = coordinates(0.8)
    turned = (table["place"] == "turned bowl").to_numpy()
    one = table[(table["place"] == "turned bowl") & (table["seed"] == 0)]
    for column in ("rate", "curvature"):
        values = one.set_index(["optimizer", "parameter"])[column]
        keys = pd.MultiIndex.from_frame(table.loc[turned, ["optimizer", "parameter"]])
        table.loc[turned, column] = values.reindex(keys).to_numpy()
    assert verdict(table)[1].verdict == "invalid"


def test_a_diverged_network_counts_as_the_wrong_way_round():
    table = coordinates()
    lost = (table["place"] == "digits") & (table["seed"] == 3)
    table.loc[lost, "rate"] = np.nan
    ends = verdict(table)[0].tables["ends"]
    assert ends.query("place == 'digits' and seed == 3")["all"].tolist() == [1.0] * 3
