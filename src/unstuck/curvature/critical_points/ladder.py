"""The ladder: exact saddles of a wide network, built from minima of narrower ones.

A minimum of the width-k tanh network, padded to width h with units whose weights and biases, into
and out of the unit, are zero, is a critical point of the wide network: a padded unit's output is
tanh(0) = 0, which is the gradient of its outgoing weights, and nothing flows back into its incoming
ones. So it is with weight decay, whose gradient at zero is zero. Mixed second derivatives with the
outgoing weights give each padded unit pairs of eigenvalues of both signs: saddles, whose index
falls as k rises. The origin of y = w1 w2 x is the case k = 0 of one unit. (Fukumizu and Amari 2000
embed minima by duplicating units; Simsek et al. 2021 count such embeddings.)
"""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unstuck.curvature.critical_points.certificate import RELATIVE_TOLERANCE, Certificate, certify
from unstuck.curvature.critical_points.polishing import CriticalPoint, polish
from unstuck.curvature.hessian.output_hessian import criterion
from unstuck.curvature.objective import Surface
from unstuck.curvature.problem import Problem
from unstuck.errors import CurvatureError
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec

STREAM = 7301
"""Stream of the random numbers that start the narrow networks."""


@dataclass(frozen=True)
class Rung:
    """One exact critical point of the wide network."""

    width: int  # k, units in use
    problem: Problem  # of the wide network, at the point
    certificate: Certificate
    narrow: CriticalPoint  # the polished minimum of the width-k network

    @property
    def converged(self) -> bool:
        """Whether both the narrow minimum and the wide critical point are certified."""
        return self.narrow.converged and self.certificate.converged


def ladder(
    *,
    x: Tensor,
    y: Tensor,
    classes: int,
    width: int,
    seed: int,
    loss: str = "cross_entropy",
    weight_decay: float = 1e-3,
    starts: int = 3,
    relative_tolerance: float = RELATIVE_TOLERANCE,
) -> tuple[Rung, ...]:
    """Build the rungs k = 0 ... ``width`` of a tanh network with one hidden layer.

    Each width starts from the minimum below it plus one small random unit, and from ``starts - 1``
    random points; the lowest loss is kept, so that the losses fall from rung to rung.

    Parameters
    ----------
    x, y
        Samples ``[N, i]`` and classes ``[N]``.
    starts
        Searches for the minimum of each width.

    Raises
    ------
    CurvatureError
        If the width or the number of starts is not positive.
    """
    if width < 1 or starts < 1:
        raise CurvatureError(f"width is {width} and starts {starts}; both must be at least 1.")
    x = torch.as_tensor(x, dtype=torch.float64).flatten(1)
    search = _Search(x, torch.as_tensor(y), classes, loss, weight_decay, seed, starts)
    narrow = search.constant()
    rungs = []
    for units in range(width + 1):
        if units:
            narrow = search.minimum(units, below=narrow.theta)
        padded = pad(narrow.theta, inputs=x.shape[1], classes=classes, units=units, width=width)
        point = search.problem(width, padded)
        certificate = certify(point, relative_tolerance=relative_tolerance)
        rungs.append(Rung(units, point, certificate, narrow))
    return tuple(rungs)


def pad(theta: Tensor, *, inputs: int, classes: int, units: int, width: int) -> Tensor:
    """Add ``width - units`` zero units to a network with one hidden layer of ``units``.

    ``theta`` ``[P]`` is laid out as weights ``[inputs, units]``, biases ``[units]``, weights
    ``[units, classes]``, biases ``[classes]``; with no unit, it is the last biases alone.
    """
    edges = np.cumsum([inputs * units, units, units * classes, classes])
    if len(theta) != edges[-1] or width < units:
        raise CurvatureError(
            f"theta has {len(theta)} parameters; {units} of {width} units with {inputs} inputs "
            f"and {classes} classes have {edges[-1]}, and a network cannot be padded to fewer."
        )
    parts = [part.clone() for part in torch.tensor_split(theta, edges[:-1].tolist())]
    more = width - units
    incoming = torch.cat([parts[0].view(inputs, units), theta.new_zeros(inputs, more)], 1)
    biases = torch.cat([parts[1], theta.new_zeros(more)])
    outgoing = torch.cat([parts[2], theta.new_zeros(more * classes)])
    return torch.cat([incoming.flatten(), biases, outgoing, parts[3]])


@dataclass(frozen=True)
class _Search:
    """Minima of tanh networks with one hidden layer, on one data set."""

    x: Tensor
    y: Tensor
    classes: int
    loss: str
    weight_decay: float
    seed: int
    starts: int

    def problem(self, units: int, theta: Tensor) -> Problem:
        """Give the loss of a network of ``units`` at ``theta`` ``[P]``."""
        return Problem(
            network=self._network(units),
            theta=theta,
            x=self.x,
            y=self.y,
            loss=self.loss,
            weight_decay=self.weight_decay,
        )

    def constant(self) -> CriticalPoint:
        """Give the minimum of a network without hidden units: its last biases ``[C]``."""
        y = self.y.unsqueeze(0)

        def loss(biases: Tensor) -> Tensor:
            outputs = biases.expand(1, y.shape[1], -1)
            mean = criterion(self.loss).value(outputs, y).mean()
            return mean + 0.5 * self.weight_decay * biases @ biases

        return polish(Surface(function=loss, theta=self.x.new_zeros(self.classes)))

    def minimum(self, units: int, *, below: Tensor) -> CriticalPoint:
        """Give the best of several minima of ``units``, one of them found from the one below."""
        sizes = {"inputs": self.x.shape[1], "classes": self.classes, "width": units}
        theta = pad(below, units=units - 1, **sizes)
        rng = np.random.default_rng([self.seed, STREAM, units])
        points = [theta + 0.1 * torch.from_numpy(rng.standard_normal(len(theta)))]
        network = self._network(units)
        points += [network.initial(self.seed + start) for start in range(1, self.starts)]
        found = [polish(self.problem(units, point)) for point in points]
        return min(found, key=lambda point: (not point.converged, point.certificate.loss))

    def _network(self, units: int) -> Network:
        spec = NetworkSpec(kind="dense", hidden=(units,), activation="tanh")
        return Network(spec, (self.x.shape[1],), self.classes)
