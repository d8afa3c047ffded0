"""How tests share the machine: a thread a worker, and a worker for those that share fixtures."""

import os
from pathlib import PurePath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

from unstuck.errors import KernelError
from unstuck.lanes import build, library

# read when numpy and torch are loaded: the threads of two workers would wait for each other
os.environ.setdefault("OMP_NUM_THREADS", "1")

#: folders whose tests share a study, one each: the longest pieces, which begin first
TOGETHER = ("workflow", "faults")


class Scheduling(LoadScopeScheduling):
    """Gives tests to workers by file, since a file shares its fixtures, or by folder."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.partition("::")[0]
        folder = PurePath(file).parent.name
        return folder if folder in TOGETHER else file


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    config.option.loadscopereorder = False  # by their number of tests
    return Scheduling(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    items.sort(key=lambda item: item.path.parent.name not in TOGETHER)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--write-faults", action="store_true", help="write docs/faults.md")
    parser.addoption("--write-pages", action="store_true", help="write docs/pages.md")


@pytest.fixture(scope="session")
def writes_faults(request: pytest.FixtureRequest) -> bool:
    """Whether docs/faults.md is to be written, not held against what is seen."""
    return bool(request.config.getoption("--write-faults"))


@pytest.fixture(scope="session", autouse=True)
def built_kernel() -> None:
    """Build the kernel beside its source if it is missing or stale."""
    try:
        library.load()
    except KernelError:
        build.build(build.LIBRARY)
        library._opened.cache_clear()
