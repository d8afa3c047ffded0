"""Section 2.1: effective rates of parameters against the curvature along them."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.errors import DataError

STREAM = 7471
# the registry's words for places that are no dataset
BOWLS = {"bowl": "straight", "turned bowl": "turned"}
TURNED = "turned bowl"
NEEDED = ("place", "optimizer", "seed", "parameter", "layer", "rate", "curvature")
WEIGHTS = ".weight"
KEYS = ["place", "optimizer", "seed"]
# a diverged run has no order of rates: as if it were the wrong way round
WORST = -1.0


@claim("2.1.5")
def per_parameter(coordinates: pd.DataFrame) -> Evidence:
    """Rank correlation of rate and curvature over the parameters of each end, signed for the claim.

    Beside it each end's rates are ranked against the curvatures of another seed's end. In networks
    that shows how much data and layers alone make; on bowls with axes of their own it is the
    negative control. Elsewhere the control shuffles the rates among the parameters of each end.
    """
    require_columns(coordinates, NEEDED, "coordinates")
    if coordinates.empty:
        raise DataError("the table coordinates is empty; nothing was walked or trained.")
    ends = pd.DataFrame(
        [row for _, part in coordinates.groupby(KEYS[:2]) for row in _correlations(part)]
    )
    contrasts: list[Contrast] = []
    for (place, name), part in ends.groupby(["place", "optimizer"]):
        contrasts += _contrasts(str(place), str(name), part.sort_values("seed"))
    datasets = sorted(set(ends["place"]) - set(BOWLS))
    networks = ends[ends["place"].isin(datasets)]
    first = coordinates[coordinates["seed"] == 0]
    return Evidence(
        "2.1.5",
        contrasts=tuple(contrasts),
        tables={
            "ends": ends,
            "coordinates": first[first["place"] == datasets[0]],
        },
        numbers={
            "seeds": int(networks["seed"].nunique()),
            "starts": int(ends["seed"].nunique()),
            "networks": float(networks["all"].mean()),
            "within": float(networks["within"].mean()),
            "other_networks": float(networks["other"].mean()),
            "other_within": float(networks["other_within"].mean()),
            "turned": float(ends[ends["place"] == TURNED]["all"].mean()),
        },
    )


def _correlations(part: pd.DataFrame) -> Iterator[dict[str, object]]:
    """Give ρ of every end of one optimizer at one place, and ρ with the next seed's curvatures."""
    ends = [end for _, end in part.groupby("seed")]
    for end, other in zip(ends, [*ends[1:], *ends[:1]], strict=True):
        seed = int(end["seed"].iloc[0])
        # parameters that moved in both
        swapped = end.drop(columns="curvature").merge(other[["parameter", "curvature"]])
        sound, across = _sound(end), _sound(swapped)
        rates, curvatures = (end[name].to_numpy(dtype=np.float64) for name in ("rate", "curvature"))
        shuffled = np.random.default_rng([seed, STREAM]).permutation(rates)
        yield {
            **{key: end[key].iloc[0] for key in KEYS},
            "sound": sound,
            "all": _spearman(rates, curvatures) if sound else -WORST,
            "within": _within(end) if sound else -WORST,
            "shuffled": _spearman(shuffled, curvatures) if sound else 0.0,
            "other": _spearman(swapped["rate"], swapped["curvature"]) if across else 0.0,
            "other_within": _within(swapped) if across else 0.0,
            "parameters": len(end),
        }


def _sound(end: pd.DataFrame) -> bool:
    return bool(np.isfinite(end[["rate", "curvature"]].to_numpy(dtype=np.float64)).all())


def _within(end: pd.DataFrame) -> float:
    """Give Spearman's ρ in the mean weight matrix; 0 where there is none."""
    layers = [each for name, each in end.groupby("layer") if str(name).endswith(WEIGHTS)]
    within = [_spearman(each["rate"], each["curvature"]) for each in layers]
    return float(np.mean(within)) if within else 0.0


def _spearman(first: object, second: object) -> float:
    from scipy import stats

    return float(stats.spearmanr(first, second).statistic)


def _contrasts(place: str, name: str, ends: pd.DataFrame) -> list[Contrast]:
    bowl = place in BOWLS
    dataset = "" if bowl else place
    condition = {"optimizer": name, "place": BOWLS.get(place, "network")}
    measured = (
        {"all": condition}
        if bowl
        else {across: condition | {"across": across} for across in ("all", "within")}
    )
    effects = [
        Contrast(
            name="curvature against effective rate",
            dataset=dataset,
            condition=where,
            seeds=tuple(ends["seed"]),
            values=tuple(-ends[column]),
        )
        for column, where in measured.items()
    ]
    turned = place == TURNED
    control = Contrast(
        name="curvature against the rates of "
        + ("another start, its axes elsewhere" if turned else "other parameters"),
        dataset=dataset,
        condition=condition,
        seeds=tuple(ends["seed"]),
        values=tuple(-ends["other" if turned else "shuffled"]),
        role="negative control",
    )
    return [*effects, control]
