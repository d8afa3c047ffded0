"""Section 3.1: what batch normalisation does to speed and to rates, by depth and activation."""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from unstuck.claims.arms import EDGE, halves, paired, under_other_seeds
from unstuck.claims.batch_normalisation_arms import WITH, WITHOUT, Pair, pairs_of, speed_up
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.statistics.intervals import bootstrap_interval

#: a rate is usable if the run gets this share of the way from its start to the best of all arms
USABLE = 1 / 3
#: the range is told for this share as well, beside the verdict: a third is a lenient reading
STRICTER = 2 / 3
#: an arm is timed to this share of the way from its start to the better arm of the pair
TARGET = 0.8
#: for which networks it is said that they cannot be trained without, when they are deep
EXCEPTION = "sigmoid"
CUT = "usable rates reach beyond the grid, and could turn the difference"
DEAD = "no rate is usable in either arm"


@claim("3.1.6")
def faster(rates: pd.DataFrame, runs: pd.DataFrame, curves: pd.DataFrame) -> Evidence:
    """Updates to a target, decades of usable rates, and deep sigmoid networks, with and without.

    A run that does not come to the target counts its budget; a diverged one classifies nothing. The
    negative controls hold every arm against itself under other seeds, all depths and activations
    together.
    """
    pairs = list(pairs_of(rates, runs, curves))
    thresholds = {pair.dataset: _threshold(pairs, pair.dataset, USABLE) for pair in pairs}
    stricter = {pair.dataset: _threshold(pairs, pair.dataset, STRICTER) for pair in pairs}
    contrasts = [
        measured(pair, thresholds[pair.dataset]) for pair in pairs for measured in (_speed, _range)
    ]
    for dataset, threshold in thresholds.items():
        here = [pair for pair in pairs if pair.dataset == dataset]
        contrasts += [*_deepest(here), *_controls(here, threshold)]
    return Evidence(
        "3.1.6",
        contrasts=tuple(contrasts),
        tables={
            "arms": pd.DataFrame(
                [row for pair in pairs for row in _rows(pair, thresholds[pair.dataset])]
            ),
            "accuracy": pd.DataFrame([row for pair in pairs for row in _by_rate(pair)]),
            "gains": pd.DataFrame(
                [
                    _gain(pair, share, levels[pair.dataset])
                    for pair in pairs
                    for share, levels in ((USABLE, thresholds), (STRICTER, stricter))
                ]
            ),
        },
        numbers={
            "seeds": min(len(arm.final) for pair in pairs for arm in pair.arms.values()),
            "diverged_at_tuned_rates": sum(
                arm.diverged for pair in pairs for arm in pair.arms.values()
            ),
        }
        | {f"usable_from_{dataset}": value for dataset, value in thresholds.items()}
        | {f"well_usable_from_{dataset}": value for dataset, value in stricter.items()},
    )


def _threshold(pairs: Sequence[Pair], dataset: str, share: float) -> float:
    """Give the accuracy from which a rate is usable on a dataset; tuning seeds say the best."""
    return max(pair.target(share) for pair in pairs if pair.dataset == dataset)


def _speed(pair: Pair, threshold: float) -> Contrast:
    plain, normed = (pair.arms[arm].curve for arm in (WITHOUT, WITH))
    gains, ceiling, late = speed_up(plain, normed, pair.target(TARGET))
    # where no rate of the wide grid is usable, another rate than the tuned one changes nothing
    edge = any(arm.edge and arm.trains(threshold) for arm in pair.arms.values())
    dead = not any(arm.trains(threshold) for arm in pair.arms.values())
    notes = [EDGE] * edge + [DEAD] * dead
    return _contrast(pair, "speed", gains, notes, ceiling, late)


def _range(pair: Pair, threshold: float) -> Contrast:
    plain, normed = (pair.arms[arm].widths(threshold) for arm in (WITHOUT, WITH))
    wider = paired(normed, plain, "3.1.6")
    # a wider grid would lengthen the range that is cut, which matters if it is the shorter one
    arms = (WITHOUT, WITH) if wider.mean() > 0 else (WITH, WITHOUT)
    shorter, longer = (pair.arms[arm] for arm in arms)
    cut = shorter.is_cut(threshold)
    dead = not any(arm.trains(threshold) for arm in pair.arms.values())
    notes = [CUT] * cut + [DEAD] * dead
    # the longer one shows no more than the grid holds: small differences are no evidence of none
    ceiling = abs(float(wider.mean())) if longer.is_cut(threshold) else float("inf")
    return _contrast(pair, "range", wider, notes, ceiling)


def _contrast(
    pair: Pair,
    measure: str,
    values: "pd.Series[float]",
    notes: list[str],
    ceiling: float = float("inf"),
    bound: str = "",
) -> Contrast:
    return Contrast(
        name="with batch normalisation against without",
        dataset=pair.dataset,
        condition=pair.condition,
        seeds=tuple(values.index),
        values=tuple(values),
        usable=not notes,
        note="; ".join([*notes, *[bound] * bool(bound)]),
        measure=measure,
        ceiling=ceiling,
    )


def _deepest(pairs: Sequence[Pair]) -> Iterator[Contrast]:
    """Compare the deepest sigmoid networks with and without, and without with their guesses."""
    deep = [pair for pair in pairs if pair.activation == EXCEPTION]
    if not deep:
        return
    pair = max(deep, key=lambda each: each.depth)
    plain, normed = pair.arms[WITHOUT], pair.arms[WITH]
    for measure, name, values in (
        ("trainable", "accuracy with less without", paired(normed.final, plain.final, "3.1.6")),
        ("chance", "accuracy without less at the start", plain.final - plain.start),
    ):
        yield Contrast(
            name=f"{name}, {pair.depth} layers of sigmoids",
            dataset=pair.dataset,
            condition={},
            seeds=tuple(values.index),
            values=tuple(values),
            measure=measure,
        )
    yield under_other_seeds(
        *(plain.final, plain.start),
        name=f"accuracy without and at the start, {pair.depth} layers of sigmoids",
        dataset=pair.dataset,
        condition={},
        measure="chance",
    )


def _controls(pairs: Sequence[Pair], threshold: float) -> Iterator[Contrast]:
    """Hold every arm against itself under other seeds, in each measure of the claim."""
    arms = [(pair, arm) for pair in pairs for arm in pair.arms.values()]
    for measure, what, values in (
        ("speed", "updates", [np.log(a.updates_to(p.target(TARGET))[0]) for p, a in arms]),
        ("range", "usable rates", [arm.widths(threshold) for _, arm in arms]),
        ("trainable", "accuracy", [arm.final for _, arm in arms]),
    ):
        other = np.concatenate([halves(each).to_numpy() for each in values])
        yield Contrast(
            name=f"{what} of every arm under other seeds",
            dataset=pairs[0].dataset,
            condition={},
            seeds=tuple(range(len(other))),
            values=tuple(other),
            role="negative control",
            usable=bool(other.size),
            note="" if other.size else "a single seed has no other half",
            measure=measure,
        )


def _rows(pair: Pair, threshold: float) -> Iterator[dict[str, object]]:
    """Give what is drawn of an arm: its usable rates, their width, and its updates."""
    for batchnorm, arm in pair.arms.items():
        taken, reached = arm.updates_to(pair.target(TARGET))
        widths = arm.widths(threshold)
        interval = bootstrap_interval(widths.to_numpy())
        yield {
            **_label(pair, batchnorm),
            "width": float(widths.mean()),
            "width_low": interval.low,
            "width_high": interval.high,
            "cut": arm.is_cut(threshold),
            "rate": arm.rate,
            "updates": float(np.exp(np.log(taken).mean())),
            "reached": reached / len(taken),
            "accuracy": float(arm.final.mean()),
        }


def _gain(pair: Pair, share: float, threshold: float) -> dict[str, object]:
    """Give the decades of rates gained where that share of the way makes a rate usable."""
    plain, normed = (pair.arms[arm].widths(threshold) for arm in (WITHOUT, WITH))
    interval = bootstrap_interval((normed - plain).to_numpy())
    return {
        **{"dataset": pair.dataset, "activation": pair.activation, "depth": pair.depth},
        **{"share": share, "threshold": threshold},
        **{"without": float(plain.mean()), "with": float(normed.mean())},
        **{"gain": float((normed - plain).mean()), "low": interval.low, "high": interval.high},
    }


def _by_rate(pair: Pair) -> Iterator[dict[str, object]]:
    for batchnorm, arm in pair.arms.items():
        for rate, mean in arm.by_rate.mean().items():
            yield {**_label(pair, batchnorm), "lr": float(str(rate)), "accuracy": float(mean)}


def _label(pair: Pair, batchnorm: str) -> dict[str, object]:
    return {
        "dataset": pair.dataset,
        "activation": pair.activation,
        "depth": pair.depth,
        "batchnorm": batchnorm,
    }
