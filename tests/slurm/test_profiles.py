"""The cluster profiles fit the workflow; `make test-slurm` runs them on a real Slurm."""

import re
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
CLUSTER = ("slurm", "slurm-arrays")


def profile(name: str) -> dict[str, object]:
    return yaml.safe_load((ROOT / "profiles" / name / "config.yaml").read_text())


def rules() -> set[str]:
    sources = [ROOT / "Snakefile", *(ROOT / "workflow" / "rules").glob("*.smk")]
    found = (re.findall(r"^rule (\w+):", source.read_text(), re.MULTILINE) for source in sources)
    return {rule for each in found for rule in each}


@pytest.mark.parametrize("name", CLUSTER)
def test_no_key_is_lost_to_the_default_profile(name):
    # Snakemake loads profiles/default beside --profile, and its keys win
    assert not profile(name).keys() & profile("default").keys()


@pytest.mark.parametrize("name", CLUSTER)
def test_every_rule_that_a_profile_names_exists(name):
    # Snakemake ignores settings of rules that it does not know
    keys = profile(name)
    named = {*keys.get("set-threads", {}), *keys.get("set-resources", {})}
    named.update(filter(None, re.split(r"[,\s]+", keys.get("slurm-array-jobs", ""))))
    assert named <= rules()


def test_arrays_come_without_a_limit_of_jobs():
    # the executor holds an array back until it is whole, which a limit prevents for ever
    assert profile("slurm-arrays")["jobs"] == "unlimited"
