"""The calls of a finished study, taken down as they are made and made again in this process."""

import contextlib
import io
import pickle
import runpy
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from checkout import REPOSITORY, Checkout

FOLDER = "calls"
#: at the end of a script: what Snakemake gave it
TAKE_DOWN = f"""
import pickle
from pathlib import Path
Path("{FOLDER}").mkdir(exist_ok=True)
with Path("{FOLDER}", SCRIPT + " " + snakemake.log[0].replace("/", " ")).open("wb") as file:
    pickle.dump(snakemake, file)
"""


def take_down(checkout: Checkout) -> None:
    """Let every script of a checkout leave what it was called with."""
    for script in (checkout.folder / "scripts").glob("*.py"):
        script.write_text(f"{script.read_text()}\nSCRIPT = {script.stem!r}{TAKE_DOWN}")


@dataclass(frozen=True)
class Made:
    """A call that Snakemake made of a script."""

    script: str
    given: Any  # the `snakemake` of the script

    @property
    def reads(self) -> frozenset[str]:
        """Files that the script is given; training takes over what an earlier call left."""
        own = self.given.output if self.script == "train" else ()
        return frozenset(map(str, (*self.given.input, *own)))

    def again(self) -> str:
        """Make the call again, and give what it complains of; other errors are not caught."""
        for path in map(Path, () if self.script == "train" else self.given.output):
            shutil.rmtree(path, ignore_errors=True) if path.is_dir() else path.unlink(True)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            try:
                path = REPOSITORY / f"scripts/{self.script}.py"
                runpy.run_path(str(path), init_globals={"snakemake": self.given})
            except SystemExit:
                return said.getvalue()
        return ""

    def differs(self, pristine: Path) -> bool:
        """Whether an output is not that of another folder, from which it is then restored."""
        differs = False
        for path in map(Path, self.given.output):
            pairs = [(path, pristine / path)]
            if path.is_dir():
                whole = (pristine / path).rglob("*")
                pairs = [(each.relative_to(pristine), each) for each in whole]
            for made, then in pairs:
                if then.is_file() and then.name != ".snakemake_timestamp":
                    differs |= not made.exists() or made.read_bytes() != then.read_bytes()
        return differs


def made_calls(folder: Path) -> Iterator[Made]:
    """The calls that were taken down in a folder."""
    for file in sorted((folder / FOLDER).iterdir()):
        yield Made(file.name.partition(" ")[0], pickle.loads(file.read_bytes()))
