"""How rarely a random symmetric matrix has positive eigenvalues alone, by its size."""

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from unstuck.study.analyses.base import AnalysisBase, Context

STREAM = 7421


class RandomMatricesAnalysis(AnalysisBase):
    """Share of symmetric Gaussian matrices whose eigenvalues are all positive, by their size."""

    tables = ("shares",)

    sizes: tuple[PositiveInt, ...] = Field(
        default=(1, 2, 3, 4, 5, 6), min_length=2, description="Numbers of rows of the matrices."
    )
    matrices: PositiveInt = Field(default=20_000, description="Matrices a size and seed.")
    seeds: PositiveInt = Field(default=10, description="Seeds 0, 1, ...")

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Count.

        Returns
        -------
        shares
            One row a size and seed: matrices drawn, and those with positive eigenvalues alone.
        """
        from unstuck.statistics.gaussian_matrices import orthogonal_ensemble

        rows = []
        for size in self.sizes:
            context.progress(f"drawing symmetric matrices of {size} rows")
            for seed in range(self.seeds):
                rng = np.random.default_rng([seed, STREAM, size])
                lowest = np.linalg.eigvalsh(orthogonal_ensemble(rng, self.matrices, size))[:, 0]
                rows.append(
                    {
                        "size": size,
                        "seed": seed,
                        "matrices": self.matrices,
                        "positive": int((lowest > 0).sum()),
                    }
                )
        return {"shares": pd.DataFrame(rows)}
