"""Section 2.1: effective rates of parameters against the curvature along them."""

import numpy as np
import pandas as pd

from unstuck.claims.arms import require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Contrast, Evidence
from unstuck.errors import DataError

STREAM = 7471
# the registry's words for places that are no dataset
BOWLS = {"bowl": "straight", "turned bowl": "turned"}
WEIGHTS = ".weight"
KEYS = ["place", "optimizer", "seed"]
# a diverged run has no order of rates: as if it were the wrong way round
WORST = -1.0


@claim("2.1.5")
def per_parameter(coordinates: pd.DataFrame) -> Evidence:
    """Rank correlation of rate and curvature over the parameters of each end, signed for the claim.

    The negative control shuffles the rates among the parameters of each end.
    """
    require_columns(
        coordinates, ["place", "optimizer", "seed", "layer", "rate", "curvature"], "coordinates"
    )
    if coordinates.empty:
        raise DataError("the table coordinates is empty; nothing was walked or trained.")
    ends = pd.DataFrame(
        [
            dict(zip(KEYS, key, strict=True)) | _correlations(part, int(part["seed"].iloc[0]))
            for key, part in coordinates.groupby(KEYS)
        ]
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
            "turned": float(ends[ends["place"] == "turned bowl"]["all"].mean()),
        },
    )


def _correlations(end: pd.DataFrame, seed: int) -> dict[str, float | bool]:
    """Give Spearman's ρ over all parameters, in the mean weight matrix, and with rates shuffled."""
    rates, curvatures = (end[name].to_numpy(dtype=np.float64) for name in ("rate", "curvature"))
    sound = bool(np.isfinite(rates).all() and np.isfinite(curvatures).all())
    rng = np.random.default_rng([seed, STREAM])
    layers = [each for name, each in end.groupby("layer") if str(name).endswith(WEIGHTS)]
    within = [_spearman(each["rate"], each["curvature"]) for each in layers]
    return {
        "sound": sound,
        "all": _spearman(rates, curvatures) if sound else -WORST,
        "within": (float(np.mean(within)) if within else 0.0) if sound else -WORST,
        "shuffled": _spearman(rng.permutation(rates), curvatures) if sound else 0.0,
        "parameters": len(end),
    }


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
    control = Contrast(
        name="curvature against the rates of other parameters",
        dataset=dataset,
        condition=condition,
        seeds=tuple(ends["seed"]),
        values=tuple(-ends["shuffled"]),
        role="negative control",
    )
    return [*effects, control]
