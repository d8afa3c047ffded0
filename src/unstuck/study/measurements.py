"""What is measured at endpoints: exact spectra, audits, critical points nearby, and the like."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from unstuck.curvature.hessian import dense
from unstuck.curvature.problem import Problem
from unstuck.curvature.spectra.spectrum import Spectrum, spectrum_of
from unstuck.data.dataset import Dataset
from unstuck.errors import ConfigError
from unstuck.optim.schedules import SCHEDULES
from unstuck.study.endpoints import Endpoints, Progress
from unstuck.study.moved import moved_tests
from unstuck.study.resumed import go_on, slope_and_curvature, stay
from unstuck.study.sharpness import rescaled, sharpness_of
from unstuck.study.stalls import (
    BESIDE,
    CHANGE,
    CONTROLS,
    NEAR,
    NOT_SEARCHED,
    Below,
    beside,
    beside_a_saddle,
    change_at_end,
    nearest_point,
)
from unstuck.training.loop import network_of
from unstuck.training.measure import Measure, Part
from unstuck.training.spec import Recipe
from unstuck.training.state import DTYPES

#: tolerances of the audit, relative to the largest absolute eigenvalue
AUDIT_TOLERANCES = (0.0, 1e-8, 1e-7, 1e-6, 1e-5, 1e-4)
#: samples of the audit's rank-deficient matrix
FEW = 16
AUDIT_PRECISIONS = {"float64": torch.float64, "float32": torch.float32}


def measure_spectra(endpoints: Endpoints, tolerance: float, progress: Progress) -> pd.DataFrame:
    """Exact Hessian spectrum of the full-batch training loss at every endpoint.

    Parameters
    ----------
    endpoints
        What to measure. Batch normalisation is in training mode over the whole training part.
    tolerance
        Eigenvalues below this share of the largest absolute one count as zero.
    progress
        Takes a line per endpoint.

    Returns
    -------
    One row an endpoint: the row of the run, loss and gradient norm in float64, the extreme
    eigenvalues and the trace, the inertia with its tolerance and gap, the minimum ratio (share of
    positive eigenvalues), and all eigenvalues, ascending.
    """
    rows = []
    for row, problem in endpoints.problems(progress):
        loss, gradient = problem.loss_and_gradient()
        spectrum = spectrum_of(dense.hessian(problem))
        inertia = spectrum.inertia(tolerance)
        rows.append(
            row
            | {
                "train_loss": loss,
                "gradient_norm": float(gradient.norm()),
                "lambda_max": spectrum.lambda_max,
                "lambda_min": spectrum.lambda_min,
                "trace": spectrum.trace,
                "negative": inertia.negative,
                "zero": inertia.zero,
                "positive": inertia.positive,
                "minimum_ratio": inertia.minimum_ratio,
                "tolerance": tolerance,
                "absolute_tolerance": inertia.tolerance,
                "gap": inertia.gap,
                "certain": inertia.certain,
                "eigenvalues": spectrum.eigenvalues,
            }
        )
    return pd.DataFrame(rows)


def audit_minimum_ratios(
    endpoints: Endpoints, tolerance: float, progress: Progress
) -> pd.DataFrame:
    """Minimum ratio of every endpoint by matrix, number format and tolerance.

    Returns
    -------
    One row an endpoint, matrix (hessian, gauss_newton, both by layer, and the Gauss-Newton matrix
    of the first `FEW` samples, whose rank is at most that times the classes), layer (`all` for the
    whole matrix), dtype and relative tolerance, with the counts of signs. `tolerance` is the
    study's own, taken in besides those of `AUDIT_TOLERANCES`.
    """
    tolerances = sorted({*AUDIT_TOLERANCES, tolerance})
    rows = []
    for row, problem in endpoints.problems(progress):
        for dtype, precision in AUDIT_PRECISIONS.items():
            for matrix, layer, spectrum in _audited_spectra(problem.to(precision)):
                for relative in tolerances:
                    inertia = spectrum.inertia(relative)
                    rows.append(
                        row
                        | {
                            "matrix": matrix,
                            "layer": layer,
                            "dtype": dtype,
                            "tolerance": relative,
                            "negative": inertia.negative,
                            "zero": inertia.zero,
                            "positive": inertia.positive,
                            "size": inertia.size,
                            "minimum_ratio": inertia.minimum_ratio,
                        }
                    )
    return pd.DataFrame(rows)


def search_stalls(endpoints: Endpoints, tolerance: float, progress: Progress) -> pd.DataFrame:
    """Look for a critical point near every endpoint whose loss has stalled, and let it go on.

    Returns
    -------
    One row an endpoint (`origin`): the row of the run, how far the run had come from its initial
    point (`path`), the gradient norm there (`initial_norm`), the change of the loss at the end,
    whether that means it has stalled, and what Newton's method found from there
    (`unstuck.study.stalls.nearest_point`). With weight decay, without which a minimum may lie at
    infinity: the minimum below (`Below`, `stay`), which counts as found where Newton's method
    missed it though it is nearby; and, at a constant rate, what became of the run as it went on
    (`slope_and_curvature`, `go_on`). As controls, for each of `CONTROLS` seeds, a row for a search
    that starts beside a known saddle of the same loss and one beside a minimum.
    """
    curves = dict(iter(endpoints.curves.groupby("run_id")))
    rows: list[dict[str, Any]] = []
    controlled: set[int] = set()
    stalled: dict[str, list[tuple[dict[str, Any], Problem, Below]]] = {}
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
        stalled.setdefault(row["cell"], []).append((found, problem, below))
        saddle = beside_a_saddle(problem, seed=seed, distance=BESIDE * path)
        if saddle is not None and seed not in controlled and len(controlled) < CONTROLS:
            controlled.add(seed)
            minimum = beside(below.problem, seed=seed, distance=BESIDE * path)
            for origin, start in (("known saddle", saddle), ("known minimum", minimum)):
                rows.append(run | {"origin": origin} | nearest_point(start, tolerance, NEAR * path))
    for cell, members in stalled.items():
        progress(f"{len(members)} stalled runs go on")
        _train_on(endpoints.cells[cell].run, members, endpoints.dataset)
    return pd.DataFrame(rows)


def _train_on(
    recipe: Recipe, members: list[tuple[dict[str, Any], Problem, Below]], dataset: Dataset
) -> None:
    """Add to the rows of stalled runs of one recipe what becomes of them."""
    found, problems, minima = (list(each) for each in zip(*members, strict=True))
    for row, more in zip(found, stay(recipe, found, minima, dataset), strict=True):
        row.update(more)
    if recipe.schedule != SCHEDULES["constant"]:
        return
    after = go_on(recipe, found, problems, dataset)
    for row, problem, more in zip(found, problems, after, strict=True):
        row.update(slope_and_curvature(problem, int(row["batch_size"])) | more)


def measure_places(endpoints: Endpoints, tolerance: float, progress: Progress) -> pd.DataFrame:
    """Test every endpoint with the patterns moved from where they were in training.

    Returns
    -------
    One row an endpoint and distance: the row of the run, the distance of the test patterns from the
    place of the training patterns (`distance`, in samples along the last axis), and the accuracy
    there. `tolerance` is not used.
    """
    moved = list(moved_tests(endpoints.dataset))
    rows = []
    for number, row in enumerate(endpoints.rows.to_dict("records"), start=1):
        progress(f"endpoint {number} of {len(endpoints.rows)}: run {row['run_id']}")
        recipe = endpoints.cells[row["cell"]].run
        data = endpoints.dataset
        network = network_of(recipe, data)
        theta = torch.from_numpy(endpoints.theta[row["run_id"]]).unsqueeze(0)
        buffers = endpoints.buffers_of(row["run_id"])
        held = theta[:, :0] if buffers is None else buffers.to(theta).unsqueeze(0)
        measure = Measure(network, recipe.loss)
        y = recipe.labels(data.y_test, data.classes)
        labelled = {str(key): value for key, value in row.items()}
        for distance, x in moved:
            part = Part(torch.from_numpy(x).to(theta), torch.from_numpy(y))
            _, accuracy = measure.loss_and_accuracy(theta, held, part)
            rows.append(labelled | {"distance": distance, "accuracy": float(accuracy[0])})
    return pd.DataFrame(rows)


def tabulate_filters(endpoints: Endpoints, tolerance: float, progress: Progress) -> pd.DataFrame:
    """Tabulate the shared filters of the first layer of every endpoint.

    Returns
    -------
    One row an endpoint, filter, input channel and element of the kernel (row, column; row 0 in one
    dimension): the row of the run, and the weight. `tolerance` is not used.

    Raises
    ------
    ConfigError
        If a network has no shared filters.
    """
    rows = []
    for row in endpoints.rows.to_dict("records"):
        recipe, data = endpoints.cells[row["cell"]].run, endpoints.dataset
        if recipe.network.kind not in ("conv1d", "conv2d"):
            raise ConfigError(
                f"filters: a network of kind {recipe.network.kind!r} has no shared filters; "
                "name networks of kind conv1d or conv2d in `where`."
            )
        slot = network_of(recipe, data).layout[0]
        kernels = endpoints.theta[row["run_id"]][slot.start : slot.stop].reshape(slot.shape)
        for (*offset, channel, number), weight in np.ndenumerate(kernels):
            element = {"row": offset[-2] if len(offset) > 1 else 0, "column": offset[-1]}
            of_filter = {"filter": number, "input": channel, **element, "weight": float(weight)}
            rows.append({str(key): value for key, value in row.items()} | of_filter)
    progress(f"{len(rows)} weights of filters")
    return pd.DataFrame(rows)


def measure_sharpness(endpoints: Endpoints, tolerance: float, progress: Progress) -> pd.DataFrame:
    """Measure the sharpness of the full-batch training loss at every endpoint.

    Returns
    -------
    One row an endpoint with `factor` 1: the row of the run, largest eigenvalue, trace with its
    standard error, and rise of the loss (`unstuck.study.sharpness.sharpness_of`). For seed 0 also
    one for each factor by which a layer is multiplied and the next one divided, with the largest
    eigenvalue and the largest relative change of an output. `tolerance` is not used.
    """
    rows = []
    for row, problem in endpoints.problems(progress):
        seed = int(row["seed"])
        rows.append(row | {"factor": 1.0, "output_change": 0.0} | sharpness_of(problem, seed))
        if seed == 0:
            rows += [row | found for found in rescaled(problem, seed)]
    return pd.DataFrame(rows)


MEASUREMENTS = {
    "sharpness": measure_sharpness,
    "filters": tabulate_filters,
    "places": measure_places,
    "spectra": measure_spectra,
    "audit": audit_minimum_ratios,
    "stalls": search_stalls,
}


def _audited_spectra(problem: Problem) -> Iterator[tuple[str, str, Spectrum]]:
    matrices: dict[str, Tensor] = {
        "hessian": dense.hessian(problem),
        "gauss_newton": dense.gauss_newton(problem),
    }
    for name, matrix in matrices.items():
        yield name, "all", spectrum_of(matrix)
        for block in dense.layer_blocks(problem, matrix):
            yield f"{name} by layer", block.name, spectrum_of(block.matrix)
    few = replace(problem, x=problem.x[:FEW], y=problem.y[:FEW], check=False)
    yield f"gauss_newton of {FEW} samples", "all", spectrum_of(dense.gauss_newton(few))
