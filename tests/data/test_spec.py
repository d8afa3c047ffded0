"""What a dataset's description accepts, fills in and refuses."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from pydantic import ValidationError

import unstuck
from unstuck.data.sources import SOURCES
from unstuck.data.spec import DatasetSpec, SourceName


def spec(**content: object) -> DatasetSpec:
    return DatasetSpec.model_validate(content)


def test_every_source_can_be_named() -> None:
    assert set(SourceName.__args__) == {*SOURCES, "file"}


@pytest.mark.parametrize("name", SOURCES)
def test_default_sizes_fit_and_are_multiples_of_16(name: str) -> None:
    described = spec(source=name)
    assert (described.train, described.validation, described.test) == SOURCES[name].sizes
    assert all(size % 16 == 0 for size in SOURCES[name].sizes)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"source": "digit"}, "dataset 'digit' is unknown; did you mean 'digits'?"),
        ({"source": ["digits"]}, r"dataset \['digits'\] is unknown"),
        (
            {"source": "digits", "train": 1_232, "validation": 256, "test": 512},
            r"train \+ validation \+ test = 2,000, but digits has 1,797 samples",
        ),
        (
            {"source": "mnist", "train": 60_000},
            r"train \+ validation = 70,000, but the training part of mnist has 60,000 samples",
        ),
        (
            {"source": "cifar10", "test": 10_001},
            "test = 10,001, but the test part of cifar10 has 10,000 samples",
        ),
        ({"source": "digits", "train": 0}, "greater than or equal to 1"),
        ({"source": "digits", "trian": 16}, "Extra inputs are not permitted"),
        ({"source": "digits", "pca": 65}, "pca = 65.*have at most 64 components"),
        ({"source": "digits", "pca_whiten": True}, "pca_whiten needs pca"),
        ({"source": "digits", "folder": "."}, "folder is given, but digits comes with"),
        ({"source": "mnist1d", "mirror": "http://a"}, "mirror is given, but mnist1d comes with"),
        ({"source": "mnist", "folder": ".", "mirror": "http://a"}, "exclude each other"),
        (
            {"source": "digits", "transforms": [{"kind": "resize", "factor": 3}]},
            r"resize: factor 3 does not divide the pattern \(1, 8, 8\)",
        ),
        (
            {"source": "digits", "transforms": [{"kind": "permute"}, {"kind": "permute"}]},
            "permute is given more than once",
        ),
        (
            {
                "source": "digits",
                "standardise": "global",
                "transforms": [{"kind": "shift", "length": 16, "train": [0, 0], "test": [8, 9]}],
            },
            "test offsets 8 to 9 do not fit.*leaves offsets 0 to 8",
        ),
        (
            {
                "source": "digits",
                "transforms": [{"kind": "shift", "length": 16, "train": [0, 0], "test": [8, 8]}],
            },
            "shift needs standardise: global or none, and no pca",
        ),
        (
            {
                "source": "digits",
                "standardise": "global",
                "pca": 8,
                "transforms": [{"kind": "shift", "length": 16, "train": [0, 0], "test": [8, 8]}],
            },
            "shift needs standardise: global or none, and no pca",
        ),
    ],
)
def test_wrong_content_is_refused_with_a_reason(content: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        spec(**content)


def test_input_shape_is_known_beforehand() -> None:
    shift = {"kind": "shift", "length": 9, "train": [0, 2], "test": [3, 5]}
    resize = {"kind": "resize", "factor": 2}
    assert spec(source="cifar10").input_shape == (3, 32, 32)
    assert spec(source="mnist1d").input_shape == (1, 40)
    assert spec(source="digits", pca=8).input_shape == (8,)
    changed = spec(source="digits", standardise="global", transforms=[resize, shift])
    assert changed.input_shape == (1, 4, 9)


def test_digest_depends_on_samples_and_not_on_where_files_lie() -> None:
    plain = spec(source="mnist").digest
    assert spec(source="mnist", folder="a").digest == plain
    assert spec(source="mnist", mirror="http://a").digest == plain
    assert spec(source="mnist", train=50_000).digest == plain
    assert spec(source="mnist", splits="one").digest != plain
    assert spec(source="mnist", transforms=[{"kind": "permute"}]).digest != plain


def test_plain_values_give_the_same_spec_back() -> None:
    described = spec(
        source="digits", transforms=[{"kind": "scale", "ratio": 10}, {"kind": "permute"}]
    )
    assert DatasetSpec.model_validate(described.model_dump(mode="json")) == described


def test_spec_is_imported_without_torch_or_loaders() -> None:
    code = (
        "import sys, unstuck.data.spec;"
        "print([m for m in ('torch', 'sklearn', 'mlxtend', 'pooch') if m in sys.modules])"
    )
    environment = {**os.environ, "PYTHONPATH": str(Path(unstuck.__file__).parents[1])}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment
    )
    assert done.stdout.strip() == "[]"
