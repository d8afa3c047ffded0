"""What one run is, how its rate is chosen, and which runs a cell of an experiment asks for."""

import hashlib
import json
from collections.abc import Mapping
from functools import cached_property
from typing import Any, Literal, Self, get_args

from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, PositiveFloat, PositiveInt, model_validator

from unstuck.data.transforms import permuted_labels
from unstuck.optim.coefficients import OPTIMIZERS, Coefficients
from unstuck.optim.schedules import SCHEDULES, ScheduleSpec
from unstuck.population.spec import NetworkSpec

LossName = Literal["cross_entropy", "squared_error", "softmax_squared_error", "class_number"]
Order = Literal["reshuffled", "fixed", "sorted"]
Precision = Literal["float32", "float64"]
EndCriterion = Literal["validation_loss", "validation_accuracy", "train_loss"]
ArrivalCriterion = Literal["updates_to_accuracy", "updates_to_loss"]
Criterion = EndCriterion | ArrivalCriterion
Scalar = bool | int | float | str

#: most units of a cell
MOST_UNITS = 1000


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """Copy, without the identity that was worked out for other values."""
        copied = super().model_copy(update=update, deep=deep)
        for name in copied.__dict__.keys() - type(self).model_fields.keys():
            del copied.__dict__[name]
        return copied


class Recipe(_Frozen):
    """A run without its learning rate and its seed."""

    dataset: str = Field(description="Name of the dataset.")
    data: str = Field(description="Digest of the dataset's specification.")
    network: NetworkSpec = Field(description="Architecture and initialisation.")
    source: str | None = Field(
        None, description="SHA-256 of the source of a network of kind `module`."
    )
    loss: LossName = Field("cross_entropy", description="Training loss.")
    optimizer: Coefficients = Field(description="Row of coefficients of the update rule.")
    schedule: ScheduleSpec = Field(description="Factor of the base rate at each update.")
    subset: PositiveInt | None = Field(
        None, description="Train on the first so many training samples; on all if left out."
    )
    relabel: int = Field(
        0,
        ge=0,
        description="Seed of a permutation of the class numbers; 0: as the data have them.",
    )
    batch_size: PositiveInt | Literal["full"] = Field(32, description="Samples per update.")
    epochs: PositiveInt | None = Field(None, description="Budget in passes over the data.")
    updates: PositiveInt | None = Field(None, description="Budget in updates.")
    evaluations: PositiveInt = Field(
        20, description="Evenly spaced measurements, besides the one at the start."
    )
    stop_loss: PositiveFloat | None = Field(
        None,
        description="Stop as soon as the loss on all training samples is at or below this, within "
        "the budget; train to the end of the budget if left out.",
    )
    order: Order = Field("reshuffled", description="Order of the samples.")
    dtype: Precision = Field("float32", description="Number format of the training.")

    @model_validator(mode="after")
    def _one_budget(self) -> Self:
        if (self.epochs is None) == (self.updates is None):
            raise ValueError("give either epochs or updates as the budget, not both or neither")
        return self

    @cached_property
    def digest(self) -> str:
        """SHA-256 of the canonical JSON of the recipe."""
        fields = {name: getattr(self, name) for name in sorted(Recipe.model_fields)}
        for name in ("source", "subset", "stop_loss"):
            if fields[name] is None:
                del fields[name]  # left out, the run is the one it was before there was the field
        if self.relabel == 0:
            del fields["relabel"]  # likewise
        content = {
            name: value.model_dump(mode="json") if isinstance(value, BaseModel) else value
            for name, value in fields.items()
        }
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    def at(self, lr: float, seed: int) -> "RunSpec":
        """Return the run of this recipe at one base rate, from one seed.

        The recipe is taken as checked: this is called once for each of many thousand runs.
        """
        run = RunSpec.model_construct(
            **{name: getattr(self, name) for name in Recipe.model_fields}, lr=float(lr), seed=seed
        )
        run.__dict__["digest"] = self.digest
        return run

    def labels(self, y: NDArray[Any], classes: int) -> NDArray[Any]:
        """Return class numbers `[N]` as this recipe has them."""
        return permuted_labels(y, classes, self.relabel) if self.relabel else y

    def trained_on(self, available: int) -> int:
        """Samples that a run is trained on, of `available` training samples."""
        return available if self.subset is None else min(self.subset, available)

    def samples(self, available: int) -> int:
        """Samples of a batch of this recipe, of `available` training samples."""
        return self.trained_on(available) if self.batch_size == "full" else self.batch_size

    def updates_per_epoch(self, available: int) -> int:
        """Updates of one pass over `available` training samples; the last may be a smaller one."""
        return -(-self.trained_on(available) // self.samples(available))

    def total_updates(self, available: int) -> int:
        """Updates of a run on `available` training samples."""
        if self.updates is not None:
            return self.updates
        return int(self.epochs or 0) * self.updates_per_epoch(available)


def plain(network: NetworkSpec, optimizer: str, batch_size: int, updates: int) -> Recipe:
    """Return the recipe of a built-in optimizer at a constant rate, outside any study."""
    return Recipe(
        dataset="",
        data="",
        network=network,
        optimizer=OPTIMIZERS[optimizer],
        schedule=SCHEDULES["constant"],
        batch_size=batch_size,
        updates=updates,
        evaluations=1,
    )


class RunSpec(Recipe):
    """One training of one network: a value for every field, and a seed."""

    lr: PositiveFloat = Field(description="Base learning rate.")
    seed: int = Field(ge=0, description="Seed of the initial weights and of the data order.")

    @cached_property
    def run_id(self) -> str:
        """First 16 hex digits of the SHA-256 of the recipe's digest, the rate and the seed."""
        text = f"{self.digest}|{float(self.lr)!r}|{self.seed}"
        return hashlib.sha256(text.encode()).hexdigest()[:16]


def require_target(by: str | None, given: bool) -> None:
    """Refuse a criterion of arrival without a target, and a target that nothing arrives at.

    Raises
    ------
    ValueError
        If one is without the other.
    """
    if given != (by in get_args(ArrivalCriterion)):
        names = " or ".join(get_args(ArrivalCriterion))
        raise ValueError(f"a target belongs to tuning by {names}; give both or neither")


class Tune(_Frozen):
    """Choose the learning rate in a race: all of a grid on the first units, the best on all."""

    rates: tuple[PositiveFloat, ...] = Field(min_length=1, description="Rates, ascending.")
    extensions: int = Field(
        4, ge=0, description="How many rates the grid may grow by when its best lies on an edge."
    )
    by: Criterion = Field(
        "validation_loss",
        description="What the best rate is best at, on average over units: a measurement after "
        "the last update, or the logarithm of the updates to a target.",
    )
    target: PositiveFloat | None = Field(
        None, description="Training accuracy (share) or loss to arrive at, where `by` is how soon."
    )
    heat: PositiveInt = Field(4, description="The first so many units run every rate.")
    finalists: PositiveInt = Field(
        3, description="So many rates, the best of the first units, run on all units."
    )

    @model_validator(mode="after")
    def _ascending(self) -> Self:
        if any(high <= low for low, high in zip(self.rates, self.rates[1:], strict=False)):
            raise ValueError(f"rates must ascend without repetition, not {list(self.rates)}")
        return self

    @model_validator(mode="after")
    def _target_for_arrival(self) -> Self:
        require_target(self.by, self.target is not None)
        return self


class Cell(_Frozen):
    """One cell of an experiment's grid: a recipe, how its rate is had, and its units."""

    labels: dict[str, Scalar] = Field(
        default_factory=dict, description="Named values of the axes, columns of the tables."
    )
    run: Recipe = Field(description="What all runs of the cell share.")
    rate: PositiveFloat | Tune = Field(description="A fixed base rate, or how to choose it.")
    seeds: int = Field(ge=1, le=MOST_UNITS, description="How many units.")
    first_unit: int = Field(0, ge=0, description="Number of the first of them.")

    @property
    def units(self) -> range:
        """Seeds of the cell's units: of the data split, the initial weights and the order."""
        return range(self.first_unit, self.first_unit + self.seeds)

    @cached_property
    def key(self) -> str:
        """Identity of a cell among those of a job: its recipe, rate, labels and units.

        The units are part of it, since the choice of a rate hangs on all of them.
        """
        rate: Any = self.rate
        if isinstance(rate, Tune):
            # without what is left out, as before there were targets
            rate = rate.model_dump(mode="json", exclude_none=True)
        units = [self.first_unit, self.seeds]
        text = json.dumps([self.run.digest, rate, self.labels, units], sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]
