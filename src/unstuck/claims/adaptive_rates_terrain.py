"""Section 2.1: RMSProp where the steepness changes on the way."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
import torch

from unstuck.claims.arms import EDGE, compared, paired
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.claims.walks import LOST, THERE, Arm, fixed, require_walks, shown_path, tuned
from unstuck.optim.coefficients import optimizer
from unstuck.optim.update import UpdateRule

CHANGING, EVEN = "changing", "even"
POLICIES = ("default", "best")
ADAGRAD = "adagrad"
# the registry's words for α, and the walkers
ALPHAS = {"half": 0.5, "tenth": 0.9, "hundredth": 0.99, "thousandth": 0.999}
USUAL = "tenth"
DECAYED = "rmsprop_0.9_decayed"
# what torch.optim gives both optimizers
DEFAULT = 0.01
UNSETTLED = "fewer than half of the starts settled in either arm"
CAPPED = "an arm settled from fewer than half of the starts, so that its budget stands for its time"
# rates between which the floor is followed, and how near to a straight line
FLOOR_RATES = (0.01, 1.0)
EXPONENT = 0.05
# gradients before and after the change, and the share of the rate that counts as recovered
STEEP, GENTLE, RECOVERED = 100.0, 0.1, 0.5
ROUNDED = 1.0


@claim("2.1.6")
def rmsprop(walks: pd.DataFrame, paths: pd.DataFrame) -> Evidence:
    """Updates until a walk settles, Adagrad's over RMSProp's; and the floor that RMSProp keeps.

    The times are compared on an even slope too, where nothing changes, and the two ratios with each
    other: what the even slope shows as well is owed to no change. A walk that does not settle
    counts its whole budget. The negative controls hold the starts of each arm against each other.
    """
    require_walks(walks, "settled")
    contrasts: list[Contrast] = []
    rows: list[dict[str, object]] = []
    arms = {
        (surface, policy): {
            walker: fixed(walks, surface, walker, DEFAULT)
            if policy == "default"
            else tuned(walks, surface, walker)
            for walker in (ADAGRAD, *map(_walker, ALPHAS), DECAYED)
        }
        for surface in (CHANGING, EVEN)
        for policy in POLICIES
    }
    for (surface, policy), chosen in arms.items():
        rows += [
            row for walker, arm in chosen.items() for row in _rows(surface, policy, walker, arm)
        ]
        for word in ALPHAS:
            where = {"surface": surface, "rate": policy, "alpha": word}
            contrasts += _arrivals(chosen[ADAGRAD], chosen[_walker(word)], where)
        if surface == CHANGING:
            contrasts += _floors(chosen[_walker(USUAL)], chosen[DECAYED], policy)
    for policy in POLICIES:
        changing, even = (arms[surface, policy] for surface in (CHANGING, EVEN))
        for word in ALPHAS:
            contrasts += _owed(changing, even, policy, word)
    times = pd.DataFrame(rows)
    best = arms[CHANGING, "best"]
    exponent = _floor_exponent(walks)
    return Evidence(
        "2.1.6",
        contrasts=tuple(contrasts),
        checks=(
            Check(
                "exponent of the rate in the distance that RMSProp keeps, α = 0.9",
                exponent,
                1.0,
                EXPONENT,
                {"alpha": USUAL},
            ),
            *_memory(),
        ),
        tables={
            "times": times,
            "paths": pd.concat(
                [
                    _path(paths, walker, DEFAULT, "default")
                    for walker in (ADAGRAD, *map(_walker, ALPHAS))
                ]
                + [_path(paths, walker, arm.rate, "best") for walker, arm in best.items()],
                ignore_index=True,
            ),
        },
        numbers={
            "starts": int(times["seed"].nunique()),
            "budget": int(walks["updates"].max()),
            "floor_exponent": exponent,
            "floor": float(best[_walker(USUAL)].values("late").median()),
            "floor_decayed": float(best[DECAYED].values("late").median()),
        },
    )


def _walker(word: str) -> str:
    return f"rmsprop_{ALPHAS[word]:g}"


def _arrivals(plain: Arm, arm: Arm, condition: dict[str, str]) -> Iterator[Contrast]:
    name = "Adagrad over RMSProp"
    theirs, ours = np.log(plain.updates()), np.log(arm.updates())
    unsettled = 2 * max(plain.settled, arm.settled) < len(theirs)
    notes = [EDGE] * (plain.edge or arm.edge) + [UNSETTLED] * unsettled
    yield from compared(
        *(theirs, ours),
        name=name,
        dataset="",
        condition=condition,
        measure="arrival",
        note="; ".join(notes),
    )


def _owed(
    changing: dict[str, Arm], even: dict[str, Arm], policy: str, word: str
) -> Iterator[Contrast]:
    """Compare the ratio of times on the changing slope with that on the even one."""
    name = "Adagrad over RMSProp, changing over even slope"
    pairs = [(changing[walker], even[walker]) for walker in (ADAGRAD, _walker(word))]
    theirs, ours = (
        paired(np.log(there.updates()), np.log(here.updates()), name) for there, here in pairs
    )
    capped = any(2 * arm.settled < len(theirs) for pair in pairs for arm in pair)
    edge = any(arm.edge for pair in pairs for arm in pair)
    yield from compared(
        *(theirs, ours),
        name=name,
        dataset="",
        condition={"rate": policy, "alpha": word},
        measure="owed",
        note="; ".join([EDGE] * edge + [CAPPED] * capped),
    )


def _floors(constant: Arm, decayed: Arm, policy: str) -> Iterator[Contrast]:
    yield from compared(
        *(np.log(arm.late()) for arm in (constant, decayed)),
        name="RMSProp at a constant rate over a decaying one",
        dataset="",
        condition={"surface": CHANGING, "rate": policy, "alpha": USUAL},
        measure="floor",
        note=EDGE if constant.edge or decayed.edge else "",
    )


def _floor_exponent(walks: pd.DataFrame) -> float:
    """Give the slope of the log distance at the end against the log rate, over all starts."""
    part = walks[(walks["surface"] == CHANGING) & (walks["walker"] == _walker(USUAL))]
    low, high = FLOOR_RATES
    part = part[(part["role"] == "evaluation") & part["rate"].between(0.99 * low, 1.01 * high)]
    late = part["late"].clip(THERE, LOST)
    return float(np.polyfit(np.log(part["rate"]), np.log(late), 1)[0])


def _memory() -> Iterator[Check]:
    """Count the updates after which the step has recovered from a steep stretch.

    σ² falls as α^n from the old squares to the new, so that the step is the share r of the rate
    when α^n (STEEP² − GENTLE²) = GENTLE² (1/r² − 1).
    """
    for alpha in ALPHAS.values():
        rule = UpdateRule([optimizer("rmsprop", beta2=alpha, epsilon=0.0)], 1, torch.float64)
        # as long a stretch of steep terrain as it takes to fill σ
        rule.s.fill_(STEEP**2)
        theta, rate = torch.zeros(1, 1, dtype=torch.float64), torch.ones(1, dtype=torch.float64)
        gradient = torch.full_like(theta, GENTLE)
        updates, step = 0, 0.0
        while step < RECOVERED:
            before = float(theta)
            rule.step(theta, gradient, rate)
            step, updates = before - float(theta), updates + 1
        share = GENTLE**2 * (1 / RECOVERED**2 - 1) / (STEEP**2 - GENTLE**2)
        yield Check(
            f"updates in which σ forgets the steep gradients, α = {alpha:g}",
            updates,
            float(np.log(share) / np.log(alpha)),
            ROUNDED,
            role="positive control",
        )


def _rows(surface: str, policy: str, walker: str, arm: Arm) -> Iterator[dict[str, object]]:
    counted = arm.updates()
    columns = (counted, arm.values("settled").notna(), arm.late())
    for seed, updates, settled, late in zip(counted.index, *columns, strict=True):
        yield {
            "surface": surface,
            "policy": policy,
            "walker": walker,
            "rate": arm.rate,
            "seed": seed,
            "updates": updates,
            "settled": settled,
            "late": late,
        }


def _path(paths: pd.DataFrame, walker: str, rate: float, policy: str) -> pd.DataFrame:
    path = shown_path(paths, CHANGING, walker, rate).assign(policy=policy)
    columns: pd.DataFrame = path[["policy", "walker", "rate", "update", "x", "y", "distance"]]
    return columns
