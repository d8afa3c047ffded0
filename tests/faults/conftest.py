"""A study that has run undisturbed, copies of it to disturb, and the table of what came of it."""

import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import fault_table
import pytest
from checkout import SMOKE, Checkout, copy_repository
from disturbed import RESULTS, TARGETS, Call, digests, shrink
from fault_table import Recover, Table


@dataclass
class Undisturbed:
    """A finished study."""

    checkout: Checkout
    seconds: float  # of its training, start of Snakemake included
    digests: dict[str, str]


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Undisturbed:
    """The study as it comes out when nothing goes wrong."""
    checkout = copy_repository(tmp_path_factory.mktemp("faults") / "undisturbed")
    study = checkout.study(shrink)
    assert study != SMOKE
    assert Call(checkout, (f"{RESULTS}/data/digits.json",)).end()[0] == 0
    started = time.monotonic()
    code, said = Call(checkout).end()
    assert code == 0, said
    return Undisturbed(checkout, time.monotonic() - started, digests(checkout))


@pytest.fixture
def finished(undisturbed: Undisturbed, tmp_path: Path) -> Checkout:
    """A copy of the finished study, with Snakemake's memory of it."""
    folder = tmp_path / "study"
    shutil.copytree(undisturbed.checkout.folder, folder)
    return Checkout(folder)


@pytest.fixture
def untrained(finished: Checkout) -> Checkout:
    """A copy in which only the dataset is made."""
    shutil.rmtree(finished.folder / RESULTS / "runs")
    return finished


@pytest.fixture
def recover(undisturbed: Undisturbed) -> Recover:
    """Run a disturbed study again: it must come to the same bytes, and leave nothing else."""

    def run(checkout: Checkout, targets: tuple[str, ...] = TARGETS) -> float:
        started = time.monotonic()
        code, said = Call(checkout, targets).end()
        seconds = time.monotonic() - started
        assert code == 0, said
        assert digests(checkout) == undisturbed.digests
        return seconds

    return run


@pytest.fixture(scope="session")
def table(writes_faults: bool, undisturbed: Undisturbed) -> Iterator[Table]:
    """Takes what the tests saw."""
    made = Table(writes_faults)
    yield made
    if made.writes:
        fault_table.write(made.rows, undisturbed.seconds)
