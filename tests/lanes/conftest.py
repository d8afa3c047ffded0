"""A library of this checkout's own, built once if the one beside the source is missing or stale."""

import pytest

from unstuck.errors import KernelError
from unstuck.lanes import build, library


@pytest.fixture(scope="session", autouse=True)
def built_kernel() -> None:
    try:
        library.load()
    except KernelError:
        build.build(build.LIBRARY)
        library._opened.cache_clear()
