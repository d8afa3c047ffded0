"""Section 1.2: walks along valleys, made up by the closed forms."""

import numpy as np
import pandas as pd

from made_up.walks import walk
from unstuck.optim.quadratic import best_descent, heavy_ball_shares

KAPPAS = (1.0, 10.0, 100.0, 1_000.0, 10_000.0, 100_000.0)
START = np.array([6.0, 8.0])
RATES = (1.0, 3.0, 3.7, 3.82)


def updates(walker: str, kappa: float, power: float = 0.5) -> float:
    """Updates to a millionth: κ, a power of κ, and flat before it grows as κ."""
    if kappa == 1:
        return 262.0 if walker == "usual" else 1.0
    if walker == "descent":
        return float(np.ceil(-6 * np.log(10) / np.log(best_descent(1.0, kappa).contraction)))
    return 7 * kappa**power if walker == "heavy_ball" else max(262.0, 0.36 * kappa)


def walks(walkers: tuple[str, ...], **planted: float) -> pd.DataFrame:
    """One row a κ, walker, rate and start."""
    rows = []
    for kappa in KAPPAS:
        for walker in walkers:
            for rate in RATES if walker == "usual" else (1.0,):
                for seed in (*range(10), 1000, 1001):
                    slow = 1.0 if walker != "usual" or rate == 3.7 else 1.2
                    taken = slow * updates(walker, kappa, **planted)
                    made = walk(f"kappa_{kappa:.0f}", walker, rate, seed, taken, late=1e-7)
                    rows.append(made | {"updates": 700_000})
    return pd.DataFrame(rows)


def paths(walkers: tuple[str, ...]) -> pd.DataFrame:
    """The closed forms of the first start; that of the best momentum for all but its own."""
    times = np.arange(201)
    frames = []
    for kappa in KAPPAS[1:]:
        for walker in walkers:
            contraction = best_descent(1.0, kappa).contraction
            shares = heavy_ball_shares(1.0, kappa, 200)
            if walker == "descent":
                shares = (contraction * np.array([1.0, -1.0])) ** times[:, None]
            points = START * shares
            distance = np.linalg.norm(points, axis=1) / 10
            for rate in RATES if walker == "usual" else (1.0,):
                frames.append(
                    pd.DataFrame(
                        {
                            "surface": f"kappa_{kappa:.0f}",
                            "walker": walker,
                            "rate": rate,
                            "seed": 0,
                            "role": "evaluation",
                            "update": times,
                            "x": points[:, 0],
                            "y": points[:, 1],
                            "distance": distance,
                            "farthest": distance,
                        }
                    )
                )
    return pd.concat(frames, ignore_index=True)


def tables(**planted: float) -> dict[str, pd.DataFrame]:
    """Walks and paths of every arm."""
    heavy = ("heavy_ball", "usual")
    return {
        "descent": walks(("descent",)),
        "momentum": walks(heavy, **planted),
        "descent_paths": paths(("descent",)),
        "momentum_paths": paths(heavy),
    }


TABLES = {"1.2.9": tables}
