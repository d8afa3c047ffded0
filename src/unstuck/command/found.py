"""A run, and the answer to a claim, found among the results of studies."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unstuck.complaints import one_of, stopped
from unstuck.errors import DataError
from unstuck.files import MARK, checksum_path, read_json, read_parquet
from unstuck.study.load import load_study
from unstuck.study.paths import VERDICT
from unstuck.study.plan import Plan
from unstuck.training.curves import MEASURED
from unstuck.training.result import CURVES, RUNS
from unstuck.training.spec import RunSpec
from unstuck.wording import number

#: most evaluations of a curve that are shown
LOOKS = 11
_CURVE = ("update", "epoch", *MEASURED[:5])
_SPECTRUM = ("lambda_min", "lambda_max", "trace", "negative", "zero", "positive")
_ALONE = """\
import unstuck
run = unstuck.RunSpec.model_validate_json('''{run}''')
data = unstuck.Dataset.load("{folder}/data/{name}.safetensors", "{folder}/data/{name}.json")
print(unstuck.train([run], data).runs)    # its weights are in .endpoints
"""


@dataclass(frozen=True)
class Found:
    """A run among the results of a study: its row, its job's folder, and that of the study."""

    row: dict[str, Any]
    job: Path
    folder: Path


def studies(folder: Path) -> list[Path]:
    """Give a results folder, and those of other studies below it.

    Raises
    ------
    DataError
        If it holds none.
    """
    marks = [*folder.glob(MARK), *sorted(folder.glob(f"*/{MARK}"))]
    if not marks:
        raise DataError(f"{folder} holds no results; name their folder with --results.")
    return [mark.parent for mark in marks]


def find_run(run_id: str, folder: Path) -> Found:
    """Find a run by its id, or by as many of its first digits as tell it from others.

    Raises
    ------
    DataError
        If there is none, or more than one.
    """
    found: dict[str, Path] = {}
    for study in studies(folder):
        for table in sorted(study.glob(f"runs/*/{RUNS}")):
            ids = read_parquet(table, ["run_id"])["run_id"]
            for each in ids[ids.str.startswith(run_id)]:
                found.setdefault(each, table)
    if len(found) != 1:
        many = f"{len(found)} runs, such as {', '.join(sorted(found)[:3])}; give more of its digits"
        none = "no run; the column run_id of tables/*.runs.csv has them all"
        raise DataError(f"{run_id!r} is the beginning of {many if found else none}.")
    (run_id, table) = next(iter(found.items()))
    rows = read_parquet(table)
    rows = rows[rows["run_id"] == run_id].sort_values("chosen", ascending=False)
    row = {str(name): value for name, value in rows.iloc[0].dropna().items()}
    return Found(row, table.parent, table.parents[2])


def told(found: Found, study: str | None, code: str = "") -> Iterator[str]:
    """Tell what a run was and became: its row, its curve, its spectrum, how to train it alone.

    Parameters
    ----------
    study
        File of its study; if left out the one that its results name.
    code
        What of that study's code may run, as in `load_study`.
    """
    run_id = found.row["run_id"]
    yield f"Run {run_id} of {found.job}"
    for name, value in found.row.items():
        if name not in ("run_id", "code"):
            yield f"  {name:22}{_text(value)}"
    curve = read_parquet(found.job / CURVES).drop_duplicates(["run_id", "update"])
    curve = curve.loc[curve["run_id"] == run_id, list(_CURVE)]
    places = sorted({round(i * (len(curve) - 1) / (LOOKS - 1)) for i in range(LOOKS)})
    yield "\nIts curve\n" + curve.iloc[places].to_string(index=False, float_format="{:.4g}".format)
    measured = found.folder / "measurements" / found.job.name / "spectra.parquet"
    # its checksum tells a table that was lost from one that the study does not ask for
    asked = measured.exists() or checksum_path(measured).exists()
    spectra = read_parquet(measured) if asked else pd.DataFrame({"run_id": []})
    for _, row in spectra[spectra["run_id"] == run_id].head(1).iterrows():
        yield "\nThe Hessian of its training loss, where it stopped"
        yield from (f"  {name:22}{_text(row[name])}" for name in _SPECTRUM)
    yield "\nTo train it alone, to the same bits:\n"
    yield _alone(found, study, code)


def _text(value: Any) -> str:
    return number(value.item() if isinstance(value, np.generic) else value)


def _alone(found: Found, file: str | None, code: str) -> str:
    """Give a script that trains a run, from the study that says what it is."""
    file = file or read_json(found.folder / MARK)["source"]
    cells = (cell for held in Plan(load_study(file, code)).cells.values() for cell in held)
    recipe = next((cell.run for cell in cells if cell.key == found.row["cell"]), None)
    if recipe is None:
        raise DataError(f"{file} is not the study of this run; name it with --study.")
    run = recipe.at(found.row["lr"], int(found.row["seed"]))
    text = RunSpec.model_dump_json(run, exclude_none=True)
    return _ALONE.format(run=text, folder=found.folder, name=recipe.dataset)


def answered(claim: str, folder: Path, language: str) -> Iterator[str]:
    """Give question and answer of a claim that was judged, and the numbers behind it.

    Raises
    ------
    DataError
        If it was not judged.
    """
    judged = {
        path.parent.name: path
        for study in reversed(studies(folder))
        for path in sorted(study.glob(f"claims/*/{VERDICT}"))
    }
    if not judged:
        raise DataError(f"{folder} holds no claim that was judged; name its study with --results.")
    try:
        content = read_json(judged[one_of(claim, judged, what=f"{folder}: claim")])
    except ValueError as error:
        raise DataError(stopped(str(error))) from error
    yield f"{claim}  {content['question'][language]}\n\n{content['answer'][language]}\n"
    rows = pd.DataFrame(content["comparisons"]).reindex(
        columns=["role", "line", "word", "effect", "low", "high", "margin", "unit", "units"]
    )
    rows = rows[rows["role"].isin(["primary", "scope", "control"])]
    if len(rows):
        yield rows.to_string(index=False, na_rep="", float_format="{:.4g}".format)
    checks = pd.DataFrame(content["checks"]).reindex(columns=["role", "line", "value", "holds"])
    if len(checks):
        yield checks.to_string(index=False, na_rep="", float_format="{:.4g}".format)
