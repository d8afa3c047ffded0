"""Training by the lanes kernel: what it is told of networks, and populations that train by it."""

import math

import numpy as np
from numpy.typing import NDArray

from unstuck.lanes.network import KINDS, MOST_LAYERS, Description, Layer
from unstuck.optim.coefficients import Coefficients
from unstuck.population.convolution import Convolution, LocalConvolution
from unstuck.population.layers import Activation, MeanPool, Reshape
from unstuck.population.layers import Layer as PopulationLayer
from unstuck.population.linear import Linear
from unstuck.population.network import Network
from unstuck.population.normalisation import EPSILON, BatchNorm


def describe(network: Network, loss: str) -> Description:
    """Describe a network to the kernel.

    Raises
    ------
    ValueError
        If it has a layer that the kernel does not know, or too many layers.
    """
    spec, layers = network.spec, []
    shape = network.input_shape
    shape = (math.prod(shape),) if spec.kind == "dense" else (*shape[1:], shape[0])
    parameters = buffers = noise = 0
    for layer in network.layers:
        if not isinstance(layer, Reshape):  # its input lies in memory as its output does
            row = Layer(kind=KINDS.index(_kind(layer, network)), parameters=parameters)
            row.buffers, row.noise = buffers, -1
            row.height_in, row.width_in, row.channels_in = _map(shape)
            row.height_out, row.width_out, row.channels_out = _map(layer.output_shape)
            if isinstance(layer, Convolution | LocalConvolution):
                flat = len(shape) == 2
                row.kernel_height, row.kernel_width = 1 if flat else spec.kernel, spec.kernel
                row.pad_height, row.pad_width = 0 if flat else spec.margin, spec.margin
                row.stride = spec.stride
            elif isinstance(layer, Linear):
                row.kernel_height = row.kernel_width = row.stride = 1
            elif isinstance(layer, BatchNorm) and network.is_noisy:
                row.noise = noise
                noise += 2 * shape[-1]
            layers.append(row)
        parameters += sum(math.prod(each) for each in layer.parameters.values())
        buffers += sum(math.prod(each) for each in layer.buffers.values())
        shape = layer.output_shape
    if len(layers) > MOST_LAYERS:
        raise ValueError(f"the kernel holds {MOST_LAYERS} layers, not {len(layers)}")
    return Description(
        tuple(layers),
        parameters,
        buffers,
        noise,
        loss,
        network.classes,
        spec.batchnorm_momentum,
        EPSILON,
    )


def _kind(layer: PopulationLayer, network: Network) -> str:
    if isinstance(layer, Activation):
        return network.spec.activation
    kinds = {
        Linear: "convolution",
        Convolution: "convolution",
        LocalConvolution: "local",
        BatchNorm: "batchnorm",
        MeanPool: "mean",
    }
    if type(layer) not in kinds:
        raise ValueError(f"the kernel has no layer {type(layer).__name__}")
    return kinds[type(layer)]


def _map(shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Return height, width and channels of a map of two, one or no dimensions."""
    height, width, channels = (1, 1, *shape)[-3:]
    return height, width, channels


def features_last(x: NDArray[np.floating], network: Network) -> NDArray[np.floating]:
    """Return samples `[N, F]` of `[N, *input_shape]`, as the kernel takes them."""
    if network.spec.kind != "dense":
        x = np.moveaxis(x, 1, -1)
    return x.reshape(len(x), -1)


def parts_of(row: Coefficients) -> int:
    """Return which parts of the update rule an optimizer needs, in the bits of the kernel."""
    needed = (
        row.weight_decay > 0 and not row.decoupled_decay,
        row.weight_decay > 0 and row.decoupled_decay,
        row.uses_accumulator,
        row.normalises_gradient,
        row.uses_momentum,
        row.nesterov or not row.uses_momentum,  # the step follows the gradient too, or alone
    )
    return sum(1 << bit for bit, each in enumerate(needed) if each)
