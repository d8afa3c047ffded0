"""Full-batch loss of one network, its gradient and its products with curvature matrices.

Index conventions: P parameter, N sample, C class, M direction of a product.

The objective is L(theta) = mean_n loss_n(theta) + weight_decay / 2 * |theta|^2, over all
parameters, biases included. Samples are taken in chunks weighted by their size, so that a ragged
last chunk counts for what it is. Products push M copies of the network through at once, since
the networks of this project carry a leading population axis.
"""

from collections.abc import Iterator
from dataclasses import dataclass, fields, replace
from functools import cached_property
from typing import Self

import numpy as np
import torch
from torch import Tensor

from unstuck.curvature.hessian.layerwise import affine_layers
from unstuck.curvature.hessian.linearised import Linearised
from unstuck.curvature.hessian.output_hessian import criterion, output_hessian
from unstuck.curvature.objective import finite, require_deterministic
from unstuck.errors import CurvatureError
from unstuck.population.losses import Loss
from unstuck.population.network import Network

# Values that one chunk of samples times directions may hold per layer unit before it is split.
_CHUNK_ROWS = 8192


@dataclass(frozen=True, kw_only=True, eq=False)
class Problem:
    """The full-batch loss of one network at one point.

    Parameters
    ----------
    network
        A network of ``unstuck.population``.
    theta
        Parameters ``[P]``; their dtype (float64 for anything certified) is that of every result.
    buffers
        Running statistics of batchnorm, ``[Q]``; ``None`` for networks without.
    x, y
        Samples ``[N, *shape]`` and class numbers ``[N]``, arrays or tensors.
    loss
        A key of ``unstuck.population.losses.LOSSES``.
    weight_decay
        Coefficient of ``|theta|^2 / 2``, on all parameters.
    training
        Whether batchnorm normalises by the statistics of the whole data set (the loss that
        full-batch training descends) or by its running averages.
    chunk
        Samples handled at once; by default chosen from the number of directions.
    check
        Evaluate twice and refuse a function that does not repeat itself.

    Examples
    --------
    >>> import numpy, unstuck
    >>> network = unstuck.Network(unstuck.NetworkSpec(hidden=(2,)), (3,), classes=2)
    >>> x, y = numpy.eye(3), numpy.array([0, 1, 1])
    >>> problem = unstuck.Problem(
    ...     network=network, theta=network.initial(0), x=x, y=y, loss="cross_entropy"
    ... )
    >>> loss, gradient = problem.loss_and_gradient()
    >>> gradient.shape
    torch.Size([14])

    Raises
    ------
    CurvatureError
        If shapes disagree, a value is not finite, or the function is not deterministic.
    """

    network: Network
    theta: Tensor
    x: Tensor
    y: Tensor
    loss: str
    buffers: Tensor | None = None
    weight_decay: float = 0.0
    training: bool = True
    chunk: int | None = None
    check: bool = True

    def __post_init__(self) -> None:
        theta = torch.as_tensor(self.theta).detach()
        x = torch.as_tensor(np.asarray(self.x) if not isinstance(self.x, Tensor) else self.x)
        y = torch.as_tensor(np.asarray(self.y) if not isinstance(self.y, Tensor) else self.y)
        buffers = torch.empty(0) if self.buffers is None else torch.as_tensor(self.buffers)
        _require_shapes(self.network, theta, buffers, x, y)
        if not self.weight_decay >= 0:
            raise CurvatureError(f"weight_decay is {self.weight_decay}; it must be 0 or more.")
        criterion(self.loss)
        finite("theta", theta)
        values = {
            "theta": theta,
            "x": finite("x", x.to(theta)),
            "y": y.to(device=theta.device, dtype=torch.int64),
            "buffers": buffers.to(theta),
        }
        for name, value in values.items():
            object.__setattr__(self, name, value)
        if self.check:
            require_deterministic(self)

    @property
    def criterion(self) -> Loss:
        """The loss as a function of the outputs."""
        return criterion(self.loss)

    @property
    def parameter_count(self) -> int:
        """P."""
        return self.theta.numel()

    @property
    def samples(self) -> int:
        """N."""
        return self.x.shape[0]

    @property
    def couples_samples(self) -> bool:
        """Whether a sample's output depends on the others (batchnorm in training mode)."""
        return self.training and self.network.buffer_count > 0

    def at(self, theta: Tensor) -> Self:
        """Give the same loss at other parameters ``[P]``."""
        like = self.theta
        if (theta.shape, theta.dtype, theta.device) != (like.shape, like.dtype, like.device):
            return replace(self, theta=theta, check=False)
        # all but the parameters has been looked at, and nothing is kept that was worked out here
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        other = object.__new__(type(self))
        other.__dict__.update(values, theta=finite("theta", theta.detach()), check=False)
        return other

    def to(self, dtype: torch.dtype) -> Self:
        """Give the same problem in another precision."""
        return replace(self, theta=self.theta.to(dtype), check=False)

    def value(self) -> float:
        """Give the loss."""
        with torch.no_grad():
            total = torch.zeros((), dtype=self.theta.dtype, device=self.theta.device)
            for logits, y in self._outputs(self.theta.unsqueeze(0)):
                total += self.criterion.value(logits, y).sum()
            total = total / self.samples + 0.5 * self.weight_decay * self.theta.square().sum()
        return float(total)

    def logits(self) -> Tensor:
        """Give the outputs of every sample, ``[N, C]``."""
        with torch.no_grad():
            return torch.cat([z.squeeze(0) for z, _ in self._outputs(self.theta.unsqueeze(0))])

    def loss_and_gradient(self) -> tuple[float, Tensor]:
        """Give the loss and its gradient ``[P]``."""
        theta, buffers = self.theta.unsqueeze(0), self.buffers_of(1)
        total = 0.0
        gradient = self.weight_decay * self.theta
        for x, y in self._chunks(copies=1):
            loss, _, slope, _ = self.network.loss_and_gradient(
                theta, x, y, self.loss, buffers, self.training, count_correct=False
            )
            share = y.shape[1] / self.samples
            gradient = gradient + share * slope.squeeze(0)
            total += share * float(loss)
        return total + 0.5 * self.weight_decay * float(self.theta.square().sum()), gradient

    def gradient(self) -> Tensor:
        """Give the gradient ``[P]``."""
        return self.loss_and_gradient()[1]

    def hessian_product(self, vectors: Tensor) -> Tensor:
        """Apply the Hessian to ``vectors``, ``[P]`` or ``[M, P]`` (Pearlmutter 1994)."""
        rows = self._rows(vectors)
        if self._linearised is not None:
            return self._linearised.product(rows).view_as(vectors)
        theta = self._copies(rows)
        result = self.weight_decay * rows
        for logits, y in self._outputs(theta):
            part = self.criterion.value(logits, y).sum() / self.samples
            (gradient,) = torch.autograd.grad(part, theta, create_graph=True)
            result += _product(gradient, theta, rows)
        return result.view_as(vectors)

    def gauss_newton_product(self, vectors: Tensor) -> Tensor:
        """Apply the Gauss-Newton matrix to ``vectors``, ``[P]`` or ``[M, P]`` (Schraudolph 2002).

        It is mean_n J_n^T (d2 loss / d outputs2) J_n plus weight decay: the Hessian with the
        network replaced by its linearisation.
        """
        rows = self._rows(vectors)
        theta = self._copies(rows)
        result = self.weight_decay * rows
        for logits, y in self._outputs(theta):
            pushed = _forward_derivative(logits, theta, rows)
            curvature = output_hessian(self.loss, logits[0].detach(), y[0]) / self.samples
            pulled = torch.einsum("ncd,mnd->mnc", curvature, pushed)
            result += torch.autograd.grad(logits, theta, pulled)[0]
        return result.view_as(vectors)

    @cached_property
    def _linearised(self) -> "Linearised | None":
        """The faster products of a fully connected network without batchnorm."""
        spec = self.network.spec
        if spec.kind != "dense" or spec.batchnorm != "off":
            return None
        return Linearised(
            layers=affine_layers(self.network, self.theta),
            x=self.x.flatten(1),
            y=self.y,
            activation=spec.activation,
            loss=self.loss,
            weight_decay=self.weight_decay,
            chunk=self.chunk or _CHUNK_ROWS,
        )

    def _outputs(self, theta: Tensor) -> Iterator[tuple[Tensor, Tensor]]:
        """Give outputs ``[M, n, C]`` and classes ``[1, n]`` chunk by chunk."""
        buffers = self.buffers_of(len(theta))
        for x, y in self._chunks(len(theta)):
            yield self.network.forward(theta, x, buffers, self.training)[0], y

    def _chunks(self, copies: int) -> Iterator[tuple[Tensor, Tensor]]:
        """Give samples ``[1, n, *shape]`` and classes ``[1, n]`` for so many copies at once."""
        size = self.chunk or max(1, _CHUNK_ROWS // copies)
        if self.couples_samples:
            size = self.samples
        for start in range(0, self.samples, size):
            part = slice(start, start + size)
            yield self.x[part].unsqueeze(0), self.y[part].unsqueeze(0)

    def buffers_of(self, copies: int) -> Tensor:
        """Give the batchnorm statistics of ``copies`` equal members, ``[M, Q]``."""
        assert self.buffers is not None
        return self.buffers.unsqueeze(0).expand(copies, -1)

    def _copies(self, rows: Tensor) -> Tensor:
        return self.theta.expand_as(rows).clone().requires_grad_()

    def _rows(self, vectors: Tensor) -> Tensor:
        if vectors.shape[-1] != self.parameter_count or vectors.ndim not in (1, 2):
            raise CurvatureError(
                f"vectors have shape {tuple(vectors.shape)}; expected [P] or [M, P] with "
                f"P = {self.parameter_count}."
            )
        return vectors.reshape(-1, self.parameter_count).to(self.theta)


def _product(gradient: Tensor, theta: Tensor, rows: Tensor) -> Tensor:
    """Differentiate ``gradient . rows`` by ``theta``; zero where the gradient is constant."""
    if not gradient.requires_grad:
        return torch.zeros_like(rows)
    (product,) = torch.autograd.grad(gradient, theta, rows, allow_unused=True)
    return torch.zeros_like(rows) if product is None else product


def _forward_derivative(outputs: Tensor, theta: Tensor, rows: Tensor) -> Tensor:
    """Derivative of ``outputs`` along ``rows``, by differentiating the reverse pass twice."""
    weights = torch.zeros_like(outputs, requires_grad=True)
    (pulled,) = torch.autograd.grad(outputs, theta, weights, create_graph=True)
    (pushed,) = torch.autograd.grad(pulled, weights, rows, retain_graph=True)
    return pushed


def _require_shapes(network: Network, theta: Tensor, buffers: Tensor, x: Tensor, y: Tensor) -> None:
    if theta.shape != (network.parameter_count,):
        raise CurvatureError(
            f"theta has shape {tuple(theta.shape)}; this network has "
            f"{network.parameter_count} parameters, so expected ({network.parameter_count},)."
        )
    if buffers.numel() != network.buffer_count:
        raise CurvatureError(
            f"buffers hold {buffers.numel()} values; this network keeps {network.buffer_count}."
        )
    if x.shape[0] != y.shape[0] or y.ndim != 1 or not len(y):
        raise CurvatureError(
            f"x has {x.shape[0]} samples and y has shape {tuple(y.shape)}; expected [N] of one "
            "N, at least 1."
        )
