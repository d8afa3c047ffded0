"""From the axes of an experiment to its cells: what a run at each point of the grid is."""

from collections.abc import Iterator, Mapping
from itertools import product
from typing import Any, TypeVar, cast

import pandas as pd
from pydantic import BaseModel, ValidationError

from unstuck.complaints import first_complaint, one_of, stopped
from unstuck.errors import ConfigError, found_in
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.schedules import SCHEDULES, warmup_of
from unstuck.population.foreign import require_defined, source_digest
from unstuck.population.spec import NetworkSpec
from unstuck.study.config import Study
from unstuck.study.experiment import Experiment
from unstuck.study.overrides import ARGUMENT, COUNTING, OVERRIDES, matches
from unstuck.training.spec import Cell, Recipe, Tune

# of the fields of a run: those that stand last, or say nothing that another does not
_NO_AXES = ("dataset", "architecture", "lr")

#: bytes that training takes for a weight at least: itself and its gradient, in float32
WEIGHT_BYTES = 8

Component = TypeVar("Component", bound=BaseModel)


def axes_of(runs: pd.DataFrame) -> list[str]:
    """Give the columns that tell the arms of an experiment apart, data sets last.

    Parameters
    ----------
    runs
        Its table of runs, whose fields stand from `dataset` to `lr`; rates are an axis where they
        were not chosen.
    """
    chosen = runs[runs["chosen"].astype(bool)]
    fields = map(str, runs.loc[:, "dataset":"lr"])
    names = [name for name in fields if name not in _NO_AXES]
    rates = ["lr"] if len(chosen) == len(runs) else []
    return [name for name in (*names, *rates, "dataset") if chosen[name].nunique(dropna=False) > 1]


class Grids:
    """The grids of a study's experiments.

    Parameters
    ----------
    study
        A checked study.

    Raises
    ------
    ConfigError
        If one of its own optimizers, schedules or modules is not what it should be.
    """

    def __init__(self, study: Study) -> None:
        self._study = study
        self._optimizers = {**OPTIMIZERS, **_named(study.optimizers, OPTIMIZERS, "optimizers")}
        self._schedules = {**SCHEDULES, **_named(study.schedules, SCHEDULES, "schedules")}
        self._sources: dict[str, str] = {}
        for name, network in study.networks.items():
            if network.kind == "module":
                with found_in(f"networks.{name}"):
                    require_defined(network)
                    self._sources[name] = source_digest(network)
        self._data = {name: spec.digest for name, spec in study.datasets.items()}
        # many points share a component, and one object serves them all
        self._made: dict[tuple[str, str], BaseModel] = {}
        self._fitting: set[tuple[str, int]] = set()

    def of(self, name: str) -> tuple[tuple[dict[str, Any], Cell], ...]:
        """Give the points of an experiment's grid, by axis, and the cell at each.

        Raises
        ------
        ConfigError
            If values of the axes do not go together, or no point is left.
        """
        try:
            points = tuple(self._expand(self._study.experiments[name]))
        except ValidationError as error:
            raise ConfigError(stopped(f"experiments.{name}: {first_complaint(error)}")) from error
        if not points:
            raise ConfigError(f"experiments.{name}.exclude leaves no cell; leave out less.")
        runs = {id(cell.run): cell.run for _, cell in points}.values()
        for run in runs:
            with found_in(f"experiments.{name}.schedule"):
                warmup_of(run.schedule, run.total_updates(self._study.datasets[run.dataset].train))
        for axis in points[0][0].keys() & COUNTING.keys():
            field, values = COUNTING[axis]
            parts = [part for run in runs for part in (run.network, run.optimizer, run.schedule)]
            held = {getattr(part, field, None) for part in parts}
            if not held & set(values):
                raise ConfigError(
                    f"experiments.{name}.{axis} changes nothing: it counts where {field} is "
                    f"{' or '.join(values)}, and here it never is; leave it out."
                )
        return points

    def _expand(self, experiment: Experiment) -> Iterator[tuple[dict[str, Any], Cell]]:
        axes = experiment.axes()
        shared: dict[str, tuple[Recipe, dict[str, Any]]] = {}
        for values in product(*axes.values()):
            point = dict(zip(axes, values, strict=True))
            if any(matches(point, rule) for rule in experiment.exclude):
                continue
            policy = "tuned" if point["lr"] == "tuned" else "fixed"
            # cells that differ in their rate alone are of one recipe
            key = repr(point | {"lr": policy})
            if key not in shared:
                shared[key] = self._recipe(experiment, point), self._labels(experiment, point)
            recipe, labels = shared[key]
            yield (
                point,
                Cell(
                    labels=labels,
                    run=recipe,
                    rate=self._rate(experiment, point),
                    seeds=experiment.units_of(point),
                    first_unit=self._study.first_unit,
                ),
            )

    def _recipe(self, experiment: Experiment, point: Mapping[str, Any]) -> Recipe:
        network = self._component(self._study.networks, point, "network")
        self._require_fit(network, point)
        return Recipe(
            dataset=point["dataset"],
            data=self._data[point["dataset"]],
            network=network,
            source=self._sources.get(point["network"]),
            optimizer=self._component(self._optimizers, point, "optimizer"),
            schedule=self._component(self._schedules, point, "schedule"),
            loss=point["loss"],
            subset=point.get("subset"),
            relabel=point.get("relabel", 0),
            stop_loss=point.get("stop_loss"),
            batch_size=point["batch_size"],
            epochs=point.get("epochs"),
            updates=point.get("updates"),
            evaluations=experiment.evaluations,
            order=point["order"],
            dtype=point["dtype"],
        )

    def _labels(self, experiment: Experiment, point: Mapping[str, Any]) -> dict[str, Any]:
        network = self._component(self._study.networks, point, "network")
        labels = {
            "dataset": point["dataset"],
            "network": point["network"],
            "architecture": network.kind,
            **{
                name: "own" if network.kind == "module" else getattr(network, name)
                for name in ("activation", "batchnorm", "init")
            },
            "loss": point["loss"],
            "optimizer": point["optimizer"],
            "schedule": point["schedule"],
            "batch": str(point["batch_size"]),
            "order": point["order"],
            "dtype": point["dtype"],
            "lr_policy": "tuned" if point["lr"] == "tuned" else "fixed",
        }
        optional = {*OVERRIDES, "subset", "relabel", "stop_loss"}
        labels |= {key: point[key] for key in sorted(optional & point.keys())}
        labels |= {key: value for key, value in point.items() if key.startswith(ARGUMENT)}
        target = experiment.target_of(point["dataset"])
        return labels if target is None else labels | {"target": target}

    def _component(
        self, known: Mapping[str, Component], point: Mapping[str, Any], axis: str
    ) -> Component:
        """A component with the fields that the point of the grid names replaced, and checked."""
        base = known[point[axis]]
        fields = {key: point[key] for key in point if OVERRIDES.get(key) is type(base)}
        if isinstance(base, NetworkSpec):
            given = {
                key.removeprefix(ARGUMENT): value
                for key, value in point.items()
                if key.startswith(ARGUMENT)
            }
            if given:
                fields["arguments"] = base.arguments | given
        if not fields:
            return base
        key = axis, repr((point[axis], fields))
        if key not in self._made:
            self._made[key] = _replaced(base, fields)
        return cast(Component, self._made[key])

    def _require_fit(self, network: NetworkSpec, point: Mapping[str, Any]) -> None:
        """Refuse a network that its data do not fit, or whose weights no training job can hold."""
        if (point["dataset"], id(network)) in self._fitting:
            return
        place = f"networks.{point['network']}, dataset {point['dataset']}"
        try:
            count = network.hidden_weights(self._study.datasets[point["dataset"]].input_shape)
        except ValueError as error:
            raise ConfigError(stopped(f"{place}: {error}")) from error
        needed, given = WEIGHT_BYTES * count >> 20, self._study.execution.train_mb
        if needed > given:
            raise ConfigError(
                f"{place}: training {count:,} weights takes {needed:,} MB, more than "
                f"execution.train_mb: {given}; use smaller layers, or raise it."
            )
        self._fitting.add((point["dataset"], id(network)))

    def _rate(self, experiment: Experiment, point: Mapping[str, Any]) -> float | Tune:
        if point["lr"] != "tuned":
            return float(point["lr"])
        tuning = self._study.tuning
        grid = tuning.grid(point["optimizer"])
        assert grid is not None, "the study's validation checks this"
        return Tune(
            rates=grid.rates,
            extensions=tuning.extensions,
            by=experiment.tune_by or tuning.by,
            heat=tuning.heat,
            finalists=tuning.finalists,
            target=experiment.target_of(point["dataset"]),
        )


def _replaced(component: Component, fields: Mapping[str, Any]) -> Component:
    return type(component).model_validate(component.model_dump(exclude_unset=True) | dict(fields))


def _named(
    given: Mapping[str, Mapping[str, Any]], known: Mapping[str, Component], section: str
) -> dict[str, Component]:
    """The user's own optimizers or schedules: a built-in base with fields replaced."""
    made = {}
    for name, fields in given.items():
        key = f"{section}.{name}"
        if "base" not in fields:
            raise ConfigError(f"{key}.base is missing; name one of {', '.join(sorted(known))}.")
        try:
            base = known[one_of(str(fields["base"]), known, what=f"{key}.base:")]
            for field in fields:
                one_of(field, ("base", *type(base).model_fields), what=f"{key}: key")
            made[name] = _replaced(base, {k: v for k, v in fields.items() if k != "base"})
        except ValidationError as error:
            raise ConfigError(stopped(f"{key}.{first_complaint(error)}")) from error
        except ValueError as error:
            raise ConfigError(stopped(str(error))) from error
    return made
