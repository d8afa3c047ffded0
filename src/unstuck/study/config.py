"""The typed model of a study: the single truth about what ``config.yaml`` may say."""

import math
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    Field,
    PlainValidator,
    StringConstraints,
    ValidationInfo,
    WithJsonSchema,
    field_validator,
    model_validator,
)

from unstuck.complaints import one_of, shown
from unstuck.data.spec import DatasetSpec
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.schedules import SCHEDULES
from unstuck.population.spec import NetworkSpec
from unstuck.study.analyses.base import AnalysisBase
from unstuck.study.analyses.kinds import parse_analysis
from unstuck.study.analyses.kinds import schema as analysis_schema
from unstuck.study.experiment import Experiment
from unstuck.study.fields import RESULTS_PATTERN, Count, Name, Rate, Section, Tolerance
from unstuck.study.paths import not_a_room
from unstuck.study.report import ReportSettings
from unstuck.training.spec import EndCriterion, Scalar

MOST_RATES = 100


class RateGrid(Section):
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


class Tuning(Section):
    """How the rate of every run with ``lr: tuned`` is chosen: in a race.

    All rates of the grid run on the first units of a cell (the heat), and more beyond its edge
    while the best lies there; the best of them (the finalists) run on all units, and the one that
    is best over all of them is taken.
    """

    rates: dict[str, RateGrid] = Field(
        default_factory=dict,
        description="Grid per optimizer; `default` serves those without one.",
    )
    heat: Count = Field(
        default=4, description="The first so many units of a cell run every rate of the grid."
    )
    finalists: Count = Field(default=3, description="The best so many rates run on all units.")
    by: EndCriterion = Field(
        default="validation_loss", description="What the best rate is best at, at the end."
    )
    extensions: Annotated[int, Field(ge=0)] = Field(
        default=4, description="How many rates a grid may grow by when its best lies on an edge."
    )

    def grid(self, optimizer: str) -> RateGrid | None:
        """The grid of an optimizer, or the default one."""
        return self.rates.get(optimizer, self.rates.get("default"))


class Execution(Section):
    """Where and how the runs are computed; nothing here changes a result's meaning."""

    device: Literal["auto", "cpu", "cuda"] = Field(
        default="auto", description="`auto` takes a GPU where there is one."
    )
    engine: Literal["auto", "lanes", "torch"] = Field(
        default="auto",
        description=(
            "What trains: `lanes`, the kernel whose bits are the same on every processor (float32 "
            "on the CPU); `torch`, anything; `auto`, lanes but where torch is faster or alone can."
        ),
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
                "Axes that split the training jobs of a group of experiments, beside `dataset`. A "
                "new value of one of these plans new jobs only; a new value of any other axis "
                "reopens the jobs it belongs to, which then train just the runs that are new."
            ),
        )
    )
    most_cells: Count = Field(
        default=100_000,
        description="Cells of all grids beyond which a study is taken for a mistake.",
    )
    train_minutes: Count = Field(default=30, description="Runtime asked for a training job.")
    train_mb: Count = Field(default=1500, description="Memory asked for a training job.")
    gpus: Annotated[int, Field(ge=0)] = Field(
        default=0, description="GPUs asked for a training job, a measurement or an analysis."
    )

    @model_validator(mode="after")
    def _lanes_are_on_the_cpu(self) -> Self:
        if self.engine == "lanes" and self.device == "cuda":
            raise ValueError("engine: lanes trains on the CPU; take device: cpu, or engine: auto")
        return self

    def resolved_device(self, gpu_available: bool) -> str:
        """The device to compute on: `auto` is a GPU where there is one."""
        if self.device == "auto":
            return "cuda" if gpu_available else "cpu"
        return self.device


class Curvature(Section):
    """How the Hessians of endpoints are measured."""

    tolerance: Tolerance = 1e-6


#: an entry of `analyses`, checked by the model of its kind
Analysis = Annotated[
    AnalysisBase, PlainValidator(parse_analysis), WithJsonSchema(analysis_schema())
]


class Study(Section):
    """A whole study: datasets, networks, experiments, and the claims they bear on."""

    title: str = Field(description="Name of the study, shown in the report.")
    description: str = Field(default="", description="What the study is, shown in the report.")
    results: Annotated[
        str, StringConstraints(pattern=RESULTS_PATTERN), AfterValidator(not_a_room)
    ] = Field(description="Folder of all output: `results` or one below it, of no other study.")
    first_unit: Annotated[int, Field(ge=0)] = Field(
        default=0,
        description="Number of the first unit: a data split with the initial weights and the "
        "order of a run. Seeds of experiments and analyses count from it.",
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
    tuning: Tuning = Field(
        default_factory=Tuning, description="How learning rates are tuned, where any are."
    )
    experiments: dict[Name, Experiment] = Field(description="Grids of runs by name.")
    analyses: dict[Name, Analysis] = Field(
        default_factory=dict, description="Measurements that are no grid of runs, by name."
    )
    curvature: Curvature = Field(default=Curvature(), description="Hessians of endpoints.")
    code: str = Field(
        default="",
        description="Files and packages of networks of kind `module` that may run, with commas "
        "between. Never in a file, only on the command line: `--config code=nets/mine.py`.",
    )
    claims: Literal["all"] | list[str] = Field(
        default="all",
        description="Claims to judge: ids, files such as `my-claims/*.yaml` (docs/claims.md), and "
        "`all`, which takes those whose primary comparison the study's grid holds.",
    )
    report: ReportSettings = Field(default=ReportSettings(), description="How it is reported.")
    notes: str | None = Field(
        default=None, description="A reader's own notes, a text whose lines stand beside ours."
    )
    execution: Execution = Field(default=Execution(), description="Where and how runs compute.")

    @field_validator("optimizers", "schedules")
    @classmethod
    def _names_are_new(cls, given: Any, about: ValidationInfo) -> Any:
        for name in given:
            if name in (OPTIMIZERS if about.field_name == "optimizers" else SCHEDULES):
                raise ValueError(f"{name!r} is built in; give yours another name")
        return given

    @field_validator("claims")
    @classmethod
    def _claims_are_named_once(cls, given: Any) -> Any:
        if twice := [each for each in given if given.count(each) > 1 and given != "all"]:
            raise ValueError(f"{shown(twice[0])} is named more than once")
        return given

    @field_validator("notes")
    @classmethod
    def _notes_are_there(cls, file: str | None) -> str | None:
        if file is None:
            return None
        # of Path, a name that is too long is an error
        if not os.path.isfile(file):
            raise ValueError(
                f"there is no file {shown(file)}; its path is relative to the folder in which "
                "Snakemake works"
            )
        try:
            Path(file).read_text(encoding="utf-8")
        except (OSError, ValueError):
            # the report reads them, when all else is made
            raise ValueError(f"{shown(file)} cannot be read; name a text in UTF-8") from None
        return file

    @model_validator(mode="after")
    def _names_resolve(self) -> Self:
        sections = ("datasets", "networks", "experiments")
        if empty := [section for section in sections if not getattr(self, section)]:
            raise ValueError(f"{empty[0]} is empty; give at least one")
        optimizers = {**OPTIMIZERS, **self.optimizers}
        for name in self.tuning.rates:
            one_of(name, ("default", *optimizers), what="tuning.rates: optimizer")
        for name, experiment in self.experiments.items():
            axes = experiment.axes()
            for axis, known in (
                ("dataset", self.datasets),
                ("network", self.networks),
                ("optimizer", optimizers),
                ("schedule", {**SCHEDULES, **self.schedules}),
            ):
                for value in axes[axis]:
                    one_of(value, known, what=f"experiments.{name}.{axis}:")
            if "tuned" in axes["lr"]:
                for optimizer in axes["optimizer"]:
                    if self.tuning.grid(optimizer) is None:
                        raise ValueError(
                            f"tuning.rates has no grid for {optimizer!r}, which "
                            f"experiments.{name} tunes; add one, or one for all, such as tuning: "
                            "{rates: {default: {low: 0.001, high: 1}}}"
                        )
            if isinstance(experiment.target, dict):
                for dataset in axes["dataset"]:
                    one_of(dataset, experiment.target, what=f"experiments.{name}.target: dataset")
            self._batches_fit(name, axes)
        return self

    @model_validator(mode="after")
    def _analyses_can_be_computed(self) -> Self:
        tables = [f"{name}.{each}" for name, held in self.analyses.items() for each in held.tables]
        for name, analysis in self.analyses.items():
            if name in self.experiments:
                raise ValueError(f"analyses.{name} has the name of an experiment; give it another")
            for dataset in analysis.dataset_names:
                one_of(dataset, self.datasets, what=f"analyses.{name}: dataset")
            for table in analysis.reads:
                one_of(table, tables, what=f"analyses.{name}: table")
            try:
                analysis.check(self.datasets)
            except ValueError as error:
                raise ValueError(f"analyses.{name}: {error}") from error
        return self

    @model_validator(mode="after")
    def _values_are_of_their_axes(self) -> Self:
        # once the names are known: of two that differ the axis may have the mistyped one
        for name, experiment in self.experiments.items():
            try:
                experiment.require_values()
            except ValueError as error:
                raise ValueError(f"experiments.{name}: {error}") from error
        return self

    @model_validator(mode="after")
    def _lanes_take_the_dtypes(self) -> Self:
        for name, experiment in self.experiments.items():
            if self.execution.engine == "lanes" and set(experiment.axes()["dtype"]) != {"float32"}:
                raise ValueError(
                    f"experiments.{name}.dtype: lanes train in float32 alone; take "
                    "execution.engine: auto, which gives float64 to torch"
                )
        return self

    @model_validator(mode="after")
    def _countable(self) -> Self:
        cells = 0
        for name, experiment in self.experiments.items():
            cells += math.prod(map(len, experiment.axes().values()))
            if cells > self.execution.most_cells:
                raise ValueError(
                    f"experiments up to {name} have {cells:,} cells, and execution.most_cells is "
                    f"{self.execution.most_cells:,}; take fewer values, or raise it"
                )
        return self

    @model_validator(mode="after")
    def _code_is_allowed(self) -> Self:
        origins = sorted({each.origin for each in self.networks.values() if each.origin})
        allowed = ",".join(origins)
        for name, network in self.networks.items():
            if network.origin and network.origin not in self.code.split(","):
                raise ValueError(
                    f"networks.{name}: {network.origin} is code, which a study alone does not run; "
                    f"to allow it, give snakemake --config code={allowed}, or put "
                    f"--code {allowed} behind a word of unstuck, such as unstuck check"
                )
        for name, analysis in self.analyses.items():
            if getattr(getattr(analysis, "network", None), "kind", "") == "module":
                raise ValueError(f"analyses.{name}.network: kind: module is for experiments only")
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
