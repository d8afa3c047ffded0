"""Values of a comparison, paired by unit, and what statistics make of them."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from unstuck.claims.lines import Comparison
from unstuck.errors import DataError
from unstuck.statistics.estimate import Estimate
from unstuck.statistics.race import RESAMPLES, Arm, Place, interval
from unstuck.statistics.ranks import Points, correlation
from unstuck.statistics.rule import UNARRIVED
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
    arm
        Values and scores ``[U, R]`` by finalist, as the statistics want them.
    against
        ``[U, R]``: the other column of a correlation.
    arrived
        ``[U, R]``: whether the run came to its target.
    rows
        One row a value: unit, rate, value, and what the table knows of the run.
    """

    units: NDArray[Any]
    arm: Arm
    against: Array
    arrived: NDArray[np.bool_]
    rows: pd.DataFrame

    def drawn(self, draws: NDArray[np.intp]) -> "Cell":
        """The cell with units drawn by their index, each as a unit of its own; without rows."""
        return self._of(draws, np.arange(draws.size), self.rows.iloc[:0])

    def of_units(self, units: NDArray[Any]) -> "Cell":
        """The cell with some of its units."""
        kept = np.isin(self.units, units)
        return self._of(kept, self.units[kept], self.rows[self.rows["unit"].isin(units)])

    def _of(self, kept: NDArray[Any], units: NDArray[Any], rows: pd.DataFrame) -> "Cell":
        return Cell(units, self.arm.part(kept), self.against[kept], self.arrived[kept], rows)


@dataclass(frozen=True, eq=False)
class Pair:
    """An arm and its reference at one place under one condition; without reference, a constant."""

    place: str
    condition: Mapping[str, Any]
    weight: float
    arm: Cell
    reference: Cell | None

    @property
    def cells(self) -> dict[str, Cell]:
        """Its cells by their side."""
        sides = {"arm": self.arm, "reference": self.reference}
        return {side: cell for side, cell in sides.items() if cell is not None}

    def holding(self, cells: Mapping[str, Cell]) -> "Pair":
        """The pair with other cells, by their side."""
        return replace(self, arm=cells["arm"], reference=cells.get("reference"))


@dataclass(frozen=True, eq=False)
class Compared:
    """A comparison with its values.

    Attributes
    ----------
    spec
        What was asked.
    pairs
        One for each place and condition; their weights add to 1.
    missing
        Share of the units that have one arm alone.
    """

    spec: Comparison
    pairs: tuple[Pair, ...]
    missing: float = 0.0

    @property
    def places(self) -> tuple[str, ...]:
        """Names of the places, in the order of the table."""
        return tuple(dict.fromkeys(pair.place for pair in self.pairs))

    def at(self, *places: str) -> "Compared":
        """The comparison at some of its places alone."""
        kept = [pair for pair in self.pairs if pair.place in places]
        total = sum(pair.weight for pair in kept)
        return replace(
            self, pairs=tuple(replace(pair, weight=pair.weight / total) for pair in kept)
        )

    def drawn(self, draws: Mapping[str, NDArray[np.intp]]) -> "Compared":
        """The comparison with units drawn anew at every place, for all of its cells alike."""
        pairs = tuple(
            pair.holding({side: c.drawn(draws[pair.place]) for side, c in pair.cells.items()})
            for pair in self.pairs
        )
        return replace(self, pairs=pairs)

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
        return min(len(cell.units) for pair in self.pairs for cell in pair.cells.values())

    def means(self) -> tuple[float, float]:
        """Mean value of the arm and of the reference at the rates chosen, on the values' scale."""
        means = {"reference": self.constant, **dict.fromkeys(self.pairs[0].cells, 0.0)}
        for pair in self.pairs:
            for side, cell in pair.cells.items():
                means[side] += pair.weight * float(cell.arm.outcome.mean())
        return means["arm"], means["reference"]

    def unarrived(self, side: str = "reference") -> float:
        """Share of units in which a run of a side did not come to its target."""
        cells = [pair.cells[side] for pair in self.pairs if side in pair.cells]
        missed = [~cell.arrived[:, cell.arm.chosen] for cell in cells]
        return float(np.concatenate(missed).mean()) if missed else 0.0

    @property
    def at_least(self) -> bool:
        """Whether the factor is a lower bound: runs of the arm did not arrive, and count less.

        Of the reference's no more than the rule bears.
        """
        missed = self.unarrived("arm") if self.spec.scale == "ratio" else 0
        return missed > 0 and self.unarrived() <= UNARRIVED

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
                cell for pair in self.pairs if pair.place == place for cell in pair.cells.values()
            ]
            x = np.stack([cell.arm.outcome for cell in cells], axis=1)
            y = np.stack([cell.against[:, cell.arm.chosen] for cell in cells], axis=1)
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
            one, other = (cell.arm.outcome > 50 for cell in self.pairs[0].cells.values())
            return paired_difference(
                int((one & other).sum()),
                int((one & ~other).sum()),
                int((~one & other).sum()),
                int((~one & ~other).sum()),
            ).scaled(100)
        counts = []
        for place in self.places:
            true = np.concatenate(
                [pair.arm.arm.outcome > 50 for pair in self.pairs if pair.place == place]
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
            for side, cell in pair.cells.items():
                labels: dict[str, Any] = {"pair": number, "weight": pair.weight, "side": side}
                labels |= {PLACE: pair.place, **pair.condition}
                parts.append(cell.rows.assign(**labels))
        table = pd.concat(parts, ignore_index=True)
        first = [*dict.fromkeys(["pair", "weight", "side", PLACE, *self.spec.over])]
        return table[[*first, *[name for name in table if name not in first]]]
