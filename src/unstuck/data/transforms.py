"""Changes to a dataset that a claim asks for: what each does, to which part, and when.

Resize, shift and permute act on the raw pattern, in the order given; scale acts after
standardisation and PCA; label noise acts on the training labels; brightness makes labels of the raw
pattern. What is drawn at random is drawn anew for every unit, from its number.
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from unstuck.arithmetic import exp, log

Part = Literal["train", "validation", "test"]
PARTS: tuple[Part, ...] = ("train", "validation", "test")

PERMUTE_STREAM = 111
SCALE_STREAM = 112
SHIFT_STREAM = 113
LABEL_STREAM = 114
RELABEL_STREAM = 115


class _Transform(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Resize(_Transform):
    """Lower the resolution by the mean over blocks of ``factor`` pixels along each axis."""

    kind: Literal["resize"] = "resize"
    factor: int = Field(
        ge=2, description="Pixels per block along each axis; divides every axis of the pattern."
    )

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give the shape of a sample after the transform; ValueError if it does not fit."""
        if any(length % self.factor for length in shape[1:]):
            raise ValueError(f"resize: factor {self.factor} does not divide the pattern {shape}")
        return (shape[0], *(length // self.factor for length in shape[1:]))

    def apply(self, x: np.ndarray, part: Part, unit: int) -> np.ndarray:
        """Pool ``x [N, C, ...]`` of any part of any unit."""
        blocks: list[int] = []
        for length in x.shape[2:]:
            blocks += [length // self.factor, self.factor]
        axes = tuple(range(3, 2 + len(blocks), 2))
        pooled: np.ndarray = x.reshape(*x.shape[:2], *blocks).mean(axis=axes, dtype=np.float64)
        return pooled.astype(x.dtype)


class Shift(_Transform):
    """Place the pattern on a longer last axis, at offsets that may differ between parts.

    With ``train`` and ``test`` in different halves, no test pattern lies where a training
    pattern lay. Validation follows the training range. The ground is 0 in raw units.
    """

    kind: Literal["shift"] = "shift"
    length: int = Field(ge=1, description="Length of the last axis after placing.")
    train: tuple[int, int] = Field(
        description="Lowest and highest offset of training and validation patterns."
    )
    test: tuple[int, int] = Field(description="Lowest and highest offset of test patterns.")

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give the shape of a sample after the transform; ValueError if it does not fit."""
        room = self.length - shape[-1]
        for name, (low, high) in (("train", self.train), ("test", self.test)):
            if not 0 <= low <= high <= room:
                raise ValueError(
                    f"shift: {name} offsets {low} to {high} do not fit, since a pattern of length "
                    f"{shape[-1]} on length {self.length} leaves offsets 0 to {room}"
                )
        return (*shape[:-1], self.length)

    def apply(self, x: np.ndarray, part: Part, unit: int) -> np.ndarray:
        """Place every sample of ``x [N, C, ..., L]`` at its own offset."""
        low, high = self.test if part == "test" else self.train
        rng = np.random.default_rng([unit, SHIFT_STREAM, PARTS.index(part)])
        offsets = rng.integers(low, high + 1, size=len(x))
        placed = np.zeros((*x.shape[:-1], self.length), x.dtype)
        for offset in range(low, high + 1):
            rows = offsets == offset
            placed[rows, ..., offset : offset + x.shape[-1]] = x[rows]
        return placed


class Permute(_Transform):
    """Permute the pixel positions, alike for all samples, channels and parts of a unit."""

    kind: Literal["permute"] = "permute"

    def output_shape(self, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Give the shape of a sample after the transform: the same."""
        return shape

    def apply(self, x: np.ndarray, part: Part, unit: int) -> np.ndarray:
        """Permute the positions of ``x [N, C, ...]`` of any part."""
        pixels = x.reshape(*x.shape[:2], -1)
        rng = np.random.default_rng([unit, PERMUTE_STREAM])
        return pixels[..., rng.permutation(pixels.shape[-1])].reshape(x.shape)


class Scale(_Transform):
    """Multiply the features by factors spread evenly in the logarithm.

    The largest is ``ratio`` times the smallest, their geometric mean is 1, and the unit says
    which feature gets which.
    """

    kind: Literal["scale"] = "scale"
    ratio: float = Field(ge=1, allow_inf_nan=False, description="Largest factor over smallest.")

    def factors(self, features: int, unit: int) -> np.ndarray:
        """Give the factor of each feature, float64 ``[features]``."""
        rng = np.random.default_rng([unit, SCALE_STREAM])
        exponents = rng.permutation(np.linspace(-0.5, 0.5, features))
        return exp(exponents * log(self.ratio))

    def apply(self, x: np.ndarray, unit: int) -> np.ndarray:
        """Scale ``x [N, *shape]`` of any part."""
        scaled: np.ndarray = x * self.factors(x[0].size, unit).reshape(x.shape[1:])
        return scaled.astype(x.dtype)


class LabelNoise(_Transform):
    """Replace a share of the training labels by classes drawn uniformly (Zhang et al. 2017).

    A drawn class may be the true one. A share of 1 gives random labels.
    """

    kind: Literal["label_noise"] = "label_noise"
    share: float = Field(ge=0, le=1, description="Share of the training labels that is replaced.")

    def apply(self, y: np.ndarray, classes: int, unit: int) -> np.ndarray:
        """Give the labels ``y [N]`` with ``round(share * N)`` of them replaced."""
        rng = np.random.default_rng([unit, LABEL_STREAM])
        chosen = rng.permutation(len(y))[: round(self.share * len(y))]
        noisy = y.copy()
        noisy[chosen] = rng.integers(classes, size=len(chosen))
        return noisy


class Brightness(_Transform):
    """Replace the class by an ordered one: by how bright the raw pattern is in the mean.

    The bounds are quantiles of the training part, so that all classes have about as many samples.
    They follow the pattern transforms that are given.
    """

    kind: Literal["brightness"] = "brightness"

    def bounds(self, x: np.ndarray, classes: int) -> np.ndarray:
        """Give the inner bounds ``[classes - 1]`` from training patterns ``x [N, *shape]``."""
        bounds: np.ndarray = np.quantile(_means(x), np.arange(1, classes) / classes)
        return bounds

    def apply(self, x: np.ndarray, bounds: np.ndarray) -> np.ndarray:
        """Give the class of every pattern of ``x [N, *shape]``, from the darkest up."""
        classes: np.ndarray = np.searchsorted(bounds, _means(x)).astype(np.int64)
        return classes


def _means(x: np.ndarray) -> np.ndarray:
    means: np.ndarray = x.reshape(len(x), -1).mean(axis=1, dtype=np.float64)
    return means


def permuted_labels(y: np.ndarray, classes: int, seed: int) -> np.ndarray:
    """Give the labels ``y [N]`` with the class numbers permuted once, alike for all samples."""
    permutation = np.random.default_rng([seed, RELABEL_STREAM]).permutation(classes)
    permuted: np.ndarray = permutation[y]
    return permuted


PatternTransform = Resize | Shift | Permute
Transform = Annotated[
    Resize | Shift | Permute | Scale | LabelNoise | Brightness, Field(discriminator="kind")
]
