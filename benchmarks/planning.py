"""Planning: what it costs to find that nothing is to be done."""

import statistics
import subprocess
import sys
import time

from timing import Effort, Row, UnavailableError

BOUND_S = 4.0
DRY_RUN = (sys.executable, "-m", "snakemake", "--dry-run")


def plan_finished(name: str, effort: Effort) -> Row:
    """Wall time of `snakemake --dry-run` on a finished study, against the bound set for it."""
    seconds = []
    for _ in range(effort.repeats):
        start = time.perf_counter()
        done = subprocess.run(DRY_RUN, capture_output=True, text=True, check=False)
        seconds.append(time.perf_counter() - start)
        if "Nothing to be done" not in done.stdout + done.stderr:
            raise UnavailableError("the study in results/ is not finished: run make first")
    note = "wall seconds of snakemake --dry-run on finished results; reference: the bound"
    return Row(name, statistics.median(seconds), BOUND_S, note)


ROWS = {"plan_finished": plan_finished}
