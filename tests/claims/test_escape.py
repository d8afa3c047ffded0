"""Claim 1.1.4 on planted ladders."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.claims import critical_points_escape
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.1.4"]
WIDTH, SEEDS, RATE, VALUE = 3, 2, 0.1, -0.5
EXPONENTS = (2, 3, 4, 5)
FORETOLD = np.log(10) / np.log1p(-RATE * VALUE)


def tables(*, ratio=lambda radius: 1 - radius**2, slope=FORETOLD, bend=0.0, moved=0.0):
    """A ladder whose saddles are left as asked for."""
    points, drops, times, curves = [], [], [], []
    for dataset in ("digits", "mnist1d"):
        for seed in range(SEEDS):
            for rung in range(WIDTH + 1):
                row = {"dataset": dataset, "seed": seed, "width": WIDTH, "rung": rung}
                saddle = rung < WIDTH
                points.append(
                    row
                    | {
                        "converged": True,
                        "kind": "saddle" if saddle else "minimum",
                        "eigenvalues": np.array([VALUE if saddle else 0.1, 1.0]),
                        "gradient_norm": 1e-16,
                        "loss": 2.0 - 0.5 * rung,
                    }
                )
                if not saddle:
                    continue
                drops += [row | {"radius": r, "ratio": ratio(r)} for r in (1e-3, 1e-2, 1e-1)]
                if seed:
                    continue
                for k in (*EXPONENTS, 0):
                    updates = np.round(5 + slope * k + bend * k**2) if k else np.nan
                    times.append(
                        row
                        | {
                            "exponent": k,
                            "updates": updates,
                            "observed": 300,
                            "farthest": 1.0 if k else moved,
                            "predicted_slope": FORETOLD,
                        }
                    )
                    curves += [
                        row
                        | {
                            "exponent": k,
                            "update": u,
                            "loss": 2.0 - 0.5 * rung - 1e-3 * u * (k > 0),
                        }
                        for u in range(5)
                    ]
    made = {"points": points, "drops": drops, "times": times, "curves": curves}
    return {name: pd.DataFrame(rows) for name, rows in made.items()}


def verdict(given):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, given)]).claims.iloc[0]


def test_saddles_that_are_left_as_foretold_support_it():
    found = verdict(tables())
    assert (found.verdict, found.control) == ("supported", "passed")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"ratio": lambda radius: 1.01}, "change of the loss over ½λε² at ε = 0.001 on digits"),
        ({"slope": 1.1 * FORETOLD}, "updates for each unit of k over ln 10"),
        ({"bend": 5.0}, "updates"),
        ({"moved": 1e-6}, "distance from a saddle on digits after starting on it"),
    ],
)
def test_each_statement_can_fail(change, words):
    found = verdict(tables(**change))
    assert found.verdict == "contradicted"
    assert words in found.reason


def test_a_bend_is_told_from_a_slope():
    given = tables(bend=2.0, slope=FORETOLD - 14.0)
    assert "straight line in k on digits" in verdict(given).reason


def test_a_start_that_never_left_is_counted():
    given = tables()
    times = given["times"]
    times.loc[times["exponent"] == 5, "updates"] = np.nan
    assert "that gradient descent did not leave" in verdict(given).reason


def test_a_saddle_without_a_step_is_counted():
    given = tables()
    drops = given["drops"]
    given["drops"] = drops[(drops["rung"] > 0) | (drops["seed"] > 0)]
    assert "without a step along their lowest eigenvector: 1" in verdict(given).reason


def test_points_that_are_not_certified_are_counted_apart():
    given = tables()
    given["points"].loc[0, "converged"] = False
    drops = given["drops"]
    first = (drops["dataset"] == "digits") & (drops["seed"] == 0) & (drops["rung"] == 0)
    given["drops"] = drops[~first]
    evidence = evaluate(CLAIM, given)
    assert evidence.numbers["not_certified"] == 1
    assert decide({CLAIM.id: CLAIM}, [evidence]).claims["verdict"].iloc[0] == "supported"


def test_a_minimum_with_a_way_down_fails_the_control():
    given = tables()
    minima = given["points"]["kind"] == "minimum"
    given["points"].loc[minima, "eigenvalues"] = pd.Series(
        [np.array([-1.0, 1.0])] * minima.sum(), index=given["points"].index[minima]
    )
    assert verdict(given).verdict == "invalid"


def test_a_bowl_has_no_saddle_to_step_off(monkeypatch):
    monkeypatch.setattr(critical_points_escape, "_toy", lambda point: point.square().sum())
    found = verdict(tables())
    assert found.verdict == "contradicted"
    assert "the toy" in found.reason


def test_a_ladder_without_saddles_is_refused():
    given = tables()
    given["drops"] = given["drops"][:0]
    with pytest.raises(DataError, match="no certified saddle"):
        evaluate(CLAIM, given)


def test_the_curves_shown_are_those_of_one_saddle():
    plateau = evaluate(CLAIM, tables()).tables["plateau"]
    assert set(plateau["rung"]) == {2}
    assert set(plateau["dataset"]) == {"digits"}
    assert set(plateau["exponent"]) == {0, *EXPONENTS}
    assert set(plateau["saddle_loss"]) == {1.0}
