"""Exact saddles of a wide network, made from minima of narrower ones, and ways to leave them."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import Field, PositiveFloat, PositiveInt

from unstuck.study.analyses.base import Context, DatasetsAnalysis
from unstuck.study.fields import Samples, Tolerance

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.curvature.critical_points.certificate import Certificate
    from unstuck.curvature.objective import Objective
    from unstuck.curvature.problem import Problem

STREAM = 7411
# growth of the distance from a saddle in one update, at most: fine enough to count updates
GROWTH = 0.05
# a descent goes on for as long as so many factors of ten cost, so that its curve shows a way down
AFTERWARDS = 2.5
# iterations of L-BFGS before Newton's method, to a minimum
DESCENT = 100
#: share of its loss that a saddle is left by
FALL = 1e-3


class LadderAnalysis(DatasetsAnalysis):
    """Certified critical points of tanh networks of several widths, and escapes from them."""

    tables = ("points", "escape", "leaving")

    widths: tuple[PositiveInt, ...] = Field(
        default=(2, 4, 6),
        min_length=1,
        description="Hidden units of the wide networks; one of k units gives a rung to each wider.",
    )
    samples: Samples = 256
    weight_decay: PositiveFloat = Field(
        default=1e-3, description="Coefficient of |theta|^2 / 2, on all parameters."
    )
    seeds: PositiveInt = Field(
        default=10, description="Units that a ladder is built on a dataset of."
    )
    tolerance: Tolerance = 1e-8
    radii: tuple[PositiveFloat, ...] = Field(
        default=(1e-3, 1e-2, 1e-1),
        min_length=3,
        description="Steps along the lowest eigenvector of every saddle, ascending.",
    )
    exponents: tuple[PositiveInt, ...] = Field(
        default=(2, 3, 4, 5),
        min_length=3,
        description="Gradient descent starts 10^-k off the saddle, for each k given.",
    )
    descents: PositiveInt = Field(
        default=1, description="Units whose widest network is left by gradient descent."
    )
    max_updates: PositiveInt = Field(default=6000, description="Updates of a descent at most.")

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Build the ladders, measure every rung, and leave the saddles.

        Returns
        -------
        points
            One row a dataset, seed, width and rung, with all that its loss is made of.
            Also: dataset, seed, width, rung, parameters, weight_decay, criterion, loss,
                gradient_norm, negative, zero, positive, tolerance, gap, rounding, converged, kind,
                lambda_min, theta.
            minimum_ratio (number): Share of positive eigenvalues.
            eigenvalues (array): Eigenvalues of the Hessian, ascending.
        escape
            One row a certified saddle and radius.
            Also: dataset, seed, width, rung, eigenvalue, residual, radius.
            change (number): Change of the loss along the lowest eigenvector.
            ratio (number): That change over what the quadratic says, eigenvalue · radius² / 2.
        leaving
            One row a saddle that was left by gradient descent.
            Also: dataset, seed, width, rung, predicted_slope, saddle_loss.
            slope (number, updates): Updates for each factor of ten of distance, by a straight line;
                none if a start never left.
            ratio (number): That slope over what the eigenvalue foretells.
            deviation (number, updates): Largest deviation from the line.
            stuck (integer, starts): Starts that never left.
            farthest (number): Largest distance from the saddle of the descent that started on it.
            end_loss (number): Last loss of the descent from nearest to the saddle.
        """
        found: dict[str, list[dict[str, Any]]] = {name: [] for name in self.tables}
        for dataset in self.dataset_names:
            for seed in context.units(self.seeds):
                context.progress(f"building ladder {seed} on {dataset}")
                rungs = list(self._rungs(context, dataset, seed))
                found["points"] += [rung.row() for rung in rungs]
                saddles = [rung for rung in rungs if rung.is_saddle]
                for rung in saddles:
                    found["escape"] += rung.drops(self.radii)
                if seed in context.units(self.descents):
                    widest = [rung for rung in saddles if rung.width == max(self.widths)]
                    found["leaving"] += self._leaving(widest)
        return {name: pd.DataFrame(rows) for name, rows in found.items()}

    def _rungs(self, context: Context, dataset: str, seed: int) -> Iterator["_Rung"]:
        import torch

        from unstuck.curvature.critical_points.certificate import certify
        from unstuck.curvature.critical_points.ladder import TanhNetworks
        from unstuck.curvature.critical_points.polishing import polish
        from unstuck.curvature.hessian.dense import hessian

        data = context.datasets[dataset].unit(seed)
        networks = TanhNetworks.on(data, self.samples, self.weight_decay)
        # an idle unit stays idle exactly, so that this is the network without hidden units
        lowest = polish(networks.problem(1), lbfgs_iterations=DESCENT).theta[-data.classes :]
        minima = networks.minima(
            lowest, max(self.widths), seed, stream=STREAM, lbfgs_iterations=DESCENT
        )
        for units, narrow in enumerate(minima):
            for width in sorted(width for width in set(self.widths) if width >= units):
                wide = networks.problem(width, networks.padded(narrow, units, width))
                certificate = certify(wide, relative_tolerance=self.tolerance)
                values, vectors = torch.linalg.eigh(hessian(wide))
                yield _Rung(dataset, seed, width, units, wide, certificate, values, vectors)

    def _leaving(self, rungs: list["_Rung"]) -> Iterator[dict[str, Any]]:
        """Leave every saddle by gradient descent, from each distance and from none."""
        import torch

        from unstuck.curvature.critical_points.departure import descend_together

        if not rungs:
            return
        exponents = (*self.exponents, 0)
        members = [(rung, exponent) for rung in rungs for exponent in exponents]
        losses = [rung.certificate.loss * (1 - FALL) for rung, _ in members]
        runs = descend_together(
            [rung.problem for rung, _ in members],
            starts=torch.stack([rung.near(exponent) for rung, exponent in members]),
            rates=torch.tensor([rung.rate for rung, _ in members], dtype=torch.float64),
            thresholds=torch.tensor(losses, dtype=torch.float64),
            afterwards=torch.tensor([AFTERWARDS * rung.foretold for rung, _ in members]),
            stay=torch.tensor([exponent == 0 for _, exponent in members]),
            max_updates=self.max_updates,
        )
        k = np.array(self.exponents, dtype=np.float64)
        for first, rung in zip(range(0, len(members), len(exponents)), rungs, strict=True):
            still = first + len(exponents) - 1  # the member that starts on the saddle
            updates = runs.escaped_at[first:still]
            nearest = runs.losses[:, first + int(k.argmax())]
            yield (
                rung.label
                | along_a_line(k, updates, rung.foretold)
                | {
                    "farthest": float(runs.farthest[still]),
                    "saddle_loss": rung.certificate.loss,
                    "end_loss": float(nearest[np.isfinite(nearest)][-1]),
                }
            )


@dataclass(frozen=True)
class _Rung:
    """One critical point of one wide network."""

    dataset: str
    seed: int
    width: int
    units: int  # in use
    problem: "Problem"
    certificate: "Certificate"
    values: "Tensor"  # [P], ascending
    vectors: "Tensor"  # [P, P]

    @property
    def label(self) -> dict[str, Any]:
        return {
            "dataset": self.dataset,
            "seed": self.seed,
            "width": self.width,
            "rung": self.units,
        }

    @property
    def is_saddle(self) -> bool:
        return self.certificate.converged and self.certificate.kind == "saddle"

    @property
    def lowest(self) -> float:
        return float(self.values[0])

    @property
    def rate(self) -> float:
        """Rate that is stable in every direction and leaves the saddle slowly enough to count."""
        return min(1 / float(self.values.abs().max()), GROWTH / abs(self.lowest))

    @property
    def foretold(self) -> float:
        return updates_a_decade(self.rate, self.lowest)

    def near(self, exponent: int) -> "Tensor":
        """Give the point 10^-k off along the lowest eigenvector; for k = 0 the saddle itself."""
        if exponent == 0:
            return self.problem.theta
        return self.problem.theta + 10.0**-exponent * self.vectors[:, 0]

    def row(self) -> dict[str, Any]:
        inertia = self.certificate.inertia
        return self.label | {
            "parameters": inertia.size,
            "weight_decay": self.problem.weight_decay,
            "criterion": self.problem.loss,
            "loss": self.certificate.loss,
            "gradient_norm": self.certificate.gradient_norm,
            **inertia.counts,
            "minimum_ratio": inertia.minimum_ratio,
            "tolerance": inertia.tolerance,
            "gap": inertia.gap,
            "rounding": inertia.rounding,
            "converged": self.certificate.converged,
            "kind": self.certificate.kind,
            "lambda_min": self.lowest,
            "eigenvalues": self.values.numpy(),
            "theta": self.problem.theta.numpy(),
        }

    def drops(self, radii: tuple[float, ...]) -> list[dict[str, Any]]:
        found = steps_off(self.problem, self.vectors[:, 0], self.lowest, sorted(radii))
        return [self.label | row for row in found]


def steps_off(
    objective: "Objective", direction: "Tensor", eigenvalue: float, radii: Sequence[float]
) -> list[dict[str, float]]:
    """Give what `LadderAnalysis.run` says of a saddle in the table `escape`."""
    from unstuck.curvature.critical_points.escape import drop

    found = drop(objective, direction=direction, eigenvalue=eigenvalue, radii=np.array(radii))
    return [
        {
            "eigenvalue": eigenvalue,
            "residual": found.residual,
            "radius": float(radius),
            "change": float(change),
            "ratio": float(ratio),
        }
        for radius, change, ratio in zip(found.radii, found.change, found.ratio, strict=True)
    ]


def updates_a_decade(rate: float, eigenvalue: float) -> float:
    """Give the updates for each factor of ten in the distance from a saddle."""
    return float(np.log(10) / np.log1p(-rate * eigenvalue))


def along_a_line(
    exponents: NDArray[np.float64], updates: NDArray[np.float64], foretold: float
) -> dict[str, float]:
    """Hold updates that starts 10^-k off a saddle took to leave it against a straight line in k."""
    left = np.isfinite(updates)
    line = np.polyfit(exponents, updates, 1) if left.all() else np.full(2, np.nan)
    return {
        "slope": float(line[0]),
        "predicted_slope": foretold,
        "ratio": float(line[0] / foretold),
        "deviation": float(np.abs(np.polyval(line, exponents) - updates).max()),
        "stuck": int((~left).sum()),
    }
