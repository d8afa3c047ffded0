"""Batch normalisation of stacked networks."""

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.population.layers import Layer, Pass, Saved, Shape, Tensors

EPSILON = 1e-5
"""Added to the variance before the root, as in torch.nn.BatchNorm1d."""


class BatchNorm(Layer):
    """Batch normalisation (Ioffe & Szegedy 2015) of each feature, per member.

    In training a feature is normalised by the mean and the biased variance of the member's own
    batch, over samples and places. The running mean and the running variance (of the unbiased
    variance) move by `momentum` towards those of the batch; they are used at inference. A batch of
    one row has variance 0, so the output is `beta`; its unbiased variance does not exist, so the
    running variance stays as it is (torch refuses such a batch).
    """

    def __init__(self, shape: Shape, momentum: float) -> None:
        features = shape[-1:]
        self.parameters = {"gamma": features, "beta": features}
        self.buffers = {"running_mean": features, "running_variance": features}
        self.output_shape = shape
        self._momentum = momentum

    def initial_parameters(self, generator: np.random.Generator) -> list[NDArray[np.float64]]:
        return [np.ones(self.output_shape[-1]), np.zeros(self.output_shape[-1])]

    def initial_buffers(self) -> list[NDArray[np.float64]]:
        return [np.zeros(self.output_shape[-1]), np.ones(self.output_shape[-1])]

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        gamma, beta = (parameter.unsqueeze(1) for parameter in parameters)
        rows = x.reshape(x.shape[0], -1, x.shape[-1])
        if training:
            mean = rows.mean(1, keepdim=True)
            centred = rows - mean
            variance = centred.square().mean(1, keepdim=True)
            buffers = self._moved(buffers, mean, variance, rows.shape[1])
        else:
            mean, variance = (buffer.unsqueeze(1) for buffer in buffers)
            centred = rows - mean
        inverse = torch.rsqrt(variance + EPSILON)  # [K, 1, C]
        normal = centred * inverse
        output = torch.addcmul(beta, normal, gamma).view(-1, *x.shape[1:])
        return Pass(output, (normal, inverse, training), tuple(buffers))

    def _moved(self, buffers: Tensors, mean: Tensor, variance: Tensor, rows: int) -> Tensors:
        running_mean, running_variance = buffers
        new_mean = torch.lerp(running_mean, mean.squeeze(1), self._momentum)
        if rows == 1:
            return new_mean, running_variance
        unbiased = variance.squeeze(1) * (rows / (rows - 1))
        return new_mean, torch.lerp(running_variance, unbiased, self._momentum)

    def backward(
        self, upstream: Tensor, saved: Saved, parameters: Tensors, wants_input: bool
    ) -> tuple[Tensors, Tensor | None]:
        normal: Tensor
        inverse: Tensor
        normal, inverse, training = saved
        rows = upstream.reshape(normal.shape)
        gamma_gradient = (rows * normal).sum(1, keepdim=True)  # [K, 1, C]
        beta_gradient = rows.sum(1, keepdim=True)
        gradients = gamma_gradient.squeeze(1), beta_gradient.squeeze(1)
        if not wants_input:
            return gradients, None
        if training:
            share = -1 / rows.shape[1]
            rows = torch.add(rows, beta_gradient, alpha=share)
            rows = torch.addcmul(rows, normal, gamma_gradient, value=share)
        scale = parameters[0].unsqueeze(1) * inverse  # [K, 1, C]
        return gradients, (rows * scale).view(upstream.shape)
