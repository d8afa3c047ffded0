"""The typed model of an experiment: a grid of runs, and what is measured at their endpoints."""

import json
from collections.abc import Mapping
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from unstuck.complaints import complaint
from unstuck.optim.coefficients import Coefficients
from unstuck.optim.schedules import ScheduleSpec
from unstuck.population.spec import NetworkSpec
from unstuck.study.fields import Count, Name, Rate, Section
from unstuck.study.names import one_of
from unstuck.training.spec import (
    MOST_UNITS,
    Criterion,
    LossName,
    Order,
    Precision,
    Scalar,
    require_target,
)

BatchSize = Annotated[int, Field(ge=1)] | Literal["full"]
Relabelling = Annotated[int, Field(ge=0)]
Target = Annotated[float, Field(gt=0, allow_inf_nan=False)]

#: fields of an architecture, an optimizer or a schedule that an experiment may vary on its own
OVERRIDES: Mapping[str, type[BaseModel]] = {
    field: model
    for model, fields in (
        (NetworkSpec, tuple(name for name in NetworkSpec.model_fields if name != "kind")),
        (Coefficients, tuple(Coefficients.model_fields)),
        (ScheduleSpec, tuple(ScheduleSpec.model_fields)),
    )
    for field in fields
    if field not in ("hidden", "shape")
}


def _override(key: str, given: Any) -> Any:
    """The value or values of an override, checked as the field that it replaces."""
    field = OVERRIDES[key].model_fields[key]
    checked: Any = Annotated[(field.annotation, field)]
    adapter: TypeAdapter[Any] = TypeAdapter(checked)
    try:
        if isinstance(given, list):
            return [adapter.validate_json(json.dumps(value), strict=True) for value in given]
        return adapter.validate_json(json.dumps(given), strict=True)
    except ValidationError as error:
        raise ValueError(f"{key}: {complaint(error.errors()[0])}") from error


def _checked_overrides(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    return {
        key: _override(key, value) if key in OVERRIDES else value for key, value in given.items()
    }


#: values of axes; an override's are checked as the field that it replaces
Where = Annotated[dict[str, Scalar | list[Scalar]], BeforeValidator(_checked_overrides)]


class Measurement(Section):
    """Which endpoints of an experiment are measured: those that match, at the rates chosen."""

    where: Where = Field(default_factory=dict, description="Values of axes that a run must have.")
    seeds: Count = Field(default=10, description="The first so many units.")


class Experiment(Section):
    """A grid of runs: every list is an axis, every other value is the same for all runs.

    Besides the keys below, any field of a network, an optimizer or a schedule may be given
    (`activation`, `momentum`, `warmup`, ...) and replaces what the named one says.
    """

    model_config = ConfigDict(extra="allow", frozen=True)

    description: str = Field(default="", description="What the experiment is for.")
    dataset: Name | list[Name] = Field(description="Names from `datasets`.")
    network: Name | list[Name] = Field(description="Names from `networks`.")
    loss: LossName | list[LossName] = Field(default="cross_entropy", description="Training loss.")
    optimizer: Name | list[Name] = Field(
        default="sgd", description="Built-in optimizers or names from `optimizers`."
    )
    schedule: Name | list[Name] = Field(
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
    seeds: Annotated[int, Field(ge=1, le=MOST_UNITS)] = Field(
        default=10,
        description="How many units: data splits with initial weights and an order of their own.",
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
    spectra: list[Measurement] = Field(
        default_factory=list, description="Endpoints that get an exact Hessian spectrum."
    )
    audit: list[Measurement] = Field(
        default_factory=list,
        description="Endpoints whose minimum ratio is audited over matrices, formats, tolerances.",
    )
    stalls: list[Measurement] = Field(
        default_factory=list,
        description="Endpoints that, if their loss has stalled, get a search for a critical point "
        "nearby.",
    )

    places: list[Measurement] = Field(
        default_factory=list,
        description="Endpoints that are tested with the patterns of a `shift` dataset moved, step "
        "by step, from where they were in training.",
    )

    filters: list[Measurement] = Field(
        default_factory=list,
        description="Endpoints whose filters of the first convolutional layer are tabulated.",
    )

    sharpness: list[Measurement] = Field(
        default_factory=list,
        description="Endpoints whose sharpness is measured: largest eigenvalue, trace, and rise of "
        "the loss nearby.",
    )

    @model_validator(mode="before")
    @classmethod
    def _known_axes(cls, given: Any) -> Any:
        if isinstance(given, Mapping):
            known = (*cls.model_fields, *OVERRIDES)
            for key in given:
                one_of(key, known, what="key")
            return _checked_overrides(given)
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
        for rule in [*(m.where for m in self.measurements), *self.exclude]:
            for key, wanted in rule.items():
                one_of(key, axes, what="axis")
                for each in wanted if isinstance(wanted, list) else [wanted]:
                    if each not in axes[key]:
                        raise ValueError(f"{key}: {each!r} is none of its values {axes[key]}")
        for measurement in self.measurements:
            if measurement.seeds > self.seeds:
                raise ValueError(
                    f"endpoints of {measurement.seeds} seeds are to be measured, but the "
                    f"experiment has {self.seeds}; ask for at most that many"
                )
        return self

    def target_of(self, dataset: str) -> float | None:
        """What runs on a dataset are to arrive at; None where nothing is."""
        return self.target.get(dataset) if isinstance(self.target, dict) else self.target

    @property
    def measurements(self) -> tuple[Measurement, ...]:
        """All that says which endpoints are measured."""
        pointwise = (*self.spectra, *self.audit, *self.stalls, *self.sharpness)
        return (*pointwise, *self.places, *self.filters)

    def axes(self) -> dict[str, list[Any]]:
        """Every axis with its values, in the order in which the config gives them."""
        fixed = {
            *("description", "evaluations", "seeds", "tune_by", "target"),
            *("exclude", "spectra", "audit", "stalls", "places", "filters", "sharpness"),
        }
        values = {
            name: getattr(self, name) for name in type(self).model_fields if name not in fixed
        } | (self.__pydantic_extra__ or {})
        return {
            name: list(value) if isinstance(value, list | tuple) else [value]
            for name, value in values.items()
            if value is not None
        }
