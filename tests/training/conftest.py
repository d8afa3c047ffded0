"""A small dataset, and recipes of runs on it."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import pytest

from unstuck.data.dataset import Dataset, Split
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.schedules import SCHEDULES
from unstuck.population.spec import NetworkSpec
from unstuck.training.spec import Recipe

MakeDataset = Callable[..., Dataset]


@pytest.fixture(scope="session")
def make_dataset() -> MakeDataset:
    """Make overlapping clusters, one a class; a split for each unit, or one for all."""

    def make(
        train: int = 256,
        others: int = 64,
        shape: tuple[int, ...] = (16,),
        classes: int = 4,
        units: Sequence[int] = (),
    ) -> Dataset:
        random = np.random.default_rng(0)
        centres = random.normal(size=(classes, *shape))

        def part(size: int) -> tuple[np.ndarray, np.ndarray]:
            labels = random.integers(0, classes, size)
            noise = random.normal(size=(size, *shape))
            return (centres[labels] + noise).astype(np.float32), labels.astype(np.int64)

        splits = {
            unit: Split(*part(train), *part(others), *part(others), classes=classes)
            for unit in units or (0,)
        }
        return Dataset.of(splits, {"splits": "each" if units else "one"})

    return make


@pytest.fixture(scope="session")
def dataset(make_dataset: MakeDataset) -> Dataset:
    return make_dataset()


@pytest.fixture
def make_recipe() -> Callable[..., Recipe]:
    """Make a recipe; optimizer and schedule go by name, fields of the network as `network`."""

    def make(
        optimizer: str = "adam",
        schedule: str = "constant",
        network: dict[str, Any] | None = None,
        **fields: Any,
    ) -> Recipe:
        if "epochs" not in fields:
            fields.setdefault("updates", 20)
        fields.setdefault("evaluations", 2)
        return Recipe(
            dataset="clusters",
            data="0",
            network=NetworkSpec(**{"hidden": (16, 16), **(network or {})}),
            optimizer=OPTIMIZERS[optimizer],
            schedule=SCHEDULES[schedule],
            **fields,
        )

    return make
