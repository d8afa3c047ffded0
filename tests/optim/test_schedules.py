"""Schedules against torch.optim.lr_scheduler and their formulas."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from torch.optim import lr_scheduler as torch_schedules

from unstuck.errors import ConfigError
from unstuck.optim.schedules import SCHEDULE_DESCRIPTIONS, SCHEDULES, ScheduleSpec, factors

UPDATES = 200

Scheduler = Callable[[torch.optim.Optimizer], torch_schedules.LRScheduler]


def warmed_up(decay: Scheduler, warmup: int) -> Scheduler:
    def scheduler(optimizer: torch.optim.Optimizer) -> torch_schedules.LRScheduler:
        rise = torch_schedules.LinearLR(
            optimizer, start_factor=1 / warmup, end_factor=1.0, total_iters=warmup - 1
        )
        return torch_schedules.SequentialLR(optimizer, [rise, decay(optimizer)], [warmup])

    return scheduler


def step(every: int, drop: float) -> Scheduler:
    return lambda optimizer: torch_schedules.StepLR(optimizer, every, drop)


def cosine(updates: int, final: float = 0.0) -> Scheduler:
    return lambda optimizer: torch_schedules.CosineAnnealingLR(optimizer, updates, eta_min=final)


def linear(updates: int, final: float = 0.0) -> Scheduler:
    return lambda optimizer: torch_schedules.LinearLR(optimizer, 1.0, final, updates)


def formula(factor: Callable[[int], float]) -> Scheduler:
    return lambda optimizer: torch_schedules.LambdaLR(optimizer, factor)


def vaswani(warmup: int) -> Scheduler:
    """Equation 3 of Vaswani et al. 2017, without d_model and over its peak."""
    return formula(lambda t: warmup**0.5 * min((t + 1) ** -0.5, (t + 1) * warmup**-1.5))


REFERENCES: dict[str, tuple[ScheduleSpec, Scheduler]] = {
    "constant": (ScheduleSpec(), formula(lambda t: 1.0)),
    "step in quarters": (ScheduleSpec(shape="step", every=0.25), step(50, 0.1)),
    "step every 30": (ScheduleSpec(shape="step", every=30, drop=0.5), step(30, 0.5)),
    "inverse_sqrt": (ScheduleSpec(shape="inverse_sqrt"), formula(lambda t: (t + 1) ** -0.5)),
    "cosine": (ScheduleSpec(shape="cosine"), cosine(UPDATES)),
    "cosine to a tenth": (ScheduleSpec(shape="cosine", final=0.1), cosine(UPDATES, 0.1)),
    "linear": (ScheduleSpec(shape="linear"), linear(UPDATES)),
    "linear to a half": (ScheduleSpec(shape="linear", final=0.5), linear(UPDATES, 0.5)),
    "warm-up": (
        ScheduleSpec(warmup=0.1),
        warmed_up(formula(lambda t: 1.0), 20),
    ),
    "warm-up of a number of updates, cosine": (
        ScheduleSpec(shape="cosine", warmup=50),
        warmed_up(cosine(150), 50),
    ),
    "warm-up, step": (
        ScheduleSpec(shape="step", warmup=0.25, every=40),
        warmed_up(step(40, 0.1), 50),
    ),
    "warm-up, linear": (ScheduleSpec(shape="linear", warmup=0.2), warmed_up(linear(160), 40)),
    "warm-up, inverse_sqrt": (
        ScheduleSpec(shape="inverse_sqrt", warmup=0.2),
        warmed_up(formula(lambda t: (t + 1) ** -0.5), 40),
    ),
    "transformer": (ScheduleSpec(shape="transformer", warmup=40), vaswani(40)),
}


@pytest.mark.filterwarnings("ignore:The epoch parameter in `scheduler.step")
@pytest.mark.filterwarnings("ignore:Detected call of `lr_scheduler.step")
@pytest.mark.parametrize("name", list(REFERENCES))
def test_factors_agree_with_torch(name: str) -> None:
    spec, reference = REFERENCES[name]
    optimizer = torch.optim.SGD([torch.zeros(1)], lr=1.0)
    scheduler = reference(optimizer)
    expected = []
    for _ in range(UPDATES):
        expected.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    np.testing.assert_allclose(factors(spec, UPDATES), expected, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", list(SCHEDULES))
@pytest.mark.parametrize("updates", [1, 2, 3, 7, 200, 10_001])
def test_named_schedules_work_for_any_length(name: str, updates: int) -> None:
    factor = factors(SCHEDULES[name], updates)
    assert factor.shape == (updates,)
    assert factor.dtype == np.float64
    assert factor.max() == 1
    assert factor.min() > 0


@pytest.mark.parametrize("parts", [2, 3, 4, 5, 7, 10])
def test_stages_of_a_share_of_the_run_are_as_many_and_differ_by_one_update_at_most(
    parts: int,
) -> None:
    spec = ScheduleSpec(shape="step", every=1 / parts, drop=0.5)
    for updates in (*range(parts, 240), 999, 1000, 1001, 99_999, 100_000, 100_001):
        values, sizes = np.unique(factors(spec, updates), return_counts=True)
        np.testing.assert_array_equal(values, 0.5 ** np.arange(parts)[::-1], str(updates))
        assert np.ptp(sizes) <= 1, updates


@pytest.mark.parametrize(
    ("keywords", "updates", "stages"),
    [
        ({}, 1, [1]),
        ({}, 2, [1, 1]),
        ({}, 4, [1, 2, 1]),
        ({}, 100, [33, 34, 33]),
        ({}, 200, [67, 66, 67]),
        ({"every": 3}, 7, [3, 3, 1]),
        ({"every": 9}, 7, [7]),
        ({"every": 0.01}, 4, [1, 1, 1, 1]),
        ({"warmup": 2, "every": 0.25}, 10, [2, 3, 3]),
    ],
)
def test_stages_lie_where_they_should(
    keywords: dict[str, float], updates: int, stages: list[int]
) -> None:
    factor = factors(ScheduleSpec(shape="step", **keywords), updates)[keywords.get("warmup", 0) :]
    expected = np.repeat(0.1 ** np.arange(len(stages)), stages)
    np.testing.assert_allclose(factor, expected, rtol=1e-12)


def test_transformer_peaks_at_the_end_of_its_warm_up() -> None:
    factor = factors(ScheduleSpec(shape="transformer", warmup=0.2), 1000)
    assert factor.argmax() == 199
    assert factor[199] == 1
    assert factor[799] == pytest.approx(0.5)


def test_every_schedule_is_described() -> None:
    assert SCHEDULE_DESCRIPTIONS.keys() == SCHEDULES.keys()
    for name, field in ScheduleSpec.model_fields.items():
        assert field.description, name


@pytest.mark.parametrize(
    ("keywords", "message"),
    [
        ({"shape": "transformer"}, "needs warmup > 0"),
        ({"warmup": 1.5}, "warmup is a fraction below 1 or a whole number of updates, not 1.5"),
        ({"every": 2.5}, "every is a fraction below 1"),
        ({"warmup": -1}, "greater than or equal to 0"),
        ({"drop": 0.0}, "greater than 0"),
        ({"shape": "cosin"}, "'cosine'"),
        ({"warm_up": 0.1}, "Extra inputs"),
    ],
)
def test_wrong_specifications_are_refused(keywords: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        ScheduleSpec(**keywords)


def test_runs_too_short_are_refused() -> None:
    with pytest.raises(ConfigError, match="at least 1 update, not 0"):
        factors(SCHEDULES["constant"], 0)
    with pytest.raises(ConfigError, match=r"takes 100 updates, but the run has 100"):
        factors(ScheduleSpec(warmup=100), 100)
