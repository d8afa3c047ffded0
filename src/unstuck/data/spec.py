"""The typed description of a prepared dataset: which source, how split, how changed."""

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal, Self

import numpy as np
from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    field_validator,
    model_validator,
)

from unstuck.complaints import few, one_of
from unstuck.data.own import FileSpec
from unstuck.data.sources import SOURCES, Source
from unstuck.data.split import largest_remainder
from unstuck.data.transforms import PatternTransform, Transform

OWN = "file"
SourceName = Literal["digits", "mnist1d", "mnist5k", "mnist", "fashion_mnist", "cifar10", "file"]


class DatasetSpec(BaseModel):
    """Everything that decides the samples of a prepared dataset.

    A size left out is the source's default; of one's own data that is a fifth
    for validation, a fifth for test, and what is left for training.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    source: SourceName = Field(description="Which dataset; `file` is one of your own.")
    file: FileSpec | None = Field(
        default=None, description="For `source: file`: where it lies, and what of it is learnt."
    )
    only: tuple[int, ...] | None = Field(
        default=None,
        min_length=2,
        description="Classes that are kept, by their numbers, and numbered anew in this order; "
        "all if left out.",
    )
    validation: int = Field(
        default_factory=lambda given: _default_sizes(given)[1],
        ge=1,
        description="Validation samples, drawn from the same pool as training; default by source.",
    )
    test: int = Field(
        default_factory=lambda given: _default_sizes(given)[2],
        ge=1,
        description="Test samples, from the official test part where there is one; "
        "default by source.",
    )
    train: int = Field(
        default_factory=lambda given: _default_sizes(given)[0],
        ge=1,
        description="Training samples; default by source.",
    )
    splits: Literal["each", "one"] = Field(
        default="each",
        description="`each`: every unit draws its own stratified split, by its number: test and "
        "validation first, so that they do not depend on how many train. Where there is an "
        "official test part the test samples are drawn from it, all others from the rest. `one`: "
        "all units share the split of unit 0, for data too large to be held once a unit.",
    )
    standardise: Literal["feature", "global", "none"] = Field(
        default="feature",
        description="Mean 0 and variance 1 by statistics of the training part: of each feature "
        "(constant ones become 0), of all values together, or not at all (images: 0 to 1). "
        "For images whose border pixels are rarely lit, global is the gentler choice.",
    )
    pca: int | None = Field(
        default=None,
        ge=1,
        description="Keep this many leading principal components of the standardised training "
        "part; a sample becomes a vector.",
    )
    pca_whiten: bool = Field(
        default=False, description="Divide each principal component by its standard deviation."
    )
    transforms: tuple[Transform, ...] = Field(
        default=(),
        description="Changes to the data, each kind at most once: resize, shift and permute (in "
        "this list's order, before standardisation), scale (after it), label_noise, brightness.",
    )
    folder: str | None = Field(
        default=None,
        description="Folder that holds the source's files, plain or gzipped, in place of a "
        "download; Debian's dataset-fashion-mnist is in /usr/share/datasets/fashion-mnist.",
    )
    mirror: str | None = Field(
        default=None,
        description="Base URL to download the source's files from, in place of public mirrors.",
    )

    @property
    def origin(self) -> Source:
        """Facts of the source."""
        return SOURCES[self.source] if self.file is None else _source_of(self.file, self.only)

    @property
    def classes(self) -> int:
        """Number of classes."""
        return len(self.class_names)

    @property
    def class_names(self) -> tuple[str, ...]:
        """Names of the classes, by number."""
        names = self.origin.class_names
        return names if self.only is None else tuple(names[label] for label in self.only)

    @property
    def pattern_transforms(self) -> tuple[PatternTransform, ...]:
        """Those transforms that act on raw patterns, in order."""
        return tuple(t for t in self.transforms if isinstance(t, PatternTransform))

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one prepared sample, known without reading data."""
        if self.pca is not None:
            return (self.pca,)
        return self._pattern_shape()

    @property
    def digest(self) -> str:
        """Sixteen hexadecimal digits that change with any field that can change the samples."""
        content = self.model_dump(mode="json", exclude={"folder", "mirror"})
        for name in ("only", "file"):
            if content[name] is None:
                del content[name]  # as it was before a choice could be made
        if self.file is not None:
            del content["file"]["path"]  # the checksum of what lies there is in it
        text = json.dumps(content, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def _pattern_shape(self) -> tuple[int, ...]:
        shape = self.origin.shape
        for transform in self.pattern_transforms:
            shape = transform.output_shape(shape)
        return shape

    @field_validator("source", mode="before")
    @classmethod
    def _known_source(cls, value: Any) -> Any:
        return one_of(value, (*SOURCES, OWN), what="dataset")

    @model_validator(mode="after")
    def _file_is_given(self) -> Self:
        if self.source == OWN and self.file is None:
            raise ValueError("source: file needs file, such as {path: mine.csv, target: class}")
        if self.source != OWN and self.file is not None:
            raise ValueError(f"file is given, but the source is {self.source}; take source: file")
        return self

    @model_validator(mode="after")
    def _classes_exist(self) -> Self:
        known = len(self.origin.class_names)
        if self.only is not None and (
            len(set(self.only)) < len(self.only) or not all(0 <= c < known for c in self.only)
        ):
            raise ValueError(
                f"only = {list(self.only)}, but classes of {self.origin.name} have the numbers "
                f"0 to {known - 1}, each once"
            )
        return self

    @model_validator(mode="after")
    def _sizes_fit(self) -> Self:
        pool, test_pool = self.origin.pool, self.origin.test_pool
        if test_pool is None:
            total = self.train + self.validation + self.test
            if pool is not None and total > pool:
                raise ValueError(
                    f"train + validation + test = {total:,}, "
                    f"but {self.origin.name} has {pool:,} samples"
                )
            return self
        if pool is not None and self.train + self.validation > pool:
            raise ValueError(
                f"train + validation = {self.train + self.validation:,}, "
                f"but the training part of {self.source} has {pool:,} samples"
            )
        if self.test > test_pool:
            raise ValueError(
                f"test = {self.test:,}, "
                f"but the test part of {self.source} has {test_pool:,} samples"
            )
        return self

    @model_validator(mode="after")
    def _classes_can_be_learnt(self) -> Self:
        """Hold own data against what a stratified split makes of its classes."""
        if self.file is None:
            return self
        left = _class_sizes(self.file, self.only)
        if left.min() == 1:
            raise ValueError(
                f"the class {self.class_names[left.argmin()]!r} of {self.file.name} has one "
                "sample, which cannot be both learnt and tested; add more, or keep other classes "
                "by only"
            )
        for size in (self.test, self.validation):
            left -= largest_remainder(size, left)
        trained = largest_remainder(self.train, left)
        if trained.min() == 0:
            raise ValueError(
                f"none of {self.train:,} training samples is of the class "
                f"{self.class_names[trained.argmin()]!r} of {self.file.name}; ask for more, or "
                "keep other classes by only"
            )
        return self

    @model_validator(mode="after")
    def _transforms_fit(self) -> Self:
        kinds = [transform.kind for transform in self.transforms]
        repeated = sorted({kind for kind in kinds if kinds.count(kind) > 1})
        if repeated:
            raise ValueError(f"the transform {repeated[0]} is given more than once")
        if self.pattern_transforms and len(self.origin.shape) == 1:
            raise ValueError(
                f"{self.pattern_transforms[0].kind} is for patterns of channels and places, and "
                f"samples of {self.origin.name} have the shape {self.origin.shape}"
            )
        if "shift" in kinds and (self.standardise == "feature" or self.pca is not None):
            # features outside the training range are constant there, so they would become 0
            raise ValueError(
                "shift needs standardise: global or none, and no pca, since statistics of each "
                "feature of the training range would erase test patterns outside it"
            )
        features = math.prod(self._pattern_shape())
        most = min(features, self.train)
        if self.pca is not None and self.pca > most:
            raise ValueError(
                f"pca = {self.pca}, but {self.train:,} training samples of {features:,} features "
                f"have at most {most:,} components"
            )
        if self.pca_whiten and self.pca is None:
            raise ValueError("pca_whiten needs pca, the number of components")
        return self

    @model_validator(mode="after")
    def _place_fits(self) -> Self:
        for key in ("folder", "mirror"):
            if getattr(self, key) is not None and not self.origin.files:
                raise ValueError(
                    f"{key} is given, but {self.origin.name} comes with an installed package"
                    if self.file is None
                    else f"{key} is not for source: file; its place is file.path"
                )
        if self.folder is not None and self.mirror is not None:
            raise ValueError("folder and mirror exclude each other; give one")
        return self


def _default_sizes(given: Mapping[str, Any]) -> tuple[int, int, int]:
    """Training, validation and test samples where a size is left out."""
    if given["source"] != OWN:
        return SOURCES[given["source"]].sizes
    if given["file"] is None:
        return 1, 1, 1  # refused for that
    sizes = _source_of(given["file"], given["only"]).sizes
    rest = sum(sizes) - given.get("validation", 0) - given.get("test", 0)
    return max(1, rest), sizes[1], sizes[2]


def _class_sizes(file: FileSpec, only: Sequence[int] | None) -> np.ndarray:
    """Samples of each class that is kept, int64 ``[C]``."""
    sizes = np.bincount(file.content.y, minlength=len(file.content.class_names))
    return sizes if only is None else sizes[list(only)]


def _source_of(file: FileSpec, only: Sequence[int] | None) -> Source:
    """Facts of a file, of which some classes are kept."""
    content = file.content
    known = range(len(content.class_names))
    kept = [number for number in known if only is None or number in only]
    samples = int(_class_sizes(file, kept).sum())
    fifth = max(1, samples // 5)
    return Source(
        name=file.name,
        title=f"{file.name}: {few(content.class_names[number] for number in kept)}",
        shape=content.shape,
        class_names=content.class_names,
        pool=samples,
        test_pool=None,
        sizes=(max(1, samples - 2 * fifth), fifth, fifth),
        citation="",
        url="",
        licence="",
    )
