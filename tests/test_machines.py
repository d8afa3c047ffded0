"""What goes into training has the same bits whatever the processor offers to numpy and LAPACK.

The facts are gathered here and in a process in which numpy and OpenBLAS use the least that any
processor has, and torch too. What comes from a LAPACK is compared within a stated error.
"""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy._core._multiarray_umath import __cpu_dispatch__, __cpu_features__
from sklearn.decomposition import PCA

from unstuck.curvature.problem import Problem
from unstuck.curvature.spectra.spectrum import spectrum
from unstuck.data.prepare import prepare
from unstuck.data.spec import DatasetSpec
from unstuck.optim.coefficients import OPTIMIZERS
from unstuck.optim.schedules import SCHEDULES, factors
from unstuck.population.initialisation import draw_weights, weight_generator
from unstuck.population.network import Network
from unstuck.population.normalisation import draw_noise
from unstuck.population.spec import NetworkSpec
from unstuck.training.order import sample_order

#: largest difference of an entry of a unit vector between LAPACKs; projections are then float32
PCA_ERROR = 1e-12
#: largest difference of an eigenvalue of a Hessian, over the largest of them
SPECTRUM_ERROR = 1e-12

DATASETS: dict[str, dict[str, Any]] = {
    "digits": {"source": "digits", "train": 512},
    "digits, scaled": {
        "source": "digits",
        "train": 512,
        "transforms": [{"kind": "resize", "factor": 2}, {"kind": "scale", "ratio": 100}],
    },
    "mnist1d": {"source": "mnist1d", "train": 512},
    "mnist1d, as a whole": {"source": "mnist1d", "train": 512, "standardise": "global"},
    "brightness": {"source": "digits", "train": 512, "transforms": [{"kind": "brightness"}]},
}


def digest(array: Any) -> str:
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()


def exact() -> dict[str, Any]:
    """Digests of everything that a run is given."""
    facts: dict[str, Any] = {
        name: [prepare(DatasetSpec(**given), (unit,)).sha256(unit) for unit in (0, 1)]
        for name, given in DATASETS.items()
    }
    for distribution in ("normal", "uniform"):
        spec = NetworkSpec(hidden=(32,), init_distribution=distribution)
        weights = draw_weights(spec, weight_generator(0), (64, 32), 64, 32)
        facts[f"weights {distribution}"] = digest(weights)
    facts["order"] = digest(sample_order("reshuffled", np.arange(1000), 0, 3))
    facts["noise"] = [digest(each) for each in draw_noise((0, 5, 1), 64, 0.5)]
    for name, schedule in SCHEDULES.items():
        facts[f"schedule {name}"] = digest(factors(schedule, 1000))
    for name, optimizer in OPTIMIZERS.items():
        facts[f"terms {name}"] = digest([optimizer.terms(t) for t in range(1, 500)])
    return facts


def components() -> np.ndarray:
    """Principal components of digits, float64 `[64, 8]`."""
    digits = prepare(DatasetSpec(**DATASETS["digits"]), (0,))
    flat = digits.unit(0).x_train.reshape(-1, 64).astype(np.float64)
    return PCA(8, svd_solver="covariance_eigh").fit(flat).components_.T


def eigenvalues() -> np.ndarray:
    """Spectrum of the Hessian of a network as it starts, float64 `[610]`."""
    network = Network(NetworkSpec(hidden=(8,)), (64,), 10)
    random = np.random.default_rng(0)
    x = torch.from_numpy(random.standard_normal((256, 64)))
    y = torch.from_numpy(random.integers(0, 10, 256))
    problem = Problem(network=network, theta=network.initial(0), x=x, y=y, loss="cross_entropy")
    return spectrum(problem).eigenvalues


def gather() -> dict[str, Any]:
    return {
        "exact": exact(),
        "components": components().tolist(),
        "eigenvalues": eigenvalues().tolist(),
    }


@pytest.fixture(scope="module")
def elsewhere() -> dict[str, Any]:
    offered = [name for name in __cpu_dispatch__ if __cpu_features__.get(name)]
    here = Path(__file__)
    done = subprocess.run(
        [sys.executable, "-c", f"import {here.stem} as m, json; print(json.dumps(m.gather()))"],
        env={
            **os.environ,
            "PYTHONPATH": os.pathsep.join([str(here.parent), *sys.path]),
            "NPY_DISABLE_CPU_FEATURES": " ".join(offered),
            "OPENBLAS_CORETYPE": "Prescott",
            "ATEN_CPU_CAPABILITY": "default",
            "MKL_CBWR": "COMPATIBLE",
            "GLIBC_TUNABLES": "glibc.cpu.hwcaps=-AVX2,-FMA,-AVX512F,-AVX512VL",
        },
        capture_output=True,
        text=True,
        check=True,
        timeout=300,
    )
    facts: dict[str, Any] = json.loads(done.stdout)
    return facts


def test_what_a_run_is_given_is_the_same_on_a_lesser_processor(elsewhere: dict[str, Any]) -> None:
    assert elsewhere["exact"] == json.loads(json.dumps(exact()))


def test_components_agree_to_the_stated_error(elsewhere: dict[str, Any]) -> None:
    assert np.abs(components() - np.array(elsewhere["components"])).max() <= PCA_ERROR


def test_spectra_agree_to_the_stated_error(elsewhere: dict[str, Any]) -> None:
    ours, theirs = eigenvalues(), np.array(elsewhere["eigenvalues"])
    assert np.abs(ours - theirs).max() <= SPECTRUM_ERROR * np.abs(ours).max()
