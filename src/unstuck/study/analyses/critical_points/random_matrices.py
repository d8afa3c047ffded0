"""How rarely a random symmetric matrix has positive eigenvalues alone, by its size."""

import math

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from unstuck.study.analyses.base import AnalysisBase, Context

STREAM = 7421


class RandomMatricesAnalysis(AnalysisBase):
    """Share of symmetric Gaussian matrices whose eigenvalues are all positive, by their size."""

    tables = ("kinds",)

    sizes: tuple[PositiveInt, ...] = Field(
        default=(1, 2, 3, 4, 5, 6), min_length=2, description="Numbers of rows of the matrices."
    )
    matrices: PositiveInt = Field(default=20_000, description="Matrices a size and seed.")
    seeds: PositiveInt = Field(
        default=10, description="Draws, one for each of the first so many units."
    )

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Count.

        Returns
        -------
        kinds
            One row a size and kind of critical point.
            size (integer): Rows of the matrix.
            matrices (integer, matrices): Matrices drawn.
            kind (string): What such a Hessian would make: minimum, maximum or saddle.
            share (number): Share among all matrices drawn.
            exact (number): Exact probability.
            standard_errors (number, standard errors): Difference of share and probability.
        """
        from unstuck.statistics.gaussian_matrices import orthogonal_ensemble, probability_positive

        rows = []
        drawn = self.matrices * self.seeds
        for size in sorted(set(self.sizes)):
            context.progress(f"drawing symmetric matrices of {size} rows")
            positive = negative = 0
            for seed in context.units(self.seeds):
                rng = np.random.default_rng([seed, STREAM, size])
                values = np.linalg.eigvalsh(orthogonal_ensemble(rng, self.matrices, size))
                positive += int((values[:, 0] > 0).sum())
                negative += int((values[:, -1] < 0).sum())
            exact = probability_positive(size)
            for kind, count, probability in (
                ("minimum", positive, exact),
                ("maximum", negative, exact),
                ("saddle", drawn - positive - negative, 1 - 2 * exact),
            ):
                share = count / drawn
                spread = math.sqrt(probability * (1 - probability) / drawn)
                rows.append(
                    {"size": size, "kind": kind, "matrices": drawn}
                    | {"share": share, "exact": probability}
                    # of a size of 1 there are no saddles
                    | {"standard_errors": (share - probability) / (spread or 1)}
                )
        return {"kinds": pd.DataFrame(rows)}
