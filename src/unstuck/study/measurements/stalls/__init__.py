"""What stalled endpoints have come to, and why they get no further."""

from typing import TYPE_CHECKING, Any

import pandas as pd

from unstuck.statistics.stalling import CHANGE, change_at_end
from unstuck.study.measurements.base import CurvatureBase

if TYPE_CHECKING:
    from unstuck.curvature.problem import Problem
    from unstuck.data.dataset import Dataset
    from unstuck.study.endpoints import Endpoints, Progress
    from unstuck.study.measurements.stalls.search import Below
    from unstuck.training.spec import Recipe

NEAR = 0.1
"""Distance up to which a critical point is nearby, as a share of the run's path."""

BESIDE = 1e-3
"""Distance from a known point of the start of its search, as a share of the run's path."""

CONTROLS = 12
"""Seeds of which searches start beside known points."""

#: columns of a search (`search.nearest_point`)
SEARCHED = (
    *("kind", "start_loss", "start_gradient_norm", "end_loss", "end_gradient_norm"),
    *("distance", "flatness", "negative", "zero", "positive"),
)


class Stalls(CurvatureBase):
    """Endpoints that, if their loss has stalled, get a search for a critical point nearby."""

    columns = (
        *("path", "loss_change", "stalled", "initial_norm", "origin", *SEARCHED),
        *("minimum_kind", "minimum_loss", "minimum_distance", "minimum_gradient_norm"),
        "arrived_gradient_norm",
        *("curvature_along_gradient", "lambda_max", "batch_noise"),
        *("loss_same", "loss_cut", "cosine"),
    )

    def run(self, endpoints: "Endpoints", tolerance: float, progress: "Progress") -> pd.DataFrame:
        """Look for a critical point near every endpoint that has stalled, and let it go on.

        Returns
        -------
        stalls
            One row an endpoint, and for the first seeds one for each of two controls.
            path (number): Distance of the endpoint from the run's initial point.
            loss_change (number): Change of the training loss over the end of the run, as a share.
            stalled (boolean): Whether that means it has stalled.
            initial_norm (number): Norm of the gradient at the initial point.
            origin (string): Where the search started: the endpoint, or as controls beside a known
                saddle of the same loss or a known minimum.
            kind (string): What Newton's method found nearby: minimum, saddle, maximum, degenerate,
                gradient-flat, none, or not stalled where it did not look.
            start_loss, start_gradient_norm (number): Where the search started.
            end_loss, end_gradient_norm (number): Where it ended.
            distance (number): Distance from start to end.
            flatness (number): Share of the gradient that Newton's step leaves; above 0.9 the point
                is gradient-flat.
            negative, zero, positive (number, eigenvalues): Eigenvalues of that sign where it ended.
            minimum_kind (string): What descent leads to; empty without weight decay, where a
                minimum may lie at infinity.
            minimum_loss (number): Loss there.
            minimum_distance (number): Distance of it from the endpoint.
            minimum_gradient_norm (number): Norm of the gradient there, in the number format of the
                training.
            arrived_gradient_norm (number): Norm of the gradient of a run that was set down there
                and trained on by full batches.
            curvature_along_gradient (number): Second derivative of the loss along the gradient;
                like all that follows at constant rates alone.
            lambda_max (number): Largest eigenvalue of the Hessian.
            batch_noise (number): Mean squared distance of batches' gradients from the full
                gradient, over the squared norm of that.
            loss_same, loss_cut (number): Loss after the run went on at its rate, or at a tenth of
                it, on the same batches.
            cosine (number): Mean cosine between full gradients of successive updates at its rate.
        """
        from unstuck.study.measurements.stalls.search import (
            NOT_SEARCHED,
            Below,
            beside,
            beside_a_saddle,
            nearest_point,
        )
        from unstuck.training.engines.eager import DTYPES

        curves = dict(iter(endpoints.curves.groupby("run_id")))
        rows: list[dict[str, Any]] = []
        controlled: set[int] = set()
        going_on: dict[str, list[tuple[dict[str, Any], Problem, Below]]] = {}
        for row, problem in endpoints.problems(progress):
            seed = int(row["seed"])
            initial = problem.at(problem.network.initial(seed).to(problem.theta))
            path = float((problem.theta - initial.theta).norm())
            change = change_at_end(curves[row["run_id"]])
            run = row | {"path": path, "loss_change": change, "stalled": change < CHANGE}
            run["initial_norm"] = float(initial.gradient().norm())
            if not run["stalled"]:
                rows.append(run | {"origin": "endpoint"} | NOT_SEARCHED)
                continue
            found = run | {"origin": "endpoint"} | nearest_point(problem, tolerance, NEAR * path)
            rows.append(found)
            if not problem.weight_decay or problem.network.buffer_count:
                continue
            recipe = endpoints.cells[row["cell"]].run
            below = Below.of(problem, DTYPES[recipe.dtype])
            found |= below.described()
            if found["kind"] in ("none", "gradient-flat"):
                found |= below.nearby(NEAR * path)
            going_on.setdefault(row["cell"], []).append((found, problem, below))
            saddle = beside_a_saddle(problem, seed=seed, distance=BESIDE * path)
            if saddle is not None and seed not in controlled and len(controlled) < CONTROLS:
                controlled.add(seed)
                minimum = beside(below.problem, seed=seed, distance=BESIDE * path)
                for origin, start in (("known saddle", saddle), ("known minimum", minimum)):
                    rows.append(
                        run | {"origin": origin} | nearest_point(start, tolerance, NEAR * path)
                    )
        for cell, members in going_on.items():
            progress(f"{len(members)} stalled runs go on")
            _train_on(endpoints.cells[cell].run, members, endpoints.dataset)
        return pd.DataFrame(rows)


def _train_on(
    recipe: "Recipe", members: "list[tuple[dict[str, Any], Problem, Below]]", dataset: "Dataset"
) -> None:
    """Add to the rows of stalled runs of one recipe what becomes of them."""
    from unstuck.optim.schedules import SCHEDULES
    from unstuck.study.measurements.stalls.resumed import go_on, slope_and_curvature, stay

    found, problems, minima = (list(each) for each in zip(*members, strict=True))
    for row, more in zip(found, stay(recipe, found, minima, dataset), strict=True):
        row.update(more)
    if recipe.schedule != SCHEDULES["constant"]:
        return
    after = go_on(recipe, found, problems, dataset)
    for row, problem, more in zip(found, problems, after, strict=True):
        row.update(slope_and_curvature(problem, int(row["batch_size"])) | more)
