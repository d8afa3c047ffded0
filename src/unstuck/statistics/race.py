"""The bootstrap of a comparison in which every arm chooses its rate.

Units are resampled, and every resample chooses anew among an arm's finalists, so that the interval
holds the noise of the choice with that of the units.
"""

import functools
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from unstuck.errors import DataError
from unstuck.statistics.estimate import LEVEL, Estimate

Array = NDArray[np.float64]

RESAMPLES = 9_999
#: of fewer units percentiles end where the units do, short of the level, and skewness is unknown
FEW = 10
# a spread below this share of the largest value is rounding, not variation between units
CONSTANT_SPREAD = 1e-12
# mean scores this near to the best, by its size, are equal to it, however they were summed
TIE = 1e-9


@dataclass(frozen=True, eq=False)
class Arm:
    """One arm in one place: what its finalists gave in every unit.

    Attributes
    ----------
    values
        ``[U, R]``: the measure, by unit and finalist; of factors, its logarithm.
    scores
        ``[U, R]``: what the rate is chosen by, lower is better; left out where nothing is chosen.

    Raises
    ------
    DataError
        If the shapes do not fit, or a number is not finite.
    """

    values: Array
    scores: Array | None = None

    def __post_init__(self) -> None:
        scores = self.values if self.scores is None else self.scores
        if self.values.ndim != 2 or not self.values.size or scores.shape != self.values.shape:
            raise DataError(
                f"an arm has values of shape {self.values.shape} and scores of shape "
                f"{scores.shape}; both must be units by finalists."
            )
        if self.scores is None and self.values.shape[1] > 1:
            raise DataError(
                f"an arm has {self.values.shape[1]} finalists and no scores to choose by."
            )
        if not (np.isfinite(self.values).all() and np.isfinite(scores).all()):
            raise DataError(
                "an arm has a value or score that is not finite; give diverged runs the value of "
                "a guess, or the budget, before they are compared."
            )

    @property
    def units(self) -> int:
        """Number of units."""
        return len(self.values)

    @cached_property
    def chosen(self) -> int:
        """Index of the finalist that is best over all units; the first of several."""
        if self.scores is None:
            return 0
        return int(np.argmax([best[0] for best in _best(self.scores.mean(axis=0)[None])]))

    @cached_property
    def outcome(self) -> Array:
        """Values ``[U]`` at the rate chosen."""
        return self.values[:, self.chosen]

    def means(self, weights: Array) -> Array:
        """Give the mean value at the rate chosen, ``[B]``, for unit weights ``[B, U]``."""
        means = weights @ self.values
        if self.scores is None:
            return np.asarray(means[:, 0])
        chosen = means[:, -1]
        columns = list(zip(_best(weights @ self.scores), means.T, strict=True))
        for best, column in columns[-2::-1]:
            chosen = np.where(best, column, chosen)
        return chosen

    def part(self, units: slice | NDArray[Any]) -> "Arm":
        """Give the arm with some of its units."""
        return Arm(self.values[units], None if self.scores is None else self.scores[units])

    def plus(self, amount: float) -> "Arm":
        """Give the arm with something added to every value."""
        return Arm(self.values + amount, self.scores)


def _best(scores: Array) -> list[NDArray[np.bool_]]:
    """Say of each column where it is the lowest of its row ``[B, R]``, or ties with it.

    By columns: a reduction over the few finalists of every row costs ten times as much.
    """
    columns = list(scores.T)
    least = functools.reduce(np.minimum, columns)
    bound = least + TIE * np.abs(least)
    return [column <= bound for column in columns]


@dataclass(frozen=True, eq=False)
class Place:
    """A comparison on one data set under one condition: arm minus reference.

    Attributes
    ----------
    arm, reference
        A reference left out is zero.
    units
        Name of the units: places of the same name, such as the conditions of one data set, are
        resampled together, others apart.
    weight
        Of this place in the mean over places.
    paired
        Whether unit i of both arms is one unit; otherwise each arm is resampled by itself.
    """

    arm: Arm
    reference: Arm | None = None
    units: str = ""
    weight: float = 1.0
    paired: bool = True


@dataclass(frozen=True, eq=False)
class _Term:
    arm: Arm
    weight: float
    units: str


def interval(
    places: Sequence[Place], *, resamples: int = RESAMPLES, level: float = LEVEL
) -> Estimate:
    """Give the mean effect over places, with its expanded percentile bootstrap interval.

    Units are resampled with replacement, the same for both arms of a pair and for places that
    share units; every resample chooses each arm's rate anew. A percentile interval of n units is
    too narrow by sqrt((n - 1) / n) and for want of t; the expanded one takes the percentiles at
    which a t interval would end. On the side to which the units are skewed that is too narrow
    still; there it ends where BCa's correction puts it, if further out, and t has n - 3 degrees of
    freedom. Beyond the outermost resample the resamples' normal tail stands in. So it does of fewer
    than ten units, whose skewness is not estimated: without a choice that is the t interval, of
    n - 1 degrees of freedom.

    Where all units have one value there is nothing to resample. The share of units that have it is
    then at least Clopper and Pearson's bound, and the others are taken to have its opposite, which
    gives the p-value of the sign test; of fewer than six units that bound says nothing.

    Parameters
    ----------
    places
        Datasets and conditions.
    resamples
        Of the bootstrap.
    level
        Confidence level.

    Raises
    ------
    DataError
        If there is no place, or arms that share units do not have the same number.

    References
    ----------
    Hesterberg, T. (2015). What teachers should know about the bootstrap. Am. Stat. 69, 371-386.
    Efron, B. (1987). Better bootstrap confidence intervals. JASA 82, 171-185.
    """
    if not places:
        raise DataError("a comparison has no place; it needs at least one dataset.")
    terms = _terms(places)
    sizes: dict[str, int] = {}
    for term in terms:
        if sizes.setdefault(term.units, term.arm.units) != term.arm.units:
            raise DataError(
                f"arms on {term.units} have {sizes[term.units]} and {term.arm.units} units; "
                "arms that are paired, or share units, need the same ones."
            )
    effect = float(sum(term.weight * term.arm.outcome.mean() for term in terms))
    least = min(sizes.values())
    weights = {name: unit_weights(name, size, resamples) for name, size in sizes.items()}
    draws = np.sort(sum((t.weight * t.arm.means(weights[t.units]) for t in terms), np.zeros(1)))
    scale = max(float(np.abs(term.arm.values).max()) for term in terms)
    if np.ptp(draws) <= CONSTANT_SPREAD * scale:
        return constant(effect, least, level)
    skew = None if least < FEW else acceleration([_effects(terms, name) for name in sizes])
    return Percentiles(draws, least, skew).estimate(effect, level)


def _terms(places: Sequence[Place]) -> list[_Term]:
    """Write the effect as a weighted sum of arms."""
    total = sum(place.weight for place in places)
    terms = []
    for place in places:
        weight = place.weight / total
        terms.append(_Term(place.arm, weight, place.units))
        if place.reference is not None:
            apart = "" if place.paired else " (reference)"
            terms.append(_Term(place.reference, -weight, place.units + apart))
    return terms


def _effects(terms: Sequence[_Term], units: str) -> Array:
    """Give what every unit of a group adds to the effect, at the rates chosen."""
    own = [term.weight * term.arm.outcome for term in terms if term.units == units]
    return np.asarray(sum(own))


@functools.lru_cache(maxsize=32)
def unit_weights(name: str, units: int, resamples: int) -> Array:
    """Give the shares ``[B, U]`` of every unit in every resample; they depend on the name alone."""
    rng = np.random.default_rng([0, crc32(name.encode())])
    return rng.multinomial(units, np.full(units, 1 / units), size=resamples) / units


@dataclass(frozen=True, eq=False)
class Percentiles:
    """Expanded percentiles of resampled effects.

    Attributes
    ----------
    draws
        ``[B]``, sorted.
    n
        Units of the smallest group.
    acceleration
        A sixth of the skewness of the effect, as `acceleration` estimates it; left out where it is
        not estimated, and taken as 0.
    """

    draws: Array
    n: int
    acceleration: float | None = None

    @property
    def freedom(self) -> int:
        """Degrees of freedom of t: one less than units, two more less where skewness is estimated.

        Those two were chosen by simulation alone (docs/statistics.md): ten units that show little
        of their skewness leave the interval too narrow without them.
        """
        return self.n - 1 if self.acceleration is None else self.n - 3

    @cached_property
    def _spread(self) -> tuple[float, float]:
        return float(self.draws.mean()), float(self.draws.std())

    def estimate(self, effect: float, level: float = LEVEL) -> Estimate:
        """Give the effect with its interval."""
        low, high = self.ends(level)
        return Estimate(effect, low, high, self.n, self.tails, level)

    def ends(self, level: float) -> tuple[float, float]:
        """Give the ends of the interval."""
        if self.n < 2:
            return -math.inf, math.inf
        from scipy import special

        # the normal quantile at which a t interval of n units ends, in units of the resamples' sd
        t = float(special.stdtrit(self.freedom, (1 - level) / 2))
        z, skew = t * math.sqrt(self.n / (self.n - 1)), self.acceleration or 0.0
        below, above = (min(z, _accelerated(z, a)) for a in (skew, -skew))
        return self._quantile(below, 1), self._quantile(above, -1)

    def _quantile(self, z: float, side: int) -> float:
        """Give the draw at a normal quantile z < 0, counted from below or (side -1) from above."""
        from scipy import special

        centre, deviation = self._spread
        normal = centre + side * z * deviation
        if self.n < FEW:
            return normal
        ordered = self.draws if side > 0 else self.draws[::-1]
        rank = math.floor(special.ndtr(z) * (self.draws.size + 1))
        if rank >= 1:
            return float(ordered[rank - 1])
        return side * min(side * float(ordered[0]), side * normal)

    def tails(self, value: float) -> tuple[float, float]:
        """Give the one-sided p-values that the truth is at most, and at least, ``value``."""
        if self.n < 2:
            return 1.0, 1.0
        below = int(np.searchsorted(self.draws, value, side="right"))
        above = self.draws.size - int(np.searchsorted(self.draws, value, side="left"))
        centre, deviation = self._spread
        distance, skew = (value - centre) / deviation, self.acceleration or 0.0
        return self._tail(below, distance, skew), self._tail(above, -distance, -skew)

    def _tail(self, count: int, distance: float, acceleration: float) -> float:
        from scipy import special

        z = distance
        if self.n >= FEW:
            outermost = float(special.ndtri((count + 1) / (self.draws.size + 1)))
            z = min(outermost, distance) if count == 0 else outermost
        z = max(z, _slowed(z, acceleration))
        return float(special.stdtr(self.freedom, z * math.sqrt((self.n - 1) / self.n)))


def acceleration(groups: Sequence[Array]) -> float:
    """Give a sixth of the skewness of a sum of means, one of each group's units (Efron 1987).

    Of each group's variance and third moment those without bias are taken, Fisher's k-statistics; a
    group has three units or more.
    """
    variance = third = 0.0
    for group in groups:
        n, apart = group.size, group - group.mean()
        variance += float((apart**2).sum()) / (n * (n - 1))
        third += float((apart**3).sum()) / (n * (n - 1) * (n - 2))
    return third / (6 * variance**1.5) if variance > 0 else 0.0


def _accelerated(z: float, a: float) -> float:
    """Give BCa's quantile for z, with the bias constant of a mean, which is a itself."""
    below = 1 - a * (a + z)
    return a + (a + z) / below if below > 0 else math.copysign(math.inf, z)


def _slowed(z: float, a: float) -> float:
    """Give the inverse of `_accelerated`."""
    below = 1 + a * (z - a)
    return (z - a) / below - a if below > 0 else math.copysign(math.inf, z)


def constant(value: float, units: int, level: float) -> Estimate:
    """Give the interval of a value that all units have."""
    share = ((1 - level) / 2) ** (1 / units)
    if share <= 0.5:
        return Estimate(value, -math.inf, math.inf, units, lambda truth: (1.0, 1.0), level)

    def tails(truth: float) -> tuple[float, float]:
        # p that so many of so many units have the value, were its share such that the mean is truth
        if value == 0:
            return float(truth >= 0), float(truth <= 0)
        of_units = min(1.0, max(0.0, (truth / value + 1) / 2))
        towards, beyond = of_units**units, float(abs(truth) <= abs(value) or truth * value < 0)
        return (towards, beyond) if value > 0 else (beyond, towards)

    end = value * (2 * share - 1)
    return Estimate(value, min(end, value), max(end, value), units, tails, level)


def itself(
    places: Sequence[Place], *, of: str, planted: float = 0.0, resamples: int = RESAMPLES
) -> Estimate:
    """Compare an arm with itself, through the choice of its rate (A/A).

    In every place its units are dealt alternately into two halves, each of which chooses its own
    rate among the finalists; the halves' difference is resampled.

    Parameters
    ----------
    places
        Those of the comparison whose arm is held against itself.
    of
        "arm" or "reference".
    planted
        What is added to one half, and must be found.

    Raises
    ------
    DataError
        If the comparison has no such arm, or it has a single unit.
    """
    halves = []
    for place in places:
        own = place.arm if of == "arm" else place.reference
        if own is None or own.units < 2:
            raise DataError(f"a comparison's {of} cannot be halved; it needs two units or more.")
        first, second = own.part(slice(0, None, 2)), own.part(slice(1, None, 2))
        halves.append(Place(first.plus(planted), second, place.units, place.weight, paired=False))
    return interval(halves, resamples=resamples)
