"""Each fault ends in a clear message and trusts nothing half-written; then the bytes are the same.

What is said and lost goes into docs/faults.md (`make faults`, which takes those marked slow too: an
ordinary run of the tests takes one fault of each kind).
"""

import os
import random
import re
import signal
import time
from pathlib import Path

import pytest
from checkout import Checkout
from disturbed import JOB, LOG, RESULTS, RUNS, SPECTRA, TABLE, Call, digests, mount, mounted
from fault_table import FAULTS, Recover, Table, documented

from unstuck.files import CHECKSUM, MARK
from unstuck.report import verification

pytestmark = pytest.mark.skipif(not Path("/proc").exists(), reason="processes are found in /proc")

REPEATED = "nothing; updates since the last checkpoint are made again"
NOTHING = "nothing"


def test_the_document_has_every_fault_once() -> None:
    assert tuple(documented()) == FAULTS


@pytest.mark.parametrize(
    ("number", "moments"),
    [
        (signal.SIGKILL, 1),
        pytest.param(signal.SIGTERM, 1, marks=pytest.mark.slow),
        pytest.param(signal.SIGKILL, 12, marks=pytest.mark.slow),
    ],
    ids=["SIGKILL", "SIGTERM", "SIGKILL again and again"],
)
def test_a_killed_training_goes_on(
    untrained: Checkout, recover: Recover, table: Table, number: signal.Signals, moments: int
) -> None:
    clock = random.SystemRandom()
    for _ in range(moments):
        call = Call(untrained)
        job = call.training()
        time.sleep(clock.uniform(0, 2.5))
        try:
            os.kill(job, number)
        except ProcessLookupError:
            break  # it was done
        code, said = call.end()
        if code == 0:
            break  # it was as good as done
    else:
        lines = [line for line in said.splitlines() if "died with" in line]
        assert len(lines) == 1, said
        assert "Traceback" not in said, said
        table.add(
            {
                signal.SIGKILL: "SIGKILL of a training job, at any moment",
                signal.SIGTERM: "SIGTERM of a training job, as by a scheduler",
            }[number],
            sees=call.plain(lines[0]),
            lost=REPEATED,
            seconds=recover(untrained),
        )
        return
    recover(untrained)


def test_a_kill_in_the_middle_of_writing_leaves_nothing(
    untrained: Checkout, recover: Recover, table: Table
) -> None:
    module = untrained.folder / "src/unstuck/files.py"
    text = module.read_text()
    rename = "        temporary.replace(target)\n"
    kill = f"""
        if str(target) == "{RUNS}":
            os.truncate(temporary, temporary.stat().st_size // 2)
            os.kill(os.getpid(), {int(signal.SIGKILL)})
"""
    assert text.count(rename) == 1
    module.write_text(text.replace(rename, kill + rename))
    said = Call(untrained).failed("died with")
    names = [file.name for file in (untrained.folder / JOB).iterdir()]
    left = [name for name in names if not name.endswith(CHECKSUM)]
    assert len(left) == 1, "what was finished of the job's files is removed by Snakemake"
    assert left[0].startswith(".runs.parquet-")
    module.write_text(text)
    table.add(
        "SIGKILL in the middle of writing a file",
        sees=said,
        lost=REPEATED,
        seconds=recover(untrained),
    )


@pytest.mark.slow
def test_a_machine_that_goes_down_leaves_a_lock(
    untrained: Checkout, recover: Recover, table: Table
) -> None:
    call = Call(untrained)
    call.checkpoint()
    call.signal_all(signal.SIGKILL)
    assert call.end()[0] == -signal.SIGKILL
    said = Call(untrained).failed("Directory cannot be locked")
    assert Call(untrained, ("--unlock",)).end()[0] == 0
    table.add(
        "SIGKILL of Snakemake and all its jobs",
        sees=f"at the next call: {said} `snakemake --unlock` removes the lock.",
        lost=REPEATED,
        seconds=recover(untrained),
    )


def test_ctrl_c_ends_in_one_sentence(untrained: Checkout, recover: Recover, table: Table) -> None:
    call = Call(untrained)
    call.checkpoint()
    call.signal_all(signal.SIGINT)
    said = call.failed("^Interrupted")
    assert not (untrained.folder / RUNS).exists()
    table.add("Ctrl-C", sees=said, lost=REPEATED, seconds=recover(untrained))


@pytest.mark.slow
def test_of_two_calls_the_second_is_refused(
    untrained: Checkout, recover: Recover, table: Table
) -> None:
    first = Call(untrained)
    first.training()
    said = Call(untrained).failed("Directory cannot be locked")
    code, spoken = first.end()
    assert code == 0, spoken
    table.add(
        "two calls of Snakemake at once",
        sees=f"{said} (the second; the first goes on)",
        lost=NOTHING,
        seconds=recover(untrained),
    )


def test_a_full_disk_is_named(untrained: Checkout, recover: Recover, table: Table) -> None:
    with mounted(untrained, 32 << 10) as place:
        said = Call(untrained).failed("^Error: .*No space left on device")
        assert not (untrained.folder / RUNS).exists()
        assert list(place.rglob(".*-????????")) == []
        assert mount("-o", "remount,size=50m", str(place)).returncode == 0
        seconds = recover(untrained)
    # which file it is depends on how fast this machine trains
    said = re.sub(r"results/\S+", "results/…", said)
    table.add("full disk", sees=said, lost=REPEATED, seconds=seconds)


@pytest.mark.slow
def test_a_read_only_folder_is_named(untrained: Checkout, recover: Recover, table: Table) -> None:
    with mounted(untrained, 50 << 20) as place:
        before = digests(untrained)
        if mount("-o", "remount,ro", str(place)).returncode:
            pytest.skip("a file system cannot be made read-only here")
        said = Call(untrained).failed("cannot be written")
        assert Call(untrained, ("--dry-run",)).end()[0] == 0
        assert digests(untrained) == before
        assert mount("-o", "remount,rw", str(place)).returncode == 0
        seconds = recover(untrained)
    table.add("read-only results folder", sees=said, lost=NOTHING, seconds=seconds)


def cut(file: Path) -> None:
    """Leave the first half of a file."""
    os.truncate(file, file.stat().st_size // 2)


@pytest.mark.parametrize(
    ("name", "file", "target", "lost"),
    [
        pytest.param(
            "truncated table of a job",
            RUNS,
            TABLE,
            "the job, which is trained again",
            marks=pytest.mark.slow,
        ),
        (
            "truncated weights of a job",
            f"{JOB}/endpoints.safetensors",
            SPECTRA,
            "the job, which is trained again",
        ),
        pytest.param(
            "truncated dataset",
            f"{RESULTS}/data/digits.safetensors",
            RUNS,
            "the dataset, which is prepared again; finished runs are kept",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_a_truncated_file_is_named(
    finished: Checkout,
    recover: Recover,
    table: Table,
    name: str,
    file: str,
    target: str,
    lost: str,
) -> None:
    cut(finished.folder / file)
    said = Call(finished, (target,)).failed(f"^Error: .*{Path(file).name}.*delete it")
    (finished.folder / file).unlink()
    table.add(name, sees=said, lost=lost, seconds=recover(finished, (RUNS, file)))


def test_a_truncated_checkpoint_is_not_trusted(
    untrained: Checkout, recover: Recover, table: Table
) -> None:
    call = Call(untrained)
    call.checkpoint()
    os.kill(call.training(), signal.SIGKILL)
    assert call.end()[0] == 1
    kept = [f for f in (untrained.folder / RESULTS / "checkpoints").rglob("*") if f.is_file()]
    assert kept
    for file in kept:
        cut(file)
    seconds = recover(untrained)
    log = (untrained.folder / LOG).read_text()
    warned = [line.partition("Warning: ")[2] for line in log.splitlines()]
    (said,) = (line for line in warned if line.startswith("earlier results"))
    said = re.sub(r"finished/.* is not (.*) \(.*;", r"finished/… is not \1;", said)
    table.add(
        "truncated checkpoint",
        sees=f"in the log of the job: {said}",
        lost="nothing; the job is trained from its beginning",
        seconds=seconds,
    )


def test_a_lost_file_is_made_again(finished: Checkout, recover: Recover, table: Table) -> None:
    weights = f"{JOB}/endpoints.safetensors"
    (finished.folder / weights).unlink()
    seconds = recover(finished, (RUNS, weights))
    table.add(
        "a file that is lost",
        sees="nothing: it is planned again",
        lost="the job, which is trained again",
        seconds=seconds,
    )


@pytest.mark.slow
def test_a_clock_that_was_set_back_stops_nothing(
    finished: Checkout, recover: Recover, table: Table
) -> None:
    ahead = time.time() + 86_400
    for file in (finished.folder / RESULTS).rglob("*"):
        if file.name != MARK:
            os.utime(file, (ahead, ahead))
    weights = f"{JOB}/endpoints.safetensors"
    (finished.folder / weights).unlink()
    seconds = recover(finished, (RUNS, weights))
    said = Call(finished, (RUNS, weights, "--dry-run")).end()[1]
    assert "Nothing to be done" in said, said
    table.add("a clock that was set back", sees=NOTHING, lost=NOTHING, seconds=seconds)


@pytest.mark.slow
def test_a_number_changed_by_hand_is_found(
    finished: Checkout,
    recover: Recover,
    table: Table,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    file = finished.folder / f"{RESULTS}/data/digits.json"
    text = file.read_text()
    file.write_text(re.sub(r"[0-8](?=\D*$)", "9", text))
    assert file.read_text() != text
    monkeypatch.chdir(finished.folder)
    assert verification.main(["--configfile", "changed.yaml"]) == 1
    # what is not asked for here is not there
    said = [line for line in capsys.readouterr().err.splitlines() if file.name in line]
    assert len(said) == 1
    file.unlink()
    table.add(
        "a number changed by hand",
        sees=f"of `make verify`, and of whatever reads the file: {said[0]}",
        lost="the file, which is made again",
        seconds=recover(finished, (RUNS, f"{RESULTS}/data/digits.json")),
    )


LARGE = """networks:
  small: {kind: dense, hidden: [2000], activation: tanh}
"""


def test_what_planning_can_know_is_said_before_anything_runs(
    finished: Checkout, recover: Recover, table: Table
) -> None:
    study = finished.folder / "changed.yaml"
    text = study.read_text()
    claim = min((finished.folder / "workflow/claims").glob("*/*.yaml"))
    whole = claim.read_bytes()
    others = {
        "the results folder of another study": text.replace("The smoke study", "Another"),
        "a key twice in a study": f"{text}results: results/other\n",
        "a network too large for what is measured": re.sub(
            r"^networks:\n(?: .*\n)+", LARGE, text, flags=re.MULTILINE
        ),
        "a claim's file cut short": text,
    }
    said = {}
    for name, other in others.items():
        (finished.folder / "other.yaml").write_text(other)
        study.write_text(other)
        own = "other.yaml" if name == "the results folder of another study" else "changed.yaml"
        if name == "a claim's file cut short":
            claim.write_bytes(whole[: whole.rindex(b"\n", 0, -1)])
        said[name] = Call(finished, (), own).failed(r"\.yaml: ")
        claim.write_bytes(whole)
        study.write_text(text)
    seconds = recover(finished)
    for name, sentence in said.items():
        table.add(name, sees=sentence, lost=NOTHING, seconds=seconds)
