"""How far a study is while it runs: the share of its estimated work, told once a minute."""

import atexit
import re
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path

from unstuck.logs import CPU_LINE
from unstuck.study.paths import Paths
from unstuck.study.plan import Plan

#: seconds between two lines
INTERVAL = 60.0
#: bytes at the end of a log that are read
TAIL = 500
#: as `unstuck.training.progress` writes it
_SHARE = re.compile(r"(\d+)% of the work")


def share_of(log: Path, since: float) -> float:
    """Give the share of a job that is done, by its log; none of one not begun since a time."""
    try:
        if log.stat().st_mtime < since:
            return 0.0
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - TAIL))
            said = file.read().decode(errors="replace")
    except OSError:
        return 0.0
    if said.rstrip().endswith(CPU_LINE):
        return 1.0
    shares = _SHARE.findall(said)
    return int(shares[-1]) / 100 if shares else 0.0


def line(seconds: Mapping[Path, float], since: float, now: float) -> str:
    """Say how far a study is.

    Parameters
    ----------
    seconds
        Estimated seconds of every job that was to be done, by its log.
    since, now
        Seconds of the clock when the study began, and at the moment.
    """
    shares = {log: share_of(log, since) for log in seconds}
    done = sum(seconds[log] * share for log, share in shares.items())
    part = done / (sum(seconds.values()) or 1)
    text = f"{part:.0%} of the estimated work is done"
    text += f" ({list(shares.values()).count(1.0):,} of {len(shares):,} jobs)"
    text += f" after {(now - since) / 60:.0f} min"
    return f"{text}, about {(now - since) * (1 / part - 1) / 60:.0f} min left" if part else text


def watch(
    plan: Plan, claims: Collection[str], logs: Collection[str], say: Callable[[str], None]
) -> threading.Thread:
    """Say once a minute how far a study is, until the program ends and has waited for it.

    Parameters
    ----------
    plan, claims
        The study, and the claims it judges.
    logs
        Those of all jobs that are to be done.
    say
        Takes a line.
    """
    since, ended = time.time(), threading.Event()

    def told() -> None:
        # loads torch, while the first jobs start
        from unstuck.command.work import read_rates, work_of

        rates, paths = read_rates(), Paths(plan.study.results)
        steps = {
            paths.log(name): each.seconds(rates) for name, each in work_of(plan, claims).items()
        }
        seconds = {Path(log): steps.get(log, 0.0) for log in logs}
        while not ended.wait(INTERVAL):
            say(line(seconds, since, time.time()))

    thread = threading.Thread(target=told, daemon=True)

    def end() -> None:
        # an interpreter that goes while the thread loads torch is aborted
        ended.set()
        thread.join()

    atexit.register(end)
    thread.start()
    return thread
