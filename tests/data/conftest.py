"""Real files that more than one module of tests reads."""

from pathlib import Path

import pytest

DEBIAN_FASHION_MNIST = Path("/usr/share/datasets/fashion-mnist")


@pytest.fixture(scope="session")
def fashion_mnist_folder() -> Path:
    """Folder of Debian's package dataset-fashion-mnist."""
    if not DEBIAN_FASHION_MNIST.is_dir():
        pytest.skip("Debian's package dataset-fashion-mnist is not installed")
    return DEBIAN_FASHION_MNIST
