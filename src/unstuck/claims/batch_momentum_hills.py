"""Section 1.2: momentum over small hills, and away from saddles."""

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
import pandas as pd

from unstuck.claims.arms import EDGE, by_seed, paired, require_columns
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.claims.walks import Arm, fixed, require_walks, shown_path, tuned
from unstuck.statistics.intervals import wilson_interval

# how high each hill stands above the valley before it
HILLS = {"low": 0.1, "middle": 0.5, "high": 2.5}
NO_HILL = "none"
MOMENTA = {0.0: "momentum_0", 0.5: "momentum_50", 0.9: "momentum_90", 0.99: "momentum_99"}
PLAIN, BALL, IDLE = "momentum_0", "momentum_90", "ball_0"
USUAL = 0.9
# rates of the walks over hills: the same, and the one of as large steps in the long run
SLOW = 0.01
REACH = SLOW / (1 - USUAL)
SHOWN = "middle"
PERCENT = 100.0
NEVER = "neither arm left any saddle"
# rates of the departures, by policy, without and with momentum; the last are 95 % of the limits
DEPARTURES = {"same": (1.0, 1.0), "reach": (1.0, 0.1), "best": (1.9, 3.61)}
LAW = 0.05


class _Pair(NamedTuple):
    plain: Arm
    ball: Arm


@claim("1.2.8")
def hills(walks: pd.DataFrame, paths: pd.DataFrame, times: pd.DataFrame) -> Evidence:
    """Walks that cross hills, and updates to leave saddles, with and without momentum.

    A hill is crossed by a walk that stays beyond it to the end. A saddle that is not left counts
    the whole budget. Controls: without a hill every walk arrives; saddles are left as fast from
    other starts; a heavy ball without momentum is gradient descent; and gradient descent leaves
    saddles as fast as their eigenvalue foretells.
    """
    require_walks(walks, "settled", "end_x")
    require_columns(
        times,
        ["dataset", "seed", "momentum", "rate", "start", "updates", "budget", "growth"],
        "times",
    )
    contrasts = [contrast for hill in (*HILLS, NO_HILL) for contrast in _crossings(walks, hill)]
    contrasts += [
        contrast
        for dataset, part in times.groupby("dataset")
        for contrast in _departures(str(dataset), part)
    ]
    shares = pd.DataFrame([row for hill in (NO_HILL, *HILLS) for row in _shares(walks, hill)])
    gains = {policy: _median_gain(times, rates) for policy, rates in DEPARTURES.items()}
    return Evidence(
        "1.2.8",
        contrasts=tuple(contrasts),
        checks=(_idle(walks), *_law(times)),
        tables={
            "shares": shares,
            "paths": _paths(paths),
            "departures": _counted(times)[
                ["dataset", "seed", "momentum", "rate", "start", "updates", "left"]
            ],
        },
        numbers={
            "walks": int(shares["walks"].max()),
            "rate": SLOW,
            "saddles": int(times.groupby(["dataset", "seed"]).ngroups),
            **{f"gain_{policy}": gain for policy, gain in gains.items()},
        },
    )


def _pairs(walks: pd.DataFrame, hill: str) -> dict[str, _Pair]:
    ball = fixed(walks, hill, BALL, SLOW)
    return {
        "same": _Pair(fixed(walks, hill, PLAIN, SLOW), ball),
        "reach": _Pair(fixed(walks, hill, PLAIN, REACH), ball),
        "best": _Pair(tuned(walks, hill, PLAIN), tuned(walks, hill, BALL)),
    }


def _crossed(arm: Arm) -> "pd.Series[float]":
    """Give 100 for a walk that stayed beyond the hill, else 0, by seed."""
    return PERCENT * arm.values("settled").notna().astype("float64")


def _crossings(walks: pd.DataFrame, hill: str) -> Iterator[Contrast]:
    for policy, (plain, ball) in _pairs(walks, hill).items():
        name = "momentum 0.9 against none"
        gains = paired(_crossed(ball), _crossed(plain), name)
        edge = plain.edge or ball.edge
        control = hill == NO_HILL
        yield Contrast(
            name=f"{name}, without a hill" if control else name,
            dataset="",
            condition={"rate": policy} if control else {"rate": policy, "hill": hill},
            measure="hills",
            seeds=tuple(gains.index),
            values=tuple(gains),
            role="negative control" if control else "effect",
            usable=not edge,
            note=EDGE if edge else "",
            ceiling=PERCENT - float(_crossed(plain).mean()) if not control else np.inf,
        )


def _counted(times: pd.DataFrame) -> pd.DataFrame:
    """Count the whole budget for a saddle that was not left."""
    left = times["updates"].notna()
    return times.assign(updates=times["updates"].fillna(times["budget"]), left=left)


def _log_updates(
    times: pd.DataFrame, momentum: float, rate: float, start: str = "first"
) -> "pd.Series[float]":
    part = _counted(times)
    part = part[
        np.isclose(part["momentum"], momentum)
        & np.isclose(part["rate"], rate)
        & (part["start"] == start)
    ]
    name = f"momentum {momentum:g} at rate {rate:g}"
    counted: pd.Series[float] = by_seed(
        part.assign(counted=np.log(part["updates"])), "counted", name
    )
    return counted


def _departures(dataset: str, times: pd.DataFrame) -> Iterator[Contrast]:
    for policy, (plain_rate, ball_rate) in DEPARTURES.items():
        name = "no momentum over momentum 0.9"
        plain = _log_updates(times, 0.0, plain_rate)
        ball = _log_updates(times, USUAL, ball_rate)
        gains = paired(plain, ball, name)
        longest = np.log(float(times["budget"].iloc[0]))
        never = bool(((plain >= longest) & (ball >= longest)).all())
        yield Contrast(
            name=name,
            dataset=dataset,
            condition={"rate": policy},
            measure="saddles",
            seeds=tuple(gains.index),
            values=tuple(gains),
            usable=not never,
            note=NEVER if never else "",
        )
    rate = DEPARTURES["best"][0]
    first, other = (_log_updates(times, 0.0, rate, start) for start in ("first", "other"))
    again = paired(first, other, "other starts")
    yield Contrast(
        name="no momentum from other starts",
        dataset=dataset,
        condition={},
        measure="saddles",
        seeds=tuple(again.index),
        values=tuple(again),
        role="negative control",
    )


def _median_gain(times: pd.DataFrame, rates: tuple[float, float]) -> float:
    gains = [
        paired(_log_updates(part, 0.0, rates[0]), _log_updates(part, USUAL, rates[1]), "gain")
        for _, part in times.groupby("dataset")
    ]
    return float(np.exp(pd.concat(gains).median()))


def _idle(walks: pd.DataFrame) -> Check:
    """Hold the heavy ball without momentum against gradient descent, on every hill."""
    apart = [
        (
            fixed(walks, hill, IDLE, SLOW).values("end_x")
            - fixed(walks, hill, PLAIN, SLOW).values("end_x")
        )
        .abs()
        .max()
        for hill in (NO_HILL, *HILLS)
    ]
    return Check(
        "ends of a heavy ball with momentum 0 less those of gradient descent, the most",
        max(apart),
        0.0,
        0.0,
        role="positive control",
    )


def _law(times: pd.DataFrame) -> Iterator[Check]:
    """Hold how much sooner gradient descent leaves at 1.9 than at 1 against ln(1 − ηλ)."""
    for dataset, part in times.groupby("dataset"):
        slow, fast = (_log_updates(part, 0.0, rate) for rate in (1.0, 1.9))
        plain = part[(part["momentum"] == 0) & (part["start"] == "first")]
        growth = plain.pivot(index="seed", columns="rate", values="growth")
        foretold = np.log(np.log(growth[1.9]) / np.log(growth[1.0]))
        yield Check(
            f"updates of gradient descent to leave at 1/λ over those at 1.9/λ on {dataset}, over "
            "what the eigenvalue foretells",
            float(np.exp((slow - fast - foretold).median())),
            1.0,
            LAW,
            role="positive control",
        )


def _shares(walks: pd.DataFrame, hill: str) -> Iterator[dict[str, object]]:
    """Give the share of walks that cross, with its Wilson interval, by momentum and policy."""
    for momentum, walker in MOMENTA.items():
        arms = {"same": fixed(walks, hill, walker, SLOW)}
        if walker in (PLAIN, BALL):
            arms["best"] = tuned(walks, hill, walker)
        for policy, arm in arms.items():
            crossed = _crossed(arm)
            count = int((crossed > 0).sum())
            interval = wilson_interval(count, len(crossed))
            yield {
                "hill": hill,
                "barrier": HILLS.get(hill, 0.0),
                "momentum": momentum,
                "policy": policy,
                "rate": arm.rate,
                "walks": len(crossed),
                "crossed": count,
                "low": PERCENT * interval.low,
                "high": PERCENT * interval.high,
            }


def _paths(paths: pd.DataFrame) -> pd.DataFrame:
    """Give the first start's paths over the shown hill at the same rate."""
    tables = [
        shown_path(paths, SHOWN, walker, SLOW).assign(momentum=momentum)
        for momentum, walker in ((0.0, PLAIN), (USUAL, BALL))
    ]
    return pd.concat(tables, ignore_index=True)[["momentum", "update", "x"]]
