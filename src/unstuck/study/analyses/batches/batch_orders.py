"""What the batches of an epoch hold, as the training loop cuts them."""

from typing import Any, Self

import numpy as np
import pandas as pd
from pydantic import Field, PositiveInt, model_validator

from unstuck.study.analyses.base import AnalysisBase, Context

ORDERS = ("reshuffled", "fixed", "sorted")


class BatchOrdersAnalysis(AnalysisBase):
    """Whether the batches of an epoch partition the data, and which come again in the next."""

    tables = ("epochs",)

    samples: PositiveInt = Field(default=1024, description="Training samples, of ten classes.")
    batch_sizes: tuple[PositiveInt, ...] = Field(
        default=(8, 16, 48, 100), min_length=1, description="Batch sizes, dividing or not."
    )
    epochs: int = Field(default=5, ge=2, description="Epochs of each.")
    seed: int = Field(default=0, ge=0, description="Seed of the orders.")

    @model_validator(mode="after")
    def _batches_fit(self) -> Self:
        if max(self.batch_sizes) > self.samples:
            raise ValueError(
                f"batch_sizes: {max(self.batch_sizes)} is more than samples: {self.samples}"
            )
        return self

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Cut epochs into batches.

        Returns
        -------
        epochs
            One row an order, batch size and epoch.
            Also: batch_size.
            order (string): How samples are ordered: reshuffled every epoch, shuffled once, or
                sorted.
            epoch (integer): Number of the epoch, from 0.
            batches (integer, batches): Batches of the epoch.
            misplaced (integer, samples): Samples that are not in exactly one batch.
            again (number): Share of the batches that hold the samples of one of the epoch before;
                none for the first epoch.
        """
        labels = np.arange(self.samples) % 10
        return {
            "epochs": pd.DataFrame(
                [
                    row
                    for order in ORDERS
                    for size in self.batch_sizes
                    for row in self._epochs(order, size, labels)
                ]
            )
        }

    def _epochs(self, order: Any, size: int, labels: np.ndarray) -> list[dict[str, Any]]:
        from unstuck.training.order import Batches

        rows: list[dict[str, Any]] = []
        before: set[frozenset[int]] | None = None
        for epoch in range(self.epochs):
            # another object an epoch, lest a cached epoch be compared with itself
            cut = Batches(order, [labels], [self.seed], size).epoch(epoch)
            held = np.bincount(np.concatenate([each[0] for each in cut]), minlength=self.samples)
            batches = {frozenset(each[0].tolist()) for each in cut}
            again = float("nan") if before is None else len(batches & before) / len(batches)
            rows.append(
                {"order": order, "batch_size": size, "epoch": epoch, "batches": len(cut)}
                | {"misplaced": int((held != 1).sum()), "again": again}
            )
            before = batches
        return rows
