"""Dense Hessian and Gauss-Newton matrix of a fully connected network, layer pair by layer pair.

Write z_l = [a_{l-1}, 1] W_l for the pre-activations ``[N, o]`` of layer l, W_l holding the bias
as its last row, g_l for the gradient of a sample's loss by z_l, R_ml = d g_m / d z_l ``[N, q, o]``
and D_ml = d a_{m-1} / d z_l ``[N, p, o]``. Then, with m >= l,

    d2 L / d W_l[i, o] d W_m[p, q] = sum_n a_{l-1}[i] (a_{m-1}[p] R_ml[q, o] + D_ml[p, o] g_m[q])

(Botev et al. 2017, eq. 5 to 8, give the diagonal R_ll). R is back-propagated once, so each pair of
layers costs one matrix product over the samples; on the diagonal and between neighbours that
product runs over pairs of inputs, and on the diagonal only over i <= p and o <= q. The
Gauss-Newton matrix is the same with second derivatives of the activations, and D, left out.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.curvature.hessian.activations import way_through
from unstuck.curvature.hessian.output_hessian import criterion, output_hessian
from unstuck.population.network import Network

# Bytes of the largest temporary of one chunk of samples.
_CHUNK_BYTES = 12 * 2**20

Kind = Literal["hessian", "gauss_newton"]
Places = NDArray[np.int64]


@dataclass(frozen=True)
class Affine:
    """One layer: weights ``[i + 1, o]``, the bias last, stored from ``start`` on."""

    weights: Tensor
    start: int

    @property
    def stop(self) -> int:
        """First element after the layer."""
        return self.start + self.weights.numel()


def affine_layers(network: Network, theta: Tensor) -> list[Affine]:
    """Cut flat parameters into the layers of a dense network without batchnorm."""
    slots = network.layout
    return [
        Affine(theta[weight.start : bias.stop].view(-1, bias.shape[0]), weight.start)
        for weight, bias in zip(slots[::2], slots[1::2], strict=True)
    ]


@dataclass(frozen=True)
class _Setting:
    activation: str
    loss: str
    samples: int  # N, of all chunks together
    second_order: bool  # whether terms with second derivatives of the activation count


@dataclass(frozen=True)
class _Chunk:
    """Derivatives of the loss of some samples by the pre-activations, layer by layer."""

    inputs: list[Tensor]  # [i + 1, n], the last row 1
    slopes: list[Tensor]  # [n, o], derivative of the activation; not for the last layer
    gradients: list[Tensor]  # g_l [n, o], divided by N
    hessians: list[Tensor]  # R_ll [n, o, o], divided by N


def matrix(
    layers: list[Affine], x: Tensor, y: Tensor, *, activation: str, loss: str, kind: Kind
) -> Tensor:
    """Give the Hessian or Gauss-Newton matrix ``[P, P]`` of the mean loss.

    Parameters
    ----------
    layers
        The layers from the input on, laid end to end from 0.
    x, y
        Samples ``[N, i]`` and classes ``[N]``.
    activation
        ``tanh``, ``relu`` or ``sigmoid``, between the layers.
    loss
        A key of ``unstuck.population.losses.LOSSES``.
    """
    setting = _Setting(activation, loss, x.shape[0], kind == "hessian")
    depth = len(layers)
    blocks: dict[tuple[int, int], Tensor] = {}
    for first in range(depth):
        for second in range(first, depth):
            blocks[first, second] = x.new_zeros(_shape(layers, first, second))
    for start, stop in _chunks(layers, x.shape[0], x.element_size()):
        chunk = _differentiate(layers, x[start:stop], y[start:stop], setting)
        _accumulate(blocks, layers, chunk, setting.second_order)
    result = x.new_empty(layers[-1].stop, layers[-1].stop)
    for pair in list(blocks):
        _place(result, blocks.pop(pair), layers, pair)
    return result


def _shape(layers: list[Affine], first: int, second: int) -> tuple[int, int]:
    """Shape of the matrix product of a pair of layers, before it is unfolded."""
    (i, o), (p, q) = layers[first].weights.shape, layers[second].weights.shape
    if first == second:
        return i * (i + 1) // 2, o * (o + 1) // 2
    if second == first + 1:
        return i * p, q * o
    return i, p * q * o


def _chunks(layers: list[Affine], samples: int, size: int) -> Iterator[tuple[int, int]]:
    widest = 1
    for first in range(len(layers)):
        for second in range(first, len(layers)):
            (i, o), (p, q) = layers[first].weights.shape, layers[second].weights.shape
            half = i * (i + 1) // 2 if first == second else i * p
            widest = max(widest, half if second <= first + 1 else p * q * o)
    step = max(16, _CHUNK_BYTES // (widest * size))
    for start in range(0, samples, step):
        yield start, min(start + step, samples)


def _differentiate(layers: list[Affine], x: Tensor, y: Tensor, setting: _Setting) -> _Chunk:
    weights = [layer.weights for layer in layers]
    inputs, slopes, bends, outputs = way_through(weights, x, setting.activation)
    gradient = criterion(setting.loss).value_and_gradient(outputs[None], y[None])[1][0]
    # the loss gives the gradient of the mean over its batch, which here is one chunk
    gradient = gradient * (len(y) / setting.samples)
    hessian = output_hessian(setting.loss, outputs, y) / setting.samples
    gradients, hessians = [gradient], [hessian]
    for layer, slope, bend in zip(layers[:0:-1], slopes[::-1], bends[::-1], strict=True):
        kernel = layer.weights[:-1]
        upstream = gradient @ kernel.mT
        hessian = kernel @ (hessian @ kernel.mT)
        hessian *= slope.unsqueeze(2) * slope.unsqueeze(1)
        if setting.second_order and bend is not None:
            hessian.diagonal(dim1=1, dim2=2).add_(upstream * bend)
        gradient = upstream * slope
        gradients.append(gradient)
        hessians.append(hessian)
    columns = [rows.mT.contiguous() for rows in inputs]
    return _Chunk(columns, slopes, gradients[::-1], hessians[::-1])


def _accumulate(
    blocks: dict[tuple[int, int], Tensor],
    layers: list[Affine],
    chunk: _Chunk,
    second_order: bool,
) -> None:
    for second in range(len(layers)):
        mixed = chunk.hessians[second]
        outer = _outer_half(chunk.inputs[second], chunk.inputs[second])
        blocks[second, second].addmm_(outer, _half(mixed))
        reach: Tensor | None = None
        for first in range(second - 1, -1, -1):
            kernel, slope = layers[first + 1].weights[:-1], chunk.slopes[first]
            mixed = (mixed @ kernel.mT) * slope.unsqueeze(1)
            reach = (
                torch.diag_embed(slope)
                if reach is None
                else (reach @ kernel.mT) * slope.unsqueeze(1)
            )
            block, inputs = blocks[first, second], chunk.inputs[first]
            if second == first + 1:
                block.addmm_(_outer(inputs, chunk.inputs[second]), mixed.flatten(1))
                if second_order:
                    _add_neighbour(block, inputs, slope, chunk.gradients[second])
            else:
                right = chunk.inputs[second].mT[:, :, None, None] * mixed[:, None]
                if second_order:
                    right[:, :-1] += (
                        reach[:, :, None, :] * chunk.gradients[second][:, None, :, None]
                    )
                block.addmm_(inputs, right.flatten(1))


def _add_neighbour(block: Tensor, inputs: Tensor, slope: Tensor, gradient: Tensor) -> None:
    """Add the term of D, which between neighbours is diagonal: p and o are the same unit."""
    (i, _), o, q = inputs.shape, slope.shape[1], gradient.shape[1]
    term = inputs @ (gradient.unsqueeze(2) * slope.unsqueeze(1)).flatten(1)
    unfolded = block.view(i, o + 1, q, o)[:, :-1].diagonal(dim1=1, dim2=3)
    unfolded += term.view(i, q, o)


def _outer(left: Tensor, right: Tensor) -> Tensor:
    """Products of every row of ``left`` ``[i, n]`` with every row of ``right``: ``[i * p, n]``."""
    return (left.unsqueeze(1) * right.unsqueeze(0)).flatten(0, 1)


def _outer_half(left: Tensor, right: Tensor) -> Tensor:
    """As ``_outer``, for rows i <= p only: ``[i * (i + 1) / 2, n]``."""
    count, samples = left.shape
    result = left.new_empty(count * (count + 1) // 2, samples)
    row = 0
    for index in range(count):
        torch.mul(left[index], right[index:], out=result[row : row + count - index])
        row += count - index
    return result


def _half(symmetric: Tensor) -> Tensor:
    """Entries o <= q of ``[n, o, o]``, row by row: ``[n, o * (o + 1) / 2]``."""
    above = torch.as_tensor(_above(symmetric.shape[1]), device=symmetric.device)
    return symmetric.flatten(1).index_select(1, above)


@cache
def _above(size: int) -> Places:
    """Give the places o <= q of a flattened ``[o, o]``."""
    return np.flatnonzero(np.triu(np.ones((size, size))))


@cache
def _half_index(size: int) -> Places:
    """Place ``[size, size]`` of each entry of a symmetric matrix in its half, row by row."""
    rows, columns = np.triu_indices(size)
    index = np.empty((size, size), np.int64)
    index[rows, columns] = index[columns, rows] = np.arange(len(rows))
    return index


def _place(result: Tensor, block: Tensor, layers: list[Affine], pair: tuple[int, int]) -> None:
    """Unfold the product of a pair of layers into its place, and its transpose into the other."""
    first, second = (layers[index] for index in pair)
    (i, o), (p, q) = first.weights.shape, second.weights.shape
    rows, columns = slice(first.start, first.stop), slice(second.start, second.stop)
    target = result[rows, columns].view(i, o, p, q)
    if first is second:
        outer, index = (torch.as_tensor(_half_index(size), device=block.device) for size in (o, i))
        wide = block.index_select(1, outer.flatten())
        for row in range(i):
            unfolded = wide.index_select(0, index[row]).view(p, o, q)
            target[row] = unfolded.transpose(0, 1)
        return
    target.copy_(block.view(i, p, q, o).permute(0, 3, 1, 2))
    result[columns, rows] = result[rows, columns].mT
