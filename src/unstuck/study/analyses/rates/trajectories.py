"""Paths of optimizers over analytic surfaces, from random starts, at every rate of a grid."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby
from typing import TYPE_CHECKING, Annotated, Any, Literal

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt

from unstuck.complaints import one_of, stopped
from unstuck.errors import ConfigError
from unstuck.optim.coefficients import OPTIMIZERS, Coefficients, optimizer
from unstuck.optim.quadratic import Optimum, best_descent, best_heavy_ball
from unstuck.optim.schedules import SCHEDULES
from unstuck.study.analyses.base import AnalysisBase, Context
from unstuck.study.analyses.rates.foretold import Foretold, foretold
from unstuck.study.fields import Section

if TYPE_CHECKING:
    from unstuck.data.spec import DatasetSpec
    from unstuck.surfaces.surface import Slope, Surface
    from unstuck.surfaces.valleys import Ellipse, Regression

STREAM = 7431
# a stretch is flat whose median step is so much shorter than at first
FLAT = 0.01
AXES = ("x", "y")
Span = tuple[float, float]


class SurfaceCase(Section):
    """A surface and where paths over it start."""

    surface: Literal["ellipse", "regression", "hill", "changing_steepness"] = Field(
        description="Which surface."
    )
    coefficients: dict[str, float] = Field(
        default_factory=dict,
        description="Coefficients of the surface that replace its defaults: condition and degrees "
        "(ellipse); barrier, centre, width, stiffness (hill); steep, gentle, goal, width "
        "(changing_steepness).",
    )
    box: tuple[Span, ...] = Field(
        min_length=1, max_length=2, description="Lowest and highest start along each axis."
    )
    updates: PositiveInt | None = Field(
        default=None, description="Updates of every path over it; those of the analysis by default."
    )

    def made(self, name: str) -> "Surface":
        """Give the surface.

        Raises
        ------
        ConfigError
            If a coefficient is unknown or wrong, or the box has the wrong number of axes.
        """
        from dataclasses import fields, replace

        from unstuck.surfaces.catalogue import SURFACES
        from unstuck.surfaces.hill import hill_with_barrier

        where = f"surfaces.{name}"
        given: dict[str, Any] = dict(self.coefficients)
        surface = SURFACES[self.surface]
        hill = self.surface == "hill" and "barrier" in given
        known = {each.name for each in fields(surface)} - {"x", "y"}  # type: ignore[arg-type]
        try:
            for key in given:
                if not (hill and key == "barrier"):
                    one_of(key, known, what="coefficient")
            if hill:
                surface = hill_with_barrier(given.pop("barrier"), **given)
            else:
                surface = replace(surface, **given)  # type: ignore[type-var]
        except (TypeError, ValueError) as error:
            raise ConfigError(stopped(f"{where}: {error}")) from error
        if len(self.box) != surface.dimension:
            raise ConfigError(
                f"{where}.box has {len(self.box)} axes; {self.surface} has {surface.dimension}."
            )
        return surface


class WalkerCase(Section):
    """An optimizer and the rates it is tried at."""

    optimizer: str = Field(description="A built-in optimizer.")
    coefficients: dict[str, bool | float | str] = Field(
        default_factory=dict, description="Fields of the optimizer that replace its defaults."
    )
    schedule: str = Field(default="constant", description="A built-in schedule.")
    rates: tuple[PositiveFloat, ...] = Field(min_length=1, description="Learning rates.")
    unit: Literal["absolute", "inverse_curvature", "optimal"] = Field(
        default="absolute",
        description="`inverse_curvature`: rates are multiples of 1 / the largest eigenvalue of the "
        "Hessian at the minimum. `optimal`, for sgd and momentum on a quadratic bowl: rates are "
        "multiples of the best one in closed form, and so is the momentum.",
    )
    surfaces: tuple[str, ...] = Field(
        default=(), description="Names of the surfaces it walks on; all by default."
    )

    def row(self) -> Coefficients:
        """Give its row of coefficients."""
        one_of(self.optimizer, OPTIMIZERS, what="optimizer")
        if self.unit == "optimal":
            one_of(self.optimizer, ("sgd", "momentum"), what="optimizer of unit: optimal")
        return optimizer(self.optimizer, **self.coefficients)


@dataclass(frozen=True)
class _Walker:
    """One path to walk."""

    surface: str
    walker: str
    rate: float  # as the config gives it
    lr: float
    seed: int
    row: Coefficients
    schedule: str
    start: tuple[float, ...]
    goal: tuple[float, ...]
    updates: int
    condition: float
    foretold: Foretold


class TrajectoriesAnalysis(AnalysisBase):
    """Paths of optimizers over surfaces: when they arrive, and how far they stray."""

    tables = ("walks",)

    surfaces: dict[str, SurfaceCase] = Field(min_length=1, description="Surfaces by name.")
    walkers: dict[str, WalkerCase] = Field(min_length=1, description="Optimizers by name.")
    updates: PositiveInt = Field(description="Updates of every path.")
    radius: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=0.01,
        description="Distance from the minimum that counts as arrived, as a share of the distance "
        "at the start.",
    )
    seeds: PositiveInt = Field(default=10, description="Starts, one for each of the first units.")
    flat_of: str | None = Field(
        default=None,
        description="The walker whose best rate among those with a flat stretch is marked, for all "
        "walkers.",
    )

    def check(self, datasets: Mapping[str, "DatasetSpec"]) -> None:
        """Refuse walkers that cannot walk."""
        if self.flat_of is not None:
            one_of(self.flat_of, self.walkers, what="flat_of")
        for name, case in self.walkers.items():
            try:
                case.row()
                one_of(case.schedule, SCHEDULES, what="schedule")
                for each in case.surfaces:
                    one_of(each, self.surfaces, what="surface")
            except (ConfigError, ValueError) as error:
                words = str(error).removesuffix(".")
                raise ValueError(f"walkers.{name}: {words}") from error

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Walk.

        Returns
        -------
        walks
            One row a surface, walker, rate and seed. Distances are shares of that at the start.
            Also: surface.
            walker (string): Name of the walker, an optimizer with its schedule.
            rate (number): Learning rate, in the walker's unit.
            lr (number): Learning rate.
            seed (integer): Number of the start.
            condition (number): Condition number of a quadratic bowl; none on other surfaces.
            arrived (number, updates): Updates until the walk came within the radius; none if it did
                not.
            settled (number, updates): Updates after which it stayed within the radius; none if it
                did not.
            foretold (number, updates): What a closed form foretells of the settling; none where
                none does.
            left (number): Distance from the minimum at the end.
            foretold_left (number): What a closed form foretells of that distance; none where none
                does.
            late (number): Largest distance over the last tenth of the updates.
            bursts (integer, bursts): Bursts on the way.
            visible_bursts (integer, bursts): Bursts that are visible.
            recovered (integer, bursts): Visible bursts that recover.
            flattest (number): Least median step of 1,000 updates over that of the first 1,000.
            turns (number): Share of the first steps that turn against the one before.
            diverged_at (number, updates): Update at which the walk diverged; none if it did not.
            updates (integer, updates): Updates made at most.
            end_x, end_y (number): Coordinate of the last point, of as many as the surface has.
            flat_best (boolean): Whether it is the rate at which `flat_of` arrives soonest
                (geometric mean, the budget where it does not) of those at which all its walks have
                steps below 1 % of the first.
        """
        made = {name: case.made(name) for name, case in sorted(self.surfaces.items())}
        walkers = list(self._walkers(made, context.units(self.seeds)))
        walks = []
        for surface, members in _populations(made, walkers):
            context.progress(f"walking {len(members)} paths")
            walks.append(self._walk(surface, members))
        keys = ["surface", "walker", "rate", "seed"]
        marked = self._marked(pd.concat(walks))
        return {"walks": marked.sort_values(keys, kind="stable", ignore_index=True)}

    def _marked(self, walks: pd.DataFrame) -> pd.DataFrame:
        """Add the column `flat_best`."""
        own = walks[walks["walker"] == self.flat_of]
        arrived = np.log(own["arrived"].fillna(own["updates"]).clip(lower=1))
        by_rate = own.assign(arrived=arrived).groupby(["surface", "rate"])
        rates = by_rate.agg(flattest=("flattest", "max"), arrived=("arrived", "mean"))
        flat = rates[rates["flattest"] < FLAT]
        best = flat.loc[flat.groupby("surface")["arrived"].idxmin()].reset_index()
        marked = walks["surface"].map(best.set_index("surface")["rate"]).eq(walks["rate"])
        return walks.assign(flat_best=marked)

    def _walkers(self, made: Mapping[str, "Surface"], seeds: range) -> Iterator[_Walker]:
        for name, case in sorted(self.walkers.items()):
            row = case.row()
            for place in sorted(case.surfaces or made):
                goal, steepest = _minimum(made[place])
                scale, fitted = 1 / steepest if case.unit == "inverse_curvature" else 1.0, row
                if case.unit == "optimal":
                    best = _optimum(made[place], case, f"walkers.{name} on {place}")
                    scale = best.rate
                    fitted = row.model_copy(update={"momentum": best.momentum})
                updates = self.surfaces[place].updates or self.updates
                bowl = _bowl(made[place])
                for rate in sorted(case.rates):
                    for seed in seeds:
                        start = _start(self.surfaces[place].box, seed)
                        yield _Walker(
                            surface=place,
                            walker=name,
                            rate=rate,
                            lr=rate * scale,
                            seed=seed,
                            row=fitted,
                            schedule=case.schedule,
                            start=start,
                            goal=goal,
                            updates=updates,
                            condition=bowl.condition if bowl else float("nan"),
                            foretold=foretold(
                                *(bowl, start, fitted, rate * scale),
                                updates=updates,
                                radius=self.radius,
                            )
                            if bowl and case.schedule == "constant"
                            else Foretold(),
                        )

    def _walk(self, surface: "Slope", members: list[_Walker]) -> pd.DataFrame:
        from unstuck.optim.survey import survey

        found = survey(
            surface,
            [member.start for member in members],
            [member.row for member in members],
            [member.lr for member in members],
            members[0].updates,
            goals=[member.goal for member in members],
            radius=self.radius,
            schedules=[SCHEDULES[member.schedule] for member in members],
        )
        goals = np.array([member.goal for member in members])
        scale = np.linalg.norm(np.array([member.start for member in members]) - goals, axis=1)
        with np.errstate(over="ignore", invalid="ignore"):
            left = np.linalg.norm(found.ends - goals, axis=1) / scale
        return pd.DataFrame(
            {
                **_labels(members),
                "condition": [member.condition for member in members],
                "arrived": found.arrived,
                "settled": found.settled,
                "foretold": [member.foretold.settled for member in members],
                # a point that is not finite has left for good
                "left": np.nan_to_num(left, nan=np.inf, posinf=np.inf),
                "foretold_left": [member.foretold.left for member in members],
                "late": found.late,
                "bursts": found.bursts,
                "visible_bursts": found.visible_bursts,
                "recovered": found.recovered,
                "flattest": found.flattest,
                "turns": found.turns,
                "diverged_at": found.diverged_at,
                "updates": members[0].updates,
                **{f"end_{axis}": end for axis, end in zip(AXES, found.ends.T, strict=False)},
            }
        )


def _labels(members: list[_Walker]) -> dict[str, list[Any]]:
    names = ("surface", "walker", "rate", "lr", "seed")
    return {name: [getattr(member, name) for member in members] for name in names}


def _populations(
    made: Mapping[str, "Surface"], walkers: list[_Walker]
) -> Iterator[tuple["Slope", list[_Walker]]]:
    """Give surfaces with their walkers, equal rows of coefficients next to each other.

    Quadratic bowls of equal budgets make up one population: an update costs much the same for few
    or many.
    """
    from unstuck.surfaces.bowls import Bowls

    def order(walker: _Walker) -> str:
        return walker.row.model_dump_json()

    bowls = {name: bowl for name, each in made.items() if (bowl := _bowl(each))}
    on_bowls = sorted((each for each in walkers if each.surface in bowls), key=order)
    for updates in sorted({each.updates for each in on_bowls}):
        together = [each for each in on_bowls if each.updates == updates]
        yield Bowls(tuple(bowls[each.surface] for each in together)), together
    others = sorted(
        (each for each in walkers if each.surface not in bowls), key=lambda each: each.surface
    )
    for name, members in groupby(others, key=lambda each: each.surface):
        yield made[name], sorted(members, key=order)


def _minimum(surface: "Surface") -> tuple[tuple[float, ...], float]:
    """Give the lowest point of a surface, and its largest curvature there."""
    import torch

    point = surface.critical_points()[0].point
    hessian = surface.hessian(torch.tensor(point, dtype=torch.float64))
    return point, float(torch.linalg.eigvalsh(hessian)[-1])


def _optimum(surface: "Surface", case: WalkerCase, where: str) -> Optimum:
    """Give the best coefficients of gradient descent, or of the heavy ball, on a bowl."""
    bowl = _bowl(surface)
    if bowl is None:
        raise ConfigError(f"{where}: unit: optimal needs a surface of kind ellipse or regression.")
    best = best_descent if case.optimizer == "sgd" else best_heavy_ball
    return best(*bowl.curvatures)


def _bowl(surface: "Surface") -> "Ellipse | Regression | None":
    """Give a surface as the quadratic bowl that it is, or nothing."""
    from unstuck.surfaces.valleys import Ellipse, Regression

    return surface if isinstance(surface, Ellipse | Regression) else None


def _start(box: tuple[Span, ...], seed: int) -> tuple[float, ...]:
    rng = np.random.default_rng([seed, STREAM])
    return tuple(float(rng.uniform(low, high)) for low, high in box)
