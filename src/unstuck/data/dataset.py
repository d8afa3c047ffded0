"""A prepared dataset in memory and on disk: one split a unit, stacked."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np

from unstuck.data.transforms import PARTS, Part
from unstuck.errors import DataError
from unstuck.files import read_json, read_safetensors, write_json, write_safetensors

TENSORS = tuple(f"{kind}_{part}" for part in PARTS for kind in "xy")


@dataclass(frozen=True, eq=False)
class Split:
    """Training, validation and test samples of one unit."""

    x_train: np.ndarray  # float32 [N, *shape], shape (features,), (C, L) or (C, H, W)
    y_train: np.ndarray  # int64 [N]
    x_validation: np.ndarray
    y_validation: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    classes: int

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.x_train.shape[1:])

    @cached_property
    def sha256(self) -> str:
        """Digest of type, shape and little-endian bytes of every array."""
        digest = hashlib.sha256()
        for name in TENSORS:
            array = getattr(self, name)
            little = np.ascontiguousarray(array, dtype=array.dtype.newbyteorder("<"))
            digest.update(f"{name} {little.dtype.name} {little.shape} ".encode())
            digest.update(little.data)
        return digest.hexdigest()


@dataclass(frozen=True, eq=False)
class Dataset:
    """The splits of all units, part by part on top of each other, and the card of them.

    The card's `units` is a list, in the order in which the splits are stacked, of what is
    particular to each: the number of the unit, the digest of its samples, and facts. Where its
    `splits` is `one` there is a single split, which is that of every unit.

    Examples
    --------
    >>> import unstuck
    >>> spec = unstuck.DatasetSpec(source="digits", train=64, validation=32, test=32)
    >>> dataset = unstuck.prepare(spec, units=[0, 1])
    >>> dataset.units, dataset.samples("train"), dataset.input_shape
    ((0, 1), 64, (1, 8, 8))
    """

    tensors: Mapping[str, np.ndarray]  # x_train [U*N, *shape], y_train [U*N], and so on
    classes: int
    card: Mapping[str, Any]

    @classmethod
    def of(
        cls,
        splits: Mapping[int, Split],
        card: Mapping[str, Any] | None = None,
        facts: Mapping[int, Mapping[str, Any]] | None = None,
    ) -> Self:
        """Stack the splits of some units, beside what describes all and each of them."""
        arrays = {name: [getattr(split, name) for split in splits.values()] for name in TENSORS}
        tensors = {
            name: np.concatenate(parts) if len(parts) > 1 else parts[0]
            for name, parts in arrays.items()
        }
        units = [
            {"unit": unit, "sha256": split.sha256, **(facts or {}).get(unit, {})}
            for unit, split in splits.items()
        ]
        classes = next(iter(splits.values())).classes
        return cls(tensors, classes, {**(card or {}), "classes": classes, "units": units})

    @property
    def input_shape(self) -> tuple[int, ...]:
        """Shape of one sample."""
        return tuple(self.tensors["x_train"].shape[1:])

    @cached_property
    def units(self) -> tuple[int, ...]:
        """Numbers of the units, in the order in which their splits are stacked."""
        return tuple(int(each["unit"]) for each in self.card["units"])

    def samples(self, part: Part) -> int:
        """Samples N that a part of one unit has."""
        return len(self.tensors[f"y_{part}"]) // len(self.units)

    def row(self, unit: int, part: Part) -> int:
        """First row of a unit's samples in a stacked part.

        Raises
        ------
        DataError
            If there is no split of that unit.
        """
        return self._place(unit) * self.samples(part)

    def unit(self, unit: int) -> Split:
        """Give the split of a unit, as views of the stacked parts.

        Raises
        ------
        DataError
            If there is no split of that unit.
        """
        arrays: dict[str, np.ndarray] = {}
        for part in PARTS:
            first = self.row(unit, part)
            rows = slice(first, first + self.samples(part))
            arrays |= {f"{kind}_{part}": self.tensors[f"{kind}_{part}"][rows] for kind in "xy"}
        return Split(**arrays, classes=self.classes)

    def sha256(self, unit: int) -> str:
        """Digest of the samples of a unit, as the card has it."""
        return str(self.card["units"][self._place(unit)]["sha256"])

    def save(self, tensors_path: str | os.PathLike[str], card_path: str | os.PathLike[str]) -> None:
        """Write the arrays as safetensors, and the card with the digest of each split as JSON.

        Raises
        ------
        StorageError
            If a file cannot be written; what stood there before is left as it was.
        """
        write_safetensors(tensors_path, self.tensors)
        write_json(card_path, self.card)

    @classmethod
    def load(
        cls,
        tensors_path: str | os.PathLike[str],
        card_path: str | os.PathLike[str],
        digest: str | None = None,
    ) -> Self:
        """Read a dataset that :meth:`save` wrote.

        Parameters
        ----------
        digest
            Of the description that it must be prepared from; any if left out.

        Raises
        ------
        DataError
            If a file is missing or damaged, the arrays are not those of the card, or the dataset
            is another.
        """
        card = read_json(card_path)
        arrays = read_safetensors(tensors_path)
        try:
            loaded = cls(arrays, card["classes"], card)
            sound = set(arrays) == set(TENSORS) and loaded._is_whole()
        except (AttributeError, LookupError, TypeError, ValueError, ZeroDivisionError):
            sound = False
        if not sound:
            raise DataError(
                f"{os.fspath(tensors_path)} does not match its card {os.fspath(card_path)}; "
                "delete both and run snakemake again to make them anew."
            )
        if digest not in (None, card.get("digest")):
            raise DataError(
                f"{os.fspath(tensors_path)} was prepared from other data than the study now names; "
                "run snakemake again to make it anew."
            )
        return loaded

    def _is_whole(self) -> bool:
        """Return whether the parts are the splits of the card, and nothing else."""
        rows = {part: len(self.units) * self.samples(part) for part in PARTS}
        return all(
            len(self.tensors[f"{kind}_{part}"]) == rows[part] for kind in "xy" for part in PARTS
        ) and all(self.unit(unit).sha256 == self.sha256(unit) for unit in self.units)

    @cached_property
    def _places(self) -> Mapping[int, int]:
        return {unit: place for place, unit in enumerate(self.units)}

    def _place(self, unit: int) -> int:
        if self.card.get("splits") == "one":
            return 0
        if unit not in self._places:
            raise DataError(
                f"the prepared dataset has no split of unit {unit}, but of {self.units[0]} to "
                f"{self.units[-1]}; delete it and run snakemake again to make it anew."
            )
        return self._places[unit]
