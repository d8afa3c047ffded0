"""What a survey keeps of long paths, against whole paths and known ones."""

import numpy as np
import pytest

from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.survey import _Observer, survey
from unstuck.optim.trajectory import descend, first, follow
from unstuck.surfaces.gallery import Quadratic
from unstuck.surfaces.valleys import Ellipse, Regression

SGD, MEAN = OPTIMIZERS["sgd"], OPTIMIZERS["adagrad_mean"]


def test_a_survey_agrees_with_the_whole_path():
    surface, updates = Ellipse(50.0, 20.0), 2_345
    rows = [SGD] * 3 + [MEAN] * 3
    rates = np.array([0.001, 0.038, 0.05, 0.1, 1.0, 10.0])
    starts = np.random.default_rng(0).normal(size=(6, 2))
    whole = descend(surface, starts, rows, rates, updates)
    found = survey(surface, starts, rows, rates, updates, goals=np.zeros((6, 2)), radius=0.01)
    with np.errstate(invalid="ignore", over="ignore"):
        distance = np.linalg.norm(whole, axis=2) / np.linalg.norm(starts, axis=1)
    within = distance <= 0.01
    np.testing.assert_array_equal(found.arrived, first(within))
    stays = np.flip(np.logical_and.accumulate(np.flip(within, 0), axis=0), 0)
    np.testing.assert_array_equal(found.settled, first(stays))
    late = distance[int(0.9 * updates) + 1 :].max(axis=0)
    diverged = ~np.isfinite(distance[-1])
    np.testing.assert_allclose(found.late, np.where(diverged, np.inf, late), rtol=1e-12)
    assert np.isfinite(found.diverged_at).tolist() == diverged.tolist()
    np.testing.assert_array_equal(found.ends, whole[-1])


def test_a_path_that_bounces_turns_at_every_step():
    found = survey(
        Quadratic((1.0,)),
        [[1.0]] * 3,
        [SGD] * 3,
        [0.5, 1.5, 2.5],
        30,
        goals=[[0.0]] * 3,
        radius=0.01,
    )
    assert found.turns.tolist() == [0.0, 1.0, 1.0]
    assert found.bursts.tolist() == [0, 0, 0]


def test_bursts_are_counted_by_the_block():
    """Under the mean of squares a path at rest bursts; under the sum it never does."""
    starts, goals = [[3.0, 7.0]] * 2, [[0.0, 0.0]] * 2
    rows = [MEAN, OPTIMIZERS["adagrad"]]
    arguments = (Ellipse(1e4), starts, rows, [1.0, 1.0], 20_000)
    found = survey(*arguments, goals=goals, radius=0.01)
    whole = descend(*arguments)
    steps = np.linalg.norm(np.diff(whole, axis=0), axis=2).reshape(20, 1000, 2)
    medians = np.median(steps[:-1, ::10], axis=1)
    floor = 1e-6 * np.linalg.norm(starts[0])
    large = steps[1:].max(axis=1) > np.maximum(10 * medians, floor)
    assert found.bursts.tolist() == large.sum(axis=0).tolist()
    assert found.bursts[0] > 3
    assert found.bursts[1] == 0


def test_visible_bursts_return_or_do_not_and_flat_stretches_are_measured():
    starts, goals = [[3.0, 7.0]] * 3, [[0.0, 0.0]] * 3
    rows = [MEAN, MEAN, OPTIMIZERS["adagrad"]]
    arguments = (Ellipse(1e4), starts, rows, [1.0, 0.1, 1.0], 30_000)
    found = survey(*arguments, goals=goals, radius=0.01)
    whole = descend(*arguments)
    distance = np.linalg.norm(whole, axis=2) / np.linalg.norm(starts[0])
    steps = np.linalg.norm(np.diff(whole, axis=0), axis=2)
    medians = np.median(steps.reshape(30, 1000, 3)[:, ::10], axis=1)
    np.testing.assert_allclose(found.flattest, medians.min(axis=0) / medians[0])
    for walker in range(3):
        visible = recovered = 0
        for block in range(1, 30):
            bound = max(10 * medians[block - 1, walker], 1e-3 * np.linalg.norm(starts[0]))
            burst = np.flatnonzero(steps[1000 * block : 1000 * (block + 1), walker] > bound)
            if len(burst):
                visible += 1
                # the step from this point on
                before = 1000 * block + burst[0]
                after = distance[before + 1 : before + 1001, walker]
                recovered += (after <= distance[before, walker]).any()
        assert found.visible_bursts[walker] == visible
        assert found.recovered[walker] == recovered
    assert found.visible_bursts[0] > 3
    assert found.recovered[0] > 0
    assert found.visible_bursts[2] == 0


def test_a_burst_that_stays_away_has_not_recovered():
    """A goal that a step leads away from, for good."""
    path = np.concatenate([np.linspace(1, 0.9, 1001), 0.9 - 1e-4 * np.arange(500)])
    path = np.concatenate([path, path[-1] + 5 + 1e-4 * np.arange(1499)])[:, None, None]
    observer = _Observer(path[0], np.zeros((1, 1)), 0.01, 2999)
    for block in range(3):
        observer.see(1000 * block, path[1 + 1000 * block : 1001 + 1000 * block])
    found = observer.survey()
    assert found.visible_bursts.tolist() == [1]
    assert found.recovered.tolist() == [0]


def test_blocks_make_up_the_path():
    regression = Regression()
    seen = []
    follow(
        regression,
        [[-100.0, 2.0]],
        SGD,
        1e-7,
        25,
        lambda done, points: seen.append((done, points.copy())),
        block=10,
    )
    assert [done for done, _ in seen] == [0, 10, 20]
    whole = descend(regression, [[-100.0, 2.0]], SGD, 1e-7, 25)
    np.testing.assert_array_equal(np.concatenate([points for _, points in seen]), whole[1:])


def test_a_block_of_no_updates_is_refused():
    with pytest.raises(ValueError, match="at least 1, but are 5, in blocks of 0"):
        follow(Ellipse(), [[1.0, 1.0]], SGD, 0.1, 5, lambda done, points: None, block=0)
