"""Closed forms of every surface against autograd, and its critical points against their kinds."""

import dataclasses
import math

import numpy as np
import pytest
import torch
from torch import Tensor
from torch.autograd.functional import hessian, jacobian

from unstuck.surfaces.catalogue import SURFACES
from unstuck.surfaces.hill import Hill, hill_with_barrier
from unstuck.surfaces.softmax_plane import SoftmaxPlane
from unstuck.surfaces.surface import Surface
from unstuck.surfaces.terrain import ChangingSteepness
from unstuck.surfaces.valleys import Ellipse, Regression

VARIANTS: dict[str, Surface] = dict(SURFACES) | {
    "ellipse turned by 45 degrees": Ellipse(condition=1e4, degrees=45.0),
    "ellipse turned by -20 degrees": Ellipse(condition=10.0, degrees=-20.0),
    "no hill": Hill(height=0.0),
    "sharp hill": Hill(height=0.5, centre=-1.0, width=0.1),
    "sudden change": ChangingSteepness(steep=10.0, gentle=1.0, goal=3.0, width=0.05),
    "softmax cross-entropy of equals": SoftmaxPlane("cross_entropy", third=0.5),
    "softmax squared error of equals": SoftmaxPlane("squared_error", third=0.5),
}

# how far from the origin, and around where, the notes use each surface
REGIONS: dict[str, tuple[tuple[float, ...], float]] = {
    "regression": ((-120.0, 2.0), 50.0),
    "changing_steepness": ((5.0, 0.0), 7.0),
    "softmax_cross_entropy": ((0.0, 0.0), 10.0),
    "softmax_squared_error": ((0.0, 0.0), 10.0),
}


def sample(name: str, shape: tuple[int, ...]) -> Tensor:
    surface = VARIANTS[name]
    centre, reach = REGIONS.get(name, ((0.0,) * surface.dimension, 3.0))
    random = np.random.default_rng(0)
    points = np.array(centre) + reach * random.uniform(-1, 1, size=(*shape, surface.dimension))
    return torch.from_numpy(points)


@pytest.mark.parametrize("name", list(VARIANTS))
def test_derivatives_agree_with_autograd(name: str) -> None:
    surface = VARIANTS[name]
    for point in sample(name, (15,)):
        slope = jacobian(surface.value, point)
        bend = hessian(surface.value, point)
        scale = 1e-10 * max(1.0, bend.abs().max().item())
        torch.testing.assert_close(surface.gradient(point), slope, rtol=1e-10, atol=scale)
        torch.testing.assert_close(surface.hessian(point), bend, rtol=1e-10, atol=scale)


@pytest.mark.parametrize("name", list(VARIANTS))
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_points_are_batched(name: str, dtype: torch.dtype) -> None:
    surface, points = VARIANTS[name], sample(name, (2, 3)).to(dtype)
    results = surface.value(points), surface.gradient(points), surface.hessian(points)
    d = surface.dimension
    for result, tail in zip(results, ((), (d,), (d, d)), strict=True):
        assert result.shape == (2, 3, *tail)
        assert result.dtype == dtype
    torch.testing.assert_close(results[0][1, 2], surface.value(points[1, 2]))
    torch.testing.assert_close(results[1][1, 2], surface.gradient(points[1, 2]))
    torch.testing.assert_close(results[2][1, 2], surface.hessian(points[1, 2]))


@pytest.mark.parametrize("name", list(VARIANTS))
def test_critical_points_are_critical_and_of_their_kind(name: str) -> None:
    surface = VARIANTS[name]
    heights = []
    for critical in surface.critical_points():
        point = torch.tensor(critical.point, dtype=torch.float64)
        eigenvalues = torch.linalg.eigvalsh(surface.hessian(point))
        largest = eigenvalues.abs().max().item()
        assert surface.gradient(point).norm().item() <= 1e-12 * max(largest, 1)
        singular = eigenvalues.abs().min().item() <= 1e-12 * largest
        assert singular == critical.degenerate
        assert kind_by_probes(surface, point) == critical.kind
        if not critical.degenerate:
            assert kind_by_signs(eigenvalues) == critical.kind
        heights.append(surface.value(point).item())
    assert heights == sorted(heights)


def kind_by_signs(eigenvalues: Tensor) -> str:
    if (eigenvalues > 0).all():
        return "minimum"
    return "maximum" if (eigenvalues < 0).all() else "saddle"


def kind_by_probes(surface: Surface, point: Tensor, radius: float = 1e-2) -> str:
    """What 1,000 nearby heights say, without the Hessian."""
    random = torch.Generator().manual_seed(0)
    around = torch.randn(1000, surface.dimension, generator=random, dtype=torch.float64)
    rise = surface.value(point + radius * around / around.norm(dim=1, keepdim=True))
    rise = rise - surface.value(point)
    higher, lower = (rise > 1e-12).any().item(), (rise < -1e-12).any().item()
    return {(True, False): "minimum", (False, True): "maximum", (True, True): "saddle"}[
        higher, lower
    ]


@pytest.mark.parametrize("name", ["bowl", "dome", "saddle", "ellipse", "regression", "hill"])
def test_no_critical_point_is_missing(name: str) -> None:
    """Newton's method from everywhere finds the listed points and no other."""
    surface = VARIANTS[name]
    known = torch.tensor([each.point for each in surface.critical_points()], dtype=torch.float64)
    points = sample(name, (200,))
    for _ in range(50):
        step = torch.linalg.solve(surface.hessian(points), surface.gradient(points))
        points = points - step
    ended = points[surface.gradient(points).norm(dim=1) < 1e-8]
    distance, nearest = (ended[:, None] - known).norm(dim=2).min(dim=1)
    assert distance.max() < 1e-6
    assert set(nearest.tolist()) == set(range(len(known)))


def test_toy_is_the_saddle_of_the_notes() -> None:
    toy = SURFACES["toy"]
    origin = torch.zeros(2, dtype=torch.float64)
    assert torch.linalg.eigvalsh(toy.hessian(origin)).tolist() == pytest.approx([-2, 2], abs=1e-15)
    w = torch.logspace(-1, 1, 9, dtype=torch.float64)
    minima = torch.stack([w, 1 / w], dim=1)
    eigenvalues = torch.linalg.eigvalsh(toy.hessian(minima))
    assert eigenvalues[:, 0].abs().max() < 1e-12
    assert eigenvalues[:, 1].tolist() == pytest.approx((2 * (w**2 + w**-2)).tolist())


@pytest.mark.parametrize("degrees", [0.0, 45.0, 90.0, 200.0])
@pytest.mark.parametrize("condition", [1.0, 100.0, 1e6])
def test_ellipse_has_the_given_condition(condition: float, degrees: float) -> None:
    surface = Ellipse(condition, degrees)
    angle = math.radians(degrees)
    flat = torch.tensor([math.cos(angle), math.sin(angle)], dtype=torch.float64)
    steep = torch.tensor([-math.sin(angle), math.cos(angle)], dtype=torch.float64)
    assert surface.value(steep).item() == pytest.approx(condition / 2, rel=1e-12)
    # cancellation against the steep axis leaves κ · 1e-16
    assert surface.value(flat).item() == pytest.approx(0.5, abs=1e-15 * condition)


def test_regression_is_the_least_squares_line() -> None:
    surface = Regression()
    design = np.stack([np.ones(10), surface.x], axis=1)
    expected, residual, *_ = np.linalg.lstsq(design, np.array(surface.y), rcond=None)
    np.testing.assert_allclose(surface.minimiser, expected, rtol=1e-12)
    lowest = surface.value(torch.tensor(surface.minimiser, dtype=torch.float64)).item()
    assert lowest == pytest.approx(residual.item(), rel=1e-12)
    singular = np.linalg.svd(design, compute_uv=False)
    assert surface.condition == pytest.approx((singular[0] / singular[1]) ** 2, rel=1e-10)
    bias, weight = surface.minimiser
    assert -200 < bias < 0
    assert 1 < weight < 3
    assert 2e5 < surface.condition < 4e5


@pytest.mark.parametrize("barrier", [1e-3, 0.1, 1.0, 5.0])
def test_hill_stands_as_high_as_asked(barrier: float) -> None:
    hill = hill_with_barrier(barrier)
    assert hill.barrier == pytest.approx(barrier, rel=1e-9)
    heights = hill.value(torch.linspace(-4, 1, 500_001, dtype=torch.float64).unsqueeze(1))
    turns = heights.diff().sign().diff().nonzero()[:, 0] + 1
    assert len(turns) == 3
    assert (heights[turns[1]] - heights[turns[0]]).item() == pytest.approx(barrier, abs=1e-8)
    assert kinds(hill) == ["minimum", "minimum", "maximum"]
    deep, valley, peak = (each.point[0] for each in hill.critical_points())
    assert valley < peak < deep


def kinds(surface: Surface) -> list[str]:
    return [critical.kind for critical in surface.critical_points()]


def test_a_low_bump_makes_no_valley() -> None:
    assert Hill(height=0.1).barrier == 0
    assert kinds(Hill(height=0.1)) == ["minimum"]


def test_steepness_changes_along_x() -> None:
    surface = ChangingSteepness()
    points = torch.tensor([[-5.0, 0.0], [5.0, 0.0]], dtype=torch.float64)
    before, after = surface.gradient(points)[:, 0].tolist()
    assert before == pytest.approx(-surface.steep - surface.gentle, rel=1e-3)
    assert after == pytest.approx(-surface.gentle, rel=0.05)


@pytest.mark.parametrize("third", [0.5, -1000.0])
def test_softmax_plane_is_the_loss_of_torch(third: float) -> None:
    points = sample("softmax_cross_entropy", (25,))
    logits = torch.cat([points, torch.full((25, 1), third, dtype=torch.float64)], dim=1)
    target = torch.zeros(25, dtype=torch.long)
    cross = torch.nn.functional.cross_entropy(logits, target, reduction="none")
    torch.testing.assert_close(SoftmaxPlane("cross_entropy", third).value(points), cross)
    one_hot = torch.nn.functional.one_hot(target, 3)
    square = (logits.softmax(dim=1) - one_hot).square().sum(dim=1)
    torch.testing.assert_close(SoftmaxPlane("squared_error", third).value(points), square)


def test_squared_error_is_flat_where_cross_entropy_slopes() -> None:
    wrong = torch.tensor([-10.0, 10.0], dtype=torch.float64)
    cross = SoftmaxPlane("cross_entropy").gradient(wrong).norm().item()
    square = SoftmaxPlane("squared_error").gradient(wrong).norm().item()
    # p₁ = e⁻²⁰: the gradients are √2 and 4√2 p₁, but for terms of order p₁²
    assert cross == pytest.approx(math.sqrt(2), rel=1e-8)
    assert square == pytest.approx(4 * math.sqrt(2) * math.exp(-20), rel=1e-8)


@pytest.mark.parametrize(
    ("surface", "change", "message"),
    [
        ("bowl", {"curvatures": (1.0, 0.0)}, "curvatures must be other than 0"),
        ("ellipse", {"condition": 0.5}, "condition must be at least 1"),
        ("regression", {"y": (1.0,)}, "as many y as x"),
        ("hill", {"centre": 1.0}, "centre < 0"),
        ("changing_steepness", {"gentle": 0.0}, "must be above 0"),
        ("softmax_cross_entropy", {"loss": "hinge"}, "not 'hinge'"),
    ],
)
def test_impossible_surfaces_are_refused(
    surface: str, change: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(SURFACES[surface], **change)
    with pytest.raises(ValueError, match="barrier must be above 0"):
        hill_with_barrier(0.0)
