"""A prepared dataset in memory and on disk."""

import hashlib
import os
from dataclasses import dataclass
from typing import Any, Self

import numpy as np

from unstuck.errors import DataError
from unstuck.files import read_json, read_safetensors, write_json, write_safetensors

TENSORS = ("x_train", "y_train", "x_validation", "y_validation", "x_test", "y_test")


@dataclass(frozen=True, eq=False)
class Dataset:
    """Training, validation and test samples, and the card that says what they are."""

    x_train: np.ndarray  # float32 [N, *shape], shape (features,), (C, L) or (C, H, W)
    y_train: np.ndarray  # int64 [N]
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int
    card: dict[str, Any]

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.x_train.shape[1:])

    @property
    def tensors(self) -> dict[str, np.ndarray]:
        """The six arrays by name."""
        return {name: getattr(self, name) for name in TENSORS}

    def save(self, tensors_path: str | os.PathLike[str], card_path: str | os.PathLike[str]) -> None:
        """Write the arrays as safetensors and the card, with their checksums, as JSON.

        Raises
        ------
        StorageError
            If a file cannot be written; what stood there before is left as it was.
        """
        write_safetensors(tensors_path, self.tensors)
        write_json(card_path, self.card)

    @classmethod
    def load(cls, tensors_path: str | os.PathLike[str], card_path: str | os.PathLike[str]) -> Self:
        """Read a dataset that :meth:`save` wrote.

        Raises
        ------
        DataError
            If a file is missing or damaged, or the arrays are not those of the card.
        """
        card = read_json(card_path)
        arrays = read_safetensors(tensors_path)
        if not isinstance(card, dict) or tensor_checksums(arrays) != card.get("tensors"):
            raise DataError(
                f"{os.fspath(tensors_path)} does not match its card {os.fspath(card_path)}; "
                "delete both and run snakemake again to make them anew."
            )
        return cls(**arrays, classes=card["classes"], card=card)


def tensor_checksums(arrays: dict[str, np.ndarray]) -> dict[str, str]:
    """Give the sha256 of each array's type, shape and little-endian bytes."""
    digests = {}
    for name, array in sorted(arrays.items()):
        little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
        digest = hashlib.sha256(f"{little.dtype.name} {little.shape} ".encode())
        digest.update(little.data)
        digests[name] = digest.hexdigest()
    return digests
