"""The analysis of trajectories: labels, pairing of starts, and what bad input gets."""

import numpy as np
import pandas as pd
import pytest

from unstuck.errors import ConfigError
from unstuck.study.analyses.base import Context
from unstuck.study.analyses.kinds import parse_analysis

CONTEXT = Context(datasets={}, inputs={}, device="cpu", threads=1, progress=lambda text: None)
GIVEN = {
    "kind": "trajectories",
    "surfaces": {
        "bowl": {"surface": "ellipse", "coefficients": {"condition": 10}, "box": [[1, 2], [1, 2]]},
        "line": {"surface": "regression", "box": [[-200, 0], [1, 3]]},
        "hill": {"surface": "hill", "coefficients": {"barrier": 0.5}, "box": [[-6, -5]]},
    },
    "walkers": {
        "sgd": {"optimizer": "sgd", "unit": "inverse_curvature", "rates": [0.5, 1.0]},
        "heavy": {"optimizer": "momentum", "rates": [0.01], "surfaces": ["hill"]},
    },
    "updates": 300,
    "seeds": 2,
}


@pytest.fixture(scope="module")
def tables():
    analysis = parse_analysis(GIVEN)
    made = analysis.run(CONTEXT)
    assert set(made) == set(analysis.tables)
    return made


def test_there_is_a_walk_for_every_surface_walker_rate_and_seed(tables):
    walks = tables["walks"]
    assert len(walks) == (3 * 2 + 1) * 2
    keys = walks[["surface", "walker", "rate", "seed"]]
    assert not keys.duplicated().any()
    assert set(walks["seed"]) == {0, 1}
    assert not walks["flat_best"].any()


def test_rates_in_units_of_the_curvature_are_stable(tables):
    bowl = tables["walks"].query("surface == 'bowl' and rate == 1.0")
    assert bowl["lr"].tolist() == [0.1] * 2
    # 1 − ηλ is 0.9 along the flat axis, so that 1 % takes 44 updates
    assert bowl["arrived"].between(30, 44).all()


def test_walks_down_bowls_are_those_of_closed_forms():
    turned = {"condition": 50, "degrees": 20}
    box = [[1, 2], [1, 2]]
    given = {
        "kind": "trajectories",
        "surfaces": {"bowl": {"surface": "ellipse", "coefficients": turned, "box": box}},
        "walkers": {
            "sgd": {"optimizer": "sgd", "unit": "inverse_curvature", "rates": [0.5, 1.9, 2.1]},
            "descent": {"optimizer": "sgd", "unit": "optimal", "rates": [1]},
            "ball": {"optimizer": "momentum", "unit": "optimal", "rates": [1, 0.9]},
            "adam": {"optimizer": "adam", "rates": [0.1]},
            "decayed": {"optimizer": "sgd", "schedule": "inverse_sqrt", "rates": [0.01]},
        },
        "updates": 400,
        "radius": 1e-4,
        "seeds": 2,
    }
    walks = parse_analysis(given).run(CONTEXT)["walks"].set_index(["walker", "rate", "seed"])
    assert (walks["condition"] == 50).all()
    told = walks[walks["foretold_left"].notna()]
    assert set(told.index.droplevel("seed")) == {
        *(("sgd", 0.5), ("sgd", 1.9), ("sgd", 2.1), ("descent", 1.0), ("ball", 1.0))
    }
    np.testing.assert_allclose(told["left"], told["foretold_left"], rtol=1e-6, atol=1e-15)
    arrived = told.loc[["descent", "ball"]]
    assert arrived["settled"].notna().all()
    np.testing.assert_array_equal(told["settled"], told["foretold"])


def test_the_best_rate_with_a_flat_stretch_is_marked_for_all_walkers():
    given = GIVEN | {
        "surfaces": {"bowl": GIVEN["surfaces"]["bowl"]},
        "walkers": {
            # the steps of the slowest hardly fall; of the others the second arrives sooner
            "sgd": {"optimizer": "sgd", "unit": "inverse_curvature", "rates": [0.001, 0.1, 0.9]},
            "heavy": {"optimizer": "momentum", "rates": [0.1, 0.9]},
        },
        "updates": 3000,
        "flat_of": "sgd",
    }
    walks = parse_analysis(given).run(CONTEXT)["walks"]
    sgd = walks[walks["walker"] == "sgd"].groupby("rate")
    assert sgd["flattest"].max()[0.001] > 0.01 > sgd["flattest"].max()[0.1]
    assert sgd["arrived"].max()[0.9] < sgd["arrived"].min()[0.1]
    assert (walks["flat_best"] == (walks["rate"] == 0.9)).all()
    with pytest.raises(ValueError, match="flat_of"):
        parse_analysis(given | {"flat_of": "nobody"}).check({})


def test_arms_share_their_starts():
    # at so small a rate a walk ends where it starts
    still = {"optimizer": "sgd", "rates": [1e-30]}
    given = GIVEN | {"updates": 1, "walkers": {"one": still, "other": still}}
    walks = parse_analysis(given).run(CONTEXT)["walks"].query("surface == 'hill'")
    assert len(walks) == 4
    assert (walks.groupby("seed")["end_x"].nunique() == 1).all()
    assert walks["end_x"].nunique() == 2
    assert walks["end_x"].between(-6, -5).all()
    assert walks["end_y"].isna().all()


def test_another_run_gives_the_same_tables(tables):
    again = parse_analysis(GIVEN).run(CONTEXT)
    for name, table in tables.items():
        pd.testing.assert_frame_equal(table, again[name])


def test_the_best_coefficients_are_those_of_the_bowl():
    analysis = parse_analysis(
        GIVEN
        | {
            "surfaces": {
                name: GIVEN["surfaces"]["bowl"] | {"coefficients": {"condition": kappa}} | budget
                for name, kappa, budget in (("short", 4, {}), ("long", 100, {"updates": 900}))
            },
            "walkers": {
                name: {"optimizer": name, "unit": "optimal", "rates": [1]}
                for name in ("sgd", "momentum")
            },
        }
    )
    walks = analysis.run(CONTEXT)["walks"].query("seed == 0").set_index(["surface", "walker"])
    assert walks.loc[("short", "sgd"), "lr"] == pytest.approx(2 / 5)
    assert walks.loc[("long", "momentum"), "lr"] == pytest.approx(4 / 11**2)
    assert walks.loc["short", "updates"].tolist() == [300, 300]
    assert walks.loc["long", "updates"].tolist() == [900, 900]
    # ln 100 / ln (101/99) and a line in t times (9/11)ᵗ
    assert walks.loc[("long", "sgd"), "settled"] == pytest.approx(231, abs=1)
    assert walks.loc[("long", "momentum"), "settled"] < 60


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"surfaces": {"bowl": {"surface": "ellipse", "box": [[0, 1]]}}}, "box has 1 axes"),
        (
            {
                "surfaces": {
                    "bowl": {
                        "surface": "ellipse",
                        "coefficients": {"conditon": 3},
                        "box": [[0, 1], [0, 1]],
                    }
                }
            },
            "did you mean 'condition'",
        ),
        (
            {
                "surfaces": {
                    "hill": {"surface": "hill", "coefficients": {"barrier": -1}, "box": [[0, 1]]}
                }
            },
            "barrier must be above 0",
        ),
        (
            {
                "walkers": {
                    "a": {
                        "optimizer": "sgd",
                        "rates": [1],
                        "unit": "optimal",
                        "surfaces": ["hill"],
                    }
                }
            },
            "a on hill: unit: optimal needs",
        ),
    ],
)
def test_a_mistake_is_named(change, words):
    with pytest.raises(ConfigError, match=words):
        parse_analysis(GIVEN | change).run(CONTEXT)


@pytest.mark.parametrize(
    ("walker", "words"),
    [
        ({"optimizer": "adm"}, "did you mean 'adam'"),
        ({"optimizer": "sgd", "schedule": "cosin"}, "cosine"),
        ({"optimizer": "sgd", "surfaces": ["bwl"]}, "bowl"),
        ({"optimizer": "adam", "unit": "optimal"}, "momentum"),
    ],
)
def test_a_walker_that_cannot_walk_is_named_at_once(walker, words):
    with pytest.raises(ValueError, match=words):
        parse_analysis(GIVEN | {"walkers": {"a": {"rates": [1], **walker}}}).check({})
