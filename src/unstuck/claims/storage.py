"""Evidence on disk: JSON for what is said, CSV for what is measured.

``values.csv`` has one row per contrast and seed, so that a reader with a table program alone can
recompute every verdict against the margins in ``contrasts.csv``.
"""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from unstuck.claims.evidence import Check, Contrast, Evidence, Source, condition_text
from unstuck.errors import DataError
from unstuck.files import read_json, write_csv, write_json

VALUE_COLUMNS = (
    "claim",
    "measure",
    "contrast",
    "dataset",
    "condition",
    "role",
    "usable",
    "seed",
    "value",
)
_KINDS = {"b": "bool", "i": "int64", "f": "float64"}


def table_digest(table: pd.DataFrame) -> str:
    """Give the SHA-256 of a table written as CSV, lists in it as JSON."""
    plain = table.copy()
    for name in plain.columns:
        if plain[name].dtype == object:
            plain[name] = plain[name].map(_plain_cell)
    text = plain.to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def save_evidence(evidence: Evidence, folder: str | Path) -> None:
    """Write ``evidence.json``, ``values.csv`` and one CSV file per table into a folder.

    CSV files of an earlier evaluation that has other tables are removed.
    """
    place = Path(folder)
    files = {f"{name}.csv": table for name, table in evidence.tables.items()}
    files["values.csv"] = _values(evidence)
    place.mkdir(parents=True, exist_ok=True)
    for stale in place.glob("*.csv"):
        if stale.name not in files:
            stale.unlink()
    for name in sorted(files):
        write_csv(place / name, files[name])
    write_json(place / "evidence.json", _description(evidence))


def load_evidence(folder: str | Path) -> Evidence:
    """Read what `save_evidence` wrote.

    Raises
    ------
    DataError
        If a file is missing or does not fit the others.
    """
    place = Path(folder)
    content = read_json(place / "evidence.json")
    try:
        values = _read_table(place / "values.csv", _values_kinds())
        tables = {
            name: _read_table(place / f"{name}.csv", kinds)
            for name, kinds in content["tables"].items()
        }
        return Evidence(
            claim=content["claim"],
            contrasts=tuple(_contrast(entry, values) for entry in content["contrasts"]),
            checks=tuple(Check(**entry) for entry in content["checks"]),
            tables=tables,
            numbers=content["numbers"],
            sources=tuple(Source(**entry) for entry in content["sources"]),
        )
    except (DataError, KeyError, TypeError, ValueError, OSError) as error:
        reason = " ".join(str(error).split()).rstrip(".")
        raise DataError(
            f"{place} does not hold whole evidence ({reason}); "
            "delete it and run snakemake again to make it anew."
        ) from error


def _values(evidence: Evidence) -> pd.DataFrame:
    rows = [
        (
            evidence.claim,
            contrast.measure,
            contrast.name,
            contrast.dataset,
            condition_text(contrast.condition),
            contrast.role,
            contrast.usable,
            seed,
            value,
        )
        for contrast in evidence.contrasts
        for seed, value in zip(contrast.seeds, contrast.values, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(VALUE_COLUMNS))


def _values_kinds() -> dict[str, str]:
    kinds = dict.fromkeys(VALUE_COLUMNS, "str")
    return {**kinds, "usable": "bool", "seed": "int64", "value": "float64"}


def _description(evidence: Evidence) -> dict[str, Any]:
    return {
        "claim": evidence.claim,
        "contrasts": [
            {
                "measure": contrast.measure,
                "name": contrast.name,
                "dataset": contrast.dataset,
                "condition": dict(contrast.condition),
                "role": contrast.role,
                "usable": contrast.usable,
                "note": contrast.note,
                "seeds": len(contrast.seeds),
                # JSON has no infinity
                "ceiling": contrast.ceiling if np.isfinite(contrast.ceiling) else None,
                "splits": contrast.splits,
            }
            for contrast in evidence.contrasts
        ],
        "checks": [
            {
                "name": check.name,
                "value": check.value,
                "expected": check.expected,
                "tolerance": check.tolerance,
                "condition": dict(check.condition),
                "role": check.role,
            }
            for check in evidence.checks
        ],
        "tables": {name: _kinds(table) for name, table in evidence.tables.items()},
        "numbers": dict(evidence.numbers),
        "sources": [vars(source) for source in evidence.sources],
    }


def _contrast(entry: Mapping[str, Any], values: pd.DataFrame) -> Contrast:
    known = {key: value for key, value in entry.items() if key not in ("seeds", "ceiling")}
    ceiling = float("inf") if entry["ceiling"] is None else entry["ceiling"]
    rows = values[
        (values["measure"] == entry["measure"])
        & (values["contrast"] == entry["name"])
        & (values["dataset"] == entry["dataset"])
        & (values["condition"] == condition_text(entry["condition"]))
        & (values["role"] == entry["role"])
    ]
    if len(rows) != entry["seeds"]:
        raise ValueError(
            f"values.csv has {len(rows)} rows of {entry['name']!r}, not {entry['seeds']}"
        )
    return Contrast(
        **known, ceiling=ceiling, seeds=tuple(rows["seed"]), values=tuple(rows["value"])
    )


def _kinds(table: pd.DataFrame) -> dict[str, str]:
    return {str(name): _KINDS.get(table[name].dtype.kind, "str") for name in table.columns}


def _read_table(path: Path, kinds: Mapping[str, str]) -> pd.DataFrame:
    """Read a CSV file as words, and convert those by what the columns are known to hold.

    Parsers of floats differ between versions of pandas; Python's is exact.
    """
    words = pd.read_csv(path, dtype="str", keep_default_na=False, na_filter=False)
    if set(words.columns) != set(kinds):
        raise ValueError(f"{path.name} has columns {', '.join(words.columns)}")
    return pd.DataFrame({name: _converted(words[name], kinds[name]) for name in words.columns})


def _converted(words: "pd.Series[str]", kind: str) -> "pd.Series[Any]":
    if kind == "str":
        return words
    if kind == "float64":
        numbers = [float(word) if word else np.nan for word in words]
        return pd.Series(numbers, dtype="float64")
    if kind == "int64":
        return words.astype("int64")
    unknown = set(words) - {"True", "False"}
    if unknown:
        raise ValueError(f"{words.name} holds {sorted(unknown)[0]!r}, neither True nor False")
    return words == "True"


def _plain_cell(cell: object) -> object:
    if isinstance(cell, np.ndarray):
        return json.dumps(cell.tolist())
    return json.dumps(cell) if isinstance(cell, list | tuple | dict) else cell
