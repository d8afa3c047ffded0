"""The typed model of a study: the single truth about what ``config.yaml`` may say."""

import math
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainValidator,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    WithJsonSchema,
    model_validator,
)

from unstuck.data.spec import DatasetSpec
from unstuck.optim.coefficients import OPTIMIZERS, Coefficients
from unstuck.optim.schedules import SCHEDULES, ScheduleSpec
from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.base import AnalysisBase
from unstuck.study.analyses.kinds import parse_analysis
from unstuck.study.analyses.kinds import schema as analysis_schema
from unstuck.study.names import one_of
from unstuck.training.spec import (
    FIRST_TUNING_SEED,
    Criterion,
    EndCriterion,
    LossName,
    Order,
    Precision,
    Scalar,
    require_target,
)

# a name becomes part of a path, so it may hold nothing that leads out of results/
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
RESULTS_PATTERN = r"^results(/[a-z][a-z0-9_]{0,39})?$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
BatchSize = Annotated[int, Field(ge=1)] | Literal["full"]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Relabelling = Annotated[int, Field(ge=0)]
Target = Annotated[float, Field(gt=0, allow_inf_nan=False)]
MOST_RATES = 100

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
            return [adapter.validate_python(value) for value in given]
        return adapter.validate_python(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise ValueError(f"{key}: {first['input']!r} is wrong; {first['msg']}") from error


def _checked_overrides(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    return {
        key: _override(key, value) if key in OVERRIDES else value for key, value in given.items()
    }


#: values of axes; an override's are checked, so that an unquoted `off` is not read as false
Where = Annotated[dict[str, Scalar | list[Scalar]], BeforeValidator(_checked_overrides)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())


class RateGrid(_Model):
    """A logarithmic grid of learning rates."""

    low: Rate = Field(description="Lowest rate of the grid.")
    high: Rate = Field(description="Highest rate of the grid.")
    per_decade: Count = Field(default=2, description="Rates per factor of ten.")

    @model_validator(mode="after")
    def _ordered(self) -> Self:
        if self.high < self.low:
            raise ValueError(f"high ({self.high:g}) must not be below low ({self.low:g})")
        if math.log10(self.high / self.low) * self.per_decade >= MOST_RATES:
            raise ValueError(
                f"{self.per_decade} rates per factor of ten from {self.low:g} to {self.high:g} "
                f"are more than {MOST_RATES}; take fewer"
            )
        return self

    @property
    def rates(self) -> tuple[float, ...]:
        """The rates, ascending, rounded to three significant digits."""
        rates = []
        factor = 10 ** (1 / self.per_decade)
        step = 0
        while self.low * factor**step <= self.high * (1 + 1e-9):
            rates.append(float(f"{self.low * factor**step:.3g}"))
            step += 1
        return tuple(rates)


class Tuning(_Model):
    """How the rate of every run with ``lr: tuned`` is chosen, on seeds of its own."""

    rates: dict[str, RateGrid] = Field(
        description="Grid per optimizer; `default` serves those without one."
    )
    seeds: Count = Field(default=2, description="Tuning seeds, disjoint from evaluation seeds.")
    by: EndCriterion = Field(
        default="validation_loss", description="What the best rate is best at, at the end."
    )
    extensions: Annotated[int, Field(ge=0)] = Field(
        default=4, description="How many rates a grid may grow by when its best lies on an edge."
    )

    def grid(self, optimizer: str) -> RateGrid | None:
        """The grid of an optimizer, or the default one."""
        return self.rates.get(optimizer, self.rates.get("default"))


class Measurement(_Model):
    """Which endpoints of an experiment are measured: all evaluation runs that match."""

    where: Where = Field(default_factory=dict, description="Values of axes that a run must have.")
    seeds: Count = Field(default=10, description="The first so many evaluation seeds.")


class Experiment(_Model):
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
        default="tuned", description="Base rates; `tuned` chooses one on seeds of its own."
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
    seeds: Annotated[int, Field(ge=1, le=FIRST_TUNING_SEED)] = Field(
        default=10, description="Evaluation seeds 0, 1, ..."
    )
    tune_by: Criterion | None = Field(
        default=None, description="What the best rate is best at here, instead of `tuning.by`."
    )
    tune_seeds: Count | None = Field(
        default=None, description="Tuning seeds here, instead of `tuning.seeds`."
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
            *("description", "evaluations", "seeds", "tune_by", "tune_seeds", "target"),
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


class Execution(_Model):
    """Where and how the runs are computed; nothing here changes a result's meaning."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="`auto` takes a GPU where there is one."
    )
    compile: Literal["auto"] | bool = Field(
        default=False,
        description="Compile the training step: faster after 2-8 s per shape, other rounding.",
    )
    members: Literal["auto"] | Count = Field(
        default="auto", description="Runs trained side by side as one population."
    )
    checkpoint_seconds: Count = Field(
        default=60, description="Seconds between checkpoints of a training job."
    )
    split_by: list[Literal["dataset", "network", "optimizer", "schedule", "batch", "batchnorm"]] = (
        Field(
            default=["dataset", "network", "optimizer", "batch", "batchnorm"],
            description=(
                "Axes that split training jobs. A new value of one of these plans new jobs only; "
                "a new value of any other axis reopens the jobs it belongs to, which then train "
                "just the runs that are new."
            ),
        )
    )
    train_minutes: Count = Field(default=30, description="Runtime asked for a training job.")
    train_mb: Count = Field(default=1500, description="Memory asked for a training job.")
    gpus: Annotated[int, Field(ge=0)] = Field(
        default=0, description="GPUs asked for a training job or an analysis."
    )

    def resolved_device(self, gpu_available: bool) -> str:
        """The device to compute on: `auto` is a GPU where there is one."""
        if self.device == "auto":
            return "cuda" if gpu_available else "cpu"
        return self.device


class Curvature(_Model):
    """How the Hessians of endpoints are measured."""

    tolerance: Annotated[float, Field(gt=0, lt=1)] = Field(
        default=1e-6,
        description="Eigenvalues below this share of the largest absolute one count as zero.",
    )


#: an entry of `analyses`, checked by the model of its kind
Analysis = Annotated[
    AnalysisBase, PlainValidator(parse_analysis), WithJsonSchema(analysis_schema())
]


class Study(_Model):
    """A whole study: datasets, networks, experiments, and the claims they bear on."""

    title: str = Field(description="Name of the study, shown in the report.")
    description: str = Field(default="", description="What the study is, shown in the report.")
    results: Annotated[str, StringConstraints(pattern=RESULTS_PATTERN)] = Field(
        default="results", description="Folder of all output: `results` or one below it."
    )
    datasets: dict[Name, DatasetSpec] = Field(description="Prepared datasets by name.")
    networks: dict[Name, NetworkSpec] = Field(description="Architectures by name.")
    optimizers: dict[Name, dict[str, Scalar]] = Field(
        default_factory=dict,
        description="Further optimizers: `base` names a built-in one, other keys replace fields.",
    )
    schedules: dict[Name, dict[str, Scalar]] = Field(
        default_factory=dict,
        description="Further schedules: `base` names a built-in one, other keys replace fields.",
    )
    tuning: Tuning = Field(description="How learning rates are tuned.")
    experiments: dict[Name, Experiment] = Field(description="Grids of runs by name.")
    analyses: dict[Name, Analysis] = Field(
        default_factory=dict, description="Measurements that are no grid of runs, by name."
    )
    curvature: Curvature = Field(default=Curvature(), description="Hessians of endpoints.")
    claims: Literal["all"] | list[str] = Field(
        default="all", description="Claims to test; `all` takes those whose tables the study has."
    )
    execution: Execution = Field(default=Execution(), description="Where and how runs compute.")

    @model_validator(mode="after")
    def _names_resolve(self) -> Self:
        if not self.experiments:
            raise ValueError("experiments is empty; give at least one")
        for name, experiment in self.experiments.items():
            axes = experiment.axes()
            for axis, known in (
                ("dataset", self.datasets),
                ("network", self.networks),
                ("optimizer", {**OPTIMIZERS, **self.optimizers}),
                ("schedule", {**SCHEDULES, **self.schedules}),
            ):
                for value in axes[axis]:
                    one_of(value, known, what=f"experiments.{name}.{axis}:")
            if "tuned" in axes["lr"]:
                for optimizer in axes["optimizer"]:
                    if self.tuning.grid(optimizer) is None:
                        raise ValueError(
                            f"tuning.rates has no grid for {optimizer!r}, which "
                            f"experiments.{name} tunes; add one, or one named 'default'"
                        )
            if isinstance(experiment.target, dict):
                for dataset in axes["dataset"]:
                    one_of(dataset, experiment.target, what=f"experiments.{name}.target: dataset")
            self._batches_fit(name, axes)
        for name, analysis in self.analyses.items():
            if name in self.experiments:
                raise ValueError(f"analyses.{name} has the name of an experiment; give it another")
            for dataset in analysis.dataset_names:
                one_of(dataset, self.datasets, what=f"analyses.{name}: dataset")
        return self

    def _batches_fit(self, name: str, axes: Mapping[str, Sequence[Any]]) -> None:
        for dataset in axes["dataset"]:
            train = self.datasets[dataset].train
            for subset in axes.get("subset", ()):
                if subset > train:
                    raise ValueError(
                        f"experiments.{name}.subset: {subset} is more than the {train} training "
                        f"samples of {dataset}; use at most {train}"
                    )
            train = min([train, *axes.get("subset", ())])
            for size in axes["batch_size"]:
                if size != "full" and size > train:
                    raise ValueError(
                        f"experiments.{name}.batch_size: {size} is more than the {train} training "
                        f"samples of {dataset}; use at most {train}, or 'full'"
                    )
