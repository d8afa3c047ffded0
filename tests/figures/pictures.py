"""Claims and tables to draw, small and made up."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from unstuck.claims.drawing import Drawing
from unstuck.figures.data import FigureData, Row
from unstuck.figures.title import tell
from unstuck.figures.words import Dictionary, load_dictionary

WORDS = Path(__file__).parents[2] / "workflow" / "report" / "words.yaml"
DRAWING: TypeAdapter[Any] = TypeAdapter(Drawing)


@cache
def dictionary(language: str = "en") -> Dictionary:
    return load_dictionary(WORDS, language)


def runs() -> pd.DataFrame:
    """Ten units of three batch sizes on two data sets, and two walks of each."""
    draw = np.random.default_rng(0)
    rows = [
        {
            "run_id": f"{dataset}-{batch}-{seed}",
            "dataset": dataset,
            "batch": batch,
            "seed": seed,
            "train_accuracy": level + draw.normal(0, 0.02),
            "lambda_max": float(np.exp(draw.normal())),
            "kind": draw.choice(["saddle", "minimum", "none"]),
        }
        for dataset, level in (("digits", 0.9), ("mnist1d", 0.5))
        for batch in ("8", "32", "full")
        for seed in range(10)
    ]
    return pd.DataFrame(rows)


def surface() -> pd.DataFrame:
    """The loss of y = w₁w₂x for the sample (1, 1)."""
    x, y = (each.ravel() for each in np.meshgrid(np.linspace(-2, 2, 21), np.linspace(-2, 2, 21)))
    return pd.DataFrame({"x": x, "y": y, "loss": (1 - x * y) ** 2})


def walks() -> pd.DataFrame:
    """Two straight walks an optimizer, with their updates out of order."""
    rows = [
        {
            "optimizer": name,
            "start": start,
            "update": update,
            "x": start + update,
            "y": slope * update,
        }
        for name, slope in (("sgd", 0.5), ("momentum", 1.0))
        for start in (-1.0, 0.0)
        for update in (2, 0, 1)
    ]
    return pd.DataFrame(rows)


def row(name: str = "all data sets", **changes: Any) -> Row:
    """A difference of 13.8 points."""
    given: dict[str, Any] = {
        **{"effect": 13.8, "low": 13.1, "high": 14.5, "outcome": "supported", "role": "primary"},
        **{"measure": "training accuracy", "unit": "percentage points", "margin": 1.0},
    }
    return Row(name, **{**given, **changes})


def rows() -> tuple[Row, ...]:
    """A primary, two data sets of which one goes the other way, and two lines of the scope."""
    other: dict[str, Any] = {"outcome": "contradicted", "role": "dataset"}
    scope: dict[str, Any] = {"role": "scope"}
    return (
        row(),
        row("digits", effect=31.2, low=30.0, high=32.0, role="dataset"),
        row("MNIST-1D", effect=-3.6, low=-4.2, high=-3.1, **other),
        row(
            "at equal updates",
            effect=0.2,
            low=-0.4,
            high=0.7,
            outcome="no effect",
            told=True,
            **scope,
        ),
        row("on test data", effect=0.4, low=-3.0, high=3.5, outcome="undecided", **scope),
    )


def figure_data(*given_rows: Row, **changes: Any) -> FigureData:
    given_rows = given_rows or rows()
    first = given_rows[0]
    given: dict[str, Any] = {
        "claim": "x.1",
        "question": "Do small batches train better?",
        "outcome": first.outcome,
        "rows": given_rows,
        "tables": {"batches.runs": runs(), "toy.walks": walks(), "toy.surface": surface()},
        "answer": "{V}: small batches gain {e} points ({lo} to {hi}). {S}",
        "texts": {"V": "Yes", "e": tell(first), "S": ""},
    }
    return FigureData(**{**given, **changes})


def drawing(**keys: Any) -> Any:
    return DRAWING.validate_python(keys)


KINDS: dict[str, dict[str, Any]] = {
    "lines": {"from": "batches.runs", "x": "batch", "y": "train_accuracy", "color": "dataset"},
    "arms": {"from": "batches.runs", "x": "batch", "y": "train_accuracy", "panel": "dataset"},
    "shares": {"from": "batches.runs", "of": "kind", "rows": ["dataset"]},
    "scatter": {"from": "batches.runs", "x": "lambda_max", "y": "train_accuracy"},
    "effects": {},
    "heat": {"from": "batches.runs", "x": "batch", "y": "dataset", "value": "train_accuracy"},
    "spectra": {"from": "batches.runs", "values": "lambda_max", "rows": "dataset"},
    "paths": {
        **{"from": "toy.walks", "surface": "toy.surface", "color": "optimizer", "walk": "start"},
        "goal": [1, 1],
    },
}
