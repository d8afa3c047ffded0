"""Schedules: the factor of the base learning rate at every update of a run."""

from __future__ import annotations

import math
from types import MappingProxyType
from typing import Literal, Self

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel, ConfigDict, Field, model_validator

from unstuck.arithmetic import cos_pi, powers
from unstuck.errors import ConfigError

Factors = npt.NDArray[np.float64]


class ScheduleSpec(BaseModel):
    """How the learning rate changes over a run: linear warm-up, then a decay.

    Lengths (`warmup`, `every`) below 1 are fractions of the run's updates; whole numbers from 1 on
    are numbers of updates.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    shape: Literal["constant", "step", "inverse_sqrt", "cosine", "linear", "transformer"] = Field(
        default="constant",
        description="The decay after warm-up, k = 0, 1, ... counting from its end: constant (1); "
        "step (drop after every stretch of `every`, rounded to an update by itself); inverse_sqrt "
        "(1/√(k+1)); cosine or linear (from 1 to final over the rest of the run); transformer "
        "(min(1/√n, n/w^1.5)·√w for update n = 1, 2, ... and warm-up w, Vaswani et al. 2017, "
        "scaled to a peak of 1 at n = w).",
    )
    warmup: float = Field(
        default=0.0,
        ge=0,
        description="Length of the linear warm-up w, in which update n = 1, ..., w has factor n/w: "
        "a fraction of the run below 1, a number of updates from 1 on.",
    )
    every: float = Field(
        default=1 / 3,
        gt=0,
        description="step only: how long the factor stays before each drop, a fraction of the run "
        "below 1, a number of updates from 1 on.",
    )
    drop: float = Field(
        default=0.1, gt=0, le=1, description="step only: what each drop multiplies by."
    )
    final: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="cosine and linear only: the factor that would follow the last update.",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        for name in ("warmup", "every"):
            length = getattr(self, name)
            if length >= 1 and length != int(length):
                raise ValueError(
                    f"{name} is a fraction below 1 or a whole number of updates, not {length}"
                )
        if self.shape == "transformer" and not self.warmup:
            raise ValueError("shape: transformer needs warmup > 0")
        return self


SCHEDULES: MappingProxyType[str, ScheduleSpec] = MappingProxyType(
    {
        "constant": ScheduleSpec(shape="constant"),
        "step": ScheduleSpec(shape="step"),
        "inverse_sqrt": ScheduleSpec(shape="inverse_sqrt"),
        "cosine": ScheduleSpec(shape="cosine"),
        "linear": ScheduleSpec(shape="linear"),
        "warmup": ScheduleSpec(shape="constant", warmup=0.1),
        "warmup_cosine": ScheduleSpec(shape="cosine", warmup=0.1),
        "transformer": ScheduleSpec(shape="transformer", warmup=0.1),
    }
)
"""Named schedules."""

SCHEDULE_DESCRIPTIONS: MappingProxyType[str, str] = MappingProxyType(
    {
        "constant": "The base rate throughout.",
        "step": "A tenth of the rate after each third of the run.",
        "inverse_sqrt": "The rate divided by √(t + 1) at update t = 0, 1, ...; it turns "
        "adagrad_mean into adagrad.",
        "cosine": "Half a cosine from the base rate to 0 (Loshchilov & Hutter 2017).",
        "linear": "A straight line from the base rate to 0.",
        "warmup": "A linear rise over the first tenth of the run, then the base rate.",
        "warmup_cosine": "A linear rise over the first tenth of the run, then half a cosine to 0.",
        "transformer": "A linear rise over the first tenth of the run, then decay with the inverse "
        "square root (Vaswani et al. 2017, equation 3), scaled so that the peak is the base rate.",
    }
)
"""One sentence for each of `SCHEDULES`, for the documentation."""


def factors(spec: ScheduleSpec, updates: int) -> Factors:
    """Return the factor of the base rate at each update of a run.

    Parameters
    ----------
    spec
        The schedule.
    updates
        T, the length of the run in updates, at least 1.

    Returns
    -------
    Array of shape [T], float64, with values in (0, 1].

    Raises
    ------
    ConfigError
        If the run has no updates, or is not longer than the warm-up.
    """
    warmup = warmup_of(spec, updates)
    if spec.shape == "transformer":
        n = np.arange(1, updates + 1, dtype=np.float64)
        warmup = max(warmup, 1)  # a short run may round its fraction to nothing
        return np.minimum(np.sqrt(warmup / n), n / warmup)
    rise = np.arange(1, warmup + 1, dtype=np.float64) / max(warmup, 1)
    return np.concatenate([rise, _decay(spec, updates - warmup, updates)])


def warmup_of(spec: ScheduleSpec, updates: int) -> int:
    """Return how many updates of a run warm up.

    Raises
    ------
    ConfigError
        If the run has no updates, or is not longer than the warm-up.
    """
    if updates < 1:
        raise ConfigError(f"A schedule needs at least 1 update, not {updates}.")
    warmup = _length(spec.warmup, updates)
    if warmup >= updates and warmup > 1:
        raise ConfigError(
            f"warmup = {spec.warmup:g} takes {warmup} updates, but the run has {updates}; "
            "give a fraction below 1 or fewer updates."
        )
    return warmup


def _length(length: float, updates: int) -> int:
    return round(length * updates) if length < 1 else int(length)


def _stages(every: float, rest: int, updates: int) -> npt.NDArray[np.int64]:
    """Return how many drops lie before each of the `rest` updates after warm-up."""
    # each drop is rounded by itself: a rounded length would add up to a last stage of an update
    length = max(every * updates, 1.0) if every < 1 else every
    drops = np.rint(length * np.arange(1, math.ceil(rest / length) + 1))
    return np.searchsorted(drops, np.arange(rest), side="right")


def _decay(spec: ScheduleSpec, rest: int, updates: int) -> Factors:
    """Factors of the `rest` updates after warm-up, in a run of `updates`."""
    k = np.arange(rest, dtype=np.float64)
    if spec.shape == "constant":
        return np.ones(rest)
    if spec.shape == "step":
        return powers(spec.drop, _stages(spec.every, rest, updates))
    if spec.shape == "inverse_sqrt":
        return 1 / np.sqrt(k + 1)
    if spec.shape == "cosine":
        return spec.final + (1 - spec.final) * 0.5 * (1 + cos_pi(k / rest))
    return 1 - (1 - spec.final) * k / rest
