"""Datasets on disk: the same back, or one clear sentence."""

import resource
import signal
from pathlib import Path

import numpy as np
import pytest

from unstuck.data.dataset import TENSORS, Dataset, tensor_checksums
from unstuck.errors import DataError, StorageError
from unstuck.files import read_json, write_json


@pytest.fixture
def dataset() -> Dataset:
    rng = np.random.default_rng(0)
    tensors = {
        name: rng.normal(size=(16, 1, 5)).astype(np.float32)
        if name.startswith("x")
        else rng.integers(3, size=16)
        for name in TENSORS
    }
    card = {"classes": 3, "tensors": tensor_checksums(tensors)}
    return Dataset(**tensors, classes=3, card=card)


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "new" / "set.safetensors", tmp_path / "new" / "set.json"


def test_what_is_saved_is_loaded(dataset: Dataset, paths: tuple[Path, Path]) -> None:
    dataset.save(*paths)
    loaded = Dataset.load(*paths)
    assert (loaded.classes, loaded.card, loaded.input_shape) == (3, dataset.card, (1, 5))
    for name in TENSORS:
        assert loaded.tensors[name].dtype == dataset.tensors[name].dtype
        np.testing.assert_array_equal(loaded.tensors[name], dataset.tensors[name])


def test_saving_twice_gives_the_same_bytes(dataset: Dataset, paths: tuple[Path, Path]) -> None:
    dataset.save(*paths)
    first = [path.read_bytes() for path in paths]
    dataset.save(*paths)
    assert [path.read_bytes() for path in paths] == first


def test_checksum_sees_value_shape_and_type_but_not_memory_layout() -> None:
    array = np.arange(6.0).reshape(2, 3)
    base = tensor_checksums({"x": array})
    assert tensor_checksums({"x": np.asfortranarray(array)}) == base
    assert tensor_checksums({"x": array.astype(">f8")}) == base
    changed = array.copy()
    changed[1, 2] = np.nextafter(5.0, 6.0)
    for other in (changed, array.reshape(3, 2), array.astype(np.int64)):
        assert tensor_checksums({"x": other}) != base


def test_tensors_of_another_card_are_refused(dataset: Dataset, paths: tuple[Path, Path]) -> None:
    dataset.save(*paths)
    card = read_json(paths[1])
    card["tensors"]["y_test"] = "0" * 64
    write_json(paths[1], card)
    with pytest.raises(DataError, match=r"set.safetensors does not match its card .*set.json"):
        Dataset.load(*paths)


@pytest.mark.parametrize("which", [0, 1])
def test_truncated_or_missing_file_is_named(
    dataset: Dataset, paths: tuple[Path, Path], which: int
) -> None:
    dataset.save(*paths)
    content = paths[which].read_bytes()
    paths[which].write_bytes(content[: len(content) // 2])
    with pytest.raises(DataError, match=paths[which].name):
        Dataset.load(*paths)
    paths[which].unlink()
    with pytest.raises(DataError, match=paths[which].name):
        Dataset.load(*paths)


def test_disk_without_room_leaves_what_stood_there(
    dataset: Dataset, paths: tuple[Path, Path]
) -> None:
    dataset.save(*paths)
    before = {path: path.read_bytes() for path in paths}
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100, limits[1]))
    try:
        with pytest.raises(StorageError, match=r"set.safetensors cannot be written"):
            dataset.save(*paths)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
        signal.signal(signal.SIGXFSZ, handler)
    assert {path: path.read_bytes() for path in paths[0].parent.iterdir()} == before
