"""What a change makes Snakemake plan again: just what it touches."""

from typing import Any

import pandas as pd
import pytest
from checkout import SMOKE, Checkout, Planned, copy_finished

from unstuck.claims.planning import planned_claims
from unstuck.command.work import work_of
from unstuck.study.load import load_study
from unstuck.study.plan import Plan
from unstuck.training.result import MEASUREMENTS

Config = dict[str, Any]


TRAINING = "Training the runs of "
JUDGING = "Judging claim {}, and drawing its figure"


def trained(planned: Planned) -> set[str]:
    """Names of the training jobs that a dry run would run."""
    return {m.removeprefix(TRAINING) for m in planned.messages if m.startswith(TRAINING)}


def test_a_finished_study_is_seen_as_finished(finished: Checkout) -> None:
    assert finished.planned(SMOKE).counts == {}


def test_the_command_counts_every_job(finished: Checkout) -> None:
    plan = Plan(load_study(finished.folder / SMOKE))
    judged = planned_claims(plan.study.claims, finished.folder / "workflow/claims", plan)
    counts = finished.planned(SMOKE, "--forceall").counts
    assert len(work_of(plan, judged)) == sum(counts.values())


@pytest.mark.parametrize("text", ["description", "experiment"])
def test_a_text_retrains_nothing(finished: Checkout, text: str) -> None:
    def change(config: Config) -> None:
        if text == "experiment":
            config["experiments"]["grid"]["description"] = "Other words."
        else:
            config[text] = "Other words."

    assert finished.planned(finished.study(change)).rules <= {"all", "report"}


@pytest.mark.parametrize(
    ("key", "rules"),
    [
        ("statement:", set()),
        ("question:", {"claim", "answers"}),
    ],
)
def test_a_text_of_a_claim_judges_it_alone(finished: Checkout, key: str, rules: set[str]) -> None:
    file = next((finished.folder / "workflow/claims/1.2").glob("1.2.5*.yaml"))
    text = file.read_text()
    try:
        # the first word of the English text under the key
        head, found, tail = text.partition(f"\n{key}\n  en: ")
        assert found
        file.write_text(head + found + tail.replace(" ", " indeed ", 1))
        planned = finished.planned(SMOKE)
    finally:
        file.write_text(text)
    assert planned.rules >= rules
    assert not trained(planned)
    others = {each for each in planned.messages if each.startswith("Judging claim ")}
    assert others <= {JUDGING.format("1.2.5")}


def test_a_new_value_of_a_splitting_axis_plans_only_its_jobs(finished: Checkout) -> None:
    def change(config: Config) -> None:
        config["networks"]["wide"] = {"kind": "dense", "hidden": [8]}
        config["experiments"]["grid"]["network"] = ["small", "wide"]

    planned = finished.planned(finished.study(change))
    assert trained(planned) == {"grid-digits-wide", "grid-mnist1d-wide"}
    assert planned.counts["train"] == 2
    assert not any("digits-small" in message for message in planned.messages)
    assert "dataset" not in planned.rules


def test_a_new_seed_reopens_its_job_and_trains_only_what_is_new(finished: Checkout) -> None:
    def change(config: Config) -> None:
        for experiment in config["experiments"].values():
            experiment["seeds"] = 3

    study = finished.study(change)
    target = "results/smoke/runs/grid-digits-small/runs.parquet"
    assert trained(finished.planned(study, target)) == {"grid-digits-small"}
    again = copy_finished(finished)
    before = pd.read_parquet(again.folder / target)
    again.snakemake(target, "--configfile", study)
    after = pd.read_parquet(again.folder / target)
    said = (again.folder / "results/smoke/logs/train/grid-digits-small.log").read_text()
    new = set(after["run_id"]) - set(before["run_id"])
    measured = ["run_id", *MEASUREMENTS]
    held = [table.drop_duplicates("run_id")[measured] for table in (before, after)]
    old, kept = (table.set_index("run_id").sort_index() for table in held)
    assert new
    assert set(after.loc[after["run_id"].isin(new), "seed"]) == {2}
    pd.testing.assert_frame_equal(kept.loc[old.index], old)
    updates = after.drop_duplicates("run_id").set_index("run_id")["updates"][sorted(new)].sum()
    assert f"{int(updates):,} of {int(updates):,} updates" in said


def test_a_change_of_one_dataset_leaves_the_other_alone(finished: Checkout) -> None:
    def change(config: Config) -> None:
        config["datasets"]["mnist1d"]["test"] = 160

    planned = finished.planned(finished.study(change))
    assert "Preparing the dataset mnist1d" in planned.messages
    assert "Preparing the dataset digits" not in planned.messages
    assert trained(planned) == {"batch-mnist1d-small", "grid-mnist1d-small"}


@pytest.mark.parametrize(
    ("module", "claims"),
    [
        ("claims/reductions/rates.py", {"1.2.5", "2.2.2"}),
        ("figures/pen.py", {"1.2.5", "2.2.2"}),
    ],
)
def test_a_change_of_a_helper_is_planned(finished: Checkout, module: str, claims: set[str]) -> None:
    file = finished.folder / "src/unstuck" / module
    text = file.read_text()
    try:
        file.write_text(text + "\nCHANGED = True\n")
        planned = finished.planned(SMOKE)
    finally:
        file.write_text(text)
    assert {JUDGING.format(claim) for claim in claims} <= planned.messages
    assert not trained(planned)


def test_a_change_of_code_is_planned_and_one_of_a_docstring_is_not(finished: Checkout) -> None:
    module = finished.folder / "src/unstuck/optim/update.py"
    text = module.read_text()
    try:
        module.write_text(text.replace('"""', '"""Changed. ', 1) + "\n# a comment\n")
        assert finished.planned(SMOKE).counts == {}
        module.write_text(text + "\nCHANGED = True\n")
        jobs = {folder.name for folder in (finished.folder / "results/smoke/runs").iterdir()}
        assert trained(finished.planned(SMOKE)) == jobs
    finally:
        module.write_text(text)


@pytest.mark.parametrize(
    ("module", "rules", "spared"),
    [
        # which tuning calls
        ("statistics/arrival.py", {"train", "runs"}, {"dataset"}),
        (
            "study/analyses/critical_points/ladder.py",
            {"analysis_ladder"},
            {"train", "measurement", "runs", "table"},
        ),
        # of a kind that the study does not name
        ("study/analyses/critical_points/taylor.py", set(), {"all"}),
        ("study/tables.py", {"runs", "table"}, {"train", "measurement", "dataset"}),
        ("figures/kinds/arms.py", {"claim"}, {"train", "runs", "measurement"}),
        ("report/verification.py", set(), {"all", "claim"}),
    ],
)
def test_a_change_is_planned_where_a_script_leads_to_it(
    finished: Checkout, module: str, rules: set[str], spared: set[str]
) -> None:
    file = finished.folder / "src/unstuck" / module
    text = file.read_text()
    try:
        file.write_text(text + "\nCHANGED = True\n")
        planned = finished.planned(SMOKE)
    finally:
        file.write_text(text)
    assert rules <= planned.rules
    assert not spared & planned.rules
