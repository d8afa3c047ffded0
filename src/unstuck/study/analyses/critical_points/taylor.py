"""Remainders of the Taylor expansion at initial points, endpoints and critical points."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from unstuck.study.analyses.base import AnalysisBase, Context, Seen
from unstuck.study.analyses.case import Case
from unstuck.study.fields import Samples

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.curvature.problem import Problem

STREAM = 7401
# small radii for the low orders, whose remainders rounding hardly touches, and larger ones where
# that of the second order rises above rounding
EXPONENTS = (-10.0, -9.0, -8.0, -5.5, -5.0, -4.5, -4.0)
# more of them along the direction that is shown
SHOWN = (*EXPONENTS, -7.0, -6.0, -3.0, -2.0, -1.0, 0.0)
ACROSS = "across the kink"
# iterations of L-BFGS before Newton's method, to the minimum
DESCENT = 300
# radii at which the quadratic is asked for so much of the change of the loss, along few directions
REACHES, HELD, REACHED = np.geomspace(1e-4, 10, 31), 0.9, ("random 0", "random 1", "random 2")


class TaylorCase(Case):
    """A network, its data and its loss, with the points where the loss is expanded."""

    points: tuple[Literal["initial", "endpoint", "critical", "kink"], ...] = Field(
        default=("initial", "endpoint", "critical"),
        description="Where to expand; `kink`: the initial point moved so that the input of the "
        "first hidden unit is exactly 0 on the first sample.",
    )

    @model_validator(mode="after")
    def _kinks_are_of_relu(self) -> Self:
        if "kink" in self.points and (self.network.kind, self.network.activation) != (
            "dense",
            "relu",
        ):
            raise ValueError(
                f"only a dense ReLU network has a kink to stand on, not a {self.network.kind} "
                f"{self.network.activation} one"
            )
        return self


class TaylorAnalysis(AnalysisBase):
    """Remainders of the loss after its terms of order 0, 1 and 2, against the radius.

    The first unit decides samples, initial weights and directions.
    """

    tables = ("remainders", "controls", "reach")

    cases: dict[str, TaylorCase] = Field(min_length=1, description="Networks by name.")
    samples: Samples = 64
    updates: PositiveInt = Field(
        default=100, description="Updates of gradient descent from the initial point to endpoint."
    )
    rate: PositiveFloat = Field(default=0.3, description="Learning rate of those updates.")
    directions: PositiveInt = Field(
        default=20, description="Random directions, besides the two extreme eigenvectors."
    )

    @property
    def seen(self) -> list[Seen]:
        """What its networks see."""
        return [case.seen for case in self.cases.values()]

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Expand the loss of every case at every point.

        Returns
        -------
        remainders
            One row a case, point, direction, order and radius.
            Also: dataset.
            radius (number): Length of the step, or distance from the point.
            case (string): Name of the case.
            point (string): Where the loss is expanded: initial, endpoint, critical, or on a kink.
            activation (string): Non-linearity of the hidden layers.
            direction (string): Direction: random, an extreme eigenvector, or across the kink.
            shown (boolean): Whether the row is at one of the radii of the figure.
            order (integer): Last order of the expansion that is taken off.
            remainder (number): Change of the loss that the expansion leaves.
            rounding (number): Estimated rounding error of the remainder.
            slope (number): First derivative of the loss along the direction.
            curvature (number): Second derivative of the loss along the direction.
        controls
            As the remainders, of what is known.
            Also: case, direction, radius, remainder, rounding.
            control (string): The cubic r³ + 2r² − r after its term of second order, or expansions
                from the initial points with half the Hessian, which is too little.
        reach
            One row a case, point and direction.
            Also: case, point, dataset, activation, direction.
            radius (number): Largest radius up to which the quadratic gives at least 90 % of the
                change of the loss; 0 where it never does.
        """
        remainders, reach = [], []
        for name, case in self.cases.items():
            context.progress(f"expanding the loss of {name}")
            for place, problem in self._points(case, context):
                label = {"case": name, "point": place, "dataset": case.dataset}
                label |= {"activation": case.network.activation}
                directions = self._directions(problem, context.first_unit)
                if place == "kink":
                    directions[ACROSS] = _across(problem)
                for direction, vector in directions.items():
                    shown = direction == (ACROSS if place == "kink" else "random 0")
                    rows = _rows(problem, vector, SHOWN if shown else EXPONENTS)
                    walked = {"direction": direction, "shown": shown}
                    remainders += [label | walked | row for row in rows]
                    if direction in (*REACHED, "lowest", "highest"):
                        reached = {"direction": direction, "radius": _reach(problem, vector)}
                        reach.append(label | reached)
        found = pd.DataFrame(remainders)
        return {
            "remainders": found,
            "controls": pd.concat([_cubic(), _half(found)], ignore_index=True),
            "reach": pd.DataFrame(reach),
        }

    def _points(self, case: TaylorCase, context: Context) -> Iterator[tuple[str, "Problem"]]:
        from unstuck.curvature.critical_points.polishing import polish

        initial = case.problem(context, samples=self.samples, seed=context.first_unit)
        theta = initial.theta
        for _ in range(self.updates):
            theta = theta - self.rate * initial.at(theta).gradient()
        endpoint = initial.at(theta)
        for place in case.points:
            if place == "initial":
                yield place, initial
            elif place == "endpoint":
                yield place, endpoint
            elif place == "critical":
                point = polish(endpoint, lbfgs_iterations=DESCENT)
                yield place, endpoint.at(point.theta)
            else:
                yield place, initial.at(_on_a_kink(initial))

    def _directions(self, problem: "Problem", unit: int) -> dict[str, "Tensor"]:
        """Give the directions ``[P]`` to walk from a point."""
        import torch

        from unstuck.curvature.hessian import dense

        _, vectors = torch.linalg.eigh(dense.hessian(problem))
        rng = np.random.default_rng([unit, STREAM])
        directions = {
            f"random {number}": torch.from_numpy(rng.standard_normal(len(vectors)))
            for number in range(self.directions)
        }
        return directions | {"lowest": vectors[:, 0], "highest": vectors[:, -1]}


def _rows(
    problem: "Problem", direction: "Tensor", exponents: tuple[float, ...]
) -> Iterator[dict[str, Any]]:
    from unstuck.curvature.taylor import remainders

    found = remainders(problem, direction, radii=10.0 ** np.array(sorted(exponents)))
    for order in range(3):
        for index, radius in enumerate(found.radii):
            yield {
                "order": order,
                "radius": float(radius),
                "remainder": float(found.remainders[order, index]),
                "rounding": float(found.floor[order, index]),
                "slope": found.gradient,
                "curvature": found.curvature,
            }


def _cubic() -> pd.DataFrame:
    """Expand a cubic, whose remainder after the second order is the cube of the radius."""
    import torch

    from unstuck.curvature.objective import Surface
    from unstuck.curvature.taylor import remainders

    cubic = Surface(
        function=lambda t: t[0] ** 3 + 2 * t[0] ** 2 - t[0],
        theta=torch.zeros(1, dtype=torch.float64),
    )
    found = remainders(cubic, torch.ones(1, dtype=torch.float64), radii=np.logspace(-4, -2, 5))
    return pd.DataFrame(
        {
            "control": "cubic",
            "case": "r³ + 2r² − r",
            "direction": "up",
            "radius": found.radii,
            "remainder": found.remainders[2],
            "rounding": found.floor[2],
        }
    )


def _half(remainders: pd.DataFrame) -> pd.DataFrame:
    """Give what an expansion by half the Hessian leaves, where that is most wrong."""
    part = remainders[(remainders["direction"] == "highest") & (remainders["point"] == "initial")]
    part = part[part["order"] == 2]
    left = part["remainder"] + 0.25 * part["radius"] ** 2 * part["curvature"]
    columns = ["control", "case", "direction", "radius", "remainder", "rounding"]
    return part.assign(control="half the Hessian", remainder=left)[columns]


def _reach(problem: "Problem", direction: "Tensor") -> float:
    """Give the radius up to which the quadratic holds along a direction."""
    unit = direction / direction.norm()
    loss, gradient = problem.loss_and_gradient()
    slope, curvature = float(gradient @ unit), float(problem.hessian_product(unit) @ unit)
    held = 0.0
    for radius in REACHES:
        change = problem.at(problem.theta + radius * unit).value() - loss
        quadratic = radius * slope + 0.5 * radius**2 * curvature
        if not abs(change - quadratic) <= (1 - HELD) * abs(change):
            break
        held = float(radius)
    return held


def _on_a_kink(problem: "Problem") -> "Tensor":
    """Move the bias of the first hidden unit so that its input is 0 on the first sample."""
    weight, bias = problem.network.layout[:2]
    theta = problem.theta.clone()
    column = theta[weight.start : weight.stop].view(weight.shape)[:, 0]
    theta[bias.start] = -(problem.x[0].flatten() @ column)
    return theta


def _across(problem: "Problem") -> "Tensor":
    """Give the way along the first hidden unit's bias on which the gradient jumps.

    The gradient at the kink itself is that of one of its two sides.
    """
    import torch

    direction = torch.zeros_like(problem.theta)
    direction[problem.network.layout[1].start] = 1
    here = problem.gradient()
    jumps = [
        float((problem.at(problem.theta + way * 1e-6 * direction).gradient() - here).norm())
        for way in (1, -1)
    ]
    return direction if jumps[0] > jumps[1] else -direction
