"""From a study to its table of runs, and from that to training jobs."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pandas as pd

from unstuck.complaints import one_of, stopped
from unstuck.errors import ConfigError, found_in
from unstuck.study.config import Study
from unstuck.study.digests import digest
from unstuck.study.grid import Grids
from unstuck.study.measurements.registry import MEASUREMENTS
from unstuck.study.overrides import matches
from unstuck.training import result
from unstuck.training.curves import MEASURED
from unstuck.training.spec import Cell, Recipe, Tune

#: by the key of a cell: options of a measurement, and the number of units
Measured = dict[str, tuple[dict[str, Any], int]]

#: tables that every experiment has, beside those of `MEASUREMENTS`
TABLES = ("runs", "curves", "rates")


@dataclass(frozen=True)
class Wanted:
    """What a table of an experiment is made of, whichever jobs hold it.

    Attributes
    ----------
    units
        Units of each cell by the cell's key, in the order of the table; a job may hold more, for
        another experiment.
    columns
        Names of the columns, in their order.
    labels
        The type of those that are labels.
    every
        Whether every cell has rows: those of which all runs diverged have no endpoint to measure.
    """

    units: Mapping[str, range]
    columns: Sequence[str]
    labels: Mapping[str, type]
    every: bool = True


@dataclass(frozen=True)
class Job:
    """The cells that one training job holds, from whichever experiments ask for them."""

    name: str
    dataset: str
    cells: tuple[Cell, ...]

    @cached_property
    def digest(self) -> str:
        """Digest of the runs the job holds."""
        return digest([cell.key for cell in self.cells])


def rounds(cell: Cell) -> dict[str, tuple[list[str], range]]:
    """Give rates and units of a cell that are known before training, by the role of their runs.

    Of a rate to be chosen these are the grid's on the units of the heat, and the finalists,
    numbered, on the others; extensions of the grid come on top while training.
    """
    rate = cell.rate
    if not isinstance(rate, Tune):
        return {"fixed": ([f"{rate:g}"], cell.units)}
    places = min(rate.finalists, len(rate.rates))
    return {
        "heat": ([f"{lr:g}" for lr in rate.rates], cell.units[: rate.heat]),
        "finalist": ([f"finalist {n}" for n in range(1, places + 1)], cell.units[rate.heat :]),
    }


class Plan:
    """What a study computes: cells, jobs, and the tables its experiments become.

    Parameters
    ----------
    study
        A checked study.

    Examples
    --------
    >>> import unstuck
    >>> plan = unstuck.Plan(unstuck.read_study("docs/examples/mine.yaml"))
    >>> len(plan.cells["batch_momentum"]), len(plan.jobs)
    (8, 6)
    >>> plan.runs()["role"].unique().tolist()
    ['heat', 'finalist']
    """

    def __init__(self, study: Study) -> None:
        self.study = study
        grids = Grids(study)
        self._grid = {name: grids.of(name) for name in study.experiments}
        self._measured = {
            name: {kind: self._chosen(name, kind) for kind in experiment.measurements}
            for name, experiment in study.experiments.items()
        }

    @cached_property
    def cells(self) -> dict[str, tuple[Cell, ...]]:
        """The cells of every experiment, in the order of its grid."""
        return {name: tuple(cell for _, cell in grid) for name, grid in self._grid.items()}

    def asked(self, job: str) -> list[tuple[Recipe, set[tuple[str, int]]]]:
        """Give the recipes of a job, and of each the rates and units of its runs (`rounds`)."""
        return [self._asked[each] for each in {cell.run.digest for cell in self.jobs[job].cells}]

    @cached_property
    def _asked(self) -> dict[str, tuple[Recipe, set[tuple[str, int]]]]:
        """Recipes by their digest, and the runs of each, whichever cells ask for them."""
        asked: dict[str, tuple[Recipe, set[tuple[str, int]]]] = {}
        for cell in (cell for cells in self.cells.values() for cell in cells):
            runs = asked.setdefault(cell.run.digest, (cell.run, set()))[1]
            for rates, units in rounds(cell).values():
                runs |= {(rate, unit) for rate in rates for unit in units}
        return asked

    def training(self, jobs: Iterable[str]) -> tuple[int, int]:
        """Count the runs of training jobs that are known before training, and their updates."""
        counts = [
            (len(runs), len(runs) * recipe.total_updates(self.study.datasets[recipe.dataset].train))
            for job in jobs
            for recipe, runs in self.asked(job)
        ]
        return sum(runs for runs, _ in counts), sum(updates for _, updates in counts)

    def try_modules(self) -> None:
        """Run the code that the caller allowed, and build every network of kind `module` from it.

        Raises
        ------
        ConfigError
            If one cannot be trained as a population.
        """
        cells = [cell for held in self.cells.values() for cell in held if cell.run.source]
        if not cells:
            return
        from unstuck.population.module import module_network

        for cell in cells:
            run, dataset = cell.run, self.study.datasets[cell.run.dataset]
            with found_in(f"networks.{cell.labels['network']}, dataset {run.dataset}"):
                module_network(
                    run.network, dataset.input_shape, dataset.classes, run.loss, str(run.source)
                )

    def split_units(self, dataset: str) -> list[int]:
        """Numbers of the units that a dataset is split for: all that a run or an analysis asks."""
        return sorted(self._split_units.get(dataset, ()))

    @cached_property
    def _split_units(self) -> dict[str, set[int]]:
        first = self.study.first_unit
        units: dict[str, set[int]] = {}
        for cell in (cell for cells in self.cells.values() for cell in cells):
            units.setdefault(cell.run.dataset, set()).update(cell.units)
        for analysis in self.study.analyses.values():
            for dataset in analysis.dataset_names:
                units.setdefault(dataset, set()).update(range(first, first + analysis.units))
        return units

    @cached_property
    def digest(self) -> str:
        """Digest of all runs of the study."""
        return digest({name: sorted(self.units(name)) for name in self.study.experiments})

    def digest_of(self, experiment: str, kind: str) -> str:
        """Digest of what a table of an experiment holds."""
        units = {key: len(units) for key, units in self.units(experiment, kind).items()}
        how = {key: options for key, (options, _) in self.measured_cells(experiment, kind).items()}
        return digest([units, how, self.columns_of(f"{experiment}.{kind}")])

    @cached_property
    def jobs(self) -> dict[str, Job]:
        """Training jobs by name; a cell that two experiments ask for stands in one of them once."""
        members: dict[str, dict[str, Cell]] = {}
        for cells in self.cells.values():
            for cell in cells:
                members.setdefault(self.job_of(cell), {})[cell.key] = cell
        return {
            # by key, so that the order of axes in the config matters to nothing
            name: Job(name, cells[0].run.dataset, cells)
            for name, by_key in sorted(members.items())
            for cells in [tuple(by_key[key] for key in sorted(by_key))]
        }

    def job_of(self, cell: Cell) -> str:
        """Name of the training job that a cell belongs to: its group and splitting axes.

        Of experiments that ask for the same runs, that whose job is first by name.
        """
        return self._homes[cell.run.digest]

    @cached_property
    def _homes(self) -> dict[str, str]:
        """Names of the jobs of all recipes, by their digest."""
        homes: dict[str, str] = {}
        # a job has one dataset
        axes = dict.fromkeys(["dataset", *self.study.execution.split_by])
        for name, experiment in self.study.experiments.items():
            for cell in self.cells[name]:
                parts = (experiment.group or name, *(str(cell.labels[axis]) for axis in axes))
                job = "-".join(parts)
                # by name, so that the order of experiments in the config matters to nothing
                homes[cell.run.digest] = min(job, homes.get(cell.run.digest, job))
        return homes

    def jobs_of(self, experiment: str, kind: str) -> list[str]:
        """Names of the jobs whose files a table of an experiment is collected from."""
        cells = self.cells[experiment]
        if kind in MEASUREMENTS:
            wanted = self.measured_cells(experiment, kind)
            cells = tuple(cell for cell in cells if cell.key in wanted)
        return sorted({self.job_of(cell) for cell in cells})

    @cached_property
    def tables(self) -> frozenset[str]:
        """Every table the study can give: ``experiment.kind`` or ``analysis.table``."""
        names = set()
        for name, experiment in self.study.experiments.items():
            names |= {f"{name}.{kind}" for kind in (*TABLES, *experiment.measurements)}
        for name, analysis in self.study.analyses.items():
            names |= {f"{name}.{table}" for table in analysis.tables}
        return frozenset(names)

    def values(self, experiment: str, name: str) -> tuple[Any, ...]:
        """Values that an axis or a label of an experiment takes, in the order of its grid.

        Parameters
        ----------
        experiment
            Name of an experiment.
        name
            An axis, as the study names it (``batch_size``: 8, 32, ``"full"``), or a label, a column
            of the experiment's tables (``batch``: ``"8"``, ``"32"``, ``"full"``; ``lr_policy``).
            Values that `exclude` leaves no cell of are not among them.

        Raises
        ------
        ConfigError
            If there is no such experiment, or it has no such axis or label.
        """
        _checked(experiment, self._grid, "experiment")
        places = [{**cell.labels, **point} for point, cell in self._grid[experiment]]
        known = dict.fromkeys(key for place in places for key in place)
        _checked(name, known, f"{experiment}: label")
        return tuple(dict.fromkeys(place[name] for place in places if name in place))

    def columns_of(self, table: str) -> tuple[str, ...] | None:
        """Columns of a table, ``experiment.kind`` or ``analysis.table``, in their order.

        None for a table of an analysis, whose columns are known only when it is there.

        Raises
        ------
        ConfigError
            If the study makes no such table.
        """
        _checked(table, self.tables, "table")
        name, _, kind = table.partition(".")
        if name in self.study.analyses:
            return None
        labels = self.labels(name)
        if kind == "rates":
            return (*result.FIRST_OF_RATES, *labels, *result.LAST_OF_RATES)
        runs = (*result.FIRST_COLUMNS, *labels, *result.LAST_COLUMNS)
        if kind == "runs":
            return runs
        if kind in MEASUREMENTS:
            return tuple(dict.fromkeys([*runs, *MEASUREMENTS[kind].columns]))
        dropped = {*result.MEASUREMENTS, "code"}
        kept = (column for column in runs if column not in dropped)
        return (*kept, "update", "epoch", *MEASURED)

    def units(self, experiment: str, kind: str = "runs") -> dict[str, range]:
        """Cells whose rows make up a table of an experiment, and the units of each."""
        every = {cell.key: cell.units for cell in self.cells[experiment]}
        if kind in TABLES:
            return every
        measured = self.measured_cells(experiment, kind)
        return {key: every[key][:count] for key, (_, count) in measured.items()}

    def labels(self, experiment: str) -> list[str]:
        """Labels of an experiment's cells, in the order in which they first appear."""
        return list(dict.fromkeys(name for cell in self.cells[experiment] for name in cell.labels))

    def label_types(self, experiment: str) -> dict[str, type]:
        """The type of each label of an experiment; of whole and other numbers that of these."""
        kinds: dict[str, set[type]] = {}
        for cell in self.cells[experiment]:
            for name, value in cell.labels.items():
                kinds.setdefault(name, set()).add(type(value))
        ranks = (str, float, int, bool)
        return {
            name: next(kind for kind in ranks if kind in found) for name, found in kinds.items()
        }

    def wanted(self, experiment: str, kind: str) -> Wanted:
        """What a table of an experiment is collected from its jobs as."""
        datasets = {cell.key: cell.run.dataset for cell in self.cells[experiment]}
        units = self.units(experiment, kind)
        return Wanted(
            units={key: units[key] for key in sorted(units, key=lambda key: (datasets[key], key))},
            columns=self.columns_of(f"{experiment}.{kind}") or (),
            labels=self.label_types(experiment),
            # a fixed rate has no row among those tried, and a diverged run no endpoint
            every=kind in ("runs", "curves"),
        )

    def measured(self, kind: str) -> dict[str, list[dict[str, Any]]]:
        """For every job with endpoints to measure: which, and how.

        Returns
        -------
        By job, mappings with ``options`` of the measurement and ``units``, how many units of each
        cell are measured so, by the cell's key.
        """
        return self._groups[kind]

    @cached_property
    def _groups(self) -> dict[str, dict[str, list[dict[str, Any]]]]:
        """What `measured` gives, by the name of the measurement."""
        found: dict[str, dict[str, dict[str, dict[str, Any]]]] = {name: {} for name in MEASUREMENTS}
        for experiment, kinds in self._measured.items():
            jobs = {cell.key: self.job_of(cell) for cell in self.cells[experiment]}
            for kind, cells in kinds.items():
                # cells of one entry share its options
                shared = {id(options): options for options, _ in cells.values()}
                names = {each: digest(options) for each, options in shared.items()}
                for key, (options, count) in cells.items():
                    groups = found[kind].setdefault(jobs[key], {})
                    group = groups.setdefault(names[id(options)], {"options": options, "units": {}})
                    group["units"][key] = max(count, group["units"].get(key, 0))
        return {
            kind: {job: [groups[name] for name in sorted(groups)] for job, groups in jobs.items()}
            for kind, jobs in found.items()
        }

    def runs(self) -> pd.DataFrame:
        """The table of runs: one row a run that is known before training (`rounds`).

        Returns
        -------
        plan
            One row a run that is known before training; the columns of axes that not all
            experiments have are empty for the others.
            Also: cell, role, seed.
            experiment (string): Name of the experiment.
            job (string): Name of the training job, a folder of `runs/`.
            lr (string): Base learning rate, or the number of the finalist.
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
                rows += [
                    head | {"role": role, "lr": lr, "seed": unit}
                    for role, (rates, units) in rounds(cell).items()
                    for lr in rates
                    for unit in units
                ]
        return pd.DataFrame(rows)

    def measured_cells(self, experiment: str, kind: str) -> Measured:
        """Cells of an experiment with endpoints to measure, how, and how many units of each."""
        return self._measured[experiment].get(kind, {})

    def _chosen(self, experiment: str, kind: str) -> Measured:
        """Cells of an experiment with endpoints to measure, how, and how many units of each.

        Of several entries that match a cell the one with most units counts.

        Raises
        ------
        ConfigError
            If an entry matches nothing, or what cannot be measured.
        """
        chosen: Measured = {}
        for entry in self.study.experiments[experiment].measurements[kind]:
            cells = [cell for point, cell in self._grid[experiment] if matches(point, entry.where)]
            try:
                if not cells:
                    raise ValueError(f"{kind}: no cell matches {entry.where}; mend or drop it")
                for run in {id(cell.run): cell.run for cell in cells}.values():
                    entry.check(run, self.study.datasets[run.dataset])
            except ValueError as error:
                raise ConfigError(f"experiments.{experiment}.{stopped(str(error))}") from error
            options = entry.options
            for cell in cells:
                count = min(entry.seeds or cell.seeds, cell.seeds)
                if cell.key not in chosen or chosen[cell.key][1] < count:
                    chosen[cell.key] = (options, count)
        return chosen


def _checked(name: str, known: Iterable[str], what: str) -> None:
    try:
        one_of(name, known, what=what)
    except ValueError as error:
        raise ConfigError(stopped(str(error))) from error
