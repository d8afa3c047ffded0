"""Full-batch measurements of a population: losses, accuracies, gradient norms."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from unstuck.data.dataset import Dataset
from unstuck.data.transforms import Part as PartName
from unstuck.population.network import Network

#: bytes of activations of one pass over a block of members and a chunk of samples
BLOCK_BYTES = 4 * 2**20
#: bytes of activations of one member's chunk of samples
CHUNK_BYTES = 64 * 2**20
#: chunks are whole multiples of this many samples, so that rows of all members align alike
ALIGNMENT = 16

Column = NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """One part of a dataset on the device: those of several units, and which is a member's own."""

    x: Tensor  # samples [U*N, *shape], units on top of each other
    y: Tensor  # classes [U*N]
    size: int  # samples that a member has, from its first row on
    rows: NDArray[np.int64]  # [K], first row of each member's unit

    @classmethod
    def of(
        cls, dataset: Dataset, name: PartName, units: Sequence[int], size: int | None = None
    ) -> Self:
        """Take the part of a dataset for members of some units, all its samples or the first."""
        x, y = (torch.from_numpy(dataset.tensors[f"{kind}_{name}"]) for kind in "xy")
        rows = np.array([dataset.row(unit, name) for unit in units], dtype=np.int64)
        return cls(x, y, dataset.samples(name) if size is None else size, rows)

    @classmethod
    def shared(cls, x: Tensor, y: Tensor, members: int) -> Self:
        """Give all members the same samples `[N, *shape]` of classes `[N]`."""
        return cls(x, y, len(y), np.zeros(members, dtype=np.int64))

    def to(self, device: torch.device) -> Self:
        """Move the samples to a device."""
        return replace(self, x=self.x.to(device), y=self.y.to(device))

    def whole(self) -> tuple[Tensor, Tensor]:
        """Give all samples `[K, N, *shape]` and classes `[K, N]`; K = 1, uncopied, of one unit."""
        firsts = self.rows[:1] if (self.rows == self.rows[0]).all() else self.rows
        x, y = ([each[row : row + self.size] for row in firsts] for each in (self.x, self.y))
        if len(firsts) == 1:
            return x[0].unsqueeze(0), y[0].unsqueeze(0)
        return torch.stack(x), torch.stack(y)

    @property
    def by_unit(self) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """First row and members of each unit."""
        for row in np.unique(self.rows):
            yield int(row), np.flatnonzero(self.rows == row)


def evaluation_updates(updates: int, evaluations: int) -> list[int]:
    """Return after which updates a run is measured: at 0, evenly spaced, and after the last."""
    return sorted({round(updates * index / evaluations) for index in range(evaluations + 1)})


class Measure:
    """Measures every member of a population on whole parts of a dataset.

    Members are taken in blocks of one unit and samples in chunks, which bounds memory. The chunks
    follow from the network and the part alone, so a member's values do not depend on its company.

    Parameters
    ----------
    network
        The stacked network.
    loss
        Key of `unstuck.population.losses.LOSSES`.
    """

    def __init__(self, network: Network, loss: str) -> None:
        self._network = network
        self._loss = loss
        self._numbers = network.activation_count

    def loss_and_accuracy(
        self, theta: Tensor, buffers: Tensor, part: Part
    ) -> tuple[Column, Column]:
        """Return mean loss and accuracy `[K]` at inference; NaN if the part is empty."""
        loss, correct = torch.zeros(2, len(theta), dtype=torch.float64, device=theta.device)
        chunks = self._chunks(part, theta)
        with torch.no_grad():
            for row, members in self._blocks(part, theta, chunks):
                for chunk in chunks:
                    x, y = _samples(part, row, chunk)
                    value, right = self._network.loss_and_correct(
                        theta[members], x, y, self._loss, buffers[members], training=False
                    )
                    loss[members] += value.double() * len(chunk)
                    correct[members] += right
        return _mean(loss, part), _mean(correct, part)

    def gradient_norm(
        self, theta: Tensor, buffers: Tensor, part: Part, l2: Tensor
    ) -> tuple[Column, Column, Column]:
        """Return the Euclidean norm of the full-batch gradient, mean loss and accuracy `[K]`.

        The gradient is that of the mean loss plus `l2` `[K]` / 2 · |θ|². Batch normalisation is in
        training mode: features are normalised by the statistics of the chunk, which is the whole
        part unless its activations exceed `CHUNK_BYTES`; then a chunk takes every n-th sample.
        """
        loss, correct = torch.zeros(2, len(theta), dtype=torch.float64, device=theta.device)
        norm = torch.zeros_like(loss)
        chunks = self._chunks(part, theta)
        for row, members in self._blocks(part, theta, chunks):
            total: Tensor | None = None
            for chunk in chunks:
                x, y = _samples(part, row, chunk)
                value, right, gradient, _ = self._network.loss_and_gradient(
                    theta[members], x, y, self._loss, buffers[members], training=True
                )
                share = len(chunk) / part.size
                total = gradient * share if total is None else total.add_(gradient, alpha=share)
                loss[members] += value.double() * len(chunk)
                correct[members] += right
            if total is not None:
                whole = total.double().addcmul_(theta[members].double(), l2[members].unsqueeze(1))
                norm[members] = torch.linalg.vector_norm(whole, dim=1)
        return norm.cpu().numpy(), _mean(loss, part), _mean(correct, part)

    def _chunks(self, part: Part, theta: Tensor) -> list[Tensor]:
        """Cut a part into chunks that each take every n-th sample, aligned but for the last."""
        if part.size == 0:
            return []
        fitting = CHUNK_BYTES // (self._numbers * theta.element_size())
        if part.size <= fitting:
            return [torch.arange(part.size, device=theta.device)]
        length = max(ALIGNMENT, fitting // ALIGNMENT * ALIGNMENT)
        strides = -(-part.size // length)
        order = np.argsort(np.arange(part.size) % strides, kind="stable")
        return list(torch.split(torch.from_numpy(order).to(theta.device), length))

    def _blocks(
        self, part: Part, theta: Tensor, chunks: Sequence[Tensor]
    ) -> Iterator[tuple[int, Tensor]]:
        """Yield the first row of a unit and some of its members, for all of them in turn."""
        samples = len(chunks[0]) if chunks else 1
        size = max(1, BLOCK_BYTES // (samples * self._numbers * theta.element_size()))
        for row, members in part.by_unit:
            for block in torch.split(torch.from_numpy(members).to(theta.device), size):
                yield row, block


def _samples(part: Part, row: int, chunk: Tensor) -> tuple[Tensor, Tensor]:
    """Return the samples and classes of a chunk of one unit, uncopied if it is all."""
    rows = slice(row, row + part.size) if len(chunk) == part.size else row + chunk
    return part.x[rows].unsqueeze(0), part.y[rows].unsqueeze(0)


def _mean(total: Tensor, part: Part) -> Column:
    return (total / part.size if part.size else total * math.nan).cpu().numpy()
