"""Stacked networks of one architecture: outputs, losses and gradients of K members at once."""

import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.complaints import stopped
from unstuck.errors import ConfigError
from unstuck.population.convolution import Convolution, LocalConvolution
from unstuck.population.initialisation import draw_weights, weight_generator
from unstuck.population.layers import Activation, Layer, MeanPool, Reshape, Saved, Shape, Tensors
from unstuck.population.layout import Layout, Slot
from unstuck.population.linear import Linear
from unstuck.population.losses import criterion_of
from unstuck.population.normalisation import BatchNorm, draw_noise
from unstuck.population.spec import NetworkSpec


class Network:
    """K networks of one architecture over flat parameters `[K, P]` and buffers `[K, Q]`.

    Nothing of a member depends on the others, neither on their number nor on their values: run
    eagerly in one thread, its losses, gradients, buffers and outputs are the same bits in any
    population (float32 and float64, any batch size; see `products`). Compiled code only agrees to
    rounding.

    Parameters
    ----------
    spec
        The architecture and the rule of initialisation.
    input_shape
        Shape of one sample: `(features,)`, `(C, L)` or `(C, H, W)`; dense networks flatten it.
    classes
        Classes to be told apart.
    loss
        Loss that the network is for, a key of `LOSSES`: it decides the outputs of the last layer,
        one a class unless the loss says otherwise.

    Examples
    --------
    >>> import unstuck
    >>> network = unstuck.Network(unstuck.NetworkSpec(hidden=(8,)), (64,), classes=10)
    >>> network.parameter_count, network.initial(seed=0).shape
    (610, torch.Size([610]))

    Raises
    ------
    ConfigError
        If the input does not suit the kind of network, a map would vanish, or the loss is unknown.
    """

    def __init__(
        self,
        spec: NetworkSpec,
        input_shape: Shape,
        classes: int,
        loss: str = "cross_entropy",
    ) -> None:
        self.spec = spec
        self.input_shape = input_shape
        self.classes = classes
        named = _layers(spec, input_shape, criterion_of(loss).output_count(classes))
        self.layers: tuple[Layer, ...] = tuple(named.values())
        self._parameters, self._parameter_spans = _lay(named, lambda layer: layer.parameters)
        self._buffers, self._buffer_spans = _lay(named, lambda layer: layer.buffers)
        self._first_trained = next(i for i, layer in enumerate(self.layers) if layer.parameters)

    @property
    def layout(self) -> tuple[Slot, ...]:
        """Where each parameter tensor lies in a member's flat vector `[P]`."""
        return self._parameters.slots

    @property
    def buffer_layout(self) -> tuple[Slot, ...]:
        """Where each buffer lies in a member's flat vector `[Q]`."""
        return self._buffers.slots

    @property
    def is_noisy(self) -> bool:
        """Whether training perturbs what batch normalisation gives out (`disturb`)."""
        return self.spec.batchnorm != "off" and self.spec.batchnorm_noise > 0

    @property
    def parameter_count(self) -> int:
        """Parameters P of one member."""
        return self._parameters.size

    @property
    def multiply_adds(self) -> int:
        """Multiply-adds in the matrix products of one sample's way through one member."""
        return sum(layer.multiply_adds for layer in self.layers)

    @property
    def activation_count(self) -> int:
        """Estimate of the numbers that a pass keeps per sample, unfolded patches included."""
        kept = sum(math.prod(layer.output_shape) for layer in self.layers)
        if self.spec.kind == "dense":
            return math.prod(self.input_shape) + 2 * kept
        axes = len(self.input_shape) - 1
        return int(self.spec.kernel**axes * (math.prod(self.input_shape) + kept))

    @property
    def buffer_count(self) -> int:
        """Buffers Q of one member: running means and variances; 0 without batch normalisation."""
        return self._buffers.size

    def views(self, theta: Tensor) -> dict[str, Tensor]:
        """Return views `[K, *shape]` of the parameters `[K, P]` by name."""
        return dict(
            zip((slot.name for slot in self.layout), self._parameters.views(theta), strict=True)
        )

    def initial(self, seed: int) -> Tensor:
        """Return the initial parameters `[P]` in float64, which depend on spec and seed only."""
        generator = weight_generator(seed)
        drawn = [a for layer in self.layers for a in layer.initial_parameters(generator)]
        if self.spec.initial_bias:
            # drawn after all weights, which are those of an even start
            drawn[-1][generator.integers(drawn[-1].size)] = self.spec.initial_bias
        return _flat(drawn)

    def initial_buffers(self) -> Tensor:
        """Return the initial buffers `[Q]` in float64."""
        return _flat([array for layer in self.layers for array in layer.initial_buffers()])

    def disturb(self, buffers: Tensor, seeds: Sequence[int], update: int) -> None:
        """Put into buffers `[K, Q]` the noise that the training pass of one update uses up.

        The noise depends on a member's seed and on the update only.

        Parameters
        ----------
        seeds
            Of the K members.
        update
            Updates made so far.
        """
        drawn = {seed: self.noise(seed, update) for seed in sorted(set(seeds))}
        noise = torch.from_numpy(np.stack([drawn[seed] for seed in seeds]))
        start = 0
        for slot, held in zip(self.buffer_layout, self._buffers.views(buffers), strict=True):
            if "noise" in slot.name:
                held.copy_(noise[:, start : start + held.shape[1]])
                start += held.shape[1]

    def noise(self, seed: int, update: int) -> NDArray[np.float64]:
        """Draw factors, then shifts, of every normalisation in turn for one member's update."""
        layers = [layer for layer in self.layers if isinstance(layer, BatchNorm)]
        drawn = [
            draw_noise([seed, update, number], layer.output_shape[-1], self.spec.batchnorm_noise)
            for number, layer in enumerate(layers)
        ]
        return np.concatenate([each for pair in drawn for each in pair])

    def forward(
        self, theta: Tensor, x: Tensor, buffers: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the outputs `[K, B, C]`, one a class as a rule, and the new buffers `[K, Q]`.

        Pure, and traceable by autograd and torch.func.

        Parameters
        ----------
        theta
            Parameters `[K, P]`.
        x
            Samples `[K, B, *input_shape]`, or `[1, B, *input_shape]` shared by all members.
        buffers
            Running statistics `[K, Q]`.
        training
            Whether batch normalisation uses each member's own batch (and moves the buffers) or the
            running statistics.
        """
        parameters = self._parameters.views(theta)
        outputs, _, new_buffers = self._run(parameters, x, buffers, training)
        return outputs, new_buffers

    def loss_and_correct(
        self, theta: Tensor, x: Tensor, y: Tensor, loss: str, buffers: Tensor, training: bool
    ) -> tuple[Tensor, Tensor]:
        """Return the mean loss `[K]`, differentiable, and the number of correct samples `[K]`.

        `y` `[K, B]` or `[1, B]` holds classes; `loss` is a key of `LOSSES`.
        """
        criterion = criterion_of(loss)
        outputs, _ = self.forward(theta, x, buffers, training)
        return criterion.value(outputs, y).mean(1), criterion.correct(outputs, y, self.classes)

    @torch.no_grad()
    def loss_and_gradient(
        self,
        theta: Tensor,
        x: Tensor,
        y: Tensor,
        loss: str,
        buffers: Tensor,
        training: bool,
        out: Tensor | None = None,
        count_correct: bool = True,
    ) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the mean loss of each member's batch and its gradient, without an autograd graph.

        Arguments are those of `forward` and `loss_and_correct`.

        Returns
        -------
        loss : `[K]`
        correct : `[K]` int64, samples put into their class; empty if they are not to be counted
        gradient : `[K, P]`, written into `out` if it is given
        new_buffers : `[K, Q]`
        """
        criterion = criterion_of(loss)
        parameters = self._parameters.views(theta)
        outputs, saved, new_buffers = self._run(parameters, x, buffers, training)
        value, upstream = criterion.value_and_gradient(outputs, y)
        gradient = torch.cat(self._backward(upstream, saved, parameters), 1, out=out)
        correct = criterion.correct(outputs, y, self.classes) if count_correct else y.new_empty(0)
        return value.mean(1), correct, gradient, new_buffers

    def _run(
        self, parameters: Tensors, x: Tensor, buffers: Tensor, training: bool
    ) -> tuple[Tensor, list[Saved], Tensor]:
        """Return the outputs, what each layer saved, and the new buffers."""
        old_buffers = self._buffers.views(buffers) if self.buffer_count else ()
        moved: list[Tensor] = []
        saved = []
        hidden = x.flatten(2) if self.spec.kind == "dense" else x.movedim(2, -1)
        for layer, held, buffered in zip(
            self.layers, self._parameter_spans, self._buffer_spans, strict=True
        ):
            done = layer.forward(hidden, parameters[held], old_buffers[buffered], training)
            hidden = done.output
            saved.append(done.saved)
            moved.extend(done.buffers)
        return hidden, saved, torch.cat(moved, 1) if training and moved else buffers

    def _backward(self, upstream: Tensor, saved: list[Saved], parameters: Tensors) -> list[Tensor]:
        """Return the gradients by the parameters `[K, size]`, slot by slot."""
        gradients: list[Tensor] = []
        flowing: Tensor | None = upstream
        for index in range(len(self.layers) - 1, self._first_trained - 1, -1):
            assert flowing is not None
            own, flowing = self.layers[index].backward(
                flowing,
                saved[index],
                parameters[self._parameter_spans[index]],
                index > self._first_trained,
            )
            gradients = [gradient.flatten(1) for gradient in own] + gradients
        return gradients


def _flat(arrays: list[NDArray[np.float64]]) -> Tensor:
    return torch.from_numpy(np.concatenate([np.empty(0), *(array.ravel() for array in arrays)]))


def _lay(
    named: dict[str, Layer], tensors: Callable[[Layer], Mapping[str, Shape]]
) -> tuple[Layout, list[slice]]:
    """Lay the tensors of all layers end to end, and return which slots belong to which layer."""
    flat: list[tuple[str, Shape]] = []
    spans: list[slice] = []
    for name, layer in named.items():
        own = tensors(layer)
        spans.append(slice(len(flat), len(flat) + len(own)))
        flat += [(f"{name}.{tensor}", shape) for tensor, shape in own.items()]
    return Layout.of(flat), spans


def _layers(spec: NetworkSpec, input_shape: Shape, outputs: int) -> dict[str, Layer]:
    """Build the layers of a network by name, from input to output."""
    try:
        spec.hidden_weights(input_shape)
    except ValueError as error:
        raise ConfigError(stopped(str(error))) from error
    draw = partial(draw_weights, spec)
    layers: dict[str, Layer] = {}
    shape = _features_last(spec, input_shape)
    for number, width in enumerate(spec.widths, start=1):
        if spec.kind == "dense":
            main: Layer = Linear(shape[-1], width, draw)
            layers[f"linear{number}"] = main
        else:
            convolve = LocalConvolution if spec.kind in ("local1d", "local2d") else Convolution
            main = convolve(
                shape, width, kernel=spec.kernel, stride=spec.stride, padding=spec.margin, draw=draw
            )
            layers[f"convolution{number}"] = main
        shape = main.output_shape
        norm = BatchNorm(shape, spec.batchnorm_momentum, noisy=spec.batchnorm_noise > 0)
        if spec.batchnorm == "before":
            layers[f"batchnorm{number}"] = norm
        layers[f"activation{number}"] = Activation(spec.activation, shape)
        if spec.batchnorm == "after":
            layers[f"batchnorm{number}"] = norm
    if len(shape) > 1:
        pool = MeanPool(shape) if spec.pool == "mean" else Reshape(shape)
        layers["pool"], shape = pool, pool.output_shape
    layers["head"] = Linear(shape[-1], outputs, draw)
    return layers


def _features_last(spec: NetworkSpec, input_shape: Shape) -> Shape:
    if spec.kind == "dense":
        return (int(np.prod(input_shape)),)
    return (*input_shape[1:], input_shape[0])
