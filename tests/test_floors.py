"""A room of the house imports only from the floors below it, and planning never loads torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "unstuck"
FLOORS = {
    "errors": -1,
    "arithmetic": 0,
    "complaints": -1,
    "described": 0,
    "environment": 0,
    "files": 0,
    "logs": 0,
    "wording": 0,
    "yaml_files": 0,
    "data": 1,
    "surfaces": 1,
    "statistics": 1,
    "population": 2,
    "optim": 2,
    "lanes": 2,
    "training": 3,
    "curvature": 3,
    "study": 4,
    "claims": 5,
    "figures": 6,
    "report": 7,
    "command": 8,
}
MODULES = sorted(PACKAGE.rglob("*.py"))


def room_of(module: str) -> str | None:
    """The room (or ground-floor module) of a dotted name within the package."""
    parts = module.split(".")
    return parts[1] if parts[0] == "unstuck" and len(parts) > 1 else None


def imported_rooms(file: Path) -> set[str]:
    names: list[str] = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            names += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file.name} imports relatively"
            names += [f"{node.module}.{alias.name}" for alias in node.names]
    return {room for name in names if (room := room_of(name))}


@pytest.mark.parametrize("file", MODULES, ids=lambda file: str(file.relative_to(PACKAGE)))
def test_a_room_imports_only_from_below(file: Path) -> None:
    relative = file.relative_to(PACKAGE)
    own = relative.parts[0].removesuffix(".py")
    if own == "__init__":
        assert not imported_rooms(file)
        return
    for room in imported_rooms(file) - {own}:
        assert FLOORS[room] < FLOORS[own], f"{relative} (floor {FLOORS[own]}) imports {room}"


def test_science_knows_nothing_of_snakemake() -> None:
    for file in MODULES:
        for node in ast.walk(ast.parse(file.read_text())):
            names = (
                [alias.name for alias in node.names]
                if isinstance(node, ast.Import)
                else [node.module or ""]
                if isinstance(node, ast.ImportFrom)
                else []
            )
            assert not any(name.split(".")[0] == "snakemake" for name in names), file


def test_planning_loads_neither_torch_nor_scipy() -> None:
    code = (
        "import sys; import unstuck.study.plan, unstuck.study.load, unstuck.claims.planning; "
        "print(sorted({'torch', 'scipy', 'matplotlib', 'sklearn'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "[]"


def test_judging_never_loads_torch() -> None:
    claims = sorted((PACKAGE / "claims").rglob("*.py"))
    names = [".".join(file.relative_to(PACKAGE.parent).with_suffix("").parts) for file in claims]
    code = f"import sys, {', '.join(names)}; print('torch' in sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.strip() == "False"
