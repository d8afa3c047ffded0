"""The words of claims once more, from what is stored, by code of its own."""

import ast
from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.model import Claim
from unstuck.claims.results import save, summary, verdicts
from unstuck.claims.verdict import decide
from unstuck.report import recomputed
from unstuck.report.verification import stored as read
from unstuck.statistics.race import Arm, Place, interval
from unstuck.statistics.rule import Word

SOURCE = Path(recomputed.__file__)
UNITS = 20


def runs(effect, noise=0.02, units=UNITS, tilt=0.0, seed=0):
    """Runs of two datasets, two arms and three finalists; the effect differs by ±tilt."""
    rng = np.random.default_rng([seed, 5])
    rows = []
    for place, base in (("easy", 0.6), ("hard", 0.4)):
        split = rng.normal(size=units)
        for arm in ("a", "b"):
            for rate, loss in ((0.01, 0.0), (0.1, 0.005), (1.0, 0.1)):
                gain = (effect + (tilt if place == "easy" else -tilt)) * (arm == "a") - loss
                value = base + gain + noise * (split + rng.normal(size=units))
                rows.append(
                    pd.DataFrame(
                        {
                            "run_id": [f"{place}{arm}{rate}{unit}" for unit in range(units)],
                            "cell": f"{place}{arm}",
                            "role": "finalist",
                            "dataset": place,
                            "arm": arm,
                            "lr": rate,
                            "chosen": rate == 0.01,
                            "score": -value - noise * rng.normal(size=units),
                            "seed": range(units),
                            "value": value,
                            "other": value + noise * rng.normal(size=units),
                            "true": value > base,
                        }
                    )
                )
    return pd.concat(rows, ignore_index=True)


def claim(primary, **given):
    usual = {
        "id": "9.1",
        "slug": "made-up",
        "question": "Is it?",
        "statement": "It is.",
        "answer": "{V}: {e}.",
        "primary": primary,
    }
    return Claim.model_validate(usual | given)


COMPARISON = {
    "from": "e.runs",
    "value": "value",
    "unit": "percentage points",
    "margin": 1,
    "arm": {"arm": "a"},
    "reference": {"arm": "b"},
    "over": {"dataset": "mean"},
}
FACTOR = {"unit": "times", "scale": "ratio", "margin": 1.05}
CHECK = {"from": "e.facts", "value": "x", "where": {}, "reduce": "max"}

CASES = {
    "supported": (COMPARISON, {"effect": 0.1}, {}),
    "contradicted": (COMPARISON, {"effect": -0.1}, {}),
    "direction": (COMPARISON | {"margin": 3}, {"effect": 0.03}, {}),
    "small": (COMPARISON | {"margin": 9}, {"effect": 0.03}, {}),
    "no effect": (COMPARISON | {"margin": 4}, {"effect": 0.0}, {}),
    "undecided": (COMPARISON, {"effect": 0.0, "noise": 0.1}, {}),
    "undecided, few units": (COMPARISON | {"margin": 2}, {"effect": 0.0, "units": 5}, {}),
    "partly": (COMPARISON, {"effect": 0.08, "tilt": 0.2}, {}),
    "factor": (COMPARISON | FACTOR, {"effect": 0.1}, {}),
    "factor, no effect": (COMPARISON | FACTOR | {"margin": 1.2}, {"effect": 0.0}, {}),
    "equivalence": (COMPARISON | {"claims": "equivalence", "margin": 4}, {"effect": 0.0}, {}),
    "equivalence that would not see": (
        COMPARISON | {"claims": "equivalence", "margin": 3},
        {"effect": 0.0, "units": 6},
        {},
    ),
    "no worse": (COMPARISON | {"claims": "no worse", "margin": 4}, {"effect": 0.0}, {}),
    "worse": (COMPARISON | {"claims": "no worse"}, {"effect": -0.1}, {}),
    "against a number": (COMPARISON | {"reference": 40}, {"effect": 0.1}, {}),
    "correlation": (
        COMPARISON | {"statistic": "correlation", "against": "other", "unit": "rank"},
        {"effect": 0.0},
        {"margin": 0.2},
    ),
    "turned correlation": (
        COMPARISON | {"statistic": "correlation", "against": "other", "unit": "rank", "sign": -1},
        {"effect": 0.0},
        {"margin": 0.2},
    ),
    "share": (
        {k: v for k, v in COMPARISON.items() if k != "reference"}
        | {"statistic": "share", "value": "true", "margin": 5},
        {"effect": 0.05},
        {},
    ),
    "paired share": (
        COMPARISON
        | {"statistic": "share", "value": "true", "where": {"dataset": "easy"}, "over": {}},
        {"effect": 0.02},
        {},
    ),
    "one value": (COMPARISON, {"effect": 0.1, "noise": 0.0}, {}),
    "co-primaries": (
        {"A": COMPARISON, "B": COMPARISON | {"value": "other"}},
        {"effect": 0.1},
        {},
    ),
    "co-primaries that disagree": (
        {"A": COMPARISON, "B": COMPARISON | {"arm": {"arm": "b"}, "reference": {"arm": "a"}}},
        {"effect": 0.1},
        {},
    ),
    "a control that fails": (
        COMPARISON,
        {"effect": 0.1},
        {"controls": {"the same": {"arm": {"arm": "b"}, "reference": {"arm": "a"}}}},
    ),
    "a control that holds": (
        COMPARISON,
        {"effect": 0.1},
        {"controls": {"found": {"expect": "effect"}}},
    ),
    "a check that fails beside": (
        COMPARISON,
        {"effect": 0.1},
        {"controls": {"exact": CHECK | {"holds": {"equals": 4}}}},
    ),
    "a check": (CHECK | {"holds": {"equals": 3, "tolerance": 1e-9}}, {}, {"kind": "exact"}),
    "a check that fails": (CHECK | {"holds": {"at_most": 2}}, {}, {"kind": "exact"}),
    "checks that disagree": (
        {"A": CHECK | {"holds": {"at_least": 2}}, "B": CHECK | {"holds": {"equals": 1}}},
        {},
        {"kind": "exact"},
    ),
}


def stored(tmp_path, primary, data, given):
    if "margin" in given:
        primary = primary | {"margin": given["margin"]}
        given = {key: value for key, value in given.items() if key != "margin"}
    facts = pd.DataFrame({"x": [1.0, 3.0]})
    tables = {"e.runs": runs(**({"effect": 0.0} | data)), "e.facts": facts}
    verdict = decide(claim(primary, **given), tables)
    save(verdict, tmp_path)
    return verdict, read(tmp_path)


@pytest.fixture(scope="module")
def cases(tmp_path_factory):
    """Every case, judged and stored once; how words change with other units is no matter here."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("unstuck.claims.results.words_anew", lambda verdict: [])
        return {
            name: stored(tmp_path_factory.mktemp("claim"), *case) for name, case in CASES.items()
        }


@pytest.mark.parametrize("name", CASES)
def test_the_word_is_found_again(cases, name):
    verdict, tables = cases[name]
    assert recomputed.words(*tables) == str(verdict.word)
    if name in set(Word):
        assert str(verdict.word) == name


def test_the_cases_come_to_every_word_that_values_can_give(cases):
    found = {verdict.word for verdict, _ in cases.values()}
    assert found == set(Word) - {Word.NOT_TESTED, Word.WRONG_DIRECTION}


# of three of these the percentile lies beyond the outermost resample
SKEWED = [np.random.default_rng(each).lognormal(0, 1, (12, 1)) for each in (0, 1, 3, 4, 14)]


@pytest.mark.parametrize(
    "groups",
    [
        *([each] for each in SKEWED),
        *([each[:10]] for each in SKEWED),
        *([one, other[:10]] for one, other in pairwise(SKEWED)),
        [SKEWED[0], np.ones((12, 1))],
        [SKEWED[0][:9], SKEWED[1]],
    ],
)
def test_intervals_are_those_of_the_rule_however_few_and_skewed_the_units(groups):
    places = [Place(Arm(values), units=f"{n}") for n, values in enumerate(groups)]
    expected = interval(places)
    arms = [(1 / len(groups), f"{n}", values, values) for n, values in enumerate(groups)]
    found = recomputed.mean_effect(arms)
    np.testing.assert_allclose(found, (expected.low, expected.high), rtol=1e-5)


def test_a_word_that_does_not_follow_from_the_values_is_found(cases):
    verdict, (values, lines, checks) = cases["supported"]
    less = values["value"].where(values["side"] == "reference", values["value"] - 10)
    assert recomputed.words(values.assign(value=less), lines, checks) != str(verdict.word)


def test_a_ratio_is_a_ratio_in_every_table(cases):
    """Each number under `times` against geometric means of the runs themselves."""
    verdict, (values, lines, _) = cases["factor"]
    table = runs(0.1)
    scores = table.groupby(["cell", "lr"])["score"].mean().unstack()
    best = table[table["lr"] == table["cell"].map(scores.idxmin(axis=1))]
    means = best.groupby(["dataset", "arm"])["value"].agg(lambda v: np.prod(v) ** (1 / len(v)))
    arm, reference = (means.xs(name, level="arm") for name in ("a", "b"))
    ratios = dict(zip(arm.index, arm / reference, strict=True))
    told = verdicts([summary(verdict)]).iloc[0]
    primary = lines[lines["role"] == "primary"].iloc[0]
    for row in (told, primary):
        assert (row["unit"], row["scale"], row["margin"]) == ("times", "ratio", 1.05)
        assert row["effect"] == pytest.approx(np.prod([*ratios.values()]) ** 0.5, rel=1e-12)
        assert 1 < row["low"] < row["effect"] < row["high"] < row["effect"] ** 2
    assert primary["arm"] == pytest.approx(np.prod(arm) ** 0.5, rel=1e-12)
    assert primary["reference"] == pytest.approx(np.prod(reference) ** 0.5, rel=1e-12)
    apart = lines[lines["role"] == "dataset"].set_index("places")["effect"]
    assert apart.to_dict() == pytest.approx(ratios, rel=1e-12)
    own = lines[lines["role"].isin(["itself", "planted"])].set_index(["line", "role"])
    assert (own["low"] > 0).all()
    for _, each in own["effect"].groupby(level="line"):
        planted, itself = each.xs("planted", level="role"), each.xs("itself", level="role")
        # two margins are planted: the margin's square
        assert planted.iloc[0] / itself.iloc[0] == pytest.approx(1.05**2, rel=1e-12)
    stored = values[values["role_of_line"] == "primary"].merge(table, on="run_id")
    assert stored["value_x"].to_numpy() == pytest.approx(stored["value_y"].to_numpy(), rel=1e-12)


def test_it_shares_no_code_with_the_package_and_is_short():
    imported = {
        (node.module if isinstance(node, ast.ImportFrom) else node.names[0].name).split(".")[0]
        for node in ast.walk(ast.parse(SOURCE.read_text()))
        if isinstance(node, ast.Import | ast.ImportFrom)
    }
    assert imported == {"math", "statistics", "zlib", "numpy", "pandas"}
    assert sum(bool(line.strip()) for line in SOURCE.read_text().splitlines()) <= 120
