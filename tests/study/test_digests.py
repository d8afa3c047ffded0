"""Which code a digest covers."""

from pathlib import Path

import pytest

from unstuck.claims.sections import SECTIONS
from unstuck.study import digests


def reached(*rooms: str) -> set[str]:
    return {
        file.relative_to(digests.PACKAGE).as_posix() for file in digests.reached_modules(*rooms)
    }


def test_imports_are_followed_however_far():
    found = reached("claims/adaptive_rates_bowls.py")
    assert "claims/walks.py" in found
    # by way of claims/arms.py
    assert "statistics/divergence.py" in found
    # within a method
    assert "claims/storage.py" in found
    assert "figures/style.py" not in found


def test_a_new_helper_is_found_without_being_named(monkeypatch, tmp_path):
    package = tmp_path / "unstuck"
    for name in ("claims/one.py", "claims/helper.py", "claims/__init__.py", "__init__.py"):
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text("")
    (package / "claims/one.py").write_text("from unstuck.claims import helper\nimport numpy\n")
    monkeypatch.setattr(digests, "PACKAGE", package)
    digests.reached_modules.cache_clear()
    assert reached("claims/one.py") == {
        *("claims/one.py", "claims/helper.py", "claims/__init__.py", "__init__.py")
    }
    digests.reached_modules.cache_clear()


def test_a_digest_sees_the_code_of_a_helper_and_not_its_comments(monkeypatch):
    helper = digests.PACKAGE / "claims/walks.py"
    text = helper.read_text()
    read = Path.read_text

    def digest_with(more: str) -> str:
        def changed(self: Path, *args: str, **named: str) -> str:
            return text + more if self == helper else read(self, *args, **named)

        for each in (digests.reached_digest, digests.reached_modules, digests._meaning):
            each.cache_clear()
        monkeypatch.setattr(Path, "read_text", changed)
        return digests.reached_digest("claims/adaptive_rates*.py")

    try:
        assert digest_with("\n# a comment\n") == digest_with("")
        assert digest_with("\nCHANGED = True\n") != digest_with("")
    finally:
        for each in (digests.reached_digest, digests.reached_modules, digests._meaning):
            each.cache_clear()


@pytest.mark.parametrize("room", ["claims", "figures"])
def test_every_module_of_a_room_is_reached_or_serves_no_claim(room):
    """Modules of no section are reached from a section, or by what all claims are made with."""
    ends = {
        "claims": ("claims/evaluation.py", "claims/verdicts.py", "study/tables.py", "report"),
        "figures": ("figures/registry.py", "figures/forest.py"),
    }[room]
    sections = [f"{room}/{section.module}*.py" for section in SECTIONS.values()]
    every = {
        path.relative_to(digests.PACKAGE).as_posix()
        for path in (digests.PACKAGE / room).glob("*.py")
    }
    left = every - reached(*sections, *ends)
    assert left <= {f"{room}/__init__.py", "claims/documentation.py"}
