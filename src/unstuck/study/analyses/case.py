"""A network with the data and the loss that it is analysed on."""

from typing import TYPE_CHECKING, Literal

from pydantic import Field, NonNegativeFloat

from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.base import Context, Seen
from unstuck.study.fields import Section

if TYPE_CHECKING:
    from unstuck.curvature.problem import Problem


class Case(Section):
    """A network, its data and its loss."""

    dataset: str = Field(description="A name from `datasets`.")
    network: NetworkSpec = Field(description="The architecture.")
    loss: Literal["cross_entropy", "squared_error", "softmax_squared_error"] = Field(
        default="cross_entropy", description="The loss."
    )
    weight_decay: NonNegativeFloat = Field(
        default=0.01, description="Coefficient of |theta|^2 / 2, which gives the loss a minimum."
    )

    @property
    def seen(self) -> Seen:
        """What its network sees."""
        return Seen(self.dataset, self.network)

    def problem(self, context: Context, *, samples: int, seed: int) -> "Problem":
        """Give the loss over the first so many training samples of a unit, at its initial point.

        Batch normalisation is in training mode over those samples.
        """
        import torch

        from unstuck.curvature.problem import Problem
        from unstuck.population.network import Network

        data = context.datasets[self.dataset].unit(seed)
        network = Network(self.network, data.input_shape, data.classes)
        return Problem(
            network=network,
            theta=network.initial(seed),
            buffers=network.initial_buffers(),
            x=torch.from_numpy(data.x_train[:samples]),
            y=torch.from_numpy(data.y_train[:samples]),
            loss=self.loss,
            weight_decay=self.weight_decay,
        )
