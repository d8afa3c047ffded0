"""What `import unstuck` offers: documented, as its examples say, and nothing else loaded."""

import doctest
import inspect
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

import unstuck

NAMES = sorted({*unstuck.__all__} - {"__version__"})


@pytest.fixture(autouse=True)
def at_the_root(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(Path(__file__).parents[1])


@pytest.mark.parametrize("name", ["unstuck", *NAMES])
def test_examples_of_a_public_name_hold(name: str) -> None:
    found = unstuck if name == "unstuck" else getattr(unstuck, name)
    text = inspect.getdoc(found) or ""
    examples = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    # what a study describes too has its docstring in the schema, and its example in the package's
    assert examples.examples or f"unstuck.{name}(" in (unstuck.__doc__ or "")
    assert doctest.DocTestRunner().run(examples).failed == 0


def test_the_site_shows_every_page_and_public_name() -> None:
    def pages(nav: Any) -> set[str]:
        if isinstance(nav, str):
            return {nav}
        return set().union(*map(pages, nav.values() if isinstance(nav, dict) else nav))

    shown = pages(yaml.safe_load(Path("mkdocs.yml").read_text())["nav"])
    assert shown == {str(page.relative_to("docs")) for page in Path("docs").rglob("*.md")}
    written = re.findall(r"heading: unstuck\.(\w+)", Path("docs/interface.md").read_text())
    assert sorted(written) == NAMES


def test_nothing_is_loaded_before_it_is_used() -> None:
    code = "import sys, unstuck; print(sorted(name for name in sys.modules if 'unstuck.' in name))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_name_that_is_not_there_is_said() -> None:
    with pytest.raises(AttributeError, match="no attribute 'trian'"):
        unstuck.trian  # noqa: B018
