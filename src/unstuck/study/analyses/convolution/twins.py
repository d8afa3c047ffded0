"""Pairs of neurons that start with the same weights, through training."""

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, Literal, Self

import numpy as np
import pandas as pd
from pydantic import Field, PositiveFloat, PositiveInt, model_validator

from unstuck.study.analyses.base import AnalysisBase, Context, Seen
from unstuck.study.analyses.case import Case

if TYPE_CHECKING:
    from torch import Tensor

    from unstuck.data.dataset import Dataset
    from unstuck.population.network import Network

STREAM = 7821
#: what the two neurons of a pair have in common at the start, besides their incoming weights
Pair = Literal["field and outgoing", "field", "outgoing"]
PAIRS: tuple[Pair, ...] = ("field and outgoing", "field", "outgoing")
PRECISIONS = ("float32", "float64")
# differences of answers below this share of the largest one are rounding
ROUNDING = 1e-12


class TwinCase(Case):
    """A network with a pair of neurons in its first hidden layer, the data and the loss."""

    @model_validator(mode="after")
    def _two_neurons(self) -> Self:
        if not self.network.hidden or self.network.hidden[0] < 2:
            raise ValueError("hidden: a pair of neurons needs a first hidden layer of two or more")
        if self.network.batchnorm != "off":
            raise ValueError("batchnorm: pairs are planted in networks without it")
        return self

    @property
    def pairs(self) -> tuple[Pair, ...]:
        """The pairs that the network can hold.

        Two fields, and outgoing weights in common, are there in a local layer under mean pooling.
        """
        local = self.network.kind in ("local1d", "local2d")
        one_layer = len(self.network.hidden) == 1 and self.network.pool == "mean"
        return PAIRS if local and one_layer else PAIRS[:2]


class SharedCase(Case):
    """A network whose first hidden layer answers at many places with the same weights."""

    @model_validator(mode="after")
    def _shared(self) -> Self:
        if self.network.kind not in ("conv1d", "conv2d") or self.network.batchnorm != "off":
            raise ValueError("network: weights are shared by conv1d and conv2d, without batchnorm")
        return self


class TwinsAnalysis(AnalysisBase):
    """How far pairs of neurons drift apart that start with the same incoming weights.

    A pair has the same field and the same outgoing weights, the same field and outgoing weights of
    its own, or (in local layers) different fields and the same outgoing weights.
    """

    tables = ("pairs", "places")

    cases: dict[str, TwinCase] = Field(min_length=1, description="Networks by name.")
    shared: dict[str, SharedCase] = Field(
        min_length=1,
        description="Networks of shared weights by name, whose answers at all pairs of places of "
        "the first layer are compared.",
    )
    samples: PositiveInt = Field(
        default=1024, description="The first so many training samples are answered there."
    )
    optimizers: tuple[Literal["sgd", "momentum", "adam"], ...] = Field(
        default=("momentum", "adam"), min_length=1, description="Built-in optimizers."
    )
    rate: PositiveFloat = Field(default=0.02, description="Learning rate.")
    updates: PositiveInt = Field(default=128, description="Updates of each run.")
    batch_size: PositiveInt = Field(default=32, description="Samples an update.")
    seeds: PositiveInt = Field(
        default=10, description="Networks a pair, one for each of the first so many units."
    )

    @property
    def seen(self) -> list[Seen]:
        """What its networks see."""
        trained = [case.seen._replace(batch=self.batch_size) for case in self.cases.values()]
        return [*trained, *(case.seen for case in self.shared.values())]

    def run(self, context: Context) -> dict[str, pd.DataFrame]:
        """Train every pair, and measure it at the start, at powers of two, and at the end.

        Returns
        -------
        pairs
            One row a case, pair, optimizer, number format, seed and update.
            Also: dataset, optimizer, update, seed.
            case (string): Kind of the first layer: fully connected, local or convolution.
            pair (string): What the two neurons have alike at the start: field, outgoing weights, or
                both.
            weight_gap (number): Distance of their incoming weights, as a share of their norm.
            output_gap (number): Distance of their outputs on the validation part, as a share of
                their norm.
            merging_gap (number): Largest change of the network's outputs when one neuron is removed
                and the other takes over its outgoing weights, as a share of the outputs.
            loss (number, nats): Training loss on the batch.
            dtype (string): Number format of the training.
        places
            One row a network of shared weights, filter and pair of places, at the initial weights.
            Also: dataset.
            case (string): Name of the case.
            first, second (integer): Number of the place.
            filter (integer): Number of the filter.
            samples (integer, samples): Training samples that were shown.
            differing (integer, samples): Samples that the neurons at the two places answer
                differently.
            alike (number): Share of the samples that they answer alike.
        """
        rows = []
        for name, case in self.cases.items():
            context.progress(f"training pairs of neurons of {name}")
            for precision in PRECISIONS:
                label = {"case": name, "dataset": case.dataset, "dtype": precision}
                rows += [label | row for row in self._trained(case, precision, context)]
        places = [
            _places_compared(name, case, context, self.samples)
            for name, case in self.shared.items()
        ]
        return {"pairs": pd.DataFrame(rows), "places": pd.concat(places, ignore_index=True)}

    def _trained(self, case: TwinCase, precision: str, context: Context) -> list[dict[str, Any]]:
        """Train all pairs, optimizers and seeds of a network side by side."""
        import torch

        from unstuck.optim.coefficients import OPTIMIZERS
        from unstuck.optim.update import UpdateRule
        from unstuck.population.network import Network

        data, seeds = context.datasets[case.dataset], context.units(self.seeds)
        network = Network(case.network, data.input_shape, data.classes)
        dtype = torch.float64 if precision == "float64" else torch.float32
        groups = [(optimizer, pair) for optimizer in self.optimizers for pair in case.pairs]
        initial = torch.stack([network.initial(seed) for seed in seeds]).to(dtype)
        theta = initial.repeat(len(groups), 1)
        members = [slice(i * self.seeds, (i + 1) * self.seeds) for i in range(len(groups))]
        for (_, pair), held in zip(groups, members, strict=True):
            _plant(network, theta[held], pair)
        rule = UpdateRule(
            [OPTIMIZERS[name] for name, _ in groups for _ in range(self.seeds)],
            network.parameter_count,
            dtype,
        )
        rate = torch.full((len(theta),), self.rate, dtype=dtype)
        validation = [torch.from_numpy(data.unit(seed).x_validation) for seed in seeds]
        probe = torch.stack(validation).to(dtype)
        none = theta.new_empty(len(theta), 0)
        rows: list[dict[str, Any]] = []
        looked = {0, self.updates, *(2**k for k in range(self.updates.bit_length()))}
        for update, x, y in self._batches(data, seeds, len(groups)):
            loss, _, gradient, _ = network.loss_and_gradient(
                theta, x.to(dtype), y, case.loss, none, True
            )
            for (optimizer, pair), held in zip(groups, members, strict=True):
                if update in looked:
                    measured = _measured(network, theta[held], probe, pair)
                    measured["loss"] = loss[held]
                    label = {"pair": pair, "optimizer": optimizer, "update": update}
                    for member, seed in enumerate(seeds):
                        values = {key: float(each[member]) for key, each in measured.items()}
                        rows.append(label | {"seed": seed} | values)
            rule.step(theta, gradient, rate)
        return rows

    def _batches(
        self, data: "Dataset", seeds: range, groups: int
    ) -> Iterator[tuple[int, "Tensor", "Tensor"]]:
        """Yield the number of updates made so far, and the next batch of every member."""
        import torch

        generators = [np.random.default_rng([seed, STREAM]) for seed in seeds]
        first = np.array([data.row(seed, "train") for seed in seeds])[:, None]
        x, y = (torch.from_numpy(data.tensors[f"{kind}_train"]) for kind in "xy")
        for update in range(self.updates + 1):
            drawn = [
                rng.choice(data.samples("train"), self.batch_size, replace=False)
                for rng in generators
            ]
            rows = torch.from_numpy(np.tile(first + np.stack(drawn), (groups, 1)))
            yield update, x[rows], y[rows]


def _plant(network: "Network", theta: "Tensor", pair: Pair) -> None:
    """Give the second neuron of the pair the weights of the first, in place."""
    for into_first, into_second in _incoming(network, theta, pair):
        into_second.copy_(into_first)
    if pair == "field and outgoing":
        outgoing = _outgoing(network, theta)
        outgoing[:, :, 1].copy_(outgoing[:, :, 0])


def _incoming(network: "Network", theta: "Tensor", pair: Pair) -> list[tuple["Tensor", "Tensor"]]:
    """Give views of the weights and the biases `[K, ...]` of the two neurons.

    They are channels 0 and 1 of the first layer, or channel 0 at two places of its map: one in the
    middle, and the one before it.
    """
    views = network.views(theta)
    parameters = [views[slot.name] for slot in network.layout[:2]]
    if pair != "outgoing":
        return [(each[..., 0], each[..., 1]) for each in parameters]
    first, second = _places(network)
    return [(_at(each, first, 1)[..., 0], _at(each, second, 1)[..., 0]) for each in parameters]


def _places(network: "Network") -> tuple[tuple[int, ...], tuple[int, ...]]:
    middle = tuple(size // 2 for size in network.layers[0].output_shape[:-1])
    return middle, (*middle[:-1], middle[-1] - 1)


def _at(tensor: "Tensor", place: tuple[int, ...], axis: int) -> "Tensor":
    """View what belongs to one place of a map, whose axes start at `axis`."""
    for index in place:
        tensor = tensor.select(axis, index)
    return tensor


def _outgoing(network: "Network", theta: "Tensor") -> "Tensor":
    """View what the next layer makes of each channel of the first, `[K, ..., channels, outputs]`.

    All axes between members and channels (places, elements of a kernel) are one.
    """
    weight = network.views(theta)[network.layout[2].name]
    channels = network.layers[0].output_shape[-1]
    return weight.view(len(weight), -1, channels, weight.shape[-1])


def _measured(
    network: "Network", theta: "Tensor", probe: "Tensor", pair: Pair
) -> dict[str, "Tensor"]:
    """Measure every member's pair, see `TwinsAnalysis.run`; each value has shape `[K]`."""
    import torch

    members = len(theta)
    pairs = _incoming(network, theta, pair)
    first, second = (
        torch.cat([each[side].reshape(members, -1) for each in pairs], 1) for side in (0, 1)
    )
    one, other = _answers(network, theta, probe, pair)
    return {
        "weight_gap": (first - second).norm(dim=1) / first.norm(dim=1),
        "output_gap": (one - other).norm(dim=1) / one.norm(dim=1),
        "merging_gap": _merging_gap(network, theta, probe, pair),
    }


def _answers(
    network: "Network", theta: "Tensor", probe: "Tensor", pair: Pair
) -> tuple["Tensor", "Tensor"]:
    """Give the outputs of the two neurons on all samples (and places), `[K, ...]`."""
    hidden = probe.flatten(2) if network.spec.kind == "dense" else probe.movedim(2, -1)
    parameters = [network.views(theta)[slot.name] for slot in network.layout[:2]]
    hidden = network.layers[0].forward(hidden, parameters, (), True).output
    hidden = network.layers[1].forward(hidden, (), (), True).output
    if pair != "outgoing":
        return hidden[..., 0].flatten(1), hidden[..., 1].flatten(1)
    first, second = _places(network)
    return _at(hidden, first, 2)[..., 0], _at(hidden, second, 2)[..., 0]


def _merging_gap(network: "Network", theta: "Tensor", probe: "Tensor", pair: Pair) -> "Tensor":
    """Give what changes when the second neuron goes, and the first takes over its outgoing weights.

    Not defined (NaN) for two places of a map, whose outgoing weights are one.
    """
    if pair == "outgoing":
        return theta.new_full((len(theta),), float("nan"))
    merged = theta.clone()
    outgoing = _outgoing(network, merged)
    outgoing[:, :, 0] += outgoing[:, :, 1]
    outgoing[:, :, 1] = 0.0
    none = theta.new_empty(len(theta), 0)
    before, _ = network.forward(theta, probe, none, False)
    after, _ = network.forward(merged, probe, none, False)
    return (after - before).abs().amax((1, 2)) / before.abs().amax((1, 2))


def _places_compared(name: str, case: SharedCase, context: Context, samples: int) -> pd.DataFrame:
    """Compare the answers of the first layer's neurons at all pairs of places."""
    import torch

    problem = case.problem(context, samples=samples, seed=context.first_unit)
    network, theta = problem.network, problem.theta.unsqueeze(0)
    hidden = problem.x.unsqueeze(0).movedim(2, -1)
    parameters = [network.views(theta)[slot.name] for slot in network.layout[:2]]
    before = network.layers[0].forward(hidden, parameters, (), True).output
    # [N, places, filters]
    answers = network.layers[1].forward(before, (), (), True).output[0].flatten(1, -2)
    # equal fields may be summed in another order
    bound = ROUNDING * answers.abs().max()
    tables = []
    for first, second in torch.combinations(torch.arange(answers.shape[1])).tolist():
        alike = ((answers[:, first] - answers[:, second]).abs() <= bound).double()
        differing = (1 - alike).sum(0).numpy().astype(int)
        tables.append(
            pd.DataFrame(
                {
                    **{"case": name, "dataset": case.dataset, "first": first, "second": second},
                    "filter": np.arange(len(differing)),
                    "samples": len(problem.x),
                    "differing": differing,
                    "alike": alike.mean(0).numpy(),
                }
            )
        )
    return pd.concat(tables, ignore_index=True)
