"""The table of faults in docs/faults.md: written from what the tests saw, and held against it."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

#: runs a disturbed study again and gives the seconds it took
Recover = Callable[..., float]

DOCUMENT = Path(__file__).parents[2] / "docs/faults.md"
#: every fault, in the order of the table
FAULTS = (
    "SIGKILL of a training job, at any moment",
    "SIGTERM of a training job, as by a scheduler",
    "SIGKILL of Snakemake and all its jobs",
    "SIGKILL in the middle of writing a file",
    "Ctrl-C",
    "two calls of Snakemake at once",
    "full disk",
    "read-only results folder",
    "truncated table of a job",
    "truncated weights of a job",
    "truncated dataset",
    "truncated checkpoint",
    "a file that is lost",
    "a clock that was set back",
    "a number changed by hand",
    "the results folder of another study",
    "a key twice in a study",
    "a claim's file cut short",
    "a network too large for what is measured",
)
HEAD = """# What goes wrong, and what then

Written by `make faults` from the tests in `tests/faults/`, which inject each of these for real into
a small study: a signal to the process, a file system of a few hundred kilobytes, one mounted
read-only, a file cut in half, a wrong study. Each ends with an exit code that is not 0 (but for a
truncated checkpoint, which is only warned of, a lost file, which is made again, and a clock that
was set back), and after it the study is run again. *Lost* is what the run after it did not have;
that its results had the bytes of a run that nothing had disturbed was tested each time. *Seconds*
are those of that run, start of Snakemake included, on one core of a busy machine; where training
was interrupted it took {whole:.0f} s undisturbed.

| fault | what the user sees | what is lost | seconds |
| --- | --- | --- | --- |
"""
TAIL = """
Results are written in a folder beside their place and moved, so a file has its old or its new
content, and never a part of it. What a killed writer left (`.runs.parquet-k3v9x1qz/`) is never read
and goes when the file is written again. Beside every file lies its SHA-256, in
`.runs.parquet.sha256`, which its readers check, and `make verify` of all files; a kill between the
two is no damage, for the checksum of the content before holds until the next is written.

A job that is killed before it has begun its log, in its first second or two, makes the logger of
`profiles/default` (snakemake-logger-plugin-rich 0.5.1) print a traceback of its own beside the
message; nothing else differs.

What is not covered: a file system that loses renamed files in a power cut (nothing calls `fsync`),
two machines that share a results folder without the lock in `.snakemake/`, and damage to logs and
benchmarks, which nothing reads. A file that nothing reads again, such as a picture or a page of the
report, is made again where it is lost (of the report, where all of it is); where it is damaged only
`make verify` says so.
"""


@dataclass(frozen=True)
class Fault:
    """One row of the table."""

    name: str
    sees: str  # words of Snakemake or of this project, without what differs from run to run
    lost: str
    seconds: float

    @property
    def cells(self) -> tuple[str, str, str]:
        """All but the seconds."""
        return self.name, self.sees.replace("|", "\\|"), self.lost

    @property
    def line(self) -> str:
        return f"| {' | '.join(self.cells)} | {self.seconds:.0f} |\n"


def documented() -> dict[str, tuple[str, ...]]:
    """Rows of the document by the name of the fault, without their seconds."""
    lines = _sections()[0].splitlines()
    rows = [line.strip("| ").split(" | ")[:3] for line in lines if line.startswith("| ")]
    return {row[0]: tuple(row) for row in rows[2:]}


def write(faults: dict[str, Fault], whole: float) -> None:
    """Write the document."""
    missing = [name for name in FAULTS if name not in faults]
    if missing:
        raise SystemExit(f"docs/faults.md is not written: not tested here: {', '.join(missing)}")
    rows = "".join(faults[name].line for name in FAULTS)
    DOCUMENT.write_text(HEAD.format(whole=whole) + rows + TAIL + "".join(_sections()[1:]))


def write_section(title: str, text: str) -> None:
    """Write one of the sections below the table anew."""
    head = f"## {title}\n"
    kept = [section for section in _sections() if not section.startswith(head)]
    DOCUMENT.write_text("".join([*kept, f"{head}\n{text}\n\n"]).rstrip() + "\n")


def _sections() -> list[str]:
    text = DOCUMENT.read_text() if DOCUMENT.exists() else ""
    return re.split(r"^(?=## )", text.rstrip() + "\n\n", flags=re.MULTILINE)


@dataclass
class Table:
    """Rows seen in this session, each held against the document, unless that is to be written."""

    writes: bool
    rows: dict[str, Fault] = field(default_factory=dict)

    def add(self, name: str, *, sees: str, lost: str, seconds: float) -> None:
        """Take a row; of several with one name the slowest stays."""
        row = Fault(name, sees, lost, seconds)
        if not self.writes:
            assert row.cells == documented()[name], "run `make faults`"
        elif name not in self.rows or self.rows[name].seconds < seconds:
            self.rows[name] = row
