"""Stalled runs that go on: at their rate, at a tenth of it, from a minimum."""

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from unstuck.curvature.hessian import dense
from unstuck.curvature.problem import Problem
from unstuck.data.dataset import Dataset
from unstuck.optim.schedules import SCHEDULES
from unstuck.statistics.stalling import WINDOW
from unstuck.study.measurements.stalls.search import Below
from unstuck.training.engines.choice import choose
from unstuck.training.engines.eager import DTYPES
from unstuck.training.loop import batches_of, network_of, part_of
from unstuck.training.spec import Recipe, RunSpec

CUT = 0.1
"""Factor of the rate in the arm that cuts it."""

TURNS = 8
"""Updates over which the gradients of successive updates are compared."""

ARRIVED = 100
"""Updates of a run that is set down at a minimum."""


def resume(
    runs: Sequence[RunSpec], theta: Tensor, dataset: Dataset, stops: Sequence[int]
) -> list[Tensor]:
    """Train on from given parameters, and give the parameters at some updates.

    What an optimizer remembers starts anew, and the batches are those of the runs' seeds from the
    first epoch on. The networks must be without running statistics.

    Parameters
    ----------
    runs
        Runs that differ in optimizer, schedule, rate and seed only; a schedule is taken over the
        last of the `stops`.
    theta
        Where each of them starts, ``[K, P]``.
    dataset
        What they train on, each on the split of its seed.
    stops
        Counts of updates, ascending.

    Returns
    -------
    Parameters ``[K, P]`` in float64, one for each of the `stops`.
    """
    run, seeds = runs[0], [each.seed for each in runs]
    train = part_of(run, dataset, "train", seeds).to(theta.device)
    network = network_of(run, dataset)
    batches = batches_of(run, train, seeds)
    engine = choose("auto", network, runs, train, batches, stops[-1], theta.device)
    engine.put(theta.cpu().numpy(), engine.buffers)
    reached = []
    for stop in stops:
        if stop > engine.update:
            engine.run(stop - engine.update)
        reached.append(torch.from_numpy(engine.theta.astype(np.float64)).to(theta.device))
    return reached


def slope_and_curvature(problem: Problem, batch: int) -> dict[str, float]:
    """Describe the place of an endpoint.

    Returns
    -------
    The curvature along the gradient, g'Hg / |g|^2, the largest eigenvalue, and the noise of batches
    of that size, mean |g_B - g|^2 / |g|^2 over batches that partition the samples in their order.
    """
    gradient, hessian = problem.gradient(), dense.hessian(problem)
    size = float(gradient @ gradient)
    noise = 0.0
    if batch < problem.samples:
        parts = [slice(first, first + batch) for first in range(0, problem.samples, batch)]
        batches = [
            replace(problem, x=problem.x[part], y=problem.y[part], check=False).gradient()
            for part in parts
        ]
        noise = float(np.mean([float((g - gradient).square().sum()) for g in batches]))
    return {
        "curvature_along_gradient": float(gradient @ hessian @ gradient) / size,
        "lambda_max": float(torch.linalg.eigvalsh(hessian)[-1]),
        "batch_noise": noise / size,
    }


def go_on(
    recipe: Recipe, rows: Sequence[Mapping[str, Any]], problems: Sequence[Problem], data: Dataset
) -> list[dict[str, float]]:
    """Let stalled runs of one constant rate go on for as long as they have stalled.

    At the same rate, and at a tenth of it, on the same batches. The loss is that of the whole
    training part, decay included.

    Returns
    -------
    One mapping a run: the loss at the end of each arm, and the mean cosine between the full
    gradients of successive updates at the same rate.
    """
    window = round(WINDOW * rows[0]["updates"])
    stops = sorted({*range(TURNS + 1), window})
    theta = torch.stack([problem.theta for problem in problems])
    arms = {}
    for name, factor in (("same", 1), ("cut", CUT)):
        runs = [recipe.at(factor * row["lr"], int(row["seed"])) for row in rows]
        arms[name] = resume(runs, theta, data, stops)
    described = []
    for member, problem in enumerate(problems):
        same = [problem.at(reached[member]).gradient() for reached in arms["same"][: TURNS + 1]]
        turns = [_cosine(one, two) for one, two in itertools.pairwise(same)]
        ends = {name: reached[stops.index(window)][member] for name, reached in arms.items()}
        described.append(
            {f"loss_{name}": problem.at(end).value() for name, end in ends.items()}
            | {"cosine": float(np.mean(turns))}
        )
    return described


def stay(
    recipe: Recipe, rows: Sequence[Mapping[str, Any]], minima: Sequence[Below], data: Dataset
) -> list[dict[str, Any]]:
    """Set runs down at minima and train on by full batches, at the rate 1 / lambda_max.

    Returns
    -------
    One mapping a run: the gradient norm after `ARRIVED` updates, which is that of a run which has
    come to a critical point as near as its number format allows.
    """
    plain = {"batch_size": "full", "schedule": SCHEDULES["constant"]}
    runs: list[RunSpec] = [
        recipe.model_copy(update=plain).at(1 / below.lambda_max, int(row["seed"]))
        for row, below in zip(rows, minima, strict=True)
    ]
    theta = torch.stack([below.point.theta.to(DTYPES[recipe.dtype]) for below in minima])
    (reached,) = resume(runs, theta, data, [ARRIVED])
    return [
        {"arrived_gradient_norm": float(below.problem.at(theta).gradient().norm())}
        for below, theta in zip(minima, reached, strict=True)
    ]


def _cosine(one: Tensor, two: Tensor) -> float:
    sizes = float(one.norm() * two.norm())
    return float(one @ two) / sizes if sizes else math.nan
