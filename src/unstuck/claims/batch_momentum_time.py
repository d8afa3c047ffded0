"""Section 1.2: what an update and an epoch cost in time, by batch size."""

import math
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import nnls

from unstuck.claims.arms import require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence, Role
from unstuck.errors import DataError
from unstuck.statistics.intervals import bootstrap_interval

Array = NDArray[np.float64]
THOUSAND = 1000
CPU = "CPU"
BUSY = "slower than one thread on the largest batch: the machine was busy with something else"
CORES = {"thread": "one thread", "parallel": "all cores"}
COLUMNS = ["hardware", "processor", "threads", "repeat", "batch_size", "timing"]
COLUMNS += ["samples", "updates", "seconds"]


class Place(NamedTuple):
    """Where updates were timed: the registry's condition `device`, and how much of a CPU."""

    device: str
    cores: str


@claim("1.2.3")
def update_time(times: pd.DataFrame) -> Evidence:
    """Logarithm of the time of an update with 1000 samples over that with one, by round.

    The claim is of parallel hardware, so each device speaks for itself: without a GPU its half has
    no evidence. Controls: the smallest batch timed twice, and the largest batch, which must cost
    more than 1000.
    """
    seconds = _by_batch(times, "1.2.3")
    busy = _busy(seconds)
    contrasts: list[Contrast] = []
    knees = []
    for hardware, table in seconds.items():
        place = _place(times, hardware)
        small, large = table.columns[0], table.columns[-1]
        contrasts.append(
            _contrast(
                f"batch {THOUSAND} over batch {small}",
                table[THOUSAND],
                table[small],
                place,
                busy=hardware in busy,
            )
        )
        if hardware not in busy:
            name = f"batch {large} over batch {THOUSAND}"
            largest, middle = table[large], table[THOUSAND]
            contrasts += [
                _again(times, hardware),
                _contrast(name, largest, middle, place, role="positive control"),
            ]
        knees.append({"hardware": hardware} | _knee(table))
    return Evidence(
        "1.2.3",
        contrasts=tuple(contrasts),
        tables={"times": _first(times, busy), "knees": pd.DataFrame(knees)},
        numbers={
            f"{name}_{row['hardware']}": row[name]
            for row in knees
            for name in ("knee", "knee_low", "knee_high", "misfit")
        },
    )


@claim("1.2.4")
def epoch_time(times: pd.DataFrame) -> Evidence:
    """Logarithm of the time of an epoch in batches of one over that in batches of 1000, by round.

    An epoch is as many updates as it takes, each at the median time of one; the last batch counts
    as a whole one. Control: the smallest batch timed twice.
    """
    seconds = _by_batch(times, "1.2.4")
    busy = _busy(seconds)
    samples = int(times["samples"].iloc[0])
    contrasts: list[Contrast] = []
    numbers: dict[str, float] = {}
    for hardware, table in seconds.items():
        epochs = table * np.ceil(samples / table.columns.to_numpy(dtype=np.float64))
        small, large = table.columns[0], table.columns[-1]
        contrasts.append(
            _contrast(
                f"epoch in batches of {small} over epoch in batches of {THOUSAND}",
                epochs[small],
                epochs[THOUSAND],
                _place(times, hardware),
                busy=hardware in busy,
            )
        )
        if hardware not in busy:
            contrasts.append(_again(times, hardware))
        middle = epochs.median()
        numbers |= {
            f"epoch_seconds_of_batch_{small}_{hardware}": float(middle[small]),
            f"epoch_seconds_of_batch_{THOUSAND}_{hardware}": float(middle[THOUSAND]),
            f"epoch_of_{THOUSAND}_over_{large}_{hardware}": float(middle[THOUSAND] / middle[large]),
        }
    first = _first(times, busy)
    epoch = np.ceil(samples / first["batch_size"]) * first["seconds"]
    return Evidence(
        "1.2.4",
        contrasts=tuple(contrasts),
        tables={"epochs": first.assign(epoch=epoch)},
        numbers=numbers,
    )


def _by_batch(times: pd.DataFrame, name: str) -> dict[str, pd.DataFrame]:
    """Give the seconds of an update of each processor: a row a round, a column a batch size."""
    require_columns(times, COLUMNS, "times")
    first = times[times["timing"] == "first"]
    sizes = sorted(first["batch_size"].unique())
    if THOUSAND not in sizes or sizes[0] >= THOUSAND or sizes[-1] <= THOUSAND:
        raise DataError(
            f"claim {name}: batch sizes are {', '.join(map(str, sizes))}; it needs {THOUSAND}, a "
            "smaller and a larger one."
        )
    return {
        str(hardware): part.pivot(index="repeat", columns="batch_size", values="seconds")
        for hardware, part in first.groupby("hardware", sort=False)
    }


def _place(times: pd.DataFrame, hardware: str) -> Place:
    cpu = bool((times.loc[times["hardware"] == hardware, "processor"] == CPU).all())
    return Place("cpu", CORES[hardware]) if cpu else Place("gpu", "")


def _contrast(
    name: str,
    treated: "pd.Series[float]",
    reference: "pd.Series[float]",
    place: Place,
    role: Role = "effect",
    busy: bool = False,
) -> Contrast:
    values = (treated / reference).map(math.log)
    return Contrast(
        name=name,
        dataset=place.cores,
        condition={"device": place.device},
        seeds=tuple(values.index),
        values=tuple(values),
        role=role,
        usable=not busy,
        note=BUSY if busy else "",
    )


def _busy(seconds: dict[str, pd.DataFrame]) -> set[str]:
    """Give the processors that cannot have had the machine to themselves.

    More threads than free cores wait for each other, hundreds of times longer than an update takes.
    """
    whole = {hardware: float(table.iloc[:, -1].median()) for hardware, table in seconds.items()}
    return {hardware for hardware in whole if whole[hardware] > whole.get("thread", np.inf)}


def _again(times: pd.DataFrame, hardware: str) -> Contrast:
    """Compare the smallest batch with itself."""
    own = times[times["hardware"] == hardware]
    again = own[own["timing"] == "again"].set_index("repeat").sort_index()
    size = again["batch_size"].iloc[0]
    first = own[(own["timing"] == "first") & (own["batch_size"] == size)]
    return _contrast(
        f"batch {size} timed again over batch {size}",
        again["seconds"],
        first.set_index("repeat")["seconds"].sort_index(),
        _place(times, hardware),
        role="negative control",
    )


def _knee(table: pd.DataFrame) -> dict[str, float]:
    """Fit the time of an update by a + bB in every round, by relative error; the knee is a/b.

    `misfit` is the median relative distance of a median time from the fit to the medians.
    """
    sizes = table.columns.to_numpy(dtype=np.float64)
    fits = np.array([_fit(sizes, row) for row in table.to_numpy(dtype=np.float64)])
    # a processor without fixed cost has its knee at one sample or below
    knees = np.log(np.maximum(fits[:, 0] / fits[:, 1], 1.0))
    interval = bootstrap_interval(knees)
    middle = table.median().to_numpy(dtype=np.float64)
    fixed, slope = _fit(sizes, middle)
    return {
        "knee": float(np.exp(knees.mean())),
        "knee_low": float(np.exp(interval.low)),
        "knee_high": float(np.exp(interval.high)),
        "fixed_seconds": float(fixed),
        "seconds_per_sample": float(slope),
        "misfit": float(np.median(np.abs((fixed + slope * sizes) / middle - 1))),
    }


def _fit(sizes: Array, seconds: Array) -> tuple[float, float]:
    """Give a and b, neither negative, of a + bB with the least squared relative error."""
    design = np.stack([np.ones_like(sizes), sizes], axis=1) / seconds[:, None]
    # columns of like size, lest the solver's tolerance take the slope for zero
    scale = np.abs(design).max(axis=0)
    fixed, slope = nnls(design / scale, np.ones_like(seconds))[0] / scale
    return float(fixed), max(float(slope), 1e-15)


def _first(times: pd.DataFrame, busy: set[str]) -> pd.DataFrame:
    columns = [name for name in COLUMNS if name != "timing"]
    first = times[times["timing"] == "first"][columns].sort_values(
        ["hardware", "repeat", "batch_size"], ignore_index=True
    )
    return first.assign(busy=first["hardware"].isin(busy))
