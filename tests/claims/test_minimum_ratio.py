"""Claim 1.1.6 on planted spectra."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.claims.critical_points_ratio import ratios
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.1.6"]
SIZE, CELLS, SEEDS = 40, 10, 10
TOLERANCES = (0.0, 1e-8, 1e-6, 1e-4)


def spectrum(negative, zero):
    """Eigenvalues from 0.1 to 1 in size, apart from zeros."""
    values = np.linspace(0.1, 1, SIZE)
    values[:negative] *= -1
    values[negative : negative + zero] = 0
    return np.sort(values)


def tables(negative, zero=0, *, gauss_newton_negative=0, per_loss=0, ladder=None):
    """Spectra with `negative(rank of the loss, rng)` negative eigenvalues, and their audit.

    The rank is that of the cell, the same for every seed; `per_loss` more come with the loss. The
    rungs of the ladder have the same spectra, or `ladder(rank)` negative eigenvalues.
    """
    spectra, audit, rungs = [], [], []
    for dataset in ("digits", "mnist1d"):
        for seed in range(SEEDS):
            rng = np.random.default_rng([seed, 8301, len(dataset)])
            for rank, loss in enumerate(np.sort(rng.uniform(0.01, 2, CELLS))):
                run = f"{dataset}-{seed}-{rank}"
                values = spectrum(negative(rank, rng) + round(per_loss * loss), zero)
                row = {"run_id": run, "dataset": dataset, "seed": seed, "cell": f"{rank}"}
                network = {
                    "network": "small",
                    "activation": "tanh",
                    "batchnorm": "off",
                    "parameters": SIZE,
                }
                measured = {"train_loss": loss, "gradient_norm": 0.01, "eigenvalues": values}
                spectra.append({**row, **network, **measured})
                if ladder is not None:
                    values = spectrum(ladder(rank), zero)
                rungs.append(rung(row, rank, loss, values))
                if rank < 2:
                    audit += audited(row, values, "hessian")
                    audit += audited(row, spectrum(gauss_newton_negative, 5), "gauss_newton")
                    audit += audited(row, spectrum(0, 5)[:20], "gauss_newton by layer")
                    audit += audited(row, spectrum(0, 5)[20:], "gauss_newton by layer")
    return {
        "spectra": pd.DataFrame(spectra),
        "audit": pd.DataFrame(audit),
        "ladder": pd.DataFrame(rungs),
    }


def rung(row, rank, loss, values):
    """A certified saddle; the higher the loss, the lower the rung."""
    return {
        "dataset": row["dataset"],
        "seed": row["seed"],
        "width": CELLS + 1,
        "rung": CELLS - rank,
        "parameters": SIZE,
        "loss": loss,
        "gradient_norm": 1e-16,
        "eigenvalues": values,
        "converged": True,
        "kind": "saddle",
    }


def audited(row, values, matrix):
    return [
        {
            **row,
            "matrix": matrix,
            "dtype": dtype,
            "tolerance": tolerance,
            "positive": int((values > tolerance).sum()),
            "zero": int((np.abs(values) <= tolerance).sum()),
            "negative": int((values < -tolerance).sum()),
        }
        for dtype in ("float32", "float64")
        for tolerance in TOLERANCES
    ]


def verdict(given):
    return decide({CLAIM.id: CLAIM}, [evaluate(CLAIM, given)]).claims.iloc[0]


def test_a_share_far_from_one_that_falls_with_the_loss_is_supported():
    found = verdict(tables(lambda rank, rng: 8, per_loss=9))
    assert found.verdict == "supported", found.reason
    assert found.control == "passed"


def test_a_fall_between_recipes_alone_is_told_from_one_with_the_loss():
    found = verdict(tables(lambda rank, rng: 8 + rank))
    assert found.verdict == "depends"
    assert "between recipes" in found.reason
    assert "no effect for the fall of the ratio with rising training loss within" in found.reason


def test_a_share_near_one_without_trend_is_no_effect():
    found = verdict(tables(lambda rank, rng: 1))
    assert found.verdict == "no effect", found.reason


def test_a_share_that_rises_with_the_loss_is_contradicted_there():
    found = verdict(tables(lambda rank, rng: 20 - rank))
    assert found.verdict == "depends"
    assert found.reason.startswith("supported for the share of eigenvalues that are not positive")
    assert "contradicted for the fall of the ratio" in found.reason


def test_zeros_alone_make_it_depend_on_whether_they_count():
    found = verdict(tables(lambda rank, rng: 0, zero=20))
    assert found.verdict == "depends"
    assert "left out" in found.reason


def test_negative_values_of_the_gauss_newton_matrix_invalidate():
    found = verdict(tables(lambda rank, rng: 8 + rank, gauss_newton_negative=10))
    assert (found.verdict, found.control) == ("invalid", "failed")
    assert "Gauss-Newton" in found.reason


def test_the_audit_sums_layers_and_keeps_number_formats_apart():
    evidence = evaluate(CLAIM, tables(lambda rank, rng: 8))
    audit = evidence.tables["audit"]
    assert set(audit["matrix"]) == {"hessian", "gauss_newton", "blocks"}
    blocks = audit.query("matrix == 'blocks' and dtype == 'float64' and tolerance == 1e-6")
    np.testing.assert_allclose(blocks["minimum_ratio"], 35 / 40)
    assert evidence.numbers["hessian_float64_tolerated"] == pytest.approx(32 / 40)
    assert evidence.numbers["gauss_newton_float32_untolerated"] == pytest.approx(35 / 40)
    assert evidence.numbers["audited_endpoints"] == 2 * SEEDS * 2


def test_the_ladder_and_the_endpoints_are_judged_apart():
    found = verdict(tables(lambda rank, rng: 8, per_loss=9, ladder=lambda rank: 1))
    assert found.verdict == "depends"
    assert "supported at endpoints of training" in found.reason
    assert "no effect at the ladder's critical points" in found.reason


def test_rungs_that_are_not_certified_do_not_count():
    given = tables(lambda rank, rng: 8, per_loss=9)
    wrong = given["ladder"].assign(converged=False, loss=-given["ladder"]["loss"])
    whole = evaluate(CLAIM, given)
    given["ladder"] = pd.concat([given["ladder"], wrong], ignore_index=True)
    assert evaluate(CLAIM, given).contrasts == whole.contrasts


def test_the_first_and_the_last_rung_show_no_trend_within_them():
    given = tables(lambda rank, rng: 8, per_loss=9)
    last = given["ladder"].assign(rung=CELLS + 1, eigenvalues=[spectrum(0, 0)] * (2 * 100))
    first = last.assign(rung=0)
    whole = evaluate(CLAIM, given)
    given["ladder"] = pd.concat([given["ladder"], last[:1], first[:1]], ignore_index=True)
    ends = evaluate(CLAIM, given)
    inner = [[c for c in each.contrasts if c.measure == "within"] for each in (whole, ends)]
    assert inner[0] == inner[1]
    assert set(ends.tables["ladder"]["rung"]) == set(range(CELLS + 2))


def test_cells_measured_on_few_seeds_are_shown_but_not_counted():
    given = tables(lambda rank, rng: 8 + rank)
    spectra = given["spectra"]
    given["spectra"] = spectra[(spectra["cell"] != "9") | (spectra["seed"] == 0)]
    endpoints = evaluate(CLAIM, given).tables["endpoints"]
    assert (~endpoints["counted"]).sum() == 2
    assert len(endpoints) == 2 * (SEEDS * (CELLS - 1) + 1)


def test_networks_are_not_compared_with_each_other():
    given = tables(lambda rank, rng: 8)
    # a second network with higher loss and lower ratio: a trend between networks, none within
    other = given["spectra"].assign(batchnorm="before")
    other["run_id"] += "-b"
    other["cell"] += "-b"
    other["train_loss"] += 5
    other["eigenvalues"] = [spectrum(20, 0)] * len(other)
    given["spectra"] = pd.concat([given["spectra"], other], ignore_index=True)
    falls = [
        c for c in evaluate(CLAIM, given).contrasts if c.measure == "fall" and c.role == "effect"
    ]
    assert falls
    assert all(value == 0 for contrast in falls for value in contrast.values)


def test_a_fall_between_recipes_is_not_there_across_seeds_unless_they_are_trained_otherwise():
    given = tables(lambda rank, rng: 8, per_loss=9)
    drift = given["spectra"].copy()
    late = drift["seed"] * drift["cell"].astype(int) / SEEDS
    drift["train_loss"] += 10 * late
    drift["eigenvalues"] = [spectrum(8 + int(2 * each), 0) for each in late]
    for spectra, low, high in ((given["spectra"], -0.15, 0.15), (drift, 0.3, 1.0)):
        across = [
            contrast
            for contrast in evaluate(CLAIM, given | {"spectra": spectra}).contrasts
            if contrast.role == "negative control" and contrast.measure == "fall"
            if contrast.condition["points"] == "endpoints"
        ]
        assert {len(contrast.values) for contrast in across} == {SEEDS}
        assert all(low < np.mean(contrast.values) < high for contrast in across)


def test_too_few_endpoints_for_a_trend_leave_it_undecided():
    given = tables(lambda rank, rng: 8 + rank)
    given["spectra"] = given["spectra"][given["spectra"]["cell"].isin(["0", "1"])]
    found = verdict(given)
    assert found.control == "undecided"
    undecided = found.reason.partition("; inconclusive ")[2]
    assert undecided.startswith("for the fall of the ratio with rising training loss between")
    assert undecided.endswith("at endpoints of training")


def test_a_missing_column_is_named():
    given = tables(lambda rank, rng: 8)
    given["spectra"] = given["spectra"].drop(columns="eigenvalues")
    with pytest.raises(DataError, match="table spectra has no column 'eigenvalues'"):
        evaluate(CLAIM, given)


def test_shares_by_hand():
    values = np.array([-1.0, -1e-7, 0.0, 1e-9, 0.5, 1.0])
    assert ratios(values, 0.0) == (3 / 6, 3 / 5)
    assert ratios(values, 1e-8) == (2 / 6, 2 / 4)
    assert ratios(values, 1e-6) == (2 / 6, 2 / 3)
    assert ratios(np.zeros(3), 1e-6) == (0.0, 1.0)
