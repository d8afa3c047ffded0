"""Claim 2.1.12 on planted factorials, and its estimators."""

from itertools import product
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from unstuck.claims.evaluation import evaluate
from unstuck.claims.factorial import (
    Factorial,
    chosen_range,
    factorial,
    interactions,
    level_means,
    main_effects,
    shuffled_means,
)
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["2.1.12"]
LEVELS = {
    "batch": ("16", "256", "full"),
    "optimizer": ("adam", "rmsprop", "sgd"),
    "schedule": ("constant", "cosine"),
    "batchnorm": ("before", "off"),
}
SIZES = {"16": 16, "256": 256, "full": 1024}
NOTHING = {factor: dict.fromkeys(levels, 0.0) for factor, levels in LEVELS.items()}


def runs(gains, *, seeds=10, noise=0.5, edge=lambda cell: False):
    """Runs on two data sets with additive gains in points per level."""
    rng = np.random.default_rng([8201, 0])
    rows = []
    for dataset, cell in product(("digits", "mnist1d"), product(*LEVELS.values())):
        labels = dict(zip(LEVELS, cell, strict=True))
        mean = 80 + sum(gains[factor][level] for factor, level in labels.items())
        for seed in [*range(seeds), 1000, 1001]:
            accuracy = (mean + rng.normal(0, noise, 3)) / 100
            rows.append(
                {
                    "role": "evaluation" if seed < 1000 else "tuning",
                    "dataset": dataset,
                    **labels,
                    "batch_size": SIZES[labels["batch"]],
                    "seed": seed,
                    "lr": 0.01,
                    "edge": edge(labels),
                    "diverged_at": np.nan,
                    "train_accuracy": accuracy[0],
                    "validation_accuracy": accuracy[1],
                    "test_accuracy": accuracy[2],
                }
            )
    return pd.DataFrame(rows)


def planted(**gains):
    return {**NOTHING, **{factor: {**NOTHING[factor], **each} for factor, each in gains.items()}}


def verdict(table):
    verdicts = decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, {"runs": table})])
    return verdicts.claims.iloc[0]


EVERYWHERE = {
    "batch": {"full": -2.0},
    "optimizer": {"adam": 2.0},
    "schedule": {"cosine": 2.0},
    "batchnorm": {"off": -2.0},
}


def test_factors_that_all_matter_support_the_claim():
    found = verdict(runs(planted(**EVERYWHERE)))
    assert found.verdict == "supported", found.reason
    assert found.control == "passed"
    assert found.effect == pytest.approx(2.0, abs=0.3)


def test_pure_noise_is_no_effect():
    found = verdict(runs(NOTHING))
    assert found.verdict == "no effect", found.reason
    assert found.effect == pytest.approx(0.0, abs=0.3)


def test_the_factors_that_matter_are_named():
    found = verdict(runs(planted(optimizer={"adam": 4.0})))
    assert found.verdict == "depends"
    assert found.reason == (
        "supported for the optimizer; "
        "no effect for the batch size, the schedule and batch normalisation"
    )


def test_combinations_on_the_edge_are_left_out_at_every_level():
    def edge(cell):
        return cell["optimizer"] == "sgd" and cell["batch"] == "full"

    table = runs(planted(**EVERYWHERE), edge=edge)
    spoilt = table["edge"] & (table["dataset"] == "digits")
    table.loc[spoilt, "test_accuracy"] = 0.1
    contrasts = evaluate(CLAIM, {"runs": table}).contrasts
    optimizer = next(
        c
        for c in contrasts
        if c.condition["factor"] == "optimizer" and c.dataset == "digits" and c.role == "effect"
    )
    assert optimizer.usable
    assert "4 of 12 combinations left out" in optimizer.note
    assert np.mean(optimizer.values) == pytest.approx(2.0, abs=0.4)


def test_too_many_edges_leave_the_factor_undecided():
    found = verdict(runs(planted(**EVERYWHERE), edge=lambda cell: cell["optimizer"] == "sgd"))
    assert found.verdict == "inconclusive"
    assert "for the optimizer" in found.reason
    assert "edge" in found.reason
    everywhere = verdict(runs(planted(**EVERYWHERE), edge=lambda cell: True))
    assert (everywhere.verdict, everywhere.control) == ("inconclusive", "passed")


def test_a_single_seed_decides_nothing():
    found = verdict(runs(planted(**EVERYWHERE), seeds=1))
    assert (found.verdict, found.control) == ("inconclusive", "undecided")


def test_without_tuning_runs_there_is_nothing_to_choose_the_levels_by():
    table = runs(planted(**EVERYWHERE))
    found = verdict(table[table["role"] == "evaluation"])
    assert (found.verdict, found.control) == ("inconclusive", "undecided")


def test_the_tables_of_the_figure():
    gains = planted(optimizer={"adam": 4.0}, batchnorm={"off": -1.0})
    tables = evaluate(CLAIM, {"runs": runs(gains)}).tables
    assert len(tables["cells"]) == 2 * 36
    best = tables["best"].query("dataset == 'digits'").set_index("optimizer")
    assert list(best.index) == ["adam", "rmsprop", "sgd"]
    assert best.loc["adam", "batchnorm"] == "before"
    assert best.loc["adam", "ci_low"] < 84 < best.loc["adam", "ci_high"] + 0.5
    effects = tables["effects"].query("dataset == 'digits' and factor == 'optimizer'")
    adam = effects.set_index("level").loc["adam"]
    # 4 points at one of three levels: 4 − 4/3 above the grand mean
    assert adam["effect"] == pytest.approx(8 / 3, abs=0.2)
    assert adam["ci_low"] < adam["effect"] < adam["ci_high"]
    assert tables["interactions"]["effect"].abs().max() < 0.5


def test_a_factorial_with_a_hole_is_refused():
    table = runs(NOTHING, seeds=2)
    with pytest.raises(DataError, match="1 of 72 combinations have no run"):
        evaluate(CLAIM, {"runs": table.drop(index=7)})
    with pytest.raises(DataError, match="two runs at"):
        evaluate(CLAIM, {"runs": pd.concat([table, table.iloc[:1]])})


def design(values):
    levels = {"a": ("x", "y"), "b": ("p", "q", "r")}
    return Factorial(levels, tuple(range(len(values))), values, np.ones(values.shape[1:], bool))


def test_effects_and_interactions_by_hand():
    table = np.array([[[1.0, 2.0, 3.0], [3.0, 4.0, 11.0]]] * 3)
    given = design(table)
    np.testing.assert_allclose(level_means(given, "a"), [[2.0, 6.0]] * 3)
    np.testing.assert_allclose(level_means(given, "b"), [[2.0, 3.0, 7.0]] * 3)
    np.testing.assert_allclose(main_effects(given)["effect"], [-2, 2, -2, -1, 3])
    # cell − row mean − column mean + grand mean
    expected = [1, 1, -2, -1, -1, 2]
    np.testing.assert_allclose(interactions(given)["effect"], expected)


def test_the_factorial_is_arranged_by_its_labels_not_by_its_rows():
    table = runs(NOTHING, seeds=2).query("dataset == 'digits'")
    shuffled = table.sample(frac=1, random_state=1)
    table = table[table["role"] == "evaluation"]
    shuffled = shuffled[shuffled["role"] == "evaluation"]
    first = factorial(table, LEVELS, "test_accuracy", "t")
    second = factorial(shuffled, LEVELS, "test_accuracy", "t")
    np.testing.assert_array_equal(first.values, second.values)
    cell = table.query(
        "batch == '256' and optimizer == 'sgd' and schedule == 'cosine' and batchnorm == 'off'"
    )
    np.testing.assert_array_equal(first.values[:, 1, 2, 1, 1], cell["test_accuracy"])


def test_intervals_of_pure_noise_cover_zero():
    rng = np.random.default_rng([8202, 0])
    covered = total = 0
    for levels in (2, 3, 5):
        for _ in range(700):
            values = chosen_range(rng.normal(0, 1, (10, levels)), rng.normal(0, 1, (2, levels)))
            interval = stats.t.interval(0.95, 9, values.mean(), stats.sem(values))
            covered += interval[0] <= 0 <= interval[1]
            total += 1
    # choosing on the seeds that are evaluated would cover it in about 80 % of them
    assert covered / total > 0.93


def test_shuffled_labels_lose_the_effect_and_a_leak_would_show():
    rng = np.random.default_rng([8203, 0])
    effect = np.array([0.0, 5.0])[:, None]
    given = design(rng.normal(0, 0.1, (400, 2, 3)) + effect)
    chooser = design(rng.normal(0, 0.1, (2, 2, 3)) + effect)
    plain = chosen_range(level_means(given, "a"), level_means(chooser, "a"))
    assert plain.mean() == pytest.approx(5, abs=0.1)
    shuffled = shuffled_means(given, "a", 1)
    values = chosen_range(shuffled, shuffled_means(chooser, "a", 1))
    assert abs(values.mean()) < 4 * stats.sem(values)
    # best and worst chosen on the very seed that is evaluated
    leak = np.ptp(shuffled, axis=1)
    assert leak.mean() > 10 * stats.sem(leak)


def test_unsound_combinations_enter_no_effect_of_the_tables():
    values = np.zeros((3, 2, 3))
    values[:, 0, 0] = 90.0
    levels = {"a": ("x", "y"), "b": ("p", "q", "r")}
    sound = np.ones((2, 3), bool)
    sound[0, 0] = False
    spoilt = Factorial(levels, (0, 1, 2), values, sound)
    np.testing.assert_array_equal(main_effects(spoilt)["effect"], np.zeros(5))
    assert interactions(spoilt).empty
