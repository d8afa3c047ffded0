"""What the kernel is told: networks, samples, members and updates, as ``kernel.cpp`` lays them."""

from __future__ import annotations

import ctypes
from collections.abc import Sequence
from ctypes import POINTER, c_double, c_int64, c_void_p
from dataclasses import dataclass

KINDS = ("convolution", "local", "batchnorm", "tanh", "relu", "sigmoid", "mean")
LOSSES = ("cross_entropy", "squared_error", "softmax_squared_error", "class_number")
#: most layers of a network
MOST_LAYERS = 256


class Layer(ctypes.Structure):
    """One layer; maps are `[height, width, channels]`, and a dense layer's are of one place.

    Fields that a kind has no use for are 0.
    """

    _fields_ = [
        (name, c_int64)
        for name in (
            *("kind", "height_in", "width_in", "channels_in"),
            *("height_out", "width_out", "channels_out"),
            *("kernel_height", "kernel_width", "stride", "pad_height", "pad_width"),
            *("parameters", "buffers", "noise"),
        )
    ]


class Net(ctypes.Structure):
    """A network, and the loss that it descends."""

    _fields_ = [
        ("layers", POINTER(Layer)),
        ("layer_count", c_int64),
        ("parameters", c_int64),
        ("noise", c_int64),
        ("loss", c_int64),
        ("classes", c_int64),
        ("block", c_int64),
        ("bn_momentum", c_double),
        ("bn_epsilon", c_double),
    ]


class Part(ctypes.Structure):
    """Samples `[N, F]`, their classes, and the first row of each member."""

    _fields_ = [("x", c_void_p), ("y", c_void_p), ("offsets", c_void_p)]


class State(ctypes.Structure):
    """State of the members of one register."""

    _fields_ = [(name, c_void_p) for name in ("theta", "momentum", "squares", "buffers")]


class Stretch(ctypes.Structure):
    """Updates that are made in one call."""

    _fields_ = [
        ("count", c_int64),
        ("sizes", c_void_p),
        ("orders", c_void_p),
        ("terms", c_void_p),
        ("rates", c_void_p),
        ("noise", c_void_p),
        ("parts", c_int64),
    ]


@dataclass(frozen=True)
class Description:
    """A network as the kernel sees it.

    Parameters
    ----------
    layers
        From input to output.
    parameters, buffers, noise
        Numbers of one member: P, Q, and the factors and shifts that noise needs for an update.
    loss, classes
        A name of `LOSSES`, and the classes that it tells apart.
    block
        Samples that are summed, and go through the network, together: part of what decides the
        bits, so it must follow from the network alone.
    bn_momentum, bn_epsilon
        Of batch normalisation.
    """

    layers: Sequence[Layer]
    parameters: int
    buffers: int
    noise: int
    loss: str
    classes: int
    block: int
    bn_momentum: float = 0.1
    bn_epsilon: float = 1e-5

    @property
    def features(self) -> int:
        """Numbers of one sample."""
        first = self.layers[0]
        return int(first.height_in * first.width_in * first.channels_in)

    @property
    def has_batchnorm(self) -> bool:
        """Whether samples of a batch depend on each other."""
        return any(layer.kind == KINDS.index("batchnorm") for layer in self.layers)

    def structure(self) -> Net:
        """Return the structure; it keeps its layers alive."""
        layers = (Layer * len(self.layers))(*self.layers)
        net = Net(
            ctypes.cast(layers, POINTER(Layer)),
            len(self.layers),
            self.parameters,
            self.noise,
            LOSSES.index(self.loss),
            self.classes,
            self.block,
            self.bn_momentum,
            self.bn_epsilon,
        )
        net.kept = layers
        return net
