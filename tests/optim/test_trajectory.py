"""Paths over surfaces: known rates of convergence, records, companions."""

import math

import numpy as np
import pytest
import torch

from unstuck.optim.coefficients import OPTIMIZERS, optimizer
from unstuck.optim.schedules import SCHEDULES
from unstuck.optim.trajectory import descend, first
from unstuck.surfaces.catalogue import SURFACES
from unstuck.surfaces.gallery import Quadratic
from unstuck.surfaces.surface import Surface
from unstuck.surfaces.terrain import ChangingSteepness
from unstuck.surfaces.valleys import Ellipse

SGD = OPTIMIZERS["sgd"]


def heights(surface: Surface, path: np.ndarray) -> np.ndarray:
    return surface.value(torch.from_numpy(path)).numpy()


@pytest.mark.parametrize("rate", [0.001, 0.3, 1.0, 1.9, 2.1])
def test_descent_contracts_each_eigendirection(rate: float) -> None:
    """|1 − ηλ| per update along the eigenvector of λ."""
    curvatures = np.array([1.0, 0.1, 0.5])
    path = descend(Quadratic(tuple(curvatures)), [[1.0, -2.0, 3.0]], SGD, rate, 20)
    expected = path[0] * (1 - rate * curvatures) ** np.arange(21)[:, None, None]
    np.testing.assert_allclose(path, expected, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("condition", [10.0, 1000.0, 1e5])
def test_best_rate_of_descent(condition: float) -> None:
    """η = 2/(1 + κ) contracts by (κ − 1)/(κ + 1) per update."""
    path = descend(Ellipse(condition), [[1.0, 1.0]], SGD, 2 / (1 + condition), 100)
    contraction = np.linalg.norm(path[-1]) / np.linalg.norm(path[0])
    assert contraction == pytest.approx(((condition - 1) / (condition + 1)) ** 100, rel=1e-9)


@pytest.mark.parametrize("condition", [10.0, 1000.0])
def test_best_rate_of_the_heavy_ball(condition: float) -> None:
    """η = 4/(1 + √κ)², β = ((√κ − 1)/(√κ + 1))² contract by √β per update (Polyak 1964).

    At this rate both curvatures have a double root, so the error is a line in t times √βᵗ. From
    rest at 1 it starts 1, 1 − ηλ, which fixes the line.
    """
    root = math.sqrt(condition)
    rate = 4 / (1 + root) ** 2
    share = ((root - 1) / (root + 1)) ** 2
    row = optimizer("momentum", momentum=share)
    path = descend(Ellipse(condition), [[1.0, 1.0]], row, rate, 300)
    t = np.arange(301)
    for axis, (curvature, sign) in enumerate([(1.0, 1), (condition, -1)]):
        r = sign * math.sqrt(share)
        expected = (1 + ((1 - rate * curvature) / r - 1) * t) * r**t
        np.testing.assert_allclose(path[:, 0, axis], expected, rtol=1e-6, atol=1e-12)


def test_oscillation_and_crawl_on_the_regression() -> None:
    """Above 2/λ_max it diverges; below it crawls along the flat axis, by 1 − ηλ_min per update."""
    regression = SURFACES["regression"]
    flattest, steepest = regression.curvatures
    rates = np.array([1e-7, 1.9 / steepest, 2.1 / steepest, 1e-2])
    starts = np.tile([-120.0, -4.0], (4, 1))
    path = descend(regression, starts, SGD, rates, 10_000)
    _, axes = np.linalg.eigh(regression.hessian(torch.tensor([0.0, 0.0])).double().numpy())
    away = (path - regression.minimiser) @ axes
    remaining = away[-1, :2, 0] / away[0, :2, 0]
    np.testing.assert_allclose(remaining, (1 - rates[:2] * flattest) ** 10_000, rtol=1e-3)
    assert remaining.min() > 0.9
    assert np.abs(away[-1, :2, 1]).max() < 1e-9
    # heights overflow when 1.1^2t or (1e-2 λ_max)^2t pass 1e308
    diverged = first(~np.isfinite(heights(regression, path)))
    assert np.isnan(diverged[:2]).all()
    assert 3_500 < diverged[2] < 4_000
    assert diverged[3] < 100


def test_leaving_a_saddle_takes_updates_linear_in_the_distance_s_logarithm() -> None:
    """Along a negative eigenvalue λ the distance grows by 1 + η|λ| per update."""
    starts = [[10.0**-k, 10.0**-k] for k in range(4, 10)] + [[0.0, 0.0]]
    path = descend(SURFACES["toy"], starts, SGD, 0.01, 2000)
    left = first(heights(SURFACES["toy"], path) < 0.5)
    assert np.isnan(left[-1])
    assert (path[:, -1] == 0).all()
    per_decade = math.log(10) / math.log(1 + 0.01 * 2)
    np.testing.assert_allclose(np.diff(left[:-1]), per_decade, atol=1)


def test_rmsprop_crosses_the_gentle_part_and_adagrad_does_not() -> None:
    surface = ChangingSteepness()
    rows = [OPTIMIZERS["adagrad"], optimizer("rmsprop", beta2=0.9)]
    path = descend(surface, [[-2.0, 0.0]] * 2, rows, 0.05, 2000)
    arrived = first(np.abs(path[..., 0] - surface.goal) < 0.5)
    assert np.isnan(arrived[0])
    assert arrived[1] < 1000


def test_a_walker_depends_on_no_other() -> None:
    rows = [row for row in OPTIMIZERS.values() for _ in range(2)]
    schedules = [SCHEDULES["cosine"], SCHEDULES["transformer"]] * len(OPTIMIZERS)
    random = np.random.default_rng(0)
    starts, rates = random.normal(size=(len(rows), 2)), 10 ** random.uniform(-3, 1, len(rows))
    surface = Ellipse(100, 30)
    together = descend(surface, starts, rows, rates, 100, schedules=schedules)
    for k, row in enumerate(rows):
        alone = descend(surface, starts[k : k + 1], row, rates[k], 100, schedules=schedules[k])
        np.testing.assert_array_equal(together[:, k], alone[:, 0])


def test_a_path_holds_start_and_end() -> None:
    path = descend(SURFACES["bowl"], [[1.0, 2.0]], SGD, 0.1, 25)
    assert path.shape == (26, 1, 2)
    assert path[0].tolist() == [[1.0, 2.0]]


def test_divergence_is_dated() -> None:
    path = descend(SURFACES["bowl"], [[1.0, 1.0], [1.0, 1.0]], SGD, [0.5, 1e160], 5)
    # the point is finite after one update, its height is not
    np.testing.assert_array_equal(first(~np.isfinite(heights(SURFACES["bowl"], path))), [np.nan, 1])
    assert path[-1, 0].tolist() == [1 / 32, 1 / 32]


def test_autograd_works_after_a_path() -> None:
    """Constants that a path made must not be bound to its inference mode."""
    surface = Ellipse(12345.0)
    descend(surface, [[1.0, 1.0]], SGD, 1e-5, 2)
    point = torch.ones(2, dtype=torch.float64, requires_grad=True)
    surface.value(point).backward()
    assert point.grad is not None
    assert point.grad.tolist() == [1.0, 12345.0]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"starts": [[1.0]]}, r"starts must be \[K, 2\], but are \[1, 1\]"),
        ({"rows": [SGD, SGD]}, "rows must be one or 1, but are 2"),
        ({"updates": 0}, "updates must be at least 1"),
        ({"schedules": []}, "schedules must be one or 1, but are 0"),
    ],
)
def test_wrong_arguments_are_named(change: dict[str, object], message: str) -> None:
    arguments = {
        "surface": SURFACES["bowl"],
        "starts": [[1.0, 1.0]],
        "rows": SGD,
        "lr": 0.1,
        "updates": 3,
    }
    with pytest.raises(ValueError, match=message):
        descend(**(arguments | change))
