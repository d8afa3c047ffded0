"""Exact saddles of a wide network, made from minima of narrower ones, and ways to leave them."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt

from unstuck.study.analyses.base import Context, DatasetsAnalysis
from unstuck.study.fields import Samples, Tolerance

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.curvature.critical_points.certificate import Certificate
    from unstuck.curvature.problem import Problem

STREAM = 7411
# growth of the distance from a saddle in one update, at most: fine enough to count updates
GROWTH = 0.05
# a descent goes on for as long as so many factors of ten cost, so that its curve shows a way down
AFTERWARDS = 2.5
SADDLE = ["dataset", "seed", "width", "rung"]


class LadderAnalysis(DatasetsAnalysis):
    """Certified critical points of tanh networks of several widths, and escapes from them."""

    tables = ("points", "escape", "times", "leaving", "curves")

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
    polish: PositiveInt = Field(
        default=100, description="Iterations of L-BFGS before Newton's method, to a minimum."
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
    fall: PositiveFloat = Field(
        default=1e-3, lt=1, description="Share of its loss that a saddle is left by."
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
        times
            One row a saddle that was left by gradient descent, and k.
            Also: dataset, seed, width, rung, exponent, eigenvalue, predicted_slope, saddle_loss.
            rate (number): Learning rate.
            updates (number, updates): Updates until the loss was well below the saddle's; none if
                it never was.
            observed (integer, updates): Updates that were made.
            farthest (number): Largest distance from the saddle on the way.
        leaving
            One row such a saddle.
            Also: dataset, seed, width, rung, predicted_slope, saddle_loss.
            slope (number, updates): Updates for each factor of ten of distance, by a straight line;
                none if a start never left.
            ratio (number): That slope over what the eigenvalue foretells.
            deviation (number, updates): Largest deviation from the line.
            stuck (integer, starts): Starts that never left.
            farthest (number): Largest distance from the saddle of the descent that started on it.
            end_loss (number): Last loss of the descent from nearest to the saddle.
        curves
            One row an update of these descents.
            Also: dataset, seed, width, rung, exponent, update, loss.
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
                    times, curves = self._departures(widest)
                    found["times"] += times
                    found["leaving"] += _leaving(times, curves)
                    found["curves"] += curves
        return {name: pd.DataFrame(rows) for name, rows in found.items()}

    def _rungs(self, context: Context, dataset: str, seed: int) -> Iterator["_Rung"]:
        import torch

        from unstuck.curvature.critical_points.certificate import certify
        from unstuck.curvature.critical_points.ladder import pad
        from unstuck.curvature.hessian.dense import hessian
        from unstuck.curvature.problem import Problem
        from unstuck.population.network import Network
        from unstuck.population.spec import NetworkSpec

        data = context.datasets[dataset].unit(seed)
        x = torch.from_numpy(data.x_train[: self.samples]).double().flatten(1)
        y = torch.from_numpy(data.y_train[: self.samples])
        sizes = {"inputs": x.shape[1], "classes": data.classes}

        def problem(units: int, theta: "Tensor") -> Problem:
            spec = NetworkSpec(kind="dense", hidden=(units,), activation="tanh")
            network = Network(spec, (x.shape[1],), data.classes)
            return Problem(
                network=network,
                theta=theta,
                x=x,
                y=y,
                loss="cross_entropy",
                weight_decay=self.weight_decay,
            )

        for units, narrow in enumerate(self._minima(problem, sizes, seed)):
            for width in sorted(width for width in set(self.widths) if width >= units):
                wide = problem(width, pad(narrow, units=units, width=width, **sizes))
                certificate = certify(wide, relative_tolerance=self.tolerance)
                values, vectors = torch.linalg.eigh(hessian(wide))
                yield _Rung(dataset, seed, width, units, wide, certificate, values, vectors)

    def _minima(self, problem: Any, sizes: dict[str, int], seed: int) -> Iterator["Tensor"]:
        """Give the polished minimum of each width, found from the one below plus a small unit."""
        import torch

        from unstuck.curvature.critical_points.ladder import pad
        from unstuck.curvature.critical_points.polishing import polish

        # an idle unit stays idle exactly, so that this is the network without hidden units
        idle = problem(1, torch.zeros(sum(sizes.values()) + 1 + sizes["classes"]).double())
        theta = polish(idle, lbfgs_iterations=self.polish).theta[-sizes["classes"] :]
        yield theta
        for units in range(1, max(self.widths) + 1):
            rng = np.random.default_rng([seed, STREAM, units])
            start = pad(theta, units=units - 1, width=units, **sizes)
            start = start + 0.1 * torch.from_numpy(rng.standard_normal(len(start)))
            theta = polish(problem(units, start), lbfgs_iterations=self.polish).theta
            yield theta

    def _departures(
        self, rungs: list["_Rung"]
    ) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
        """Leave every saddle by gradient descent, from each distance and from none."""
        import torch

        from unstuck.curvature.critical_points.departure import descend_together

        members = [(rung, exponent) for rung in rungs for exponent in (*self.exponents, 0)]
        if not members:
            return [], []
        runs = descend_together(
            [rung.problem for rung, _ in members],
            starts=torch.stack([rung.near(exponent) for rung, exponent in members]),
            rates=torch.tensor([rung.rate for rung, _ in members], dtype=torch.float64),
            thresholds=torch.tensor(
                [rung.certificate.loss * (1 - self.fall) for rung, _ in members],
                dtype=torch.float64,
            ),
            afterwards=torch.tensor([AFTERWARDS * rung.foretold for rung, _ in members]),
            stay=torch.tensor([exponent == 0 for _, exponent in members]),
            max_updates=self.max_updates,
        )
        times, curves = [], []
        for index, (rung, exponent) in enumerate(members):
            label = rung.label | {"exponent": exponent}
            losses = runs.losses[:, index]
            updates = np.flatnonzero(np.isfinite(losses))
            times.append(
                label
                | {
                    "rate": rung.rate,
                    "eigenvalue": rung.lowest,
                    "predicted_slope": rung.foretold,
                    "saddle_loss": rung.certificate.loss,
                    "updates": float(runs.escaped_at[index]),
                    "observed": int(updates[-1]),
                    "farthest": float(runs.farthest[index]),
                }
            )
            curves += [
                label | {"update": int(update), "loss": float(losses[update])} for update in updates
            ]
        return times, curves


def _leaving(times: list[dict[str, Any]], curves: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Give what `LadderAnalysis.run` says of the table `leaving`."""
    if not times:
        return []
    last = (
        pd.DataFrame(curves)
        .sort_values("update")
        .drop_duplicates([*SADDLE, "exponent"], keep="last")
    )
    ends = pd.DataFrame(times).merge(last[[*SADDLE, "exponent", "loss"]], on=[*SADDLE, "exponent"])
    rows = []
    for key, part in ends.groupby(SADDLE, sort=False):
        off, still = part[part["exponent"] > 0], part[part["exponent"] == 0]
        k, updates = (off[name].to_numpy(dtype=np.float64) for name in ("exponent", "updates"))
        line = np.polyfit(k, updates, 1) if np.isfinite(updates).all() else np.full(2, np.nan)
        foretold = float(off["predicted_slope"].iloc[0])
        rows.append(
            dict(zip(SADDLE, key, strict=True))
            | {
                "slope": float(line[0]),
                "predicted_slope": foretold,
                "ratio": float(line[0] / foretold),
                "deviation": float(np.abs(np.polyval(line, k) - updates).max()),
                "stuck": int((~np.isfinite(updates)).sum()),
                "farthest": float(still["farthest"].iloc[0]),
                "saddle_loss": float(off["saddle_loss"].iloc[0]),
                "end_loss": float(off.sort_values("exponent")["loss"].iloc[-1]),
            }
        )
    return rows


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
        """Updates for each factor of ten in the distance from the saddle."""
        return float(np.log(10) / np.log1p(-self.rate * self.lowest))

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
            "negative": inertia.negative,
            "zero": inertia.zero,
            "positive": inertia.positive,
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
        from unstuck.curvature.critical_points.escape import drop

        found = drop(
            self.problem,
            direction=self.vectors[:, 0],
            eigenvalue=self.lowest,
            radii=np.array(sorted(radii)),
        )
        return [
            self.label
            | {
                "eigenvalue": self.lowest,
                "residual": found.residual,
                "radius": float(radius),
                "change": float(change),
                "ratio": float(ratio),
            }
            for radius, change, ratio in zip(found.radii, found.change, found.ratio, strict=True)
        ]
