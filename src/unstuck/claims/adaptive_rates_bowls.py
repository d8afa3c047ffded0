"""Section 2.1: gradient descent and Adagrad on long convex bowls."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.arms import EDGE, compared
from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Contrast, Evidence
from unstuck.claims.walks import Arm, fixed, require_walks, shown_path, tuned
from unstuck.surfaces.valleys import Ellipse, Regression

REGRESSION = "regression"
BOWLS = {"round": 1.0, "ellipse_100": 1e2, "ellipse_10000": 1e4, "ellipse_1000000": 1e6}
TINY, LARGE = 1e-7, 1e-2
# multiples of 1 / λmax: bounces, and does not
BOUNCING, STEADY, EXACT = 1.9, 0.1, 1.0
CLOSED_FORM = 1e-6
# surfaces of 2.1.4: the registry's word for how the bowl lies
SHAPES = {REGRESSION: "regression", "ellipse_10000": "straight", "turned_10000": "turned"}
DEFINITIONS = {"sum": "adagrad", "mean": "adagrad_mean"}


@claim("2.1.3")
def ellipse(walks: pd.DataFrame, paths: pd.DataFrame) -> Evidence:
    """Gradient descent on bowls of several κ: does it bounce, does it arrive?

    Controls: a round bowl is crossed in one update at 1/λmax, a tenth of that rate never turns
    back, and the end of a path is that of the closed form (1 − ηλ)^t.
    """
    require_walks(walks, "turns", "lr")
    kappas = {REGRESSION: Regression().condition, **BOWLS}
    long = [name for name in kappas if name != "round"]
    budget = int(walks["updates"].max())
    checks = [*_stated_checks(walks, budget), *_controls(walks, paths, long)]
    rows = []
    for surface, kappa in kappas.items():
        best = tuned(walks, surface, "sgd")
        if surface in long:
            condition = {"surface": surface}
            bouncing = fixed(walks, surface, "sgd", BOUNCING).values("turns")
            checks += [
                Check(
                    f"share of steps against the one before at 1.9/λmax on {surface}, the least",
                    bouncing.min(),
                    1.0,
                    0.0,
                    {"part": "bounces", **condition},
                ),
                Check(
                    f"starts on {surface} that arrive to stay at the best rate, {best.rate:g}/λmax",
                    best.settled,
                    0,
                    0,
                    {"part": "none", **condition},
                ),
            ]
        rows += list(_left(walks, surface, kappa))
    stated = [fixed(walks, REGRESSION, "sgd_stated", rate) for rate in (TINY, LARGE)]
    return Evidence(
        "2.1.3",
        checks=tuple(checks),
        tables={"left": pd.DataFrame(rows), "paths": _regression_paths(paths)},
        numbers={
            "kappa": Regression().condition,
            "lambda_max": Regression().curvatures[1],
            "largest_stable_rate": 2 / Regression().curvatures[1],
            "left_at_tiny": float(stated[0].values("late").median()),
            "overflow_at_large": _median_or_none(stated[1].walks["diverged_at"]),
            "budget": budget,
        },
    )


def _median_or_none(values: "pd.Series[float]") -> float | str:
    return float(values.median()) if values.notna().any() else "none"


def _stated_checks(walks: pd.DataFrame, budget: int) -> Iterator[Check]:
    tiny = fixed(walks, REGRESSION, "sgd_stated", TINY)
    large = fixed(walks, REGRESSION, "sgd_stated", LARGE)
    yield Check(
        f"starts on the regression that arrive within {budget:,} updates at rate 1e-7",
        tiny.settled,
        0,
        0,
        {"part": "crawls", "surface": REGRESSION},
    )
    yield Check(
        "starts on the regression that stay finite at rate 0.01",
        int(large.walks["diverged_at"].isna().sum()),
        len(large.walks),
        0,
        {"part": "stays", "surface": REGRESSION},
    )


def _controls(walks: pd.DataFrame, paths: pd.DataFrame, long: list[str]) -> Iterator[Check]:
    yield Check(
        "most updates to cross the round bowl at 1/λmax",
        fixed(walks, "round", "sgd", EXACT).updates().max(),
        1,
        0,
        role="positive control",
    )
    for surface in long:
        turns = fixed(walks, surface, "sgd", STEADY).values("turns")
        yield Check(
            f"share of steps against the one before at 0.1/λmax on {surface}, the most",
            turns.max(),
            0,
            0,
            role="negative control",
        )
    for surface, kappa in BOWLS.items():
        path = shown_path(paths, surface, "sgd", BOUNCING)
        first, last = path.iloc[0], path.iloc[-1]
        eta = BOUNCING / Ellipse(kappa).curvatures[1]
        shares = (1 - eta * np.array([1.0, kappa])) ** int(last["update"])
        start = np.array([first["x"], first["y"]])
        expected = float(np.linalg.norm(shares * start) / np.linalg.norm(start))
        yield Check(
            f"distance left on the bowl of κ = {kappa:g} at 1.9/λmax, against (1 − ηλ)^t",
            float(last["distance"]),
            expected,
            CLOSED_FORM,
            role="positive control",
        )


def _left(walks: pd.DataFrame, surface: str, kappa: float) -> Iterator[dict[str, object]]:
    """Give the distance left at every rate below the limit, by seed."""
    part = walks[(walks["surface"] == surface) & (walks["role"] == "evaluation")]
    part = part[part["walker"].isin(("sgd", "sgd_stated"))]
    walked = part[["walker", "rate", "seed", "late", "diverged_at"]].to_numpy()
    for walker, rate, seed, late, diverged_at in walked:
        yield {
            "surface": surface,
            "kappa": kappa,
            "stated": walker == "sgd_stated",
            "rate": rate,
            "seed": int(seed),
            "left": late if np.isfinite(late) else -1.0,
            "overflowed": bool(np.isfinite(diverged_at)),
        }


def _regression_paths(paths: pd.DataFrame) -> pd.DataFrame:
    """Give the first start's path at a tiny and at a bouncing rate; bias and weight."""
    chosen = [("crawls", "sgd_stated", TINY), ("bounces", "sgd", BOUNCING)]
    tables = [
        shown_path(paths, REGRESSION, walker, rate).assign(path=name)
        for name, walker, rate in chosen
    ]
    columns = ["path", "update", "x", "y", "distance"]
    return pd.concat(tables, ignore_index=True)[columns]


@claim("2.1.4")
def adagrad(walks: pd.DataFrame, paths: pd.DataFrame) -> Evidence:
    """Updates to settle of gradient descent over those of Adagrad, each at its best rate.

    A walk that does not settle, as one that bursts out again, counts its whole budget, which makes
    a ratio against it too small.
    The negative control holds the starts of each arm against each other.
    """
    require_walks(walks)
    contrasts: list[Contrast] = []
    rows: list[dict[str, object]] = []
    curves = []
    for surface, shape in SHAPES.items():
        plain = tuned(walks, surface, "sgd")
        arms = {"gradient descent": plain}
        for definition, walker in DEFINITIONS.items():
            arm = arms[f"Adagrad ({definition})"] = tuned(walks, surface, walker)
            contrasts += _contrasts(plain, arm, {"shape": shape, "squares": definition})
        walkers = ("sgd", *DEFINITIONS.values())
        for (name, arm), walker in zip(arms.items(), walkers, strict=True):
            rows += _times(arm, surface, name)
            path = shown_path(paths, surface, walker, arm.rate)
            curves.append(path.assign(arm=name)[["surface", "arm", "update", "distance"]])
    times = pd.DataFrame(rows)
    return Evidence(
        "2.1.4",
        contrasts=tuple(contrasts),
        checks=(_indifference(paths),),
        tables={"times": times, "curves": pd.concat(curves, ignore_index=True)},
        numbers={
            "starts": int(times["seed"].nunique()),
            "not_settled": int((~times["settled"]).sum()),
            "budget": int(walks["updates"].max()),
        },
    )


def _contrasts(plain: Arm, arm: Arm, condition: dict[str, str]) -> Iterator[Contrast]:
    name = f"gradient descent over Adagrad with the {condition['squares']} of squares"
    theirs, ours = np.log(plain.updates()), np.log(arm.updates())
    edge = arm.edge or plain.edge
    never = arm.settled == 0 and plain.settled == 0
    note = "; ".join([EDGE] * edge + ["neither arm settled"] * never)
    yield from compared(theirs, ours, name=name, dataset="", condition=condition, note=note)


def _times(arm: Arm, surface: str, name: str) -> Iterator[dict[str, object]]:
    updates = arm.updates()
    settled = arm.walks.set_index("seed")["settled"].notna().sort_index()
    for seed, taken, stayed in zip(updates.index, updates, settled, strict=True):
        yield {
            "surface": surface,
            "arm": name,
            "rate": arm.rate,
            "seed": seed,
            "updates": taken,
            "settled": stayed,
        }


def _indifference(paths: pd.DataFrame) -> Check:
    """On a straight bowl the curvature cancels: both coordinates move by the same law.

    With x_{t+1} = x_t − η λ x_t / (λ √Σ x²) no λ is left, so that the path is that of a recurrence
    without one.
    """
    path = shown_path(paths, "ellipse_10000", "adagrad", 1.0)
    points = path[["x", "y"]].to_numpy()
    place, squares = points[0].copy(), np.zeros(2)
    error, records = 0.0, dict(zip(path["update"], points, strict=True))
    for update in range(1, 51):
        squares += place**2
        place = place - place / np.sqrt(squares)
        error = max(error, float(np.abs(place - records[update]).max()))
    return Check(
        "Adagrad's first 50 updates on the straight bowl less a recurrence without curvature",
        error,
        0.0,
        CLOSED_FORM,
        role="positive control",
    )
