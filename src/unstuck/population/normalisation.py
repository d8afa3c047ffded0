"""Batch normalisation of stacked networks."""

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.arithmetic import exp, standard_normal
from unstuck.population.layers import Layer, Pass, Saved, Shape, Tensors

EPSILON = 1e-5
"""Added to the variance before the root, as in torch.nn.BatchNorm1d."""

NOISE_STREAM = 3
"""Stream of random numbers, beside the seed, from which the noise of an update is drawn."""


def draw_noise(
    key: Sequence[int], features: int, deviation: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the factors and the shifts `[C]` of one update: exp(N(0, d²)) and N(0, d²).

    `key` is the seed, the update and the number of the layer.
    """
    seed, *place = key
    generator = np.random.default_rng([seed, NOISE_STREAM, *place])
    factor, shift = deviation * standard_normal(generator, (2, features))
    return exp(factor), shift


class BatchNorm(Layer):
    """Batch normalisation (Ioffe & Szegedy 2015) of each feature, per member.

    In training a feature is normalised by the mean and the biased variance of the member's own
    batch, over samples and places. The running mean and the running variance (of the unbiased
    variance) move by `momentum` towards those of the batch; they are used at inference. A batch of
    one row has variance 0, so the output is `beta`; its unbiased variance does not exist, so the
    running variance stays as it is (torch refuses such a batch).

    A noisy layer multiplies and shifts each feature of its output by what stands in two further
    buffers, alike for all samples, as long as it is in training: the drift of the next layer's
    inputs that normalisation takes away (Santurkar et al. 2018, section 2.1). A training pass uses
    the noise up: the new buffers hold factor 1 and shift 0.
    """

    def __init__(self, shape: Shape, momentum: float, *, noisy: bool = False) -> None:
        features = shape[-1:]
        self.parameters = {"gamma": features, "beta": features}
        self.buffers = {"running_mean": features, "running_variance": features}
        if noisy:
            self.buffers |= {"noise_factor": features, "noise_shift": features}
        self.output_shape = shape
        self._momentum = momentum
        self._noisy = noisy

    def initial_parameters(self, generator: np.random.Generator) -> list[NDArray[np.float64]]:
        return [np.ones(self.output_shape[-1]), np.zeros(self.output_shape[-1])]

    def initial_buffers(self) -> list[NDArray[np.float64]]:
        zeros, ones = np.zeros(self.output_shape[-1]), np.ones(self.output_shape[-1])
        return [zeros, ones, *([ones, zeros] if self._noisy else [])]

    def forward(self, x: Tensor, parameters: Tensors, buffers: Tensors, training: bool) -> Pass:
        gamma, beta = (parameter.unsqueeze(1) for parameter in parameters)
        rows = x.reshape(x.shape[0], -1, x.shape[-1])
        statistics, noise = buffers[:2], buffers[2:]
        if training:
            mean = rows.mean(1, keepdim=True)
            centred = rows - mean
            variance = centred.square().mean(1, keepdim=True)
            statistics = self._moved(statistics, mean, variance, rows.shape[1])
        else:
            mean, variance = (buffer.unsqueeze(1) for buffer in statistics)
            centred = rows - mean
        inverse = torch.rsqrt(variance + EPSILON)  # [K, 1, C]
        normal = centred * inverse
        output = torch.addcmul(beta, normal, gamma)
        factor: Tensor | None = None
        if training and self._noisy:
            factor, shift = (each.unsqueeze(1) for each in noise)
            output = torch.addcmul(shift, output, factor)
            noise = torch.ones_like(noise[0]), torch.zeros_like(noise[1])
        saved = normal, inverse, factor, training
        return Pass(output.view(-1, *x.shape[1:]), saved, (*statistics, *noise))

    def _moved(
        self, statistics: Tensors, mean: Tensor, variance: Tensor, rows: int
    ) -> list[Tensor]:
        running_mean, running_variance = statistics
        new_mean = torch.lerp(running_mean, mean.squeeze(1), self._momentum)
        if rows == 1:
            return [new_mean, running_variance]
        unbiased = variance.squeeze(1) * (rows / (rows - 1))
        return [new_mean, torch.lerp(running_variance, unbiased, self._momentum)]

    def backward(
        self, upstream: Tensor, saved: Saved, parameters: Tensors, wants_input: bool
    ) -> tuple[Tensors, Tensor | None]:
        normal: Tensor
        inverse: Tensor
        normal, inverse, factor, training = saved
        rows = upstream.reshape(normal.shape)
        if factor is not None:
            rows = rows * factor
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
