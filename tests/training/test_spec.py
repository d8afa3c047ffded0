"""Identity and budget of runs."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

import unstuck
from unstuck.training.spec import Cell, Recipe, RunSpec, Tune


def test_identity_follows_from_every_field(make_recipe):
    run = make_recipe().at(0.1, 3)
    others = [
        make_recipe().at(0.1, 4),
        make_recipe().at(0.2, 3),
        make_recipe(optimizer="sgd").at(0.1, 3),
        make_recipe(network={"activation": "relu"}).at(0.1, 3),
        make_recipe(updates=21).at(0.1, 3),
        make_recipe(dtype="float64").at(0.1, 3),
    ]
    assert len({run.run_id, *(other.run_id for other in others)}) == 1 + len(others)
    assert len(run.run_id) == 16


def test_identity_survives_json(make_recipe):
    run = make_recipe(schedule="warmup_cosine").at(0.1, 3)
    again = RunSpec.model_validate(json.loads(run.model_dump_json()))
    assert again == run
    assert again.run_id == run.run_id


def test_a_changed_copy_has_an_identity_of_its_own(make_recipe):
    run = make_recipe().at(0.1, 3)
    before = run.run_id
    copied = run.model_copy(update={"batch_size": 64})
    assert copied.run_id == RunSpec(**copied.model_dump()).run_id != before


def test_identity_is_the_same_in_another_process(make_recipe):
    run = make_recipe().at(0.1, 3)
    code = (
        "import sys; from unstuck.training.spec import RunSpec;"
        "print(RunSpec.model_validate_json(sys.stdin.read()).run_id, 'torch' in sys.modules)"
    )
    printed = subprocess.run(
        [sys.executable, "-c", code],
        input=run.model_dump_json(),
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "PYTHONPATH": str(Path(unstuck.__file__).parents[1])},
    ).stdout.split()
    assert printed == [run.run_id, "False"]


@pytest.mark.parametrize("budget", [{}, {"epochs": 2, "updates": 10}])
def test_exactly_one_budget(make_recipe, budget):
    content = make_recipe().model_dump() | {"epochs": None, "updates": None} | budget
    with pytest.raises(ValidationError, match="either epochs or updates"):
        Recipe(**content)


def test_epochs_count_ragged_batches(make_recipe):
    recipe = make_recipe(epochs=3, batch_size=100)
    assert recipe.updates_per_epoch(256) == 3
    assert recipe.total_updates(256) == 9
    assert make_recipe(epochs=3, batch_size="full").total_updates(256) == 3


def test_rates_of_a_grid_ascend():
    with pytest.raises(ValidationError, match="ascend"):
        Tune(rates=(0.1, 0.01))


def test_units_and_the_way_to_a_rate_are_part_of_a_cell(make_recipe):
    cell = Cell(run=make_recipe(), rate=Tune(rates=(0.1, 1.0)), seeds=3, first_unit=10_000)
    assert list(cell.units) == [10_000, 10_001, 10_002]
    others = [
        cell.model_copy(update=update)
        for update in (
            {"seeds": 4},
            {"first_unit": 0},
            {"rate": 0.1},
            {"rate": Tune(rates=(0.1, 1.0), heat=2)},
            {"labels": {"arm": "a"}},
        )
    ]
    assert len({each.key for each in (cell, *others)}) == 6
