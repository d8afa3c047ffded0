"""The tables and weights of a training job."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.files import read_parquet, read_safetensors, write_parquet, write_safetensors

RUNS, CURVES, ENDPOINTS = "runs.parquet", "curves.parquet", "endpoints.safetensors"

#: columns of `runs` that follow from a run alone, whichever cell asks for it
MEASUREMENTS = (
    "batch_size",
    "updates",
    "epochs",
    "parameters",
    "multiply_adds",
    "train_loss",
    "train_accuracy",
    "validation_loss",
    "validation_accuracy",
    "test_loss",
    "test_accuracy",
    "gradient_norm",
    "initial_gradient_norm",
    "diverged_at",
    "stopped_at",
)

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class JobResult:
    """What a training job leaves.

    `runs` has one row per cell, rate and seed: run_id, key and labels of the cell, role (tuning or
    evaluation), lr, edge, seed, the columns of `MEASUREMENTS`, and the digest of the code.
    """

    runs: pd.DataFrame
    curves: pd.DataFrame  # run_id, update, epoch, measurements; sorted
    endpoints: Arrays = field(default_factory=dict)  # [P] by run_id, of evaluation runs
    buffers: Arrays = field(default_factory=dict)  # [Q] by run_id, where Q > 0

    def save(self, folder: Path) -> None:
        """Write runs.parquet, curves.parquet and endpoints.safetensors, each as a whole."""
        weights = {f"theta/{name}": array for name, array in self.endpoints.items()}
        weights |= {f"buffers/{name}": each for name, each in self.buffers.items()}
        # runs come last: rows without their curves or weights are never taken for finished
        write_safetensors(folder / ENDPOINTS, weights)
        write_parquet(folder / CURVES, self.curves)
        write_parquet(folder / RUNS, self.runs)

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            If a file is missing or damaged.
        """
        weights = read_safetensors(folder / ENDPOINTS)
        return cls(
            runs=read_parquet(folder / RUNS),
            curves=read_parquet(folder / CURVES),
            endpoints=_below("theta/", weights),
            buffers=_below("buffers/", weights),
        )

    def finished(self, code: str) -> set[str]:
        """Return the runs of `code` whose row and curves, and endpoint if due, are all here."""
        if not {"run_id", "role", "code", *MEASUREMENTS} <= set(self.runs.columns):
            return set()
        rows = self.runs[self.runs["code"] == code]
        due = rows.loc[rows["role"] == "evaluation", "run_id"]
        without = set(due) - set(self.endpoints)
        return (set(rows["run_id"]) & set(self.curves["run_id"])) - without


def _below(prefix: str, arrays: Arrays) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
