"""Section 3.1: running averages in the place of batch statistics."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from unstuck.claims.arms import by_seed, halves, paired, require_columns, under_other_seeds
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.errors import DataError
from unstuck.population.normalisation import BatchNorm
from unstuck.statistics.intervals import bootstrap_interval

STREAM = 7705
#: weights of the old average whose test is part of the verdict, and after how many updates
MOMENTA, UPDATES = (0.5, 0.9, 0.99), (10, 300)
#: the weight that torch's default of 0.1 stands for, at which batches are compared
USUAL = 0.9
#: averages that have hardly moved: 0.999 after ten updates still are 99 % what they started as
SLOW, EARLY = 0.999, 10
FEATURES, SAMPLES, STEPS = 6, 16, 12
TOLERANCE = 1e-12

Array = NDArray[np.float64]


@claim("3.1.5")
def inference(scores: pd.DataFrame) -> Evidence:
    """Test accuracy with running averages less that with population or batch statistics, in points.

    Both are equivalence claims. The averages themselves are held against their closed form and
    against torch's; a batch of one, which has no statistics to speak of, against what it must give.
    Negative controls: the differences under other seeds. Positive: averages that have hardly moved.
    """
    require_columns(
        scores,
        ["dataset", "batch_size", "update", "seed", "kind", "momentum", "accuracy", "loss"],
        "scores",
    )
    scores = scores.assign(points=100 * scores["accuracy"])
    contrasts = [
        contrast
        for dataset in sorted(set(scores["dataset"]))
        for contrast in _contrasts(scores[scores["dataset"] == dataset], dataset)
    ]
    curves = scores.groupby(["dataset", "batch_size", "kind", "momentum", "update"], sort=True)
    return Evidence(
        "3.1.5",
        contrasts=tuple(contrasts),
        checks=tuple(_checks()),
        tables={
            "curves": curves[["points", "loss"]].mean().reset_index(),
            "gaps": pd.DataFrame(_gaps(scores)),
        },
        numbers={
            "seeds": int(scores["seed"].nunique()),
            "updates": int(scores["update"].max()),
        },
    )


def _contrasts(scores: pd.DataFrame, dataset: str) -> Iterator[Contrast]:
    sizes = sorted(set(scores["batch_size"]))
    others = []
    for size in sizes:
        for update in UPDATES:
            for momentum in MOMENTA:
                gap = _gap(scores, size, update, momentum)
                condition = {"p": f"{momentum:g}", "updates": str(update), "batch": str(size)}
                yield _contrast("population", dataset, gap, condition)
            usual = _gap(scores, size, update, USUAL)
            others.append(halves(usual).to_numpy())
        gap = _gap(scores, size, max(UPDATES), USUAL, against="batch")
        yield _contrast("batch", dataset, gap, {"batch": str(size)})
        yield under_other_seeds(
            *(gap, gap),
            name="running averages less batch statistics",
            dataset=dataset,
            condition={"batch": str(size)},
            measure="batch",
        )
    values = np.concatenate(others)
    yield Contrast(
        name=f"running averages against population statistics under other seeds, p = {USUAL:g}",
        dataset=dataset,
        condition={},
        seeds=tuple(range(len(values))),
        values=tuple(values),
        role="negative control",
        usable=bool(values.size),
        note="" if values.size else "a single seed has no other half",
        measure="population",
    )
    # with the largest batches, whose population statistics are the surest
    unmoved = _gap(scores, max(sizes), EARLY, SLOW)
    yield Contrast(
        name=f"population statistics against averages of p = {SLOW:g} after {EARLY} updates",
        dataset=dataset,
        condition={},
        seeds=tuple(unmoved.index),
        values=tuple(-unmoved),
        role="positive control",
        measure="population",
    )


def _contrast(
    measure: str, dataset: str, gap: "pd.Series[float]", condition: dict[str, str]
) -> Contrast:
    return Contrast(
        name=f"running averages against {measure} statistics",
        dataset=dataset,
        condition=condition,
        seeds=tuple(gap.index),
        values=tuple(gap),
        measure=measure,
    )


def _gap(
    scores: pd.DataFrame, size: int, update: int, momentum: float, against: str = "population"
) -> "pd.Series[float]":
    """Give the points by which running averages lie above other statistics, by seed."""
    here = scores[(scores["batch_size"] == size) & (scores["update"] == update)]
    running = here[(here["kind"] == "running") & np.isclose(here["momentum"], momentum)]
    other = here[here["kind"] == against]
    if running.empty or other.empty:
        raise DataError(
            f"claim 3.1.5: no scores of p = {momentum:g} after {update} updates in batches of "
            f"{size} with {against} statistics; add them to the analysis."
        )
    name = f"p = {momentum:g}"
    return paired(by_seed(running, "points", name), by_seed(other, "points", against), name)


def _gaps(scores: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Give the mean difference to population statistics with its interval, of every average."""
    key = ["dataset", "batch_size", "update", "momentum"]
    running = scores.loc[scores["kind"] == "running", key]
    for dataset, size, update, momentum in sorted(set(running.itertuples(index=False, name=None))):
        gap = _gap(scores[scores["dataset"] == dataset], size, update, momentum).tolist()
        interval = bootstrap_interval(gap, resamples=999)
        yield {
            **dict(zip(key, (dataset, size, update, momentum), strict=True)),
            **{"gap": float(np.mean(gap)), "low": interval.low, "high": interval.high},
        }


def _checks() -> Iterator[Check]:
    rng = np.random.default_rng([0, STREAM])
    batches = 2 + 3 * rng.standard_normal((STEPS, SAMPLES, FEATURES))
    closed, torchs = 0.0, 0.0
    for momentum in (0.1, *MOMENTA):
        ours = _averages(batches, 1 - momentum)
        closed = max(closed, float(np.abs(ours - _closed_form(batches, momentum)).max()))
        torchs = max(torchs, float(np.abs(ours - _torch_averages(batches, 1 - momentum)).max()))
    yield Check(
        f"running averages less pⁿ · start + (1 − p) Σ pⁿ⁻ᵗ · batch t, n = {STEPS}, largest",
        *(closed, 0.0, TOLERANCE),
        role="positive control",
    )
    yield Check(
        "running averages less those of torch at momentum 1 − p, largest",
        *(torchs, 0.0, TOLERANCE),
        role="positive control",
    )
    # the two readings of one number: 0.9 of the old, as in the notes, and 0.9 of the new
    notes, torch_reading = (_closed_form(batches, weight) for weight in (USUAL, 1 - USUAL))
    yield Check(
        f"share of averages that the two readings of {USUAL:g} tell apart",
        *(float((np.abs(notes - torch_reading) > 1e-3).mean()), 1.0, 0.0),
        role="negative control",
    )
    yield from _single()


def _averages(batches: Array, newest: float) -> Array:
    """Give running means and variances `[2, C]` of the project's layer after all batches."""
    layer = BatchNorm((batches.shape[-1],), newest)
    start = layer.initial_parameters(np.random.default_rng([1, STREAM]))
    parameters = [torch.from_numpy(each)[None] for each in start]
    buffers: list[Tensor] = [torch.from_numpy(each)[None] for each in layer.initial_buffers()]
    for batch in torch.from_numpy(batches):
        buffers = list(layer.forward(batch[None], parameters, buffers, True).buffers)
    return np.concatenate([each.numpy() for each in buffers])


def _closed_form(batches: Array, p: float) -> Array:
    weights = (1 - p) * p ** np.arange(len(batches) - 1, -1, -1.0)
    means, variances = batches.mean(1), batches.var(1, ddof=1)
    # the mean starts at 0 and the variance at 1
    return np.stack([weights @ means, p ** len(batches) + weights @ variances])


def _torch_averages(batches: Array, newest: float) -> Array:
    layer = nn.BatchNorm1d(batches.shape[-1], momentum=newest).double()
    for batch in torch.from_numpy(batches):
        layer(batch)
    assert layer.running_mean is not None
    assert layer.running_var is not None
    return np.stack([layer.running_mean.numpy(), layer.running_var.numpy()])


def _single() -> Iterator[Check]:
    """Check a batch of one: β in training, and at inference what a large batch gives it."""
    rng = np.random.default_rng([2, STREAM])
    x = torch.from_numpy(rng.standard_normal((SAMPLES, FEATURES)))
    layer = BatchNorm((FEATURES,), 0.1)
    parameters = [torch.from_numpy(rng.standard_normal(FEATURES))[None] for _ in range(2)]
    buffers = [torch.from_numpy(rng.uniform(0.5, 2, FEATURES))[None] for _ in range(2)]

    def outputs(samples: Tensor, training: bool) -> Tensor:
        return layer.forward(samples[None], parameters, buffers, training).output[0]

    alone = torch.cat([outputs(each[None], True) for each in x])
    yield Check(
        "output of a batch of one in training less β, largest",
        *(float((alone - parameters[1]).abs().max()), 0.0, 0.0),
        role="positive control",
    )
    apart = torch.cat([outputs(each[None], False) for each in x])
    yield Check(
        "output of a batch of one at inference less that within a batch, largest",
        *(float((apart - outputs(x, False)).abs().max()), 0.0, TOLERANCE),
        role="positive control",
    )
    try:
        nn.BatchNorm1d(FEATURES).double()(x[:1])
        refused = 0
    except ValueError:
        refused = 1
    yield Check(
        "torch's refusals of a batch of one in training",
        *(refused, 1, 0),
        role="positive control",
    )
