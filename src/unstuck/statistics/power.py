"""What a number of seeds can detect."""

from functools import lru_cache

from unstuck.errors import DataError

POWER = 0.8
SIGNIFICANCE = 0.05


def detectable_effect(
    standard_deviation: float,
    seeds: int,
    power: float = POWER,
    significance: float = SIGNIFICANCE,
) -> float:
    """Give the smallest true mean that a two-sided paired t-test tells from a fixed value.

    Parameters
    ----------
    standard_deviation : float
        Of the paired differences, in the unit of the effect.
    seeds : int
        Number of pairs, at least 2.
    power, significance : float
        Chance to detect it, and two-sided error of the test.

    Returns
    -------
    float
        In the unit of ``standard_deviation``.
    """
    return standard_deviation * _standardised(seeds, power, significance)


def paired_power(
    effect: float, standard_deviation: float, seeds: int, significance: float = SIGNIFICANCE
) -> float:
    """Give the chance that a two-sided paired t-test over ``seeds`` pairs detects ``effect``."""
    from statsmodels.stats.power import TTestPower

    if standard_deviation == 0:
        return 1.0 if effect else significance
    return float(
        TTestPower().power(
            abs(effect) / standard_deviation, seeds, significance, alternative="two-sided"
        )
    )


@lru_cache(maxsize=256)
def _standardised(seeds: int, power: float, significance: float) -> float:
    from statsmodels.stats.power import TTestPower

    if seeds < 2:
        raise DataError(f"detectable effect: {seeds} seed(s); a spread needs at least 2.")
    solution = TTestPower().solve_power(
        nobs=seeds, alpha=significance, power=power, alternative="two-sided"
    )
    return float(solution)
