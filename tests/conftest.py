"""Which tests share a worker: those that share a study which takes long to run."""

from pathlib import PurePath
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

#: folders whose tests share a study, one each
TOGETHER = ("workflow", "faults")


class Scheduling(LoadScopeScheduling):
    """Gives tests to workers one by one, but for those of some folders."""

    def _split_scope(self, nodeid: str) -> str:
        folder = PurePath(nodeid.partition("::")[0]).parent.name
        return folder if folder in TOGETHER else nodeid


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Scheduling:
    return Scheduling(config, log)
