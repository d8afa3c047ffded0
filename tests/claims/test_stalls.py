"""Claims 2.1.1 and 2.1.2 on planted endpoints."""

from pathlib import Path

import numpy as np
import pytest
from made_up.stalls import SEEDS, curves, grid, stalls

from unstuck.claims.adaptive_rates_stalls import KINDS
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.stalled import stalled_of_grid
from unstuck.claims.verdicts import decide

REGISTRY = load_registry(Path(__file__).parents[2] / "workflow" / "claims")


def decided(claim, tables):
    evidence = evaluate(REGISTRY[claim], tables)
    made = decide({claim: REGISTRY[claim]}, [evidence])
    return made.claims.iloc[0], made.contrasts, evidence


def stuck_not_flat(**planted):
    table = stalls(moving=lambda run, seed: False, **planted)
    ratio = planted.get("ratio", lambda run, seed: 0.15)
    return decided("2.1.1", {"stalls": table, "curves": curves(table), **grid(ratio)})


def stops_early(**planted):
    return decided("2.1.2", {"stalls": stalls(moving=lambda run, seed: False, **planted)})


def large(run, seed):
    return 0.3 + 0.01 * (seed % 3)


def small(run, seed):
    return 0.03 + 0.001 * (seed % 3)


@pytest.mark.parametrize(
    ("ratio", "saved", "expected"),
    [
        (large, lambda run, seed: 2 + 0.1 * (seed % 3), "supported"),
        (small, lambda run, seed: -2 - 0.1 * (seed % 3), "contradicted"),
    ],
)
def test_planted_gradients_and_cuts_are_found(ratio, saved, expected):
    found, contrasts, _ = stuck_not_flat(ratio=ratio, saved=saved)
    assert found.verdict == expected, found.reason
    assert found.control == "passed"
    effects = contrasts[contrasts["role"] == "effect"]
    assert set(effects["verdict"]) == {expected}
    assert set(effects["measure"]) == {"gradient", "cut"}


def test_a_cut_that_saves_nothing_has_no_effect():
    _, contrasts, _ = stuck_not_flat(saved=lambda run, seed: 0.1 * (seed % 3 - 1))
    cut = contrasts[(contrasts["measure"] == "cut") & (contrasts["role"] == "effect")]
    assert set(cut["verdict"]) == {"no effect"}


def test_one_large_gradient_in_two_decides_nothing():
    _, contrasts, _ = stuck_not_flat(ratio=lambda run, seed: 0.3 if seed % 2 else 0.03)
    gradient = contrasts[(contrasts["measure"] == "gradient") & (contrasts["role"] == "effect")]
    assert set(gradient["verdict"]) == {"inconclusive"}
    assert gradient["effect"].to_numpy() == pytest.approx(0)


def test_large_gradients_at_a_constant_rate_only():
    found, _, evidence = stuck_not_flat(
        ratio=lambda run, seed: (large if run in ("full", "small") else small)(run, seed)
    )
    assert found.verdict == "depends"
    shares = evidence.tables["shares"].set_index(["run", "dataset"])
    assert shares.loc[("full", "digits"), "share"] == 1
    assert shares.loc[("grid", "digits"), "share"] == 0


def test_kinds_follow_from_bouncing_noise_and_curvature():
    _, _, evidence = stuck_not_flat(ratio=large)
    kinds = evidence.tables["kinds"].set_index(["run", "dataset", "kind"])["count"]
    assert kinds["full", "digits", "oscillating"] == SEEDS
    assert kinds["small", "digits", "noise floor"] == SEEDS
    table = stalls(ratio=small, moving=lambda run, seed: False)
    table = table.assign(cosine=0.9, batch_noise=0.0)
    table["curvature_along_gradient"] = np.where(table["seed"] < 5, -1.0, 1.0)
    tables = {"stalls": table, "curves": curves(table), **grid()}
    _, _, evidence = decided("2.1.1", tables)
    kinds = evidence.tables["kinds"].set_index(["run", "dataset", "kind"])["count"]
    assert [kinds["full", "digits", kind] for kind in KINDS] == [0, 0, 5, SEEDS - 5, 0]


def test_batches_in_another_order_that_matter_invalidate():
    table = stalls(ratio=large, moving=lambda run, seed: False)
    table["loss_other_order"] = 0.95 + 0.001 * (table["seed"] % 3)
    tables = {"stalls": table, "curves": curves(table), **grid(large)}
    found, _, _ = decided("2.1.1", tables)
    assert found.verdict == "invalid"
    assert "another order" in found.reason


def test_runs_of_the_grid_whose_seeds_are_not_alike_invalidate():
    table, made = stalls(ratio=large, moving=lambda run, seed: False), grid(large)
    seeds = made["grid"]["seed"].nunique()
    later = made["grid"]["seed"] >= seeds / 2
    made["grid"].loc[later, "gradient_norm"] *= 1e-6
    tables = {"stalls": table, "curves": curves(table), **made}
    found, _, evidence = decided("2.1.1", tables)
    others = [each for each in evidence.contrasts if "under other seeds" in each.name]
    assert {len(each.values) for each in others} == {seeds}
    assert found.verdict == "invalid"
    assert "large gradients among stalled runs" in found.reason


def test_runs_of_a_grid_that_have_stalled():
    made = grid()
    table = stalled_of_grid(made["grid"], made["grid_curves"])
    assert not table["edge"].any()
    assert table["stalled"].equals(table["schedule"] == "cosine")
    diverged = made["grid_curves"].assign(train_loss=np.inf)
    assert not stalled_of_grid(made["grid"], diverged)["stalled"].any()


@pytest.mark.parametrize(
    ("above", "expected"),
    [
        (lambda run, seed: 100 * (1 + 0.1 * (seed % 3)), "supported"),
        (lambda run, seed: 1 + 0.1 * (seed % 3), "no effect"),
        (lambda run, seed: 0.01 * (1 + 0.1 * (seed % 3)), "contradicted"),
    ],
)
def test_planted_distances_from_a_critical_point_are_found(above, expected):
    found, _, _ = stops_early(above=above)
    assert found.verdict == expected, found.reason
    assert found.control == "passed"


def test_a_minimum_that_training_leaves_invalidates():
    found, _, _ = stops_early(arrived=lambda run, seed: 50 * (1 + 0.1 * (seed % 3)))
    assert found.verdict == "invalid"


def test_endpoints_without_a_minimum_are_left_out_and_counted():
    table = stalls(moving=lambda run, seed: False)
    lost = (table["seed"] < 2) & (table["origin"] == "endpoint")
    table.loc[lost, "minimum_kind"] = "none"
    _, _, evidence = decided("2.1.2", {"stalls": table})
    assert evidence.numbers["without_a_minimum"] == 2 * 3 * 2
    assert len(evidence.tables["pairs"]) == 2 * 3 * (SEEDS - 2)
