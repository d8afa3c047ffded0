"""Kinds of fields that several parts of a configuration have."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# a name becomes part of a path, so it may hold nothing that leads out of results/
NAME_PATTERN = r"^[a-z][a-z0-9_]{0,39}$"
RESULTS_PATTERN = r"^results(/[a-z][a-z0-9_]{0,39})?$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN)]
Count = Annotated[int, Field(ge=1)]
Rate = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class Section(BaseModel):
    """A part of a configuration: what it does not know is an error."""

    model_config = ConfigDict(extra="forbid", frozen=True, protected_namespaces=())
