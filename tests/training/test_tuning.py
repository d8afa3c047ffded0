"""The choice of a rate, on responses that are known."""

import math

import pytest

from unstuck.errors import ConfigError
from unstuck.training.spec import Tune
from unstuck.training.tuning import choose, score

GRID = (0.01, 0.1, 1.0)


def tuned(tune, response):
    """Choose and extend until settled; `response` gives the scores of a rate."""
    rates = list(tune.rates)
    while True:
        choice = choose(tune, {rate: response(rate) for rate in rates})
        if choice.extension is None:
            return choice, rates
        rates.append(choice.extension)


def valley(best):
    return lambda rate: [(math.log10(rate) - best) ** 2]


@pytest.mark.parametrize(
    ("best", "rate", "tried"),
    [
        (-1, 0.1, [0.01, 0.1, 1.0]),
        (1, 10.0, [0.01, 0.1, 1.0, 10.0, 100.0]),
        (0, 1.0, [0.01, 0.1, 1.0, 10.0]),
        (-3, 0.001, [0.01, 0.1, 1.0, 0.001, 0.0001]),
    ],
)
def test_the_grid_grows_beyond_its_edge_until_the_best_lies_inside(best, rate, tried):
    choice, rates = tuned(Tune(rates=GRID), valley(best))
    assert (choice.rate, choice.edge) == (rate, False)
    assert rates == tried


def test_a_best_rate_that_stays_on_the_edge_is_flagged():
    choice, rates = tuned(Tune(rates=GRID, extensions=2), lambda rate: [-rate])
    assert (choice.rate, choice.edge) == (100.0, True)
    assert len(rates) == 5
    assert tuned(Tune(rates=GRID, extensions=0), lambda rate: [-rate])[0].edge


def test_a_single_rate_is_an_edge():
    choice, rates = tuned(Tune(rates=(0.1,)), valley(0))
    assert (choice.rate, choice.edge, rates) == (0.1, True, [0.1])


def test_the_grid_grows_by_its_own_factor():
    choice = choose(Tune(rates=(0.1, 0.316, 1.0)), {0.1: [3.0], 0.316: [2.0], 1.0: [1.0]})
    assert choice.extension == pytest.approx(math.sqrt(10), rel=1e-5)


def test_of_equals_the_smaller_rate_is_taken():
    assert choose(Tune(rates=GRID), {0.01: [2.0], 0.1: [1.0], 1.0: [1.0]}).rate == 0.1


def test_the_mean_over_seeds_decides():
    assert choose(Tune(rates=GRID), {0.01: [4, 4], 0.1: [0, 5], 1.0: [3, 3]}).rate == 0.1


def test_one_diverged_seed_makes_a_rate_the_worst():
    diverged = {"validation_loss": 0.0, "validation_accuracy": 1.0, "diverged_at": 7.0}
    sound = {"validation_loss": 9.0, "validation_accuracy": 0.1, "diverged_at": math.nan}
    for by in ("validation_loss", "validation_accuracy"):
        tune = Tune(rates=GRID, by=by)
        bad, good = score(tune, diverged), score(tune, sound)
        assert choose(tune, {0.01: [bad, good], 0.1: [good, good], 1.0: [bad, bad]}).rate == 0.1


def test_accuracy_is_better_when_higher():
    tune = Tune(rates=GRID, by="validation_accuracy")
    rows = {
        rate: [score(tune, {"validation_accuracy": accuracy, "diverged_at": math.nan})]
        for rate, accuracy in zip(GRID, (0.5, 0.9, 0.6), strict=True)
    }
    assert choose(tune, rows).rate == 0.1


def test_tuning_needs_what_it_is_judged_by():
    with pytest.raises(ConfigError, match="needs a validation part"):
        score(Tune(rates=GRID), {"validation_loss": math.nan, "diverged_at": math.nan})
