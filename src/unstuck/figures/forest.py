"""The shared figure of every measured claim: each contrast's effect against the margin."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, MaxNLocator

from unstuck.claims.registry import Claim, Effect, Registry
from unstuck.errors import DataError
from unstuck.figures import style
from unstuck.wording import condition_words, decimals, effect, number, tally, with_unit

ROW = 0.25  # inches a row
LINE = 46  # letters of a label's line
CONTROLS = "Controls"
PLACES = 2  # decimals of a ratio
LETTERS = 14  # of all labels of an axis of ratios, at most
# within a power of ten, from fine to coarse
STEPS = (
    (1, 1.02, 1.05, 1.1, 1.2, 1.5, 2, 3, 5, 7, 8, 9, 9.5, 9.8),
    (1, 1.1, 1.2, 1.5, 2, 3, 5, 7, 8, 9),
    (1, 1.5, 2, 3, 5, 7),
    (1, 2, 5),
    (1, 3),
    (1,),
)
FEW = 2  # more controls than this share a row
Row = Mapping[str, Any]


def forest(claim: Claim, contrasts: pd.DataFrame) -> Figure:
    """Draw a claim's effects with their 95 % intervals, and the margin as a band.

    Parameters
    ----------
    claim
        Its entry in the registry.
    contrasts
        Its rows of the table of contrasts, as `unstuck.claims.verdicts.decide` gives them.

    Raises
    ------
    DataError
        If there is no row with an effect.
    """
    rows = contrasts[np.isfinite(contrasts["effect"].astype(float))]
    if rows.empty:
        raise DataError(f"claim {claim.id}: no contrast has an effect; there is no forest to draw.")
    panels = {
        str(measure): _layout(claim, _grouped(style.records(part)))
        for measure, part in rows.groupby("measure", sort=False)
    }
    bottoms = [layout.bottom for layout in panels.values()]
    with style.styled():
        figure, axes = style.canvas(
            len(panels),
            height=1.0 + ROW * (sum(bottoms) + 2 * len(panels)) + 0.45 * len(panels),
            height_ratios=bottoms,
        )
        for ax, (measure, layout) in zip(axes[:, 0], panels.items(), strict=True):
            _panel(ax, claim.measure(measure), layout)
        style.headline(
            figure,
            tally(
                [str(row["verdict"]) for row in style.records(contrasts) if row["role"] == "effect"]
            ),
            "Dot: mean over seeds. Line: 95 % interval. Grey band: too small to matter. "
            "Hollow: not counted.",
        )
        return figure


def draw_forests(registry: Registry, contrasts: pd.DataFrame, section: str, folder: Path) -> None:
    """Write ``<id>.svg`` and ``<id>.png`` for each claim of a section that has an effect."""
    folder.mkdir(parents=True, exist_ok=True)
    for claim_id, rows in contrasts.groupby("id", sort=False):
        claim = registry[str(claim_id)]
        if claim.section == section and np.isfinite(rows["effect"].astype(float)).any():
            drawing = forest(claim, rows)
            style.save(drawing, folder / f"{claim_id}.svg", folder / f"{claim_id}.png")


def _grouped(rows: Sequence[Row]) -> dict[str, list[Row]]:
    """Put the effects of each dataset together, and the controls of all of them last."""
    groups: dict[str, list[Row]] = {}
    for row in rows:
        if row["role"] == "effect":
            groups.setdefault(style.display_name(str(row["dataset"])), []).append(row)
    controls = [row for row in rows if row["role"] != "effect"]
    if len(controls) > FEW:
        controls = [
            _together(controls, role) for role in dict.fromkeys(c["role"] for c in controls)
        ]
    return groups | ({CONTROLS: controls} if controls else {})


def _together(controls: Sequence[Row], role: str) -> Row:
    """Put the controls of a role into one row: from their lowest end to their highest."""
    chosen = [row for row in controls if row["role"] == role]
    return {
        **chosen[0],
        "name": f"{len(chosen)} {role}s",
        "dataset": "",
        "condition": "",
        "usable": True,
        "effect": float(np.mean([row["effect"] for row in chosen])),
        "ci_low": min(row["ci_low"] for row in chosen),
        "ci_high": max(row["ci_high"] for row in chosen),
        "said": f"{sum(row['passed'] == 'yes' for row in chosen)} passed",
    }


@dataclass(frozen=True)
class _Layout:
    """Where headings and rows stand, in rows from the top."""

    headings: tuple[tuple[float, str], ...]
    rows: tuple[tuple[float, Row, str], ...]  # height, contrast, label
    bottom: float


def _layout(claim: Claim, groups: Mapping[str, Sequence[Row]]) -> _Layout:
    """Place group after group downwards; a label of two lines takes more room."""
    headings: list[tuple[float, str]] = []
    rows: list[tuple[float, Row, str]] = []
    height = 0.0
    for title, group in groups.items():
        headings.append((height, title))
        room = 1.0
        for row, label in zip(group, _labels(claim, group, title == CONTROLS), strict=True):
            lines = 1 + label.count("\n")
            height += room / 2 + 0.5 + 0.25 * (lines - 1)
            room = 1.0 + 0.5 * (lines - 1)
            rows.append((height, row, label))
        height += room / 2 + 1.0
    return _Layout(tuple(headings), tuple(rows), height - 0.4)


def _panel(ax: Axes, measured: Effect, layout: _Layout) -> None:
    rows = [row for _, row, _ in layout.rows]
    places = PLACES if measured.scale == "ratio" else decimals(0.0, measured.margin / 10)
    ax.axvspan(-measured.threshold, measured.threshold, color="#eaedf2", zorder=0)
    ax.axvline(0.0, color=style.QUIET, linewidth=0.8, zorder=0.6)
    for height, title in layout.headings:
        _beside(ax, 0.0, height, title, fontweight="bold")
    for height, row, _ in layout.rows:
        _interval(ax, height, row, rows)
        _beside(ax, 1.0, height, _value(row, places), fontsize=8, color=_ink(row))
    ax.set_yticks([height for height, _, _ in layout.rows], [label for *_, label in layout.rows])
    ax.tick_params(axis="y", length=0, labelsize=8)
    ax.set_ylim(layout.bottom, -1.3)
    ax.grid(axis="y", visible=False)
    ax.spines["left"].set_visible(False)
    ax.set_xlim(*_reach(rows, measured.threshold))
    ax.xaxis.set_major_locator(MaxNLocator(6))
    if measured.scale == "ratio":
        ax.set_xticks([math.log(ratio) for ratio in round_ratios(*ax.get_xlim())])
        ax.xaxis.set_major_formatter(FuncFormatter(lambda x, _: f"×{number(math.exp(x))}"))
    unit = with_unit("", measured.unit, measured.scale).strip()
    ax.set_xlabel(
        style.wrapped(
            f"{measured.what} ({unit})" if unit and unit not in measured.what else measured.what, 64
        )
    )
    _sides(ax, measured)


def _interval(ax: Axes, height: float, row: Row, rows: Sequence[Row]) -> None:
    counted = row["role"] == "effect" and bool(row["usable"])
    tint = style.color(str(row["dataset"])) if row["role"] == "effect" else style.QUIET
    ends = np.clip([row["ci_low"], row["ci_high"]], *_reach(rows, row["margin"]))
    ax.plot(ends, [height, height], color=tint, linewidth=2.0)
    ax.plot(
        row["effect"],
        height,
        marker="o",
        markersize=6.0,
        color=tint if counted else style.PAPER,
        markeredgecolor=tint,
        markeredgewidth=1.4,
    )


def _reach(rows: Sequence[Row], margin: float) -> tuple[float, float]:
    """Give the ends of the axis: every finite end and the margin, with some room."""
    ends = [row[key] for row in rows for key in ("effect", "ci_low", "ci_high")]
    ends = [end for end in ends if math.isfinite(end)] + [-1.3 * margin, 1.3 * margin]
    room = 0.04 * (max(ends) - min(ends))
    return min(ends) - room, max(ends) + room


def round_ratios(low: float, high: float) -> list[float]:
    """Give round ratios between two logarithms, as many as there is room to write."""
    powers = range(math.floor(low / math.log(10)), math.ceil(high / math.log(10)) + 1)
    for steps in STEPS:
        ratios = [step * 10.0**power for power in powers for step in steps]
        inside = [ratio for ratio in ratios if low <= math.log(ratio) <= high]
        if _fit(inside):
            return inside
    return next(kept for step in range(2, len(inside) + 1) if _fit(kept := inside[::step]))


def _fit(ratios: Sequence[float]) -> bool:
    return len(ratios) == 1 or sum(len(number(ratio)) for ratio in ratios) <= LETTERS


def _value(row: Row, places: int) -> str:
    if "said" in row:
        return str(row["said"])
    middle, low, high = (
        effect(float(row[key]), str(row["scale"]), places, sign=True)
        for key in ("effect", "ci_low", "ci_high")
    )
    return f"{middle}  [{low}, {high}]"


def _beside(ax: Axes, side: float, height: float, text: str, **options: Any) -> None:
    """Write left or right of the axes, at a row's height."""
    ax.annotate(
        text,
        (side, height),
        xycoords=("axes fraction", "data"),
        xytext=(8, 0) if side else (-4, 0),
        textcoords="offset points",
        ha="left" if side else "right",
        va="center",
        annotation_clip=False,
        **options,
    )


def _ink(row: Row) -> str:
    return style.INK if row["role"] == "effect" else style.QUIET


def _sides(ax: Axes, measured: Effect) -> None:
    """Say which parts of the axis speak for the claim."""
    inside = measured.claims == "equivalence"
    words = ("← against", "against →") if inside else ("← against", "for the claim →")
    upper = -1 if measured.claims == "no worse" else 1
    for side, edge, text in zip((-1, 1), (-1, upper), words, strict=True):
        label = ax.annotate(
            text,
            (edge * measured.threshold, 1.0),
            xycoords=("data", "axes fraction"),
            xytext=(4 * side, -1),
            textcoords="offset points",
            ha="left" if side > 0 else "right",
            va="top",
            fontsize=8,
            color=style.QUIET,
        )
        label.set_in_layout(False)


def _labels(claim: Claim, group: Sequence[Row], controls: bool) -> list[str]:
    """Name each contrast by its condition where that tells them apart, else by its name."""
    conditions = [condition_words(claim.conditions, str(row["condition"])) for row in group]
    told_apart = all(conditions) and (
        len({row["name"] for row in group}) == 1 or len(set(conditions)) == len(conditions)
    )
    labels = []
    for condition, row in zip(conditions, group, strict=True):
        parts = [condition] if told_apart and not controls else [str(row["name"]), condition]
        if controls and row["dataset"]:
            parts.append(style.display_name(str(row["dataset"])))
        if not row["usable"]:
            parts.append("not counted")
        labels.append(style.wrapped(", ".join(part for part in parts if part), LINE))
    return labels
