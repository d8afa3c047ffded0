"""Section 2.1: walks over bowls, made up: slow descent, fast Adagrad, its mean bursting."""

from collections.abc import Callable

import numpy as np
import pandas as pd

UPDATES = 100_000
LONG = ("regression", "ellipse_100", "ellipse_10000", "ellipse_1000000")
ADAPTIVE = ("regression", "ellipse_10000", "turned_10000")
RATES = (0.0316, 0.1, 0.316, 1.0, 3.16)
MULTIPLES = (0.1, 1.0, 1.9, 1.999, 2.1)
SEEDS = (*range(10), 1000, 1001)
TIMES = {"sgd": 40_000.0, "adagrad": 100.0, "adagrad_mean": 90.0, "adagrad_mean_decayed": 100.0}
Number = Callable[[str, str, float], float]


def walk(
    surface: str, walker: str, rate: float, seed: int, settled: float, **more: float
) -> dict[str, object]:
    """One walk that is there to stay after so many updates; NaN: that never is."""
    named = {"surface": surface, "walker": walker, "rate": rate, "lr": rate, "seed": seed}
    role = "tuning" if seed >= 1000 else "evaluation"
    measured = {"arrived": settled, "settled": settled, "diverged_at": np.nan}
    plain = {"bursts": 0, "first_burst": np.nan, "turns": 0.0, "end_x": 0.0, "end_y": 0.0}
    return named | {"role": role} | measured | plain | more


def updates_to_arrive(surface: str, walker: str, rate: float) -> float:
    """Updates of a walker at its rate; best in the middle of the grid."""
    if walker == "sgd":
        return TIMES[walker] * (1.0 if rate == 1.9 else 1.3)
    return TIMES[walker] * (1 + abs(np.log(rate / 0.316)))


def walks(
    arrive: Number = updates_to_arrive,
    bursts: Number = lambda surface, walker, rate: 40.0 * (walker == "adagrad_mean"),
    late: Number = lambda surface, walker, rate: 0.1 if walker == "adagrad_mean" else 1e-4,
) -> pd.DataFrame:
    """Walks of every optimizer, surface, rate and seed."""
    rng = np.random.default_rng([7])
    cases = [
        ("sgd", surface, rate) for surface in (*LONG, "round", "turned_10000") for rate in MULTIPLES
    ]
    cases += [("sgd_stated", "regression", rate) for rate in (1e-7, 1e-2)]
    cases += [
        (walker, surface, rate)
        for walker in ("adagrad", "adagrad_mean", "adagrad_mean_decayed")
        for surface in ADAPTIVE
        for rate in RATES
    ]
    rows = []
    for walker, surface, rate in cases:
        unstable = (walker, rate) in (("sgd", 2.1), ("sgd_stated", 1e-2))
        for seed in SEEDS:
            noise = np.exp(rng.normal(0, 0.1))
            if (
                unstable
                or walker == "sgd_stated"
                or (walker == "sgd" and surface != "turned_10000")
            ):
                arrived = np.nan
            else:
                arrived = arrive(surface, walker, rate) * noise
            if surface == "round" and rate == 1.0:
                arrived = 1.0
            far = 0.6 if np.isnan(arrived) else late(surface, walker, rate) * noise
            often = bursts(surface, walker, rate)
            rows.append(
                walk(
                    *(surface, walker, rate, seed, np.round(arrived)),
                    late=np.inf if unstable else far,
                    bursts=round(often * (0.9 + 0.2 * rng.random())),
                    first_burst=3000.0 if often else np.nan,
                    turns=float(walker == "sgd" and rate >= 1.9),
                    diverged_at=37.0 if unstable else np.nan,
                    updates=UPDATES,
                )
            )
    return pd.DataFrame(rows)


def paths(apart: float = 0.0) -> pd.DataFrame:
    """Points of the first start: closed forms on the bowls, a made-up decay elsewhere."""
    bowls = {"round": 1.0, "ellipse_100": 1e2, "ellipse_10000": 1e4, "ellipse_1000000": 1e6}
    times = np.unique(np.concatenate([np.arange(51), np.geomspace(51, UPDATES, 60).round()]))
    frames = []
    table = walks()
    for (walker, surface, rate), _ in table[table["seed"] == 0].groupby(
        ["walker", "surface", "rate"]
    ):
        start = np.array([6.0, 8.0])
        if walker == "sgd" and surface in bowls:
            kappa = bowls[str(surface)]
            with np.errstate(over="ignore"):
                points = start * (1 - rate / kappa * np.array([1.0, kappa])) ** times[:, None]
        elif walker == "adagrad":
            points = _adagrad(start, float(rate), times)
        elif walker == "adagrad_mean_decayed":
            points = _adagrad(start, float(rate), times) + apart
        else:
            points = start * np.exp(-times / 2e4)[:, None] + 0.1 * (times > 0)[:, None]
        with np.errstate(over="ignore"):
            distance = np.linalg.norm(points, axis=1) / 10
        frames.append(
            pd.DataFrame(
                {
                    "surface": surface,
                    "walker": walker,
                    "rate": rate,
                    "seed": 0,
                    "role": "evaluation",
                    "update": times.astype(int),
                    "x": points[:, 0],
                    "y": points[:, 1],
                    "distance": distance,
                    "farthest": distance * 1.5,
                }
            )
        )
    return pd.concat(frames, ignore_index=True)


def _adagrad(start: np.ndarray, rate: float, times: np.ndarray) -> np.ndarray:
    """Adagrad on a straight bowl for 50 updates, then at rest."""
    place, squares, points = start.copy(), np.zeros(2), [start.copy()]
    for _ in range(50):
        squares += place**2
        place = place - rate * place / np.sqrt(squares)
        points.append(place.copy())
    return np.array([points[min(int(time), 50)] for time in times])


def both() -> dict[str, pd.DataFrame]:
    """Walks and their paths."""
    return {"walks": walks(), "paths": paths()}


TABLES = {"2.1.3": both, "2.1.4": both, "2.1.8": both, "2.1.9": both}
