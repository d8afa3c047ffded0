"""Training by the lanes kernel: float32 on the CPU, with the same bits on every machine."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from unstuck.lanes.members import Members, Samples, Updates
from unstuck.lanes.network import KINDS, MOST_LAYERS, Description, Layer
from unstuck.optim.coefficients import Coefficients
from unstuck.population.convolution import Convolution, LocalConvolution
from unstuck.population.layers import Activation, MeanPool, Reshape
from unstuck.population.layers import Layer as PopulationLayer
from unstuck.population.linear import Linear
from unstuck.population.network import Network
from unstuck.population.normalisation import EPSILON, BatchNorm
from unstuck.training.engines.base import Arrays, Column, Engine, Rates
from unstuck.training.engines.eager import initial
from unstuck.training.measure import CHUNK_BYTES, Part
from unstuck.training.order import Batches
from unstuck.training.spec import RunSpec

#: most members that batch normalisation may take side by side, at most a register's
MOST_LANES = 16
#: samples that go through a network together, and the bytes of maps to which they are cut
MOST_SAMPLES, MAP_BYTES = 32, 2**19
#: samples of a stretch of updates, and the bounds of its updates
STRETCH_SAMPLES, LEAST_STRETCH, MOST_STRETCH = 8192, 16, 512


class LanesEngine(Engine):
    """Trains members in the lanes of vector registers.

    A member's bits depend on its run alone: not on the processor, the compiler, the number of
    members, their values, or how many samples a batch has.
    """

    name = "lanes"

    def __init__(
        self,
        network: Network,
        runs: Sequence[RunSpec],
        train: Part,
        batches: Batches | None,
        updates: int,
    ) -> None:
        super().__init__(len(runs))
        self._network, self._train, self._batches = network, train, batches
        self._rates = Rates(runs, updates)
        self._seeds = [run.seed for run in runs]
        self._rows = list(dict.fromkeys(run.optimizer for run in runs))
        self._row_of = np.array([self._rows.index(run.optimizer) for run in runs])
        self._l2 = np.array([run.optimizer.l2 for run in runs])
        self._parts = np.array([parts_of(self._rows[row]) for row in self._row_of])
        self._members = Members(describe(network, runs[0].loss), len(runs))
        buffers = network.initial_buffers().numpy() + np.zeros((len(runs), 1))
        self.put(initial(network, self._seeds), buffers)
        self._samples: dict[int, tuple[Part, Samples]] = {}
        self._table, self._tabled = np.empty(0), range(0)
        batch = runs[0].samples(train.size)
        self.stretch = min(MOST_STRETCH, max(LEAST_STRETCH, STRETCH_SAMPLES // batch))

    @property
    def theta(self) -> NDArray[Any]:
        return self._members.theta

    @property
    def buffers(self) -> NDArray[Any]:
        return self._members.buffers

    def put(self, theta: NDArray[Any], buffers: NDArray[Any]) -> None:
        self._members.put(theta=theta, buffers=buffers)

    def advance(self, count: int) -> NDArray[np.float64]:
        start, stop = self.update, self.update + count
        sizes, orders, order_of = np.full(count, self._train.size), None, self._row_of
        if self._batches is not None:
            sizes, orders = self._batches.between(start, stop)
            order_of = self._batches.order_of
        updates = Updates(
            sizes=sizes,
            orders=orders,
            order_of=order_of,
            terms=self._terms(start, stop),
            terms_of=self._row_of,
            parts=self._parts,
            rates=self._rates.between(start, stop),
            noise=self._noise(start, stop) if self._network.is_noisy else None,
        )
        return self._members.train(self._laid(self._train), updates).astype(np.float64)

    def mark(self) -> Any:
        return self._members.marks()

    def distance(self, mark: Any) -> Column:
        return self._members.distance(mark)

    def loss_and_accuracy(self, part: Part) -> tuple[Column, Column]:
        return self._members.evaluate(self._laid(part))

    def gradient_norm(self, part: Part) -> tuple[Column, Column, Column]:
        # alike at any width: what batch normalisation takes together decides the bits
        whole = part.size * self._network.activation_count * 4 * MOST_LANES
        strides = max(1, -(-whole // CHUNK_BYTES))
        return self._members.gradient_norm(self._laid(part), self._l2, strides)

    def _remembered(self) -> Arrays:
        return {"momentum": self._members.momentum, "squares": self._members.squares}

    def _remember(self, arrays: Mapping[str, NDArray[Any]]) -> None:
        self._members.put(momentum=arrays["momentum"], squares=arrays["squares"])

    def _laid(self, part: Part) -> Samples:
        """Return a part as the kernel takes it."""
        if id(part) not in self._samples:
            x = features_last(part.x.numpy(), self._network)
            # with the part, so that no other can come to have its id
            samples = Samples.of(x, part.y.numpy(), part.rows, part.size)
            self._samples[id(part)] = part, samples
        return self._samples[id(part)][1]

    def _terms(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return the numbers of the rules at some updates `[R, n, TERMS]`."""
        if start not in self._tabled or stop > self._tabled.stop:
            ahead = self._tabled = range(start, max(stop, start + MOST_STRETCH))
            tables = [row.table(ahead.start + 1, ahead.stop + 1) for row in self._rows]
            self._table = np.stack(tables)
        return self._table[:, start - self._tabled.start : stop - self._tabled.start]

    def _noise(self, start: int, stop: int) -> NDArray[np.float64]:
        """Return the noise of some updates `[n, noise, K]`."""
        seeds = sorted(set(self._seeds))
        drawn = np.stack(
            [[self._network.noise(seed, update) for seed in seeds] for update in range(start, stop)]
        )
        return drawn[:, [seeds.index(seed) for seed in self._seeds]].transpose(0, 2, 1)


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
        _block(network),
        spec.batchnorm_momentum,
        EPSILON,
    )


def _block(network: Network) -> int:
    """Return how many samples go through a network together.

    As many as keep maps in the cache; dense layers rather have their weights read seldom.
    """
    block = MOST_SAMPLES
    if network.spec.kind != "dense":
        numbers = math.prod(network.input_shape)
        numbers += sum(math.prod(layer.output_shape) for layer in network.layers)
        while block > 1 and block * numbers * 4 * MOST_LANES > MAP_BYTES:
            block //= 2
    return block


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
        row.l2 > 0,
        row.weight_decay > 0 and row.decoupled_decay,
        row.uses_accumulator,
        row.normalises_gradient,
        row.uses_momentum,
        row.nesterov or not row.uses_momentum,  # the step follows the gradient too, or alone
    )
    return sum(1 << bit for bit, each in enumerate(needed) if each)
