"""Section 3.1: batch normalisation before or after the activation."""

from collections.abc import Iterator

import pandas as pd

from unstuck.claims.arms import EDGE, by_seed, compared, evaluation_runs, require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.errors import DataError

ARM = ["dataset", "activation", "batchnorm", "seed"]
SCORE = "test_accuracy"
# the activation for which the place is said to matter
EXCEPTION = "sigmoid"


@claim("3.1.4")
def placement(runs: pd.DataFrame) -> Evidence:
    """Test accuracy with batch normalisation before the activation minus after it, in points.

    Where the place is said not to matter the claim is an equivalence; with sigmoids it is that
    before is better. The negative control compares each arm with itself under other seeds.
    """
    require_columns(runs, ["batchnorm", "activation"], "runs")
    chosen = evaluation_runs(runs[runs["batchnorm"].isin(["before", "after"])], ARM)
    chosen = chosen.sort_values(ARM, kind="stable", ignore_index=True)
    contrasts = [
        contrast
        for (dataset, activation), part in chosen.groupby(["dataset", "activation"])
        for contrast in _contrasts(part, str(dataset), str(activation))
    ]
    columns = [*ARM, SCORE, "validation_accuracy", "train_accuracy", "lr", "edge", "diverged"]
    return Evidence(
        "3.1.4",
        contrasts=tuple(contrasts),
        tables={"runs": chosen[columns], "differences": _differences(contrasts)},
        numbers={
            "seeds": int(chosen["seed"].nunique()),
            "diverged": int(chosen["diverged"].sum()),
        },
    )


def _contrasts(part: pd.DataFrame, dataset: str, activation: str) -> Iterator[Contrast]:
    arms = {place: arm for place, arm in part.groupby("batchnorm")}
    missing = {"before", "after"} - set(arms)
    if missing:
        raise DataError(
            f"claim 3.1.4 on {dataset} with {activation}: there are no runs with batchnorm "
            f"{missing.pop()!r}; give the experiment both before and after."
        )
    measure = "exception" if activation == EXCEPTION else "placement"
    condition = {} if activation == EXCEPTION else {"activation": activation}
    name = f"{activation}, before against after"
    before, after = (by_seed(arms[place], SCORE, name) for place in ("before", "after"))
    edge = bool(part["edge"].any())
    yield from compared(
        *(before, after),
        name=name,
        dataset=dataset,
        condition=condition,
        note=EDGE if edge else "",
        measure=measure,
        ceiling=100 - float(after.mean()),
    )


def _differences(contrasts: list[Contrast]) -> pd.DataFrame:
    """Give the paired differences in points, a row a dataset, activation and seed."""
    return pd.DataFrame(
        [
            {
                "dataset": contrast.dataset,
                "activation": contrast.name.partition(",")[0],
                "seed": seed,
                "points": value,
            }
            for contrast in contrasts
            if contrast.role == "effect"
            for seed, value in zip(contrast.seeds, contrast.values, strict=True)
        ]
    )
