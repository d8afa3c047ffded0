"""The reference of a study: its words, effects and files' digests, and where it was computed."""

import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Self

import pandas as pd

from unstuck.claims.planning import Planned, planned_claims
from unstuck.errors import DataError
from unstuck.files import (
    MARK,
    checksummed,
    read_json,
    require_whole,
    sha256_of,
    write_csv,
    write_json,
)
from unstuck.study.digests import digest, package_digest
from unstuck.study.load import load_study
from unstuck.study.measurements.registry import MEASUREMENTS
from unstuck.study.paths import ROOMS, VERDICT, Paths
from unstuck.study.plan import Plan
from unstuck.training.result import CURVES, ENDPOINTS, RATES, RUNS

EFFECTS, DIGESTS = "effects.csv", "digests.json"
#: of every part of a primary: the claim's word, and its effect where it has one
COLUMNS = ("claim", "word", "part", "effect", "low", "high", "unit")

#: packages whose version may decide a byte of a result
PACKAGES = (
    *("matplotlib", "mlxtend", "mnist1d", "numpy", "pandas", "pyarrow", "safetensors"),
    *("scikit-learn", "scipy", "seaborn", "statsmodels", "torch"),
)
#: code that decides no byte of a result
BESIDE = ("__init__.py", "command", "report", "errors.py", "logs.py", "*/documentation.py")
#: what Snakemake leaves in a folder that a rule makes
TIMESTAMP = ".snakemake_timestamp"
#: variables by which a user chooses kernels of the libraries
KERNELS = ("ATEN_CPU_CAPABILITY", "MKL_ENABLE_INSTRUCTIONS", "OPENBLAS_CORETYPE")


@dataclass(frozen=True)
class Finished:
    """A finished study on disk."""

    plan: Plan
    judged: Mapping[str, Planned]
    folder: Path  # that the results folder of the study lies in

    @classmethod
    def of(
        cls, configfile: str | Path, claims: Path, folder: str | Path = ".", code: str = ""
    ) -> Self:
        """Read the study of a file, and the claims in the folder of those of this project."""
        place = Path(folder)
        plan = Plan(load_study(place / configfile, code))
        return cls(plan, planned_claims(plan.study.claims, claims, plan), place)

    @property
    def timings(self) -> frozenset[str]:
        """Ids of claims whose word rests on a timing, which is never the same again."""
        return frozenset(
            claim
            for claim, planned in self.judged.items()
            if any(self._timed(part.tables) for part in planned.claim.parts.values())
        )

    def _timed(self, tables: Iterable[str]) -> bool:
        analyses = self.plan.study.analyses
        owners = {table.partition(".")[0] for table in tables}
        return any(analyses[owner].timing for owner in owners if owner in analyses)

    @cached_property
    def identity(self) -> str:
        """Digest of what the study computes, whatever its texts say."""
        analyses = self.plan.study.analyses
        return digest(
            {
                "runs": self.plan.digest,
                "measured": {kind: self.plan.measured(kind) for kind in MEASUREMENTS},
                "analyses": {
                    name: [type(each).__name__, each.model_dump(mode="json")]
                    for name, each in analyses.items()
                },
                "claims": list(self.judged),
            }
        )

    def claim(self, claim: str) -> Path:
        """Give the folder of what was judged of a claim."""
        return self.folder / Paths(self.plan.study.results).claim.format(claim=claim)

    def effects(self) -> pd.DataFrame:
        """Read every claim's word, and the effects of its parts.

        Raises
        ------
        DataError
            If a verdict is missing or damaged.
        """
        rows = []
        for claim in self.judged:
            path = _existing(self.claim(claim) / VERDICT)
            try:
                content = read_json(path)
                head = {"claim": claim, "word": content["word"]}
                parts = [row for row in content["comparisons"] if row["role"] == "primary"]
                rows += [row | head | {"part": row["line"]} for row in parts] or [head]
            except (TypeError, KeyError) as error:
                raise DataError(
                    f"{path} is no verdict ({error}); delete its folder and run snakemake again."
                ) from error
        table = pd.DataFrame(rows, columns=list(COLUMNS))
        numbers = dict.fromkeys(("effect", "low", "high"), "float64")
        return table.astype(numbers).fillna({"part": "", "unit": ""})

    def digests(self) -> dict[str, str]:
        """SHA-256 of every result that is the same on every run, by its path.

        Left out are logs, the report (which shows timings) and whatever reads a timing.

        Raises
        ------
        DataError
            If a result is missing.
        """
        return {
            str(path): sha256_of(_existing(self.folder / path)) for path in sorted(self._files())
        }

    def damaged(self) -> list[str]:
        """Say which results, pages and pictures too, are not what was written.

        Left out are logs and benchmarks, which nothing reads.
        """
        paths = Paths(self.plan.study.results)
        root = self.folder / paths.root
        tables = [Path(path) for path in (paths.plan, paths.verdicts, paths.answers("csv"))]
        whole = [*tables, *(path.with_suffix(".schema.json") for path in tables)]
        found = {root / MARK, *(self.folder / path for path in (*whole, Path(paths.answers("md"))))}
        for room in {*ROOMS} - {"benchmarks", "checkpoints", "logs"}:
            found |= {path for path in (root / room).rglob("*") if path.is_file()}
        said = []
        for file in sorted({checksummed(path) for path in found if path.name != TIMESTAMP}):
            try:
                require_whole(file)
            except DataError as error:
                said.append(str(error))
        return said

    def _files(self) -> Iterator[Path]:
        study, paths = self.plan.study, Paths(self.plan.study.results)
        yield Path(paths.plan)
        yield Path(paths.plan).with_suffix(".schema.json")
        for name in study.datasets:
            yield from (Path(path.format(dataset=name)) for path in (paths.dataset, paths.card))
        for job in self.plan.jobs:
            for file in (RUNS, CURVES, RATES, ENDPOINTS):
                yield Path(paths.job(file).format(job=job))
        for measurement in MEASUREMENTS:
            for job in self.plan.measured(measurement):
                yield Path(paths.measurement(measurement).format(job=job))
        yield from self._tables(paths)
        for claim, planned in sorted(self.judged.items()):
            if self._timed(planned.tables):
                continue
            yield from self._inside(paths.claim.format(claim=claim))
            yield from self._drawn(paths.figure, claim=claim)
        for experiment in study.experiments:
            yield from self._drawn(paths.experiment, experiment=experiment)

    def _tables(self, paths: Paths) -> Iterator[Path]:
        study = self.plan.study
        for table in self.plan.tables:
            owner, kind = table.split(".")
            timing = owner in study.analyses and study.analyses[owner].timing
            for suffix in ("schema.json",) if timing else ("parquet", "csv", "schema.json"):
                if owner in study.experiments:
                    yield Path(paths.table(suffix).format(experiment=owner, kind=kind))
                else:
                    yield Path(paths.analysed(suffix).format(analysis=owner, table=kind))

    def _drawn(self, path: Callable[[str], str], **name: str) -> Iterator[Path]:
        figures = (Path(path(suffix).format(**name)) for suffix in ("svg", "zh.svg"))
        yield from (figure for figure in figures if (self.folder / figure).exists())

    def _inside(self, folder: str) -> Iterator[Path]:
        found = [path for path in _existing(self.folder / folder).iterdir() if path.suffix]
        yield from (path.relative_to(self.folder) for path in found if path.name[0] != ".")


@dataclass(frozen=True, eq=False)
class Reference:
    """What another run of a study is compared with."""

    study: str  # digest of what is computed
    setting: Mapping[str, str]  # platform, package versions, code
    files: Mapping[str, str]  # SHA-256 by path
    effects: pd.DataFrame  # a row a claim and part, with `COLUMNS`

    @classmethod
    def of(cls, finished: Finished) -> Self:
        """Take the reference from finished results."""
        return cls(
            study=finished.identity,
            setting=setting(finished.plan.study.execution.device),
            files=finished.digests(),
            effects=finished.effects(),
        )

    def save(self, folder: str | Path) -> None:
        """Write ``effects.csv`` and ``digests.json`` into a folder."""
        place = Path(folder)
        write_csv(place / EFFECTS, self.effects)
        content = {"study": self.study, "setting": self.setting, "files": self.files}
        write_json(place / DIGESTS, content)

    @classmethod
    def load(cls, folder: str | Path) -> Self:
        """Read what `save` wrote.

        Raises
        ------
        DataError
            If a file is missing or is not what it should be.
        """
        place = Path(folder)
        content = read_json(_existing(place / DIGESTS, "unstuck reference"))
        if not isinstance(content, dict):
            content = {}
        parts = [content.get(name) for name in ("setting", "files")]
        if not isinstance(content.get("study"), str) or not all(map(_is_words, parts)):
            raise DataError(
                f"{place / DIGESTS} does not hold the digests of a study; "
                "write it again by `unstuck reference`."
            )
        return cls(
            study=content["study"],
            setting=content["setting"],
            files=content["files"],
            effects=_read_effects(_existing(place / EFFECTS, "unstuck reference")),
        )


def setting(device: str) -> dict[str, str]:
    """Describe what may decide the bytes of a result besides the study: machine, packages, code.

    Parameters
    ----------
    device
        What the study says: auto, cpu or cuda.
    """
    import torch

    if device == "auto":
        device = "cuda" if torch.cuda.is_available() else "cpu"
    versions = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {
        "system": platform.system(),
        "machine": platform.machine(),
        "processor": _processor(),
        "instructions": torch.backends.cpu.get_cpu_capability(),
        "device": device,
        "C library": " ".join(platform.libc_ver()),
        **{name: os.environ[name] for name in KERNELS if name in os.environ},
        "python": ".".join(platform.python_version_tuple()[:2]),
        # the build of a wheel (+cpu) is named by the device
        **{name: version.partition("+")[0] for name, version in versions.items()},
        "code": package_digest(*BESIDE),
    }


def _read_effects(path: Path) -> pd.DataFrame:
    texts = ["claim", "word", "part", "unit"]
    try:
        table = pd.read_csv(path, dtype=dict.fromkeys(texts, "str"))
        return table[list(COLUMNS)].fillna(dict.fromkeys(texts, ""))
    except (ValueError, KeyError) as error:
        raise DataError(
            f"{path} does not hold the effects of a study ({' '.join(str(error).split())}); "
            "write it again by `unstuck reference`."
        ) from error


def _existing(path: Path, command: str = "snakemake") -> Path:
    if not path.exists():
        raise DataError(f"{path} is missing; make it by `{command}` first.")
    return path


def _is_words(content: Any) -> bool:
    return isinstance(content, dict) and all(isinstance(value, str) for value in content.values())


def _processor() -> str:
    """Name of the processor, whose kind decides which kernels compute."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()
