"""Curvature of many members of a population at once, by products with all their Hessians."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from unstuck.errors import CurvatureError
from unstuck.population.losses import LOSSES
from unstuck.population.network import Network


@dataclass(frozen=True)
class TopEigenvalues:
    """The largest eigenvalue of every member's Hessian, with what goes with it."""

    values: Tensor  # [K]
    residuals: Tensor  # [K], norm of H v - value v; an eigenvalue lies that near
    losses: Tensor  # [K], mean loss
    gradients: Tensor  # [K, P]


def largest_eigenvalues(
    network: Network,
    theta: Tensor,
    x: Tensor,
    y: Tensor,
    loss: str,
    *,
    generator: np.random.Generator,
    steps: int = 16,
) -> TopEigenvalues:
    """Find the largest eigenvalue of each member's full-batch Hessian.

    Lanczos with full re-orthogonalisation, in lockstep: members do not mix, so that one product
    with all Hessians costs one backward pass through the graph of their gradients. Batch
    normalisation is in training mode, by the statistics of all samples.

    Parameters
    ----------
    theta
        Parameters `[K, P]`, float64.
    x, y
        Samples `[K, N, *shape]` and classes `[K, N]`; K = 1 where all members share them.
    loss
        A key of `unstuck.population.losses.LOSSES`.
    generator
        Draws the first vector, the same for all members.
    steps
        Products; the Krylov space has as many dimensions, or P if that is less.

    Raises
    ------
    CurvatureError
        If a gradient is not finite, as after divergence.
    """
    theta = theta.detach().requires_grad_()
    buffers = network.initial_buffers().to(theta).repeat(len(theta), 1)
    outputs, _ = network.forward(theta, x, buffers, True)
    losses = LOSSES[loss].value(outputs, y).mean(1)
    (gradients,) = torch.autograd.grad(losses.sum(), theta, create_graph=True)
    if not torch.isfinite(gradients).all():
        raise CurvatureError("a gradient holds NaN or infinity; take points before divergence.")
    start = torch.from_numpy(generator.standard_normal(theta.shape[1])).to(theta)
    vector = (start / start.norm()).repeat(len(theta), 1)
    basis = vector.unsqueeze(0)  # [m, K, P]
    diagonal, off = [], []
    for _ in range(min(steps, theta.shape[1])):
        (product,) = torch.autograd.grad(gradients, theta, vector, retain_graph=True)
        diagonal.append((product * vector).sum(1))
        # twice is enough (Parlett 1998)
        for _ in range(2):
            shares = torch.einsum("mkp,kp->mk", basis, product)
            product = product - torch.einsum("mk,mkp->kp", shares, basis)
        off.append(product.norm(dim=1))
        vector = product / off[-1].clamp_min(torch.finfo(theta.dtype).tiny).unsqueeze(1)
        basis = torch.cat([basis, vector.unsqueeze(0)])
    matrix = torch.diag_embed(torch.stack(diagonal, 1))
    sides = torch.diag_embed(torch.stack(off[:-1], 1), offset=1) if len(off) > 1 else 0.0
    values, vectors = torch.linalg.eigh(matrix + sides, UPLO="U")
    return TopEigenvalues(
        values=values[:, -1],
        residuals=off[-1] * vectors[:, -1, -1].abs(),
        losses=losses.detach(),
        gradients=gradients.detach(),
    )
