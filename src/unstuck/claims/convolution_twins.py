"""Section 3.2: neurons with the same field and the same weights."""

import pandas as pd

from unstuck.claims.arms import require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.errors import DataError

ALIKE, OWN = {"outgoing": "same"}, {"outgoing": "own"}
ROUNDING = 1e-12
SINGLE_ROUNDING = 1e-6  # some units in the last place of float32
PARTED = 1e-6  # relative distance of weights that counts as another neuron
GAPS = ("weight_gap", "output_gap", "merging_gap")
COLUMNS = ("case", "pair", "optimizer", "dtype", "seed", "update", "loss", *GAPS)
KINDS = ("field and outgoing", "field", "outgoing")


@claim("3.2.2")
def twins(pairs: pd.DataFrame) -> Evidence:
    """Follow pairs of neurons that start with the same weights through training.

    In float64 twins must stay equal to the bit; in float32, whose products round each column in
    its own way, to some units in the last place. Controls: pairs of different fields, which must
    differ at once and part; and the loss, which must fall, or nothing was trained.
    """
    require_columns(pairs, COLUMNS, "pairs")
    missing = set(KINDS) - set(pairs["pair"])
    if missing:
        raise DataError(
            f"claim 3.2.2: no pair has in common {min(missing)!r}; add a local network of one "
            "hidden layer with mean pooling to the cases."
        )
    double, single = (pairs[pairs["dtype"] == name] for name in ("float64", "float32"))
    last = pairs["update"].max()
    start, end = double[double["update"] == 0], double[double["update"] == last]
    alike, own, fields = (double[double["pair"] == kind] for kind in KINDS)
    begun, ended = ({kind: part[part["pair"] == kind] for kind in KINDS} for part in (start, end))
    exactly = single[single["pair"] == KINDS[0]]
    checks = (
        _largest("distance of twins' weights on the way, float64", alike["weight_gap"], 0.0, ALIKE),
        _largest("distance of twins' outputs on the way, float64", alike["output_gap"], 0.0, ALIKE),
        _largest(
            "distance of twins' weights on the way, float32",
            exactly["weight_gap"],
            SINGLE_ROUNDING,
            ALIKE,
        ),
        _largest(
            "change of the network when one twin goes, at the end",
            ended[KINDS[0]]["merging_gap"],
            ROUNDING,
            ALIKE,
        ),
        _largest("distance of outputs at the start", begun[KINDS[1]]["output_gap"], 0.0, OWN),
        _largest(
            "change of the network when one neuron goes, at the start",
            begun[KINDS[1]]["merging_gap"],
            ROUNDING,
            OWN,
        ),
        _largest("distance of weights at the end", ended[KINDS[1]]["weight_gap"], 0.0, OWN),
        Check(
            "share of pairs of different fields whose outputs differ at the start",
            (begun[KINDS[2]]["output_gap"] > PARTED).mean(),
            1.0,
            0.0,
            role="negative control",
        ),
        Check(
            "share of pairs of different fields whose weights have parted at the end",
            (ended[KINDS[2]]["weight_gap"] > PARTED).mean(),
            1.0,
            0.0,
            role="negative control",
        ),
        Check(
            "share of networks and optimizers whose mean loss has fallen",
            _learnt(start, end),
            1.0,
            0.0,
            role="positive control",
        ),
    )
    drawn = ["case", "pair", "optimizer", "seed", "update", "weight_gap", "output_gap"]
    return Evidence(
        "3.2.2",
        checks=checks,
        tables={"pairs": double[drawn]},
        numbers={
            "updates": int(last),
            "seeds": int(pairs["seed"].nunique()),
            "bit_identical_share_in_float32": float((exactly["weight_gap"] == 0).mean()),
            "own_distance_at_the_end": float(ended[KINDS[1]]["weight_gap"].median()),
            "own_distance_on_the_way": float(own["weight_gap"].max()),
            "fields_distance_on_the_way": float(fields["weight_gap"].max()),
        },
    )


def _largest(
    name: str, values: "pd.Series[float]", tolerance: float, condition: dict[str, str]
) -> Check:
    return Check(f"{name}, the largest", values.max(), 0.0, tolerance, condition)


def _learnt(start: pd.DataFrame, end: pd.DataFrame) -> float:
    before, after = (
        part.groupby(["case", "pair", "optimizer"])["loss"].mean() for part in (start, end)
    )
    return float((after < before).mean())
