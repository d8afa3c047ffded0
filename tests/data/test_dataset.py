"""Datasets on disk: the same back, or one clear sentence."""

import resource
import signal
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from unstuck.data.dataset import TENSORS, Dataset, Split
from unstuck.errors import DataError, StorageError
from unstuck.files import read_json, write_json


def split(seed: int) -> Split:
    rng = np.random.default_rng(seed)
    x = [rng.normal(size=(size, 1, 5)).astype(np.float32) for size in (16, 4, 8)]
    y = [rng.integers(3, size=size) for size in (16, 4, 8)]
    return Split(*(each for pair in zip(x, y, strict=True) for each in pair), classes=3)


@pytest.fixture
def dataset() -> Dataset:
    return Dataset.of({unit: split(unit) for unit in (10, 11, 12)}, {"title": "Points"})


@pytest.fixture
def paths(tmp_path: Path) -> tuple[Path, Path]:
    return tmp_path / "new" / "set.safetensors", tmp_path / "new" / "set.json"


def test_what_is_saved_is_loaded(dataset: Dataset, paths: tuple[Path, Path]) -> None:
    dataset.save(*paths)
    loaded = Dataset.load(*paths)
    assert (loaded.classes, loaded.card, loaded.input_shape) == (3, dataset.card, (1, 5))
    assert loaded.units == (10, 11, 12)
    for name in TENSORS:
        assert loaded.tensors[name].dtype == dataset.tensors[name].dtype
        np.testing.assert_array_equal(loaded.tensors[name], dataset.tensors[name])


def test_one_prepared_from_other_data_is_refused(
    dataset: Dataset, paths: tuple[Path, Path]
) -> None:
    replace(dataset, card={**dataset.card, "digest": "a" * 16}).save(*paths)
    assert Dataset.load(*paths, "a" * 16).classes == 3
    with pytest.raises(DataError, match=r"set.safetensors was prepared from other data than"):
        Dataset.load(*paths, "b" * 16)


def test_saving_twice_gives_the_same_bytes(dataset: Dataset, paths: tuple[Path, Path]) -> None:
    dataset.save(*paths)
    first = [path.read_bytes() for path in paths]
    dataset.save(*paths)
    assert [path.read_bytes() for path in paths] == first


def test_parts_of_units_lie_on_top_of_each_other(dataset: Dataset) -> None:
    for place, unit in enumerate((10, 11, 12)):
        for part, size in (("train", 16), ("validation", 4), ("test", 8)):
            assert dataset.samples(part) == size
            assert dataset.row(unit, part) == place * size
        for name in TENSORS:
            expected = getattr(split(unit), name)
            np.testing.assert_array_equal(getattr(dataset.unit(unit), name), expected)
    with pytest.raises(DataError, match="no split of unit 13, but of 10 to 12"):
        dataset.unit(13)


def test_digest_sees_value_shape_and_type_but_not_memory_layout() -> None:
    base, x = split(0), split(0).x_test
    assert replace(base, x_test=np.asfortranarray(x)).sha256 == base.sha256
    assert replace(base, x_test=x.astype(">f4")).sha256 == base.sha256
    changed = x.copy()
    changed[1, 0, 2] = np.nextafter(changed[1, 0, 2], np.float32(9))
    for other in (changed, x.reshape(8, 5, 1), x.astype(np.float64)):
        assert replace(base, x_test=other).sha256 != base.sha256


@pytest.mark.parametrize("key", ["sha256", "unit"])
def test_tensors_of_another_card_are_refused(
    dataset: Dataset, paths: tuple[Path, Path], key: str
) -> None:
    dataset.save(*paths)
    card = read_json(paths[1])
    if key == "sha256":
        card["units"][1]["sha256"] = "0" * 64
    else:
        del card["units"][2]
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
