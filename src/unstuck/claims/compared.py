"""Values of a comparison, paired by unit, and what statistics make of them."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.claims.lines import Comparison
from unstuck.errors import DataError
from unstuck.statistics.estimate import Estimate
from unstuck.statistics.race import RESAMPLES, Arm, Place, interval
from unstuck.statistics.ranks import Points, correlation
from unstuck.statistics.shares import Count, mean_share, paired_difference

Array = NDArray[np.float64]

PLACE = "dataset"


@dataclass(frozen=True, eq=False)
class Cell:
    """One arm at one place under one condition.

    Attributes
    ----------
    units
        ``[U]``, ascending.
    rates
        ``[R]``: the finalists; NaN where there is no rate.
    values
        ``[U, R]``, of factors their logarithm.
    against
        ``[U, R]``: the other column of a correlation.
    scores
        ``[U, R]``, lower is better; none where there is one rate.
    arrived
        ``[U, R]``: whether the run came to its target.
    rows
        One row a value: unit, rate, value, and what the table knows of the run.
    """

    units: NDArray[Any]
    rates: Array
    values: Array
    against: Array
    scores: Array | None
    arrived: NDArray[np.bool_]
    rows: pd.DataFrame

    @property
    def arm(self) -> Arm:
        """The cell as the statistics want it."""
        return Arm(self.values, self.scores)

    @property
    def chosen(self) -> int:
        """Index of the rate chosen."""
        return self.arm.chosen

    def drawn(self, draws: NDArray[np.intp]) -> "Cell":
        """The cell with units drawn by their index, each as a unit of its own; without rows."""
        return Cell(
            np.arange(draws.size),
            self.rates,
            self.values[draws],
            self.against[draws],
            None if self.scores is None else self.scores[draws],
            self.arrived[draws],
            self.rows.iloc[:0],
        )

    def of_units(self, units: NDArray[Any]) -> "Cell":
        """The cell with some of its units."""
        kept = np.isin(self.units, units)
        return Cell(
            self.units[kept],
            self.rates,
            self.values[kept],
            self.against[kept],
            None if self.scores is None else self.scores[kept],
            self.arrived[kept],
            self.rows[self.rows["unit"].isin(units)],
        )


@dataclass(frozen=True, eq=False)
class Pair:
    """An arm and its reference at one place under one condition; without reference, a constant."""

    place: str
    condition: Mapping[str, Any]
    weight: float
    arm: Cell
    reference: Cell | None


@dataclass(frozen=True, eq=False)
class Compared:
    """A comparison with its values.

    Attributes
    ----------
    spec
        What was asked.
    pairs
        One for each place and condition; their weights add to 1.
    left_out
        Places that left it, and why.
    missing
        Share of the units that have one arm alone.
    """

    spec: Comparison
    pairs: tuple[Pair, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    missing: float = 0.0

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the places, in the order of the table."""
        return tuple(dict.fromkeys(pair.place for pair in self.pairs))

    def at(self, *places: str) -> "Compared":
        """The comparison at some of its places alone."""
        kept = tuple(pair for pair in self.pairs if pair.place in places)
        total = sum(pair.weight for pair in kept)
        return Compared(
            self.spec,
            tuple(
                Pair(each.place, each.condition, each.weight / total, each.arm, each.reference)
                for each in kept
            ),
            self.left_out,
            self.missing,
        )

    def drawn(self, draws: Mapping[str, NDArray[np.intp]]) -> "Compared":
        """The comparison with units drawn anew at every place, for all of its cells alike."""
        pairs = tuple(
            Pair(
                pair.place,
                pair.condition,
                pair.weight,
                pair.arm.drawn(draws[pair.place]),
                None if pair.reference is None else pair.reference.drawn(draws[pair.place]),
            )
            for pair in self.pairs
        )
        return Compared(self.spec, pairs, self.left_out, self.missing)

    def statistics(self) -> list[Place]:
        """The pairs as the statistics want them."""
        constant = self.constant
        return [
            Place(
                pair.arm.arm.plus(-constant),
                None if pair.reference is None else pair.reference.arm,
                units=pair.place,
                weight=pair.weight,
            )
            for pair in self.pairs
        ]

    @property
    def constant(self) -> float:
        """What an arm is compared with that is no arm, on the scale of the values."""
        reference = self.spec.reference
        if isinstance(reference, Mapping):
            return 0.0
        return float(np.log(reference)) if self.spec.scale == "ratio" else float(reference)

    @property
    def sizes(self) -> dict[str, int]:
        """Number of units of every place."""
        return {pair.place: len(pair.arm.units) for pair in self.pairs}

    @property
    def units(self) -> int:
        """Units of the smallest place."""
        return min(
            min(len(pair.arm.units), len((pair.reference or pair.arm).units)) for pair in self.pairs
        )

    def means(self) -> tuple[float, float]:
        """Mean value of the arm and of the reference at the rates chosen, on the values' scale."""
        arm = sum(pair.weight * pair.arm.arm.outcome.mean() for pair in self.pairs)
        if any(pair.reference is None for pair in self.pairs):
            return float(arm), self.constant
        reference = sum(
            pair.weight * pair.reference.arm.outcome.mean()
            for pair in self.pairs
            if pair.reference is not None
        )
        return float(arm), float(reference)

    def unarrived(self) -> float:
        """Share of units in which a run of the reference did not come to its target."""
        missed = [
            ~pair.reference.arrived[:, pair.reference.chosen]
            for pair in self.pairs
            if pair.reference is not None
        ]
        return float(np.concatenate(missed).mean()) if missed else 0.0

    def estimate(self, resamples: int = RESAMPLES) -> Estimate:
        """The effect with its interval, by the procedure that its statistic asks for."""
        if self.spec.statistic == "correlation":
            return correlation(self._points(), resamples=resamples)
        if self.spec.statistic == "share":
            return self._share()
        return interval(self.statistics(), resamples=resamples)

    def _points(self) -> list[Points]:
        points = []
        for place in self.places:
            cells = [
                cell
                for pair in self.pairs
                if pair.place == place
                for cell in (pair.arm, pair.reference)
                if cell is not None
            ]
            x = np.stack([cell.values[:, cell.chosen] for cell in cells], axis=1)
            y = np.stack([cell.against[:, cell.chosen] for cell in cells], axis=1)
            points.append(Points(x, self.spec.sign * y, place))
        return points

    def _share(self) -> Estimate:
        """Shares of units; values are 100 where true and 0 where not."""
        if isinstance(self.spec.reference, Mapping):
            if len(self.pairs) > 1:
                raise DataError(
                    f"{self.spec.label}: shares of two arms are compared at one place, not "
                    f"{len(self.pairs)}."
                )
            pair = self.pairs[0]
            assert pair.reference is not None
            one, other = (cell.values[:, cell.chosen] > 50 for cell in (pair.arm, pair.reference))
            return paired_difference(
                int((one & other).sum()),
                int((one & ~other).sum()),
                int((~one & other).sum()),
                int((~one & ~other).sum()),
            ).scaled(100)
        counts = []
        for place in self.places:
            true = np.concatenate(
                [
                    pair.arm.values[:, pair.arm.chosen] > 50
                    for pair in self.pairs
                    if pair.place == place
                ]
            )
            counts.append(Count(int(true.sum()), true.size))
        return mean_share(counts).scaled(100, -self.constant)

    def values(self) -> pd.DataFrame:
        """Every value that went in: one row a unit, rate and arm, at its place and condition.

        Rows of one `pair`, of an arm and its reference, have its `weight` in the effect; `score` is
        what the rate was chosen by.
        """
        parts = []
        for number, pair in enumerate(self.pairs):
            for side, cell in (("arm", pair.arm), ("reference", pair.reference)):
                if cell is not None:
                    labels: dict[str, Any] = {"pair": number, "weight": pair.weight, "side": side}
                    labels |= {PLACE: pair.place, **pair.condition}
                    parts.append(cell.rows.assign(**labels))
        table = pd.concat(parts, ignore_index=True)
        first = [*dict.fromkeys(["pair", "weight", "side", PLACE, *self.spec.over])]
        return table[[*first, *[name for name in table if name not in first]]]
