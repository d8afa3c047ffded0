"""A page with an example of every kind of figure, from made-up numbers.

Run ``python -m unstuck.figures.gallery`` after changing a kind; a test compares the page.
"""

from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml
from pydantic import TypeAdapter

from unstuck.claims.answer import Filling
from unstuck.claims.drawing import Drawing
from unstuck.figures.data import FigureData, Row
from unstuck.figures.draw import draw
from unstuck.figures.output import save
from unstuck.figures.title import tell
from unstuck.figures.words import load_dictionary
from unstuck.files import write_text
from unstuck.study.documentation import summary
from unstuck.study.report import FigureSettings

WORDS = Path("workflow/report/words.yaml")
PAGE = Path("docs/figures.md")
IMAGES = Path("docs/images/kinds")
UNITS = 10

_HEAD = """# Kinds of figures

Made by `make docs` from `src/unstuck/figures/gallery.py`; do not edit. All numbers are made up.

A claim's file names a kind and its columns under `figure`; every key is in [claims.md](claims.md).
Title and colours follow from what was judged: the title tells the primary's number as the verdict
has it, and says none where nothing was found; what stands beside the picture is coloured by outcome
(green for the claim, red against it, grey for neither; a hollow mark is open or not the whole
answer), with differences too small to matter in grey. Words of columns and values stand in
`workflow/report/words.yaml`; a claim's `words` go first.

How figures look is a study's choice: `report: {figures: {formats: [svg, png, pdf], width: 1200,
language: en, scheme: auto}}`. Chinese needs an installed font that has it; without one figures are
in English and the log says so.
"""

EXAMPLES: dict[str, dict[str, Any]] = {
    "lines": {
        **{"from": "batches.runs", "where": {"batch": [8, 32, 128, "full"]}, "x": "batch"},
        **{"y": "train_accuracy", "color": "dataset", "show": "dots"},
    },
    "arms": {
        **{"from": "batches.runs", "where": {"batch": [8, "full"]}, "x": "batch"},
        **{"y": "train_accuracy", "panel": "dataset", "share_y": False},
    },
    "shares": {"from": "batches.runs", "of": "kind", "rows": ["dataset"], "mark": 0.5},
    "scatter": {
        **{"from": "batches.runs", "x": "lambda_max", "x_scale": "log", "y": "train_accuracy"},
        **{"color": "dataset"},
    },
    "heat": {"from": "batches.runs", "x": "batch", "y": "dataset", "value": "train_accuracy"},
    "paths": {
        **{"from": "toy.walks", "surface": "toy.surface", "color": "optimizer", "walk": "start"},
        "goal": [1, 1],
    },
    "spectra": {"from": "batches.runs", "values": "eigenvalues", "rows": "dataset"},
    "effects": {},
}


def runs() -> pd.DataFrame:
    """Ten units of four batch sizes on two data sets."""
    draw_from = np.random.default_rng(0)
    gains = {"8": 0.0, "32": -0.02, "128": -0.06, "full": -0.14}
    rows = []
    for dataset, level, steep in (("digits", 0.97, 0.25), ("mnist1d", 0.7, 1.7)):
        for batch, gain in gains.items():
            for seed in range(UNITS):
                accuracy = level + steep * gain + draw_from.normal(0, 0.01 * (1 + steep))
                curvature = 10 * np.exp(-8 * gain + draw_from.normal(0, 0.3))
                spectrum = curvature * draw_from.standard_normal(30) ** 3
                row: dict[str, Any] = {
                    "run_id": f"{dataset}-{batch}-{seed}",
                    "dataset": dataset,
                    "batch": batch,
                }
                row |= {"seed": seed, "train_accuracy": accuracy, "lambda_max": curvature}
                row |= {"eigenvalues": np.sort(spectrum)}
                rows.append(row | {"kind": draw_from.choice(["saddle", "minimum", "none"])})
    return pd.DataFrame(rows)


def surface() -> pd.DataFrame:
    """The loss of y = w₁w₂x for the sample (1, 1)."""
    grid = np.linspace(-2, 2, 41)
    x, y = (each.ravel() for each in np.meshgrid(grid, grid))
    return pd.DataFrame({"x": x, "y": y, "loss": (1 - x * y) ** 2})


def walks() -> pd.DataFrame:
    """Walks down that surface, with their points out of order."""
    rows = []
    for optimizer, momentum in (("sgd", 0.0), ("momentum", 0.9)):
        for start, place in enumerate(((-1.5, 0.9), (1.6, -0.6))):
            at, step = np.array(place), np.zeros(2)
            for update in range(60):
                row: dict[str, Any] = {"optimizer": optimizer, "start": start, "update": update}
                rows.append(row | {"x": float(at[0]), "y": float(at[1])})
                step = momentum * step + 0.01 * 2 * (1 - at[0] * at[1]) * at[::-1]
                at = at + step
    return pd.DataFrame(rows[::-1])


def row(name: str = "overall", **changes: Any) -> Row:
    """A difference of 13.8 points."""
    given: dict[str, Any] = {
        **{"effect": 13.8, "low": 13.1, "high": 14.5, "outcome": "supported", "role": "primary"},
        **{"measure": "training accuracy", "unit": "percentage points", "margin": 1.0},
    }
    return Row(name, **{**given, **changes})


def judged() -> tuple[Row, ...]:
    """A primary, two data sets of which one goes the other way, and two lines of the scope."""
    scope: dict[str, Any] = {"role": "scope"}
    against: dict[str, Any] = {"outcome": "contradicted", "role": "dataset"}
    return (
        row(),
        row("digits", effect=31.2, low=30.0, high=32.0, role="dataset"),
        row("MNIST-1D", effect=-3.6, low=-4.2, high=-3.1, **against),
        row("at equal updates", effect=0.2, low=-0.4, high=0.7, outcome="no effect", **scope),
        row("on test data", effect=0.4, low=-3.0, high=3.5, outcome="undecided", **scope),
    )


def example_data(*rows: Row, **changes: Any) -> FigureData:
    """A claim that was judged, with tables for every kind."""
    rows = rows or judged()
    told = tell(rows[0])
    turned = {"e": {"e": told.lstrip("−")}} if told.startswith("−") else {}
    given: dict[str, Any] = {
        "claim": "x.1",
        "outcome": rows[0].outcome,
        "rows": rows,
        "tables": {"batches.runs": runs(), "toy.walks": walks(), "toy.surface": surface()},
        "answer": "{V}: small batches gain {e} points ({lo} to {hi}). {S}",
        "filling": Filling({"V": "Yes", "e": told, "S": ""}, turned, [rows[0].part]),
    }
    return FigureData(**{**given, **changes})


def described(kind: str, **changes: Any) -> Any:
    """Give the description of an example."""
    given = {"kind": kind, **EXAMPLES.get(kind, {}), **changes}
    return TypeAdapter(Drawing).validate_python(given)


def page() -> str:
    """Give the page of kinds, with a description and an example of each."""
    lines = [_HEAD.rstrip()]
    for kind, example in EXAMPLES.items():
        written = yaml.safe_dump(
            {"figure": {"kind": kind, **example}}, sort_keys=False, default_flow_style=None
        )
        lines += ["", f"## {kind}", "", summary(type(described(kind))), ""]
        lines += [f"![An example of {kind}](images/kinds/{kind}.svg)", ""]
        lines += ["```yaml", written.rstrip(), "```"]
    return "\n".join(lines) + "\n"


def main() -> None:
    """Write the page and its pictures."""
    write_text(PAGE, page())
    IMAGES.mkdir(parents=True, exist_ok=True)
    settings = FigureSettings(width=800)
    for kind in EXAMPLES:
        drawn = draw(described(kind), example_data(), load_dictionary(WORDS, "en"), settings)
        save(drawn, IMAGES / f"{kind}.svg", settings)


if __name__ == "__main__":
    main()
