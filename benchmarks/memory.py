"""Peak memory of a piece of work, in a process of its own."""

import multiprocessing
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from timing import UnavailableError

STATUS = Path("/proc/self/status")


def peak_mebibytes(prepare: Callable[[], Callable[[], object]]) -> float:
    """Return by how much the work that `prepare` returns raises the memory of a fresh process.

    `prepare`, a function at the top of its module, loads the data and does whatever else does not
    count.

    Raises
    ------
    UnavailableError
        If the system does not tell the peak.
    """
    if not STATUS.exists():
        raise UnavailableError(f"{STATUS} is needed to see peak memory")
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        return pool.submit(_growth, prepare).result()


def _growth(prepare: Callable[[], Callable[[], object]]) -> float:
    work = prepare()
    before = _status("VmRSS")
    work()
    return _status("VmHWM") - before


def _status(field: str) -> float:
    """Read a field in MiB. Unlike that of getrusage, this peak is not inherited from a parent."""
    lines = dict(line.split(":", 1) for line in STATUS.read_text().splitlines())
    return int(lines[field].split()[0]) / 1024
