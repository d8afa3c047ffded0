"""Critical points of y = B A x, which are known in closed form (Baldi and Hornik 1989)."""

from itertools import combinations

import numpy as np
import pytest
import torch

from unstuck.curvature.critical_points.certificate import certify
from unstuck.curvature.critical_points.polishing import polish
from unstuck.curvature.objective import Surface

INPUTS, HIDDEN, OUTPUTS = 5, 2, 4


@pytest.fixture(scope="module")
def network():
    """Give the loss |Y - B A X|^2 / 2N of (A, B), and eigenpairs of S = Y X^+ ... of the fit."""
    rng = np.random.default_rng([0, 7204])
    x = rng.standard_normal((INPUTS, 30))
    y = rng.standard_normal((OUTPUTS, INPUTS)) @ x + 0.5 * rng.standard_normal((OUTPUTS, 30))
    inputs, targets = torch.from_numpy(x), torch.from_numpy(y)

    def loss(theta):
        a = theta[: HIDDEN * INPUTS].view(HIDDEN, INPUTS)
        b = theta[HIDDEN * INPUTS :].view(OUTPUTS, HIDDEN)
        return 0.5 * (targets - b @ a @ inputs).square().sum() / 30

    regression = y @ x.T @ np.linalg.inv(x @ x.T)
    values, vectors = np.linalg.eigh(regression @ x @ y.T)
    return loss, regression, values[::-1], vectors[:, ::-1], y


def critical_point(network, chosen):
    """Columns ``chosen`` of S's eigenvectors U: B = U C and A = C^-1 U^T (regression), C = I."""
    _, regression, _, vectors, _ = network
    a, b = np.zeros((HIDDEN, INPUTS)), np.zeros((OUTPUTS, HIDDEN))
    for unit, column in enumerate(chosen):
        b[:, unit] = vectors[:, column]
        a[unit] = vectors[:, column] @ regression
    return torch.from_numpy(np.concatenate([a.ravel(), b.ravel()]))


SETS = [chosen for size in range(HIDDEN + 1) for chosen in combinations(range(OUTPUTS), size)]


@pytest.mark.parametrize("chosen", SETS, ids=str)
def test_every_critical_point_has_its_loss_and_index(network, chosen):
    loss, _, values, _, y = network
    point = Surface(function=loss, theta=critical_point(network, chosen))
    certificate = certify(point)
    assert certificate.gradient_norm < 1e-12
    expected = 0.5 * (np.trace(y @ y.T) - sum(values[column] for column in chosen)) / 30
    assert certificate.loss == pytest.approx(expected, rel=1e-12)
    # one way down for each unused column above a used one, and for an idle unit and any unused
    swaps = sum(unused < used for used in chosen for unused in set(range(OUTPUTS)) - set(chosen))
    idle = (HIDDEN - len(chosen)) * (OUTPUTS - len(chosen))
    assert certificate.inertia.negative == swaps + idle
    assert certificate.kind == ("degenerate" if chosen == (0, 1) else "saddle")


def test_only_the_top_columns_are_a_minimum(network):
    loss = network[0]
    best = min(SETS, key=lambda chosen: float(loss(critical_point(network, chosen))))
    assert best == (0, 1)
    rng = np.random.default_rng([0, 7205])
    for _ in range(3):
        start = torch.from_numpy(rng.standard_normal(HIDDEN * (INPUTS + OUTPUTS)))
        found = polish(Surface(function=loss, theta=start))
        assert found.certificate.gradient_norm < 1e-10
        assert found.certificate.loss == pytest.approx(
            float(loss(critical_point(network, best))), rel=1e-9
        )
        # the group of invertible C leaves HIDDEN^2 directions flat
        assert found.certificate.inertia.zero == HIDDEN**2
        assert found.certificate.inertia.negative == 0
