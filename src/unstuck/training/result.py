"""The tables and weights of a training job."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.files import read_parquet, read_safetensors, write_parquet, write_safetensors

RUNS, CURVES, RATES = "runs.parquet", "curves.parquet", "rates.parquet"
ENDPOINTS = "endpoints.safetensors"

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
    "engine",
)

#: columns of `runs` before and after the labels of the cells
FIRST_COLUMNS = ("run_id", "cell", "role")
LAST_COLUMNS = ("lr", "chosen", "score", "edge", "seed", *MEASUREMENTS, "code")

#: columns of `rates` likewise
FIRST_OF_RATES = ("cell",)
LAST_OF_RATES = (
    *("lr", "heat_units", "heat_score", "units", "score", "finalist", "chosen", "edge"),
)

Arrays = Mapping[str, NDArray[Any]]


@dataclass(frozen=True)
class JobResult:
    """What a training job leaves.

    The tables have the labels of the cell besides (`FIRST_COLUMNS`, `FIRST_OF_RATES`, the labels,
    `LAST_COLUMNS`, `LAST_OF_RATES`). Every run has its curve, those at a rate chosen or fixed have
    their endpoint.

    Attributes
    ----------
    runs
        One row a run: a cell, rate and unit.
        run_id (string): Digest of all that decides the run: the same in every table.
        cell (string): Digest of the run without its seed and rate.
        role (string): heat (a rate tried on the first units), finalist (on all units) or fixed.
        lr (number): Base learning rate.
        chosen (boolean): Whether it is the rate chosen, or the one given.
        score (number): What rates are chosen by, lower is better: a loss, minus an accuracy, or the
            natural logarithm of the updates to arrive.
        edge (boolean): Whether the rate chosen lies on an edge of those tried.
        seed (integer): Number of the unit, which decides data split, initial weights and order.
        batch_size (integer, samples): Samples of an update.
        updates (integer, updates): Updates made.
        epochs (number, epochs): Passes over the training part made.
        parameters (integer, parameters): Parameters of the network.
        multiply_adds (integer): Multiplications and additions of a forward pass of one sample.
        train_loss, validation_loss, test_loss (number): Mean loss over that part at the end, which
            cross-entropy gives in nats; infinite if the run diverged. As for predictions: without
            weight decay, with batch normalisation by its running averages.
        train_accuracy, validation_accuracy, test_accuracy (number): Share of that part that is
            classified rightly at the end.
        gradient_norm (number): Norm of the gradient at the end of what training descends: the mean
            training loss, plus λ/2 · |θ|² if weight decay acts as L2. Decoupled decay (AdamW) is
            the gradient of nothing and is left out.
        initial_gradient_norm (number): That at the initial weights.
        diverged_at (number, updates): Update at which the run diverged; none if it did not.
        stopped_at (number, updates): Update at which it had the loss to stop at; none if it never
            had, or was not to stop.
        engine (string): What trained it: lanes or torch.
        code (string): Digest of the code and the versions that trained it.
    curves
        One row a run and evaluation.
        Also: run_id, cell, role, lr, chosen, score, edge, seed.
        update (integer, updates): Updates made so far.
        epoch (number, epochs): Passes over the training part made so far.
        train_loss, validation_loss (number): Mean loss over that part.
        train_accuracy, validation_accuracy (number): Share of that part that is classified rightly.
        gradient_norm (number): Norm of the gradient of what training descends, as in runs.
        update_norm (number): Length of the last update.
    rates
        One row a cell and rate that it might choose.
        Also: cell, lr.
        heat_units (integer, units): Units of the heat.
        heat_score (number): Mean score over them.
        units (integer, units): Units that ran at the rate.
        score (number): Mean score over them; lower is better.
        finalist (boolean): Whether the rate ran on all units.
        chosen (boolean): Whether it is the rate chosen.
        edge (boolean): Whether the rate chosen lies on an edge of those tried.
    """

    runs: pd.DataFrame
    curves: pd.DataFrame  # cell, run_id, update, epoch, measurements; sorted
    endpoints: Arrays = field(default_factory=dict)  # [P] by run_id
    buffers: Arrays = field(default_factory=dict)  # [Q] by run_id, where Q > 0
    rates: pd.DataFrame = field(default_factory=pd.DataFrame)

    def save(self, folder: Path) -> None:
        """Write the tables and endpoints.safetensors, each as a whole."""
        weights = {f"theta/{name}": array for name, array in self.endpoints.items()}
        weights |= {f"buffers/{name}": each for name, each in self.buffers.items()}
        # runs come last: rows without their curves or weights are never taken for finished
        write_safetensors(folder / ENDPOINTS, weights)
        write_parquet(folder / CURVES, self.curves)
        write_parquet(folder / RATES, self.rates)
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
            rates=read_parquet(folder / RATES),
            endpoints=_below("theta/", weights),
            buffers=_below("buffers/", weights),
        )

    def finished(self, codes: Collection[str]) -> set[str]:
        """Return the runs of some codes whose row and curve are here."""
        if not {"run_id", "code", *MEASUREMENTS} <= set(self.runs.columns):
            return set()
        rows = self.runs[self.runs["code"].isin(codes)]
        return set(rows["run_id"]) & set(self.curves["run_id"])


def _below(prefix: str, arrays: Arrays) -> dict[str, np.ndarray]:
    return {
        name.removeprefix(prefix): array
        for name, array in arrays.items()
        if name.startswith(prefix)
    }
