"""Critical points near a stalled endpoint, and known points to check their search by."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from unstuck.curvature.critical_points.polishing import CriticalPoint, polish
from unstuck.curvature.hessian import dense
from unstuck.curvature.problem import Problem
from unstuck.study.measurements.stalls import SEARCHED

STREAM = 7404
_STEPS = 300  # of Newton's method, which creeps where the gradient is nearly flat
_DESCENT = 50  # iterations of L-BFGS before Newton's method takes over


def nearest_point(problem: Problem, tolerance: float, radius: float) -> dict[str, Any]:
    """Follow Newton's method from a point to the nearest critical point, and say what is there.

    Its steps are damped so that the gradient norm falls, so it goes to points of any index.

    Parameters
    ----------
    tolerance
        Relative tolerance of the inertia.
    radius
        How far from its start the search may go; beyond, there is no critical point nearby.

    Returns
    -------
    ``kind`` (that of the certificate: minimum, saddle, maximum, degenerate, gradient-flat or none),
    loss and gradient norm there and at the start, the distance, inertia and flatness.
    """
    found = polish(
        problem,
        target="nearest",
        relative_tolerance=tolerance,
        newton_steps=_STEPS,
        radius=radius,
    )
    return _described(found) | ({} if found.distance <= radius else {"kind": "none"})


def _described(found: CriticalPoint) -> dict[str, Any]:
    certificate, inertia = found.certificate, found.certificate.inertia
    return {
        "kind": certificate.kind,
        "start_loss": found.start_loss,
        "start_gradient_norm": found.start_gradient_norm,
        "end_loss": certificate.loss,
        "end_gradient_norm": certificate.gradient_norm,
        "distance": found.distance,
        "flatness": certificate.flatness,
        # of endpoints that have not stalled there are none
        **{sign: float(count) for sign, count in inertia.counts.items()},
    }


NOT_SEARCHED: dict[str, Any] = dict.fromkeys(SEARCHED, float("nan")) | {"kind": "not stalled"}
"""What stands in the place of `nearest_point` where a run has not stalled."""


@dataclass(frozen=True, eq=False)
class Below:
    """The minimum that descent leads to from an endpoint."""

    problem: Problem  # there, in float64
    point: CriticalPoint
    stored_gradient_norm: float  # with its parameters rounded to the number format of the training
    lambda_max: float

    @classmethod
    def of(cls, problem: Problem, dtype: torch.dtype) -> "Below":
        """Descend by L-BFGS, then by Newton's method with |eigenvalues|."""
        point = polish(problem, lbfgs_iterations=_DESCENT)
        there = problem.at(point.theta)
        stored = there.at(point.theta.to(dtype).double())
        curvature = float(torch.linalg.eigvalsh(dense.hessian(there))[-1])
        return cls(there, point, float(stored.gradient().norm()), curvature)

    def described(self) -> dict[str, Any]:
        """Give its columns in the table of stalled endpoints."""
        return {
            "minimum_kind": self.point.certificate.kind,
            "minimum_loss": self.point.certificate.loss,
            "minimum_distance": self.point.distance,
            "minimum_gradient_norm": self.stored_gradient_norm,
        }

    def nearby(self, radius: float) -> dict[str, Any]:
        """Give it in the form of `nearest_point` if it is no farther off than a radius."""
        return _described(self.point) if self.point.distance <= radius else {}


def beside_a_saddle(problem: Problem, *, seed: int, distance: float) -> Problem | None:
    """Give a point at a small distance from a known saddle of the same loss.

    With all weights zero and the last biases at their best, a tanh network is at a saddle: its
    outputs do not depend on the inputs. None for other networks.
    """
    spec = problem.network.spec
    if (spec.kind, spec.activation, spec.batchnorm) != ("dense", "tanh", "off") or not spec.hidden:
        return None
    counts = torch.bincount(problem.y, minlength=problem.network.layout[-1].shape[0])
    shares = (counts + 1e-3).to(problem.theta) / counts.sum()
    biases = shares if problem.loss == "squared_error" else shares.log() - shares.log().mean()
    theta = torch.zeros_like(problem.theta)
    theta[problem.network.layout[-1].start : problem.network.layout[-1].stop] = biases
    return beside(problem.at(theta), seed=seed, distance=distance)


def beside(problem: Problem, *, seed: int, distance: float) -> Problem:
    """Give the same loss at a small distance in a random direction."""
    rng = np.random.default_rng([seed, STREAM])
    away = torch.from_numpy(rng.standard_normal(problem.parameter_count)).to(problem.theta)
    return problem.at(problem.theta + distance * away / away.norm())
