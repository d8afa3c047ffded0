"""What every kind of analysis shares: a typed description, its inputs, and the tables it makes."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, NamedTuple

import pandas as pd
from pydantic import Field

from unstuck.population.spec import NetworkSpec
from unstuck.study.fields import Section

if TYPE_CHECKING:
    from unstuck.data.dataset import Dataset
    from unstuck.data.spec import DatasetSpec


class Seen(NamedTuple):
    """A dataset, a network that is to see it, and the largest batch that it is trained on."""

    dataset: str
    network: NetworkSpec
    batch: int = 1


@dataclass(frozen=True)
class Context:
    """What an analysis is given to compute with."""

    datasets: Mapping[str, "Dataset"]  # those named by ``dataset_names``
    inputs: Mapping[str, pd.DataFrame]  # the tables named by ``reads``
    device: str
    threads: int
    progress: Callable[[str], None]
    first_unit: int = 0

    def units(self, count: int) -> range:
        """Seeds of the first so many units: of data split, initial weights and order."""
        return range(self.first_unit, self.first_unit + count)


class AnalysisBase(Section, ABC):
    """One analysis of a study.

    A kind is a subclass in a module of its own: its fields are what the config may say, and
    ``run`` imports what it computes with, so that planning stays light.
    """

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
    def seen(self) -> Iterable[Seen]:
        """What its networks see."""
        return ()

    @property
    def dataset_names(self) -> tuple[str, ...]:
        """Names of the prepared datasets it needs."""
        return tuple(sorted({each.dataset for each in self.seen}))

    @property
    def units(self) -> int:
        """Units that it takes of each dataset: one a seed, or the first where it has no seeds."""
        return int(getattr(self, "seeds", 1))

    @property
    def reads(self) -> tuple[str, ...]:
        """Tables of other analyses that it needs, as ``analysis.table``."""
        return ()

    def check(self, datasets: Mapping[str, "DatasetSpec"]) -> None:
        """Refuse datasets that it cannot be computed on, before anything runs.

        Raises
        ------
        ValueError
            With a sentence, without its full stop, that says what would be right.
        """
        for dataset, network, batch in self.seen:
            spec = datasets[dataset]
            network.hidden_weights(spec.input_shape)
            if batch > spec.train:
                raise ValueError(
                    f"a batch of {batch} is more than the {spec.train} training samples of "
                    f"{dataset}; use at most {spec.train}"
                )

    @abstractmethod
    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Compute the tables, by name.

        Returns
        -------
        everywhere
            Columns that mean the same in the tables of many kinds.
            dataset (string): Name of the data set.
            seed (integer): Number of the unit, which decides data split, initial weights and order.
            optimizer (string): Name of the optimizer.
            surface (string): Name of the surface.
            update (integer, updates): Updates made so far.
            batch_size (integer, samples): Samples of a batch.
            parameters (integer, parameters): Parameters of the network.
            momentum (number): β₁, the share of the previous direction that is kept.
            weight_decay (number): Coefficient of |θ|²/2 in the loss.
            loss (number): Loss, which cross-entropy gives in nats.
            gradient_norm (number): Norm of the gradient of the loss.
            lambda_max (number): Largest eigenvalue of the Hessian.
            lambda_min (number): Smallest eigenvalue of the Hessian.
            negative (integer, eigenvalues): Eigenvalues of the Hessian below minus the tolerance.
            zero (integer, eigenvalues): Eigenvalues of the Hessian that count as zero.
            positive (integer, eigenvalues): Eigenvalues of the Hessian above the tolerance.
            tolerance (number): Absolute size up to which an eigenvalue counts as zero.
            gap (number): Distance of the eigenvalue nearest to the tolerance, above or below zero,
                from it.
            rounding (number): Size of rounding errors in the number beside it.
            converged (boolean): Whether the gradient is 0 to 1e-10 and rounding cannot change the
                signs.
            kind (string): What the point is: minimum, saddle, maximum, degenerate, or, where the
                gradient is not 0, gradient-flat or none.
            said (string): What the signs of the eigenvalues say the point is; silent if they leave
                it open.
            seen (string): What small steps from the point see it to be.
            silent (boolean): Whether the signs of the eigenvalues leave open what the point is.
            down (integer, steps): Steps in random directions that lower the loss.
            up (integer, steps): Steps in random directions that raise the loss.
            radius (number): Length of the step, or distance from the point.
            theta (array): Parameters of the point.
            criterion (string): Name of the loss.
            expected (number): What the value must be.
            error (number): Absolute difference of the value from what it must be.
            relative_error (number): Difference of the value from what it must be, as a share of
                that.
            part (string): Part of the check that the row belongs to.
            quantity (string): What the value is of, in words.
            point (string): Which point of the loss, in words.
            eigenvalue (number): Lowest eigenvalue of the Hessian at the saddle.
            rung (integer, units): Units in use at the saddle; all others are idle.
            width (integer, units): Units of the hidden layer.
            exponent (integer): k, for a start at the distance 10^-k from the saddle; 0 is the
                saddle itself.
            predicted_slope (number, updates): Updates that the eigenvalue foretells for each factor
                of ten of distance.
            farthest (number): Largest distance from the saddle of the descent that started on it.
            saddle_loss (number): Loss at the saddle.
            residual (number): Residual of the eigenpair, as a share of the largest absolute
                eigenvalue.
        """


class DatasetsAnalysis(AnalysisBase):
    """An analysis that does the same on each of some datasets."""

    datasets: tuple[str, ...] = Field(min_length=1, description="Names from `datasets`.")

    @property
    def dataset_names(self) -> tuple[str, ...]:
        """Names of the prepared datasets it needs."""
        return tuple(sorted(set(self.datasets)))
