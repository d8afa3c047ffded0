"""Polishing: from a point to a critical point, to rounding."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
import scipy.optimize
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature.critical_points.certificate import (
    GRADIENT_TOLERANCE,
    RELATIVE_TOLERANCE,
    Certificate,
    certify,
)
from unstuck.curvature.critical_points.newton import damped_newton_step, saddle_free_step
from unstuck.curvature.hessian import dense
from unstuck.curvature.objective import Objective, finite
from unstuck.errors import CurvatureError

Array = NDArray[np.float64]
Target = Literal["minimum", "nearest"]

_LARGEST_DAMPING = 1e4
_SMALLEST_DAMPING = 1e-12
_FIRST_DAMPING = 1e-3  # of a search from afar, whose first undamped steps would be refused


@dataclass(frozen=True)
class CriticalPoint:
    """Where a search ended, with its certificate."""

    theta: Tensor  # [P]
    certificate: Certificate
    start_loss: float
    start_gradient_norm: float
    distance: float  # from the start
    gradient_norms: Array  # [steps + 1], at the start of and after each Newton step

    @property
    def converged(self) -> bool:
        """Whether the end is a certified critical point."""
        return self.certificate.converged


def polish(
    objective: Objective,
    *,
    target: Target = "minimum",
    gradient_tolerance: float = GRADIENT_TOLERANCE,
    relative_tolerance: float = RELATIVE_TOLERANCE,
    lbfgs_iterations: int = 5_000,
    newton_steps: int = 60,
    radius: float = math.inf,
) -> CriticalPoint:
    """Move a point to a critical point, to rounding.

    Parameters
    ----------
    target
        ``minimum``: full-batch L-BFGS, then Newton with |eigenvalues|, both of which descend.
        ``nearest``: plain Newton, damped so that the gradient norm falls, to a point of any index.
    gradient_tolerance
        Norm of the gradient to reach.
    relative_tolerance
        Tolerance of the certificate's inertia.
    radius
        Distance from where Newton's method starts at which the search is given up; the flatness of
        its end is then not measured.

    Examples
    --------
    >>> import numpy, unstuck
    >>> network = unstuck.Network(unstuck.NetworkSpec(hidden=(2,)), (3,), classes=2)
    >>> x, y = numpy.eye(3), numpy.array([0, 1, 1])
    >>> problem = unstuck.Problem(
    ...     network=network, theta=network.initial(0), x=x, y=y, loss="cross_entropy",
    ...     weight_decay=0.01,
    ... )
    >>> unstuck.polish(problem).certificate.kind
    'minimum'

    Raises
    ------
    CurvatureError
        If the parameters are not float64, or anything is not finite.
    """
    _require_double(objective)
    start_loss, gradient = objective.loss_and_gradient()
    finite("the gradient", gradient)
    reached, method = objective, _NEAREST
    if target == "minimum":
        reached, method = _descend(objective, lbfgs_iterations), _SADDLE_FREE
    reached, norms = _newton(reached, method, gradient_tolerance, newton_steps, radius)
    distance = float((reached.theta - objective.theta).norm())
    return CriticalPoint(
        theta=reached.theta,
        certificate=certify(
            reached,
            gradient_tolerance=gradient_tolerance,
            relative_tolerance=relative_tolerance,
            flatness=distance <= radius,
        ),
        start_loss=start_loss,
        start_gradient_norm=float(gradient.norm()),
        distance=distance,
        gradient_norms=norms,
    )


@dataclass(frozen=True)
class _Place:
    """A point of a search."""

    objective: Objective
    loss: float
    gradient: Tensor

    @classmethod
    def of(cls, objective: Objective) -> "_Place":
        return cls(objective, *objective.loss_and_gradient())

    @cached_property
    def norm(self) -> float:
        return float(self.gradient.norm())


def _descend(objective: Objective, iterations: int) -> Objective:
    """Descend by L-BFGS."""
    if not iterations:
        return objective
    start = objective.theta

    def evaluate(flat: Array) -> tuple[float, Array]:
        value, gradient = objective.at(torch.from_numpy(flat).to(start)).loss_and_gradient()
        return value, gradient.double().cpu().numpy()

    found = scipy.optimize.minimize(
        evaluate,
        start.double().cpu().numpy(),
        jac=True,
        method="L-BFGS-B",
        options={
            "maxiter": iterations,
            "maxfun": 2 * iterations,
            "maxcor": 30,
            "ftol": 0.0,
            "gtol": 1e-9,
        },
    )
    return objective.at(finite("the end of L-BFGS", torch.from_numpy(found.x.copy()).to(start)))


def _newton(
    objective: Objective, method: "_Method", gradient_tolerance: float, steps: int, radius: float
) -> tuple[Objective, Array]:
    """Take damped Newton steps, the damping led by how well the quadratic model foretold the last.

    Steps go on below the tolerance for as long as each still halves the gradient.
    """
    here = _Place.of(objective)
    norms = [here.norm]
    damping = method.damping
    for _ in range(steps):
        matrix = dense.hessian(here.objective)
        scale = float(torch.linalg.matrix_norm(matrix))
        if scale == 0 or here.norm == 0:
            break
        there = None
        while there is None and damping <= _LARGEST_DAMPING:
            step = method.step(matrix, here.gradient, damping * scale)
            trial = _Place.of(here.objective.at(here.objective.theta + step))
            gain = method.gain(here, trial, step, matrix @ step)
            if gain > 0.1:
                there = trial
            if gain < 0.25:
                damping *= 10
            elif gain > 0.75:
                damping = max(0.1 * damping, _SMALLEST_DAMPING)
        if there is None:
            break
        stalled = there.norm > 0.5 * here.norm
        if there.norm < here.norm or here.norm > gradient_tolerance:
            here = there
            norms.append(here.norm)
        if stalled and here.norm <= gradient_tolerance:
            break
        if float((here.objective.theta - objective.theta).norm()) > radius:
            break
    return here.objective, np.array(norms)


@dataclass(frozen=True)
class _Method:
    """A damped step, and the ratio of what it gained to what the quadratic model foretold."""

    step: Callable[[Tensor, Tensor, float], Tensor]
    gain: Callable[[_Place, _Place, Tensor, Tensor], float]
    damping: float  # of the first step, in units of the Hessian's norm


def _fall(here: _Place, there: _Place, step: Tensor, image: Tensor) -> float:
    """Ratio for the loss; where its change drowns in rounding, for the gradient norm instead."""
    foretold = -float(here.gradient @ step + 0.5 * step @ image)
    if not (np.isfinite(there.loss) and np.isfinite(there.norm)):
        return 0.0
    if abs(foretold) <= 1e-11 * abs(here.loss):
        return _flattening(here, there, step, image)
    return (here.loss - there.loss) / foretold if foretold > 0 else 0.0


def _flattening(here: _Place, there: _Place, step: Tensor, image: Tensor) -> float:
    """Ratio for |g|^2, which the plain Newton step takes to that of its residual H p + g."""
    foretold = here.norm**2 - float((here.gradient + image).norm()) ** 2
    if not np.isfinite(there.norm) or foretold <= 0:
        return 0.0
    return (here.norm**2 - there.norm**2) / foretold


_SADDLE_FREE = _Method(saddle_free_step, _fall, _SMALLEST_DAMPING)
_NEAREST = _Method(damped_newton_step, _flattening, _FIRST_DAMPING)


def _require_double(objective: Objective) -> None:
    if objective.theta.dtype != torch.float64:
        raise CurvatureError(
            f"the parameters are {objective.theta.dtype}; critical points need torch.float64, "
            "since rounding alone keeps a float32 gradient above the tolerance."
        )
