"""Experiments expand to the product of their axes; runs are shared; jobs split by their axes."""

import copy
from collections.abc import Callable
from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from unstuck.errors import ConfigError
from unstuck.study.load import parse_study
from unstuck.study.plan import Plan
from unstuck.training.spec import Tune

AXES = {
    "batch_size": [16, 32, "full"],
    "optimizer": ["sgd", "adam", "rmsprop"],
    "schedule": ["constant", "cosine"],
    "batchnorm": ["off", "before", "after"],
    "activation": ["tanh", "relu"],
    "momentum": [0.5, 0.9],
    "lr": [0.1, 1.0, "tuned"],
}

chosen_axes = st.fixed_dictionaries(
    {},
    optional={
        name: st.lists(st.sampled_from(values), min_size=1, max_size=len(values), unique=True)
        for name, values in AXES.items()
    },
)
unchanging = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def plan_of(config: dict[str, Any], **grid: Any) -> Plan:
    config = copy.deepcopy(config)
    config["experiments"]["grid"] |= grid
    return Plan(parse_study(config))


@unchanging
@given(axes=chosen_axes, seeds=st.integers(1, 4))
def test_cells_are_the_product_of_the_axes(
    config: dict[str, Any], axes: dict[str, list[Any]], seeds: int
) -> None:
    base = {"batch_size": [32, "full"], "optimizer": ["sgd", "adam"], "batchnorm": ["off"]}
    wanted = base | axes
    race = {"heat": 2, "finalists": 2}
    config = config | {"first_unit": 7, "tuning": config["tuning"] | race}
    plan = plan_of(config, **wanted, seeds=seeds)
    cells = plan.cells["grid"]
    points = list(product(*wanted.values()))
    assert len(cells) == len(points) == len({cell.key for cell in cells})
    table = plan.runs()
    count = table["role"].value_counts().to_dict()
    tuned = sum(isinstance(cell.rate, Tune) for cell in cells)
    assert count.get("fixed", 0) == (len(points) - tuned) * seeds
    # five rates on the heat of two units, the two best on all others
    assert count.get("heat", 0) == tuned * 5 * min(2, seeds)
    assert count.get("finalist", 0) == tuned * 2 * max(0, seeds - 2)
    assert set(table["seed"]) == set(range(7, 7 + seeds))


@unchanging
@given(axes=chosen_axes)
def test_every_cell_stands_in_exactly_one_job(
    config: dict[str, Any], axes: dict[str, list[Any]]
) -> None:
    plan = plan_of(config, **axes)
    held = [cell.key for job in plan.jobs.values() for cell in job.cells]
    assert sorted(held) == sorted(cell.key for cell in plan.cells["grid"])
    for name, job in plan.jobs.items():
        assert {plan.job_of(cell) for cell in job.cells} == {name}


@unchanging
@given(axes=chosen_axes, more=st.sampled_from(sorted(AXES)))
def test_a_new_value_changes_no_run_that_was_there(
    config: dict[str, Any], axes: dict[str, list[Any]], more: str
) -> None:
    before = plan_of(config, **axes)
    after = plan_of(config, **(axes | {more: AXES[more]}))
    if more in axes or more in ("batch_size", "optimizer", "lr"):
        kept = {c.key for c in before.cells["grid"]}
        assert more not in axes or kept <= {c.key for c in after.cells["grid"]}
    if more in axes and more in ("optimizer", "batch_size", "batchnorm"):
        # these split jobs by default, so a job that was there holds just what it held
        for name, job in before.jobs.items():
            assert after.jobs[name].digest == job.digest


def test_two_experiments_share_a_run(config: dict[str, Any]) -> None:
    grid = config["experiments"]["grid"]
    config["experiments"]["again"] = {**grid, "description": "the same runs"}
    plan = Plan(parse_study(config))
    assert len(plan.cells["again"]) == len(plan.cells["grid"])
    assert sum(len(job.cells) for job in plan.jobs.values()) == len(plan.cells["grid"])


def test_jobs_belong_to_an_experiment_or_a_group(config: dict[str, Any]) -> None:
    grid = config["experiments"]["grid"] | {"optimizer": "sgd", "batchnorm": "off"}
    config["execution"] = {"split_by": []}
    config["experiments"] = {
        "a": grid,
        "b": {**grid, "epochs": 3},
        "c": {**grid, "epochs": 4, "group": "b"},
        # half of its runs are those of the first
        "d": {**grid, "optimizer": ["sgd", "adam"]},
    }
    plan = Plan(parse_study(config))
    held = {name: {cell.key for cell in job.cells} for name, job in plan.jobs.items()}
    assert {name: len(keys) for name, keys in held.items()} == {
        **{"a-digits": 2, "b-digits": 4, "d-digits": 2}
    }
    needed = {name: plan.jobs_of(name, "runs") for name in "abcd"}
    assert needed == {
        **{"a": ["a-digits"], "b": ["b-digits"], "c": ["b-digits"]},
        "d": ["a-digits", "d-digits"],
    }
    before = {name: job.digest for name, job in plan.jobs.items()}
    config["experiments"] = dict(reversed(config["experiments"].items()))
    turned = Plan(parse_study(config))
    assert {name: job.digest for name, job in turned.jobs.items()} == before
    config["experiments"]["b"]["seeds"] = 9
    after = {name: job.digest for name, job in Plan(parse_study(config)).jobs.items()}
    assert {name for name in before if before[name] != after[name]} == {"b-digits"}


def test_two_experiments_with_other_units_share_runs_and_choose_apart(
    config: dict[str, Any],
) -> None:
    grid = config["experiments"]["grid"]
    config["experiments"] = {"a": {**grid, "seeds": 2}, "b": {**grid, "seeds": 5}}
    plan = Plan(parse_study(config))
    assert {len(units) for units in plan.units("a").values()} == {2}
    assert {len(units) for units in plan.units("b").values()} == {5}
    assert not plan.units("a").keys() & plan.units("b").keys()
    assert plan.jobs_of("a", "runs") == plan.jobs_of("b", "runs")


def test_more_seeds_change_the_job_and_the_table(config: dict[str, Any]) -> None:
    before, after = plan_of(config, seeds=3), plan_of(config, seeds=4)
    assert all(before.jobs[name].digest != job.digest for name, job in after.jobs.items())
    assert before.digest_of("grid", "runs") != after.digest_of("grid", "runs")
    assert before.digest != after.digest


def test_the_order_of_axes_and_values_changes_no_job(config: dict[str, Any]) -> None:
    grid = config["experiments"]["grid"]
    before = {name: job.digest for name, job in Plan(parse_study(config)).jobs.items()}
    config["experiments"]["grid"] = {key: grid[key] for key in sorted(grid, reverse=True)}
    config["experiments"]["grid"]["batch_size"] = ["full", 32]
    assert {name: job.digest for name, job in Plan(parse_study(config)).jobs.items()} == before


def test_a_description_changes_no_job(config: dict[str, Any]) -> None:
    before = {name: job.digest for name, job in Plan(parse_study(config)).jobs.items()}
    config["title"] = "Another"
    config["experiments"]["grid"]["description"] = "Other words"
    config["execution"] = {"members": 4, "checkpoint_seconds": 5}
    after = {name: job.digest for name, job in Plan(parse_study(config)).jobs.items()}
    assert before == after


def test_overrides_reach_the_component(config: dict[str, Any]) -> None:
    plan = plan_of(config, optimizer="momentum", momentum=[0.5, 0.8], activation="relu", warmup=0.5)
    cells = plan.cells["grid"]
    assert {cell.run.optimizer.momentum for cell in cells} == {0.5, 0.8}
    assert {cell.run.network.activation for cell in cells} == {"relu"}
    assert {cell.run.schedule.warmup for cell in cells} == {0.5}
    assert {cell.labels["momentum"] for cell in cells} == {0.5, 0.8}


def test_labels_that_are_whole_numbers_are_known(config: dict[str, Any]) -> None:
    plan = plan_of(config, relabel=[0, 1], repeat=2, momentum=1e-1, initial_bias=[0, 10])
    types = plan.label_types("grid")
    assert {name for name, kind in types.items() if kind is int} == {"relabel", "repeat"}
    assert (types["momentum"], types["batch"]) == (float, str)


def test_own_optimizers_build_on_a_base(config: dict[str, Any]) -> None:
    config["optimizers"] = {"slow": {"base": "adam", "beta2": 0.9}}
    plan = plan_of(config, optimizer=["adam", "slow"])
    rows = {cell.labels["optimizer"]: cell.run.optimizer for cell in plan.cells["grid"]}
    assert rows["slow"] == rows["adam"].model_copy(update={"beta2": 0.9})


def test_exclude_leaves_cells_out(config: dict[str, Any]) -> None:
    plan = plan_of(config, exclude=[{"optimizer": "adam", "batch_size": "full"}])
    points = {(c.labels["optimizer"], c.labels["batch"]) for c in plan.cells["grid"]}
    assert points == {("sgd", "32"), ("sgd", "full"), ("adam", "32")}


def test_measured_endpoints_are_those_asked_for(config: dict[str, Any]) -> None:
    plan = plan_of(
        config,
        spectra=[
            {"where": {"batchnorm": "off", "batch_size": ["full"]}, "seeds": 3},
            {"where": {"optimizer": "adam", "batch_size": 32}, "seeds": 1},
        ],
    )
    measured = plan.measured("spectra")
    by_key = {cell.key: cell.labels for cell in plan.cells["grid"]}
    seen = {
        (by_key[key]["optimizer"], by_key[key]["batch"], by_key[key]["batchnorm"]): seeds
        for groups in measured.values()
        for group in groups
        for key, seeds in group["units"].items()
    }
    assert seen == {
        ("sgd", "full", "off"): 3,
        ("adam", "full", "off"): 3,
        ("adam", "32", "off"): 1,
        ("adam", "32", "before"): 1,
    }
    assert plan.measured("audit") == {}
    assert plan.tables == {"grid.runs", "grid.curves", "grid.rates", "grid.spectra"}


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("batch_size", (32, "full")),
        ("batch", ("32", "full")),
        ("lr", (0.1, "tuned")),
        ("lr_policy", ("fixed", "tuned")),
        ("momentum", (0.5, 0.9)),
        ("architecture", ("dense",)),
        ("optimizer", ("adam",)),  # nothing is left of sgd
    ],
)
def test_a_plan_knows_the_values_of_axes_and_labels(
    config: dict[str, Any], name: str, values: tuple[Any, ...]
) -> None:
    plan = plan_of(config, momentum=[0.5, 0.9], lr=[0.1, "tuned"], exclude=[{"optimizer": "sgd"}])
    assert plan.values("grid", name) == values


def test_a_plan_knows_the_columns_of_tables(config: dict[str, Any]) -> None:
    plan = plan_of(config, momentum=[0.5, 0.9], spectra=[{"seeds": 1}])
    runs = plan.columns_of("grid.runs")
    assert runs is not None
    assert {"run_id", "momentum", "chosen", "score", "edge", "test_accuracy"} <= set(runs)
    assert "update" in (plan.columns_of("grid.curves") or ())
    assert "finalist" in (plan.columns_of("grid.rates") or ())
    spectra = plan.columns_of("grid.spectra")
    assert spectra is not None
    assert {*runs, "eigenvalues", "minimum_ratio"} <= {*spectra}


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (
            lambda plan: plan.values("gird", "lr"),
            "experiment 'gird' is unknown; did you mean 'grid'",
        ),
        (lambda plan: plan.values("grid", "bach"), "grid: label 'bach' .* did you mean 'batch'?"),
        (lambda plan: plan.columns_of("grid.spectra"), "table 'grid.spectra' is unknown"),
    ],
)
def test_what_a_plan_does_not_know_is_said(
    config: dict[str, Any], ask: Callable[[Plan], Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        ask(plan_of(config))


@pytest.mark.parametrize(
    ("grid", "said"),
    [
        ({"places": [{}]}, "experiments.grid.places: the dataset digits has no transform `shift`"),
        (
            {"spectra": [{"where": {"optimizer": "sgd"}}], "exclude": [{"optimizer": "sgd"}]},
            "experiments.grid.spectra: no cell matches",
        ),
        ({"spectra": [{"seeds": 4}]}, "endpoints of 4 units are to be measured"),
        ({"exclude": [{"optimizer": ["sgd", "adam"]}]}, "experiments.grid.exclude leaves no cell"),
        *(
            ({"loss": "class_number", kind: [{}]}, f"{kind}: the Hessian of the loss class_number")
            for kind in ("spectra", "audit", "stalls", "sharpness")
        ),
        ({"seeds": [{"where": {"optimizer": "sgd"}, "seeds": 4}]}, "a last entry without `where`"),
        ({"seeds": [{"where": {"optimizer": "x"}, "seeds": 4}, {"seeds": 2}]}, "'x' is none"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    config: dict[str, Any], grid: dict[str, Any], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        plan_of(config, **grid)


def test_cells_may_have_units_of_their_own(config: dict[str, Any]) -> None:
    plan = plan_of(
        config,
        seeds=[{"where": {"optimizer": "sgd", "batch_size": [32]}, "seeds": 40}, {"seeds": 10}],
        spectra=[{"seeds": 20}],
    )
    labels = {cell.key: cell.labels for cell in plan.cells["grid"]}
    for kind, many, few in (("runs", 40, 10), ("spectra", 20, 10)):
        for key, units in plan.units("grid", kind).items():
            chosen = (labels[key]["optimizer"], labels[key]["batch"]) == ("sgd", "32")
            assert len(units) == (many if chosen else few)


def test_endpoints_are_grouped_by_how_they_are_measured(config: dict[str, Any]) -> None:
    of_sgd, of_adam = ({"where": {"optimizer": name}} for name in ("sgd", "adam"))
    plan = plan_of(config, spectra=[of_sgd, of_adam | {"stalled": True}])
    # the default splits jobs by optimizer
    assert all(len(groups) == 1 for groups in plan.measured("spectra").values())
    found = [group["options"] for groups in plan.measured("spectra").values() for group in groups]
    assert {"stalled": False} in found
    assert {"stalled": True} in found


def test_a_dataset_is_split_for_every_unit_that_is_asked_of_it(config: dict[str, Any]) -> None:
    config["first_unit"] = 50
    config["datasets"]["other"] = config["datasets"]["digits"] | {"pca": 2}
    search = {"kind": "critical_search", "datasets": ["digits", "other"], "seeds": 5}
    config["analyses"] = {"search": search}
    given = plan_of(config)
    assert given.split_units("other") == [*range(50, 55)]
    config["experiments"]["grid"]["seeds"] = 8
    assert plan_of(config).split_units("digits") == [*range(50, 58)]
    # an analysis without seeds takes the first unit
    case = {"dataset": "other", "network": {"hidden": [2]}}
    config["analyses"] = {"expansion": {"kind": "taylor", "cases": {"one": case}}}
    assert plan_of(config).split_units("other") == [50]
