"""Spectral densities of large Hessians by stochastic Lanczos quadrature.

Each probe's Ritz values and weights are a Gauss quadrature of the density seen from a random
vector (Golub and Meurant 1994; Ubaru, Chen and Saad 2017; Ghorbani, Krishnan and Xiao 2019).
A density cannot give an index: eigenvalues near zero are smeared over the quadrature's spacing.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from unstuck.curvature.krylov import tridiagonalise
from unstuck.curvature.objective import Objective
from unstuck.errors import CurvatureError

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Density:
    """A spectral density as weighted points, one quadrature a probe."""

    nodes: Array  # [probes, steps], eigenvalues
    weights: Array  # [probes, steps], summing to 1 for each probe; 0 pads short quadratures
    residuals: Array  # [probes, 2], of the lowest and the highest node as eigenvalues
    orthogonality: float  # largest deviation of any Krylov basis from orthonormal
    size: int  # P

    @property
    def converged(self) -> bool:
        """Whether every basis stayed orthonormal and its end nodes are eigenvalues to 1 %."""
        scale = float(np.abs(self.nodes).max()) or 1.0
        return self.orthogonality < 1e-8 and bool((self.residuals <= 0.01 * scale).all())

    def moment(self, power: int) -> tuple[float, float]:
        """Estimate the mean of eigenvalue ** power, with its standard error over probes."""
        values = (self.weights * self.nodes**power).sum(1)
        count = len(values)
        error = float(values.std(ddof=1) / np.sqrt(count)) if count > 1 else float("inf")
        return float(values.mean()), error

    def on(self, grid: Array, *, width: float) -> Array:
        """Give the density on ``grid`` ``[G]``, each node spread normally by ``width``."""
        if not width > 0:
            raise CurvatureError(f"width is {width}; expected a positive eigenvalue spread.")
        distance = (grid[:, None] - self.nodes.ravel()) / width
        kernel = np.exp(-0.5 * distance**2) / (width * np.sqrt(2 * np.pi))
        density: Array = kernel @ self.weights.ravel() / len(self.nodes)
        return density


def density(
    objective: Objective, *, probes: int, steps: int, generator: np.random.Generator
) -> Density:
    """Estimate the density of the Hessian's eigenvalues.

    Parameters
    ----------
    probes
        Random start vectors (normal).
    steps
        Lanczos steps of each: products used are probes times steps.
    """
    if probes < 1 or steps < 2:
        raise CurvatureError(f"got {probes} probes of {steps} steps; expected 1 of 2 or more.")
    size = objective.theta.numel()
    steps = min(steps, size)
    nodes, weights = np.zeros((probes, steps)), np.zeros((probes, steps))
    residuals = np.zeros((probes, 2))
    orthogonality = 0.0
    for probe in range(probes):
        start = torch.from_numpy(generator.standard_normal(size)).to(objective.theta)
        run = tridiagonalise(objective.hessian_product, start, steps=steps)
        values, shares, rests = run.ritz()
        nodes[probe, : run.steps], weights[probe, : run.steps] = values, shares
        nodes[probe, run.steps :] = values[-1]
        residuals[probe] = rests[0], rests[-1]
        orthogonality = max(orthogonality, run.orthogonality)
    return Density(nodes, weights, residuals, orthogonality, size)
