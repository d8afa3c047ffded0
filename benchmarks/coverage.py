"""How often the intervals of the verdict rule cover the truth, simulated with the whole procedure.

    make coverage       docs/images/coverage.csv, .svg and .png

Every trial draws a race from nothing: five rates of which two are nearly tied, a first heat of four
units whose three best are finalists on all units, and the choice among them. The truth is the value
at the rate that is best in truth. Shares are summed over all counts, so they need no trials.
"""

import argparse
import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy import stats

from unstuck.statistics.estimate import Estimate
from unstuck.statistics.race import Arm, Place, interval, itself
from unstuck.statistics.ranks import Points, correlation
from unstuck.statistics.shares import Count, mean_share, paired_difference

Array = NDArray[np.float64]

FOLDER = Path(__file__).resolve().parents[1] / "docs" / "images"
#: what each rate is worth, in standard deviations of a run; the first two are nearly tied
RATES = np.array([0.0, -0.1, -0.7, -1.5, -3.0])
HEAT, FINALISTS = 4, 3
#: correlation of a run's score with its value, and share of the variance that a unit's runs share
AGREEMENT, SPLIT = 0.5, 0.3
SCATTERS = ("normal", "t3", "lognormal")
UNITS = (10, 20, 40)
RANKED = 20
#: least coverage in percent that is asked for, by scatter
WANTED = {"normal": 93.0, "t3": 93.0, "lognormal": 90.0}
#: largest share in percent of comparisons of an arm with itself that exclude zero
ALARMS = 7.0
TRIALS, RESAMPLES = 3_000, 1_999
#: times as many where nothing is chosen, which is cheap to draw and near to what is asked for
MORE = 16
#: runs that stalled, in the two datasets of a share, and starts of a paired one
COUNTS = ((16, 16), (24, 24), (72, 24))
STARTS = 200
SHARES = (0.02, 0.05, 0.1, 0.2, 0.35, 0.5, 0.65, 0.8, 0.9, 0.95, 0.98)
#: planted in one half of an arm, in standard deviations of a run
PLANTED = 1.5

Draw = Callable[[str, np.random.Generator, int], Estimate]


def scatter(law: str, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    """Draw scatter of mean 0 and standard deviation 1."""
    if law == "normal":
        return rng.standard_normal(shape)
    if law == "t3":
        return rng.standard_t(3, shape) / math.sqrt(3)
    return (rng.lognormal(0, 1, shape) - math.exp(0.5)) / math.sqrt(math.e * (math.e - 1))


def race(law: str, rng: np.random.Generator, split: Array) -> Arm:
    """Draw one arm's race; ``split`` [U] is what all runs of a unit share."""
    noise, own = (scatter(law, rng, (split.size, RATES.size)) for _ in range(2))
    heard = AGREEMENT * noise + math.sqrt(1 - AGREEMENT**2) * own
    shared = RATES + math.sqrt(SPLIT) * split[:, None]
    values, scores = (shared + math.sqrt(1 - SPLIT) * each for each in (noise, heard))
    best = np.argsort(-scores[:HEAT].mean(axis=0), kind="stable")[:FINALISTS]
    return Arm(values[:, best], -scores[:, best])


def comparison(law: str, rng: np.random.Generator, units: int, datasets: int) -> list[Place]:
    """Draw a comparison of two arms that are worth the same."""
    places = []
    for name in range(datasets):
        split = scatter(law, rng, (units,))
        places.append(Place(race(law, rng, split), race(law, rng, split), str(name)))
    return places


def two_arms(datasets: int, law: str, rng: np.random.Generator, units: int) -> Estimate:
    return interval(comparison(law, rng, units, datasets), resamples=RESAMPLES)


def one_arm(law: str, rng: np.random.Generator, units: int) -> Estimate:
    arm = race(law, rng, scatter(law, rng, (units,)))
    return interval([Place(arm)], resamples=RESAMPLES)


def no_choice(law: str, rng: np.random.Generator, units: int) -> Estimate:
    return interval([Place(Arm(scatter(law, rng, (units, 1))))], resamples=RESAMPLES)


def halves(planted: float, law: str, rng: np.random.Generator, units: int) -> Estimate:
    places = comparison(law, rng, units, 2)
    return itself(places, of="arm", planted=planted, resamples=RESAMPLES)


def ranks(truth: float, rng: np.random.Generator, units: int) -> Estimate:
    """Draw the rank correlation of two normal points a unit, less its truth."""
    x, noise = rng.standard_normal((2, units, 2))
    y = truth * x + math.sqrt(1 - truth**2) * noise
    found = correlation([Points(x, y)], resamples=RESAMPLES)
    return found.scaled(1, -6 / math.pi * math.asin(truth / 2))


#: what is simulated: its name, and a draw whose truth is 0
DESIGNS: dict[str, Draw] = {
    "two arms, two datasets": partial(two_arms, 2),
    "two arms, one dataset": partial(two_arms, 1),
    "one arm": one_arm,
    "nothing to choose": no_choice,
    "an arm against itself": partial(halves, 0.0),
}


def simulated(trials: int, seed: int = 0) -> Iterator[dict[str, object]]:
    """Give a row for every design, scatter and number of units."""
    for number, (name, draw) in enumerate(DESIGNS.items()):
        for law in SCATTERS:
            for units in UNITS:
                rng = np.random.default_rng([seed, number, SCATTERS.index(law), units])
                times = MORE if draw is no_choice else 1
                found = (draw(law, rng, units) for _ in range(times * trials))
                yield row(name, law, units, found)
    for truth in (0.0, 0.5, 0.9):
        rng = np.random.default_rng([seed, 100, round(10 * truth)])
        found = (ranks(truth, rng, RANKED) for _ in range(trials))
        yield row(f"rank correlation {truth:g}", "normal", RANKED, found)


def row(name: str, law: str, units: int, found: Iterable[Estimate]) -> dict[str, object]:
    low, high = np.array([(each.low, each.high) for each in found]).T
    return {
        "design": name,
        "scatter": law,
        "units": units,
        "trials": low.size,
        "coverage": 100 * np.mean((low <= 0) & (high >= 0)),
        "width": np.median(high - low),
    }


def planted(trials: int, seed: int = 0) -> Iterator[dict[str, object]]:
    """Give how often an effect planted in one half of an arm is found, in percent."""
    for law in SCATTERS:
        for units in UNITS:
            rng = np.random.default_rng([seed, 200, SCATTERS.index(law), units])
            found = [halves(PLANTED, law, rng, units).low > 0 for _ in range(trials)]
            yield {
                "design": f"{PLANTED:g} planted in one half",
                "scatter": law,
                "units": units,
                "found": 100 * np.mean(found),
            }


def shares(counts: Sequence[tuple[int, int]] = COUNTS) -> Iterator[dict[str, object]]:
    """Give the exact coverage of the mean of two shares of runs, the least over the second."""
    for sizes in counts:
        ends = {
            found: mean_share([Count(k, n) for k, n in zip(found, sizes, strict=True)])
            for found in np.ndindex(sizes[0] + 1, sizes[1] + 1)
        }
        for one in SHARES:
            worst = min(
                sum(
                    stats.binom.pmf(a, sizes[0], one) * stats.binom.pmf(b, sizes[1], other)
                    for (a, b), found in ends.items()
                    if found.low <= (one + other) / 2 <= found.high
                )
                for other in SHARES
            )
            yield {
                "design": f"share of {sizes[0]} and {sizes[1]} runs",
                "scatter": "binomial",
                "units": min(sizes),
                "share": one,
                "coverage": 100 * worst,
            }


def paired(trials: int, seed: int = 0) -> Iterator[dict[str, object]]:
    """Give the coverage of a difference of two shares of the same starts."""
    for one in SHARES:
        rng = np.random.default_rng([seed, 300, round(100 * one)])
        covers = []
        for other in SHARES:
            for overlap in (0.0, 0.5, 1.0):  # between independent and as alike as can be
                both = (1 - overlap) * one * other + overlap * min(one, other)
                cells = np.clip([both, one - both, other - both, 1 - one - other + both], 0, 1)
                draws = rng.multinomial(STARTS, cells / cells.sum(), size=trials // 10)
                found = [paired_difference(*map(int, draw)) for draw in draws]
                covers.append(np.mean([e.low <= one - other <= e.high for e in found]))
        yield {
            "design": f"paired share of {STARTS} starts",
            "scatter": "binomial",
            "units": STARTS,
            "share": one,
            "coverage": 100 * np.mean(covers),
        }


def table(trials: int = TRIALS) -> pd.DataFrame:
    """Simulate all."""
    rows = [*simulated(trials), *planted(trials // 4), *shares(), *paired(trials)]
    columns = ["design", "scatter", "units", "share", "coverage", "found", "width"]
    return pd.DataFrame(rows, columns=columns)


def summary(found: pd.DataFrame) -> str:
    """Give the coverage of the races as the table of docs/statistics.md, in percent."""
    lines = [
        "| | " + " | ".join(f"{law}, {' / '.join(map(str, UNITS))}" for law in SCATTERS) + " |"
    ]
    lines.append("| --- " * (1 + len(SCATTERS)) + "|")
    coverage = found.set_index(["design", "scatter", "units"])["coverage"]
    for name in DESIGNS:
        cells = [" / ".join(f"{coverage[name, law, n]:.1f}" for n in UNITS) for law in SCATTERS]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines)


def draw(found: pd.DataFrame, folder: Path) -> None:
    """Draw coverage by design and scatter, and that of shares by the share."""
    from matplotlib import pyplot as plt

    plt.rcParams["svg.hashsalt"] = "coverage"

    races = found[found["design"].isin(DESIGNS)]
    counted = found[found["share"].notna()]
    figure, (left, right) = plt.subplots(
        1, 2, figsize=(10, 4.2), width_ratios=(3, 2), layout="constrained"
    )
    colours = dict(zip(SCATTERS, ("#0072b2", "#009e73", "#d55e00"), strict=True))
    markers = dict(zip(UNITS, ("v", "o", "s"), strict=True))
    places = {name: place for place, name in enumerate(reversed(DESIGNS))}
    for (law, units), group in races.groupby(["scatter", "units"]):
        shift = 0.24 * (1 - SCATTERS.index(law)) + 0.06 * (1 - UNITS.index(units))
        heights = [places[name] + shift for name in group["design"]]
        label = f"{law}, {units} units"
        style = {"c": colours[law], "marker": markers[units], "s": 22, "label": label}
        left.scatter(group["coverage"], heights, **style)
    for law in ("normal", "lognormal"):
        left.axvline(WANTED[law], color=colours[law], lw=0.8, ls=":")
    left.axvline(95, color="0.6", lw=0.8)
    left.set_yticks(list(places.values()), list(places))
    left.set_xlabel("truth inside the 95 % interval, % of trials")
    left.legend(fontsize=7, frameon=False, loc="upper left")
    for name, group in counted.groupby("design", sort=False):
        right.plot(group["share"], group["coverage"], marker=".", lw=1, label=name)
    right.axhline(95, color="0.6", lw=0.8)
    right.set_ylim(90, 100.3)
    right.set_xlabel("true share")
    right.set_ylabel("coverage, %")
    right.legend(fontsize=7, frameon=False)
    figure.savefig(folder / "coverage.svg", metadata={"Date": None})
    figure.savefig(folder / "coverage.png", dpi=150)
    plt.close(figure)


def main(arguments: Sequence[str] | None = None) -> int:
    options = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    options.add_argument("--trials", type=int, default=TRIALS)
    options.add_argument("--folder", type=Path, default=FOLDER)
    chosen = options.parse_args(arguments)
    found = table(chosen.trials)
    found.round(3).to_csv(chosen.folder / "coverage.csv", index=False)
    draw(found, chosen.folder)
    print(found.to_string())
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
