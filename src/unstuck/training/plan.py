"""How the runs of a job are cut into populations, and what they cost."""

import itertools
import math
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from unstuck.data.dataset import Dataset
from unstuck.population.network import Network
from unstuck.training.loop import shape_key
from unstuck.training.measure import activation_count
from unstuck.training.spec import Recipe, RunSpec

#: bytes of state and activations that a population may touch in one update
POPULATION_BYTES = 8 * 2**20
#: beyond this many members an update's fixed cost is spread thin enough
MOST_MEMBERS = 128
#: cost of one more sample, in the time of an operation's fixed cost spread over a population
FIXED_COST = 4.0


@dataclass(frozen=True)
class Batch:
    """Runs that train side by side, and the relative cost of training them."""

    runs: tuple[RunSpec, ...]
    updates: int  # of each member
    cost: float


def network_of(recipe: Recipe, dataset: Dataset) -> Network:
    """Return the network of a recipe."""
    return Network(recipe.network, dataset.input_shape, dataset.classes)


def members_per_population(recipe: Recipe, dataset: Dataset) -> int:
    """Return how many members keep a population's working set in cache.

    A member touches its parameters, their gradient, m and σ, and the activations of its batch.
    """
    network = network_of(recipe, dataset)
    samples = recipe.samples(len(dataset.y_train))
    numbers = 4 * network.parameter_count + samples * activation_count(network)
    size = 8 if recipe.dtype == "float64" else 4
    return min(MOST_MEMBERS, max(1, POPULATION_BYTES // (numbers * size)))


def cut(runs: Iterable[RunSpec], dataset: Dataset, members: int | None = None) -> list[Batch]:
    """Group runs of one shape and cut the groups into populations of similar size.

    Parameters
    ----------
    runs
        Runs of any shape; repeated ones are taken once.
    dataset
        What they train on.
    members
        Most members of a population; by default `members_per_population`.
    """
    groups: dict[str, list[RunSpec]] = defaultdict(list)
    for run in {run.run_id: run for run in runs}.values():
        groups[repr(shape_key(run))].append(run)
    batches = []
    for key in sorted(groups):
        group = sorted(groups[key], key=lambda run: (repr(run.optimizer), run.run_id))
        most = members or members_per_population(group[0], dataset)
        pieces = math.ceil(len(group) / most)
        bounds = [round(len(group) * piece / pieces) for piece in range(pieces + 1)]
        updates = group[0].total_updates(len(dataset.y_train))
        cost = run_cost(group[0], dataset)
        for start, stop in itertools.pairwise(bounds):
            batches.append(Batch(tuple(group[start:stop]), updates, cost * (stop - start)))
    return batches


def run_cost(recipe: Recipe, dataset: Dataset) -> float:
    """Estimate the relative time of one run: its updates, and its evaluations of every part."""
    available = len(dataset.y_train)
    parameters = network_of(recipe, dataset).parameter_count
    updates = recipe.total_updates(available)
    others = (len(dataset.y_validation)) / 3
    samples = updates * (recipe.samples(available) + FIXED_COST)
    return parameters * (samples + recipe.evaluations * (available + others))
