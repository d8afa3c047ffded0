"""Jobs inherit the allocator's settings and find the package."""

import os
from pathlib import Path

from unstuck.environment import ALLOCATOR, prepare_environment


def test_what_the_user_set_stays_and_the_package_comes_first() -> None:
    environment = {"PYTHONPATH": "/a", "MALLOC_TOP_PAD_": "1"}
    prepare_environment(Path("/src"), environment)
    prepare_environment(Path("/src"), environment)
    assert environment["PYTHONPATH"] == os.pathsep.join(["/src", "/a"])
    assert environment["MALLOC_TOP_PAD_"] == "1"
    assert environment["MALLOC_MMAP_THRESHOLD_"] == ALLOCATOR["MALLOC_MMAP_THRESHOLD_"]
