"""The data dictionary: every table of a kind is in it, and its page is what is made."""

import re
from pathlib import Path

import pytest

from unstuck.described import described
from unstuck.errors import DataError
from unstuck.report import dictionary
from unstuck.study.analyses.kinds import KINDS
from unstuck.study.load import load_study
from unstuck.study.measurements.registry import MEASUREMENTS
from unstuck.study.plan import Plan
from unstuck.yaml_files import read_yaml

REPOSITORY = Path(__file__).parents[2]
SHIPPED = ("config.yaml", "workflow/studies/smoke.yaml", "workflow/studies/full.yaml")


@pytest.fixture(scope="module")
def plan():
    return Plan(load_study(REPOSITORY / "config.yaml"))


def test_the_page_has_not_drifted(plan):
    text = (REPOSITORY / dictionary.PAGE).read_text(encoding="utf-8")
    assert text == dictionary.page(plan), "run `make docs`"


@pytest.mark.parametrize("kind", KINDS)
def test_every_table_of_an_analysis_is_described(kind):
    assert tuple(described(KINDS[kind].run)) == KINDS[kind].tables


@pytest.mark.parametrize("name", MEASUREMENTS)
def test_every_column_of_a_measurement_is_described(name):
    model = MEASUREMENTS[name]
    found = {
        table: [each.name for each in made.columns] for table, made in described(model.run).items()
    }
    assert found.keys() == {name}
    assert sorted(found[name]) == sorted(model.columns)


@pytest.mark.parametrize("kind", ["runs", "curves", "rates", "spectra"])
def test_columns_of_an_experiment_have_a_schema_in_their_order(plan, kind):
    columns = plan.columns_of(f"grid.{kind}")
    schema = dictionary.Schemas(plan).of(f"tables/grid.{kind}", columns)
    assert [field["name"] for field in schema["fields"]] == list(columns)
    assert all(field["description"] and field["type"] for field in schema["fields"])


def test_conditions_of_a_claim_are_described_by_the_tables_that_it_reads(plan):
    conditions = ["distance", "batch", "owner", "surface", "radius"]
    tables = ["anywhere.places", "gallery.points"]
    schema = dictionary.Schemas(plan).of("claims/x.1/values", ["value", *conditions], tables)
    value, *others = schema["fields"]
    assert value["type"] == "number"
    # where an arm differs from its reference the value is no number
    assert {field["type"] for field in others} == {"string"}


def test_a_column_that_nothing_describes_is_named(plan):
    with pytest.raises(DataError, match="the column lrr of the table tables"):
        dictionary.Schemas(plan).of("tables/grid.runs", ["run_id", "lrr"])


def test_every_text_of_the_shipped_studies_has_chinese_and_no_other():
    """What stands in English in docstrings and studies, and is read on Chinese pages."""
    studies = [load_study(REPOSITORY / file) for file in SHIPPED]
    texts = {
        text
        for study in studies
        for each in (study, *study.experiments.values(), *study.analyses.values())
        for text in (getattr(each, "title", ""), each.description)
    }
    for study in studies:
        for _, table in dictionary.sections(Plan(study)):
            texts |= {table.row, *(text for row in table.columns for text in row[2:])}
    known = read_yaml(REPOSITORY / "workflow/report/site/chinese.yaml")["texts"]
    assert sorted(texts - {""}) == sorted(text["en"] for text in known)
    assert [text["en"] for text in known if re.search("([A-Za-z]{2,} ){4,}", text["zh"])] == []
