"""The smoke study from nothing to its report, twice, to the same bytes."""

import hashlib
import json
from pathlib import Path

import pandas as pd
import pytest
from checkout import SMOKE, Checkout, copy_repository

NOT_REPRODUCIBLE = {"logs", "benchmarks"}


def digests(checkout: Checkout) -> dict[str, str]:
    root = checkout.folder / "results/smoke"
    return {
        str(file.relative_to(root)): hashlib.sha256(file.read_bytes()).hexdigest()
        for file in sorted(root.rglob("*"))
        if file.is_file()
        and file.relative_to(root).parts[0] not in NOT_REPRODUCIBLE
        and file.name != ".snakemake_timestamp"
    }


def test_two_runs_give_the_same_bytes(finished: Checkout, tmp_path: Path) -> None:
    again = copy_repository(tmp_path / "elsewhere", finished.folder)
    again.snakemake("--configfile", SMOKE)
    first, second = digests(finished), digests(again)
    assert len(first) > 50
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_every_claim_has_a_verdict_a_figure_and_a_page(finished: Checkout) -> None:
    root = finished.folder / "results/smoke"
    verdicts = pd.read_csv(root / "verdicts.csv", dtype={"id": str, "section": str})
    columns = ["id", "slug", "section", "kind", "verdict", "effect", "unit", "ci_low", "ci_high"]
    columns += ["margin", "seeds", "control", "dataset"]
    assert set(columns) <= set(verdicts.columns)
    assert {"1.1.4", "1.1.6", "1.2.5", "2.1.12", "2.2.2"} == set(verdicts["id"])
    for claim in verdicts["id"]:
        assert (root / f"figures/{claim}.svg").stat().st_size > 1000
        assert (root / f"figures/{claim}.png").stat().st_size > 1000
        assert (root / f"evidence/{claim}/evidence.json").exists()
    index = (root / "report/index.html").read_text()
    assert all(claim in index for claim in verdicts["id"])


def test_two_seeds_decide_no_measured_claim(finished: Checkout) -> None:
    verdicts = pd.read_csv(finished.folder / "results/smoke/verdicts.csv")
    measured = verdicts[verdicts["kind"] == "measured"]
    assert set(measured["verdict"]) <= {"inconclusive", "invalid"}


def test_nothing_in_the_results_names_this_machine(finished: Checkout) -> None:
    root = finished.folder / "results/smoke"
    needle = str(finished.folder).encode()
    for name in digests(finished):
        assert needle not in (root / name).read_bytes(), name


def test_every_point_of_a_table_leads_to_its_run(finished: Checkout) -> None:
    root = finished.folder / "results/smoke"
    spectra = pd.read_parquet(root / "tables/grid.spectra.parquet")
    jobs = pd.concat(pd.read_parquet(path) for path in root.glob("runs/*/runs.parquet"))
    assert len(spectra)
    assert set(spectra["run_id"]) <= set(jobs["run_id"])
    evidence = json.loads((root / "evidence/1.1.6/evidence.json").read_text())
    assert "grid.spectra" in json.dumps(evidence)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"experiments": {"grid": {"dataset": "digits"}}}, "title is missing"),
        ({"titel": "x"}, "did you mean 'title'?"),
    ],
)
def test_a_wrong_study_ends_in_one_sentence(
    finished: Checkout, change: dict[str, object], words: str
) -> None:
    if "titel" in change:
        study = finished.study(lambda config: config.update(change))
    else:
        study = finished.study(lambda config: (config.clear(), config.update(change)))
    done = finished.snakemake("--dry-run", "--configfile", study, check=False)
    said = done.stdout + done.stderr
    assert done.returncode == 1
    assert words in said
    assert "Traceback" not in said
