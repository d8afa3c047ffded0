"""Claim 1.1.2 on planted probes, and its gallery."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from unstuck.claims import critical_points_signs
from unstuck.claims.critical_points_signs import said_by_signs
from unstuck.claims.evaluation import evaluate
from unstuck.claims.registry import load_registry
from unstuck.claims.verdicts import decide
from unstuck.errors import DataError
from unstuck.surfaces.gallery import Quadratic

CLAIM = load_registry(Path(__file__).parents[2] / "workflow" / "claims")["1.1.2"]
RADIUS, PROBES = 1e-3, 50
SPECTRA = {
    "a minimum": (0.1, 1.0, 2.0),
    "a saddle": (-0.5, 0.2, 1.0),
    "a gutter": (0.0, 0.5, 1.0),
}


def tables(down_at_minimum=0, gradient=1e-16):
    points, probes = [], []
    rng = np.random.default_rng(8501)
    for name, spectrum in SPECTRA.items():
        values = np.array(spectrum)
        points.append(
            {
                "point": name,
                "certain": True,
                "loss": 1.0,
                "gradient_norm": gradient,
                "negative": int((values < 0).sum()),
                "zero": int((values == 0).sum()),
                "positive": int((values > 0).sum()),
                "lambda_min": values.min(),
                "lambda_max": values.max(),
                "radius": RADIUS,
            }
        )
        steps = rng.standard_normal((PROBES, 3))
        steps /= np.linalg.norm(steps, axis=1, keepdims=True)
        changes = 0.5 * RADIUS**2 * steps**2 @ values
        if name == "a minimum":
            changes[:down_at_minimum] *= -1
        probes += [{"point": name, "direction": "random", "change": each} for each in changes]
        for way, value in (("lowest", values.min()), ("highest", values.max())):
            change = 0.5 * RADIUS**2 * value
            probes.append({"point": name, "direction": way, "change": change})
    return {"points": pd.DataFrame(points), "probes": pd.DataFrame(probes)}


def verdict(given):
    evidence = evaluate(CLAIM, given)
    return decide({CLAIM.id: CLAIM}, [evidence]).claims.iloc[0], evidence


def test_signs_tell_unless_the_hessian_is_semi_definite():
    found, evidence = verdict(tables())
    assert (found.verdict, found.control) == ("depends", "passed")
    assert "supported where the eigenvalues are all above zero" in found.reason
    assert "contradicted where some are zero and the others of one sign" in found.reason
    networks = evidence.tables["networks"].set_index("point")
    assert list(networks["said"]) == ["minimum", "saddle", "degenerate"]
    assert networks.loc["a minimum", "down"] == 0
    assert 0 < networks.loc["a saddle", "down"] < PROBES


def test_the_gallery():
    gallery = verdict(tables())[1].tables["gallery"].set_index(["surface", "x"])
    assert dict(gallery["said"]) == {
        ("bowl", 0.0): "minimum",
        ("dome", 0.0): "maximum",
        ("saddle", 0.0): "saddle",
        ("monkey_saddle", 0.0): "degenerate",
        ("quartic_bowl", 0.0): "degenerate",
        ("toy", 1.0): "degenerate",
        ("toy", 0.0): "saddle",
    }
    assert gallery.loc[("quartic_bowl", 0.0), "down"] == 0
    assert gallery.loc[("monkey_saddle", 0.0), "down"] == pytest.approx(0.5, abs=0.06)


def test_a_probe_that_goes_down_from_a_minimum_contradicts():
    found, _ = verdict(tables(down_at_minimum=1))
    assert found.verdict == "contradicted"


def test_a_saddle_passed_off_as_a_bowl_fails_its_control(monkeypatch):
    surfaces = {**critical_points_signs.SURFACES, "dome": Quadratic((1.0, -1.0))}
    monkeypatch.setattr(Quadratic, "critical_points", lambda self: BOWL)
    monkeypatch.setattr(critical_points_signs, "SURFACES", surfaces)
    found, _ = verdict(tables())
    assert found.verdict == "invalid"


BOWL = Quadratic((1.0, 1.0)).critical_points()


def test_eigenvalues_that_foretell_another_change_fail_the_control():
    given = tables()
    given["points"]["lambda_max"] *= 2
    found, _ = verdict(given)
    assert found.verdict == "invalid"


def test_points_that_are_not_critical_are_left_out_and_counted():
    given = tables()
    given["points"].loc[0, "gradient_norm"] = 1e-3
    evidence = evaluate(CLAIM, given)
    assert evidence.numbers["points_left_out_as_not_critical"] == 1
    assert set(evidence.tables["probes"]["point"]) == {"a saddle", "a gutter"}
    with pytest.raises(DataError, match="no certified critical point"):
        evaluate(CLAIM, tables(gradient=1.0))


@pytest.mark.parametrize(
    ("counts", "said"),
    [
        ((0, 0, 3), "minimum"),
        ((3, 0, 0), "maximum"),
        ((1, 0, 2), "saddle"),
        ((1, 1, 1), "saddle"),
        ((0, 1, 2), "degenerate"),
        ((2, 1, 0), "degenerate"),
        ((0, 3, 0), "degenerate"),
    ],
)
def test_what_signs_say(counts, said):
    assert said_by_signs(*counts) == said
