"""Small problems of every kind of network, with an independent dense reference."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from unstuck.curvature.problem import Problem
from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec

STREAM = 7201
CLASSES = 4
SHAPES = {"dense": (6,), "conv1d": (2, 7), "conv2d": (1, 5, 5)}


def _build(
    *,
    kind: str = "dense",
    hidden: tuple[int, ...] = (5, 4, 3),
    activation: str = "tanh",
    batchnorm: str = "off",
    loss: str = "cross_entropy",
    training: bool = True,
    weight_decay: float = 0.0,
    samples: int = 23,
    shape: tuple[int, ...] | None = None,
    classes: int = CLASSES,
    seed: int = 0,
    chunk: int | None = None,
) -> Problem:
    """Give a network at a random point, far from its initial symmetries, on random data."""
    shape = SHAPES[kind] if shape is None else shape
    spec = NetworkSpec(kind=kind, hidden=hidden, activation=activation, batchnorm=batchnorm)
    network = Network(spec, shape, classes)
    rng = np.random.default_rng([seed, STREAM])
    theta = network.initial(seed)
    theta = theta + 0.3 * torch.from_numpy(rng.standard_normal(len(theta)))
    buffers = network.initial_buffers()
    buffers = buffers + torch.from_numpy(rng.uniform(0.1, 0.9, len(buffers)))
    return Problem(
        network=network,
        theta=theta,
        x=torch.from_numpy(rng.standard_normal((samples, *shape))),
        y=torch.from_numpy(rng.integers(classes, size=samples)),
        loss=loss,
        buffers=buffers,
        weight_decay=weight_decay,
        training=training,
        chunk=chunk,
    )


def _reference_loss(problem: Problem) -> Callable[[torch.Tensor], torch.Tensor]:
    """Give the loss as a plain function of ``[P]``, with the losses of torch itself."""

    def loss(theta: torch.Tensor) -> torch.Tensor:
        outputs = problem.network.forward(
            theta[None], problem.x[None], problem.buffers[None], problem.training
        )[0][0]
        hot = torch.nn.functional.one_hot(problem.y, outputs.shape[1]).to(outputs)
        if problem.loss == "cross_entropy":
            value = torch.nn.functional.cross_entropy(outputs, problem.y)
        elif problem.loss == "squared_error":
            value = 0.5 * (outputs - hot).square().sum(1).mean()
        else:
            value = 0.5 * (outputs.softmax(1) - hot).square().sum(1).mean()
        return value + 0.5 * problem.weight_decay * theta @ theta

    return loss


def _reference_hessian(problem: Problem) -> torch.Tensor:
    """Give the Hessian row by row, by differentiating the gradient of autograd."""
    theta = problem.theta.clone().requires_grad_()
    (gradient,) = torch.autograd.grad(_reference_loss(problem)(theta), theta, create_graph=True)
    rows = [torch.autograd.grad(g, theta, retain_graph=True)[0] for g in gradient]
    return torch.stack(rows)


@pytest.fixture(scope="session")
def build() -> Callable[..., Problem]:
    """Give a network at a random point, far from its initial symmetries, on random data."""
    return _build


@pytest.fixture(scope="session")
def reference_loss() -> Callable[[Problem], Callable[[torch.Tensor], torch.Tensor]]:
    """Give the loss as a plain function of ``[P]``, with the losses of torch itself."""
    return _reference_loss


@pytest.fixture(scope="session")
def reference_hessian() -> Callable[[Problem], torch.Tensor]:
    """Give the Hessian row by row, by differentiating the gradient of autograd."""
    return _reference_hessian


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng([0, STREAM])
