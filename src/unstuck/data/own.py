"""Data of one's own: a CSV, Parquet or NPZ file, or a folder of images, checked as it is read."""

import csv
import errno
import hashlib
import os
import struct
import warnings
import zipfile
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, field_validator, model_validator

from unstuck.complaints import few, one_of, shown
from unstuck.errors import DataError
from unstuck.files import BAD_VALUES, sha256_of

#: what readers of other libraries make of damaged bytes
DAMAGED = (
    *(*BAD_VALUES, EOFError, RuntimeError, SyntaxError, struct.error),
    *(zipfile.BadZipFile, zlib.error, pd.errors.ParserWarning),
)
IMAGE_FORMATS = ("BMP", "JPEG", "PNG", "TIFF", "WEBP")
IMAGE_CHANNELS = {"L": 1, "RGB": 3}  # by Pillow's name of a mode


@dataclass(frozen=True, eq=False)
class OwnData:
    """What a file holds."""

    x: Callable[[], NDArray[Any]]  # reads the samples [N, *shape]
    shape: tuple[int, ...]  # (features,), (C, L) or (C, H, W)
    y: NDArray[np.int64]  # numbers of the classes [N]
    class_names: tuple[str, ...]  # in the order of their numbers
    unit: float = 1  # x / unit is the natural scale
    columns: tuple[str, ...] = ()  # names of the features of a table


class FileSpec(BaseModel):
    """Data of one's own, for `source: file`. The content of the files decides, not their place.

    A table's values are numbers, without gaps; classes are words or whole numbers, and get their
    numbers in sorted order.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    path: str = Field(
        min_length=1,
        description="A file .csv (separated by comma, semicolon or tab), .parquet or .npz, or a "
        "folder of images with a folder for each class. Relative to the folder in which Snakemake "
        "works: where it was started, or its `--directory`.",
    )
    target: str | None = Field(
        default=None,
        description="Column or array that holds the classes; not for images, whose folders do.",
    )
    inputs: tuple[str, ...] | None = Field(
        default=None,
        min_length=1,
        description="Columns of a table that a network sees, all but the target if left out; of an "
        "NPZ file the one array of samples, [N, features], [N, C, L] or [N, C, H, W].",
    )
    categorical: tuple[str, ...] = Field(
        default=(),
        description="Those inputs of a table that become a column of 0 and 1 for each of their "
        "values, behind the others.",
    )
    sha256: str | None = Field(
        default=None,
        description="Checksum that the content must have; found when the study is read if left "
        "out. Changed content makes another dataset, whose runs are trained anew.",
    )

    @property
    def name(self) -> str:
        """Name of the file or folder, without where it lies."""
        return Path(self.path).name

    @property
    def content(self) -> OwnData:
        """What the file holds, read once."""
        return _read(self.path, self.target, self.inputs, self.categorical, self.sha256)

    @field_validator("inputs", "categorical")
    @classmethod
    def _each_once(cls, names: tuple[str, ...] | None) -> tuple[str, ...] | None:
        twice = [name for name in names or () if (names or ()).count(name) > 1]
        if twice:
            raise ValueError(f"{twice[0]!r} is named more than once")
        return names

    @model_validator(mode="after")
    def _is_sound(self) -> Self:
        try:
            found = _checksum(_place(self.path))
        except OSError as error:
            raise ValueError(
                f"{self.path} cannot be read ({error.strerror}); paths are relative to the folder "
                "in which Snakemake works"
            ) from error
        if self.sha256 not in (None, found):
            raise ValueError(
                f"{self.path} has changed: its sha256 is {found}, and {self.sha256} was asked for; "
                "run snakemake again, or correct sha256 in the study"
            )
        # frozen for others; what was found is part of the description from here on
        self.__dict__["sha256"] = found
        try:
            _ = self.content
        except ValueError as error:
            raise ValueError(f"{self.path}: {error}") from error
        return self


def _place(path: str) -> Path:
    return Path(os.path.expanduser(path))


def _checksum(path: Path) -> str:
    """SHA-256 of a file, or of names and checksums of the images of a folder."""
    if path.is_dir():
        files = [file for each in _visible(path, folders=True) for file in _visible(each)]
        lines = [f"{_checksum(file)}  {file.parent.name}/{file.name}\n" for file in files]
        return hashlib.sha256("".join(lines).encode()).hexdigest()
    if path.exists() and not path.is_file():
        raise OSError(errno.EINVAL, "it is neither a file nor a folder")
    return sha256_of(path)


def _visible(folder: Path, *, folders: bool = False) -> list[Path]:
    """Files of a folder, or its folders, by name, but those that begin with a dot."""
    return sorted(
        path
        for path in folder.iterdir()
        if not path.name.startswith(".") and (path.is_dir() or not folders)
    )


@lru_cache(maxsize=32)
def _read(
    path: str,
    target: str | None,
    inputs: tuple[str, ...] | None,
    categorical: tuple[str, ...],
    sha256: str,  # of what is read, so that a changed file is read again
) -> OwnData:
    """Read and check a file.

    Raises
    ------
    ValueError
        In words that end no sentence, if it is not what can be learnt from.
    """
    place = _place(path)
    if place.is_dir():
        if target is not None or inputs is not None or categorical:
            raise ValueError("a folder of images takes no target, inputs or categorical")
        return _images(place)
    readers: dict[str, Callable[[Path], Any]] = {
        ".csv": _csv,
        ".parquet": pd.read_parquet,
        ".npz": _arrays,
    }
    kind = place.suffix.lower()
    if kind not in readers:
        raise ValueError("it is no .csv, .parquet or .npz file and no folder of images")
    try:
        held = readers[kind](place)
    except DAMAGED as error:
        reason = str(error).strip().partition("\n")[0].rstrip(".")
        raise ValueError(f"it cannot be read as {kind} ({reason})") from error
    names = [str(name) for name in held]
    if target is None:
        raise ValueError(f"target is missing; name what holds the classes, of {few(names)}")
    for key, asked in (("target", (target,)), ("inputs", inputs or ())):
        for name in asked:
            one_of(name, names, what=f"{key}: {'array' if kind == '.npz' else 'column'}")
    others = tuple(name for name in names if name != target) if inputs is None else inputs
    if target in others:
        raise ValueError(f"{shown(target)} is the target, and so no input; leave it out of inputs")
    if isinstance(held, dict):
        if categorical:
            raise ValueError("categorical is for columns of a table, not for arrays")
        return _of_arrays(held, target, others)
    for name in categorical:
        one_of(name, others, what="categorical:")
    unnamed = [number for number, name in enumerate(names, 1) if name.startswith("Unnamed: ")]
    if unnamed and inputs is None:
        raise ValueError(
            f"column {unnamed[0]} has no name, so it may number the rows; name it, or the others "
            "in inputs"
        )
    held.columns = pd.Index(names)
    return _of_table(held, target, list(others), list(categorical))


def _csv(path: Path) -> pd.DataFrame:
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = file.readline()
    try:
        separator = csv.Sniffer().sniff(header, delimiters=",;\t").delimiter
    except csv.Error:  # of one column
        separator = ","
    with warnings.catch_warnings():
        # of rows longer than the first line, which would lose values
        warnings.simplefilter("error", pd.errors.ParserWarning)
        return pd.read_csv(
            path, sep=separator, encoding="utf-8-sig", index_col=False, low_memory=False
        )


def _arrays(path: Path) -> dict[str, NDArray[Any]]:
    with np.load(path, allow_pickle=False) as held:
        if not isinstance(held, np.lib.npyio.NpzFile):
            raise ValueError("it is a single array")
        try:
            return {name: held[name] for name in held.files}
        except ValueError as error:
            if "Object arrays" in str(error):  # which only a pickle could hold
                raise ValueError("it holds objects, or samples of different shapes") from error
            raise


def _of_table(
    frame: pd.DataFrame, target: str, inputs: list[str], categorical: list[str]
) -> OwnData:
    if not inputs or frame.empty:
        raise ValueError(f"it has {len(frame)} rows of {len(inputs)} columns beside the target")
    gaps = {name: frame[name].isna().to_numpy() for name in [*inputs, target]}
    _complete({f"column {name!r}": missing for name, missing in gaps.items()})
    text = [
        f"{name!r} ({_first_text(frame[name])})"
        for name in inputs
        if name not in categorical and not _is_numeric(frame[name])
    ]
    if text:
        raise ValueError(
            f"no numbers stand in the columns {few(text)}; name them in categorical, or leave "
            "them out by inputs"
        )
    numbers = pd.get_dummies(frame[inputs], columns=categorical, prefix_sep="=", dtype=float)
    x = numbers.to_numpy(np.float64)
    names = tuple(map(str, numbers.columns))
    _finite(x, [f"column {name!r}" for name in names])
    y, class_names = _classes(frame[target], f"the column {target!r}")
    return OwnData(lambda: x, x.shape[1:], y, class_names, columns=names)


def _is_numeric(column: "pd.Series[Any]") -> bool:
    kind = column.dtype
    return pd.api.types.is_numeric_dtype(kind) and not pd.api.types.is_complex_dtype(kind)


def _first_text(column: "pd.Series[Any]") -> str:
    """Give the first value of a column that is no number."""
    numbers = pd.to_numeric(column.astype(str), errors="coerce")
    return repr(str(column[numbers.isna()].iloc[0] if numbers.isna().any() else column.iloc[0]))


def _of_arrays(arrays: dict[str, NDArray[Any]], target: str, inputs: tuple[str, ...]) -> OwnData:
    if len(inputs) != 1:
        raise ValueError(f"name in inputs the one array of samples, of {few(inputs) or 'more'}")
    x, labels = arrays[inputs[0]], arrays[target]
    what = f"the array {inputs[0]!r}"
    if x.dtype.kind not in "biuf":
        raise ValueError(f"{what} holds no real numbers ({x.dtype})")
    if x.ndim not in (2, 3, 4) or not x.size:
        raise ValueError(
            f"{what} has the shape {x.shape}; it should be [N, features], [N, C, L] or [N, C, H, W]"
        )
    if labels.shape != (len(x),):
        raise ValueError(
            f"the array {target!r} has the shape {labels.shape}, and {len(x):,} samples should "
            f"have ({len(x)},), one class each"
        )
    if labels.dtype.kind not in "biufU":
        raise ValueError(f"the array {target!r} holds neither words nor numbers ({labels.dtype})")
    _finite(x.reshape(len(x), -1), [what] * x[0].size)
    y, class_names = _classes(pd.Series(labels), f"the array {target!r}")
    return OwnData(lambda: x, x.shape[1:], y, class_names)


def _images(folder: Path) -> OwnData:
    """Read sizes and modes of all images, and their values later."""
    from PIL import Image

    classes = _visible(folder, folders=True)
    files = [file for each in classes for file in _visible(each)]
    counts = [len(_visible(each)) for each in classes]
    if len(classes) < 2:
        raise ValueError("it needs two folders or more, one a class, each with images")
    if 0 in counts:
        raise ValueError(
            f"the folder {classes[counts.index(0)].name} holds no image; each folder is a class"
        )
    kinds: dict[tuple[Any, ...], str] = {}
    for file in files:
        name = f"{file.parent.name}/{file.name}"
        try:
            with Image.open(file, formats=IMAGE_FORMATS) as image:
                kinds.setdefault((*image.size, image.mode), name)
        except (*DAMAGED, Image.DecompressionBombError) as error:
            raise ValueError(f"{name} is no image of {', '.join(IMAGE_FORMATS)}") from error
    if len(kinds) > 1:
        (one, first), (other, second) = list(kinds.items())[:2]
        raise ValueError(
            f"{first} is {_image_words(*one)}, and {second} is {_image_words(*other)}; make all "
            "images alike"
        )
    ((width, height, mode),) = kinds
    if mode not in IMAGE_CHANNELS:
        raise ValueError(f"its images have the mode {mode}; save them as L (grey) or RGB")
    shape = (IMAGE_CHANNELS[mode], height, width)
    y = np.repeat(np.arange(len(classes)), counts)
    names = tuple(each.name for each in classes)
    return OwnData(lambda: _decoded(files, shape), shape, y, names, unit=255)


def _image_words(width: int, height: int, mode: str) -> str:
    return f"{width} × {height} {mode}"


def _decoded(files: list[Path], shape: tuple[int, ...]) -> NDArray[np.uint8]:
    """Read images into ``[N, C, H, W]``."""
    from PIL import Image

    channels, height, width = shape
    x = np.empty((len(files), height, width, channels), np.uint8)
    for number, file in enumerate(files):
        try:
            with Image.open(file, formats=IMAGE_FORMATS) as image:
                x[number] = np.asarray(image).reshape(height, width, channels)
        except DAMAGED as error:
            raise DataError(f"{file} is damaged ({error}); replace the image.") from error
    return np.ascontiguousarray(x.transpose(0, 3, 1, 2))


def _classes(labels: "pd.Series[Any]", what: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Number the classes in sorted order."""
    _complete({what: labels.isna().to_numpy()})
    floating = pd.api.types.is_float_dtype(labels.dtype)
    if floating and (labels % 1 != 0).any():
        broken = labels[labels % 1 != 0].iloc[0]
        raise ValueError(f"{what} holds {broken:g}; classes are words or whole numbers")
    y, found = pd.factorize(labels, sort=True)
    if len(found) < 2:
        raise ValueError(f"{what} has one class only, {str(found[0])!r}; there is nothing to learn")
    return y.astype(np.int64), tuple(str(int(name) if floating else name) for name in found)


def _complete(gaps: dict[str, NDArray[np.bool_]]) -> None:
    """Refuse missing values, by what lacks them."""
    found = [
        f"{name} ({missing.sum():,}, the first in row {missing.argmax() + 1:,})"
        for name, missing in gaps.items()
        if missing.any()
    ]
    if found:
        raise ValueError(f"values are missing in {few(found)}; fill them in, or drop those rows")


def _finite(x: NDArray[Any], names: list[str]) -> None:
    """Refuse samples ``[N, F]`` that float32 cannot hold, and those that are all alike."""
    # not a number is not below either
    sound = np.abs(x.astype(np.float64)) < np.finfo(np.float32).max
    if not sound.all():
        row, column = np.argwhere(~sound)[0]
        raise ValueError(
            f"{names[column]} holds {x[row, column]:g} in row {row + 1:,}; values should be finite "
            "and below 3e38"
        )
    if (x == x[0]).all():
        raise ValueError("all samples are alike; there is nothing to learn")
