"""Random probes around certified critical points: whether the loss goes up, down or both ways."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt

from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.base import AnalysisBase, Context, Seen
from unstuck.study.analyses.case import Case
from unstuck.study.analyses.critical_points.signs import (
    ROUNDING,
    by_tolerance,
    said_by_signs,
    seen_by_probes,
)
from unstuck.study.fields import Samples, Section, Tolerance

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.curvature.problem import Problem

STREAM = 7402
#: points that the loss is computed at side by side
CHUNK = 100


class LadderCase(Section):
    """Critical points of every index: minima of narrow networks, padded with idle units."""

    dataset: str = Field(description="A name from `datasets`.")
    width: PositiveInt = Field(default=4, description="Hidden tanh units of the wide network.")
    weight_decay: PositiveFloat = Field(default=0.01, description="Coefficient of |theta|^2 / 2.")


class ProbesAnalysis(AnalysisBase):
    """Changes of the loss from critical points along random directions and eigenvectors.

    The first unit decides samples, initial weights and directions.
    """

    tables = ("points", "tolerances")

    minima: dict[str, Case] = Field(
        default_factory=dict, description="Networks whose loss is polished to a minimum, by name."
    )
    ladders: dict[str, LadderCase] = Field(
        default_factory=dict, description="Networks with saddles of known make, by name."
    )
    samples: Samples = 128
    probes: PositiveInt = Field(default=1000, description="Random directions a point.")
    radius: PositiveFloat = Field(default=1e-3, description="Length of a step.")
    tolerance: Tolerance = 1e-8

    @property
    def seen(self) -> list[Seen]:
        """What its networks see."""
        ladders = [Seen(each.dataset, NetworkSpec()) for each in self.ladders.values()]
        return [*ladders, *(case.seen for case in self.minima.values())]

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Certify the points, and take one step in every direction from each.

        Returns
        -------
        points
            One row a point.
            Also: point, parameters, kind, loss, gradient_norm, negative, zero, positive, tolerance,
                gap, lambda_min, lambda_max, radius, said, seen, silent, down, up.
            certain (boolean): Whether rounding cannot change the signs.
            critical (boolean): Whether the point is certified as critical.
            wrong (boolean): Whether what the signs say is wrong.
        tolerances
            One row a point and tolerance.
            Also: point, negative, zero, positive, silent.
            tolerance (number): Share of the largest absolute eigenvalue up to which one counts as
                zero.
        """
        points, tolerances = [], []
        for number, (name, problem) in enumerate(self._problems(context)):
            context.progress(f"probing the loss around {name}")
            certificate, values, directions = self._certified(problem, context.first_unit, number)
            changes = {
                direction: _changes(problem, self.radius * vectors)
                for direction, vectors in directions.items()
            }
            points.append({"point": name} | certificate | _seen(certificate, changes))
            tolerances += [{"point": name} | row for row in by_tolerance(values)]
        return {"points": pd.DataFrame(points), "tolerances": pd.DataFrame(tolerances)}

    def _problems(self, context: Context) -> Iterator[tuple[str, "Problem"]]:
        from unstuck.curvature.critical_points.ladder import TanhNetworks
        from unstuck.curvature.critical_points.polishing import polish

        for name, each in self.ladders.items():
            data = context.datasets[each.dataset].unit(context.first_unit)
            networks = TanhNetworks.on(data, self.samples, each.weight_decay)
            lowest = polish(networks.without_units()).theta
            minima = networks.minima(lowest, each.width, context.first_unit)
            for units, narrow in enumerate(minima):
                theta = networks.padded(narrow, units, each.width)
                yield (
                    f"{name}, {units} of {each.width} units",
                    networks.problem(each.width, theta),
                )
        for name, case in self.minima.items():
            problem = case.problem(context, samples=self.samples, seed=context.first_unit)
            yield name, problem.at(polish(problem, lbfgs_iterations=500).theta)

    def _certified(
        self, problem: "Problem", unit: int, number: int
    ) -> tuple[dict[str, Any], np.ndarray, dict[str, "Tensor"]]:
        """Give the certificate, the eigenvalues ``[P]`` and the directions ``[M, P]``."""
        import torch

        from unstuck.curvature.critical_points.certificate import certify
        from unstuck.curvature.hessian import dense

        certificate = certify(problem, relative_tolerance=self.tolerance)
        inertia = certificate.inertia
        values, vectors = torch.linalg.eigh(dense.hessian(problem))
        rng = np.random.default_rng([unit, STREAM, number])
        random = torch.from_numpy(rng.standard_normal((self.probes, len(values))))
        directions = {
            "random": random / random.norm(dim=1, keepdim=True),
            "lowest": vectors.mT[:1],
            "highest": vectors.mT[-1:],
        }
        described = {
            "parameters": problem.parameter_count,
            "kind": certificate.kind,
            "loss": certificate.loss,
            "gradient_norm": certificate.gradient_norm,
            **inertia.counts,
            "tolerance": inertia.tolerance,
            "gap": inertia.gap,
            "certain": inertia.certain,
            "critical": certificate.converged,
            "lambda_min": float(values[0]),
            "lambda_max": float(values[-1]),
            "radius": self.radius,
        }
        return described, values.numpy(), directions


def _seen(certificate: dict[str, Any], changes: dict[str, list[float]]) -> dict[str, Any]:
    """Hold what the signs say against what the steps from a point see."""
    said = said_by_signs(*(certificate[name] for name in ("negative", "zero", "positive")))
    bound = ROUNDING * max(1.0, abs(certificate["loss"]))
    random = np.array(changes["random"])
    lowest, highest = changes["lowest"][0], changes["highest"][0]
    down, up = int((random < -bound).sum()), int((random > bound).sum())
    seen = seen_by_probes(down + (lowest < -bound), up + (highest > bound))
    return {
        "said": said,
        "seen": seen,
        "silent": said == "silent",
        "wrong": said not in ("silent", seen),
        "down": down,
        "up": up,
    }


def _changes(problem: "Problem", steps: "Tensor") -> list[float]:
    """Give the change of the loss over each of ``steps`` ``[M, P]``, many networks at once."""
    import torch

    network, decay = problem.network, problem.weight_decay
    changes: list[float] = []
    here: Tensor | None = None
    for part in torch.split(torch.cat([torch.zeros_like(steps[:1]), steps]), CHUNK):
        theta = problem.theta + part
        loss = network.loss_and_correct(
            theta,
            problem.x.unsqueeze(0),
            problem.y.unsqueeze(0).expand(len(theta), -1),
            problem.loss,
            problem.buffers_of(len(theta)),
            problem.training,
        )[0]
        # decay's own change, written so that no digit is lost
        rise = decay * (part @ problem.theta + 0.5 * part.square().sum(1))
        here = loss[:1] if here is None else here
        changes += (loss - here + rise).tolist()
    return changes[1:]
