"""Fields of components that an experiment may vary on their own, and values of axes."""

import json
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, TypeAdapter, ValidationError

from unstuck.complaints import complaint
from unstuck.optim.coefficients import Coefficients
from unstuck.optim.schedules import ScheduleSpec
from unstuck.population.spec import OF_MODULES, NetworkSpec
from unstuck.training.spec import Scalar

#: begins an axis over a keyword argument of a network of kind `module`
ARGUMENT = "arguments."

#: fields that are none of `OVERRIDES`, and what is varied instead
NO_AXES = {
    **dict.fromkeys(("hidden", "kind"), "networks, and name them in network"),
    "shape": "schedules, and name them in schedule",
}

#: fields of an architecture, an optimizer or a schedule that an experiment may vary on its own
OVERRIDES: Mapping[str, type[BaseModel]] = {
    field: model
    for model, fields in (
        (NetworkSpec, tuple(n for n in NetworkSpec.model_fields if n not in ("kind", *OF_MODULES))),
        (Coefficients, tuple(Coefficients.model_fields)),
        (ScheduleSpec, tuple(ScheduleSpec.model_fields)),
    )
    for field in fields
    if field not in NO_AXES
}

#: of these fields, where they count: a field of the same component, and its values that let them
COUNTING: Mapping[str, tuple[str, tuple[Any, ...]]] = {
    field: where
    for where, fields in {
        ("kind", ("conv1d", "conv2d", "local1d", "local2d")): "kernel stride padding pool",
        ("batchnorm", ("before", "after")): "batchnorm_momentum batchnorm_noise",
        ("shape", ("step",)): "every drop",
        ("shape", ("cosine", "linear")): "final",
        ("accumulator", ("sum", "mean", "exponential")): "epsilon epsilon_scaled",
    }.items()
    for field in fields.split()
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


def checked_overrides(given: Any) -> Any:
    if not isinstance(given, Mapping):
        return given
    return {
        key: _override(key, value) if key in OVERRIDES else value for key, value in given.items()
    }


#: values of axes; an override's are checked as the field that it replaces
Where = Annotated[dict[str, Scalar | list[Scalar]], BeforeValidator(checked_overrides)]


def matches(point: Mapping[str, Any], where: Mapping[str, Any]) -> bool:
    """Whether a point of a grid has the values wanted (one value an axis, or a list of them)."""
    return all(
        point[axis] in (wanted if isinstance(wanted, list) else [wanted])
        for axis, wanted in where.items()
    )
