"""A search for critical points that favours no index: which kinds there are, by width."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt

from unstuck.study.analyses.base import Context, DatasetsAnalysis
from unstuck.study.fields import Samples, Tolerance

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.curvature.critical_points.polishing import CriticalPoint
    from unstuck.curvature.problem import Problem

# to so many digits losses of two points are equal
LOSS_DIGITS = 8
STREAM = 7431
STARTS: tuple[Literal["random", "training"], ...] = ("random", "training")


class CriticalSearchAnalysis(DatasetsAnalysis):
    """Critical points of small tanh networks, searched from random points and along training."""

    tables = ("searches",)

    widths: tuple[PositiveInt, ...] = Field(
        default=(1, 2, 4), min_length=2, description="Hidden units of the networks."
    )
    samples: Samples = 256
    weight_decay: PositiveFloat = Field(
        default=0.01, description="Coefficient of |theta|^2 / 2, on all parameters."
    )
    certified: PositiveInt = Field(
        default=3, description="Certified points wanted a dataset, width, seed and kind of start."
    )
    searches: PositiveInt = Field(default=10, description="Searches for them at most.")
    seeds: PositiveInt = Field(default=10, description="Units whose surfaces are searched.")
    smallest: PositiveFloat = Field(
        default=0.1, description="Smallest standard deviation of random weights."
    )
    largest: PositiveFloat = Field(
        default=1.0, description="Largest one; each start draws its own, evenly in its logarithm."
    )
    rate: PositiveFloat = Field(default=0.3, description="Learning rate of the training.")
    updates: PositiveInt = Field(
        default=200,
        description="Updates of the training; a start is as many updates from a random point as "
        "are drawn, evenly in the logarithm, from 1 to this.",
    )
    longest: PositiveFloat = Field(
        default=0.3, description="Largest length of a search's step along one eigenvector."
    )
    steps: PositiveInt = Field(default=30, description="Steps of a search at most.")
    tolerance: Tolerance = 1e-8

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Search from every start.

        Returns
        -------
        searches
            One row a search for a critical point.
            Also: dataset, width, seed, parameters, weight_decay, criterion, loss, gradient_norm,
                negative, zero, positive, tolerance, gap, rounding, converged, kind, theta.
            start (string): Where it started: a random point, or one that training passes.
            search (integer): Number of the search.
            steps (integer, steps): Steps of the search.
            flatness (number): Share of the gradient that Newton's step leaves; above 0.9 the point
                is gradient-flat.
            distinct (boolean): Whether the point is certified and no earlier one of the same kind
                of start has its loss and index, as its images under permutations and signs of units
                have.
        """
        from unstuck.curvature.critical_points.ladder import TanhNetworks

        searches: list[dict[str, Any]] = []
        for dataset in self.dataset_names:
            data = context.datasets[dataset]
            networks = {
                seed: TanhNetworks.on(data.unit(seed), self.samples, self.weight_decay)
                for seed in context.units(self.seeds)
            }
            for width in sorted(set(self.widths)):
                context.progress(f"searching for critical points of {width} units on {dataset}")
                problems = {seed: networks[seed].problem(width) for seed in networks}
                starts = self._starts(problems, width)
                for seed, problem in problems.items():
                    label = {"dataset": dataset, "width": width, "seed": seed}
                    searches += [label | row for row in self._searches(problem, starts[seed])]
        return {"searches": _told_apart(pd.DataFrame(searches))}

    def _searches(self, problem: "Problem", starts: dict[str, "Tensor"]) -> list[dict[str, Any]]:
        """Search from the starts of each kind until enough points are certified.

        The kinds search side by side, each from as many more starts as it surely needs.
        """
        import torch

        from unstuck.curvature.critical_points.following import follow_eigenvectors

        found: dict[str, list[CriticalPoint]] = {start: [] for start in STARTS}
        while True:
            batch = []
            for start, points in found.items():
                wanted = self.certified - sum(point.converged for point in points)
                last = min(len(points) + wanted, self.searches)
                batch += [(start, number) for number in range(len(points), last)]
            if not batch:
                break
            ends = follow_eigenvectors(
                problem,
                torch.stack([starts[start][number] for start, number in batch]),
                longest=self.longest,
                steps=self.steps,
                relative_tolerance=self.tolerance,
            )
            for (start, _), end in zip(batch, ends, strict=True):
                found[start].append(end)
        return [
            _row(problem, start, number, point)
            for start, points in found.items()
            for number, point in enumerate(points)
        ]

    def _starts(
        self, problems: Mapping[int, "Problem"], width: int
    ) -> dict[int, dict[str, "Tensor"]]:
        """Give random points, and points that gradient descent passes from others.

        By unit and kind of start, with the shape ``[searches, P]``. All units descend side by side.
        """
        import torch

        from unstuck.curvature.critical_points.departure import loss_and_gradient
        from unstuck.curvature.critical_points.following import last_layer

        starts, lengths = {}, []
        for seed, problem in problems.items():
            rng = np.random.default_rng([seed, STREAM, width])
            points: dict[str, Tensor] = {}
            for start in STARTS:
                ends = np.log(self.smallest), np.log(self.largest)
                scale = np.exp(rng.uniform(*ends, (self.searches, 1)))
                draws = scale * rng.standard_normal((self.searches, problem.parameter_count))
                points[start] = torch.from_numpy(draws)
            # the search moves the last layer to its minimum at once, which is nearer to 0
            points["random"][:, last_layer(problem) :] = 0
            updates = np.exp(rng.uniform(0, np.log(self.updates), self.searches)).astype(int)
            lengths.append(torch.from_numpy(updates))
            starts[seed] = points
        left = torch.cat(lengths)
        theta = torch.cat([points["training"] for points in starts.values()])
        own = [problem for problem in problems.values() for _ in range(self.searches)]
        x, y = (torch.stack([getattr(problem, name) for problem in own]) for name in "xy")
        for update in range(int(left.max())):
            moving = torch.nonzero(left > update).squeeze(1)
            _, gradient = loss_and_gradient(own[0], theta[moving], x[moving], y[moving])
            theta[moving] -= self.rate * gradient
        for points, passed in zip(
            starts.values(), theta.view(len(starts), self.searches, -1), strict=True
        ):
            points["training"] = passed
        return starts


def _told_apart(searches: pd.DataFrame) -> pd.DataFrame:
    """Add the column `distinct`."""
    key = ["dataset", "width", "seed", "start", "negative", "digits"]
    certified = searches[searches["converged"]]
    repeated = certified.assign(digits=certified["loss"].round(LOSS_DIGITS)).duplicated(key)
    return searches.assign(distinct=searches.index.isin(certified.index[~repeated]))


def _row(problem: "Problem", start: str, number: int, found: "CriticalPoint") -> dict[str, Any]:
    certificate, inertia = found.certificate, found.certificate.inertia
    return {
        "start": start,
        "search": number,
        "parameters": inertia.size,
        "weight_decay": problem.weight_decay,
        "criterion": problem.loss,
        "steps": len(found.gradient_norms) - 1,
        "loss": certificate.loss,
        "gradient_norm": certificate.gradient_norm,
        "flatness": certificate.flatness,
        **inertia.counts,
        "tolerance": inertia.tolerance,
        "gap": inertia.gap,
        "rounding": inertia.rounding,
        "converged": certificate.converged,
        "kind": certificate.kind,
        "theta": found.theta.numpy(),
    }
