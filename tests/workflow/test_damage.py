"""Every file of a finished study damaged in every way: who reads it says so, and so does verify."""

import random
import shutil
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import pytest
from checkout import SMOKE, Checkout
from fault_table import write_section
from replayed import Made, made_calls

from unstuck.errors import UnstuckError
from unstuck.files import MARK, checksum_path, checksummed
from unstuck.report.reference import TIMESTAMP, Finished
from unstuck.study.folder import require_own

RESULTS = Path("results/smoke")
SECTION = """Every file of the finished smoke study, checksums too, damaged in every way, one at a
time (`make sweep`; a sample is an ordinary test). `make verify` was asked, and every call of a
script that is given the file was made again: it refuses the file by name, or its results have the
bytes of the undamaged study. Left out are logs and benchmarks, which nothing reads.
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
OUTCOMES = ("found by verify", "refused", "same bytes", "silent")


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
        self.study = Finished.of(SMOKE, copy)
        self.calls = list(made_calls(copy))
        self.counts: dict[str, Counter[str]] = {name: Counter() for name in DAMAGES}
        self.missed: list[str] = []

    def damage(self, file: Path, name: str) -> None:
        """Damage one file, ask verify and every reader, and mend it again."""
        content, counts, change = file.read_bytes(), self.counts[name], DAMAGES[name]
        changed = change(content, random.Random(f"{file} {name}")) if change else None
        if changed == content:
            return
        owner = checksummed(file)
        for reader in (self.verified, *self.readers(owner)):
            file.unlink() if changed is None else file.write_bytes(changed)
            outcome = reader(owner)
            counts[outcome] += 1
            if outcome == "silent":
                self.missed.append(f"{file}, {name}: {reader}")
            shutil.copyfile(self.pristine / file, file)

    def readers(self, file: Path) -> Iterator[Callable[[Path], str]]:
        if file.name == MARK:
            yield self.owned
        for call in self.calls:
            if any(file == Path(path) or Path(path) in file.parents for path in call.reads):
                yield partial(self.replayed, call)

    def verified(self, file: Path) -> str:
        found = any(str(file) in said for said in self.study.damaged())
        return "found by verify" if found else "silent"

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


def cases(sweep: Sweep) -> list[tuple[Path, str]]:
    return [(file, name) for file in files(sweep.pristine) for name in DAMAGES]


def test_some_damage_is_found(sweep: Sweep) -> None:
    for file, name in random.Random(0).sample(cases(sweep), 60):
        sweep.damage(file, name)
    assert sweep.missed == []


@pytest.mark.slow
def test_all_damage_is_found(sweep: Sweep, writes_faults: bool) -> None:
    for file, name in cases(sweep):
        sweep.damage(file, name)
    if writes_faults:
        rows = [
            f"| {name} | {' | '.join(str(counts[column]) for column in OUTCOMES)} |"
            for name, counts in sweep.counts.items()
        ]
        head = f"| damage | {' | '.join(OUTCOMES)} |\n|{' --- |' * (len(OUTCOMES) + 1)}"
        write_section("Damage to finished results", "\n".join([SECTION, head, *rows]))
    assert sweep.missed == []
