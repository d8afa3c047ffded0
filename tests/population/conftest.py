"""Populations to test on, and torch.nn twins of their members."""

from collections.abc import Callable
from typing import NamedTuple

import pytest
import torch
from torch import Tensor, nn

from unstuck.population.network import Network
from unstuck.population.spec import NetworkSpec


@pytest.fixture(autouse=True)
def _one_thread():
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


class Case(NamedTuple):
    network: Network
    theta: Tensor
    buffers: Tensor
    x: Tensor
    y: Tensor


@pytest.fixture
def draw_case() -> Callable[..., Case]:
    """Draw parameters off their initial values, buffers, samples and classes of K members."""

    def draw(
        spec: NetworkSpec,
        shape: tuple[int, ...] = (64,),
        classes: int = 10,
        *,
        members: int = 3,
        batch: int = 8,
        dtype: torch.dtype = torch.float64,
        loss: str = "cross_entropy",
    ) -> Case:
        network = Network(spec, shape, classes, loss)
        generator = torch.Generator().manual_seed(7)
        theta = torch.stack([network.initial(seed) for seed in range(members)])
        theta += 0.1 * torch.randn(theta.shape, generator=generator, dtype=theta.dtype)
        buffers = network.initial_buffers().repeat(members, 1)
        buffers += torch.rand(buffers.shape, generator=generator, dtype=buffers.dtype)
        x = torch.randn(members, batch, *shape, generator=generator, dtype=torch.float64)
        y = torch.randint(classes, (members, batch), generator=generator)
        return Case(network, theta.to(dtype), buffers.to(dtype), x.to(dtype), y)

    return draw


class ChannelsLast(nn.Module):
    """Move channels behind the places, where the library keeps them."""

    def forward(self, x: Tensor) -> Tensor:
        return x.movedim(1, -1)


@pytest.fixture
def twin() -> Callable[..., nn.Sequential]:
    """Build a torch.nn network in float64 that holds the parameters and buffers of one member."""

    def build(network: Network, theta: Tensor, buffers: Tensor) -> nn.Sequential:
        spec, shape = network.spec, network.input_shape
        convolution = {"conv1d": nn.Conv1d, "conv2d": nn.Conv2d}.get(spec.kind)
        norm = nn.BatchNorm2d if spec.kind == "conv2d" else nn.BatchNorm1d
        activation = {"tanh": nn.Tanh, "relu": nn.ReLU, "sigmoid": nn.Sigmoid}[spec.activation]
        modules: list[nn.Module] = [] if convolution else [nn.Flatten()]
        inputs = shape[0] if convolution else torch.Size(shape).numel()
        padding = (spec.kernel - 1) // 2 if spec.padding == "same" else spec.padding
        for width in spec.widths:
            if convolution:
                modules.append(convolution(inputs, width, spec.kernel, spec.stride, padding))
            else:
                modules.append(nn.Linear(inputs, width))
            normalise = norm(width, momentum=spec.batchnorm_momentum)
            modules += {
                "off": [activation()],
                "before": [normalise, activation()],
                "after": [activation(), normalise],
            }[spec.batchnorm]
            inputs = width
        if convolution and spec.pool == "mean":
            pool = nn.AdaptiveAvgPool1d if spec.kind == "conv1d" else nn.AdaptiveAvgPool2d
            modules.append(pool(1))
        if convolution:
            modules += [ChannelsLast(), nn.Flatten()]
        with torch.no_grad():
            features = nn.Sequential(*modules).eval()(torch.zeros(1, *shape)).shape[1]
        model = nn.Sequential(*modules, nn.Linear(features, network.classes)).double().train()
        _fill(model, theta, buffers)
        return model

    return build


def _fill(model: nn.Sequential, theta: Tensor, buffers: Tensor) -> None:
    """Copy flat vectors into the modules in order, turning weights to torch's axes."""
    at, buffer_at = 0, 0
    for module in model:
        for parameter in module.parameters(recurse=False):
            values = theta[at : at + parameter.numel()]
            at += parameter.numel()
            parameter.data.copy_(to_torch(values, parameter.shape))
        for name in ("running_mean", "running_var"):
            if hasattr(module, name):
                held = getattr(module, name)
                held.copy_(buffers[buffer_at : buffer_at + held.numel()])
                buffer_at += held.numel()
    assert (at, buffer_at) == (len(theta), len(buffers))


def to_torch(values: Tensor, shape: torch.Size) -> Tensor:
    """Turn `[*kernel, in, out]`, flat, into torch's `[out, in, *kernel]`."""
    if len(shape) == 1:
        return values
    out, inputs, *kernel = shape
    stored = values.view(*kernel, inputs, out)
    axes = len(kernel)
    return stored.permute(axes + 1, axes, *range(axes))


@pytest.fixture
def flat_gradient() -> Callable[[nn.Sequential], Tensor]:
    """Return the gradients of a torch.nn twin in the flat order of the library."""

    def flatten(model: nn.Sequential) -> Tensor:
        flat = []
        for parameter in model.parameters():
            gradient = parameter.grad
            if gradient.dim() > 1:
                gradient = gradient.permute(*range(2, gradient.dim()), 1, 0)
            flat.append(gradient.reshape(-1))
        return torch.cat(flat)

    return flatten
