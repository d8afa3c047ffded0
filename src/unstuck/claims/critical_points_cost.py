"""Section 1.1: what the Hessian costs, and what cheaper ways cost."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import paired, require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.errors import DataError

# a slope at small sizes would be that of starting a call
LARGEST = 3
AGREEMENT = 1e-6
DENSE_MEMORY = 2.0  # P x P numbers
MEMORY_TOLERANCE = 0.1
# effect of the registry: the dear way and the cheap one
PAIRS = {"hessian": ("dense", "product"), "extremes": ("spectrum", "lanczos")}
METHODS = ("dense", "spectrum", "product", "lanczos")


@claim("1.1.8")
def cost(times: pd.DataFrame, memory: pd.DataFrame, agreement: pd.DataFrame) -> Evidence:
    """Exponent of a dear way's time in the number of parameters, less that of a cheap way.

    An exponent is the slope of log time against log parameters at the three largest sizes that
    every seed has. The negative control is the product against itself, timed a second time. That
    the cheap way gives the same extreme eigenvalues is checked at every size with a full spectrum.
    """
    require_columns(times, ["method", "parameters", "seed", "seconds"], "times")
    require_columns(memory, ["method", "parameters", "tensors", "arrays"], "memory")
    require_columns(agreement, ["dense", "lanczos"], "agreement")
    exponents = {str(method): _exponents(part) for method, part in times.groupby("method")}
    missing = sorted({*METHODS, "product again"} - set(exponents))
    if missing:
        raise DataError(f"the table of times lacks {', '.join(missing)}; time all methods.")
    shown = [method for method in METHODS if method in exponents]
    held = memory[memory["method"].isin(METHODS)]
    held = held.assign(bytes=held["tensors"] + held["arrays"])
    grown = {method: _slope(held[held["method"] == method], "bytes") for method in METHODS}
    return Evidence(
        "1.1.8",
        contrasts=tuple(_contrasts(exponents)),
        checks=(
            Check(
                "extreme eigenvalues by Lanczos against the full spectrum, largest relative error",
                _disagreement(agreement),
                0.0,
                AGREEMENT,
            ),
            Check(
                "exponent of the memory that the formed Hessian takes",
                grown["dense"],
                DENSE_MEMORY,
                MEMORY_TOLERANCE,
            ),
        ),
        tables={
            "times": _medians(times[times["method"].isin(METHODS)]),
            "memory": held[["method", "parameters", "bytes"]]
            .sort_values(["method", "parameters"], ignore_index=True)
            .astype({"bytes": float}),
            "exponents": pd.DataFrame(
                {
                    "method": shown,
                    "time": [float(exponents[method].median()) for method in shown],
                    "memory": [grown[method] for method in shown],
                }
            ),
        },
        numbers={
            "seeds": int(times["seed"].nunique()),
            "largest_formed": int(times[times["method"] == "dense"]["parameters"].max()),
            "largest_multiplied": int(times[times["method"] == "product"]["parameters"].max()),
            "largest_lanczos": int(times[times["method"] == "lanczos"]["parameters"].max()),
        },
    )


def _exponents(times: pd.DataFrame) -> "pd.Series[float]":
    """Give the exponent of every seed, at the largest sizes that all seeds have."""
    table = times.pivot_table(index="seed", columns="parameters", values="seconds")
    common = table.dropna(axis=1).sort_index(axis=1).iloc[:, -LARGEST:]
    if common.shape[1] < 2:
        method = times["method"].iloc[0]
        raise DataError(f"{method} was timed at {common.shape[1]} sizes by all seeds; give two.")
    logs = np.log(common.to_numpy())
    slopes = np.polyfit(np.log(common.columns.to_numpy(dtype=float)), logs.T, 1)[0]
    return pd.Series(slopes, index=common.index)


def _slope(table: pd.DataFrame, column: str) -> float:
    largest = table.sort_values("parameters").iloc[-LARGEST:]
    return float(np.polyfit(np.log(largest["parameters"]), np.log(largest[column]), 1)[0])


def _contrasts(exponents: dict[str, "pd.Series[float]"]) -> Iterator[Contrast]:
    for measure, (dear, cheap) in PAIRS.items():
        name = f"{dear} against {cheap}"
        differences = paired(exponents[dear], exponents[cheap], name)
        yield Contrast(
            name=name,
            dataset="",
            condition={},
            seeds=tuple(differences.index),
            values=tuple(differences),
            measure=measure,
        )
    nothing = paired(exponents["product"], exponents["product again"], "product")
    for measure in PAIRS:
        yield Contrast(
            name="product against itself, timed again",
            dataset="",
            condition={},
            seeds=tuple(nothing.index),
            values=tuple(nothing),
            role="negative control",
            measure=measure,
        )


def _disagreement(agreement: pd.DataFrame) -> float:
    return float(((agreement["lanczos"] - agreement["dense"]) / agreement["dense"]).abs().max())


def _medians(times: pd.DataFrame) -> pd.DataFrame:
    """Give the median and the extreme times of every method and size."""
    grouped = times.groupby(["method", "parameters"])["seconds"]
    return grouped.agg(["median", "min", "max", "count"]).reset_index()
