"""Figures of section 2.1: adaptive learning rates."""

import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

from unstuck.claims.evidence import Evidence
from unstuck.figures import style
from unstuck.figures.checks import held
from unstuck.figures.registry import figure

SHOWN = 0.9  # the usual β₁
FIRST = 40  # updates of the close-up


@figure("2.1.11")
def no_cancel(evidence: Evidence) -> Figure:
    """Left: m and σ under gradients that alternate. Right: the size of the step for each β₁."""
    paths = evidence.tables["paths"]
    drawing, axes = style.canvas(1, 2, height=4.2, width_ratios=[1.0, 1.15])
    _close_up(axes[0, 0], paths)
    _sizes(axes[0, 1], paths)
    style.headline(
        drawing,
        held(
            evidence,
            "Where gradients alternate m shrinks and σ does not: they do not cancel",
            failing={"reading": "vanishes"},
        ),
        "Adam's m and σ, bias corrected, with ε = 0. The step is the rate times m/σ.",
    )
    return drawing


def _close_up(ax: Axes, paths: pd.DataFrame) -> None:
    path = paths[(paths["gradients"] == "alternating") & (paths["beta1"] == SHOWN)]
    path = path[path["update"] <= FIRST]
    signs = [1 if update % 2 else -1 for update in path["update"]]
    ax.plot(
        path["update"],
        signs,
        linestyle="none",
        marker="o",
        markersize=2.5,
        color=style.QUIET,
    )
    ax.plot(path["update"], path["sigma"], color=style.ORANGE)
    ax.plot(path["update"], path["m"], color=style.BLUE, linewidth=1.4)
    for y, text, tint in (
        (1.12, "σ: size alone, stays at 1", style.ORANGE),
        (-0.25, "m: with the sign, cancels", style.BLUE),
        (-0.88, "gradients +1, −1, +1, …", style.QUIET),
    ):
        style.halo(ax.text(FIRST, y, text, color=tint, ha="right", va="center", fontweight="bold"))
    ax.set_ylim(-1.15, 1.3)
    ax.set_yticks([-1, 0, 1], ["−1", "0", "1"])
    ax.set_xlabel("Update")
    ax.set_ylabel("Value")
    ax.set_title(f"Alternating gradients, β₁ = {SHOWN:g}")


def _sizes(ax: Axes, paths: pd.DataFrame) -> None:
    """Draw the larger |m|/σ of two successive updates, which settles at (1 − β₁)/(1 + β₁).

    Bias correction lets every other step of the first ones be larger.
    """
    alternating = paths[(paths["gradients"] == "alternating") & (paths["beta1"] > 0)]
    betas = sorted(alternating["beta1"].unique())
    last = int(paths["update"].max())
    ends = []
    for beta, tint in zip(betas, style.shades(style.BLUE, len(betas)), strict=True):
        path = alternating[alternating["beta1"] == beta]
        size = path["ratio"].abs().rolling(2, min_periods=1).max()
        ax.plot(path["update"], size, color=tint)
        ends.append(
            (float(last), float(size.iloc[-1]), f"β₁ = {beta:g}: {size.iloc[-1]:.2g}", tint)
        )
    constant = (
        paths[paths["gradients"] == "constant"].groupby("update")["ratio"].agg(["min", "max"])
    )
    ax.plot(constant.index, constant["min"], color=style.GREEN, linewidth=2.6)
    ax.plot(constant.index, constant["max"], color=style.GREEN, linewidth=2.6)
    ax.set_xscale("log")
    ax.set_yscale("log")
    ax.set_ylim(0.5 * min(end[1] for end in ends), 2.2)
    ax.set_xlim(1, last)
    for axis in (ax.xaxis, ax.yaxis):
        axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.set_minor_formatter(NullFormatter())
    ax.set_xlabel("Update")
    ax.set_ylabel("Size of the step, |m| / σ")
    ax.set_title("The step, for each β₁")
    style.halo(
        ax.text(
            1.2, 1.28, "constant gradients: 1 for every β₁", color=style.GREEN, fontweight="bold"
        )
    )
    style.halo(
        ax.text(
            1.2,
            0.7 * ends[-1][1],
            "alternating gradients:\nthe longer m remembers,\nthe smaller",
            color=style.BLUE,
            fontweight="bold",
        )
    )
    style.end_labels(ax, ends)
