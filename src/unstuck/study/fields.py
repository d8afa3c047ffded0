"""Kinds of fields that several parts of a configuration, or several analyses, have."""

from typing import Annotated

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PositiveInt,
    StringConstraints,
)

from unstuck.population.spec import NetworkSpec

# a name becomes part of a path, so it may hold nothing that leads out of results/
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
RESULTS_PATTERN = r"^results(/[a-z][a-z0-9_]{0,39})?$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Samples = Annotated[PositiveInt, Field(description="The first so many training samples.")]
Networks = Annotated[
    PositiveInt, Field(description="Networks a dataset, one for each of the first so many units.")
]


def _without_batchnorm(network: NetworkSpec) -> NetworkSpec:
    if network.batchnorm != "off":
        raise ValueError(
            f"batchnorm: {network.batchnorm} makes a sample's gradient depend on its batch; take "
            "off here"
        )
    return network


def _dense(network: NetworkSpec) -> NetworkSpec:
    if network.kind != "dense":
        raise ValueError(f"kind: {network.kind} is not looked into here; take dense")
    return network


PlainNetwork = Annotated[NetworkSpec, AfterValidator(_without_batchnorm)]
DenseNetwork = Annotated[NetworkSpec, AfterValidator(_dense)]
Tolerance = Annotated[
    float,
    Field(
        gt=0,
        lt=1,
        description="Eigenvalues below this share of the largest absolute one count as zero.",
    ),
]


class Section(BaseModel):
    """A part of a configuration: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
