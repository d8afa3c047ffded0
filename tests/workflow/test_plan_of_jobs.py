"""What a change makes Snakemake plan again: just what it touches."""

from typing import Any

import pytest
from checkout import SMOKE, Checkout

Config = dict[str, Any]


def test_a_finished_study_is_seen_as_finished(finished: Checkout) -> None:
    assert finished.planned(SMOKE) == {}


@pytest.mark.parametrize("text", ["title", "description", "experiment"])
def test_a_text_retrains_nothing(finished: Checkout, text: str) -> None:
    def change(config: Config) -> None:
        if text == "experiment":
            config["experiments"]["grid"]["description"] = "Other words."
        else:
            config[text] = "Other words."

    planned = finished.planned(finished.study(change))
    assert not planned.keys() & {"dataset", "train", "curvature", "table", "evidence", "figure"}
    assert ("report" in planned) == (text != "experiment")


def test_a_caption_retrains_nothing(finished: Checkout) -> None:
    registry = next((finished.folder / "workflow/claims").glob("1.2*.yaml"))
    text = registry.read_text()
    try:
        registry.write_text(text.replace("did:\n", "did:\n", 1) + "\n# a remark\n")
        planned = finished.planned(SMOKE)
    finally:
        registry.write_text(text)
    assert not planned.keys() & {"dataset", "train", "curvature", "table"}


def test_a_new_value_of_a_splitting_axis_plans_only_its_jobs(finished: Checkout) -> None:
    def change(config: Config) -> None:
        config["networks"]["wide"] = {"kind": "dense", "hidden": [8]}
        config["experiments"]["grid"]["network"] = ["small", "wide"]

    planned = finished.planned(finished.study(change))
    assert planned["train"] == {"job=digits-wide", "job=mnist1d-wide"}
    assert {job.partition(",")[0] for job in planned["curvature"]} <= planned["train"]
    assert "dataset" not in planned


def test_a_new_seed_reopens_its_jobs_and_trains_only_what_is_new(finished: Checkout) -> None:
    def change(config: Config) -> None:
        for name in config["experiments"]:
            config["experiments"][name]["seeds"] = 3

    study = finished.study(change)
    target = "results/smoke/runs/digits-small/runs.parquet"
    assert finished.planned(study, target) == {"train": {"job=digits-small"}}


def test_a_change_of_one_dataset_leaves_the_other_alone(finished: Checkout) -> None:
    def change(config: Config) -> None:
        config["datasets"]["mnist1d"]["test"] = 160

    planned = finished.planned(finished.study(change))
    assert planned["dataset"] == {"dataset=mnist1d"}
    assert planned["train"] == {"job=mnist1d-small"}


def test_a_change_of_code_is_planned_and_one_of_a_docstring_is_not(finished: Checkout) -> None:
    module = finished.folder / "src/unstuck/optim/update.py"
    text = module.read_text()
    try:
        module.write_text(text.replace('"""', '"""Changed. ', 1) + "\n# a comment\n")
        assert "train" not in finished.planned(SMOKE)
        module.write_text(text + "\nCHANGED = True\n")
        assert finished.planned(SMOKE)["train"] == {"job=digits-small", "job=mnist1d-small"}
    finally:
        module.write_text(text)
