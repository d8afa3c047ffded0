"""Hessian-vector products of a fully connected network by matrix products alone.

The R-operator of Pearlmutter 1994 (eq. 7 to 12), written out layer by layer for M directions at
once: a forward pass of tangents and a backward pass of their images, six matrix products a layer.
What depends on the point alone is computed once and kept.

Arrays of directions are ``[n, M, o]``, so that every product is one of plain matrices.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from unstuck.curvature.hessian.activations import way_through
from unstuck.curvature.hessian.layerwise import Affine
from unstuck.curvature.hessian.output_hessian import criterion, output_hessian

# Bytes that the kept state may take; beyond, it is computed anew for every product.
_KEPT_BYTES = 2**28

# Samples times directions handled at once.
_ROWS = 16_384


@dataclass(frozen=True)
class _State:
    """What the products over some samples need from the point."""

    inputs: list[Tensor]  # [n, i + 1], the last column 1
    slopes: list[Tensor]  # [n, 1, o], derivative of the activation; not for the last layer
    bends: list[Tensor | None]  # [n, 1, o], its second derivative times the gradient by its value
    gradients: list[Tensor]  # [n, o], by the pre-activations, divided by N
    output: Tensor  # [n, C, C], divided by N


@dataclass(frozen=True, kw_only=True)
class Linearised:
    """A fully connected network and its loss at one point.

    ``x`` is ``[N, i]``, ``y`` ``[N]``; ``chunk`` bounds the samples handled at once.
    """

    layers: list[Affine]
    x: Tensor
    y: Tensor
    activation: str
    loss: str
    weight_decay: float
    chunk: int

    def product(self, rows: Tensor) -> Tensor:
        """Apply the Hessian to rows ``[M, P]``."""
        result = self.weight_decay * rows
        directions = [
            rows[:, layer.start : layer.stop].view(len(rows), *layer.weights.shape)
            for layer in self.layers
        ]
        group = max(1, _ROWS // min(self.chunk, len(self.x)))
        for state in self._kept or self._states():
            for first in range(0, len(rows), group):
                some = [direction[first : first + group] for direction in directions]
                images = self._images(state, some)
                for layer, image in zip(self.layers, images, strict=True):
                    result[first : first + group, layer.start : layer.stop] += image
        return result

    @cached_property
    def _kept(self) -> list[_State] | None:
        units = sum(layer.weights.shape[1] for layer in self.layers)
        outputs = self.layers[-1].weights.shape[1]
        size = self.x.element_size() * len(self.x) * (5 * units + outputs**2)
        return list(self._states()) if size <= _KEPT_BYTES else None

    def _states(self) -> Iterator[_State]:
        for start in range(0, len(self.x), self.chunk):
            stop = start + self.chunk
            yield self._state(self.x[start:stop], self.y[start:stop])

    def _state(self, x: Tensor, y: Tensor) -> _State:
        weights = [layer.weights for layer in self.layers]
        inputs, slopes, seconds, outputs = way_through(weights, x, self.activation)
        gradient = criterion(self.loss).value_and_gradient(outputs[None], y[None])[1][0]
        gradients, bends = [gradient * (len(x) / len(self.x))], []
        for layer, slope, second in zip(
            self.layers[:0:-1], slopes[::-1], seconds[::-1], strict=True
        ):
            upstream = gradients[-1] @ layer.weights[:-1].mT
            gradients.append(upstream * slope)
            bends.append(None if second is None else (upstream * second).unsqueeze(1))
        return _State(
            inputs,
            [slope.unsqueeze(1) for slope in slopes],
            bends[::-1],
            gradients[::-1],
            output_hessian(self.loss, outputs, y) / len(self.x),
        )

    def _images(self, state: _State, directions: list[Tensor]) -> list[Tensor]:
        """Give the image of ``directions``, ``[M, i + 1, o]`` a layer, as ``[M, (i + 1) o]``."""
        count, samples = len(directions[0]), len(state.gradients[0])
        tangents: list[Tensor] = []  # of the pre-activations, [n, M, o]
        values: list[Tensor] = []  # of the inputs of every layer but the first, [n, M, i]
        for index, (layer, direction) in enumerate(zip(self.layers, directions, strict=True)):
            stacked = direction.transpose(0, 1).flatten(1)  # [i + 1, M o]
            tangent = (state.inputs[index] @ stacked).view(samples, count, -1)
            if index:
                tangent += values[-1] @ layer.weights[:-1]
            tangents.append(tangent)
            if index + 1 < len(self.layers):
                values.append(tangent * state.slopes[index])
        image = tangents[-1] @ state.output
        images: list[Tensor] = []
        for index in range(len(self.layers) - 1, -1, -1):
            layer, direction = self.layers[index], directions[index]
            through = state.inputs[index].mT @ image.flatten(1)  # [i + 1, M o]
            weights = through.view(len(through), count, -1).transpose(0, 1).contiguous()
            if index:
                shared = values[index - 1].flatten(1).mT @ state.gradients[index]  # [M i, o]
                weights[:, :-1] += shared.view(count, -1, shared.shape[1])
            images.append(weights.flatten(1))
            if not index:
                break
            upstream = image @ layer.weights[:-1].mT
            across = direction[:, :-1].flatten(0, 1).mT  # [o, M i]
            upstream += (state.gradients[index] @ across).view_as(upstream)
            image = upstream * state.slopes[index - 1]
            bend = state.bends[index - 1]
            if bend is not None:
                image += bend * tangents[index - 1]
        return images[::-1]
