"""One update of every member of a population, compiled into one graph."""

from typing import Literal

from unstuck.population.network import Network
from unstuck.training.steps import EagerSteps

Compile = bool | Literal["auto"]


class CompiledSteps(EagerSteps):
    pass


def worth_compiling(
    compile: Compile, network: Network, members: int, updates: int, samples: int
) -> bool:
    return False
