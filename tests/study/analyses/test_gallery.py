"""Critical points that are known, against finite differences and loops written out."""

import math

import numpy as np
import pytest
import torch

from unstuck.study.analyses.critical_points import toy
from unstuck.study.analyses.critical_points.signs import said_by_signs, seen_by_probes
from unstuck.surfaces.catalogue import SURFACES
from unstuck.surfaces.gallery import Quadratic, Toy


@pytest.fixture(scope="module")
def gallery(tables_of):
    return tables_of("gallery")


def test_signs_tell_the_kind_or_are_silent(gallery):
    points = gallery["points"].set_index("point")
    critical = points[points["critical"]]
    assert len(critical) == 7
    assert not critical["wrong"].any()
    assert (critical["seen"] == critical["kind"]).all()
    silent = set(critical.index[critical["silent"]])
    assert silent == {"monkey saddle at (0, 0)", "quartic bowl at (0, 0)", "toy at (1, 1)"}
    # where nothing is critical, the signs mislead
    beside = points.loc["bowl at (1, 0)"]
    assert (beside["said"], beside["seen"], bool(beside["wrong"])) == ("minimum", "saddle", True)


@pytest.mark.parametrize("row", range(8))
def test_eigenvalues_are_those_of_finite_differences(gallery, row):
    point = gallery["points"].iloc[row]
    place, step = np.array([point["x"], point["y"]]), 1e-4

    def height(offset):
        return float(SURFACES[point["surface"]].value(torch.from_numpy(place + step * offset)))

    axes = np.eye(2)
    hessian = [
        [height(a + b) - height(a - b) - height(b - a) + height(-a - b) for b in axes] for a in axes
    ]
    values = np.linalg.eigvalsh(np.array(hessian) / (4 * step**2))
    np.testing.assert_allclose(values, point[["lambda_min", "lambda_max"]].astype(float), atol=1e-6)


@pytest.mark.parametrize(
    ("counts", "said"),
    [((0, 0, 3), "minimum"), ((3, 0, 0), "maximum"), ((1, 5, 1), "saddle"), ((0, 1, 2), "silent")],
)
def test_what_signs_say(counts, said):
    assert said_by_signs(*counts) == said


@pytest.mark.parametrize(
    ("ways", "seen"),
    [((0, 3), "minimum"), ((3, 0), "maximum"), ((1, 1), "saddle"), ((0, 0), "flat")],
)
def test_what_probes_see(ways, seen):
    assert seen_by_probes(*ways) == seen


def test_silence_grows_with_the_tolerance(gallery):
    counts = gallery["tolerances"].groupby("tolerance")["silent"].sum()
    assert counts.tolist() == [3] * 7
    assert (gallery["tolerances"][["negative", "zero", "positive"]].sum(axis=1) == 2).all()


def test_the_toy_is_what_the_notes_say(gallery):
    table = gallery["toy"]
    assert table["error"].max() < 1e-12
    origin = table[table["place"] == "origin"].set_index("quantity")["value"]
    assert origin[["gradient norm", "smaller eigenvalue", "larger eigenvalue"]].tolist() == [
        0,
        -2,
        2,
    ]


@pytest.mark.parametrize(
    ("other", "quantity"),
    [
        (Quadratic((2.0, 2.0)), "smaller eigenvalue"),
        (type("Wrong", (Toy,), {"hessian": lambda self, p: 2 * Toy.hessian(self, p)})(), "Hessian"),
        (type("Wrong", (Toy,), {"gradient": lambda self, p: 2 * Toy.gradient(self, p)})(), "norm"),
    ],
    ids=["a bowl", "twice the Hessian", "twice the gradient"],
)
def test_another_surface_shows(monkeypatch, other, quantity):
    monkeypatch.setattr(toy, "Toy", lambda: other)
    table = toy.quantities()
    assert table[table["error"] > 1e-3]["quantity"].str.contains(quantity).any()


def test_the_toys_saddle_is_left_as_its_eigenvalue_foretells(gallery):
    drops = gallery["escape"].set_index("radius")
    for radius, row in drops.iterrows():
        # the loss along (1, 1)/√2 is (1 − r²/2)²
        assert row["change"] == pytest.approx((1 - radius**2 / 2) ** 2 - 1, rel=1e-9)
    assert drops.loc[1e-3, "ratio"] == pytest.approx(1, abs=1e-6)
    left = gallery["leaving"].iloc[0]
    assert left["stuck"] == 0
    assert left["farthest"] == 0
    assert left["ratio"] == pytest.approx(1, abs=0.02)
    counts = []
    for k in toy.EXPONENTS:
        w, updates = 10.0**-k / math.sqrt(2), 0
        while (1 - w * w) ** 2 >= 1 - toy.FALL:
            w, updates = w + toy.RATE * 2 * (1 - w * w) * w, updates + 1
        counts.append(updates)
    assert left["slope"] == pytest.approx(np.polyfit(toy.EXPONENTS, counts, 1)[0])
