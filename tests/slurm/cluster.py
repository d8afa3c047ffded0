"""A real Slurm of two virtual nodes on this machine, as ordinary processes, for tests.

The daemons run in the foreground below a temporary folder, and end with the process that
started them. The configuration lies at /etc/slurm, since Snakemake's executor takes SLURM_CONF
out of a job's environment; a configuration that others wrote is never touched.
"""

import os
import shutil
import socket
import stat
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

ETC = Path("/etc/slurm")
HERE = Path(__file__).parent
MARK = "made by unstuck's tests/slurm"
NODES = ("node1", "node2")
# what Debian calls the packages, and a program of each
PACKAGES = {
    "slurmctld": "slurmctld",
    "slurmd": "slurmd",
    "slurm-client": "squeue",
    "munge": "munged",
}
# ends a process when the one that started it dies, however it does
WITH_PARENT = ("setpriv", "--pdeathsig", "TERM")
CALL_SECONDS = 20
START_SECONDS = 30


class ClusterError(Exception):
    """The virtual cluster cannot be made here, and why."""


@dataclass(frozen=True)
class Job:
    """What Slurm knows of a job, by the names that `scontrol show job` prints."""

    fields: dict[str, str]

    @property
    def rule(self) -> str:
        """Name of the job's Snakemake rule, which the executor writes into the comment."""
        return self.fields["Comment"].removeprefix("rule_").split("_wildcards_")[0]

    @property
    def node(self) -> str:
        return self.fields["NodeList"]

    @property
    def state(self) -> str:
        return self.fields["JobState"]

    @property
    def gpus(self) -> int:
        """GPUs that the job asked for."""
        return int(self.fields.get("TresPerJob", "gres:gpu:0").removeprefix("gres:gpu:"))

    @property
    def gpus_given(self) -> int:
        """GPUs that the job got."""
        return int(self.fields.get("JOB_GRES", "gpu:0").removeprefix("gpu:"))

    @property
    def in_array(self) -> bool:
        return "ArrayJobId" in self.fields

    @property
    def minutes(self) -> int:
        """Time limit, written by Slurm as [days-]hours:minutes:seconds."""
        days, _, clock = self.fields["TimeLimit"].rpartition("-")
        hours, minutes, _ = clock.split(":")
        return (int(days or 0) * 24 + int(hours)) * 60 + int(minutes)

    @property
    def memory(self) -> str:
        return self.fields["MinMemoryNode"]


def call(*command: str, seconds: float = CALL_SECONDS) -> str:
    """Standard output of a command that must succeed within ``seconds``."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=seconds, check=False)
    if done.returncode:
        raise ClusterError(f"{' '.join(command)} failed: {done.stderr.strip()}")
    return done.stdout


def jobs() -> list[Job]:
    """Every job that the controller remembers, by number."""
    lines = call("scontrol", "show", "job", "--details", "--oneliner").splitlines()
    parsed = [
        Job(dict(word.split("=", 1) for word in line.split() if "=" in word))
        for line in lines
        if line.startswith("JobId=")
    ]
    return sorted(parsed, key=lambda job: int(job.fields["JobId"]))


def install() -> None:
    """Install the Debian packages that are missing."""
    missing = [package for package, program in PACKAGES.items() if not shutil.which(program)]
    if not missing:
        return
    if not shutil.which("apt-get"):
        raise ClusterError(f"install {', '.join(missing)}: there is no apt-get to do it with")
    apt = ("apt-get", "-qq", "-o", "DPkg::Lock::Timeout=120")
    call(*apt, "update", seconds=300)
    call(
        *("env", "DEBIAN_FRONTEND=noninteractive", *apt),
        *("install", "--yes", "--no-install-recommends", *missing),
        seconds=600,
    )


def claim_configuration() -> None:
    """Refuse to run beside another Slurm; remove what a killed test of ours left."""
    conf = ETC / "slurm.conf"
    if not conf.exists():
        return
    first = conf.read_text().partition("\n")[0]
    if MARK not in first:
        raise ClusterError(f"{conf} belongs to another Slurm; this test needs a machine without")
    owner = int(first.split("process ")[1].split(":")[0])
    if Path(f"/proc/{owner}").exists():
        raise ClusterError(f"{conf} belongs to a test that runs, process {owner}; wait for it")
    release_configuration()


def release_configuration() -> None:
    for name in ("slurm.conf", "gres.conf"):
        (ETC / name).unlink(missing_ok=True)


def free_ports(count: int) -> list[int]:
    """Ports of 127.0.0.1 that nobody listens at."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


def prepare(folder: Path) -> None:
    """Write the configuration, the key and the pretended GPUs."""
    # munged asks that others may reach its socket, and that nobody else may write beside it
    folder.chmod(0o755)
    (folder / "state").mkdir()
    key = folder / "munge.key"
    key.touch(mode=0o600)
    key.write_bytes(os.urandom(128))
    for node in NODES:
        (folder / f"spool.{node}").mkdir()
        for gpu in range(2):
            # Slurm takes only a device of its own for a GPU; this one is a copy of /dev/null
            os.mknod(folder / f"{node}.gpu{gpu}", stat.S_IFCHR | 0o666, os.makedev(1, 3))
    ports = free_ports(3)
    values = {
        "mark": MARK,
        "owner": os.getpid(),
        "folder": folder,
        "host": socket.gethostname().partition(".")[0],
        "controller_port": ports[0],
        "node1_port": ports[1],
        "node2_port": ports[2],
    }
    ETC.mkdir(exist_ok=True)
    for name in ("gres.conf", "slurm.conf"):
        template = Template((HERE / f"{name}.in").read_text())
        (ETC / name).write_text(template.substitute(values))


def daemons(folder: Path) -> list[list[str]]:
    """Commands of the daemons, in the order in which they start."""
    munged = {
        "--key-file": "munge.key",
        "--socket": "munge.socket",
        "--pid-file": "munged.pid",
        "--log-file": "munged.log",
        "--seed-file": "munged.seed",
    }
    return [
        # --force: it is warned that root runs it
        ["munged", "--foreground", "--force", *(f"{k}={folder}/{v}" for k, v in munged.items())],
        ["slurmctld", "-D"],
        *(["slurmd", "-D", "-N", node] for node in NODES),
    ]


def start(command: list[str], folder: Path) -> subprocess.Popen[bytes]:
    """A daemon in a session of its own that ends when this process does."""
    with (folder / "daemons.log").open("ab") as log:
        return subprocess.Popen(
            [*WITH_PARENT, *command],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )


def wait_until(what: str, holds: Callable[[], bool], folder: Path) -> None:
    """Wait until something holds; say what the daemons wrote if it does not in time."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        try:
            if holds():
                return
        except (ClusterError, subprocess.TimeoutExpired):
            pass
        time.sleep(0.2)
    logs = "\n".join(
        f"== {log.name}\n" + "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        for log in sorted(folder.glob("*.log"))
    )
    raise ClusterError(f"{what} did not come within {START_SECONDS} s\n{logs}")


def nodes_idle() -> bool:
    states = call("sinfo", "--noheader", "--Node", "--format=%N %t").split()
    return states == [word for node in NODES for word in (node, "idle")]


def stop(processes: list[subprocess.Popen[bytes]]) -> None:
    """End the daemons that were started, last first, each by its own process number."""
    for process in reversed(processes):
        process.terminate()
        try:
            process.wait(timeout=CALL_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def virtual_cluster() -> Iterator[Path]:
    """A running Slurm; gives the folder of its logs, which goes with it."""
    if os.geteuid():
        raise ClusterError("root is needed: devices are made, and /etc/slurm is written")
    install()
    claim_configuration()
    with tempfile.TemporaryDirectory(prefix="unstuck-slurm-") as name:
        folder = Path(name)
        processes: list[subprocess.Popen[bytes]] = []
        try:
            prepare(folder)
            munged, *others = daemons(folder)
            processes.append(start(munged, folder))
            wait_until("munged", (folder / "munge.socket").exists, folder)
            processes.extend(start(command, folder) for command in others)
            wait_until("Slurm with both nodes", nodes_idle, folder)
            yield folder
        finally:
            if len(processes) > 1:
                subprocess.run(["scancel", "--user=root"], timeout=CALL_SECONDS, check=False)
            stop(processes)
            release_configuration()
