"""The smoke study from nothing to its answers, twice, to the same bytes."""

import hashlib
import json
import shutil
import zipfile
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from checkout import REPOSITORY, SMOKE, Checkout, copy_finished, copy_repository, reproducible
from pyarrow import parquet

from unstuck.report.dictionary import sections
from unstuck.study.load import load_study
from unstuck.study.plan import Plan


def digests(checkout: Checkout) -> dict[str, str]:
    root = checkout.folder / "results/smoke"
    return {
        name: hashlib.sha256((root / name).read_bytes()).hexdigest() for name in reproducible(root)
    }


def test_two_runs_give_the_same_bytes(finished: Checkout, tmp_path: Path) -> None:
    again = copy_repository(tmp_path / "elsewhere", finished.folder)
    again.snakemake("--configfile", SMOKE)
    first, second = digests(finished), digests(again)
    assert len(first) > 50
    assert first.keys() == second.keys()
    assert [name for name in first if first[name] != second[name]] == []


def test_every_claim_has_a_verdict_an_answer_and_a_figure(finished: Checkout) -> None:
    root = finished.folder / "results/smoke"
    verdicts = pd.read_csv(root / "verdicts.csv", dtype={"claim": str, "section": str})
    claims = ["1.1.3", "1.1.4", "1.1.6", "1.2.5", "2.2.2", "2.2.3"]
    assert list(dict.fromkeys(verdicts["claim"])) == claims
    assert list(pd.read_csv(root / "answers.csv", dtype=str)["claim"]) == claims
    page = (root / "answers.md").read_text()
    for claim in claims:
        assert f"**{claim} " in page
        assert (root / f"figures/{claim}.svg").stat().st_size > 1000
        assert (root / f"claims/{claim}/verdict.json").exists()


def test_the_report_of_snakemake_has_every_figure_and_page(
    finished: Checkout, tmp_path: Path
) -> None:
    finished.snakemake("--report", str(tmp_path / "report.zip"), "--configfile", SMOKE)
    with zipfile.ZipFile(tmp_path / "report.zip") as packed:
        names = [Path(name) for name in packed.namelist()]
    root = finished.folder / "results/smoke"
    figures = {path.name for path in (root / "figures").glob("*.svg") if ".zh." not in path.name}
    pages = {str(path.relative_to(root / "report")) for path in (root / "report").rglob("*.html")}
    # each lies in a folder of its own, below data/raw
    assert figures <= {path.name for path in names}
    assert pages <= {"/".join(path.parts[4:]) for path in names}


def test_a_claim_of_a_users_own_is_judged_and_drawn(finished: Checkout, tmp_path: Path) -> None:
    shutil.copytree(REPOSITORY / "docs/examples/my-claims", tmp_path / "my-claims")
    copy = copy_finished(finished)

    def change(config: dict[str, Any]) -> None:
        config["claims"] = ["all", f"{tmp_path}/my-claims/*.yaml"]

    root = "results/smoke"
    wanted = [f"{root}/figures/x.1.svg", f"{root}/answers.md"]
    done = copy.snakemake(*wanted, "--configfile", copy.study(change))
    assert "Training" not in done.stdout + done.stderr
    assert (copy.folder / root / "figures/x.1.svg").stat().st_size > 1000
    assert "**x.1 Do small batches test better" in (copy.folder / root / "answers.md").read_text()


def test_two_units_decide_no_measured_claim(finished: Checkout) -> None:
    verdicts = pd.read_csv(finished.folder / "results/smoke/verdicts.csv", dtype={"claim": str})
    trained = verdicts[verdicts["claim"] == "1.2.5"]
    assert set(trained["word"]) <= {"undecided", "not tested here"}


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
    values = pd.read_csv(root / "claims/1.2.5/values.csv")
    assert set(values["run_id"]) <= set(jobs["run_id"])


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


FITS = {
    "string": lambda texts: True,
    "boolean": lambda texts: texts.isin(["True", "False"]).all(),
    "integer": lambda texts: texts.str.fullmatch(r"-?\d+").all(),
    "array": lambda texts: texts.empty,
    "number": lambda texts: pd.to_numeric(texts, errors="coerce").notna().all(),
}


def test_every_column_is_what_its_schema_says(finished: Checkout) -> None:
    root = finished.folder / "results/smoke"
    tables = [path for path in root.rglob("*.csv") if "report" not in path.parts]
    assert len(tables) > 50
    for path in tables:
        table = pd.read_csv(path, dtype=str, keep_default_na=False)
        fields = json.loads(path.with_suffix(".schema.json").read_text())["fields"]
        # lists are in the Parquet file alone, but for a table without a row
        flat = [field for field in fields if field["type"] != "array" or field["name"] in table]
        assert [field["name"] for field in flat] == list(table), path
        if (whole := path.with_suffix(".parquet")).exists():
            assert [field["name"] for field in fields] == parquet.read_schema(whole).names
        for field in flat:
            texts = table[field["name"]]
            assert FITS[field["type"]](texts[texts != ""]), f"{path}: {field}"
            assert field["description"].endswith("."), f"{path}: {field}"


def test_nothing_is_described_that_no_table_has(finished: Checkout) -> None:
    root = finished.folder / "results/smoke"
    for names, table in sections(Plan(load_study(REPOSITORY / SMOKE))):
        there = {
            field["name"]
            for name in names
            for file in root.glob(
                f"{name.replace('EXPERIMENT', '*').replace('ID', '*')}.schema.json"
            )
            for field in json.loads(file.read_text())["fields"]
        }
        described = {column.name for column in table.columns}
        assert described <= there or not there, names


def test_a_value_that_is_of_a_run_has_its_run_id(finished: Checkout) -> None:
    root = finished.folder / "results/smoke"
    known = set()
    for path in root.glob("tables/*.runs.csv"):
        known |= set(pd.read_csv(path)["run_id"])
    values = pd.read_csv(root / "claims/1.2.5/values.csv")
    assert len(values)
    assert set(values["run_id"]) <= known
