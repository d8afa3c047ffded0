"""The race of rates, against one written out in numpy."""

import math
from collections.abc import Callable

import numpy as np
import pandas as pd
import pytest

from unstuck.errors import ConfigError
from unstuck.training.arm import Arm
from unstuck.training.spec import Cell, Tune
from unstuck.training.tuning import ranked, score

GRID = (0.01, 0.1, 1.0)
#: the loss of a rate in a unit
Response = Callable[[float, int], float]


def raced(recipe, tune, units, response: Response) -> Arm:
    """Run the race of a cell whose runs end with known losses; infinite ones diverged."""
    arm = Arm(Cell(run=recipe, rate=tune, seeds=units))
    rows: dict[str, dict[str, float]] = {}
    while True:
        for run in arm.runs():
            loss = response(run.lr, run.seed)
            diverged = math.nan if math.isfinite(loss) else 1.0
            rows[run.run_id] = {"train_loss": loss, "diverged_at": diverged, "updates": 10}
        if not arm.judge(rows, lambda names: pd.DataFrame()):
            arm.table = pd.DataFrame(arm.rows(rows))
            return arm


def written_out(tune, units, response: Response) -> tuple[dict[float, int], float]:
    """Units run at every rate, and the rate chosen: the race in a dozen lines."""
    rates, heat = list(tune.rates), range(min(tune.heat, units))

    def means() -> np.ndarray:
        return np.array([np.mean([response(rate, u) for u in heat]) for rate in rates])

    while len(tune.rates) > 1 and len(rates) < len(tune.rates) + tune.extensions:
        best = rates[int(np.argmin(means()))]
        if min(rates) < best < max(rates):
            break
        factor = (tune.rates[-1] / tune.rates[0]) ** (1 / (len(tune.rates) - 1))
        beyond = best * (factor if best == max(rates) else 1 / factor)
        rates = sorted([*rates, float(f"{beyond:.6g}")])
    last = [rates[i] for i in np.argsort(means(), kind="stable")[: tune.finalists]]
    over_all = {rate: np.mean([response(rate, u) for u in range(units)]) for rate in sorted(last)}
    run = {rate: units if rate in last else len(heat) for rate in rates}
    return run, min(over_all, key=over_all.__getitem__)


def valley(best: float, noise: float = 0.0) -> Response:
    def response(rate: float, unit: int) -> float:
        rng = np.random.default_rng([unit, round(1e6 * rate)])
        return (math.log10(rate) - best) ** 2 + noise * float(rng.standard_normal())

    return response


@pytest.mark.parametrize("noise", [0.0, 1.0])
@pytest.mark.parametrize("best", [-4.0, -1.0, -0.4, 0.0, 1.0, 5.0])
@pytest.mark.parametrize(
    ("units", "rest"),
    [(7, {}), (2, {}), (1, {"heat": 1}), (6, {"heat": 2, "finalists": 1}), (5, {"extensions": 0})],
)
def test_a_race_is_that_written_out(make_recipe, best, noise, units, rest):
    tune, response = Tune(rates=GRID, by="train_loss", **rest), valley(best, noise)
    table = raced(make_recipe(), tune, units, response).table
    run, chosen = written_out(tune, units, response)
    assert table.groupby("lr")["seed"].nunique().to_dict() == run
    assert set(table.loc[table["chosen"], "lr"]) == {chosen}
    finalists = sorted(table.loc[table["role"] == "finalist", "lr"].unique())
    assert len(finalists) == min(tune.finalists, len(run))
    assert chosen in finalists
    expected = [response(row.lr, row.seed) for row in table.itertuples()]
    np.testing.assert_array_equal(table["score"], expected)


def test_the_table_of_rates_holds_the_means_and_the_choice(make_recipe):
    tune, response = Tune(rates=GRID, by="train_loss"), valley(-1.6, 0.3)
    arm = raced(make_recipe(), tune, 6, response)
    rates = pd.DataFrame(arm.rates()).set_index("lr")
    table = arm.table
    heat = table[table["seed"] < 4].groupby("lr")["score"].mean()
    np.testing.assert_allclose(rates["heat_score"], heat.loc[rates.index], rtol=1e-12)
    everywhere = table[table["role"] == "finalist"].groupby("lr")["score"].mean()
    np.testing.assert_allclose(rates.loc[rates["finalist"], "score"], everywhere, rtol=1e-12)
    assert rates.loc[~rates["finalist"], "score"].isna().all()
    assert rates.index[rates["chosen"]].tolist() == [everywhere.idxmin()]
    assert rates["units"].to_dict() == table.groupby("lr")["seed"].nunique().to_dict()


@pytest.mark.parametrize(
    ("best", "extensions", "edge", "tried"),
    [
        (-1, 4, False, [0.01, 0.1, 1.0]),
        (1, 4, False, [0.01, 0.1, 1.0, 10.0, 100.0]),
        (-3, 4, False, [0.0001, 0.001, 0.01, 0.1, 1.0]),
        (9, 2, True, [0.01, 0.1, 1.0, 10.0, 100.0]),
        (9, 0, True, [0.01, 0.1, 1.0]),
    ],
)
def test_the_grid_grows_until_the_best_lies_inside(make_recipe, best, extensions, edge, tried):
    tune = Tune(rates=GRID, by="train_loss", extensions=extensions)
    table = raced(make_recipe(), tune, 3, valley(best)).table
    assert sorted(set(table["lr"])) == tried
    assert set(table["edge"]) == {edge}


def test_a_single_rate_is_an_edge_and_needs_no_second(make_recipe):
    table = raced(make_recipe(), Tune(rates=(0.1,), by="train_loss"), 2, valley(0)).table
    assert table[["lr", "edge", "chosen"]].drop_duplicates().values.tolist() == [[0.1, True, True]]


def test_a_rate_at_which_a_unit_diverges_comes_after_all_sound_ones(make_recipe):
    def response(rate: float, unit: int) -> float:
        return math.inf if rate == 1.0 and unit == 5 else -rate

    tune = Tune(rates=GRID, by="train_loss", extensions=0)
    table = raced(make_recipe(), tune, 6, response).table
    # it led the heat, whose units were sound
    assert set(table.loc[table["chosen"], "lr"]) == {0.1}


@pytest.mark.parametrize(
    ("scores", "order"),
    [
        ({0.1: [2.0, 2.0], 1.0: [1.0, 4.0]}, [0.1, 1.0]),
        ({0.1: [1.0], 0.01: [1.0]}, [0.01, 0.1]),
        ({0.1: [math.inf, 0.0], 1.0: [5.0, 5.0]}, [1.0, 0.1]),
        ({0.1: [math.inf, math.inf], 1.0: [math.inf, 3.0], 0.5: [math.inf, 2.0]}, [0.5, 1.0, 0.1]),
    ],
)
def test_order_of_rates(scores, order):
    assert ranked(scores) == order


def test_when_all_diverges_there_is_a_choice_all_the_same(make_recipe):
    table = raced(make_recipe(), Tune(rates=GRID, by="train_loss"), 5, lambda r, u: math.inf).table
    assert np.isinf(table["score"]).all()
    # smaller rates diverge least, so the grid grows downwards
    assert table.loc[table["chosen"], "lr"].unique().tolist() == [1e-6]
    assert table["edge"].all()


def test_accuracy_is_better_when_higher():
    tune = Tune(rates=GRID, by="validation_accuracy")
    good, bad = ({"validation_accuracy": a, "diverged_at": math.nan} for a in (0.9, 0.6))
    assert score(tune, good) < score(tune, bad) < score(tune, bad | {"diverged_at": 3.0})


def test_tuning_needs_what_it_is_judged_by():
    with pytest.raises(ConfigError, match="needs a validation part"):
        score(Tune(rates=GRID), {"validation_loss": math.nan, "diverged_at": math.nan})
