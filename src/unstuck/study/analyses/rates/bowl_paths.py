"""Optimizers on bowls, and schedules: paths and factors that closed forms foretell."""

from collections.abc import Iterator

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.optim.coefficients import OPTIMIZERS, Coefficients
from unstuck.optim.schedules import SCHEDULES, ScheduleSpec, factors
from unstuck.optim.trajectory import descend
from unstuck.surfaces.surface import Surface
from unstuck.surfaces.valleys import Ellipse, Regression

# long, and turned so that both coordinates matter
BOWL, START = Ellipse(condition=30.0, degrees=20.0), (-9.0, 1.5)
RATES, UPDATES, ARRIVED = np.geomspace(1e-3, 3, 61), 300, 0.01

ADAGRAD_SURFACES: dict[str, tuple[Surface, tuple[float, float]]] = {
    "regression": (Regression(), (-120.0, 2.0)),
    "straight": (Ellipse(condition=1e4), (-7.0, 4.0)),
    "turned": (Ellipse(condition=1e4, degrees=45.0), (-7.0, 4.0)),
}
ADAGRAD_RATES, ADAGRAD_UPDATES = (0.1, 1.0, 10.0), 2_000

Array = NDArray[np.float64]


def rules() -> pd.DataFrame:
    """Give what `UpdateRuleAnalysis.run` says of the table `rules`."""
    words = {name: formulas(row) for name, row in OPTIMIZERS.items()}
    return pd.DataFrame(
        [{"optimizer": name, "m": m, "sigma": sigma} for name, (m, sigma) in words.items()]
    )


def formulas(row: Coefficients) -> tuple[str, str]:
    """Write what an optimizer uses for m and for σ, without ε and correction of the bias."""
    kept = f"{row.momentum:g}m"
    m = {"sum": f"{kept} + g", "mean": f"{kept} + {1 - row.momentum:.3g}g"}[row.averaging]
    if not row.uses_momentum:
        m = "g"
    elif row.nesterov:
        m = f"{kept} + g, looking ahead"
    sigma = {
        "none": "1",
        "sum": "√(sum of g²)",
        "mean": "√(mean of g²)",
        "exponential": f"√({row.beta2:g}s + {1 - row.beta2:.3g}g²)",
    }[row.accumulator]
    if row.rectify:
        sigma += ", once trusted"
    if row.decoupled_decay:
        m += ", θ decays apart"
    return m, sigma


def shortest() -> pd.DataFrame:
    """Walk every optimizer over one bowl at the rate that arrives soonest, if any does.

    The column `settled` says after how many updates it stays within a hundredth of the distance at
    the start; 0 if it does not.
    """
    rows = [row for row in OPTIMIZERS.values() for _ in RATES]
    rates = np.tile(RATES, len(OPTIMIZERS))
    walked = descend(BOWL, [START] * len(rows), rows, rates, UPDATES)
    with np.errstate(over="ignore", invalid="ignore"):
        distance = np.linalg.norm(walked.points, axis=2) / np.linalg.norm(START)
    # NaN compares as outside
    outside = ~(distance <= ARRIVED)
    settled = UPDATES + 1 - np.argmax(outside[::-1], axis=0)
    settled[settled > UPDATES] = 0
    tables = []
    for index, name in enumerate(OPTIMIZERS):
        mine = slice(index * len(RATES), (index + 1) * len(RATES))
        # of walkers that do not settle, the one that ends nearest
        nearest = np.nan_to_num(distance[-1, mine], nan=np.inf)
        never = settled[mine] == 0
        best = mine.start + int(np.lexsort((nearest, settled[mine], never))[0])
        points = walked.points[:, best]
        tables.append(
            pd.DataFrame(
                {
                    "optimizer": name,
                    "rate": rates[best],
                    "settled": int(settled[best]),
                    "update": walked.updates,
                    "x": points[:, 0],
                    "y": points[:, 1],
                }
            )
        )
    return pd.concat(tables, ignore_index=True)


def schedules() -> pd.DataFrame:
    """Give what `UpdateRuleAnalysis.run` says of the table `schedules`."""
    return pd.DataFrame(
        [
            {
                **{"schedule": name, "quantity": quantity},
                **{"value": value, "expected": expected, "error": abs(value - expected)},
            }
            for name, quantity, value, expected in _schedules()
        ]
    )


def _schedules() -> Iterator[tuple[str, str, float, float]]:
    single = factors(ScheduleSpec(warmup=1), UPDATES)
    yield "warmup", "factors of a warm-up of one update other than 1", float((single != 1).sum()), 0
    n = np.arange(1, 20_001)
    formula = 512**-0.5 * np.minimum(n**-0.5, n * 4000.0**-1.5)
    ours = (512 * 4000) ** -0.5 * factors(ScheduleSpec(shape="transformer", warmup=4000), len(n))
    ratio = ours / formula
    farthest = float(ratio[np.abs(ratio - 1).argmax()])
    yield "transformer", "factors over the Transformer's formula, farthest from 1", farthest, 1.0
    # beyond twice the inverse curvature a constant rate leaves the bowl, just so one that warms up
    rates = np.geomspace(0.21, 21, 21)
    for name in ("constant", "warmup"):
        limit = float(rates[rates < 2].max())
        yield name, "largest stable rate on ½x²", _stable_on_a_bowl(rates, name), limit


def _stable_on_a_bowl(rates: Array, schedule: str) -> float:
    """Give the largest rate at which ½(x² + y²) is not left.

    A warm-up leads so near to the bottom that a path that grows again is still near at the end: it
    must not grow over the last third.
    """
    walked = descend(
        Ellipse(condition=1.0),
        [(1.0, 1.0)] * len(rates),
        OPTIMIZERS["sgd"],
        rates,
        UPDATES,
        schedules=SCHEDULES[schedule],
    )
    with np.errstate(over="ignore", invalid="ignore"):
        distance = np.linalg.norm(walked.points, axis=2)
    stable = np.isfinite(distance[-1]) & (distance[-1] <= distance[2 * UPDATES // 3])
    return float(rates[stable].max())


def adagrad() -> pd.DataFrame:
    """Give what `UpdateRuleAnalysis.run` says of the table `adagrad`.

    The sum of t squares is t times their mean, so that η/√t on the mean is η on the sum. On a
    straight bowl x_{t+1} = x_t − η λ x_t / (λ √Σ x²) has no λ left.
    """
    rows = []
    for name, (surface, start) in ADAGRAD_SURFACES.items():
        walkers = [("adagrad", "constant"), ("adagrad_mean", "inverse_sqrt")]
        walkers.append(("adagrad_mean", "constant"))
        for rate in ADAGRAD_RATES:
            points = descend(
                surface,
                [start] * len(walkers),
                [OPTIMIZERS[optimizer] for optimizer, _ in walkers],
                rate,
                ADAGRAD_UPDATES,
                schedules=[SCHEDULES[schedule] for _, schedule in walkers],
            ).points
            summed = points[:, 0]
            others = {"mean, decayed": points[:, 1], "mean": points[:, 2]}
            if name == "straight":
                others["recurrence"] = _without_curvature(start, rate)
            for rule, other in others.items():
                gap = float(np.abs(other - summed).max() / np.abs(summed).max())
                rows.append({"surface": name, "rate": rate, "rule": rule, "gap": gap})
    return pd.DataFrame(rows)


def _without_curvature(start: tuple[float, float], rate: float) -> Array:
    """Give the path ``[T, 2]`` of the recurrence x ← x − η x / √Σ x²."""
    place, squares = np.array(start), np.zeros(2)
    path = [place]
    for _ in range(ADAGRAD_UPDATES):
        squares = squares + place**2
        place = place - rate * place / np.sqrt(squares)
        path.append(place)
    return np.stack(path)
