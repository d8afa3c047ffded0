"""Minimum ratios of endpoints, over matrices, number formats and tolerances."""

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import pandas as pd

from unstuck.study.measurements.base import CurvatureBase

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.curvature.problem import Problem
    from unstuck.curvature.spectra.spectrum import Spectrum
    from unstuck.study.endpoints import Endpoints, Progress

#: tolerances, relative to the largest absolute eigenvalue
TOLERANCES = (0.0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)
#: samples of the rank-deficient matrix
FEW = 16


class Audit(CurvatureBase):
    """Endpoints whose minimum ratio is audited over matrices, formats, tolerances."""

    columns = (
        *("matrix", "layer", "dtype", "tolerance"),
        *("negative", "zero", "positive", "size", "minimum_ratio"),
    )

    def run(self, endpoints: "Endpoints", tolerance: float, progress: "Progress") -> pd.DataFrame:
        """Count the signs of eigenvalues.

        Returns
        -------
        audit
            One row an endpoint, matrix, layer, number format and tolerance.
            matrix (string): hessian, gauss_newton, one of both by layer, or the Gauss-Newton matrix
                of few samples, whose rank is at most their number times the classes.
            layer (string): Name of the layer; all for the whole matrix.
            dtype (string): Number format of the matrix.
            tolerance (number): Share of the largest absolute eigenvalue up to which one counts as
                zero.
            negative, zero, positive (integer, eigenvalues): Eigenvalues of that sign.
            size (integer, eigenvalues): Rows of the matrix.
            minimum_ratio (number): Share of positive eigenvalues.
        """
        import torch

        precisions = {"float64": torch.float64, "float32": torch.float32}
        tolerances = sorted({*TOLERANCES, tolerance})
        rows = []
        for row, problem in endpoints.problems(progress):
            for dtype, precision in precisions.items():
                for matrix, layer, spectrum in _spectra(problem.to(precision)):
                    for relative in tolerances:
                        inertia = spectrum.inertia(relative)
                        rows.append(
                            row
                            | {
                                "matrix": matrix,
                                "layer": layer,
                                "dtype": dtype,
                                "tolerance": relative,
                                **inertia.counts,
                                "size": inertia.size,
                                "minimum_ratio": inertia.minimum_ratio,
                            }
                        )
        return pd.DataFrame(rows)


def _spectra(problem: "Problem") -> "Iterator[tuple[str, str, Spectrum]]":
    """Yield the spectra of an endpoint's matrices, with the names of matrix and layer."""
    from unstuck.curvature.hessian import dense
    from unstuck.curvature.spectra.spectrum import spectrum_of

    matrices: dict[str, Tensor] = {
        "hessian": dense.hessian(problem),
        "gauss_newton": dense.gauss_newton(problem),
    }
    for name, matrix in matrices.items():
        yield name, "all", spectrum_of(matrix)
        for layer, block in dense.layer_blocks(problem, matrix).items():
            yield f"{name} by layer", layer, spectrum_of(block)
    few = replace(problem, x=problem.x[:FEW], y=problem.y[:FEW], check=False)
    yield f"gauss_newton of {FEW} samples", "all", spectrum_of(dense.gauss_newton(few))
