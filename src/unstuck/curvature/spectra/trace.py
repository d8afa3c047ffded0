"""Trace of a Hessian, estimated from a few products with its error."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unstuck.curvature.objective import Objective
from unstuck.errors import CurvatureError


@dataclass(frozen=True)
class Trace:
    """A trace, and the standard error of its estimate."""

    value: float
    error: float


def hutch_plus_plus(objective: Objective, *, probes: int, generator: np.random.Generator) -> Trace:
    """Take the trace on a sketched range exactly and the rest by Hutchinson (Meyer et al. 2021).

    A third of the ``probes`` sketch the range, a third give its exact trace, and a third sample
    what is left; the error is that of the sampled part, given the sketch.

    Raises
    ------
    CurvatureError
        If there are fewer than six probes.
    """
    if probes < 6:
        raise CurvatureError(f"{probes} probes cannot give an error of the trace; use at least 6.")
    third = min(probes // 3, objective.theta.numel())
    sketch = objective.hessian_product(_signs(objective, third, generator))
    basis = torch.linalg.qr(sketch.mT)[0].mT.contiguous()  # [third, P]
    inside = float((objective.hessian_product(basis) * basis).sum())
    signs = _signs(objective, third, generator)
    signs = signs - (signs @ basis.mT) @ basis
    rest = (objective.hessian_product(signs) * signs).sum(1).double()
    return Trace(inside + float(rest.mean()), float(rest.std() / len(rest) ** 0.5))


def _signs(objective: Objective, count: int, generator: np.random.Generator) -> Tensor:
    signs = 2 * generator.integers(2, size=(count, objective.theta.numel())) - 1
    return torch.from_numpy(signs).to(objective.theta)
