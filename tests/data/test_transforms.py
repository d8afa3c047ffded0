"""Each transform against what it is defined to do."""

import numpy as np
import pytest

from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.data.transforms import (
    PARTS,
    Brightness,
    LabelNoise,
    Permute,
    Resize,
    Scale,
    Shift,
    permuted_labels,
)


@pytest.fixture
def images() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(50, 3, 8, 12)).astype(np.float32)


def test_resize_takes_the_mean_of_blocks(images: np.ndarray) -> None:
    pooled = Resize(factor=4).apply(images, "train", 0)
    assert pooled.shape == (50, 3, 2, 3)
    np.testing.assert_allclose(pooled[7, 2, 1, 2], images[7, 2, 4:8, 8:12].mean(), rtol=1e-6)
    assert pooled.dtype == np.float32


def test_resize_of_one_axis() -> None:
    signal = np.arange(8, dtype=np.float32).reshape(1, 1, 8)
    np.testing.assert_array_equal(
        Resize(factor=2).apply(signal, "test", 0), [[[0.5, 2.5, 4.5, 6.5]]]
    )


def test_permute_moves_positions_alike_in_all_samples_channels_and_parts() -> None:
    positions = np.broadcast_to(np.arange(96.0).reshape(8, 12), (5, 3, 8, 12))
    moved = {part: Permute().apply(positions, part, 4) for part in PARTS}
    first = moved["train"][0, 0]
    assert sorted(first.ravel()) == sorted(positions[0, 0].ravel())
    assert not np.array_equal(first, positions[0, 0])
    for part in PARTS:
        np.testing.assert_array_equal(moved[part], np.broadcast_to(first, moved[part].shape))
    assert not np.array_equal(Permute().apply(positions, "train", 5)[0, 0], first)


def test_shift_keeps_training_and_test_patterns_apart(images: np.ndarray) -> None:
    shift = Shift(length=30, train=(0, 3), test=(15, 18))
    placed = {part: shift.apply(np.abs(images) + 1, part, 0) for part in PARTS}
    assert all(placed[part].shape == (50, 3, 8, 30) for part in PARTS)
    for part in ("train", "validation"):
        assert np.all(placed[part][..., 15:] == 0)
    assert np.all(placed["test"][..., :15] == 0)


def test_shift_places_every_pattern_whole_at_offsets_of_the_whole_range(
    images: np.ndarray,
) -> None:
    placed = Shift(length=20, train=(2, 5), test=(0, 0)).apply(images, "train", 0)
    offsets = (placed[:, 0, 0] != 0).argmax(axis=1)
    assert set(offsets) == {2, 3, 4, 5}
    for sample, offset, image in zip(placed, offsets, images, strict=True):
        np.testing.assert_array_equal(sample[..., offset : offset + 12], image)
        assert np.count_nonzero(sample) == np.count_nonzero(image)


def test_scale_spreads_factors_evenly_over_the_ratio(images: np.ndarray) -> None:
    scale = Scale(ratio=1_000.0)
    factors = scale.factors(288, 2)
    logs = np.log10(np.sort(factors))
    np.testing.assert_allclose(logs[-1] - logs[0], 3)
    np.testing.assert_allclose(np.diff(logs), 3 / 287)
    np.testing.assert_allclose(logs.mean(), 0, atol=1e-12)
    scaled = scale.apply(images, 2)
    np.testing.assert_allclose(scaled, images * factors.reshape(3, 8, 12), rtol=1e-6)
    np.testing.assert_array_equal(Scale(ratio=1).apply(images, 2), images)


def test_label_noise_replaces_the_share_by_uniform_classes() -> None:
    y = np.zeros(40_000, np.int64)
    noisy = LabelNoise(share=0.5).apply(y, 10, 0)
    # nine of ten replaced labels are not the true one: 18,000, standard deviation 42
    assert abs(np.sum(noisy != y) - 18_000) < 5 * 42
    counts = np.bincount(noisy, minlength=10)[1:]
    assert np.abs(counts - 2_000).max() < 5 * 42
    np.testing.assert_array_equal(y, 0)


@pytest.mark.parametrize("share", [0.0, 0.25, 1.0])
def test_label_noise_never_touches_more_than_the_share(share: float) -> None:
    y = np.arange(1_000) % 7
    changed = np.sum(LabelNoise(share=share).apply(y, 7, 3) != y)
    assert changed <= round(1_000 * share)
    assert changed > 0.6 * 1_000 * share or share == 0


def test_brightness_ranks_patterns_and_fills_the_classes_of_the_training_part():
    x = np.random.default_rng(0).normal(size=(200, 1, 7)).astype(np.float32)
    bounds = Brightness().bounds(x, 10)
    classes = Brightness().apply(x, bounds)
    assert np.bincount(classes).tolist() == [20] * 10
    order = x.mean(axis=(1, 2), dtype=np.float64).argsort()
    assert (np.diff(classes[order]) >= 0).all()
    assert Brightness().apply(x - 99, bounds).max() == 0
    assert Brightness().apply(x + 99, bounds).min() == 9


def test_units_draw_other_offsets_factors_positions_and_labels(images: np.ndarray) -> None:
    shift = Shift(length=30, train=(0, 9), test=(15, 18))
    y = np.zeros(100, np.int64)
    for drawn in (
        [shift.apply(images, "train", unit) for unit in (0, 1)],
        [Scale(ratio=9).factors(30, unit) for unit in (0, 1)],
        [Permute().apply(images, "train", unit) for unit in (0, 1)],
        [LabelNoise(share=1).apply(y, 10, unit) for unit in (0, 1)],
    ):
        assert not np.array_equal(*drawn)


def test_permuted_labels_are_a_bijection_that_the_seed_decides():
    y = np.arange(10).repeat(3)
    first, again, other = (permuted_labels(y, 10, seed) for seed in (1, 1, 2))
    assert (first == again).all()
    assert (first != other).any()
    assert np.bincount(first).tolist() == [3] * 10
    assert all(len(set(first[y == each])) == 1 for each in range(10))


def test_ordered_classes_are_those_of_the_raw_pattern():
    sizes = {"source": "digits", "train": 96, "validation": 16, "test": 32}
    plain = prepare(DatasetSpec(**sizes), (0,)).unit(0)
    dataset = prepare(DatasetSpec(**sizes, transforms=[{"kind": "brightness"}]), (0,))
    ordered = dataset.unit(0)
    np.testing.assert_array_equal(ordered.x_train, plain.x_train)
    assert np.bincount(ordered.y_train).max() <= 11
    assert dataset.card["class_names"][0] == "brightness 1 of 10"
    assert set(np.unique(ordered.y_test)) <= set(range(10))
