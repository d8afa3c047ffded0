"""Section 3.2: whether a shared filter finds its pattern wherever it is."""

from collections.abc import Iterator

import pandas as pd

from unstuck.claims.arms import by_seed, evaluation_runs, paired, require_columns, under_other_seeds
from unstuck.claims.convolution_arms import EDGE, require_families, with_family
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.errors import DataError

NEEDED = ("architecture", "pool", "updates", "epochs", "parameters", "multiply_adds", "lr")
POOLS = ("mean", "flatten")


@claim("3.2.5")
def anywhere(runs: pd.DataFrame, places: pd.DataFrame) -> Evidence:
    """Accuracy where no pattern was shown: shared weights minus local ones, and minus full ones.

    Patterns are shown in one half of a canvas and tested in the other; the rate was chosen in the
    half of training. A fully connected network has no map to pool and stands in both conditions.

    Negative control: the arms of each comparison under other seeds. Positive control: the
    rivals where patterns were shown, against where none was: they must have learnt something there.
    """
    table = with_family(evaluation_runs(runs, NEEDED)).sort_values(
        ["dataset", "family", "pool", "seed"], kind="stable", ignore_index=True
    )
    require_columns(
        places, ["architecture", "pool", "dataset", "seed", "distance", "accuracy"], "places"
    )
    contrasts: list[Contrast] = []
    for dataset, part in table.groupby("dataset"):
        require_families(part, "3.2.5", str(dataset))
        contrasts += _contrasts(part, str(dataset))
        contrasts += _learnt(part, str(dataset))
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
            name = f"shared weights against {family} ones"
            differences = paired(ours, theirs, name)
            edge = bool(shared["edge"].any() or rival["edge"].any())
            yield Contrast(
                name=name,
                dataset=dataset,
                condition={"pool": pool},
                seeds=tuple(differences.index),
                values=tuple(differences),
                usable=not edge,
                note=EDGE if edge else "",
                ceiling=100 - float(theirs.mean()),
            )
            yield under_other_seeds(
                ours, theirs, name=name, dataset=dataset, condition={"pool": pool}
            )


def _learnt(runs: pd.DataFrame, dataset: str) -> Iterator[Contrast]:
    """Compare each rival where patterns were shown with where none was."""
    for family in ("local", "full"):
        for pool in POOLS if family == "local" else POOLS[:1]:
            rival = _arm(runs, family, pool, dataset)
            gain = paired(
                by_seed(rival, "validation_accuracy", family),
                by_seed(rival, "test_accuracy", family),
                family,
            )
            yield Contrast(
                name=f"{family} weights where patterns were shown, and where none was",
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
