"""Claims and tables to draw, small and made up."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from pydantic import TypeAdapter

from unstuck.claims.drawing import Drawing
from unstuck.figures.data import FigureData, Part, Row
from unstuck.figures.palette import Outcome
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


def part(outcome: Outcome = "supported", **changes: Any) -> Part:
    """A difference of 13.8 points, one data set of which goes the other way."""
    given: dict[str, Any] = {
        "measure": "training accuracy",
        "unit": "percentage points",
        "scale": "difference",
        "margin": 1.0,
        "arm": "batches of 8",
        "reference": "the full batch",
        "rows": (
            Row("all data sets", 13.8, 13.1, 14.5, outcome, "primary"),
            Row("digits", 31.2, 30.0, 32.0, "supported", "data set"),
            Row("MNIST-1D", -3.6, -4.2, -3.1, "contradicted", "data set"),
            Row("at equal updates", 0.2, -0.4, 0.7, "no effect", "scope", told=True),
            Row("on test data", 0.4, -3.0, 3.5, "undecided", "scope"),
        ),
    }
    return Part(**{**given, **changes})


def figure_data(*parts: Part, **changes: Any) -> FigureData:
    parts = parts or (part(),)
    given: dict[str, Any] = {
        "claim": "x.1",
        "question": "Do small batches train better?",
        "outcome": parts[0].primary.outcome,
        "parts": parts,
        "tables": {"batches.runs": runs()},
        "units": 10,
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
}
