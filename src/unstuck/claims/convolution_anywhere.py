"""Section 3.2: whether a shared filter finds its pattern wherever it is."""

from collections.abc import Iterator

import pandas as pd

from unstuck.claims.arms import EDGE, by_seed, compared, evaluation_runs, paired, require_columns
from unstuck.claims.convolution_arms import require_families, with_family
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.errors import DataError

NEEDED = (
    "run_id",
    "architecture",
    "pool",
    "updates",
    "epochs",
    "parameters",
    "multiply_adds",
    "lr",
)
POOLS = ("mean", "flatten")


@claim("3.2.5")
def anywhere(runs: pd.DataFrame, curves: pd.DataFrame, places: pd.DataFrame) -> Evidence:
    """Accuracy where no pattern was shown: shared weights minus local ones, and minus full ones.

    Patterns are shown in one half of a canvas and tested in the other; the rate was chosen in the
    half of training. A fully connected network has no map to pool and stands in both conditions.

    Negative control: the arms of each comparison under other seeds. Positive control: the
    rivals after training less before it, where patterns were shown. They must have learnt there,
    and that holds whether or not what they learnt is good elsewhere.
    """
    table = with_family(evaluation_runs(runs, NEEDED)).sort_values(
        ["dataset", "family", "pool", "seed"], kind="stable", ignore_index=True
    )
    untrained = _untrained(curves)
    require_columns(
        places, ["architecture", "pool", "dataset", "seed", "distance", "accuracy"], "places"
    )
    contrasts: list[Contrast] = []
    for dataset, part in table.groupby("dataset"):
        require_families(part, "3.2.5", str(dataset))
        contrasts += _contrasts(part, str(dataset))
        contrasts += _learnt(part, untrained, str(dataset))
    moved = with_family(places)[["dataset", "family", "pool", "seed", "distance", "accuracy"]]
    columns = ["dataset", "family", "pool", "seed", "lr", "edge", "diverged"]
    counted = ["updates", "parameters", "multiply_adds"]
    accuracy = ["train_accuracy", "validation_accuracy", "test_accuracy"]
    return Evidence(
        "3.2.5",
        contrasts=tuple(contrasts),
        tables={
            "accuracy": table[columns + counted + accuracy],
            "places": moved.sort_values(
                ["dataset", "family", "pool", "distance", "seed"], kind="stable"
            ),
        },
        numbers={
            "seeds": int(table["seed"].nunique()),
            "diverged": int(table["diverged"].sum()),
            **_transfer(table),
        },
    )


def _contrasts(runs: pd.DataFrame, dataset: str) -> Iterator[Contrast]:
    for pool in POOLS:
        shared = _arm(runs, "shared", pool, dataset)
        ours = by_seed(shared, "test_accuracy", "shared")
        for family in ("local", "full"):
            rival = _arm(runs, family, pool, dataset)
            theirs = by_seed(rival, "test_accuracy", family)
            edge = bool(shared["edge"].any() or rival["edge"].any())
            yield from compared(
                *(ours, theirs),
                name=f"shared weights against {family} ones",
                dataset=dataset,
                condition={"pool": pool},
                note=EDGE if edge else "",
                ceiling=100 - float(theirs.mean()),
            )


def _untrained(curves: pd.DataFrame) -> "pd.Series[float]":
    """Give the accuracy before the first update where patterns are shown, in percent, by run."""
    require_columns(curves, ["run_id", "update", "validation_accuracy"], "curves")
    first = curves[curves["update"] == 0].set_index("run_id")
    return 100 * first["validation_accuracy"].astype("float64")


def _learnt(runs: pd.DataFrame, untrained: "pd.Series[float]", dataset: str) -> Iterator[Contrast]:
    """Compare each rival where patterns were shown with itself before the first update."""
    for family in ("local", "full"):
        for pool in POOLS if family == "local" else POOLS[:1]:
            rival = _arm(runs, family, pool, dataset)
            before = rival.assign(before=untrained.loc[rival["run_id"]].to_numpy())
            gain = paired(
                by_seed(rival, "validation_accuracy", family),
                by_seed(before, "before", family),
                family,
            )
            yield Contrast(
                name=f"{family} weights after training less before, where patterns were shown",
                dataset=dataset,
                condition={"pool": pool},
                seeds=tuple(gain.index),
                values=tuple(gain),
                role="positive control",
            )


def _arm(runs: pd.DataFrame, family: str, pool: str, dataset: str) -> pd.DataFrame:
    """Give the runs of a family; what a fully connected network says of pooling means nothing."""
    chosen = runs[runs["family"] == family]
    if family != "full":
        chosen = chosen[chosen["pool"] == pool]
    if chosen.empty:
        raise DataError(
            f"claim 3.2.5 on {dataset}: no run of {family} weights has pool {pool!r}; add it."
        )
    return chosen


def _transfer(runs: pd.DataFrame) -> dict[str, float]:
    """Give the mean accuracy where patterns were shown less that elsewhere, in points."""
    lost = runs["validation_accuracy"] - runs["test_accuracy"]
    means = lost.groupby([runs["dataset"], runs["family"], runs["pool"]]).mean()
    named = means.reset_index(name="lost").itertuples(index=False, name=None)
    return {f"lost_{dataset}_{family}_{pool}": float(v) for dataset, family, pool, v in named}
