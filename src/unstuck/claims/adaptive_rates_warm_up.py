"""Section 2.1: warm-up, the largest stable rate, and how far σ can be trusted early on."""

import math
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.claims.arms import compared, evaluation_runs, require_columns
from unstuck.claims.early_sigma import variance_checks, variances
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.errors import DataError
from unstuck.optim.coefficients import OPTIMIZERS, rectification_term
from unstuck.optim.schedules import SCHEDULES, ScheduleSpec, factors
from unstuck.optim.trajectory import descend
from unstuck.surfaces.valleys import Ellipse

# per cent of training samples, twice chance: below it a run has learnt next to nothing
LEARNT = 20.0
# an arm whose rate lies at an end of the grid in more than one seed of ten carries no verdict
SHARE_AT_AN_END = 0.1
# optimizer and schedule of each remedy, by the registry's words
REMEDIES = {
    ("adam", "short"): ("adam", "warmup"),
    ("adam", "long"): ("adam", "long_warmup"),
    ("adam", "formula"): ("adam", "transformer"),
    ("adam", "radam"): ("radam", "constant"),
    ("sgd", "short"): ("sgd", "warmup"),
    ("sgd", "long"): ("sgd", "long_warmup"),
}
CELL = ["dataset", "optimizer", "schedule"]
EXACT = 1e-12

Array = NDArray[np.float64]


class Stable(NamedTuple):
    """The largest stable rate of one seed, and whether it lies at an end of the grid."""

    rate: float
    highest: bool  # every rate from the lowest that learns on was stable
    none: bool  # no rate learnt; the rate is one step below the grid


def largest_stable(rates: Array, learnt: NDArray[np.bool_]) -> Stable:
    """Give the last rate before the first that fails, upwards from the lowest that learns.

    Parameters
    ----------
    rates
        A grid of rates, ascending, [R].
    learnt
        Whether the run at each rate neither diverged nor ended at chance, [R].
    """
    if not learnt.any():
        return Stable(float(rates[0] ** 2 / rates[1]), highest=False, none=True)
    first = int(np.argmax(learnt))
    failed = np.flatnonzero(~learnt[first:])
    last = first + int(failed[0]) - 1 if failed.size else len(rates) - 1
    return Stable(float(rates[last]), highest=not failed.size, none=False)


@claim("2.1.10")
def warm_up(runs: pd.DataFrame, sigma: pd.DataFrame) -> Evidence:
    """Largest stable rate with a warm-up over that without, as the logarithm of a ratio by seed.

    Rates are compared at their peak, RAdam's with the factor that it multiplies it by.

    Exact: the variance of 1/σ over the first updates, of Gaussian gradients through the update rule
    against its closed form, and of minibatch gradients. Negative controls: the arms without warm-up
    against themselves under other seeds, and a warm-up of one update, which is none. Positive
    control: a quadratic, whose largest stable rate is 2/λ with and without.
    """
    require_columns(runs, ["optimizer", "schedule", "lr"], "runs")
    table = evaluation_runs(runs, ["optimizer", "schedule", "lr"])
    table = table.assign(learnt=(table["train_accuracy"] > LEARNT) & ~table["diverged"])
    updates = int(runs["updates"].max())
    stable = _stable(table, updates)
    contrasts: list[Contrast] = []
    for dataset, part in stable.groupby("dataset"):
        contrasts += _contrasts(part, str(dataset))
    spread = variances(sigma)
    return Evidence(
        "2.1.10",
        contrasts=tuple(contrasts),
        checks=(*variance_checks(spread), *_controls(updates)),
        tables={
            "stable": stable,
            "failed": _failed(table),
            "gains": _gains(contrasts),
            "spread": spread,
        },
        numbers={
            "seeds": int(table["seed"].nunique()),
            "runs": len(table),
            "diverged": int(table["diverged"].sum()),
            "at_chance": int((~table["learnt"] & ~table["diverged"]).sum()),
            "updates": updates,
            "radam_largest_factor": peak_factor("radam", updates),
        },
    )


def _stable(table: pd.DataFrame, updates: int) -> pd.DataFrame:
    """Give the largest stable rate, a row a dataset, optimizer, schedule and seed.

    `peak` is the largest rate that an optimizer makes of it over so many updates.
    """
    rows = []
    for (dataset, optimizer, schedule, seed), part in table.groupby([*CELL, "seed"]):
        ordered = part.sort_values("lr", kind="stable")
        if ordered["lr"].duplicated().any():
            raise DataError(
                f"claim 2.1.10: {optimizer} with schedule {schedule} has seed {seed} more than "
                "once at a rate; an axis varies that the claim does not compare."
            )
        found = largest_stable(ordered["lr"].to_numpy(), ordered["learnt"].to_numpy(dtype=bool))
        rows.append(
            {
                "dataset": dataset,
                "optimizer": optimizer,
                "schedule": schedule,
                "seed": seed,
                **found._asdict(),
                "peak": found.rate * peak_factor(str(optimizer), updates),
            }
        )
    return pd.DataFrame(rows)


def _contrasts(stable: pd.DataFrame, dataset: str) -> Iterator[Contrast]:
    for (optimizer, remedy), arm in REMEDIES.items():
        treated, plain = (_arm(stable, *each) for each in (arm, (optimizer, "constant")))
        name = f"{optimizer}, {remedy}, against a constant rate"
        yield from compared(
            *(_log_rate(treated), _log_rate(plain)),
            name=name,
            dataset=dataset,
            condition={"part": "stable", "optimizer": optimizer, "remedy": remedy},
            note=_at_an_end(treated) or _at_an_end(plain),
        )


def _arm(stable: pd.DataFrame, optimizer: str, schedule: str) -> pd.DataFrame:
    chosen = stable[(stable["optimizer"] == optimizer) & (stable["schedule"] == schedule)]
    if chosen.empty:
        raise DataError(
            f"claim 2.1.10: no run has optimizer {optimizer!r} with schedule {schedule!r}; add it."
        )
    return chosen


def _log_rate(arm: pd.DataFrame) -> "pd.Series[float]":
    ordered = arm.set_index("seed")["peak"].sort_index()
    return pd.Series(np.log(ordered.to_numpy()), index=ordered.index)


def _at_an_end(arm: pd.DataFrame) -> str:
    for column, words in (
        ("highest", "even the highest rate was stable"),
        ("none", "no rate was stable"),
    ):
        count = int(arm[column].sum())
        if count > SHARE_AT_AN_END * len(arm):
            where = f"{arm['optimizer'].iloc[0]} with schedule {arm['schedule'].iloc[0]}"
            return f"{words} in {count} of {len(arm)} seeds of {where}"
    return ""


def _failed(table: pd.DataFrame) -> pd.DataFrame:
    """Give the share of runs that diverged or ended at chance, and accuracy, by arm and rate."""
    shares = table.groupby([*CELL, "lr"]).agg(
        failed=("learnt", lambda learnt: 1 - learnt.mean()),
        diverged=("diverged", "mean"),
        test_accuracy=("test_accuracy", "mean"),
        seeds=("seed", "nunique"),
    )
    return shares.reset_index()


def _gains(contrasts: list[Contrast]) -> pd.DataFrame:
    """Give the ratio of the largest stable rates, a row a dataset, arm and seed."""
    return pd.DataFrame(
        [
            {
                "dataset": contrast.dataset,
                "optimizer": contrast.condition["optimizer"],
                "remedy": contrast.condition["remedy"],
                "usable": contrast.usable,
                "seed": seed,
                "ratio": math.exp(value),
            }
            for contrast in contrasts
            if contrast.role == "effect"
            for seed, value in zip(contrast.seeds, contrast.values, strict=True)
        ]
    )


def _controls(updates: int) -> Iterator[Check]:
    yield Check(
        "factors of a warm-up of one update other than 1",
        int((factors(ScheduleSpec(warmup=1), updates) != 1).sum()),
        0,
        0,
        role="negative control",
    )
    n = np.arange(1, 20_001)
    formula = 512**-0.5 * np.minimum(n**-0.5, n * 4000.0**-1.5)
    ours = (512 * 4000) ** -0.5 * factors(ScheduleSpec(shape="transformer", warmup=4000), len(n))
    yield Check(
        "the schedule against the Transformer's formula, largest relative difference",
        float(np.abs(ours / formula - 1).max()),
        0.0,
        EXACT,
        role="positive control",
    )
    rates = np.geomspace(0.21, 21, 21)
    for name in ("constant", "warmup"):
        found = _stable_on_a_bowl(rates, SCHEDULES[name], updates)
        yield Check(
            f"largest stable rate on ½x² with schedule {name}, against the limit 2/λ",
            found,
            float(rates[rates < 2].max()),
            EXACT,
            role="positive control",
        )


def _stable_on_a_bowl(rates: Array, schedule: ScheduleSpec, updates: int) -> float:
    """Give the largest rate at which ½(x² + y²) is not left, by the rule that networks get.

    A warm-up leads so near to the bottom that a path that grows again is still near at the end: it
    must not grow over the last third.
    """
    walked = descend(
        Ellipse(condition=1.0),
        [(1.0, 1.0)] * len(rates),
        OPTIMIZERS["sgd"],
        rates,
        updates,
        schedules=schedule,
    )
    with np.errstate(over="ignore", invalid="ignore"):
        distance = np.linalg.norm(walked.points, axis=2)
    return largest_stable(rates, distance[-1] <= distance[2 * updates // 3]).rate


def peak_factor(optimizer: str, updates: int) -> float:
    """Give the largest factor by which an optimizer multiplies its rate over a run.

    It is below 1 for RAdam alone, whose rate grows all along: were that left out, to step less far
    throughout would count as to bear a larger rate. Its first updates along m alone do not count.
    """
    row = OPTIMIZERS[optimizer]
    terms = [rectification_term(row.beta2, t) for t in range(1, updates + 1)] if row.rectify else []
    return max((term for term in terms if term is not None), default=1.0)
