"""How rarely a random symmetric matrix has positive eigenvalues alone, by its size."""

import math
from typing import Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt

from unstuck.study.analyses.base import AnalysisBase, Context

STREAM = 7421


class RandomMatricesAnalysis(AnalysisBase):
    """Share of symmetric Gaussian matrices whose eigenvalues are all positive, by their size."""

    tables = ("shares", "kinds", "law")

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
            One row a size and seed.
            size (integer): Rows of the matrix.
            seed (integer): Number of the draw.
            matrices (integer, matrices): Matrices drawn.
            positive (integer, matrices): Those with positive eigenvalues alone.
            share (number): Their share.
        kinds
            One row a size and kind of critical point.
            Also: size, matrices.
            kind (string): What such a Hessian would make: minimum, maximum or saddle.
            share (number): Share among all matrices drawn.
            exact (number): Exact probability.
            standard_errors (number, standard errors): Difference of share and probability.
        law
            One row a size.
            Also: size.
            minus_log (number): −ln of the exact probability of positive eigenvalues alone.
            second_difference (number): Its second difference over sizes.
            expected (number): That of the law for large sizes n, n² ln 3 / 4 (Dean & Majumdar
                2006), which is ln 3 / 2.
        """
        from unstuck.statistics.gaussian_matrices import orthogonal_ensemble

        rows = []
        for size in self.sizes:
            context.progress(f"drawing symmetric matrices of {size} rows")
            for seed in context.units(self.seeds):
                rng = np.random.default_rng([seed, STREAM, size])
                values = np.linalg.eigvalsh(orthogonal_ensemble(rng, self.matrices, size))
                rows.append(
                    {
                        "size": size,
                        "seed": seed,
                        "matrices": self.matrices,
                        "positive": int((values[:, 0] > 0).sum()),
                        "negative": int((values[:, -1] < 0).sum()),
                    }
                )
        counts = pd.DataFrame(rows)
        shares = counts.drop(columns="negative").assign(
            share=counts["positive"] / counts["matrices"]
        )
        return {"shares": shares, "kinds": _kinds(counts), "law": _law()}


def _kinds(counts: pd.DataFrame) -> pd.DataFrame:
    from unstuck.statistics.gaussian_matrices import probability_positive

    rows: list[dict[str, Any]] = []
    for size, part in counts.drop(columns="seed").groupby("size").sum().iterrows():
        drawn, positive = int(part["matrices"]), probability_positive(int(str(size)))
        found = {
            "minimum": (part["positive"], positive),
            "maximum": (part["negative"], positive),
            "saddle": (drawn - part["positive"] - part["negative"], 1 - 2 * positive),
        }
        for kind, (count, exact) in found.items():
            share, spread = count / drawn, math.sqrt(exact * (1 - exact) / drawn)
            rows.append(
                {"size": size, "kind": kind, "matrices": drawn, "share": share, "exact": exact}
                # of a size of 1 there are no saddles
                | {"standard_errors": (share - exact) / spread if spread else share - exact}
            )
    return pd.DataFrame(rows)


def _law() -> pd.DataFrame:
    from unstuck.statistics.gaussian_matrices import DECAY, LARGEST, probability_positive

    logs = -np.log([probability_positive(size) for size in range(1, LARGEST + 1)])
    second = np.full(len(logs), np.nan)
    second[2:] = np.diff(logs, 2)
    return pd.DataFrame(
        {
            "size": np.arange(1, LARGEST + 1),
            "minus_log": logs,
            "second_difference": second,
            "expected": 2 * DECAY,
        }
    )
