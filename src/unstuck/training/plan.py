"""How the runs of a job are cut into populations, and what they cost."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

import torch

from unstuck.data.dataset import Dataset
from unstuck.training.engines.choice import Choice, trained_in_lanes
from unstuck.training.loop import network_of, shape_key
from unstuck.training.spec import Recipe, RunSpec

#: bytes of state and activations that a population may touch in one update by torch on the CPU,
#: whose caches hold them, and on a GPU, which is idle with less
CPU_BYTES, GPU_BYTES = 16 * 2**20, 2**30
#: bytes of state of a population in lanes, which are trained a register of members at a time
LANES_BYTES = 128 * 2**20
#: beyond this many members an update's fixed cost is spread thin enough
MOST_MEMBERS = 256
#: what an update costs besides its samples, in samples
FIXED_COST = 16


@dataclass(frozen=True)
class Group:
    """Runs that train side by side, and the relative cost of training them."""

    runs: tuple[RunSpec, ...]
    updates: int  # of each member
    cost: float


def members_per_population(
    recipe: Recipe, dataset: Dataset, engine: Choice = "auto", device: str | torch.device = "cpu"
) -> int:
    """Return how many members suit the engine that trains them.

    A member touches its parameters, their gradient, m and σ, and the activations of its batch.
    """
    network, device = network_of(recipe, dataset), torch.device(device)
    samples = recipe.samples(dataset.samples("train"))
    state = 4 * network.parameter_count * (8 if recipe.dtype == "float64" else 4)
    if trained_in_lanes(engine, network, recipe, samples, device):
        fitting = LANES_BYTES // state
    else:
        activations = samples * network.activation_count * (state // network.parameter_count // 4)
        bound = CPU_BYTES if device.type == "cpu" else GPU_BYTES
        fitting = bound // (state + activations)
    return min(MOST_MEMBERS, max(1, fitting))


def cut(
    runs: Iterable[RunSpec],
    dataset: Dataset,
    members: int | None = None,
    engine: Choice = "auto",
    device: str | torch.device = "cpu",
) -> list[Group]:
    """Cut the runs of each shape into groups of similar size, one population each.

    Parameters
    ----------
    runs
        Runs of any shape; repeated ones are taken once.
    dataset
        What they train on.
    members
        Most members of a population; by default `members_per_population`.
    engine, device
        What trains them, and where.
    """
    shapes: dict[str, list[RunSpec]] = defaultdict(list)
    for run in {run.run_id: run for run in runs}.values():
        shapes[repr(shape_key(run))].append(run)
    groups = []
    for key in sorted(shapes):
        alike = sorted(shapes[key], key=lambda run: (repr(run.optimizer), run.run_id))
        most = members or members_per_population(alike[0], dataset, engine, device)
        pieces = math.ceil(len(alike) / most)
        bounds = [round(len(alike) * piece / pieces) for piece in range(pieces + 1)]
        updates = alike[0].total_updates(dataset.samples("train"))
        cost = run_cost(alike[0], dataset)
        for start, stop in itertools.pairwise(bounds):
            groups.append(Group(tuple(alike[start:stop]), updates, cost * (stop - start)))
    return groups


def run_cost(recipe: Recipe, dataset: Dataset) -> float:
    """Estimate the relative time of one run: its updates, and its evaluations of every part."""
    available = dataset.samples("train")
    parameters = network_of(recipe, dataset).parameter_count
    updates = recipe.total_updates(available)
    others = dataset.samples("validation") / 3  # forward only
    samples = updates * (recipe.samples(available) + FIXED_COST)
    return parameters * (samples + recipe.evaluations * (recipe.trained_on(available) + others))
