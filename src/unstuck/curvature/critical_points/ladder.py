"""The ladder: exact saddles of a wide network, built from minima of narrower ones.

A minimum of the width-k tanh network, padded to width h with units whose weights and biases, into
and out of the unit, are zero, is a critical point of the wide network: a padded unit's output is
tanh(0) = 0, which is the gradient of its outgoing weights, and nothing flows back into its incoming
ones. So it is with weight decay, whose gradient at zero is zero. Mixed second derivatives with the
outgoing weights give each padded unit pairs of eigenvalues of both signs: saddles, whose index
falls as k rises. The origin of y = w1 w2 x is the case k = 0 of one unit. (Fukumizu and Amari 2000
embed minima by duplicating units; Simsek et al. 2021 count such embeddings.)
"""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature.critical_points.polishing import polish
from unstuck.curvature.hessian.output_hessian import criterion
from unstuck.curvature.objective import Surface
from unstuck.curvature.problem import Problem
from unstuck.data.dataset import Split
from unstuck.errors import CurvatureError
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec

Array = NDArray[Any]

STREAM = 7301
"""Stream of the random numbers that start the narrow networks, if no other is given."""


@dataclass(frozen=True, eq=False)
class TanhNetworks:
    """Tanh networks with one hidden layer, of any width, and their cross-entropy on some data."""

    x: Array  # [N, *shape]
    y: Array  # [N], classes
    classes: int
    weight_decay: float

    @classmethod
    def on(cls, split: Split, samples: int, weight_decay: float) -> Self:
        """Take the first so many training samples of a split."""
        x, y = split.x_train[:samples], split.y_train[:samples]
        return cls(x, y, split.classes, weight_decay)

    @property
    def inputs(self) -> int:
        """Numbers of a sample."""
        return math.prod(self.x.shape[1:])

    def problem(self, width: int, theta: Tensor | None = None) -> Problem:
        """Give the loss of a network of a width at ``theta`` ``[P]``, or at zero."""
        spec = NetworkSpec(kind="dense", hidden=(width,), activation="tanh")
        network = Network(spec, (self.inputs,), self.classes)
        if theta is None:
            theta = torch.zeros(network.parameter_count, dtype=torch.float64)
        return Problem(
            network=network,
            theta=theta,
            x=torch.as_tensor(self.x).flatten(1),
            y=torch.as_tensor(self.y),
            loss="cross_entropy",
            weight_decay=self.weight_decay,
        )

    def without_units(self) -> Surface:
        """Give the loss of a network without hidden units, of its last biases ``[C]`` alone."""
        y = torch.as_tensor(self.y).unsqueeze(0)

        def loss(biases: Tensor) -> Tensor:
            outputs = biases.expand(1, y.shape[1], -1)
            mean = criterion("cross_entropy").value(outputs, y).mean()
            return mean + 0.5 * self.weight_decay * biases @ biases

        return Surface(function=loss, theta=torch.zeros(self.classes, dtype=torch.float64))

    def minima(
        self,
        theta: Tensor,
        width: int,
        seed: int,
        *,
        stream: int = STREAM,
        lbfgs_iterations: int = 5_000,
    ) -> Iterator[Tensor]:
        """Give the polished minimum of 0, 1, ... ``width`` units, ``[P]`` each.

        Each is found from the one below plus a small random unit, so that losses fall from rung to
        rung. The first is given: ``theta`` ``[C]``, that of `without_units`.
        """
        yield theta
        for units in range(1, width + 1):
            rng = np.random.default_rng([seed, stream, units])
            start = self.padded(theta, units - 1, units)
            start = start + 0.1 * torch.from_numpy(rng.standard_normal(len(start)))
            found = polish(self.problem(units, start), lbfgs_iterations=lbfgs_iterations)
            theta = found.theta
            yield theta

    def padded(self, theta: Tensor, units: int, width: int) -> Tensor:
        """Add ``width - units`` zero units to a network of ``units``.

        ``theta`` ``[P]`` is laid out as weights ``[inputs, units]``, biases ``[units]``, weights
        ``[units, classes]``, biases ``[classes]``; with no unit, it is the last biases alone.

        Raises
        ------
        CurvatureError
            If the network has another number of parameters, or the width is less than its own.
        """
        inputs, classes, more = self.inputs, self.classes, width - units
        edges = np.cumsum([inputs * units, units, units * classes, classes])
        if len(theta) != edges[-1] or more < 0:
            raise CurvatureError(
                f"theta has {len(theta)} parameters; {units} of {width} units with {inputs} inputs "
                f"and {classes} classes have {edges[-1]}, and a network cannot be padded to fewer."
            )
        parts = [part.clone() for part in torch.tensor_split(theta, edges[:-1].tolist())]
        incoming = torch.cat([parts[0].view(inputs, units), theta.new_zeros(inputs, more)], 1)
        biases = torch.cat([parts[1], theta.new_zeros(more)])
        outgoing = torch.cat([parts[2], theta.new_zeros(more * classes)])
        return torch.cat([incoming.flatten(), biases, outgoing, parts[3]])
