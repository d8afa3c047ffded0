"""Tables with the rows that a study's experiments would give, and numbers that mean nothing."""

from collections.abc import Mapping
from itertools import product
from typing import Any

import numpy as np
import pandas as pd

from unstuck.study.plan import Plan
from unstuck.training.spec import Tune

UNITS = 12
#: what tells the rows of one run apart in a table of measurements
ROWS: Mapping[str, Mapping[str, tuple[Any, ...]]] = {
    "audit": {
        "matrix": ("hessian", "gauss_newton", "gauss_newton by layer"),
        "layer": ("all",),
        "dtype": ("float32", "float64"),
        "tolerance": (0.0, 1e-8, 1e-6, 1e-4),
    },
    "stalls": {"origin": ("endpoint", "known minimum")},
    "places": {"distance": (0, 6, 8, 11, 16, 22, 28, 33, 38, 44)},
    "sharpness": {"factor": (0.1, 1.0, 10.0)},
}
#: columns that are no positive number
OTHERS = {
    "kind": ("saddle", "minimum", "gradient-flat", "none"),
    "minimum_kind": ("minimum",),
    "stalled": (True,),
    "certain": (True,),
    "diverged_at": (np.nan,),
    "code": ("0",),
    "edge": (False,),
    "eigenvalues": (np.array([-1.0, 0.0, 2.0]),),
}


class GridTables(dict[str, pd.DataFrame]):
    """Tables of a study's experiments by name, made when they are asked for.

    Every unit up to `UNITS` of every cell, at three finalists where the rate is tuned. Accuracies
    lie between 0.5 and 0.9, all other numbers between 1 and 2.
    """

    def __init__(self, plan: Plan) -> None:
        super().__init__()
        self.plan = plan

    def __contains__(self, name: object) -> bool:
        owner = str(name).partition(".")[0]
        return owner in self.plan.study.experiments and name in self.plan.tables

    def __missing__(self, name: str) -> pd.DataFrame:
        owner, _, kind = name.partition(".")
        columns = self.plan.columns_of(name)
        assert columns is not None
        units = self.plan.units(owner, kind if kind not in ("curves", "rates") else "runs")
        rows = []
        for cell in self.plan.cells[owner]:
            if cell.key not in units:
                continue
            for run in _runs(cell, list(units[cell.key])[:UNITS]):
                measured = kind not in ("runs", "curves")
                if not measured or run["chosen"]:
                    rows += [run | each for each in _rows(kind)]
        table = pd.DataFrame(rows)
        rng = np.random.default_rng(11)
        for column in columns:
            if column in table:
                continue
            if column in OTHERS:
                picks = rng.integers(len(OTHERS[column]), size=len(table))
                table[column] = pd.Series([OTHERS[column][pick] for pick in picks])
            elif column.endswith("accuracy"):
                table[column] = rng.uniform(0.5, 0.9, size=len(table))
            else:
                table[column] = rng.uniform(1, 2, size=len(table))
        self[name] = table
        return table


def _runs(cell: Any, units: list[int]) -> list[dict[str, Any]]:
    tuned = isinstance(cell.rate, Tune)
    rates = cell.rate.rates[:3] if tuned else (cell.rate,)
    heat = cell.rate.heat if tuned else 0
    return [
        {
            "run_id": f"{cell.key}-{rate:g}-{unit}",
            "cell": cell.key,
            "role": "fixed" if not tuned else "heat" if place < heat else "finalist",
            **cell.labels,
            "epochs": cell.run.epochs,
            "updates": cell.run.updates or 64 * (cell.run.epochs or 0),
            "lr": rate,
            "chosen": rate == rates[0],
            "score": float(number),
            "seed": unit,
        }
        for number, rate in enumerate(rates)
        for place, unit in enumerate(units)
    ]


def _rows(kind: str) -> list[dict[str, Any]]:
    if kind == "curves":
        accuracies = (0.1, 0.4, 0.7, 0.9)
        return [
            {
                **{"update": 8 * step, "epoch": 3.0 * step},
                **{"train_accuracy": each, "train_loss": 3.0 - 0.5 * step},
            }
            for step, each in enumerate(accuracies)
        ]
    axes = ROWS.get(kind, {})
    return [dict(zip(axes, values, strict=True)) for values in product(*axes.values())]
