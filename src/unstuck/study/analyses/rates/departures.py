"""How long gradient descent and the heavy ball take to leave the saddles of a ladder."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, Self

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from unstuck.errors import ConfigError, DataError
from unstuck.study.analyses.base import Context, DatasetsAnalysis
from unstuck.study.analyses.critical_points.ladder import FALL

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.curvature.problem import Problem

STREAM = 7451
# a point whose gradient is larger than this is none of the loss it is said to be of
CRITICAL = 1e-6
STARTS = ("first", "other")
Momentum = Annotated[float, Field(ge=0, lt=1)]


class DeparturesAnalysis(DatasetsAnalysis):
    """Updates to leave certified saddles of networks, by momentum and rate."""

    tables = ("times",)

    ladder: str = Field(default="ladder", description="The analysis of kind ladder to start from.")
    datasets: tuple[str, ...] = Field(
        min_length=1, description="Names from `datasets`, of those of the ladder."
    )
    samples: PositiveInt = Field(
        default=256, description="The first so many training samples of a unit, as in the ladder."
    )
    width: PositiveInt = Field(default=4, description="Hidden units of the networks.")
    rung: int = Field(
        default=2, ge=0, description="Units in use at the saddle, fewer than `width`."
    )
    distance: PositiveFloat = Field(
        default=1e-3, description="Distance of the starts from the saddle, in a random direction."
    )
    cases: tuple[tuple[Momentum, PositiveFloat], ...] = Field(
        default=((0, 1.9), (0, 1), (0.9, 0.1), (0.9, 1), (0.9, 3.61)),
        min_length=1,
        description="Pairs of a momentum and a learning rate, the latter as a multiple of 1 / the "
        "largest absolute eigenvalue of the Hessian at the saddle: up to 2 (1 + momentum) is "
        "stable. The first is walked from other starts as well.",
    )
    max_updates: PositiveInt = Field(default=2000, description="Updates of a descent at most.")

    @model_validator(mode="after")
    def _units_are_idle(self) -> Self:
        if self.rung >= self.width:
            raise ValueError(f"rung: {self.rung} must be less than width: {self.width}")
        return self

    @property
    def reads(self) -> tuple[str, ...]:
        """Tables it needs, as ``analysis.table``."""
        return (f"{self.ladder}.points",)

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Leave the saddles.

        Returns
        -------
        times
            One row a dataset, seed of the ladder, momentum, rate and start.
            Also: dataset, seed, momentum.
            rate (number): Learning rate, in units of one over the largest absolute eigenvalue.
            start (string): first, or other for another start in the first case.
            updates (number, updates): Updates until the loss was a thousandth below the
                saddle's; none if it never was.
            budget (integer, updates): Updates made at most.
        """
        points = context.inputs[self.reads[0]]
        chosen = points[(points["width"] == self.width) & (points["rung"] == self.rung)]
        rows: list[dict[str, Any]] = []
        for name in self.dataset_names:
            saddles = list(self._saddles(context, name, chosen[chosen["dataset"] == name]))
            if not saddles:
                raise ConfigError(
                    f"{self.reads[0]} has no certified saddle of {self.rung} units in a width of "
                    f"{self.width} on {name}; name a rung and a width of the ladder."
                )
            context.progress(f"leaving {len(saddles)} saddles on {name}")
            rows += self._leave(saddles)
        return {"times": pd.DataFrame(rows)}

    def _saddles(self, context: Context, name: str, points: pd.DataFrame) -> Iterator["_Saddle"]:
        import torch

        from unstuck.curvature.critical_points.ladder import TanhNetworks

        data = context.datasets[name]
        saddles = points[points["converged"] & (points["kind"] == "saddle")]
        for point in saddles.sort_values("seed").to_dict("records"):
            split = data.unit(point["seed"])
            networks = TanhNetworks.on(split, self.samples, point["weight_decay"])
            theta = torch.from_numpy(np.array(point["theta"], dtype=np.float64))
            problem = networks.problem(self.width, theta)
            gradient = float(problem.loss_and_gradient()[1].norm())
            if not gradient <= CRITICAL:
                raise DataError(
                    f"the point of seed {point['seed']} on {name} has gradient {gradient:.1g}; "
                    "give the samples that the ladder was made with."
                )
            values = np.array(point["eigenvalues"], dtype=np.float64)
            yield _Saddle(name, int(point["seed"]), problem, float(point["loss"]), values)

    def _leave(self, saddles: list["_Saddle"]) -> list[dict[str, Any]]:
        import torch

        from unstuck.curvature.critical_points.departure import descend_together

        members = [
            (saddle, momentum, rate, start)
            for saddle in saddles
            for start in STARTS
            for momentum, rate in (self.cases if start == STARTS[0] else self.cases[:1])
        ]

        def column(values: list[float]) -> "Tensor":
            return torch.tensor(values, dtype=torch.float64)

        runs = descend_together(
            [saddle.problem for saddle, *_ in members],
            starts=torch.stack([each.near(self.distance, start) for each, *_, start in members]),
            rates=column([rate / each.steepest for each, _, rate, _ in members]),
            thresholds=column([each.loss * (1 - FALL) for each, *_ in members]),
            momenta=column([momentum for _, momentum, *_ in members]),
            max_updates=self.max_updates,
        )
        return [
            {
                "dataset": saddle.dataset,
                "seed": saddle.seed,
                "momentum": momentum,
                "rate": rate,
                "start": start,
                "updates": float(updates),
                "budget": self.max_updates,
            }
            for (saddle, momentum, rate, start), updates in zip(
                members, runs.escaped_at, strict=True
            )
        ]


@dataclass(frozen=True)
class _Saddle:
    dataset: str
    seed: int
    problem: "Problem"
    loss: float
    values: np.ndarray  # eigenvalues of the Hessian, ascending

    @property
    def steepest(self) -> float:
        return float(np.abs(self.values).max())

    def near(self, distance: float, start: str) -> "Tensor":
        """Give the point at a distance in a random direction, one for each start."""
        import torch

        rng = np.random.default_rng([self.seed, STREAM, STARTS.index(start)])
        direction = rng.standard_normal(len(self.values))
        step = distance * direction / np.linalg.norm(direction)
        return self.problem.theta + torch.from_numpy(step)
