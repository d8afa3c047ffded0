"""Sharpness of endpoints, and of the same functions with their layers rescaled."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from unstuck.study.measurements.base import CurvatureBase

if TYPE_CHECKING:
    from unstuck.curvature.problem import Problem
    from unstuck.study.endpoints import Endpoints, Progress

STREAM = 12007
"""Stream of random numbers, beside the seed, of start vectors and probes."""

RADIUS = 0.05
"""Radius of the ball of sharpness-aware minimisation: the default of Foret et al. 2021."""

PROBES = 60
"""Products for the trace, whose standard error is then some two per cent."""

TOLERANCE = 1e-6
"""Relative tolerance of the largest eigenvalue, in float32."""

FACTORS = (0.1, 10.0)
"""Factors by which the first hidden layer is multiplied, and the next one divided."""


class Sharpness(CurvatureBase):
    """Endpoints whose sharpness is measured: largest eigenvalue, trace, rise of the loss nearby."""

    dense = False
    columns = ("factor", "output_change", "lambda_max", "trace", "trace_error", "sam")

    def run(self, endpoints: "Endpoints", tolerance: float, progress: "Progress") -> pd.DataFrame:
        """Measure the sharpness of the full-batch training loss.

        Returns
        -------
        sharpness
            One row an endpoint, and for the first unit of a cell one more for each factor.
            factor (number): By which the first hidden layer is multiplied and the next one divided;
                1 is the endpoint itself.
            output_change (number): Largest relative change of an output by that.
            lambda_max (number): Largest eigenvalue of the Hessian of the training loss.
            trace (number): Trace of the Hessian; none at other factors.
            trace_error (number): Standard error of the trace; none at other factors.
            sam (number): Rise of the loss within a small ball; none at other factors.
        """
        rows = []
        for row, problem in endpoints.problems(progress):
            seed = int(row["seed"])
            rows.append(row | {"factor": 1.0, "output_change": 0.0} | sharpness_of(problem, seed))
            if seed == endpoints.cells[row["cell"]].first_unit:
                rows += [row | found for found in rescaled(problem, seed)]
        return pd.DataFrame(rows)


def sharpness_of(problem: "Problem", seed: int) -> dict[str, float]:
    """Give the largest eigenvalue, the trace and the rise of the loss within a small ball.

    Computed in float32, which the largest eigenvalue bears to six digits.
    """
    import torch

    from unstuck.curvature.spectra.sharpness import sam_sharpness
    from unstuck.curvature.spectra.trace import hutch_plus_plus

    single = problem.to(torch.float32)
    random = np.random.default_rng([seed, STREAM])
    total = hutch_plus_plus(single, probes=PROBES, generator=random)
    return {
        "lambda_max": _largest(single, random),
        "trace": total.value,
        "trace_error": total.error,
        "sam": sam_sharpness(problem, radius=RADIUS),
    }


def rescaled(problem: "Problem", seed: int) -> Iterator[dict[str, Any]]:
    """Yield the largest eigenvalue of the same function with its first hidden layer rescaled.

    Nothing for networks whose function does not survive that (`rescale_relu`).
    """
    from unstuck.curvature.spectra.sharpness import largest_output_change, rescale_relu

    spec = problem.network.spec
    if (spec.kind, spec.activation, spec.batchnorm) != ("dense", "relu", "off") or not spec.widths:
        return
    for factor in FACTORS:
        other = rescale_relu(problem, layer=1, factor=factor)
        random = np.random.default_rng([seed, STREAM])
        yield {
            "factor": factor,
            "lambda_max": _largest(other, random),
            "output_change": largest_output_change(problem, other),
        }


def _largest(problem: "Problem", random: np.random.Generator) -> float:
    from unstuck.curvature.spectra.lanczos import extreme_eigenpairs

    found = extreme_eigenpairs(problem, highest=1, tolerance=TOLERANCE, generator=random)
    return float(found.values[-1])
