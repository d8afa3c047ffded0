"""From a study to its table of runs, and from that to training jobs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import pandas as pd

from unstuck.errors import ConfigError
from unstuck.study.config import Study
from unstuck.study.digests import digest
from unstuck.study.experiment import Measurement
from unstuck.study.grid import Grids, matches
from unstuck.study.names import one_of, stopped
from unstuck.training.spec import Cell, Tune

Kind = Literal["runs", "curves", "spectra", "audit", "stalls", "places", "filters", "sharpness"]
MEASUREMENTS: tuple[Kind, ...] = ("spectra", "audit", "stalls", "places", "filters", "sharpness")


@dataclass(frozen=True)
class Job:
    """The cells that one training job holds, from whichever experiments ask for them."""

    name: str
    dataset: str
    cells: tuple[Cell, ...]

    @cached_property
    def digest(self) -> str:
        """Digest of the runs the job holds."""
        return digest([[cell.key, cell.seeds] for cell in self.cells])


class Plan:
    """What a study computes: cells, jobs, and the tables its experiments become.

    Parameters
    ----------
    study
        A checked study.
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        grids = Grids(study)
        self._grid = {name: grids.of(name) for name in study.experiments}

    @property
    def cells(self) -> dict[str, tuple[Cell, ...]]:
        """The cells of every experiment, in the order of its grid."""
        return {name: tuple(cell for _, cell in grid) for name, grid in self._grid.items()}

    def dataset(self, name: str) -> dict[str, Any]:
        """The specification of a dataset as plain values."""
        content: dict[str, Any] = self.study.datasets[name].model_dump(mode="json")
        return content

    @cached_property
    def digest(self) -> str:
        """Digest of all runs of the study."""
        return digest({name: self.cell_seeds(name) for name in self.study.experiments})

    def digest_of(self, experiment: str, kind: Kind) -> str:
        """Digest of what a table of an experiment holds."""
        return digest(self.cell_seeds(experiment, kind))

    @cached_property
    def jobs(self) -> dict[str, Job]:
        """Training jobs by name; a cell that two experiments ask for stands in one of them once."""
        members: dict[str, dict[str, Cell]] = {}
        for cells in self.cells.values():
            for cell in cells:
                held = members.setdefault(self.job_of(cell), {})
                # of two experiments that ask for a cell, the one with more seeds has its way
                if cell.key not in held or held[cell.key].seeds < cell.seeds:
                    held[cell.key] = cell
        return {
            # by key, so that the order of axes in the config matters to nothing
            name: Job(name, cells[0].run.dataset, cells)
            for name, by_key in sorted(members.items())
            for cells in [tuple(by_key[key] for key in sorted(by_key))]
        }

    def job_of(self, cell: Cell) -> str:
        """Name of the training job that a cell belongs to: its values of the splitting axes."""
        return "-".join(str(cell.labels[axis]) for axis in self.study.execution.split_by)

    def jobs_of(self, experiment: str, kind: Kind) -> list[str]:
        """Names of the jobs whose files a table of an experiment is collected from."""
        cells = self.cells[experiment]
        if kind in MEASUREMENTS:
            wanted = self._measured_cells(experiment, kind)
            cells = tuple(cell for cell in cells if cell.key in wanted)
        return sorted({self.job_of(cell) for cell in cells})

    @cached_property
    def tables(self) -> frozenset[str]:
        """Every table the study can give: ``experiment.kind`` or ``analysis.table``."""
        names = set()
        for name, experiment in self.study.experiments.items():
            kinds = [kind for kind in MEASUREMENTS if getattr(experiment, kind)]
            names |= {f"{name}.{kind}" for kind in ("runs", "curves", *kinds)}
        for name, analysis in self.study.analyses.items():
            names |= {f"{name}.{table}" for table in analysis.tables}
        return frozenset(names)

    def claims(self, reads: Mapping[str, Iterable[str]]) -> list[str]:
        """Ids of the claims that the study tests.

        Parameters
        ----------
        reads
            Names of the tables that each known claim reads, by id.

        Raises
        ------
        ConfigError
            If the study asks for a claim that is unknown or reads a table it does not make.
        """
        if self.study.claims == "all":
            return [claim for claim, tables in reads.items() if self.tables.issuperset(tables)]
        for claim in self.study.claims:
            try:
                one_of(claim, reads, what="claims:")
            except ValueError as error:
                raise ConfigError(stopped(str(error))) from error
            missing = sorted(set(reads[claim]) - self.tables)
            if missing:
                raise ConfigError(
                    f"claims: {claim} reads the table {missing[0]}, which no experiment of this "
                    "study makes; add the experiment or leave the claim out."
                )
        return list(self.study.claims)

    def cell_seeds(self, experiment: str, kind: Kind = "runs") -> dict[str, int]:
        """Cells whose rows make up a table of an experiment, and how many seeds of each."""
        if kind in MEASUREMENTS:
            return self._measured_cells(experiment, kind)
        return {cell.key: cell.seeds for cell in self.cells[experiment]}

    def labels(self, experiment: str) -> list[str]:
        """Labels of an experiment's cells, in the order in which they first appear."""
        return list(dict.fromkeys(name for cell in self.cells[experiment] for name in cell.labels))

    def other_labels(self, experiment: str) -> list[str]:
        """Labels that only cells of other experiments have, sorted."""
        every = {name for cells in self.cells.values() for cell in cells for name in cell.labels}
        return sorted(every.difference(self.labels(experiment)))

    def columns(self, experiment: str) -> dict[str, list[str]]:
        """What `write_merged` must know of the columns of an experiment's tables."""
        return {
            "integers": sorted(self.integer_labels(experiment)),
            "labels": self.labels(experiment),
            "others": self.other_labels(experiment),
        }

    def integer_labels(self, experiment: str) -> frozenset[str]:
        """Labels that are integers in every cell of an experiment."""
        kinds: dict[str, set[type]] = {}
        for cell in self.cells[experiment]:
            for name, value in cell.labels.items():
                kinds.setdefault(name, set()).add(type(value))
        return frozenset(name for name, found in kinds.items() if found == {int})

    def measured(self, kind: Kind) -> dict[str, dict[str, int]]:
        """For every job with endpoints to measure: its cells and how many seeds of each."""
        jobs: dict[str, dict[str, int]] = {}
        for experiment in self.study.experiments:
            wanted = self._measured_cells(experiment, kind)
            for cell in self.cells[experiment]:
                if cell.key in wanted:
                    seeds = jobs.setdefault(self.job_of(cell), {})
                    seeds[cell.key] = max(seeds.get(cell.key, 0), wanted[cell.key])
        return jobs

    def runs(self) -> pd.DataFrame:
        """The table of runs: one row a run that is known before training.

        A tuned cell stands with the rates of its grid on the tuning seeds, and once a seed with
        the rate `tuned` for its evaluation; extensions of its grid come on top while training.
        """
        rows = []
        for experiment, cells in self.cells.items():
            for cell in cells:
                head = {
                    "experiment": experiment,
                    "job": self.job_of(cell),
                    "cell": cell.key,
                    **cell.labels,
                }
                rate = cell.rate
                if isinstance(rate, Tune):
                    rows += [
                        head | {"role": "tuning", "lr": f"{lr:g}", "seed": seed}
                        for lr in rate.rates
                        for seed in rate.tuning_seeds
                    ]
                shown = "tuned" if isinstance(rate, Tune) else f"{rate:g}"
                rows += [
                    head | {"role": "evaluation", "lr": shown, "seed": seed}
                    for seed in range(cell.seeds)
                ]
        return pd.DataFrame(rows)

    def _measured_cells(self, experiment: str, kind: Kind) -> dict[str, int]:
        """Cells of an experiment with endpoints to measure, and how many seeds of each."""
        measurements: list[Measurement] = getattr(self.study.experiments[experiment], kind)
        return {
            cell.key: max(m.seeds for m in matching)
            for point, cell in self._grid[experiment]
            if (matching := [m for m in measurements if matches(point, m.where)])
        }
