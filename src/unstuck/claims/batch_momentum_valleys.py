"""Section 1.2: momentum in narrow valleys, against the closed forms."""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from unstuck.claims.evaluation import claim
from unstuck.claims.evidence import Check, Evidence
from unstuck.claims.walks import Arm, fixed, require_walks, shown_path, tuned
from unstuck.optim.quadratic import best_descent, heavy_ball_shares

KAPPAS = (10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)
# a valley is narrow from here on
NARROW = 100.0
SHOWN = 10.0
LEFT = 1e-6
EXPONENT = 0.05
# updates are whole numbers
ROUNDED = 1.0
DESCENT, BALL, USUAL = "descent", "heavy_ball", "usual"
ARMS = {DESCENT: "gradient descent", BALL: "best momentum", USUAL: "momentum 0.9"}


@claim("1.2.9")
def valleys(
    descent: pd.DataFrame,
    momentum: pd.DataFrame,
    descent_paths: pd.DataFrame,
    momentum_paths: pd.DataFrame,
) -> Evidence:
    """Updates until a millionth of the distance is left, against the condition number.

    Controls: where there is no valley (κ = 1) momentum gains nothing, and every count is that of
    the closed form.
    """
    for table in (descent, momentum):
        require_walks(table, "settled", "end_x", "end_y")
    arms = {
        kappa: {
            DESCENT: fixed(descent, _surface(kappa), DESCENT, 1.0),
            BALL: fixed(momentum, _surface(kappa), BALL, 1.0),
            USUAL: tuned(momentum, _surface(kappa), USUAL),
        }
        for kappa in (1.0, *KAPPAS)
    }
    counts = pd.DataFrame([row for kappa, each in arms.items() for row in _rows(kappa, each)])
    paths = _paths(arms[SHOWN], descent_paths, momentum_paths)
    exponents = {name: _exponents(counts, name, KAPPAS) for name in (DESCENT, BALL)}
    late = _exponents(counts, USUAL, KAPPAS[-2:])
    gains = _gains(counts)
    checks = [
        *_best_checks(exponents),
        *_usual_checks(arms, late, gains),
        *_controls(counts, momentum_paths, descent_paths),
    ]
    longest = counts[counts["kappa"] == KAPPAS[-1]].groupby("arm")["updates"].median()
    return Evidence(
        "1.2.9",
        checks=tuple(checks),
        tables={"counts": counts, "paths": paths},
        numbers={
            "starts": int(counts["seed"].nunique()),
            "exponent_descent": float(exponents[DESCENT].mean()),
            "exponent_best": float(exponents[BALL].mean()),
            "exponent_usual": float(late.mean()),
            "kappa": KAPPAS[-1],
            "gain_best": float(longest[DESCENT] / longest[BALL]),
            "gain_usual": float(longest[DESCENT] / longest[USUAL]),
            "never": int((~counts["arrived"]).sum()),
        },
    )


def _surface(kappa: float) -> str:
    return f"kappa_{kappa:.0f}"


def _rows(kappa: float, arms: dict[str, Arm]) -> Iterator[dict[str, object]]:
    foretold = _foretold_descent(kappa)
    for name, arm in arms.items():
        settled = arm.values("settled")
        budget = float(arm.walks["updates"].iloc[0])
        for seed, updates in settled.items():
            yield {
                "kappa": kappa,
                "arm": name,
                "seed": seed,
                "rate": arm.rate,
                "updates": updates if np.isfinite(updates) else budget,
                "arrived": bool(np.isfinite(updates)),
                "foretold": foretold if name == DESCENT else -1.0,
            }


def _foretold_descent(kappa: float) -> float:
    """Give the updates to a millionth at a contraction of (κ − 1)/(κ + 1)."""
    contraction = best_descent(1.0, kappa).contraction
    return 1.0 if contraction == 0 else float(np.ceil(np.log(LEFT) / np.log(contraction)))


def _exponents(counts: pd.DataFrame, name: str, kappas: tuple[float, ...]) -> np.ndarray:
    """Give the slope of log updates against log κ, one a start."""
    part = counts[(counts["arm"] == name) & counts["kappa"].isin(kappas)]
    table = part.pivot(index="kappa", columns="seed", values="updates").sort_index()
    slopes: np.ndarray = np.polyfit(np.log(table.index), np.log(table.to_numpy()), 1)[0]
    return slopes


def _gains(counts: pd.DataFrame) -> pd.DataFrame:
    """Give updates of gradient descent over those at the usual momentum, κ by start."""
    table = counts.pivot(index=["kappa", "seed"], columns="arm", values="updates")
    gains: pd.DataFrame = (table[DESCENT] / table[USUAL]).unstack("seed")
    return gains


def _farthest(values: np.ndarray, goal: float) -> float:
    return float(values[np.argmax(np.abs(values - goal))])


def _best_checks(exponents: dict[str, np.ndarray]) -> Iterator[Check]:
    for name, goal in ((DESCENT, 1.0), (BALL, 0.5)):
        yield Check(
            f"exponent of κ in the updates of {ARMS[name]}, over the starts farthest from {goal:g}",
            _farthest(exponents[name], goal),
            goal,
            EXPONENT,
            {"part": "best"},
        )


def _usual_checks(
    arms: dict[float, dict[str, Arm]], late: np.ndarray, gains: pd.DataFrame
) -> Iterator[Check]:
    """Give the checks at momentum 0.9; none where its rate lies on the edge of the grid."""
    if any(arms[kappa][USUAL].edge for kappa in KAPPAS):
        return
    yield Check(
        "exponent of κ in the updates at momentum 0.9 between the two longest valleys, over the "
        "starts farthest from 0.5",
        _farthest(late, 0.5),
        0.5,
        EXPONENT,
        {"part": "usual"},
    )
    narrow = gains[gains.index >= NARROW]
    yield Check(
        f"walks from κ = {NARROW:g} on in which momentum 0.9 is not faster than gradient descent",
        int((narrow <= 1).to_numpy().sum()),
        0,
        0,
        {"part": "faster"},
    )


def _controls(
    counts: pd.DataFrame, momentum_paths: pd.DataFrame, descent_paths: pd.DataFrame
) -> Iterator[Check]:
    table = counts.pivot(index=["kappa", "seed"], columns="arm", values="updates")
    yield Check(
        "updates of gradient descent over those of the best momentum without a valley, at κ = 1",
        float((table[DESCENT] / table[BALL]).loc[1.0].max()),
        1.0,
        0.0,
        role="negative control",
    )
    plain = counts[counts["arm"] == DESCENT]
    yield Check(
        "updates of gradient descent less those at (κ − 1)/(κ + 1) an update, the most",
        float((plain["updates"] - plain["foretold"]).abs().max()),
        0.0,
        ROUNDED,
        role="positive control",
    )
    start = shown_path(descent_paths, _surface(SHOWN), DESCENT, 1.0).iloc[0][["x", "y"]]
    for kappa in KAPPAS:
        path = shown_path(momentum_paths, _surface(kappa), BALL, 1.0)
        shares = heavy_ball_shares(1.0, kappa, int(path["update"].max()))[path["update"]]
        place = start.to_numpy(dtype=np.float64)
        expected = np.linalg.norm(shares * place, axis=1) / np.linalg.norm(place)
        error = np.abs(path["distance"].to_numpy() - expected).max()
        yield Check(
            f"distance left by the best momentum at κ = {kappa:,.0f} less that of the closed form "
            "with (√κ − 1)/(√κ + 1), the most at any update",
            float(error),
            0.0,
            LEFT,
            role="positive control",
        )


def _paths(
    arms: dict[str, Arm], descent_paths: pd.DataFrame, momentum_paths: pd.DataFrame
) -> pd.DataFrame:
    """Give the paths of the first start in the valley that is drawn."""
    tables = [
        shown_path(
            descent_paths if name == DESCENT else momentum_paths, _surface(SHOWN), name, arm.rate
        ).assign(arm=name)
        for name, arm in arms.items()
    ]
    return pd.concat(tables, ignore_index=True)[["arm", "update", "x", "y", "distance"]]
