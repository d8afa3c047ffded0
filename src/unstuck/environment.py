"""The environment that the jobs of a workflow inherit, and the checkout they run from."""

import os
import subprocess
from collections.abc import MutableMapping
from pathlib import Path

#: eager CPU tensors spend most of their time in page faults unless freed memory is kept
ALLOCATOR = {
    "MALLOC_MMAP_THRESHOLD_": str(8 * 2**30),
    "MALLOC_TRIM_THRESHOLD_": str(8 * 2**30),
    "MALLOC_TOP_PAD_": str(256 * 2**20),
}


def prepare_environment(source: Path, environment: MutableMapping[str, str] = os.environ) -> None:
    """Set what jobs need before they start; what the user has set of the allocator stays.

    Parameters
    ----------
    source
        Folder of the package, found by jobs in whichever environment they run.
    environment
        What child processes inherit.
    """
    for name, value in ALLOCATOR.items():
        environment.setdefault(name, value)
    given = environment.get("PYTHONPATH", "").split(os.pathsep)
    others = [path for path in given if path and path != str(source)]
    environment["PYTHONPATH"] = os.pathsep.join([str(source), *others])


def commit_of(folder: Path) -> str:
    """Give the commit that a checkout is at, in twelve digits; nothing where there is none."""
    command = ["git", "-C", str(folder), "rev-parse", "--short=12", "HEAD"]
    try:
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return ""
