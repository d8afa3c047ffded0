"""Arms of an experiment, compared seed by seed."""

import math
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import pandas as pd

from unstuck.claims.evidence import Contrast
from unstuck.errors import DataError
from unstuck.statistics.divergence import rank_last

#: why a contrast carries no verdict
EDGE = "the best rate lies on the edge of its grid"

ACCURACIES = ("train_accuracy", "validation_accuracy", "test_accuracy")


def evaluation_runs(runs: pd.DataFrame, needed: Iterable[str] = ()) -> pd.DataFrame:
    """Give the evaluation runs of a table of runs, accuracies in percent.

    Diverged runs stay and score 0: below chance, so that they rank last whatever the number of
    classes, which the table does not hold. An effect against a diverged arm is larger by up to
    chance than a constant guess in its place would make it.

    Parameters
    ----------
    runs
        A table of runs.
    needed
        Columns it must have besides those that every such table has.

    Raises
    ------
    DataError
        If a column is missing or there is no evaluation run.
    """
    columns = {"role", "seed", "dataset", "edge", "diverged_at", *ACCURACIES, *needed}
    require_columns(runs, columns, "runs")
    chosen = runs[runs["role"] == "evaluation"].reset_index(drop=True)
    if chosen.empty:
        raise DataError("the table of runs has no run with role 'evaluation'; train some first.")
    diverged = chosen["diverged_at"].notna().to_numpy()
    for name in ACCURACIES:
        percent = 100 * chosen[name].to_numpy(dtype=np.float64)
        chosen[name] = rank_last(percent, diverged, worst="lowest", bound=0.0)
    return chosen.assign(diverged=diverged)


def require_columns(table: pd.DataFrame, needed: Iterable[str], name: str) -> None:
    """Refuse a table that lacks a column.

    Raises
    ------
    DataError
        If it does.
    """
    missing = sorted(set(needed) - set(table.columns))
    if missing:
        raise DataError(
            f"table {name} has no column {missing[0]!r}; it has {', '.join(map(str, table))}."
        )


def by_seed(arm: pd.DataFrame, column: str, name: str) -> pd.Series:
    """Give one value per seed of an arm, sorted by seed.

    Raises
    ------
    DataError
        If a seed occurs twice, so that the arm is really several.
    """
    twice = arm["seed"][arm["seed"].duplicated()]
    if not twice.empty:
        raise DataError(
            f"arm {name!r} has seed {twice.iloc[0]} more than once; "
            "an axis varies in it that the claim does not compare."
        )
    return arm.set_index("seed")[column].sort_index().astype("float64")


def paired(treated: pd.Series, reference: pd.Series, name: str) -> pd.Series:
    """Give the difference of two arms by seed.

    Raises
    ------
    DataError
        If the arms have different seeds.
    """
    unpaired = sorted(set(treated.index) ^ set(reference.index))
    if unpaired:
        raise DataError(f"{name}: seed {unpaired[0]} is in one arm only; arms are paired by seed.")
    return treated - reference


def compared(
    treated: pd.Series,
    reference: pd.Series,
    *,
    name: str,
    dataset: str,
    condition: Mapping[str, str],
    measure: str = "",
    note: str = "",
    ceiling: float = math.inf,
) -> Iterator[Contrast]:
    """Give the contrast of two arms by seed, and its negative control (`under_other_seeds`).

    Parameters
    ----------
    treated, reference
        A value per seed of each arm, sorted by seed.
    name, dataset, condition, measure, ceiling
        Those of the contrast.
    note
        Why no verdict may rest on it; empty if one may.

    Raises
    ------
    DataError
        If the arms have different seeds.
    """
    differences = paired(treated, reference, name)
    yield Contrast(
        name=name,
        dataset=dataset,
        condition=condition,
        seeds=tuple(differences.index),
        values=tuple(differences),
        usable=not note,
        note=note,
        measure=measure,
        ceiling=ceiling,
    )
    yield under_other_seeds(
        treated, reference, name=name, dataset=dataset, condition=condition, measure=measure
    )


def under_other_seeds(
    treated: pd.Series,
    reference: pd.Series,
    *,
    name: str,
    dataset: str,
    condition: Mapping[str, str],
    measure: str = "",
) -> Contrast:
    """Give the negative control of two arms: each against itself under other seeds.

    Only seeds differ within a pair, so no effect can be there. Both arms are split in halves, the
    first by the first half of its seeds, the second by every other seed, and the two sets of pairs
    are taken together. N seeds give N pairs (N − 1 if N is odd), whose mean has the variance
    (σ₁² + σ₂²)/N of a difference of the two arms that the pairing by seed does not help: what the
    contrast of the arms can find, this control can find, at no further run. The halves of one arm
    are half as many pairs, with twice the variance. The two splits are orthogonal (where N/2 is
    odd, nearly so and opposed), lest arms that are alike seed by seed count one difference twice;
    so that one arm may be given as both. The scatter of the pairs is that within each arm's, so
    that a fault in the seeds of one arm does not hide behind the scatter that it makes.

    Swapping the labels of the arms at random within seeds uses all seeds too, but its spread holds
    the effect itself: the larger the effect, the less the control could fail.

    Parameters
    ----------
    treated, reference
        A value per seed of each arm, sorted by seed.
    name
        Which arms.
    dataset, condition, measure
        Those of the contrast that the control belongs to.
    """
    size = min(len(treated), len(reference)) // 2
    first, second = treated.to_numpy(), reference.to_numpy()
    halves_of_first = first[:size] - first[size : 2 * size]
    values = [*halves_of_first, *(second[1 : 2 * size : 2] - second[: 2 * size : 2])]
    return Contrast(
        name=f"{name}, each under other seeds",
        dataset=dataset,
        condition=condition,
        seeds=tuple(range(len(values))),
        values=tuple(values),
        role="negative control",
        usable=size > 0,
        note="" if size else "a single seed has no other",
        measure=measure,
        splits=2 if size else 1,
    )


def halves(arm: pd.Series) -> pd.Series:
    """Give the differences between two halves of the seeds of one arm: no effect can be there.

    The first half is paired with the second in order; an odd last seed has no partner.
    """
    size = len(arm) // 2
    return pd.Series(
        arm.to_numpy()[:size] - arm.to_numpy()[size : 2 * size], index=arm.index[:size]
    )
