"""The description of a network: everything but its input shape, its classes and its weights."""

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

Kind = Literal["dense", "conv1d", "conv2d", "local1d", "local2d"]
Activation = Literal["tanh", "relu", "sigmoid"]
Placement = Literal["off", "before", "after"]

#: fields that a network without their effect is described without, so that they change no identity
_OPTIONAL = ("repeat", "batchnorm_noise", "initial_bias")


class NetworkSpec(BaseModel):
    """A network of hidden layers of one kind, followed by a linear layer.

    That has one output per class, or as many as the loss asks for.

    Convolutional kinds end in `pool` before the linear layer; local ones have weights of their own
    at every place of a map. The convolutional fields are ignored by a dense network.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: Kind = Field("dense", description="Kind of the hidden layers.")
    hidden: tuple[PositiveInt, ...] = Field(
        (32, 16), description="Units (dense) or channels (convolution) of each hidden layer."
    )
    repeat: PositiveInt = Field(
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
        fields = type(self).model_fields
        idle = [name for name in _OPTIONAL if getattr(self, name) == fields[name].default]
        return {name: value for name, value in plain(self).items() if name not in idle}

    @property
    def widths(self) -> tuple[int, ...]:
        """Units or channels of every hidden layer, from input to output."""
        return self.hidden * self.repeat

    @property
    def margin(self) -> int:
        """Zeros added at each end of each axis by a convolution."""
        return (self.kernel - 1) // 2 if self.padding == "same" else self.padding
