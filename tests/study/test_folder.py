"""A results folder belongs to one study, and no study's folder is a part of another's."""

import os
import re
import time
from pathlib import Path

import pytest

from unstuck.errors import ConfigError
from unstuck.files import checksum_path, require_whole, write_json, write_text
from unstuck.study.folder import made_by_other_code, require_own, settle, take
from unstuck.study.paths import ROOMS, Paths, not_a_room


def test_another_study_is_refused_by_name(tmp_path: Path) -> None:
    folder = str(tmp_path / "results")
    require_own(folder, "One", "one.yaml")
    take(folder, "One", "one.yaml", "c0de")
    require_own(folder, "One", "one.yaml")
    require_own(folder, "Renamed", "one.yaml")
    require_own(folder, "One", "moved.yaml")
    with pytest.raises(ConfigError, match=r"holds the study 'One' of one.yaml, not 'Two'"):
        require_own(folder, "Two", "two.yaml")


def test_taking_a_folder_again_changes_no_file(tmp_path: Path) -> None:
    take(str(tmp_path), "One", "one.yaml", "c0de")
    before = (tmp_path / "study.json").stat()
    take(str(tmp_path), "One", "one.yaml", "c0de")
    assert (tmp_path / "study.json").stat().st_mtime_ns == before.st_mtime_ns


def test_files_of_a_copy_get_one_time_and_those_of_an_original_keep_theirs(tmp_path: Path) -> None:
    own, others = tmp_path / "runs/a", tmp_path / "other/runs/a"
    for place, file in ((tmp_path, own), (tmp_path / "other", others)):
        take(str(place), "One", "one.yaml", "c0de")
        file.parent.mkdir()
        file.touch()
        os.utime(file, (7, 7))
    settle(str(tmp_path))
    assert own.stat().st_mtime == 7
    os.utime(tmp_path / "study.json", (9, 9))  # as a copy leaves it
    (tmp_path / "plan.csv").touch()
    settle(str(tmp_path))
    assert own.stat().st_mtime == (tmp_path / "plan.csv").stat().st_mtime == 9
    assert others.stat().st_mtime == 7
    os.utime(own, (7, 7))
    settle(str(tmp_path))
    assert own.stat().st_mtime == 7


def test_what_lies_ahead_of_the_clock_gets_the_time_that_it_is(tmp_path: Path) -> None:
    take(str(tmp_path), "One", "one.yaml", "c0de")
    old, ahead = tmp_path / "plan.csv", tmp_path / "runs/a"
    ahead.parent.mkdir()
    for file, days in ((old, -1), (ahead, 0)):
        file.touch()
        os.utime(file, (time.time() + days * 86_400,) * 2)
    take(str(tmp_path), "One", "one.yaml", "c0de")
    assert old.stat().st_mtime < time.time() - 80_000
    os.utime(ahead, (time.time() + 86_400,) * 2)
    take(str(tmp_path), "One", "one.yaml", "c0de")
    assert time.time() - 9 < old.stat().st_mtime == ahead.stat().st_mtime <= time.time()


def test_other_code_is_known_by_its_digest(tmp_path: Path) -> None:
    assert not made_by_other_code(str(tmp_path), "c0de")
    take(str(tmp_path), "One", "one.yaml", "c0de")
    assert not made_by_other_code(str(tmp_path), "c0de")
    assert made_by_other_code(str(tmp_path), "0ther")
    write_json(tmp_path / "study.json", {"title": "One", "source": "one.yaml"})
    assert not made_by_other_code(str(tmp_path), "c0de")


def test_every_room_of_a_results_folder_is_known() -> None:
    paths = Paths("results")
    patterns = [getattr(paths, name) for name in dir(Paths)]
    patterns += [paths.job("x"), paths.measurement(), paths.table(), paths.figure("svg")]
    patterns += [*paths.judged, paths.analysed(), paths.log("x"), paths.benchmark("x")]
    inside = [each for each in patterns if isinstance(each, str) and each.startswith("results/")]
    found = {re.split(r"[/.]", pattern)[1] for pattern in inside}
    assert found <= set(ROOMS)


@pytest.mark.parametrize("room", ROOMS)
def test_no_study_takes_a_room_of_another(room: str) -> None:
    with pytest.raises(ValueError, match="take another name"):
        not_a_room(f"results/{room}")


def test_a_file_of_anothers_with_the_name_of_the_mark_asks_for_no_checksums(tmp_path: Path) -> None:
    (tmp_path / "study.json").write_text("{}")
    write_text(tmp_path / "mine.yaml", "title: One\n")
    require_whole(tmp_path / "mine.yaml")
    assert not checksum_path(tmp_path / "mine.yaml").exists()
    take(str(tmp_path / "results"), "One", "one.yaml", "c0de")
    write_text(tmp_path / "results/answers.md", "Yes.\n")
    assert checksum_path(tmp_path / "results/answers.md").exists()
