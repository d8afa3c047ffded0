"""Why does the training of a neural network stop, and what gets it going again?

What `__all__` names is the public interface: it changes only with a warning a version before. Names
are loaded when they are first used, so that ``import unstuck`` costs nothing.

Examples
--------
One run, trained and looked at by its exact Hessian:

>>> import unstuck
>>> spec = unstuck.DatasetSpec(source="digits", train=64, validation=32, test=32, pca=8)
>>> dataset = unstuck.prepare(spec, units=[0])
>>> run = unstuck.RunSpec(
...     dataset="digits", data=spec.digest, network=unstuck.NetworkSpec(hidden=(4,)),
...     optimizer=unstuck.optimizer("adam"), schedule=unstuck.ScheduleSpec(shape="cosine"),
...     epochs=20, lr=0.01, seed=0,
... )
>>> theta = unstuck.train([run], dataset).endpoints[run.run_id]
>>> data = dataset.unit(0)
>>> network = unstuck.Network(run.network, dataset.input_shape, dataset.classes)
>>> problem = unstuck.Problem(
...     network=network, theta=theta.astype("float64"), x=data.x_train, y=data.y_train,
...     loss=run.loss,
... )
>>> spectrum = unstuck.spectrum(problem)
>>> spectrum.eigenvalues.shape, spectrum.lambda_max > 0
((86,), True)
"""

import importlib
import importlib.metadata
from typing import Any

_MODULES = {
    "Dataset": "data.dataset",
    "DatasetSpec": "data.spec",
    "Network": "population.network",
    "NetworkSpec": "population.spec",
    "Plan": "study.plan",
    "Problem": "curvature.problem",
    "RunSpec": "training.spec",
    "ScheduleSpec": "optim.schedules",
    "extreme_eigenpairs": "curvature.spectra.lanczos",
    "hessian": "curvature.hessian.dense",
    "optimizer": "optim.coefficients",
    "polish": "curvature.critical_points.polishing",
    "prepare": "data.prepare",
    "read_study": "study.load",
    "read_table": "study.folder",
    "spectrum": "curvature.spectra.spectrum",
    "train": "training.job",
}
_NAMES_THERE = {"read_study": "load_study"}

__all__ = ["__version__"]
__all__ += list(_MODULES)


def __getattr__(name: str) -> Any:
    if name == "__version__":
        return importlib.metadata.version("unstuck")
    if name not in _MODULES:
        raise AttributeError(f"module 'unstuck' has no attribute {name!r}")
    module = importlib.import_module(f"unstuck.{_MODULES[name]}")
    found = globals()[name] = getattr(module, _NAMES_THERE.get(name, name))
    return found


def __dir__() -> list[str]:
    return __all__
