"""Which engine trains a population: the one that is asked for, or by rule."""

import warnings
from collections.abc import Sequence
from functools import cache
from typing import Literal

import torch

from unstuck.errors import ConfigError, KernelError
from unstuck.lanes.library import load
from unstuck.lanes.network import MOST_LAYERS
from unstuck.population.network import Network
from unstuck.training.engines.base import Engine
from unstuck.training.engines.eager import TorchEngine
from unstuck.training.engines.lanes import LanesEngine
from unstuck.training.measure import Part
from unstuck.training.order import Batches
from unstuck.training.spec import Recipe, RunSpec

Choice = Literal["auto", "lanes", "torch"]

#: parameters of a dense network times samples of a batch from which on torch is the faster, as
#: measured: docs/lanes.md
BORDER = 60_000_000


def choose(
    asked: Choice,
    network: Network,
    runs: Sequence[RunSpec],
    train: Part,
    batches: Batches | None,
    updates: int,
    device: torch.device,
) -> Engine:
    """Return the engine of a population, before its first update.

    Parameters
    ----------
    asked
        What the study says.
    network, runs, train, batches, updates, device
        The population: what it is, what it trains on, and how long.

    Raises
    ------
    ConfigError
        If lanes are asked for and cannot train the runs.
    """
    if trained_in_lanes(asked, network, runs[0], runs[0].samples(train.size), device):
        return LanesEngine(network, runs, train, batches, updates)
    return TorchEngine(network, runs, train, batches, updates, device)


def trained_in_lanes(
    asked: Choice, network: Network, recipe: Recipe, samples: int, device: torch.device
) -> bool:
    """Return whether lanes train runs of a recipe, whose batches have so many samples.

    Lanes train in float32 on the CPU, where the kernel is built. Of what they can train, `auto`
    leaves to torch what that is faster at.

    Raises
    ------
    ConfigError
        If lanes are asked for and cannot.
    """
    if asked == "torch":
        return False
    if why := obstacle(network, recipe, device):
        if asked == "lanes":
            raise ConfigError(f"execution.engine = lanes, but {why}; use auto or torch.")
        return False
    return asked == "lanes" or not torch_is_faster(network, samples)


def obstacle(network: Network, recipe: Recipe, device: torch.device) -> str | None:
    """Return why lanes cannot train runs of a recipe, in half a sentence; None if they can."""
    if recipe.network.kind == "module":
        return "lanes train built-in networks, and this is one of kind module"
    if len(network.layers) > MOST_LAYERS:
        return f"lanes train {MOST_LAYERS} layers at most, and this network has more"
    if recipe.dtype != "float32":
        return f"lanes train in float32, not in {recipe.dtype}"
    if device.type != "cpu":
        return f"lanes train on the CPU, not on {device.type}"
    return None if kernel_is_there() else "the kernel is not there"


@cache
def kernel_is_there() -> bool:
    """Return whether the kernel can be loaded, and warn once where it cannot."""
    try:
        load()
    except KernelError as error:
        warnings.warn(f"torch trains, not lanes: {error}", stacklevel=2)
        return False
    return True


def torch_is_faster(network: Network, samples: int) -> bool:
    """Return whether torch trains batches of so many samples faster than lanes do.

    By the shape of a run alone: what trains it must depend neither on its company nor on the
    machine.
    """
    return network.spec.kind == "dense" and network.parameter_count * samples > BORDER
