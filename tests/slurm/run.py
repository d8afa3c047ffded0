"""Run every rule on a real Slurm and compare the results with a run on this machine.

Usage: make test-slurm (root, Debian).
"""

import filecmp
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from checkout import reproducible
from cluster import NODES, WITH_PARENT, ClusterError, Job, jobs, virtual_cluster

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
RUN_SECONDS = 1200
RESULTS = Path("results/slurm")
STUDY = ("--configfile", "tests/slurm/study.yaml")
SLURM = ("--profile", f"{ROOT}/profiles/slurm")
ARRAYS = ("--profile", f"{ROOT}/profiles/slurm-arrays")
# tests need not spare the controller
EAGER = ("--slurm-init-seconds-before-status-checks", "2", "--latency-wait", "10")


class CheckError(Exception):
    """Something that must hold does not."""


def check(holds: bool, what: str) -> None:
    if not holds:
        raise CheckError(what)
    print(f"ok: {what}", flush=True)


def snakemake(folder: Path, *arguments: str) -> None:
    """Run Snakemake in a folder; it must succeed in time."""
    command = [*WITH_PARENT, sys.executable, "-m", "snakemake", *arguments]
    started = time.monotonic()
    with (folder / "snakemake.log").open("ab") as log:
        done = subprocess.run(
            command,
            cwd=folder,
            env={**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(folder / "src")},
            stdout=log,
            stderr=log,
            timeout=RUN_SECONDS,
            check=False,
        )
    if done.returncode:
        tail = (folder / "snakemake.log").read_text(errors="replace").splitlines()[-60:]
        raise CheckError(f"snakemake {' '.join(arguments)} failed:\n" + "\n".join(tail))
    print(f"{time.monotonic() - started:.0f} s: snakemake {' '.join(arguments)}", flush=True)


def copy_workflow(to: Path) -> None:
    """Copy of this repository's files: runs leave nothing in it, and edits do not reach them."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    for name in filter(None, listed.stdout.split("\0")):
        if (ROOT / name).is_file():
            (to / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, to / name)


def check_retry(folder: Path) -> None:
    """A failed job is tried again with more memory and time."""
    shutil.copy2(HERE / "retry" / "Snakefile", folder)
    snakemake(folder, *SLURM, *EAGER)
    asked = [(job.state, job.memory, job.minutes, job.gpus) for job in jobs()]
    expected = [("FAILED", "100M", 5, 1), ("COMPLETED", "200M", 10, 1)]
    check(asked == expected, f"the second attempt asks for more memory and time: {asked}")


def check_jobs(ran: list[Job]) -> None:
    """Training jobs asked for a GPU, got it, and ran on both nodes."""
    train = [job for job in ran if job.rule == "train"]
    for job in train:
        print(f"   train job {job.fields['JobId']}: {job.node}, {job.gpus_given} GPU, {job.state}")
    check(bool(train), f"{len(ran)} jobs ran, {len(train)} of them training")
    check(all(job.state == "COMPLETED" for job in ran), "every job completed")
    check(all(job.gpus == job.gpus_given == 1 for job in train), "each asked for a GPU and got it")
    check({job.node for job in train} == set(NODES), "training ran on both nodes")
    check(any(job.in_array for job in train), "training jobs were submitted as an array")
    dataset = [job for job in ran if job.rule == "dataset"]
    check(all(job.gpus == 0 for job in dataset), "preparing data asked for no GPU")


def check_results(slurm: Path, local: Path) -> None:
    """Both runs wrote the same files with the same bytes."""
    names = reproducible(local)
    check(bool(names) and reproducible(slurm) == names, f"both wrote the same {len(names)} files")
    different = filecmp.cmpfiles(slurm, local, names, shallow=False)[1:]
    check(different == ([], []), f"every byte is the same {different if any(different) else ''}")


def main() -> int:
    # so that a termination unwinds as Ctrl-C does: daemons stopped, configuration removed
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    targets = sys.argv[1:]
    with tempfile.TemporaryDirectory(prefix="unstuck-test-slurm-") as name:
        folder = Path(name)
        slurm, local, retry = (folder / each for each in ("slurm", "local", "retry"))
        try:
            copy_workflow(slurm)
            shutil.copytree(slurm, local)
            retry.mkdir()
            with virtual_cluster():
                check_retry(retry)
                earlier = {job.fields["JobId"] for job in jobs()}
                snakemake(slurm, *targets, *SLURM, *ARRAYS, *EAGER, *STUDY)
                check_jobs([job for job in jobs() if job.fields["JobId"] not in earlier])
            snakemake(local, *targets, *STUDY)
            check_results(slurm / RESULTS, local / RESULTS)
        except (CheckError, ClusterError, subprocess.TimeoutExpired) as error:
            print(f"failed: {error}", file=sys.stderr)
            return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
