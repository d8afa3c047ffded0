"""The description of a network: everything but its input shape, its classes and its weights."""

import math
from typing import Annotated, Any, Literal, Self

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    PositiveFloat,
    PositiveInt,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

Kind = Literal["dense", "conv1d", "conv2d", "local1d", "local2d", "module"]
Activation = Literal["tanh", "relu", "sigmoid"]
Placement = Literal["off", "before", "after"]

Value = bool | int | float | str

#: what a network of kind `module` is described by
OF_MODULES = ("file", "package", "name", "arguments")
#: fields that a network without their effect is described without, so that they change no identity
_OPTIONAL = ("repeat", "batchnorm_noise", "initial_bias", *OF_MODULES)


class NetworkSpec(BaseModel):
    """A network of hidden layers of one kind, followed by a linear layer.

    That has one output per class, or as many as the loss asks for.

    Convolutional kinds end in `pool` before the linear layer; local ones have weights of their own
    at every place of a map. The convolutional fields are ignored by a dense network. Kind `module`
    is a `torch.nn.Module` of your own (docs/tutorials/my-network.md), which says all else itself.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field("dense", description="Kind of the hidden layers.")
    hidden: tuple[PositiveInt, ...] = Field(
        (32, 16), description="Units (dense) or channels (convolution) of each hidden layer."
    )
    repeat: Annotated[int, Field(ge=1, le=1000)] = Field(
        1, description="How many times the list of hidden layers is repeated, one after another."
    )
    kernel: PositiveInt = Field(3, description="Side of the convolution kernel, in samples.")
    stride: PositiveInt = Field(1, description="Step of the convolution kernel, in samples.")
    padding: Literal["same"] | Annotated[int, Field(ge=0)] = Field(
        "same",
        description="Zeros at each end of each axis; same: (kernel - 1) / 2, odd kernels only.",
    )
    pool: Literal["mean", "flatten"] = Field(
        "mean", description="How maps become features: the mean of each channel, or every place."
    )
    activation: Activation = Field("tanh", description="Non-linearity of the hidden layers.")
    batchnorm: Placement = Field(
        "off", description="Batch normalisation before or after each activation, or off."
    )
    batchnorm_momentum: float = Field(
        0.1, ge=0, le=1, description="Weight of the newest batch in the running statistics."
    )
    batchnorm_noise: float = Field(
        0.0,
        ge=0,
        description="Noise put behind every batch normalisation in training: at each update a "
        "shift of each feature from N(0, noise²) and a factor exp(N(0, noise²)).",
    )
    init: Literal["glorot", "he", "lecun"] = Field(
        "glorot", description="Rule for the variance of the initial weights."
    )
    init_distribution: Literal["uniform", "normal"] = Field(
        "uniform", description="Distribution of the initial weights."
    )
    init_scale: PositiveFloat = Field(
        1.0, description="Factor on the standard deviation of the initial weights."
    )
    initial_bias: float = Field(
        0.0,
        ge=0,
        description="Initial bias of one output, drawn by the seed; that of all others is 0. Where "
        "it is large the network starts sure that every sample is of that class.",
    )

    file: str | None = Field(None, description="Kind `module`: the Python file that holds it.")
    package: str | None = Field(
        None, description="Kind `module`: what to import it from, of an installed package."
    )
    name: str | None = Field(
        None, description="Kind `module`: its class, or a function that makes it."
    )
    arguments: dict[str, Value | list[Value]] = Field(
        {}, description="Kind `module`: the keyword arguments of that."
    )

    def __hash__(self) -> int:
        # arguments that compare equal, such as 1 and true, are not the same
        said = self.model_dump_json() if self.kind == "module" else (self.kind, self.hidden)
        return hash((said, self.activation, self.batchnorm, self.init))

    @model_validator(mode="after")
    def _a_module_says_the_rest_itself(self) -> Self:
        if self.kind != "module":
            # this is asked of every point of a grid
            if own := self.model_fields_set.intersection(OF_MODULES):
                first = min(own, key=OF_MODULES.index)
                raise ValueError(f"{first} belongs to kind: module, and this is {self.kind}")
            return self
        given = [name for name in type(self).model_fields if name in self.model_fields_set]
        if other := [name for name in given if name not in ("kind", *OF_MODULES)]:
            raise ValueError(
                f"{other[0]} means nothing to kind: module, which takes {', '.join(OF_MODULES)}"
            )
        if self.name is None or (self.file is None) == (self.package is None):
            raise ValueError("kind: module needs a name, and either the file or the package of it")
        return self

    @model_validator(mode="after")
    def _same_padding_needs_odd_kernel(self) -> Self:
        if self.kind != "dense" and self.padding == "same" and self.kernel % 2 == 0:
            raise ValueError(
                f"padding 'same' needs an odd kernel, not {self.kernel}: "
                "choose an odd kernel or an integer padding"
            )
        return self

    @model_serializer(mode="wrap")
    def _without_idle_fields(self, plain: SerializerFunctionWrapHandler) -> dict[str, Any]:
        if self.kind == "module":
            return {"kind": "module"} | {
                name: getattr(self, name) for name in OF_MODULES if name in self.model_fields_set
            }
        fields = type(self).model_fields
        idle = [name for name in _OPTIONAL if getattr(self, name) == fields[name].default]
        return {name: value for name, value in plain(self).items() if name not in idle}

    @property
    def origin(self) -> str:
        """Where the code of a module comes from: its file or package; empty for other kinds."""
        return self.file or self.package or ""

    @property
    def widths(self) -> tuple[int, ...]:
        """Units or channels of every hidden layer, from input to output."""
        return self.hidden * self.repeat

    @property
    def margin(self) -> int:
        """Zeros added at each end of each axis by a convolution."""
        return (self.kernel - 1) // 2 if self.padding == "same" else self.padding

    def hidden_weights(self, input_shape: tuple[int, ...]) -> int:
        """Count the weights of the hidden layers; of a module, which says itself, none.

        Parameters
        ----------
        input_shape
            Shape of a sample, channels first.

        Raises
        ------
        ValueError
            If the layers do not take such samples.
        """
        if self.kind == "module":
            return 0
        features, *sides = (math.prod(input_shape),) if self.kind == "dense" else input_shape
        if self.kind != "dense" and len(sides) != (axes := int(self.kind[-2])):
            raise ValueError(
                f"a {self.kind} network needs samples of {axes + 1} axes, channels first, not of "
                f"shape {input_shape}"
            )
        count, patch = 0, self.kernel ** len(sides)
        for number, width in enumerate(self.widths, start=1):
            sides = [(side + 2 * self.margin - self.kernel) // self.stride + 1 for side in sides]
            if min(sides, default=1) < 1:
                raise ValueError(
                    f"hidden layer {number} of input {input_shape}: kernel {self.kernel} is larger "
                    "than its map; use fewer layers, a smaller kernel or stride, or padding"
                )
            places = math.prod(sides) if self.kind.startswith("local") else 1
            count += features * patch * width * places
            features = width
        return count
