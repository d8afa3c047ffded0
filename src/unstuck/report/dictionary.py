"""The data dictionary: meaning, unit and type of every column of every table of a study.

``python -m unstuck.report.dictionary`` writes `docs/tables.md`, that of the default study.
"""

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from unstuck.claims import results
from unstuck.described import Column, Table, described
from unstuck.errors import DataError
from unstuck.files import write_text
from unstuck.study.analyses.base import AnalysisBase
from unstuck.study.experiment import Experiment
from unstuck.study.load import load_study
from unstuck.study.measurements.registry import MEASUREMENTS
from unstuck.study.overrides import ARGUMENT, OVERRIDES
from unstuck.study.plan import Plan
from unstuck.training.result import JobResult

PAGE = Path("docs/tables.md")

_TYPES: Mapping[type, str] = {str: "string", float: "number", int: "integer", bool: "boolean"}
#: labels of cells that no key of an experiment is called by
_LABELS: Mapping[str, str] = {
    "architecture": "Kind of the hidden layers.",
    "arguments": "Keyword argument of a network of kind `module`.",
    "batch": "Samples per update, as the study names them: a number, or full.",
    "lr_policy": "Whether the learning rate is tuned or fixed.",
}
_OWNER = Column("owner", "string", "", "Experiment or analysis whose table the row is of.")
_RUNS = described(JobResult)
_CLAIM = described(results.comparisons) | described(results.checks) | described(results.values)
_CLAIMS = described(results.verdicts) | described(results.answers)
#: what stands for the name of an experiment, and of a claim
EXPERIMENT, CLAIM = "EXPERIMENT", "ID"
AXES = f"tables/{EXPERIMENT}.*"

_HEAD = f"""# Every column of every table

Made from the docstrings of what makes the tables, and from the model of the configuration, by
`make docs`; do not edit. Paths are below `results/`; each is a CSV file, those of `tables/` and
`analyses/` also a Parquet file, which alone has the columns of type `array`. Beside each stands a
`.schema.json`, a [Table Schema](https://datapackage.org/standard/table-schema/) with the meaning,
unit and type of every column. An empty cell is a value that there is none of. `{EXPERIMENT}` and
`{CLAIM}` stand for the name of any experiment and the number of any claim.
"""


def dictionary(plan: Plan) -> dict[str, Table]:
    """Describe the tables of a study, by their path below its results without suffix.

    Tables of experiments, and of claims, are described once, under `EXPERIMENT` and `CLAIM`; the
    labels of cells, which they have besides, under `AXES`.

    Raises
    ------
    DataError
        If a column is described nowhere.
    """
    labels = _axes(plan)
    runs = _resolved(_RUNS, labels) | _resolved(described(Plan.runs), _all(_RUNS) | labels)
    measured = {
        kind: _resolved(described(model.run), {})[kind] for kind, model in MEASUREMENTS.items()
    }
    known = labels | _all(described(AnalysisBase.run))
    judged = _resolved(_CLAIM, {})
    return {
        **_resolved(_CLAIMS, _all(_CLAIM)),
        **{f"claims/{CLAIM}/{name}": table for name, table in judged.items()},
        "plan": runs.pop("plan"),
        **{f"tables/{EXPERIMENT}.{kind}": table for kind, table in (runs | measured).items()},
        AXES: Table(
            "Columns that tell runs apart, in the tables of the experiments that have them.",
            tuple(labels.values()),
        ),
        **{
            f"analyses/{name}/{table}": content
            for name, analysis in plan.study.analyses.items()
            for table, content in _resolved(described(type(analysis).run), known).items()
        },
    }


class Schemas:
    """The Table Schemas of a study's tables.

    Parameters
    ----------
    plan
        The study's plan.
    """

    def __init__(self, plan: Plan) -> None:
        self._tables = dictionary(plan)
        self._runs = _all({"": self._tables[f"tables/{EXPERIMENT}.runs"]})
        self._labels = {name: _axes(plan, [name]) for name in plan.study.experiments}

    def of(self, name: str, columns: Sequence[str], tables: Iterable[str] = ()) -> dict[str, Any]:
        """Give the schema of a table.

        Parameters
        ----------
        name
            Its path below the results, without suffix.
        columns
            Its columns, in their order.
        tables
            Of the values of a claim the tables that they are of, as ``owner.table``.

        Raises
        ------
        DataError
            If a column is described nowhere.
        """
        room, _, rest = name.partition("/")
        key, more = name, {}
        if room == "tables":
            experiment, _, kind = rest.partition(".")
            key, more = f"tables/{EXPERIMENT}.{kind}", self._runs | self._labels[experiment]
        elif room == "claims":
            key = f"claims/{CLAIM}/{rest.partition('/')[2]}"
            conditions = {"owner": _OWNER}
            for each in tables:
                owner, _, kind = each.partition(".")
                conditions |= self._labels.get(owner, {})
                for place in (f"analyses/{owner}/{kind}", f"tables/{EXPERIMENT}.{kind}"):
                    conditions |= _all({"": self._tables[place]}) if place in self._tables else {}
            # of several lines, and of an arm and a reference that differ in it
            more = {name: column._replace(type="string") for name, column in conditions.items()}
        elif room == "plan":
            axes = self._tables[AXES].columns
            # whole numbers stand beside empty cells
            more = {
                each.name: each._replace(type=each.type.replace("integer", "number"))
                for each in axes
            }
        table = self._tables[key]
        known = more | _all({"": table})
        fields = [_field(_known(column, known, name)) for column in columns]
        arrays = any(field["type"] == "array" for field in fields)
        return {
            "$schema": "https://datapackage.org/profiles/2.0/tableschema.json",
            "description": table.row,
            "fields": fields,
            # the CSV file lacks arrays
            **({"fieldsMatch": "superset"} if arrays else {}),
        }


def _field(column: Column) -> dict[str, str]:
    field = {"name": column.name, "type": column.type, "description": column.meaning}
    return field | ({"unit": column.unit} if column.unit else {})


def _axes(plan: Plan, experiments: Iterable[str] = ()) -> dict[str, Column]:
    """Describe the labels of some experiments' cells, of all if none is named."""
    found: dict[str, Column] = {}
    for name in experiments or plan.study.experiments:
        for label, kind in plan.label_types(name).items():
            key = "arguments" if label.startswith(ARGUMENT) else label
            fields = (OVERRIDES.get(key) or Experiment).model_fields
            meaning = _LABELS.get(key) or fields[key].description or ""
            found[label] = Column(label, _TYPES[kind], "", meaning)
    return found


def _all(tables: Mapping[str, Table]) -> dict[str, Column]:
    """Give the columns of some tables by name, as the first that describes them has them."""
    found: dict[str, Column] = {}
    for table in tables.values():
        for column in table.columns:
            if column.meaning:
                found.setdefault(column.name, column)
    return found


def _resolved(tables: Mapping[str, Table], known: Mapping[str, Column]) -> dict[str, Table]:
    """Describe what tables only name, by the other tables or by what is known besides."""
    every = {**known, **_all(tables)}
    return {
        name: Table(
            table.row,
            tuple(
                column if column.meaning else _known(column.name, every, name)
                for column in table.columns
            ),
        )
        for name, table in tables.items()
    }


def _known(name: str, columns: Mapping[str, Column], table: str) -> Column:
    if name not in columns:
        raise DataError(
            f"the column {name} of the table {table} is described nowhere; say what it is in the "
            "docstring of what makes the table."
        )
    return columns[name]


def sections(plan: Plan) -> list[tuple[list[str], Table]]:
    """Give the dictionary as a reader wants it: each table once, with all that are like it."""
    found: dict[Table, list[str]] = {}
    for name, table in dictionary(plan).items():
        found.setdefault(table, []).append(name)
    return [(names, table) for table, names in found.items()]


def page(plan: Plan) -> str:
    """Give the dictionary as a Markdown page."""
    lines = [_HEAD.rstrip()]
    for names, table in sections(plan):
        lines += ["", f"## {', '.join(f'`{name}`' for name in names)}", "", table.row, ""]
        lines += ["| column | type | unit | meaning |", "| --- | --- | --- | --- |"]
        for column in table.columns:
            meaning = column.meaning.replace("|", "\\|")
            lines.append(f"| `{column.name}` | {column.type} | {column.unit} | {meaning} |")
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    write_text(PAGE, page(Plan(load_study("config.yaml"))))
