"""Random initial weights.

Variances: Glorot & Bengio (2010), eq. 12, `2 / (fan_in + fan_out)`; He et al. (2015), eq. 10,
`2 / fan_in`; LeCun et al. (1998), sec. 4.6, `1 / fan_in`.
"""

import math

import numpy as np
from numpy.typing import NDArray

from unstuck.arithmetic import standard_normal
from unstuck.population.spec import NetworkSpec

Array = NDArray[np.float64]

WEIGHT_STREAM = 1
"""Stream of random numbers, beside the seed, from which initial weights are drawn."""


def weight_generator(seed: int) -> np.random.Generator:
    """Return the generator of the initial weights of the run with this seed."""
    return np.random.default_rng([seed, WEIGHT_STREAM])


def draw_weights(
    spec: NetworkSpec,
    generator: np.random.Generator,
    shape: tuple[int, ...],
    fan_in: int,
    fan_out: int,
) -> Array:
    """Draw weights of mean 0 and the standard deviation that the specification asks for."""
    variances = {"glorot": 2 / (fan_in + fan_out), "he": 2 / fan_in, "lecun": 1 / fan_in}
    deviation = spec.init_scale * math.sqrt(variances[spec.init])
    if spec.init_distribution == "normal":
        return deviation * standard_normal(generator, shape)
    bound = math.sqrt(3) * deviation
    # uniform() leaves it to the compiler whether it contracts
    return bound * (2 * generator.random(shape) - 1)
