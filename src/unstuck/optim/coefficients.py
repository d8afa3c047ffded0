"""Optimizers as rows of coefficients of one update rule, θ ← θ − η_t · m_t / σ_t.

With g the gradient of the loss, t = 1, 2, ... the number of the update and η the learning rate:

    g ← g + weight_decay · θ                                  (L2; or decoupled, see below)
    s ← accumulator of g²         none, sum, mean, exponential
    σ ← √s + ε                                                 (1 without accumulator)
    m ← average of g              sum (heavy ball) or mean (exponential)
    θ ← θ · (1 − η · weight_decay)                             (decoupled decay only)
    θ ← θ − η · m / σ

Where an optimizer departs from these lines (Nesterov's look-ahead, bias correction, rectification,
RMSProp's momentum of normalised gradients) a field of `Coefficients` says so.
"""

from __future__ import annotations

from functools import lru_cache
from types import MappingProxyType
from typing import Any, Generic, Literal, NamedTuple, Self, TypeVar

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from unstuck.arithmetic import Array, powers
from unstuck.complaints import first_complaint, hint, stopped
from unstuck.errors import ConfigError

Number = TypeVar("Number")
Updates = NDArray[np.int64]

# below this effective number of averaged squares the variance of 1/σ diverges (Liu et al. 2020)
RECTIFIABLE_LENGTH = 5.0


class Terms(NamedTuple, Generic[Number]):
    """The numbers of one update of one optimizer; every optimizer is a choice of these.

    With g the gradient and η the rate:
    ``g ← g + l2 · θ``, ``s ← keep_s · s + take_s · g²``, ``σ = root · √s + floor``,
    ``u = g / σ`` if the gradient is what is normalised, else ``u = g``,
    ``m ← keep_m · m + take_m · u``, ``d = of_m · m + of_u · u``,
    ``θ ← (1 − η · decay) · θ − η · scale · d / σ`` (without σ if u is already normalised).
    """

    l2: Number
    decay: Number
    keep_s: Number
    take_s: Number
    root: Number
    floor: Number
    keep_m: Number
    take_m: Number
    of_m: Number
    of_u: Number
    scale: Number
    early: Number  # 1 if σ divides the gradient before m averages it, else 0


class Coefficients(BaseModel):
    """One optimizer: a row of coefficients of the update rule."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    momentum: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="β₁: the share of the previous direction m that is kept.",
    )
    averaging: Literal["sum", "mean"] = Field(
        default="sum",
        description="How m averages: sum, m ← β₁m + (1 − dampening)g, which starts at the first "
        "gradient (heavy ball); or mean, m ← β₁m + (1 − β₁)g, which starts at 0 (Adam).",
    )
    dampening: float = Field(
        default=0.0, ge=0, le=1, description="The share of each gradient withheld from a summed m."
    )
    nesterov: bool = Field(
        default=False,
        description="Step along g + β₁m, the direction one look-ahead further, not along m.",
    )
    accumulator: Literal["none", "sum", "mean", "exponential"] = Field(
        default="none",
        description="How σ accumulates squared gradients: none (σ = 1), their sum, their mean, or "
        "their exponential average.",
    )
    beta2: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="β₂ (RMSProp's α): the share of the exponential average of squares that is "
        "kept.",
    )
    epsilon: float = Field(
        default=0.0, ge=0, description="ε, added to the root of the accumulator to bound 1/σ."
    )
    epsilon_scaled: bool = Field(
        default=False,
        description="Whether ε shares the factor that turns √s into σ (bias correction, or 1/√t of "
        "the mean): σ = factor · (√s + ε). Otherwise σ = factor · √s + ε.",
    )
    bias_correction: bool = Field(
        default=False,
        description="Divide an averaged m by 1 − β₁ᵗ and an exponential s by 1 − β₂ᵗ, which undoes "
        "their start at 0.",
    )
    rectify: bool = Field(
        default=False,
        description="RAdam: step along m alone while too few squares have been averaged for σ to "
        "be trusted, then scale the step by the rectification term.",
    )
    normalise: Literal["direction", "gradient"] = Field(
        default="direction",
        description="What σ divides: the direction m, or each gradient before m averages it "
        "(RMSProp with momentum).",
    )
    weight_decay: float = Field(
        default=0.0,
        ge=0,
        description="λ, the strength of the weight decay, which acts on every parameter: on biases "
        "too, and on the γ and β of batch normalisation.",
    )
    decoupled_decay: bool = Field(
        default=False,
        description="Shrink θ by 1 − ηλ apart from the gradient (AdamW); otherwise add λθ to the "
        "gradient (L2).",
    )

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.dampening and self.averaging == "mean":
            raise ValueError("dampening belongs to averaging: sum; averaging: mean already damps")
        if self.nesterov and (self.averaging == "mean" or self.dampening or not self.momentum):
            raise ValueError("nesterov needs momentum > 0, averaging: sum and dampening 0")
        if self.beta2 and self.accumulator != "exponential":
            raise ValueError("beta2 belongs to accumulator: exponential")
        if self.rectify and (self.accumulator != "exponential" or not self.bias_correction):
            raise ValueError("rectify needs accumulator: exponential and bias_correction: true")
        if self.normalise == "gradient" and (self.accumulator == "none" or self.rectify):
            raise ValueError("normalise: gradient needs an accumulator and rectify: false")
        return self

    @property
    def l2(self) -> float:
        """λ of the term λ/2 · |θ|² of what is descended; 0 if the decay is decoupled.

        Decoupled decay is the gradient of nothing: where AdamW comes to rest λθ balances the
        normalised direction, not the gradient of the loss (Loshchilov & Hutter 2019, section 3).
        """
        return 0.0 if self.decoupled_decay else self.weight_decay

    @property
    def uses_momentum(self) -> bool:
        """Whether m must be stored."""
        return self.momentum > 0

    @property
    def uses_accumulator(self) -> bool:
        """Whether s must be stored."""
        return self.accumulator != "none"

    @property
    def normalises_gradient(self) -> bool:
        """Whether σ divides the gradient before m averages it; without m the two are the same."""
        return self.normalise == "gradient" and self.uses_momentum

    @property
    def is_steady(self) -> bool:
        """Whether the numbers of an update are the same for all updates but the first."""
        return self.accumulator != "mean" and not (self.bias_correction or self.rectify)

    def terms(self, t: int) -> Terms[float]:
        """Return the numbers of update `t`, counted from 1."""
        if t < 1:
            raise ValueError(f"updates are counted from 1, not {t}")
        block, place = divmod(t - 1, _BLOCK)
        return _terms(self, block)[place]

    def table(self, start: int, stop: int) -> Array:
        """Return the numbers of updates `start:stop`, counted from 1, as rows in `Terms`' order.

        By multiplication, division and roots alone, whose bits are the same on every machine.
        """
        t = np.arange(start, stop)
        keep_m, take_m, scale = self._direction(t)
        keep_s, take_s = self._squares()
        root, floor, rectification = self._normalisation(t)
        terms = Terms[Any](
            l2=self.l2,
            decay=self.weight_decay if self.decoupled_decay else 0.0,
            keep_s=keep_s,
            take_s=take_s,
            root=root,
            floor=floor,
            keep_m=keep_m,
            take_m=take_m,
            of_m=(self.momentum if self.nesterov else 1.0) if self.uses_momentum else 0.0,
            of_u=1.0 if self.nesterov or not self.uses_momentum else 0.0,
            scale=scale * rectification,
            early=float(self.normalises_gradient),
        )
        return np.stack([np.broadcast_to(each, t.shape) for each in terms], axis=1)

    def _direction(self, t: Updates) -> tuple[float, float | Array, float | Array]:
        """How m keeps and takes, and the factor that corrects its bias."""
        if not self.uses_momentum:
            return 0.0, 0.0, 1.0
        if self.averaging == "mean":
            scale = 1 / (1 - powers(self.momentum, t)) if self.bias_correction else 1.0
            return self.momentum, 1 - self.momentum, scale
        # the first gradient enters undamped, as in torch.optim.SGD
        return self.momentum, np.where(t == 1, 1.0, 1 - self.dampening), 1.0

    def _squares(self) -> tuple[float, float]:
        """How s keeps and takes; the mean is stored as a sum and divided when read."""
        if self.accumulator == "none":
            return 0.0, 0.0
        if self.accumulator == "exponential":
            return self.beta2, 1 - self.beta2
        return 1.0, 1.0

    def _normalisation(self, t: Updates) -> tuple[float | Array, float | Array, float | Array]:
        """Root and floor of σ = root · √s + floor, and the factor of rectification."""
        if self.accumulator == "none":
            return 0.0, 1.0, 1.0
        root: float | Array = 1.0
        if self.accumulator == "mean":
            root = 1 / np.sqrt(t)
        elif self.accumulator == "exponential" and self.bias_correction:
            root = 1 / np.sqrt(1 - powers(self.beta2, t))
        floor = self.epsilon * root if self.epsilon_scaled else self.epsilon
        if not self.rectify:
            return root, floor, 1.0
        rectification = _rectification(self.beta2, t)
        waits = np.isnan(rectification)
        return (
            np.where(waits, 0, root),
            np.where(waits, 1, floor),
            np.where(waits, 1, rectification),
        )


#: updates whose numbers are worked out together
_BLOCK = 256


@lru_cache(maxsize=256)
def _terms(row: Coefficients, block: int) -> tuple[Terms[float], ...]:
    table = row.table(block * _BLOCK + 1, (block + 1) * _BLOCK + 1)
    return tuple(Terms(*numbers) for numbers in table.tolist())


def rectification_term(beta2: float, t: int) -> float | None:
    """RAdam's factor of the step at update `t`, or None while the variance of 1/σ is unbounded.

    References
    ----------
    Liu et al. 2020, On the variance of the adaptive learning rate and beyond, algorithm 2.
    """
    (term,) = _rectification(beta2, np.array([t]))
    return None if np.isnan(term) else float(term)


def _rectification(beta2: float, t: Updates) -> Array:
    """Return RAdam's factors at updates `t`, NaN while the variance of 1/σ is unbounded."""
    longest = 2 / (1 - beta2) - 1
    power = powers(beta2, t)
    length = longest - 2 * t * power / (1 - power)
    length = np.where(length <= RECTIFIABLE_LENGTH, np.nan, length)
    return np.sqrt((length - 4) * (length - 2) * longest / ((longest - 4) * (longest - 2) * length))


_MOMENTUM: dict[str, Any] = {"momentum": 0.9}
_ADAM: dict[str, Any] = {
    "momentum": 0.9,
    "averaging": "mean",
    "accumulator": "exponential",
    "beta2": 0.999,
    "epsilon": 1e-8,
    "bias_correction": True,
}

OPTIMIZERS: MappingProxyType[str, Coefficients] = MappingProxyType(
    {
        "sgd": Coefficients(),
        "momentum": Coefficients(**_MOMENTUM),
        "nesterov": Coefficients(**_MOMENTUM, nesterov=True),
        "adagrad": Coefficients(accumulator="sum", epsilon=1e-10),
        "adagrad_mean": Coefficients(accumulator="mean", epsilon=1e-10, epsilon_scaled=True),
        "rmsprop": Coefficients(
            accumulator="exponential", beta2=0.99, epsilon=1e-8, normalise="gradient"
        ),
        "adam": Coefficients(**_ADAM),
        "adamw": Coefficients(**_ADAM, weight_decay=0.01, decoupled_decay=True),
        "radam": Coefficients(**_ADAM, rectify=True, epsilon_scaled=True),
    }
)
"""Named optimizers, with the defaults of torch.optim."""

OPTIMIZER_DESCRIPTIONS: MappingProxyType[str, str] = MappingProxyType(
    {
        "sgd": "Gradient descent: θ ← θ − ηg, with the gradient of one batch (Robbins & Monro "
        "1951).",
        "momentum": "Heavy ball: m ← 0.9m + g, and the step follows m (Polyak 1964).",
        "nesterov": "Momentum that steps along g + 0.9m, the direction one look-ahead further "
        "(Nesterov 1983, in the form of Sutskever et al. 2013).",
        "adagrad": "Each parameter's rate is divided by the root of the sum of its squared "
        "gradients (Duchi et al. 2011).",
        "adagrad_mean": "Adagrad as the lecture defines it: the rate is divided by the root of the "
        "mean of all squared gradients, so that it does not decay by itself. With the schedule "
        "inverse_sqrt it is adagrad exactly.",
        "rmsprop": "The rate is divided by the root of an exponential average of squared "
        "gradients, which forgets old terrain (Tieleman & Hinton 2012).",
        "adam": "RMSProp with momentum and bias correction (Kingma & Ba 2015).",
        "adamw": "Adam whose weight decay shrinks θ apart from the gradient (Loshchilov & Hutter "
        "2019).",
        "radam": "Adam that does without σ until σ can be trusted, and scales the step by the "
        "variance of 1/σ afterwards (Liu et al. 2020).",
    }
)
"""One sentence for each of `OPTIMIZERS`, for the documentation."""


def optimizer(name: str, **overrides: Any) -> Coefficients:
    """Return a named optimizer, with some of its coefficients replaced.

    Examples
    --------
    >>> import unstuck
    >>> unstuck.optimizer("momentum", momentum=0.5).momentum
    0.5

    Raises
    ------
    ConfigError
        If the name is unknown or the coefficients contradict each other.
    """
    if name not in OPTIMIZERS:
        raise ConfigError(stopped(f"Unknown optimizer {name!r}; {hint(name, OPTIMIZERS)}"))
    try:
        return Coefficients.model_validate(OPTIMIZERS[name].model_dump() | overrides)
    except ValidationError as error:
        raise ConfigError(stopped(f"optimizer {name}: {first_complaint(error)}")) from error
