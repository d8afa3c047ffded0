"""The binary version of CIFAR-10, read from its archive without unpacking it to disk."""

import io
import tarfile
import zlib

import numpy as np

from unstuck.errors import DataError

FOLDER = "cifar-10-batches-bin"
TRAIN_MEMBERS = tuple(f"{FOLDER}/data_batch_{number}.bin" for number in range(1, 6))
TEST_MEMBER = f"{FOLDER}/test_batch.bin"
SHAPE = (3, 32, 32)
RECORD = 1 + 3 * 32 * 32  # a label, then the red, green and blue planes, row by row
MOST_RECORDS = 10_000  # of a member


def parse_cifar10(content: bytes) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Read training and test images and labels from ``cifar-10-binary.tar.gz``.

    Only members of exactly the published names are read, into memory; no name in the archive is
    ever used as a path.

    Returns
    -------
    Training images uint8 ``[N, 3, 32, 32]``, their labels int64 ``[N]``, the same of the test.

    Raises
    ------
    DataError
        If the archive is damaged, lacks a member, or a member is not made of whole records.
    """
    wanted = {*TRAIN_MEMBERS, TEST_MEMBER}
    records: dict[str, np.ndarray] = {}
    try:
        with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
            for member in archive:
                if member.name in wanted and member.name not in records and member.isreg():
                    records[member.name] = _records(archive, member)
    except (tarfile.TarError, EOFError, OSError, zlib.error) as error:
        raise DataError(f"the archive of CIFAR-10 is truncated or damaged ({error}).") from error
    missing = sorted(wanted - records.keys())
    if missing:
        raise DataError(f"the archive of CIFAR-10 lacks {', '.join(missing)}.")
    train = np.concatenate([records[name] for name in TRAIN_MEMBERS])
    return *_images_and_labels(train), *_images_and_labels(records[TEST_MEMBER])


def _records(archive: tarfile.TarFile, member: tarfile.TarInfo) -> np.ndarray:
    if member.size == 0 or member.size % RECORD or member.size > MOST_RECORDS * RECORD:
        raise DataError(
            f"{member.name} in the archive of CIFAR-10 has {member.size:,} bytes, which is not "
            f"1 to {MOST_RECORDS:,} records of {RECORD:,} bytes."
        )
    file = archive.extractfile(member)
    values = b"" if file is None else file.read()
    if len(values) != member.size:
        raise DataError(f"{member.name} in the archive of CIFAR-10 is truncated.")
    return np.frombuffer(values, np.uint8).reshape(-1, RECORD)


def _images_and_labels(records: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return records[:, 1:].reshape(-1, *SHAPE), records[:, 0].astype(np.int64)
