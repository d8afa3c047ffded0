"""The IDX and CIFAR-10 formats, well-formed and not."""

import io
import struct
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from unstuck.data.cifar import FOLDER, RECORD, TEST_MEMBER, TRAIN_MEMBERS, parse_cifar10
from unstuck.data.idx import parse_idx
from unstuck.errors import DataError


def idx(values: np.ndarray) -> bytes:
    return struct.pack(f">4B{values.ndim}I", 0, 0, 8, values.ndim, *values.shape) + values.tobytes()


def records(count: int, seed: int) -> bytes:
    rng = np.random.default_rng(seed)
    labels = rng.integers(10, size=(count, 1))
    return (
        np.hstack([labels, rng.integers(256, size=(count, RECORD - 1))]).astype(np.uint8).tobytes()
    )


def archive(members: Mapping[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return buffer.getvalue()


def well_formed() -> dict[str, bytes]:
    members = {name: records(4, seed) for seed, name in enumerate(TRAIN_MEMBERS)}
    return {f"{FOLDER}/readme.html": b"hello", **members, TEST_MEMBER: records(3, 9)}


def test_idx_gives_the_values_back() -> None:
    values = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    np.testing.assert_array_equal(parse_idx(idx(values), "images"), values)


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "images is not an IDX file"),
        (b"\x1f\x8b\x08\x00", "images is not an IDX file"),
        (b"\x00\x00\x0d\x01", "images is not an IDX file"),
        (b"\x00\x00\x08\x03\x00", "ends within its header of 16 bytes"),
        (idx(np.zeros((2, 2), np.uint8))[:-1], "has 15 bytes, but its header says 16"),
        (idx(np.zeros((2, 2), np.uint8)) + b"0", "has 17 bytes, but its header says 16"),
    ],
)
def test_idx_refuses_what_is_not_idx(content: bytes, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_idx(content, "images")


def test_cifar10_gives_images_channels_first_and_labels() -> None:
    members = well_formed()
    x, y, x_test, y_test = parse_cifar10(archive(members))
    assert x.shape == (20, 3, 32, 32)
    assert x_test.shape == (3, 3, 32, 32)
    assert (y.shape, y_test.shape) == ((20,), (3,))
    second = members[TRAIN_MEMBERS[1]]
    assert y[4] == second[0]
    # sample 4, green plane, row 2, column 5
    assert x[4, 1, 2, 5] == second[1 + 1_024 + 2 * 32 + 5]


def test_cifar10_writes_nothing_whatever_the_members_are_called(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    inside = tmp_path / "inside"
    inside.mkdir()
    monkeypatch.chdir(inside)
    evil = {"../evil.bin": b"x", f"{tmp_path}/evil.bin": b"x", f"../{TEST_MEMBER}": records(1, 0)}
    x = parse_cifar10(archive({**evil, **well_formed()}))[0]
    assert len(x) == 20
    assert list(tmp_path.rglob("*")) == [inside]


def test_cifar10_takes_no_member_of_nearly_the_right_name_nor_a_link() -> None:
    members = well_formed()
    outside = f"../{TEST_MEMBER}"
    members[outside] = members.pop(TEST_MEMBER)
    with pytest.raises(DataError, match=f"lacks {TEST_MEMBER}"):
        parse_cifar10(archive(members))
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w:gz") as tar:
        link = tarfile.TarInfo(TEST_MEMBER)
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
        tar.addfile(link)
    with pytest.raises(DataError, match=f"lacks.*{TEST_MEMBER}"):
        parse_cifar10(buffer.getvalue())


@pytest.mark.parametrize("content", [b"", records(2, 0)[:-1]])
def test_cifar10_refuses_broken_records(content: bytes) -> None:
    with pytest.raises(DataError, match=r"test_batch.bin .* is not 1 to 10,000 records"):
        parse_cifar10(archive({**well_formed(), TEST_MEMBER: content}))


@pytest.mark.parametrize("keep", [0, 10, 0.5])
def test_cifar10_refuses_a_truncated_archive(keep: float) -> None:
    whole = archive(well_formed())
    length = int(keep * len(whole)) if isinstance(keep, float) else keep
    with pytest.raises(DataError, match="truncated or damaged"):
        parse_cifar10(whole[:length])
