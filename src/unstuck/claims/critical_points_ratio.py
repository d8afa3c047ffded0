"""Section 1.1: the share of positive eigenvalues where training stopped, and on the ladder."""

from collections.abc import Callable, Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.claims.arms import require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.claims.other_seeds import correlation_across_seeds
from unstuck.errors import DataError
from unstuck.statistics.ranks import rank_correlation

# relative to the largest absolute eigenvalue; the words are those of the registry
TOLERANCES = {"1e-8": 1e-8, "1e-6": 1e-6, "1e-4": 1e-4}
# share of what: all eigenvalues, or those the tolerance tells from zero
AMONG = ("all", "nonzero")
SHOWN = "1e-6"
NETWORK = ["network", "activation", "batchnorm", "parameters"]
MINIMUM_ENDPOINTS = 3
SHUFFLE_STREAM = 7101
# names of the matrices in the evidence; blocks are summed over layers
MATRICES = {
    "hessian": "hessian",
    "gauss_newton": "gauss_newton",
    "hessian by layer": "hessian_blocks",
    "gauss_newton by layer": "blocks",
    "gauss_newton of 16 samples": "few_samples",
}

Array = NDArray[np.float64]


@claim("1.1.6")
def minimum_ratio(spectra: pd.DataFrame, audit: pd.DataFrame, ladder: pd.DataFrame) -> Evidence:
    """Share of non-positive eigenvalues, and its rank correlation with the loss.

    Judged at endpoints of training and, apart from them, at the certified points of the ladder,
    where a width and rung take the place of a recipe.

    Each seed gives three effects: the mean over its endpoints of 1 − minimum ratio; minus
    Spearman's correlation of minimum ratio and training loss across its endpoints of one network,
    which compares optimizers and batch sizes; and its share of the same correlation across the
    seeds of a cell, which compares runs of one recipe. All are taken at every tolerance, with zeros
    counted (among all eigenvalues) and left out (among those beyond the tolerance).

    Negative controls: the Gauss-Newton matrix, which has no negative eigenvalue; the ratios and the
    losses of other seeds, cell by cell; and losses shuffled once among the seeds of a cell.
    """
    endpoints = _endpoints(spectra).assign(inner=True)
    rungs = _rungs(ladder)
    counts = _audit(audit)
    contrasts: list[Contrast] = []
    for points, table in (("endpoints", endpoints), ("ladder", rungs)):
        for dataset, part in table[table["counted"]].groupby("dataset"):
            contrasts += _contrasts(part, str(dataset), points)
    for dataset in sorted(endpoints["dataset"].unique()):
        contrasts += _gauss_newton(counts[counts["dataset"] == dataset], str(dataset))
    return Evidence(
        "1.1.6",
        contrasts=tuple(contrasts),
        tables={
            "endpoints": _shown(endpoints),
            "ladder": _shown(rungs),
            "audit": counts.drop(columns=["positive", "zero", "negative"]),
        },
        numbers=_numbers(endpoints, counts),
    )


def _contrasts(part: pd.DataFrame, dataset: str, points: str) -> Iterator[Contrast]:
    for tolerance in TOLERANCES:
        for among in AMONG:
            condition = {"points": points, "tolerance": tolerance, "among": among}
            column = f"{among}_{tolerance}"
            yield _share(part, column, dataset, condition)
            for measure in TRENDS:
                yield _trend(measure, part, column, dataset, condition)
    for measure in TRENDS:
        for among in AMONG:
            condition = {"points": points, "tolerance": SHOWN, "among": among}
            yield _nothing(measure, part, f"{among}_{SHOWN}", dataset, condition)


def ratios(eigenvalues: Array, relative: float) -> tuple[float, float]:
    """Give the share of positive eigenvalues among all, and among those beyond the tolerance.

    Where no eigenvalue is beyond the tolerance the second share is 1: nothing is negative.
    """
    bound = relative * np.abs(eigenvalues).max(initial=0.0)
    positive = int((eigenvalues > bound).sum())
    nonzero = positive + int((eigenvalues < -bound).sum())
    return positive / eigenvalues.size, positive / nonzero if nonzero else 1.0


def _endpoints(spectra: pd.DataFrame) -> pd.DataFrame:
    """Give one row per endpoint with its shares at every tolerance.

    A cell counts if it was measured on at least half of the dataset's seeds, so that no seed's
    mean is over another mixture of cells than the others', and if its rate is not on the edge of
    its grid.
    """
    needed = ["run_id", "dataset", "cell", "seed", "train_loss", "gradient_norm", "eigenvalues"]
    require_columns(spectra, [*needed, *NETWORK], "spectra")
    labels = [name for name in ("optimizer", "schedule", "batch") if name in spectra.columns]
    table = spectra[[*needed[:-1], *NETWORK, *labels]].copy()
    values = [np.asarray(each, dtype=np.float64) for each in spectra["eigenvalues"]]
    for name, relative in TOLERANCES.items():
        shares = [ratios(each, relative) for each in values]
        table[f"all_{name}"] = [share[0] for share in shares]
        table[f"nonzero_{name}"] = [share[1] for share in shares]
    seeds = table.groupby("dataset")["seed"].transform("nunique")
    measured = table.groupby(["dataset", "cell"])["seed"].transform("nunique")
    edge = spectra["edge"].astype(bool) if "edge" in spectra.columns else False
    table["counted"] = ((2 * measured >= seeds) & ~np.asarray(edge)).to_numpy()
    return table.sort_values(["dataset", "cell", "seed"], kind="stable", ignore_index=True)


def _rungs(ladder: pd.DataFrame) -> pd.DataFrame:
    """Give the certified points of the ladder as `_endpoints` does endpoints.

    The first rung has one loss whatever the seed and the last has no negative eigenvalue, so
    neither can show a trend within its cell: they are not `inner`.
    """
    needed = ["dataset", "seed", "width", "rung", "loss", "converged", "kind"]
    require_columns(ladder, needed, "ladder")
    points = ladder[ladder["converged"]].rename(columns={"loss": "train_loss"})
    cells = points["width"].astype(str) + "-" + points["rung"].astype(str)
    named = points.assign(
        run_id="", cell=cells, network="width " + points["width"].astype(str), batchnorm="off"
    )
    table = _endpoints(named.assign(activation="tanh"))
    place = table["cell"].str.split("-", expand=True).astype("int64")
    inner = (place[1] > 0) & (place[1] < place[0])
    return table.assign(width=place[0], rung=place[1], inner=inner)


def _audit(audit: pd.DataFrame) -> pd.DataFrame:
    """Give counts and shares by endpoint, matrix, number format and tolerance."""
    counts = ["positive", "zero", "negative"]
    key = ["dataset", "seed", "run_id", "matrix", "dtype", "tolerance"]
    require_columns(audit, [*key, *counts], "audit")
    table = audit[audit["matrix"].isin(MATRICES)]
    table = table.assign(matrix=table["matrix"].map(MATRICES)).groupby(key)[counts].sum()
    if table.empty:
        raise DataError(f"table audit has none of the matrices {', '.join(MATRICES)}.")
    nonzero = table["positive"] + table["negative"]
    return table.assign(
        minimum_ratio=table["positive"] / table.sum(axis=1),
        nonzero_ratio=(table["positive"] / nonzero).where(nonzero > 0, 1.0),
    ).reset_index()


def _share(
    endpoints: pd.DataFrame, column: str, dataset: str, condition: dict[str, str]
) -> Contrast:
    values = 1 - endpoints.groupby("seed")[column].mean()
    return Contrast(
        name="non-positive eigenvalues of the Hessian",
        dataset=dataset,
        condition=condition,
        seeds=tuple(values.index),
        values=tuple(values),
        measure="share",
    )


def _trend(
    measure: str, endpoints: pd.DataFrame, column: str, dataset: str, condition: dict[str, str]
) -> Contrast:
    values = _values(measure, endpoints, column)
    return Contrast(
        name="ratio against training loss",
        dataset=dataset,
        condition=condition,
        seeds=tuple(values),
        values=tuple(values.values()),
        measure=measure,
        usable=bool(values),
        note="" if values else f"fewer than {MINIMUM_ENDPOINTS} endpoints to compare",
    )


def _nothing(
    measure: str, endpoints: pd.DataFrame, column: str, dataset: str, condition: dict[str, str]
) -> Contrast:
    if measure == "fall":
        name, values = "ratio against losses of other seeds", _falls_across(endpoints, column)
    else:
        inner = endpoints[endpoints["inner"]]
        name, values = "ratio against shuffled losses", _falls_within(inner, column, shuffled=True)
    return Contrast(
        name=name,
        dataset=dataset,
        condition=condition,
        seeds=tuple(values),
        values=tuple(values.values()),
        role="negative control",
        measure=measure,
        usable=bool(values),
        note="" if values else "too few endpoints to compare",
    )


def _gauss_newton(counts: pd.DataFrame, dataset: str) -> Iterator[Contrast]:
    exact = counts[(counts["matrix"] == "gauss_newton") & (counts["dtype"] == "float64")]
    for name, relative in TOLERANCES.items():
        part = exact[np.isclose(exact["tolerance"], relative, rtol=1e-6, atol=0)]
        values = 1 - part.groupby("seed")["nonzero_ratio"].mean()
        yield Contrast(
            name="negative eigenvalues of the Gauss-Newton matrix, which has none",
            dataset=dataset,
            condition={"points": "endpoints", "tolerance": name, "among": "nonzero"},
            seeds=tuple(values.index),
            values=tuple(values),
            role="negative control",
            measure="share",
            usable=not values.empty,
            note="" if len(values) else "the audit has no endpoint at this tolerance",
        )


def _falls(endpoints: pd.DataFrame, column: str) -> dict[int, float]:
    """Give minus Spearman's correlation per seed, averaged over networks by their endpoints."""
    falls: dict[int, float] = {}
    for _, part in endpoints.groupby("seed"):
        groups = [group for _, group in part.groupby(NETWORK) if len(group) >= MINIMUM_ENDPOINTS]
        if not groups:
            continue
        number = int(part["seed"].iloc[0])
        total = 0.0
        for group in groups:
            ratio, loss = group[column].to_numpy(), group["train_loss"].to_numpy()
            total += float(rank_correlation(ratio, loss)) * len(group)
        falls[number] = -total / sum(len(group) for group in groups)
    return falls


def _falls_across(endpoints: pd.DataFrame, column: str) -> dict[int, float]:
    """Give minus Spearman's correlation across seeds, averaged over networks by their cells."""
    total, weight = pd.Series(dtype="float64"), pd.Series(dtype="float64")
    for _, group in endpoints.groupby(NETWORK):
        tables = [
            group.pivot(index="seed", columns="cell", values=v) for v in (column, "train_loss")
        ]
        complete = tables[0].notna().all()
        if complete.sum() < MINIMUM_ENDPOINTS:
            continue
        ratio, loss = (table.loc[:, complete] for table in tables)
        found = correlation_across_seeds(ratio, loss, rank_correlation)
        cells = float(complete.sum())
        total = total.add(-found * cells, fill_value=0.0)
        weight = weight.add(pd.Series(cells, index=found.index), fill_value=0.0)
    return {int(str(seed)): float(value) for seed, value in (total / weight).items()}


def _falls_within(endpoints: pd.DataFrame, column: str, shuffled: bool = False) -> dict[int, float]:
    """Give each seed's share of minus Spearman's correlation across the seeds of a cell.

    Ratio and loss are ranked within each cell and scaled to mean 0 and variance 1; a seed's value
    is minus the mean over cells of their product, so that the mean over seeds is minus the mean
    correlation.
    """
    products: dict[int, list[float]] = {}
    for number, (_, group) in enumerate(endpoints.groupby("cell")):
        if len(group) < MINIMUM_ENDPOINTS:
            continue
        ratio, loss = group[column].to_numpy(), group["train_loss"].to_numpy()
        if shuffled:
            loss = np.random.default_rng([number, SHUFFLE_STREAM, 1]).permutation(loss)
        for seed, product in zip(group["seed"], _scaled(ratio) * _scaled(loss), strict=True):
            products.setdefault(int(seed), []).append(float(product))
    return {seed: -float(np.mean(products[seed])) for seed in sorted(products)}


#: what is correlated across what, by the registry's name of the effect
TRENDS: dict[str, Callable[[pd.DataFrame, str], dict[int, float]]] = {
    "fall": _falls,
    "within": _falls_within,
}


def _values(measure: str, endpoints: pd.DataFrame, column: str) -> dict[int, float]:
    part = endpoints[endpoints["inner"]] if measure == "within" else endpoints
    return TRENDS[measure](part, column)


def _scaled(values: Array) -> Array:
    """Give ranks with mean 0 and variance 1, or 0 where all values are equal."""
    from scipy import stats

    ranks: Array = np.asarray(stats.rankdata(values)) - (len(values) + 1) / 2
    deviation = float(ranks.std())
    return np.asarray(ranks / deviation if deviation > 0 else ranks)


def _shown(endpoints: pd.DataFrame) -> pd.DataFrame:
    names = {f"all_{SHOWN}": "minimum_ratio", f"nonzero_{SHOWN}": "nonzero_ratio"}
    others = [f"{among}_{name}" for among in AMONG for name in TOLERANCES if name != SHOWN]
    return endpoints.rename(columns=names).drop(columns=[*others, "cell", "inner"])


def _numbers(endpoints: pd.DataFrame, counts: pd.DataFrame) -> dict[str, float | int]:
    """Quote means over the audited endpoints: what number format and tolerance do to the ratio."""
    numbers: dict[str, float | int] = {
        "endpoints": len(endpoints),
        "endpoints_left_out": int((~endpoints["counted"]).sum()),
        "largest_gradient_norm": float(endpoints["gradient_norm"].max()),
        "median_gradient_norm": float(endpoints["gradient_norm"].median()),
        "audited_endpoints": int(counts["run_id"].nunique()),
    }
    for tolerance, word in ((0.0, "untolerated"), (TOLERANCES[SHOWN], "tolerated")):
        part = counts[np.isclose(counts["tolerance"], tolerance, rtol=1e-6, atol=0)]
        names = part["matrix"] + "_" + part["dtype"] + "_" + word
        numbers |= {
            str(k): float(v) for k, v in part["minimum_ratio"].groupby(names).mean().items()
        }
    return numbers
