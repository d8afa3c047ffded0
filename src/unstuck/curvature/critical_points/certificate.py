"""Certificates of critical points: what was measured, and what kind of point that makes."""

import math
from dataclasses import dataclass
from typing import Literal

from unstuck.curvature.critical_points.newton import newton_residual
from unstuck.curvature.critical_points.zeros import symmetry_zeros
from unstuck.curvature.hessian import dense
from unstuck.curvature.objective import Objective, finite
from unstuck.curvature.problem import Problem
from unstuck.curvature.spectra.inertia import Inertia
from unstuck.curvature.spectra.spectrum import spectrum_of
from unstuck.errors import CurvatureError

Kind = Literal["minimum", "saddle", "maximum", "degenerate", "gradient-flat", "none"]

GRADIENT_TOLERANCE = 1e-10
"""Norm of the gradient up to which a point counts as critical."""

RELATIVE_TOLERANCE = 1e-8
"""Size, in units of the largest absolute eigenvalue, up to which an eigenvalue counts as zero."""

FLAT_CUT = 1e-6
"""Eigenvalue, in units of the largest absolute one, below which ``flatness`` cuts the Newton step.

Above the square root of machine epsilon, to which a search can flatten the gradient norm."""

FLAT_THRESHOLD = 0.9
"""Residual of the Newton step above which a point is gradient-flat (Frye et al. 2021)."""


@dataclass(frozen=True)
class Certificate:
    """What is known about a point.

    ``kind`` is judged from the rest:

    - not critical (``gradient_norm`` above its tolerance): *gradient-flat* if ``flatness`` exceeds
      0.9, else *none*;
    - critical with eigenvalues of both signs: *saddle*;
    - critical, no negative eigenvalue, and no zeros but those of symmetries: *minimum* (the loss is
      constant along a symmetry, so the point is a strict minimum across it); and so *maximum*;
    - critical and semi-definite otherwise: *degenerate*, since second order cannot tell.
    """

    loss: float
    gradient_norm: float
    gradient_tolerance: float
    inertia: Inertia
    symmetry_zeros: int  # zero eigenvalues that symmetries explain
    # |H p + g| / (|H| |p| + |g|) for the truncated Newton step p; 0 if critical, NaN if not asked
    flatness: float

    @property
    def converged(self) -> bool:
        """Whether the point is critical and rounding cannot change its inertia."""
        return self.gradient_norm <= self.gradient_tolerance and self.inertia.certain

    @property
    def kind(self) -> Kind:
        """What the point is."""
        if not self.gradient_norm <= self.gradient_tolerance:
            return "gradient-flat" if self.flatness > FLAT_THRESHOLD else "none"
        if self.inertia.negative and self.inertia.positive:
            return "saddle"
        if self.inertia.zero > self.symmetry_zeros or self.inertia.zero == self.inertia.size:
            return "degenerate"
        return "maximum" if self.inertia.negative else "minimum"


def certify(
    objective: Objective,
    *,
    gradient_tolerance: float = GRADIENT_TOLERANCE,
    relative_tolerance: float = RELATIVE_TOLERANCE,
    flatness: bool = True,
) -> Certificate:
    """Measure the gradient, the inertia and the residual of the Newton step at a point.

    Parameters
    ----------
    flatness
        Whether to measure that residual, which costs more than all the rest; NaN if not.

    Raises
    ------
    CurvatureError
        If a tolerance is out of range, or the point is not finite or too large.
    """
    if not gradient_tolerance > 0:
        raise CurvatureError(f"gradient_tolerance is {gradient_tolerance}; it must be positive.")
    loss, gradient = objective.loss_and_gradient()
    norm = float(finite("the gradient", gradient).norm())
    matrix = dense.hessian(objective)
    inertia = spectrum_of(matrix).inertia(relative_tolerance)
    critical = norm <= gradient_tolerance
    explained = 0
    if isinstance(objective, Problem) and objective.weight_decay <= inertia.tolerance:
        explained = symmetry_zeros(objective, critical=critical).shape[1]
    stalled = math.nan
    if flatness:
        # it takes eigenvectors, which a critical point has no need of
        stalled = 0.0 if critical else newton_residual(matrix, gradient, relative_cut=FLAT_CUT)
    return Certificate(
        loss=loss,
        gradient_norm=norm,
        gradient_tolerance=gradient_tolerance,
        inertia=inertia,
        symmetry_zeros=explained,
        flatness=stalled,
    )
