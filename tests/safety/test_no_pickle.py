"""Nothing that a file holds is ever run: no pickle is loaded, no shell is given words of a file."""

import ast
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from checkout import REPOSITORY, SMOKE

SOURCES = sorted(
    file
    for folder in ("src", "scripts", "workflow", "benchmarks")
    for pattern in ("*.py", "*.smk")
    for file in (REPOSITORY / folder).rglob(pattern)
)
UNPICKLERS = {"pickle", "cPickle", "_pickle", "dill", "cloudpickle", "joblib", "shelve", "marshal"}
CALLS = {
    "torch.load",
    "pd.read_pickle",
    "pandas.read_pickle",
    "os.system",
    "os.popen",
    "eval",
    "exec",
}
#: a network of the caller's own is code, and run only where the command line names its file
ALLOWED = {"foreign.py": ["exec"]}
#: what reads other things than text without being told so
WORDS = {"allow_pickle", "weights_only"}


def python_of(file: Path) -> ast.Module | None:
    """Syntax of a Python file; rules of Snakemake are no Python."""
    return ast.parse(file.read_text()) if file.suffix == ".py" else None


def dangers(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (n.name for n in node.names if n.name.split(".")[0] in UNPICKLERS)
        elif isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in UNPICKLERS:
            yield str(node.module)
        elif isinstance(node, ast.Call):
            name = ast.unparse(node.func)
            if "allow_pickle=False" in [ast.unparse(word) for word in node.keywords]:
                continue
            if name in CALLS or name in ("np.load", "numpy.load"):
                yield name
            yield from (str(word.arg) for word in node.keywords if word.arg in WORDS)
            for word in node.keywords:
                if word.arg == "shell" and ast.unparse(word.value) != "False":
                    yield "shell"
            if name == "yaml.load" and "Loader" not in ast.unparse(node).split("(", 1)[1]:
                yield name


@pytest.mark.parametrize("file", SOURCES, ids=lambda file: str(file.relative_to(REPOSITORY)))
def test_no_source_loads_a_pickle_or_calls_a_shell(file: Path) -> None:
    tree = python_of(file)
    if tree is None:
        directives = [line.strip() for line in file.read_text().splitlines()]
        assert not {"shell:", "run:"} & set(directives), "a rule runs a script"
    else:
        assert list(dangers(tree)) == ALLOWED.get(file.name, [])


def test_the_search_finds_what_it_looks_for() -> None:
    text = """
        import pickle, dill.source
        from joblib import load
        np.load(f, allow_pickle=True)
        np.load(f, allow_pickle=False)
        torch.load(f)
        subprocess.run("x", shell=True)
        yaml.load(text)
        yaml.load(text, Loader=SafeLoader)
    """
    found = ["pickle", "dill.source", "joblib", "np.load", "allow_pickle", "torch.load", "shell"]
    assert sorted(dangers(ast.parse(textwrap.dedent(text)))) == sorted([*found, "yaml.load"])


STUDY = """
    import sys
    from pathlib import Path
    import pandas, torch, pyarrow.parquet, sklearn.datasets, mlxtend.data, mnist1d.data
    from unstuck.data.dataset import Dataset
    from unstuck.data.prepare import prepare
    from unstuck.study.endpoints import Endpoints
    from unstuck.study.load import load_study
    from unstuck.study.measurements.registry import measure
    from unstuck.study.plan import Plan, Wanted
    from unstuck.study.tables import collect
    from unstuck.training.bank import Execution
    from unstuck.training.job import run_job

    seen = []
    sys.addaudithook(lambda event, _: seen.append(event) if event.startswith("pickle.") else None)
    folder = Path(sys.argv[2])
    plan = Plan(load_study(sys.argv[1]))
    for name, spec in plan.study.datasets.items():
        data = prepare(spec, plan.split_units(name))
        data.save(folder / f"{name}.safetensors", folder / f"{name}.json")
    job = plan.jobs["grid-digits-small"]
    cells = [cell.model_copy(update={"seeds": 1}) for cell in job.cells[:2]]
    units = {cell.key: cell.units for cell in cells}
    data = Dataset.load(folder / "digits.safetensors", folder / "digits.json")
    execution = Execution(checkpoints=folder / "checkpoints", checkpoint_seconds=0)
    for _ in range(2):
        run_job(cells, data, folder / "job", execution)
    runs, curves = ([folder / f"job/{name}.parquet"] for name in ("runs", "curves"))
    asked = Wanted(units, ("run_id", "cell", "lr", "seed"), {})
    collect(runs, asked, folder / "runs.parquet", folder / "runs.csv")
    collect(curves, asked, folder / "curves.parquet", folder / "curves.csv", runs=runs)
    endpoints = Endpoints.of_job(cells, folder / "job", data)
    groups = [{"options": {}, "units": {cell.key: 1 for cell in cells}}]
    measure("spectra", groups, endpoints, 1e-6, print)
    assert not seen, seen
    import pickle
    pickle.loads(pickle.dumps(Path))
    assert seen, "the hook sees nothing"
"""


def test_a_study_unpickles_nothing(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(STUDY), str(REPOSITORY / SMOKE), str(tmp_path)],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
