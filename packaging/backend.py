"""setuptools as the build backend, with the kernel of `unstuck.lanes` compiled into the package.

Where there is no C++ compiler, the wheel `ziglang` is asked for and brings one.
"""

import sys
from pathlib import Path
from typing import Any

from setuptools import build_meta
from setuptools.build_meta import *  # noqa: F403
from setuptools.command.bdist_wheel import bdist_wheel
from setuptools.command.build_py import build_py

from unstuck.errors import KernelError
from unstuck.lanes import build

PLACE = build.LIBRARY.relative_to(build.FOLDER.parents[1])
#: what a wheel brings into the package's `home`, where the command and Snakemake find it
WORKFLOW = ("Snakefile", "config.yaml", "workflow", "scripts", "profiles", "docs/examples")
ROOT = Path(__file__).resolve().parents[1]


def _compiler() -> list[str]:
    return [] if build.find_compiler() else ["ziglang==0.17.1"]


def get_requires_for_build_wheel(settings: Any = None) -> list[str]:
    return [*build_meta.get_requires_for_build_wheel(settings), *_compiler()]


def get_requires_for_build_editable(settings: Any = None) -> list[str]:
    return [*build_meta.get_requires_for_build_editable(settings), *_compiler()]


class BuildWithKernel(build_py):
    """Modules, the kernel beside them and the workflow: an editable install has both in place."""

    def run(self) -> None:
        super().run()
        for part in () if self.editable_mode else WORKFLOW:
            files = [ROOT / part, *(ROOT / part).rglob("*.*")]
            for file in filter(Path.is_file, files):
                target = Path(self.build_lib, "unstuck/home", file.relative_to(ROOT))
                self.mkpath(str(target.parent))
                self.copy_file(str(file), str(target))
        output = build.LIBRARY if self.editable_mode else Path(self.build_lib, PLACE)
        try:
            build.build(output)
        except KernelError as error:
            # a package without it works: torch trains
            print(f"warning: unstuck is installed without its kernel. {error}", file=sys.stderr)


class PlatformWheel(bdist_wheel):
    """A wheel for this platform and any Python 3: the kernel knows nothing of Python."""

    def finalize_options(self) -> None:
        # the kernel counts as one, though it is no module
        self.distribution.has_ext_modules = lambda: True
        super().finalize_options()

    def get_tag(self) -> tuple[str, str, str]:
        return "py3", "none", super().get_tag()[2]
