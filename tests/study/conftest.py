"""A small study as plain values, to be bent by each test."""

from typing import Any

import pytest


@pytest.fixture
def config() -> dict[str, Any]:
    return {
        "title": "A test",
        "results": "results",
        "datasets": {"digits": {"source": "digits", "train": 256, "validation": 64, "test": 64}},
        "networks": {"small": {"hidden": [4]}},
        "tuning": {"rates": {"default": {"low": 0.01, "high": 1.0, "per_decade": 2}}},
        "experiments": {
            "grid": {
                "dataset": "digits",
                "network": "small",
                "batch_size": [32, "full"],
                "optimizer": ["sgd", "adam"],
                "batchnorm": ["off", "before"],
                "epochs": 2,
                "seeds": 3,
            }
        },
    }
