"""What every kind of analysis shares: a typed description, its inputs, and the tables it makes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import pandas as pd
from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from unstuck.data.dataset import Dataset


@dataclass(frozen=True)
class Context:
    """What an analysis is given to compute with."""

    datasets: Mapping[str, "Dataset"]  # those named by ``dataset_names``
    inputs: Mapping[str, pd.DataFrame]  # the tables named by ``reads``, by ``experiment.kind``
    device: str
    threads: int
    progress: Callable[[str], None]
    first_unit: int = 0

    def units(self, count: int) -> range:
        """Seeds of the first so many units: of data split, initial weights and order."""
        return range(self.first_unit, self.first_unit + count)


class AnalysisBase(BaseModel, ABC):
    """One analysis of a study.

    A kind is a subclass in a module of its own: its fields are what the config may say, and
    ``run`` imports what it computes with, so that planning stays light.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    #: names of the tables that ``run`` gives
    tables: ClassVar[tuple[str, ...]]
    #: whether the result is a timing, which no second run gives again
    timing: ClassVar[bool] = False
    #: whether it needs the machine to itself
    alone: ClassVar[bool] = False

    description: str = Field(default="", description="What the analysis is for.")

    @property
    def module(self) -> str:
        """The kind's module, below the package; its imports lead to all that decides the result."""
        return f"{type(self).__module__.partition('.')[2].replace('.', '/')}.py"

    @property
    def dataset_names(self) -> tuple[str, ...]:
        """Names of the prepared datasets it needs."""
        return ()

    @property
    def units(self) -> int:
        """Units that it takes of each dataset: one a seed, or the first where it has no seeds."""
        return int(getattr(self, "seeds", 1))

    @property
    def reads(self) -> tuple[str, ...]:
        """Tables it needs, as ``experiment.kind``."""
        return ()

    @abstractmethod
    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Compute the tables, by name."""


class DatasetsAnalysis(AnalysisBase):
    """An analysis that does the same on each of some datasets."""

    datasets: tuple[str, ...] = Field(min_length=1, description="Names from `datasets`.")

    @property
    def dataset_names(self) -> tuple[str, ...]:
        """Names of the prepared datasets it needs."""
        return tuple(sorted(set(self.datasets)))
