"""The typed model of an experiment: a grid of runs, and what is measured at their endpoints."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import ConfigDict, Field, create_model, model_validator

from unstuck.complaints import LISTED, one_of, shown
from unstuck.study.fields import Count, Name, Rate, Section
from unstuck.study.measurements.base import MeasurementBase
from unstuck.study.measurements.registry import MEASUREMENTS
from unstuck.study.overrides import ARGUMENT, NO_AXES, OVERRIDES, Where, checked_overrides, matches
from unstuck.training.spec import (
    MOST_UNITS,
    Criterion,
    LossName,
    Order,
    Precision,
    require_target,
)

BatchSize = Annotated[int, Field(ge=1)] | Literal["full"]
Relabelling = Annotated[int, Field(ge=0)]
Target = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Units = Annotated[int, Field(ge=1, le=MOST_UNITS)]


class UnitsOf(Section):
    """How many units some cells of an experiment have, where not all have the same."""

    where: Where = Field(default_factory=dict, description="Values of axes that a cell must have.")
    seeds: Units = Field(description="How many units these cells have.")


class _Grid(Section):
    """A grid of runs: every list is an axis, every other value is the same for all runs.

    Besides the keys below, any field of a network, an optimizer or a schedule may be given
    (`activation`, `momentum`, `warmup`, ...) and replaces what the named one says, and so may
    `arguments.ANY`, a keyword argument of a network of kind `module`.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    description: str = Field(default="", description="What the experiment is for.")
    dataset: str | list[str] = Field(description="Names from `datasets`.")
    network: str | list[str] = Field(description="Names from `networks`.")
    loss: LossName | list[LossName] = Field(default="cross_entropy", description="Training loss.")
    optimizer: str | list[str] = Field(
        default="sgd", description="Built-in optimizers or names from `optimizers`."
    )
    schedule: str | list[str] = Field(
        default="constant", description="Built-in schedules or names from `schedules`."
    )
    lr: Rate | Literal["tuned"] | list[Rate | Literal["tuned"]] = Field(
        default="tuned", description="Base rates; `tuned` chooses one in a race (`tuning`)."
    )
    subset: Count | list[Count] | None = Field(
        default=None, description="Train on the first so many training samples; all if left out."
    )
    relabel: Relabelling | list[Relabelling] | None = Field(
        default=None,
        description="Seeds of permutations of the class numbers; 0, as if left out, leaves them.",
    )
    batch_size: BatchSize | list[BatchSize] = Field(
        default=32, description="Samples per update; `full` is the whole training part."
    )
    epochs: Count | list[Count] | None = Field(
        default=None, description="Budget in passes over the training part."
    )
    updates: Count | list[Count] | None = Field(default=None, description="Budget in updates.")
    evaluations: Count = Field(
        default=20, description="Evenly spaced measurements, besides the one at the start."
    )
    stop_loss: Rate | list[Rate] | None = Field(
        default=None,
        description="Stop a run as soon as the loss on all training samples is at or below this; "
        "at the end of the budget if left out, or if it is not reached.",
    )
    order: Order | list[Order] = Field(default="reshuffled", description="Order of the samples.")
    dtype: Precision | list[Precision] = Field(default="float32", description="Number format.")
    seeds: Units | list[UnitsOf] = Field(
        default=10,
        description="How many units: data splits with initial weights and an order of their own; "
        "or a list of how many which cells have, of which the first that fits a cell counts.",
    )
    group: Name | None = Field(
        default=None,
        description="Experiments of one group train in the same jobs, which saves starting more of "
        "them; an experiment that gives none has jobs of its own.",
    )
    tune_by: Criterion | None = Field(
        default=None, description="What the best rate is best at here, instead of `tuning.by`."
    )
    target: Target | dict[Name, Target] | None = Field(
        default=None,
        description="Training accuracy (share) or loss to arrive at, of all datasets or by "
        "dataset, where `tune_by` is how soon.",
    )
    exclude: list[Where] = Field(
        default_factory=list, description="Combinations of axis values to leave out."
    )

    @model_validator(mode="before")
    @classmethod
    def _known_axes(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            known = (*cls.model_fields, *OVERRIDES)
            for key in given:
                if key in NO_AXES:
                    raise ValueError(f"{key} is no axis; describe several {NO_AXES[key]}")
                if not key.startswith(ARGUMENT):
                    one_of(key, known, what="key")
            return checked_overrides(given)
        return given

    @model_validator(mode="after")
    def _checked(self) -> Self:
        if (self.epochs is None) == (self.updates is None):
            raise ValueError("give either epochs or updates as the budget, not both or neither")
        require_target(self.tune_by, self.target is not None)
        for key, value in self.axes().items():
            if not value:
                raise ValueError(f"{key} is an empty list; give at least one value")
            if len({repr(each) for each in value}) < len(value):
                raise ValueError(f"{key} names a value twice; each value of an axis stands once")
        axes = self.axes()
        numbers = self.seeds if isinstance(self.seeds, list) else [UnitsOf(seeds=self.seeds)]
        if not numbers or numbers[-1].where:
            raise ValueError("seeds needs a last entry without `where`, for all other cells")
        for place, rule in self._rules():
            for key in rule:
                one_of(key, axes, what=f"{place}: axis")
        most = max(each.seeds for each in numbers)
        for kind, entries in self.measurements.items():
            for entry in entries:
                if (entry.seeds or 0) > most:
                    raise ValueError(
                        f"{kind}: endpoints of {entry.seeds} units are to be measured, but the "
                        f"experiment has {most}; ask for at most that many"
                    )
        return self

    def _rules(self) -> list[tuple[str, dict[str, Any]]]:
        """Selections of cells, by values of axes, and the keys under which they stand."""
        selecting = {
            kind: [each.where for each in held] for kind, held in self.measurements.items()
        }
        if isinstance(self.seeds, list):
            selecting["seeds"] = [each.where for each in self.seeds]
        selecting["exclude"] = self.exclude
        return [(place, rule) for place, rules in selecting.items() for rule in rules]

    def require_values(self) -> None:
        """Refuse a selection of a value that its axis has not.

        Raises
        ------
        ValueError
            If there is one.
        """
        axes = self.axes()
        for place, rule in self._rules():
            for key, wanted in rule.items():
                for each in wanted if isinstance(wanted, list) else [wanted]:
                    if each not in axes[key]:
                        count, values = len(axes[key]), repr(axes[key])
                        known = f"values {values}" if len(values) <= LISTED else f"{count} values"
                        raise ValueError(f"{place}: {key}: {shown(each)} is none of its {known}")

    def units_of(self, point: Mapping[str, Any]) -> int:
        """How many units the cell at a point of the grid has."""
        if isinstance(self.seeds, int):
            return self.seeds
        return next(each.seeds for each in self.seeds if matches(point, each.where))

    def target_of(self, dataset: str) -> float | None:
        """What runs on a dataset are to arrive at; None where nothing is."""
        return self.target.get(dataset) if isinstance(self.target, dict) else self.target

    @property
    def measurements(self) -> dict[str, tuple[MeasurementBase, ...]]:
        """What is measured at which endpoints, by the name of the measurement."""
        return {name: tuple(getattr(self, name)) for name in MEASUREMENTS if getattr(self, name)}

    def axes(self) -> dict[str, list[Any]]:
        """Every axis with its values, in the order in which the config gives them."""
        fixed = {
            *("description", "evaluations", "seeds", "group", "tune_by", "target", "exclude"),
            *MEASUREMENTS,
        }
        values = {
            name: getattr(self, name) for name in type(self).model_fields if name not in fixed
        } | (self.__pydantic_extra__ or {})
        return {
            name: list(value) if isinstance(value, list | tuple) else [value]
            for name, value in values.items()
            if value is not None
        }


if TYPE_CHECKING:
    Experiment = _Grid
else:
    Experiment = create_model(
        "Experiment",
        __base__=_Grid,
        __doc__=_Grid.__doc__,
        **{
            name: (list[model], Field(default_factory=list, description=model.about()))
            for name, model in MEASUREMENTS.items()
        },
    )
