"""Exact Hessian spectra of endpoints."""

from typing import TYPE_CHECKING

import pandas as pd

from unstuck.study.measurements.base import CurvatureBase

if TYPE_CHECKING:
    from unstuck.curvature.spectra.inertia import Inertia
    from unstuck.study.endpoints import Endpoints, Progress


class Spectra(CurvatureBase):
    """Endpoints that get an exact Hessian spectrum."""

    columns = (
        *("train_loss", "gradient_norm", "lambda_max", "lambda_min", "trace"),
        *("negative", "zero", "positive", "minimum_ratio", "tolerance", "absolute_tolerance"),
        *("down", "down_finer", "down_coarser", "gap", "certain", "eigenvalues"),
    )

    def run(self, endpoints: "Endpoints", tolerance: float, progress: "Progress") -> pd.DataFrame:
        """Measure the exact Hessian spectrum of the full-batch training loss.

        Batch normalisation is in training mode over the whole training part.

        Returns
        -------
        spectra
            One row an endpoint, of the exact Hessian of the training loss.
            train_loss (number): What training descends, on all training samples in float64: unlike
                train_loss of runs with the L2 term of weight decay, and with batch normalisation
                by the statistics of these samples.
            gradient_norm (number): Norm of its gradient.
            lambda_max, lambda_min (number): Extreme eigenvalue.
            trace (number): Sum of the eigenvalues.
            negative, zero, positive (integer, eigenvalues): Eigenvalues of that sign; zero up to
                the tolerance.
            minimum_ratio (number): Share of positive eigenvalues.
            tolerance (number): Share of the largest absolute eigenvalue up to which one counts as
                zero.
            absolute_tolerance (number): The size that this is.
            down (number): Share of negative eigenvalues among those that are not zero.
            down_finer, down_coarser (number): That at a hundredth, and at a hundred times, the
                tolerance.
            gap (number): Distance of the eigenvalue nearest to the tolerance, above or below zero,
                from it.
            certain (boolean): Whether rounding cannot change the counts.
            eigenvalues (array): All eigenvalues, ascending.
        """
        from unstuck.curvature.hessian import dense
        from unstuck.curvature.spectra.spectrum import spectrum_of

        rows = []
        for row, problem in endpoints.problems(progress):
            loss, gradient = problem.loss_and_gradient()
            spectrum = spectrum_of(dense.hessian(problem))
            inertia = spectrum.inertia(tolerance)
            rows.append(
                row
                | {
                    "train_loss": loss,
                    "gradient_norm": float(gradient.norm()),
                    "lambda_max": spectrum.lambda_max,
                    "lambda_min": spectrum.lambda_min,
                    "trace": spectrum.trace,
                    **inertia.counts,
                    "minimum_ratio": inertia.minimum_ratio,
                    "tolerance": tolerance,
                    "absolute_tolerance": inertia.tolerance,
                    "down": _down(inertia),
                    "down_finer": _down(spectrum.inertia(tolerance / 100)),
                    "down_coarser": _down(spectrum.inertia(tolerance * 100)),
                    "gap": inertia.gap,
                    "certain": inertia.certain,
                    "eigenvalues": spectrum.eigenvalues,
                }
            )
        return pd.DataFrame(rows)


def _down(inertia: "Inertia") -> float:
    """Give the share of negative eigenvalues among those that are not zero; NaN if all are."""
    curved = inertia.negative + inertia.positive
    return inertia.negative / curved if curved else float("nan")
