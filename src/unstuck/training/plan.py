"""How the runs of a job are cut into populations, and what they cost."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from unstuck.data.dataset import Dataset
from unstuck.training.loop import network_of, shape_key
from unstuck.training.measure import activation_count
from unstuck.training.spec import Recipe, RunSpec

#: bytes of state and activations that a population may touch in one update
POPULATION_BYTES = 16 * 2**20
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


def members_per_population(recipe: Recipe, dataset: Dataset) -> int:
    """Return how many members keep a population's working set in cache.

    A member touches its parameters, their gradient, m and σ, and the activations of its batch.
    """
    network = network_of(recipe, dataset)
    samples = recipe.samples(dataset.samples("train"))
    numbers = 4 * network.parameter_count + samples * activation_count(network)
    size = 8 if recipe.dtype == "float64" else 4
    return min(MOST_MEMBERS, max(1, POPULATION_BYTES // (numbers * size)))


def cut(runs: Iterable[RunSpec], dataset: Dataset, members: int | None = None) -> list[Group]:
    """Cut the runs of each shape into groups of similar size, one population each.

    Parameters
    ----------
    runs
        Runs of any shape; repeated ones are taken once.
    dataset
        What they train on.
    members
        Most members of a population; by default `members_per_population`.
    """
    shapes: dict[str, list[RunSpec]] = defaultdict(list)
    for run in {run.run_id: run for run in runs}.values():
        shapes[repr(shape_key(run))].append(run)
    groups = []
    for key in sorted(shapes):
        alike = sorted(shapes[key], key=lambda run: (repr(run.optimizer), run.run_id))
        most = members or members_per_population(alike[0], dataset)
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
