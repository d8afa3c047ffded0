"""What every measurement at endpoints shares: which endpoints, and the table that it gives."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import pandas as pd
from pydantic import Field

from unstuck.curvature import PARAMETER_LIMIT
from unstuck.study.fields import Count, Section
from unstuck.study.overrides import Where

if TYPE_CHECKING:
    from unstuck.data.spec import DatasetSpec
    from unstuck.study.endpoints import Endpoints, Progress
    from unstuck.training.spec import Recipe


class MeasurementBase(Section):
    """One measurement of an experiment: which endpoints, and how.

    A measurement is a subclass in a module, or package, of its own below this folder, which bears
    its name: the docstring and the fields are what the config may say of it, and ``run`` imports
    what it computes with, so that planning stays light. The registry finds it there.
    """

    #: columns of its table besides those of the runs
    columns: ClassVar[tuple[str, ...]]

    where: Where = Field(default_factory=dict, description="Values of axes that a run must have.")
    seeds: Count | None = Field(
        default=None, description="The first so many units; all if left out."
    )
    stalled: Annotated[bool, Field(description="Only runs whose training loss has stalled.")] = (
        False
    )

    @classmethod
    def about(cls) -> str:
        """Say in a sentence what it is."""
        return " ".join((cls.__doc__ or "").split("\n\n")[0].split())

    def check(self, recipe: "Recipe", dataset: "DatasetSpec") -> None:
        """Refuse endpoints that cannot be measured, before anything runs.

        Raises
        ------
        ValueError
            With a sentence, without its full stop, that says what would be right.
        """

    @property
    def options(self) -> dict[str, Any]:
        """What is measured, whichever endpoints: its fields but `where` and `seeds`."""
        return self.model_dump(mode="json", exclude={"where", "seeds"})

    @abstractmethod
    def run(self, endpoints: "Endpoints", tolerance: float, progress: "Progress") -> pd.DataFrame:
        """Measure endpoints.

        Parameters
        ----------
        endpoints
            Those to measure, at least one.
        tolerance
            Eigenvalues below this share of the largest absolute one count as zero.
        progress
            Takes lines for the log.

        Returns
        -------
        Rows with the columns of the runs table and `columns`.
        """


class CurvatureBase(MeasurementBase):
    """A measurement of the Hessian of the training loss."""

    #: whether the whole matrix is formed
    dense: ClassVar[bool] = True

    def check(self, recipe: "Recipe", dataset: "DatasetSpec") -> None:
        """Refuse a loss whose Hessian is not computed here, and a network with too many weights."""
        weights = recipe.network.hidden_weights(dataset.input_shape)
        if self.dense and weights > PARAMETER_LIMIT:
            raise ValueError(
                f"{type(self).__name__.lower()}: the Hessian of a network of {weights:,} weights "
                f"is too large to form, beyond {PARAMETER_LIMIT:,}; name smaller networks in "
                "`where`, or measure sharpness"
            )
        if recipe.loss == "class_number":
            raise ValueError(
                f"{type(self).__name__.lower()}: the Hessian of the loss class_number is not "
                "computed; name runs of another loss in `where`"
            )
