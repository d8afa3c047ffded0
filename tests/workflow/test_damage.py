"""Every file of a finished study damaged in every way: who reads it says so, and so does verify."""

import random
import shutil
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator
from functools import cached_property, partial
from itertools import product
from pathlib import Path

import pytest
from checkout import SMOKE, Checkout
from click.testing import CliRunner
from fault_table import write_section
from replayed import Made, made_calls

from unstuck.command.main import cli
from unstuck.errors import UnstuckError
from unstuck.files import CHECKSUM, MARK, checksum_path, checksummed, read_parquet
from unstuck.report.reference import TIMESTAMP, Finished
from unstuck.study.folder import require_own
from unstuck.study.paths import VERDICT
from unstuck.training.result import CURVES, RUNS

RESULTS = Path("results/smoke")
SECTION = """Every file of the finished smoke study, and its checksum, damaged in every way
(`make sweep`; a sample is an ordinary test). *Verify*: the check of `make verify` names the file.
*Refused*: a reader of it, one file at a time, names it in its one sentence and ends. *Same bytes*:
what the reader makes is what it made of the undamaged study. Readers are every call of a script
that is given the file, `unstuck show`, `unstuck answer` and the start of another study. Left out
are logs and benchmarks, which nothing reads.
"""


def a_bit(content: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(len(content))
    return content[:place] + bytes([content[place] ^ 1 << dice.randrange(8)]) + content[place + 1 :]


def zeros(content: bytes, dice: random.Random) -> bytes:
    place = dice.randrange(max(len(content) - 64, 1))
    return content[:place] + bytes(len(content[place : place + 64])) + content[place + 64 :]


def a_digit(content: bytes, dice: random.Random) -> bytes:
    places = [place for place, byte in enumerate(content) if 48 <= byte <= 57]
    if not places:
        return content
    place = dice.choice(places)
    return content[:place] + bytes([48 + (content[place] - 47) % 10]) + content[place + 1 :]


#: None deletes the file
DAMAGES: dict[str, Callable[[bytes, random.Random], bytes] | None] = {
    "cut in half": lambda content, dice: content[: len(content) // 2],
    "a bit flipped": a_bit,
    "64 bytes zero": zeros,
    "emptied": lambda content, dice: b"",
    "a digit changed": a_digit,
    "deleted": None,
}
#: of a job, files that `unstuck show` reads
SHOWN = (RUNS, CURVES, "spectra.parquet")
OUTCOMES = ("verify", "refused", "same bytes", "silent")


def kind_of(file: Path) -> str:
    """What a file is, in the table."""
    return "checksum" if file.suffix == CHECKSUM else file.suffix.removeprefix(".")


def files(folder: Path) -> list[Path]:
    """Every file of the study but logs and benchmarks, checksums too."""
    return sorted(
        file.relative_to(folder)
        for file in (folder / RESULTS).rglob("*")
        if file.is_file()
        and file.name != TIMESTAMP
        and file.relative_to(folder / RESULTS).parts[0] not in ("logs", "benchmarks")
    )


class Sweep:
    """A copy of a finished study to damage, and what came of it."""

    def __init__(self, finished: Checkout, copy: Path) -> None:
        self.pristine = finished.folder
        shutil.copytree(self.pristine, copy)
        self.study = Finished.of(SMOKE, copy / "workflow/claims", copy)
        self.calls = list(made_calls(copy))
        self.counts: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        self.missed: list[str] = []

    @cached_property
    def told(self) -> dict[tuple[str, ...], str]:
        """What the command says of a run of every job and of every claim, undamaged."""
        words = [("show", run) for run in self.shown.values()]
        words += [("answer", claim) for claim in self.study.judged]
        return {each: self.say(each) for each in words}

    @cached_property
    def shown(self) -> dict[str, str]:
        """The run that the command is asked about, by its job."""
        tables = {
            job: self.pristine / RESULTS / "runs" / job / RUNS for job in self.study.plan.jobs
        }
        return {job: read_parquet(table)["run_id"].iloc[0] for job, table in tables.items()}

    def say(self, words: tuple[str, ...]) -> str:
        done = CliRunner().invoke(cli, [*words, "--results", str(RESULTS)])
        assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
        return done.output

    def change(self, file: Path, name: str) -> bool:
        """Damage a file, unless that leaves it as it was."""
        content, damage = file.read_bytes(), DAMAGES[name]
        changed = damage(content, random.Random(f"{file} {name}")) if damage else None
        if changed is None:
            file.unlink()
        elif changed != content:
            file.write_bytes(changed)
        return changed != content

    def mend(self, file: Path) -> None:
        shutil.copyfile(self.pristine / file, file)

    def count(self, file: Path, name: str, outcome: str, reader: str) -> None:
        self.counts[kind_of(file), name][outcome] += 1
        if outcome == "silent":
            self.missed.append(f"{file}, {name}: {reader}")

    def verify(self, damaged: list[Path], name: str) -> None:
        """Damage files, of which none is another's checksum, and ask verify once about all."""
        damaged = [file for file in damaged if self.change(file, name)]
        said = {words.partition(" is not what")[0] for words in self.study.damaged()}
        for file in damaged:
            named = str(self.study.folder / checksummed(file)) in said
            self.count(file, name, "verify" if named else "silent", "verify")
            self.mend(file)

    def read(self, file: Path, name: str) -> None:
        """Damage one file and ask every reader."""
        for reader, ask in self.readers(checksummed(file)):
            if self.change(file, name):
                self.count(file, name, ask(checksummed(file)), reader)
                self.mend(file)

    def readers(self, file: Path) -> Iterator[tuple[str, Callable[[Path], str]]]:
        if file.name == MARK:
            yield "another study", self.owned
        name = file.parent.name
        for words in self.told:
            of_job = words == ("show", self.shown.get(name)) and file.name in SHOWN
            of_job |= words[0] == "show" and file.name == MARK
            of_claim = words == ("answer", name) and file.name == VERDICT
            if of_job or of_claim:
                yield " ".join(words), partial(self.asked, words)
        for call in self.calls:
            if any(file == Path(path) or Path(path) in file.parents for path in call.reads):
                yield f"{call.script} {call.given.log[0]}", partial(self.replayed, call)

    def asked(self, words: tuple[str, ...], file: Path) -> str:
        said = self.say(words)
        if said == self.told[words]:
            return "same bytes"
        return "refused" if "Error: " in said and "Traceback" not in said else "silent"

    def owned(self, file: Path) -> str:
        try:
            require_own(str(RESULTS), "another study", "another.yaml")
        except UnstuckError as error:
            return "refused" if str(file) in str(error) else "silent"
        return "same bytes" if not file.exists() else "silent"

    def replayed(self, call: Made, file: Path) -> str:
        said = call.again()
        if said:
            assert "\n" not in said.strip(), said
            outcome = "refused" if file.name in said else "silent"
        else:
            outcome = "silent" if call.differs(self.pristine) else "same bytes"
        for path in map(Path, call.given.output):
            for kept in (path, checksum_path(path)):
                if (self.pristine / kept).is_dir():
                    shutil.rmtree(kept, ignore_errors=True)
                    shutil.copytree(self.pristine / kept, kept)
                elif (self.pristine / kept).exists():
                    shutil.copyfile(self.pristine / kept, kept)
        return outcome


@pytest.fixture
def sweep(finished: Checkout, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Sweep:
    made = Sweep(finished, tmp_path / "copy")
    monkeypatch.chdir(tmp_path / "copy")
    return made


def alone(paths: list[Path]) -> Iterator[list[Path]]:
    """Files whose checksums are whole, checksums whose files are, and the mark by itself."""
    marks = [path for path in paths if MARK in path.name]
    for own in (True, False):
        yield [path for path in paths if (checksummed(path) == path) is own and path not in marks]
    yield from ([path] for path in marks)


def test_some_damage_is_found(sweep: Sweep) -> None:
    dice = random.Random(0)
    for name in DAMAGES:
        for group in alone(files(sweep.pristine)):
            sweep.verify(dice.sample(group, min(40, len(group))), name)
    for file, name in dice.sample(list(product(files(sweep.pristine), DAMAGES)), 40):
        sweep.read(file, name)
    assert sweep.missed == []


@pytest.mark.slow
def test_all_damage_is_found(sweep: Sweep, writes_faults: bool) -> None:
    for name in DAMAGES:
        for group in alone(files(sweep.pristine)):
            sweep.verify(group, name)
    for file, name in product(files(sweep.pristine), DAMAGES):
        sweep.read(file, name)
    if writes_faults:
        write_section("Damage to finished results", f"{SECTION}\n{written(sweep)}")
    assert sweep.missed == []


def written(sweep: Sweep) -> str:
    """The counts as a table, by kind of file and damage."""
    head = f"| file | damage | {' | '.join(OUTCOMES)} |\n|{' --- |' * (len(OUTCOMES) + 2)}"
    rows = [
        f"| {kind} | {name} | {' | '.join(str(counts[column]) for column in OUTCOMES)} |"
        for (kind, name), counts in sorted(sweep.counts.items())
    ]
    return "\n".join([head, *rows])
