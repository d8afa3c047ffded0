"""Made-up tables of what the claims read, in which the outcome of each is known by construction.

In each the comparison that the claim makes has the effect that stands beside it in
`test_mutations.py`; rows that it must leave out say something else.
"""

from collections.abc import Callable, Iterable, Mapping
from itertools import product

import numpy as np
import pandas as pd

Labels = Mapping[str, object]


def cells(**axes: Iterable[object]) -> list[dict[str, object]]:
    """Every combination of values of some columns."""
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]


def runs(
    places: Iterable[Labels],
    value: Callable[[Labels], Mapping[str, float]],
    units: int = 40,
    spread: float = 0.002,
) -> pd.DataFrame:
    """A row a cell and unit at a fixed rate: what `value` gives, with a spread over units."""
    rng = np.random.default_rng(3)
    noise = rng.normal(size=units) * spread
    rows = []
    for number, place in enumerate(places):
        for unit in range(units):
            measured = {key: each + noise[unit] for key, each in value(place).items()}
            known = {"run_id": f"{number}-{unit}", "cell": str(number), "role": "fixed"}
            rows.append(
                {**known, **place, "lr": 0.1, "chosen": True, "seed": unit, "score": 0.0} | measured
            )
    return pd.DataFrame(rows)


def accuracies(better: Callable[[Labels], float]) -> Callable[[Labels], dict[str, float]]:
    """Training and test accuracy: 0.6 and so much more; what is not asked for says the reverse."""
    return lambda place: {
        "train_accuracy": 0.6 + better(place),
        "test_accuracy": 0.6 + better(place),
    }


def curves(
    table: pd.DataFrame, updates: Callable[[Labels], float], budget: int = 160
) -> pd.DataFrame:
    """Curves that rise from 0.1 in a straight line to 0.9, after so many updates."""
    rng = np.random.default_rng(4)
    rows = []
    for row in table.to_dict(orient="records"):
        needed = updates(row) * np.exp(0.02 * rng.normal())
        for update in range(0, budget + 1, 8):
            accuracy = 0.1 + 0.8 * min(1.0, update / needed)
            rows.append({**row, "update": update, "train_accuracy": accuracy})
    return pd.DataFrame(rows)
